//! What Windows reads in a program before it runs it: version, icon, manifest, whether it wants a
//! terminal, and the libraries that it asks for.
//!
//! # Source
//! Microsoft, "PE Format", The .rsrc Section; "Resource Types" for the numbers.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use object::LittleEndian;
use object::pe::IMAGE_SUBSYSTEM_WINDOWS_CUI;
use object::read::pe::{PeFile64, ResourceDirectoryEntryData, ResourceNameOrId};

use crate::release::VERSION;

/// `RT_GROUP_ICON`
const ICON: u16 = 14;
/// `RT_VERSION`
const VERSION_INFORMATION: u16 = 16;
/// `RT_MANIFEST`
const MANIFEST: u16 = 24;

/// Checks one of our programs or libraries; `manifest` is what it must have.
///
/// # Errors
/// It lacks something, or would ask for a library that no Windows has.
pub fn check(file: &Path, manifest: &[u8]) -> anyhow::Result<()> {
    let data = fs::read(file)?;
    let resources = Resources::of(&data).with_context(|| format!("{} is odd", file.display()))?;
    let name = file.display();
    ensure!(resources.of_kind(ICON).is_some(), "{name} has no icon");
    let is = resources.of_kind(MANIFEST);
    ensure!(is == Some(manifest), "{name} has another manifest, or none");
    let information = resources.of_kind(VERSION_INFORMATION).unwrap_or_default();
    for words in ["ProductName\0", "FileDescription\0", VERSION] {
        let words: Vec<u8> = words.encode_utf16().flat_map(u16::to_le_bytes).collect();
        ensure!(
            information.windows(words.len()).any(|at| at == words),
            "{name}: the version information is missing or not whole"
        );
    }
    for library in &resources.libraries {
        // Those of MinGW-w64 are called lib….dll; Windows itself has none of that name.
        ensure!(
            !library.to_ascii_lowercase().starts_with("lib"),
            "{name} asks for {library}, which is of the compiler"
        );
    }
    Ok(())
}

/// Whether Windows opens a terminal for a program that isn't started in one.
///
/// # Errors
/// It is no program.
pub fn opens_terminal(file: &Path) -> anyhow::Result<bool> {
    let data = fs::read(file)?;
    let program = PeFile64::parse(&*data)?;
    let header = program.nt_headers().optional_header;
    Ok(header.subsystem.get(LittleEndian) == IMAGE_SUBSYSTEM_WINDOWS_CUI)
}

/// Kind and bytes of each, and the names of libraries.
struct Resources<'data> {
    resources: Vec<(u16, &'data [u8])>,
    libraries: Vec<String>,
}

impl<'data> Resources<'data> {
    fn of(data: &'data [u8]) -> anyhow::Result<Self> {
        let program = PeFile64::parse(data)?;
        let sections = program.section_table();
        let mut resources = Vec::new();
        let directory = program
            .data_directories()
            .resource_directory(data, &sections)?;
        if let Some(directory) = directory {
            for kind in directory.root()?.entries {
                let ResourceNameOrId::Id(id) = kind.name_or_id() else {
                    continue;
                };
                // Below a kind are names, and below a name languages.
                let mut entries = vec![*kind];
                while let Some(entry) = entries.pop() {
                    match entry.data(directory)? {
                        ResourceDirectoryEntryData::Table(table) => entries.extend(table.entries),
                        ResourceDirectoryEntryData::Data(entry) => {
                            let at = entry.offset_to_data.get(LittleEndian);
                            let size = usize::try_from(entry.size.get(LittleEndian))?;
                            let bytes = sections
                                .pe_data_at(data, at)
                                .and_then(|bytes| bytes.get(..size))
                                .context("a resource lies outside the file")?;
                            resources.push((id, bytes));
                        }
                    }
                }
            }
        }
        let mut libraries = Vec::new();
        if let Some(table) = program.import_table()? {
            let mut descriptors = table.descriptors()?;
            while let Some(descriptor) = descriptors.next()? {
                let name = table.name(descriptor.name.get(LittleEndian))?;
                libraries.push(String::from_utf8_lossy(name).into_owned());
            }
        }
        Ok(Self {
            resources,
            libraries,
        })
    }

    fn of_kind(&self, kind: u16) -> Option<&'data [u8]> {
        let found = self.resources.iter().find(|(id, _)| *id == kind);
        found.map(|(_, bytes)| *bytes)
    }
}
