//! Entropic transport: closed forms, certificates, and hostile input.

mod balanced;
mod coupling;
#[path = "../independent/mod.rs"]
mod independent;
mod partial;
mod unbalanced;
