//! The prefix as a package for Debian and Ubuntu.
//!
//! It lies in `/usr`; the plug-ins have links to one ONNX Runtime instead of copies. No script runs at
//! installation or removal: what other packages must know (menus, icons, manual) they notice themselves.
//!
//! # Source
//! Debian Policy, chapters 5 (control files), 9.1 (file system hierarchy), 12 (documentation).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use super::{VERSION, prefix, version};
use crate::{bundle, shell};

/// From where zsh reads completions that the system brings.
const ZSH: [&str; 2] = ["share/zsh/site-functions", "share/zsh/vendor-completions"];
/// What the window and the sound systems load while they run, which no binary names.
const RECOMMENDED: &str = "libegl1, libgl1";

/// Writes `unweave_VERSION_ARCH.deb` into a folder; gives its path, or none where `dpkg-deb` isn't.
pub fn write(root: &Path, from: &Path, to: &Path, time: u64) -> anyhow::Result<Option<PathBuf>> {
    if !cfg!(target_os = "linux")
        || !["dpkg-deb", "dpkg-shlibdeps"]
            .into_iter()
            .all(shell::is_found)
    {
        eprintln!("NOT PACKED: the Debian package, for want of dpkg-dev");
        return Ok(None);
    }
    let scratch = tempfile::tempdir_in(to)?;
    let package = scratch.path().join("unweave");
    let usr = package.join("usr");
    bundle::copy(from, &usr)?;
    fs::remove_file(usr.join("INSTALL.txt"))?;
    link_runtimes(&usr)?;
    bundle::copy(&usr.join(ZSH[0]), &usr.join(ZSH[1]))?;
    fs::remove_dir_all(usr.join(ZSH[0]))?;
    documents(root, &usr)?;

    let architecture = shell::output(Command::new("dpkg").arg("--print-architecture"))?;
    let architecture = architecture.trim();
    let control = format!(
        "Package: unweave\n\
         Version: {VERSION}\n\
         Architecture: {architecture}\n\
         Maintainer: The Unweave authors\n\
         Section: sound\n\
         Priority: optional\n\
         Installed-Size: {}\n\
         Depends: {}\n\
         Recommends: {RECOMMENDED}\n\
         Description: stem separation as a command and as a plug-in\n \
         Takes songs apart into drums, bass, vocals and other, in files that sum to\n \
         the song exactly; the same live, as VST3, CLAP and standalone.\n",
        size(&usr)?.div_ceil(1024),
        dependencies(scratch.path(), &usr)?,
    );
    fs::create_dir(package.join("DEBIAN"))?;
    fs::write(package.join("DEBIAN/control"), control)?;
    ordinary_modes(&package)?;
    let file = to.join(format!("unweave_{VERSION}_{architecture}.deb"));
    shell::run(
        Command::new("dpkg-deb")
            // With several threads, how many there are would show in the bytes.
            .args(["--root-owner-group", "--threads-max=1", "-Zxz", "--build"])
            .arg(&package)
            .arg(&file)
            // Later times of files become this one.
            .env("SOURCE_DATE_EPOCH", time.to_string()),
    )?;
    Ok(Some(file))
}

/// One library in `lib/unweave`, and links where the plug-ins look for it.
#[cfg(unix)]
fn link_runtimes(usr: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::symlink;
    let beside_clap = usr.join("lib/clap").join(bundle::RUNTIME_FOLDER);
    fs::remove_dir_all(&beside_clap)?;
    symlink("../unweave", beside_clap)?;
    let contents = usr.join("lib/vst3/Unweave.vst3/Contents");
    let library = "libonnxruntime.so";
    for entry in fs::read_dir(&contents)? {
        let beside_vst3 = entry?.path().join(library);
        if beside_vst3.is_file() {
            fs::remove_file(&beside_vst3)?;
            symlink(Path::new("../../../../unweave").join(library), beside_vst3)?;
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn link_runtimes(_: &Path) -> anyhow::Result<()> {
    anyhow::bail!("a Debian package can't be made here")
}

/// What the policy wants compressed, and the copyright under its own name.
fn documents(root: &Path, usr: &Path) -> anyhow::Result<()> {
    let folder = usr.join(prefix::DOCUMENTS);
    let copyright = format!(
        "Unweave is, at your choice, under the MIT licence, below, or the Apache License, Version 2.0,\n\
         /usr/share/common-licenses/Apache-2.0. What it contains by others: THIRD-PARTY.txt.gz here,\n\
         and for ONNX Runtime the texts in /usr/lib/unweave.\n\n{}",
        fs::read_to_string(root.join("LICENSE-MIT"))?
    );
    fs::write(folder.join("copyright"), copyright)?;
    fs::remove_file(folder.join("LICENSE-APACHE"))?;
    fs::remove_file(folder.join("LICENSE-MIT"))?;
    fs::rename(folder.join(version::CHANGELOG), folder.join("changelog"))?;
    let mut gzip = Command::new("gzip");
    gzip.args(["-9n", "-r"])
        .arg(folder.join("changelog"))
        .arg(folder.join("THIRD-PARTY.txt"))
        .arg(usr.join("share/man/man1"));
    shell::run(&mut gzip)
}

/// The packages of the libraries that our programs link.
fn dependencies(scratch: &Path, usr: &Path) -> anyhow::Result<String> {
    // The tool insists on a source package around it.
    fs::create_dir(scratch.join("debian"))?;
    fs::write(
        scratch.join("debian/control"),
        "Source: unweave\n\nPackage: unweave\nArchitecture: any\n",
    )?;
    let mut shlibdeps = Command::new("dpkg-shlibdeps");
    shlibdeps.arg("-O").current_dir(scratch);
    let vst3 = format!("lib/vst3/{}.vst3/Contents", bundle::NAME);
    let vst3 = fs::read_dir(usr.join(vst3))?
        .filter_map(|entry| Some(entry.ok()?.path().join(format!("{}.so", bundle::NAME))))
        .find(|path| path.is_file())
        .context("there is no VST3")?;
    for binary in [
        usr.join("bin/unweave"),
        usr.join("bin").join(bundle::STANDALONE),
        usr.join("lib/unweave/libonnxruntime.so"),
        usr.join("lib/clap").join(format!("{}.clap", bundle::NAME)),
        vst3,
    ] {
        shlibdeps.arg("-e").arg(binary);
    }
    let printed = shell::output(&mut shlibdeps)?;
    let depends = printed.trim().strip_prefix("shlibs:Depends=");
    Ok(depends
        .with_context(|| format!("dpkg-shlibdeps printed `{printed}`"))?
        .to_owned())
}

/// Bytes of all files below a folder; links count nothing.
fn size(folder: &Path) -> anyhow::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            sum += size(&entry.path())?;
        } else if kind.is_file() {
            sum += entry.metadata()?.len();
        }
    }
    Ok(sum)
}

/// 755 for folders and programs, 644 for the rest, whatever the umask was.
#[cfg(unix)]
fn ordinary_modes(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_symlink() {
        return Ok(());
    }
    let is_executable = metadata.is_dir() || metadata.permissions().mode() & 0o100 != 0;
    let mode = if is_executable { 0o755 } else { 0o644 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            ordinary_modes(&entry?.path())?;
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn ordinary_modes(_: &Path) -> anyhow::Result<()> {
    Ok(())
}
