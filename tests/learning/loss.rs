//! Tests of this part of the learning core.
