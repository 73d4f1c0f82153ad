//! The number of threads.

use crate::failure::Failure;

/// More threads than any machine of today has: a larger number is a slip of the finger.
#[cfg(feature = "parallel")]
const MOST: usize = 1024;

/// Reads the number of threads.
#[cfg(feature = "parallel")]
pub fn parse(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(threads) if (1..=MOST).contains(&threads) => Ok(threads),
        _ => Err(format!("expected a whole number from 1 to {MOST}")),
    }
}

/// Reads the number of threads: one.
#[cfg(not(feature = "parallel"))]
pub fn parse(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(1) => Ok(1),
        _ => Err("this build has one thread only (its feature `parallel` is off)".to_owned()),
    }
}

/// Starts the threads, and says how many there are.
///
/// The calling thread is one of them: work that it hands to the others costs no hand-over of its own, and with one
/// thread nothing is handed over at all.
#[cfg(feature = "parallel")]
pub fn start(threads: Option<usize>) -> Result<usize, Failure> {
    // Zero leaves the number to the environment and the machine.
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .use_current_thread()
        .build_global()
        .map_err(|reason| Failure::Message(format!("cannot start the threads: {reason}")))?;
    Ok(rayon::current_num_threads())
}

/// One thread: this one.
#[cfg(not(feature = "parallel"))]
pub fn start(_: Option<usize>) -> Result<usize, Failure> {
    Ok(1)
}
