//! Files and folders whatever is in them: where they belong, what they are called, what they add up to.

pub mod checksum;
pub mod folders;
pub mod naming;
pub mod scratch;
