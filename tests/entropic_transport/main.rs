//! Entropic transport: closed forms, certificates, and hostile input.

mod adaptation;
mod balanced;
mod coupling;
mod divergence;
mod exercise;
mod gradients;
#[path = "../independent/mod.rs"]
mod independent;
mod partial;
mod unbalanced;
