//! Linear programs: closed forms, hostile programs, and 10,000 random ones against an oracle in exact rational arithmetic.

mod agreement;
mod answers;
mod edits;
mod exact;
mod hostile;
mod integer;
mod netlib;
mod oracle;
mod plan;
mod random;
mod ranging;
