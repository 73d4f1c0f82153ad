//! The linear-programming room as its users see it.

mod answers;
