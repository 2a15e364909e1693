//! Checks the file of a library before the system's loader maps it, which may crash on a broken one.
//!
//! A loader maps what the file's headers promise. Where the file ends earlier, because a copy or a download broke
//! off, touching that memory ends the process, and with it the host and the session in it (SIGBUS): an error that
//! nobody can catch.
//!
//! Looked at are the ranges of segments and sections in the headers of ELF, PE and Mach-O (by the crate
//! object), and system and processor; nothing of the content. A file that passes may still be no ONNX Runtime.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;

use object::read::ReadCache;
use object::read::macho::{FatArch, MachOFatFile32, MachOFatFile64};
use object::{
    Architecture, BinaryFormat, FileKind, Object as _, ObjectSection as _, ObjectSegment as _,
    ReadRef,
};

/// Why a file can't be handed to the system's loader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// There is no such file.
    Missing,
    /// There is one, which this user may not read, or whose disk fails.
    Unreadable,
    /// It is a folder.
    Folder,
    /// It is no library of any system.
    NoLibrary,
    /// It is a library for another system than this.
    OtherSystem,
    /// It is a library for another processor than this one.
    OtherProcessor,
    /// It ends before what its headers promise.
    Incomplete,
}

impl fmt::Display for Flaw {
    /// Goes on from the file's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "does not exist",
            Self::Unreadable => "can't be read",
            Self::Folder => "is a folder; name the library in it",
            Self::NoLibrary => "is no library",
            Self::OtherSystem => "is a library for another operating system",
            Self::OtherProcessor => "is a library for another kind of processor",
            Self::Incomplete => "is incomplete: copy or download it again",
        })
    }
}

/// The kind of library that this system loads.
const FORMAT: BinaryFormat = if cfg!(windows) {
    BinaryFormat::Pe
} else if cfg!(target_vendor = "apple") {
    BinaryFormat::MachO
} else {
    BinaryFormat::Elf
};

/// This processor, as far as there are libraries for it.
const PROCESSOR: Option<Architecture> = if cfg!(target_arch = "x86_64") {
    Some(Architecture::X86_64)
} else if cfg!(target_arch = "aarch64") {
    Some(Architecture::Aarch64)
} else {
    None
};

/// Looks at a file's headers.
///
/// # Errors
/// Why the system's loader must not get it.
pub fn check(path: &Path) -> Result<(), Flaw> {
    if path.is_dir() {
        return Err(Flaw::Folder);
    }
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Flaw::Missing,
        _ => Flaw::Unreadable,
    })?;
    let cache = ReadCache::new(file);
    match FileKind::parse(&cache) {
        Ok(FileKind::MachOFat32) => {
            let fat = MachOFatFile32::parse(&cache).map_err(|_| Flaw::Incomplete)?;
            check_fat(&cache, fat.arches())
        }
        Ok(FileKind::MachOFat64) => {
            let fat = MachOFatFile64::parse(&cache).map_err(|_| Flaw::Incomplete)?;
            check_fat(&cache, fat.arches())
        }
        Ok(
            FileKind::Elf32
            | FileKind::Elf64
            | FileKind::Pe32
            | FileKind::Pe64
            | FileKind::MachO32
            | FileKind::MachO64,
        ) => check_one(&cache),
        _ => Err(Flaw::NoLibrary),
    }
}

/// A file with a library for each of several processors.
fn check_fat<A: FatArch>(cache: &ReadCache<File>, libraries: &[A]) -> Result<(), Flaw> {
    if FORMAT != BinaryFormat::MachO {
        return Err(Flaw::OtherSystem);
    }
    let ours = libraries
        .iter()
        .find(|library| PROCESSOR.is_none_or(|ours| library.architecture() == ours))
        .ok_or(Flaw::OtherProcessor)?;
    let (offset, size) = ours.file_range();
    is_inside(cache.len(), offset, size)?;
    check_one(cache.range(offset, size))
}

