//! AVX-512 (under construction: the portable registers stand in).
pub use super::portable::Portable as Avx512;
