//! The command `brenier ot`, run as users run it: answers, files, messages and exit codes.
#![cfg(feature = "cli")]

mod answers;
mod folder;
mod initial;
mod refusals;
#[cfg(unix)]
mod stops;
