//! A delivery set: the labelled files of one song, which sum to its mix in the file's own integers.
//!
//! # Exactness
//! With the mix x, stems s and one common gain g, at b bits:
//!
//! ```text
//! mix      = round(x · g · 2^(b−1))
//! stem     = round(s · g · 2^(b−1))      every stem but the residual
//! residual = mix − Σ stem                 integers: nothing is rounded
//! sum      = Σ of its stems               integers
//! ```
//!
//! So the stems sum to the Full Mix, and every sum is the sum of its files, sample for sample. As 32-bit
//! floats nothing clips and g is 1: the residual is `x − Σ s` in f64, rounded once to f32, and so is every
//! sum.

pub mod exact;
pub mod folder;
pub mod plan;
pub mod report;
pub mod spool;
pub mod verdict;
pub mod verify;
