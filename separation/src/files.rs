//! Folders, names and checksums of files of any kind.

pub mod checksum;
pub mod folders;
pub mod naming;
pub mod program;
pub mod scratch;
pub mod template;
