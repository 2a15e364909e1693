//! What users download, for the system it is built on.
//!
//! ```text
//! target/packages/
//!   unweave-0.1.0-linux-x86_64.tar.gz     a prefix: bin, lib, share (see `prefix`)
//!   unweave_0.1.0_amd64.deb               the same for Debian and Ubuntu (see `debian`)
//!   unweave-0.1.0-linux-x86_64.cdx.json   what is in it (see `sbom`)
//!   SHA256SUMS                            of all of them
//! ```

mod archive;
mod clean_root;
mod debian;
mod notices;
mod paths;
mod prefix;
mod sbom;
pub mod version;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::build::{Build, cargo_home};
use crate::dependencies::{Dependencies, Linked};
use crate::system::System;
use crate::{bundle, shell, wheels};

/// This program has the version of all the rest.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What is built; everything else that is shipped is linked into these.
pub const PROGRAMS: [&str; 3] = ["unweave", "unweave-plugin", "unweave-standalone"];

/// The list of what is in the programs, among the documents.
pub const SBOM: &str = "unweave.cdx.json";

/// What the command's help says besides.
pub const HELP: &str = "\
Writes an archive with the command, the plug-ins, the standalone, ONNX Runtime and all licences, a Debian
package of the same where dpkg-deb is, a list of what is in them (CycloneDX), and SHA-256 sums, into
target/packages. As root and with debootstrap, it installs the package on a clean system without network
in a folder, separates the demo song there, and removes it again.

The same programs give the same bytes: all times are the last commit's, or SOURCE_DATE_EPOCH.";

/// Builds and packs; then tries what it has made, where that can be done.
pub fn run(root: &Path) -> anyhow::Result<()> {
    let name = format!(
        "unweave-{VERSION}-{}-{}",
        System::HERE.os,
        match System::HERE.os {
            "macos" => "universal",
            _ => System::HERE.arch,
        }
    );
    let time = source_time(root)?;
    let changelog = fs::read_to_string(root.join(version::CHANGELOG))?;
    if !version::has_section(&changelog, VERSION) {
        eprintln!(
            "The changelog has no section for {VERSION}: `cargo xtask version {VERSION}` makes one."
        );
    }
    let target = bundle::target_folder(root);
    let packages = target.join("packages");
    if packages.exists() {
        fs::remove_dir_all(&packages)?;
    }
    fs::create_dir_all(&packages)?;
    let scratch = tempfile::tempdir_in(&target)?;
    let prefix = scratch.path().join(&name);
    let build = Build::for_others(root)?;
    let dependencies = Dependencies::of_this_system(root)?;
    let linked = dependencies.linked(&PROGRAMS);
    prefix::write(root, &build, &prefix, &linked)?;
    let of_this_machine = [
        Some(root.to_owned()),
        Some(cargo_home()?),
        std::env::home_dir(),
    ];
    let of_this_machine: Vec<PathBuf> = of_this_machine.into_iter().flatten().collect();
    paths::check(&prefix, &of_this_machine, build.runtime()?.file_name())?;
    let sbom = prefix.join(prefix::DOCUMENTS).join(SBOM);
    fs::copy(sbom, packages.join(format!("{name}.cdx.json")))?;
    archive::write(&prefix, &packages.join(format!("{name}.tar.gz")), time)?;
    let debian = debian::write(root, &prefix, &packages, time)?;
    checksums(&packages)?;
    if let Some(package) = debian {
        clean_root::try_package(root, &package, &target)?;
    }
    eprintln!("packages: {}", packages.display());
    Ok(())
}

/// Writes what is handed on to read: manual, licences, changes, and the list of what is in the programs.
pub fn write_documents(
    root: &Path,
    linked: &Linked<'_>,
    system: System,
    to: &Path,
) -> anyhow::Result<()> {
    for name in [
        "MANUAL.md",
        version::CHANGELOG,
        "LICENSE-MIT",
        "LICENSE-APACHE",
    ] {
        bundle::copy(&root.join(name), &to.join(name))?;
    }
    fs::write(to.join("THIRD-PARTY.txt"), notices::of(root, linked)?)?;
    Ok(fs::write(
        to.join(SBOM),
        sbom::write(root, linked, system)?,
    )?)
}

/// The time that every packed file gets, in seconds since 1970.
///
/// # Source
/// <https://reproducible-builds.org/specs/source-date-epoch/>
pub fn source_time(root: &Path) -> anyhow::Result<u64> {
    let printed = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => seconds,
        Err(_) => shell::output(
            Command::new("git")
                .args(["log", "-1", "--format=%ct"])
                .current_dir(root),
        )
        .context("set SOURCE_DATE_EPOCH to the time of the release in seconds since 1970")?,
    };
    let seconds = printed.trim().parse();
    seconds.with_context(|| format!("SOURCE_DATE_EPOCH is no number of seconds: {printed}"))
}

/// Writes `SHA256SUMS` of a folder's files, as `sha256sum --check` reads it.
pub fn checksums(folder: &Path) -> anyhow::Result<()> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    files.sort();
    ensure!(!files.is_empty(), "nothing was packed");
    let mut sums = String::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        sums += &format!("{}  {name}\n", wheels::sha256_of_file(&file)?);
    }
    Ok(fs::write(folder.join("SHA256SUMS"), sums)?)
}
