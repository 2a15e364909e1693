//! The Debian package on a system that has nothing but what the package asks for, and no network.
//!
//! The system lies in a folder: `debootstrap` makes it, of the distribution that this machine runs, since that
//! is what the programs were built on. What was never in the folder can't help.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::{demo, shell};

/// What a user does, in the order in which it would fail. In the new system, the package is `/mnt/unweave.deb`.
const USE: &str = r#"
mount -t proc proc /proc
export HOME=/root
dpkg --install /mnt/unweave.deb
unweave doctor | tee /mnt/doctor
grep -q '+ /usr/bin/../lib/unweave/libonnxruntime.so: .* can be used' /mnt/doctor
unweave separate /mnt/song.flac --output /mnt/stems
unweave verify /mnt/stems/*/
for binary in /usr/bin/unweave-standalone /usr/lib/clap/Unweave.clap /usr/lib/vst3/Unweave.vst3/Contents/*-linux/*.so; do
  if ldd "$binary" | grep 'not found'; then exit 1; fi
done
cmp /usr/lib/clap/Unweave.runtime/libonnxruntime.so /usr/lib/unweave/libonnxruntime.so
unweave-standalone --help >/dev/null
gzip --test /usr/share/man/man1/unweave*.1.gz /usr/share/doc/unweave/*.gz
bash -ec '. /usr/share/bash-completion/completions/unweave; complete -p unweave'
test -s /usr/share/applications/unweave.desktop
test -s /usr/share/icons/hicolor/scalable/apps/unweave.svg
dpkg --purge unweave
rm -r /mnt/*
"#;
/// What the system itself writes at every installation.
const UNCOUNTED: [&str; 5] = ["var/lib/dpkg", "var/log", "var/cache", "proc", "tmp"];

/// Installs, uses and removes the package in a new system below `scratch`; says so where that can't be done.
pub fn try_package(root: &Path, package: &Path, scratch: &Path) -> anyhow::Result<()> {
    let missing = ["debootstrap", "unshare", "chroot"]
        .into_iter()
        .filter(|program| !shell::is_found(program));
    let isolation = ["--mount", "--net", "--pid", "--fork"];
    let wanted: Vec<&str> = missing
        .chain(
            (!shell::succeeds("unshare", &[&isolation[..], &["true"]].concat()))
                .then_some("the rights to make a system of its own (be root)"),
        )
        .collect();
    let untested = |why: &str| {
        eprintln!("NOT TESTED: the Debian package on a clean system, for want of {why}");
        Ok(())
    };
    if !wanted.is_empty() {
        return untested(&wanted.join(", "));
    }
    let scratch = tempfile::tempdir_in(scratch)?;
    let system = scratch.path().join("system");
    let depends = shell::output(
        Command::new("dpkg-deb")
            .arg("--field")
            .arg(package)
            .arg("Depends"),
    )?;
    let mut debootstrap = Command::new("debootstrap");
    debootstrap
        .arg("--variant=minbase")
        .arg(format!("--include={}", names(&depends).join(",")))
        .arg(codename(&fs::read_to_string("/etc/os-release")?)?)
        .arg(&system);
    if let Err(error) = shell::run(&mut debootstrap) {
        return untested(&format!("one: {error:#}"));
    }
    let before = files(&system)?;
    fs::copy(package, system.join("mnt/unweave.deb"))?;
    fs::copy(root.join(demo::SONG), system.join("mnt/song.flac"))?;
    shell::run(
        Command::new("unshare")
            .args(isolation)
            .arg("chroot")
            .arg(&system)
            .args(["sh", "-exc", USE])
            // Nothing of whoever builds may help.
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
    )
    .context("the Debian package on a clean system")?;
    let after = files(&system)?;
    let left: Vec<&String> = after.symmetric_difference(&before).collect();
    ensure!(
        left.is_empty(),
        "removing the package leaves a difference: {left:?}"
    );
    eprintln!(
        "{}: installed, used and removed on a clean system",
        package.display()
    );
    Ok(())
}

/// The first choice of each dependency, without its version.
fn names(depends: &str) -> Vec<&str> {
    depends
        .split(',')
        .filter_map(|choices| choices.split('|').next()?.split_whitespace().next())
        .collect()
}

/// The distribution's name for its release.
fn codename(os_release: &str) -> anyhow::Result<&str> {
    os_release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .map(|name| name.trim_matches('"'))
        .context("/etc/os-release names no VERSION_CODENAME")
}

/// All files and folders of a system, links not followed.
fn files(system: &Path) -> anyhow::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![system.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let path = entry.path();
            let name = path.strip_prefix(system)?;
            if UNCOUNTED.iter().any(|folder| name.starts_with(folder)) {
                continue;
            }
            found.insert(name.display().to_string());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_dependencys_choices_the_first_is_taken() {
        assert_eq!(
            names("libc6 (>= 2.34), libjack-jackd2-0 (>= 1.9) | libjack-0.125\n"),
            ["libc6", "libjack-jackd2-0"]
        );
        let codename = codename("NAME=x\nVERSION_CODENAME=\"bookworm\"\n").unwrap();
        assert_eq!(codename, "bookworm");
    }
}
