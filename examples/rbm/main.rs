//! Restricted Boltzmann machines (sheet, exercise 1): the three claims shown by enumeration, then training on bars
//! and stripes, on Ising spins and on handwritten digits.
//!
//! `cargo run --release --example rbm [-- --quick] [-- FOLDER]` prints what is found beside what is expected, and
//! draws likelihoods, filters and fantasies into FOLDER (`target/plots` if none is given). `--quick` trains shorter.

#[path = "../plot/mod.rs"]
#[allow(dead_code)] // Other examples use more of it.
mod plot;

mod bars_and_stripes;
mod claims;
mod digits;
mod ising;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    claims::show()?;
    bars_and_stripes::train(quick)?;
    ising::train(quick)?;
    digits::train(quick)
}
