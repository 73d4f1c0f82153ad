//! Entropic transport: closed forms, certificates, and hostile input.

mod accelerated;
mod adaptation;
mod balanced;
mod coupling;
mod divergence;
mod exercise;
mod gradients;
mod hostile;
#[path = "../independent/mod.rs"]
mod independent;
mod partial;
mod unbalanced;
