//! Entropic transport: closed forms, certificates, and hostile input.

mod adaptation;
mod balanced;
mod exercise;
