//! The sparse simplex on problems of every structure and size: against the plain simplex, an independent solver and the
//! proof over all pairs; from sabotaged starts; stopped at every stage; on any number of threads.

mod batch;
#[path = "../independent/mod.rs"]
mod independent;
mod large;
mod problems;
mod proof;
mod refusals;
mod small;
mod starts;
mod stops;
mod threads;
