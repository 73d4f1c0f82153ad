//! Entropic transport: closed forms, certificates, and hostile input.

mod adaptation;
mod balanced;
mod divergence;
mod gradients;
mod coupling;
#[path = "../independent/mod.rs"]
mod independent;
mod partial;
mod unbalanced;
mod exercise;