/// A library for one processor.
fn check_one<'data>(data: impl ReadRef<'data>) -> Result<(), Flaw> {
    // Its headers are read in here; those that lie behind the file's end can't be.
    let library = object::File::parse(data).map_err(|_| Flaw::Incomplete)?;
    if library.format() != FORMAT {
        return Err(Flaw::OtherSystem);
    }
    if PROCESSOR.is_some_and(|ours| library.architecture() != ours) {
        return Err(Flaw::OtherProcessor);
    }
    let segments = library.segments().map(|segment| segment.file_range());
    let sections = library
        .sections()
        .filter_map(|section| section.file_range());
    for (offset, size) in segments.chain(sections) {
        is_inside(data.len(), offset, size)?;
    }
    Ok(())
}

/// Whether a range of a file of `len` bytes is there.
fn is_inside(len: Result<u64, ()>, offset: u64, size: u64) -> Result<(), Flaw> {
    let len = len.map_err(|()| Flaw::Unreadable)?;
    match offset.checked_add(size) {
        Some(end) if end <= len => Ok(()),
        _ => Err(Flaw::Incomplete),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaw_of(bytes: &[u8]) -> Option<Flaw> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("library");
        std::fs::write(&path, bytes).unwrap();
        check(&path).err()
    }

    #[test]
    fn what_is_no_library_is_told_from_what_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(check(folder.path()), Err(Flaw::Folder));
        assert_eq!(check(&folder.path().join("none")), Err(Flaw::Missing));
        for bytes in [&b""[..], b"\x7fEL", b"<html>not found</html>\n", b"MZ"] {
            assert_eq!(flaw_of(bytes), Some(Flaw::NoLibrary), "{bytes:?}");
        }
    }

    /// This program: on the system that the tests run on, a file of the right kind.
    fn program() -> Vec<u8> {
        std::fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    #[test]
    fn no_file_that_ends_too_early_is_taken_for_whole() {
        let whole = program();
        assert_eq!(flaw_of(&whole), None);
        // Behind it there may be symbols, which nobody maps.
        let sections = object::File::parse(&*whole).unwrap();
        let sections = sections.sections().filter_map(|at| at.file_range());
        let end = sections.map(|(offset, size)| offset + size).max().unwrap();
        let (steps, end) = (97, usize::try_from(end).unwrap());
        for step in 1..steps {
            let len = end * step / steps;
            assert_eq!(flaw_of(&whole[..len]), Some(Flaw::Incomplete), "{len}");
        }
        // ELF ends with its section headers.
        if cfg!(target_os = "linux") {
            let len = whole.len() - 1;
            assert_eq!(flaw_of(&whole[..len]), Some(Flaw::Incomplete));
        }
    }

    #[test]
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    fn another_processor_is_seen() {
        let mut foreign = program();
        // Bytes 18 and 19 of ELF's header are the machine; 183 is AArch64.
        foreign[18..20].copy_from_slice(&[183, 0]);
        assert_eq!(flaw_of(&foreign), Some(Flaw::OtherProcessor));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn another_system_is_seen() {
        // The least that a 64-bit PE and Mach-O have: headers without sections.
        let mut pe = vec![0; 0x200];
        pe[..2].copy_from_slice(b"MZ");
        pe[0x3c] = 0x40;
        pe[0x40..0x44].copy_from_slice(b"PE\0\0");
        pe[0x44..0x46].copy_from_slice(&0x8664_u16.to_le_bytes());
        pe[0x54] = 0xf0;
        pe[0x58..0x5a].copy_from_slice(&0x20b_u16.to_le_bytes());
        pe[0xc4] = 16;
        assert_eq!(flaw_of(&pe), Some(Flaw::OtherSystem));
        let mut mach = vec![0; 0x200];
        mach[..4].copy_from_slice(&0xfeed_facf_u32.to_le_bytes());
        mach[4..8].copy_from_slice(&0x0100_0007_u32.to_le_bytes());
        assert_eq!(flaw_of(&mach), Some(Flaw::OtherSystem));
        let mut fat = vec![0; 0x200];
        fat[..4].copy_from_slice(&0xcafe_babe_u32.to_be_bytes());
        fat[7] = 1;
        assert_eq!(flaw_of(&fat), Some(Flaw::OtherSystem));
    }
}
