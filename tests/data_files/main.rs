//! The readers on whole files: NumPy's, the public data sets', and damaged ones.

mod hostile;
mod numpy;
mod public;
