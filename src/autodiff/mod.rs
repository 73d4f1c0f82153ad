//! Reverse-mode automatic differentiation on a tape of matrix-valued operations.
