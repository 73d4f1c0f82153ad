//! Geodesics.
