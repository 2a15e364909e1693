//! The bundles where this system's hosts look for the user's plug-ins.
//!
//! | system | VST3 | CLAP |
//! |---|---|---|
//! | Linux | `~/.vst3` | `~/.clap` |
//! | macOS | `~/Library/Audio/Plug-Ins/VST3` | `~/Library/Audio/Plug-Ins/CLAP` |
//! | Windows | `%LOCALAPPDATA%\Programs\Common\VST3` | `%LOCALAPPDATA%\Programs\Common\CLAP` |
//!
//! # Source
//! Steinberg, "VST 3 Developer Portal", Plug-in Locations; CLAP's `include/clap/entry.h`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::bundle;

/// Bundles, then copies.
pub fn run(root: &Path, is_release: bool) -> anyhow::Result<()> {
    let bundled = bundle::run(root, is_release)?;
    let folders = folders(std::env::consts::OS, |name| std::env::var(name).ok())?;
    copy(&bundled, &folders)
}

/// Copies the bundles that lie in a folder for a user with this home; gives the VST3.
pub fn for_home(bundled: &Path, home: &Path) -> anyhow::Result<PathBuf> {
    let home = home.to_str().context("the home folder is not UTF-8")?;
    let folders = folders(std::env::consts::OS, |_| Some(home.to_owned()))?;
    copy(bundled, &folders)?;
    Ok(folders[0].join(format!("{}.vst3", bundle::NAME)))
}

/// Copies the bundles to the folders of VST3 and CLAP.
fn copy(bundled: &Path, [vst3, clap]: &[PathBuf; 2]) -> anyhow::Result<()> {
    let name = bundle::NAME;
    install(&bundled.join(format!("{name}.vst3")), vst3)?;
    if !cfg!(target_os = "macos") {
        install(&bundled.join(bundle::RUNTIME_FOLDER), clap)?;
    }
    install(&bundled.join(format!("{name}.clap")), clap)
}

/// Copies beside the destination, then renames: a host that scans meanwhile finds all or nothing.
fn install(from: &Path, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let scratch = tempfile::tempdir_in(folder)?;
    let copied = scratch
        .path()
        .join(from.file_name().context("a bundle has a name")?);
    bundle::copy(from, &copied)?;
    bundle::replace(&copied, folder)?;
    eprintln!(
        "installed {}",
        folder.join(from.file_name().unwrap_or_default()).display()
    );
    Ok(())
}

/// The folders of VST3 and CLAP.
fn folders(os: &str, var: impl Fn(&str) -> Option<String>) -> anyhow::Result<[PathBuf; 2]> {
    let set = |name: &str| {
        var(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
            .with_context(|| format!("{name} is not set"))
    };
    Ok(match os {
        "windows" => {
            let common = set("LOCALAPPDATA")?.join("Programs").join("Common");
            [common.join("VST3"), common.join("CLAP")]
        }
        "macos" => {
            let plugins = set("HOME")?.join("Library/Audio/Plug-Ins");
            [plugins.join("VST3"), plugins.join("CLAP")]
        }
        _ => {
            let home = set("HOME")?;
            [home.join(".vst3"), home.join(".clap")]
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plug_ins_go_where_each_systems_hosts_look() {
        for (os, variable, value, expected) in [
            (
                "linux",
                "HOME",
                "/home/u",
                ["/home/u/.vst3", "/home/u/.clap"],
            ),
            (
                "macos",
                "HOME",
                "/Users/u",
                [
                    "/Users/u/Library/Audio/Plug-Ins/VST3",
                    "/Users/u/Library/Audio/Plug-Ins/CLAP",
                ],
            ),
            (
                "windows",
                "LOCALAPPDATA",
                "/c/Local",
                [
                    "/c/Local/Programs/Common/VST3",
                    "/c/Local/Programs/Common/CLAP",
                ],
            ),
        ] {
            let found = folders(os, |name| (name == variable).then(|| value.to_owned())).unwrap();
            assert_eq!(found, expected.map(PathBuf::from), "{os}");
            assert!(folders(os, |_| None).is_err());
        }
    }

    #[test]
    fn installing_twice_leaves_one_whole_bundle() {
        let scratch = tempfile::tempdir().unwrap();
        let from = scratch.path().join("Unweave.vst3");
        fs::create_dir_all(from.join("Contents")).unwrap();
        fs::write(from.join("Contents/old"), "old").unwrap();
        let folder = scratch.path().join("hosts");
        install(&from, &folder).unwrap();
        fs::rename(from.join("Contents/old"), from.join("Contents/new")).unwrap();
        install(&from, &folder).unwrap();
        let left: Vec<_> = fs::read_dir(folder.join("Unweave.vst3/Contents"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["new"]);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }
}
