//! The command `brenier`, run as users run it: answers, files, messages and exit codes.
#![cfg(feature = "cli")]

mod answers;
mod bench;
mod entropic;
mod folder;
mod initial;
mod lp;
mod refusals;
mod sinkhorn_divergence;
#[cfg(unix)]
mod stops;
