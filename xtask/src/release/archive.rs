//! A folder as `.tar.gz` whose bytes depend on nothing but names, contents and the time given.
//!
//! Windows unpacks it with its own `tar`, so one format is enough.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header, HeaderMode};

/// Packs a folder under its own name; every entry is of `time`, in seconds since 1970, and of no user.
pub fn write(folder: &Path, to: &Path, time: u64) -> anyhow::Result<()> {
    let name = folder.file_name().context("the folder has no name")?;
    let file = fs::File::create(to).with_context(|| format!("cannot write {}", to.display()))?;
    // Without a name and a time of its own.
    let mut tar = Builder::new(GzBuilder::new().write(file, Compression::best()));
    append(&mut tar, folder, Path::new(name), time)?;
    tar.into_inner()?.finish()?.sync_all()?;
    Ok(())
}

fn append<W: std::io::Write>(
    tar: &mut Builder<W>,
    from: &Path,
    name: &Path,
    time: u64,
) -> anyhow::Result<()> {
    let metadata = fs::metadata(from)?;
    let mut header = Header::new_gnu();
    // 755 or 644, whatever the umask was.
    header.set_metadata_in_mode(&metadata, HeaderMode::Deterministic);
    header.set_mtime(time);
    if !metadata.is_dir() {
        tar.append_data(&mut header, name, fs::File::open(from)?)?;
        return Ok(());
    }
    header.set_entry_type(EntryType::Directory);
    header.set_size(0);
    tar.append_data(&mut header, name, std::io::empty())?;
    let mut paths: Vec<PathBuf> = fs::read_dir(from)?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    // As a file system lists them they have no order.
    paths.sort();
    for path in paths {
        let file = path.file_name().context("a file has a name")?;
        append(tar, &path, &name.join(file), time)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes the files in this order into `folder/name` and packs it.
    fn packed(folder: &Path, files: &[(&str, &str)], time: u64) -> Vec<u8> {
        let root = folder.join("name");
        for (name, text) in files {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let to = folder.join("packed.tar.gz");
        write(&root, &to, time).unwrap();
        fs::read(to).unwrap()
    }

    #[test]
    fn the_same_files_give_the_same_bytes_wherever_and_whenever_they_were_written() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let long = &format!("b/{}/c", "long".repeat(40));
        let first = packed(one.path(), &[("a", "1"), (long, "2"), ("d/e", "3")], 7);
        let files = [("d/e", "3"), (long, "2"), ("a", "1")];
        let second = packed(other.path(), &files, 7);
        let past = fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH);
        let file = fs::File::options()
            .append(true)
            .open(other.path().join("name/a"))
            .unwrap();
        file.set_times(past).unwrap();
        assert_eq!(first, second);
        assert_eq!(first, packed(other.path(), &[], 7));
        assert_ne!(first, packed(other.path(), &[], 8), "the time counts");
        assert_ne!(first, packed(other.path(), &[("a", "2")], 7));
    }

    #[test]
    fn what_is_packed_unpacks_with_its_contents_and_modes() {
        let folder = tempfile::tempdir().unwrap();
        packed(folder.path(), &[("bin/a", "1"), ("b", "2")], 7);
        #[cfg(unix)]
        let is_executable = {
            use std::os::unix::fs::PermissionsExt as _;
            let program = folder.path().join("name/bin/a");
            fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
            packed(folder.path(), &[], 7);
            |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777
        };
        let file = fs::File::open(folder.path().join("packed.tar.gz")).unwrap();
        let to = folder.path().join("to");
        tar::Archive::new(flate2::read::GzDecoder::new(file))
            .unpack(&to)
            .unwrap();
        assert_eq!(fs::read_to_string(to.join("name/bin/a")).unwrap(), "1");
        assert_eq!(fs::read_to_string(to.join("name/b")).unwrap(), "2");
        #[cfg(unix)]
        assert_eq!(
            ["name/bin/a", "name/b"].map(|name| is_executable(&to.join(name))),
            [0o755, 0o644]
        );
    }
}
