//! Folders, names and checksums of files of any kind.
//!
//! Nothing here knows of sound or of models.

pub mod checksum;
pub mod folders;
pub mod naming;
pub mod program;
pub mod scratch;
pub mod template;
