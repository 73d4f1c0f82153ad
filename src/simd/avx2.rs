//! AVX2 and FMA (under construction: the portable registers stand in).
pub use super::portable::Portable as Avx2;
