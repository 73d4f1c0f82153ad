//! The text formats of linear programs on Netlib's files, on random programs and on damaged files.

mod hostile;
mod netlib;
mod round_trip;
