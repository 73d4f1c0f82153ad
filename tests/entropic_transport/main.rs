//! Entropic transport: closed forms, certificates, and hostile input.

mod balanced;
mod unbalanced;
