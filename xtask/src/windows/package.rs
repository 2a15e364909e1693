//! What Windows users download: an archive that runs from anywhere, and an installer of the same.
//!
//! ```text
//! target/windows/packages/
//!   unweave-0.1.0-windows-x86_64.zip         the folder below
//!   unweave-0.1.0-windows-x86_64-setup.exe   the same, installed and removed by NSIS (assets/package/windows.nsi)
//!   unweave-0.1.0-windows-x86_64.cdx.json    what is in it
//!   SHA256SUMS                               of all of them
//!
//! unweave-0.1.0-windows-x86_64/
//!   unweave.exe, unweave-standalone.exe, onnxruntime.dll
//!   VST3/Unweave.vst3, CLAP/Unweave.clap, CLAP/Unweave.runtime
//!   documents/     the manual, licences, changes, what Unweave is made of
//!   INSTALL.txt
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::tree::{self, Tree};
use crate::build::Build;
use crate::bundle;
use crate::dependencies::Dependencies;
use crate::release::{self, VERSION};
use crate::system::System;

/// From the repository's root.
const SCRIPT: &str = "assets/package/windows.nsi";
const ICON: &str = "assets/package/unweave.ico";
/// The list that the script includes.
const FILES: &str = "files.nsh";

/// A folder that the installer fills: its macros' name, where it lies in the archive, and where it goes.
struct Place {
    name: &'static str,
    from: &'static str,
    to: &'static str,
}

/// The last takes what the others leave.
const PLACES: [Place; 3] = [
    Place {
        name: "Vst3",
        from: "VST3",
        to: r"$PlugIns\VST3",
    },
    Place {
        name: "Clap",
        from: "CLAP",
        to: r"$PlugIns\CLAP",
    },
    Place {
        name: "Program",
        from: "",
        to: "$INSTDIR",
    },
];

/// What was packed.
pub struct Packages {
    pub archive: PathBuf,
    pub installer: PathBuf,
}

/// Builds and packs.
pub fn write(root: &Path, tree: &Tree, build: &Build) -> anyhow::Result<Packages> {
    let name = format!("unweave-{VERSION}-windows-x86_64");
    let packages = tree.folder().join("packages");
    let scratch = tree.folder().join("scratch");
    for folder in [&packages, &scratch] {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
    }
    let folder = scratch.join(&name);
    write_folder(root, build, &folder)?;

    let packed = Packages {
        archive: packages.join(format!("{name}.zip")),
        installer: packages.join(format!("{name}-setup.exe")),
    };
    let sbom = folder.join("documents").join(release::SBOM);
    fs::copy(sbom, packages.join(format!("{name}.cdx.json")))?;
    archive(&folder, &packed.archive, release::source_time(root)?)?;
    let list = scratch.join(FILES);
    fs::write(&list, files_list(&files(&folder)?))?;
    let inside = |path: &Path| Ok::<_, anyhow::Error>(tree.inside(path)?.display().to_string());
    let define = |name: &str, value: &str| format!("-D{name}={value}");
    tree.run(
        "makensis",
        &[
            "-V2".to_owned(),
            "-WX".to_owned(),
            define("VERSION", VERSION),
            define("SOURCE", &inside(&folder)?),
            define("OUTFILE", &inside(&packed.installer)?),
            define("FILES", &inside(&list)?),
            inside(&root.join(SCRIPT))?,
        ],
    )?;
    fs::remove_dir_all(&scratch)?;
    release::checksums(&packages)?;
    eprintln!("packages: {}", packages.display());
    Ok(packed)
}

fn write_folder(root: &Path, build: &Build, to: &Path) -> anyhow::Result<()> {
    let made = to.with_file_name("bundles");
    bundle::build(root, build, &made)?;
    build.run(&["--package", "unweave"])?;
    let place =
        |name: &str, folder: &str| bundle::copy(&made.join(name), &to.join(folder).join(name));
    place(&format!("{}.vst3", bundle::NAME), "VST3")?;
    place(&format!("{}.clap", bundle::NAME), "CLAP")?;
    place(bundle::RUNTIME_FOLDER, "CLAP")?;
    place(&System::WINDOWS.program(bundle::STANDALONE), "")?;
    let command = System::WINDOWS.program("unweave");
    bundle::copy(&build.program("unweave")?, &to.join(command))?;
    // One library for both programs; its licences and the model's with the other documents.
    let documents = to.join("documents");
    bundle::copy(&made.join(bundle::RUNTIME_FOLDER), &documents)?;
    let library = build.runtime()?;
    let library = library.file_name().context("a library has a name")?;
    fs::rename(documents.join(library), to.join(library))?;

    let dependencies = Dependencies::of_target(root, tree::TARGET)?;
    let linked = dependencies.linked(&release::PROGRAMS);
    release::write_documents(root, &linked, System::WINDOWS, &documents)?;
    bundle::copy(&root.join(ICON), &to.join("unweave.ico"))?;
    fs::write(to.join("INSTALL.txt"), install_text(root)?)?;
    fs::remove_dir_all(&made)?;
    Ok(())
}

/// With the line ends that every editor of Windows knows.
fn install_text(root: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(root.join("assets/package/INSTALL-windows.txt"))?;
    Ok(text.replace("VERSION", VERSION).replace('\n', "\r\n"))
}

