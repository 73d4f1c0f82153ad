//! The command `brenier`, run as users run it: answers, files, messages and exit codes.
#![cfg(feature = "cli")]

mod answers;
mod bench;
mod entropic;
mod folder;
mod initial;
mod refusals;
mod sinkhorn_divergence;
#[cfg(unix)]
mod stops;