/// Names of all files below a folder, sorted, with `/` between them.
pub fn files(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(&at)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder)?.to_str();
            let name = name.with_context(|| format!("{} is no UTF-8", path.display()))?;
            files.push(name.replace('\\', "/"));
        }
    }
    files.sort();
    Ok(files)
}

/// Packs a folder under its own name; every file is of `time`, in seconds since 1970.
fn archive(folder: &Path, to: &Path, time: u64) -> anyhow::Result<()> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let time = time::OffsetDateTime::from_unix_timestamp(i64::try_from(time)?)?;
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::from_date_and_time(
            u16::try_from(time.year())?,
            time.month().into(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second(),
        )?);
    let file = fs::File::create(to).with_context(|| format!("cannot write {}", to.display()))?;
    let mut zip = ZipWriter::new(file);
    for file in files(folder)? {
        zip.start_file(format!("{name}/{file}"), options)?;
        io::copy(&mut fs::File::open(folder.join(&file))?, &mut zip)?;
    }
    zip.finish()?;
    Ok(())
}

/// For each place a macro of the script that puts its files there and one that removes them, and no others.
fn files_list(files: &[String]) -> String {
    let mut left: Vec<&str> = files.iter().map(String::as_str).collect();
    let mut text = String::new();
    for place in &PLACES {
        let prefix = match place.from {
            "" => String::new(),
            from => format!("{from}/"),
        };
        let (here, others) = left
            .into_iter()
            .partition::<Vec<_>, _>(|file| file.starts_with(&prefix));
        left = others;
        let (mut install, mut remove) = (String::new(), String::new());
        let mut folders = vec![""];
        for file in here {
            let name = &file[prefix.len()..];
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            let path = |name: &str| match name {
                "" => place.to.to_owned(),
                name => format!("{}\\{}", place.to, name.replace('/', "\\")),
            };
            install += &format!(
                "  SetOutPath \"{}\"\n  File \"${{SOURCE}}/{file}\"\n",
                path(folder)
            );
            remove += &format!("  Delete \"{}\"\n", path(name));
            folders.extend(name.match_indices('/').map(|(at, _)| &name[..at]));
        }
        folders.sort_unstable();
        folders.dedup();
        // What is inside goes first; a folder that isn't empty stays.
        for folder in folders.iter().rev() {
            let folder = match *folder {
                "" => place.to.to_owned(),
                folder => format!("{}\\{}", place.to, folder.replace('/', "\\")),
            };
            remove += &format!("  RMDir \"{folder}\"\n");
        }
        let name = place.name;
        text += &format!(
            "!macro Install{name}\n{install}!macroend\n!macro Remove{name}\n{remove}!macroend\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_installer_removes_every_file_that_it_puts_there_and_folders_from_the_inside_out() {
        let files = [
            "CLAP/Unweave.clap",
            "CLAP/Unweave.runtime/onnxruntime.dll",
            "VST3/Unweave.vst3/Contents/x86_64-win/Unweave.vst3",
            "documents/LICENSE-MIT",
            "unweave.exe",
        ]
        .map(str::to_owned);
        let text = files_list(&files);
        for (put, removed) in [
            (
                "SetOutPath \"$INSTDIR\"\n  File \"${SOURCE}/unweave.exe\"",
                "Delete \"$INSTDIR\\unweave.exe\"",
            ),
            (
                "SetOutPath \"$PlugIns\\CLAP\\Unweave.runtime\"",
                "Delete \"$PlugIns\\CLAP\\Unweave.runtime\\onnxruntime.dll\"",
            ),
            (
                "SetOutPath \"$PlugIns\\VST3\\Unweave.vst3\\Contents\\x86_64-win\"",
                "Delete \"$PlugIns\\VST3\\Unweave.vst3\\Contents\\x86_64-win\\Unweave.vst3\"",
            ),
        ] {
            assert!(text.contains(put), "{put}: {text}");
            assert!(text.contains(removed), "{removed}: {text}");
        }
        assert_eq!(text.matches("  File ").count(), files.len());
        assert_eq!(text.matches("  Delete ").count(), files.len());
        let at = |line: &str| text.find(line).unwrap_or_else(|| panic!("{line}: {text}"));
        let bundle = "RMDir \"$PlugIns\\VST3\\Unweave.vst3";
        assert!(
            at(&format!("{bundle}\\Contents\\x86_64-win\"")) < at(&format!("{bundle}\\Contents\""))
        );
        assert!(at(&format!("{bundle}\\Contents\"")) < at(&format!("{bundle}\"")));
    }

    #[test]
    fn the_archive_holds_every_file_and_depends_on_nothing_but_files_and_time() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("unweave-1");
        fs::create_dir_all(folder.join("VST3/a")).unwrap();
        fs::write(folder.join("VST3/a/b"), "inside").unwrap();
        fs::write(folder.join("unweave.exe"), "program").unwrap();
        let packed = |name: &str| {
            let to = scratch.path().join(name);
            archive(&folder, &to, 1_700_000_001).unwrap();
            fs::read(to).unwrap()
        };
        let bytes = packed("one.zip");
        assert_eq!(bytes, packed("two.zip"));
        let mut zip = zip::ZipArchive::new(io::Cursor::new(bytes)).unwrap();
        let names: Vec<_> = zip.file_names().map(Result::unwrap).collect();
        assert_eq!(names, ["unweave-1/VST3/a/b", "unweave-1/unweave.exe"]);
        let text = io::read_to_string(zip.by_index(0).unwrap()).unwrap();
        assert_eq!(text, "inside");
    }
}
