//! The archive and the installer, used under Wine as a person uses them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use super::package::{Packages, files};
use super::resources;
use super::tree::{Tree, USER, WINE};
use crate::{demo, shell};

/// Wine writes its registry when its last program has ended, so that is waited for.
const RUN: &str = r#"code=0; "$@" || code=$?; /usr/lib/wine/wineserver -w; exit $code"#;
/// How far a stem's sample may be from the one of this system, in steps of 24 bits: the systems' mathematical
/// functions differ in the last bit of a float, of which 24-bit steps are the last bit near full scale.
const MAX_STEPS: u32 = 3;
/// How the command is asked for stems: its own, and what the plug-in makes while music plays.
const STEMS: [&[&str]; 2] = [&[], &["--live", "standard"]];
/// Our programs and libraries in the archive's folder, and the manifest that is in each.
const OURS: [&str; 4] = [
    "unweave.exe",
    "unweave-standalone.exe",
    "CLAP/Unweave.clap",
    "VST3/Unweave.vst3/Contents/x86_64-win/Unweave.vst3",
];
const MANIFEST: &str = "assets/package/windows.manifest";
/// What the system itself writes: Wine's temporary files, and what it notes of programs that ran.
const UNCOUNTED: [(&str, &str); 3] = [
    ("", "windows"),
    (USER, "Temp"),
    (USER, "AppData/Local/Temp"),
];

/// How the installer installs, and into which folders of drive C.
struct Mode {
    option: &'static str,
    base: &'static str,
    program: &'static str,
    plug_ins: &'static str,
}

const MODES: [Mode; 2] = [
    Mode {
        option: "/CurrentUser",
        base: USER,
        program: "AppData/Local/Programs/Unweave",
        plug_ins: "AppData/Local/Programs/Common",
    },
    Mode {
        option: "/AllUsers",
        base: "",
        program: "Program Files/Unweave",
        plug_ins: "Program Files/Common Files",
    },
];

/// A Windows of its own, in `target/windows/trial`.
struct Trial<'a> {
    tree: &'a Tree,
    folder: PathBuf,
}

/// Unpacks, separates, compares, installs, uses and removes.
///
/// # Errors
/// Something doesn't do what it should.
pub fn run(root: &Path, tree: &Tree, packages: &Packages) -> anyhow::Result<()> {
    let folder = tree.folder().join("trial");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let trial = Trial { tree, folder };
    let song = trial.folder.join("song.flac");
    fs::copy(root.join(demo::SONG), &song)?;
    let unpacked = trial.unpack(&packages.archive)?;
    let manifest = fs::read(root.join(MANIFEST))?;
    for file in OURS {
        resources::check(&unpacked.join(file), &manifest)?;
    }
    trial.use_standalone(&unpacked)?;
    trial.use_command(root, &unpacked, &song)?;
    for mode in &MODES {
        trial.install(mode, &packages.installer)?;
    }
    eprintln!("under Wine: the archive used; installed for one and for all, used, and removed");
    Ok(())
}

impl Trial<'_> {
    /// Runs a Windows program; gives what it printed.
    fn wine(&self, program: &Path, args: &[&str]) -> anyhow::Result<String> {
        let program = self.tree.inside(program)?;
        eprintln!("$ wine {} {}", program.display(), args.join(" "));
        let output = self
            .tree
            .command("env")
            .args(["--chdir=/windows/trial", "WINEPREFIX=/windows/trial/wine"])
            .args(["sh", "-c", RUN, "sh", WINE])
            .arg(&program)
            .args(args)
            .stdin(Stdio::null())
            .output()
            .context("Wine can't be started")?;
        let (out, err) = (output.stdout, output.stderr);
        let (out, err) = (String::from_utf8(out)?, String::from_utf8_lossy(&err));
        ensure!(
            output.status.success(),
            "{} failed under Wine: {}\n{out}{err}",
            program.display(),
            output.status
        );
        Ok(out)
    }

    fn drive(&self) -> PathBuf {
        self.folder.join("wine/drive_c")
    }

    /// Unpacks the archive; gives the one folder in it.
    fn unpack(&self, archive: &Path) -> anyhow::Result<PathBuf> {
        let to = self.folder.join("unpacked");
        zip::ZipArchive::new(fs::File::open(archive)?)?.extract(&to)?;
        let entry = fs::read_dir(to)?.next().context("the archive is empty")?;
        Ok(entry?.path())
    }

    /// The demo song's set as this system's command makes it.
    fn of_this_system(&self, root: &Path, song: &Path, mode: &[&str]) -> anyhow::Result<PathBuf> {
        let to = self.folder.join("expected").join(mode.join(" "));
        shell::run(
            Command::new("cargo")
                .args(["run", "--quiet", "--locked", "--package", "unweave", "--"])
                .args(["separate", "--quiet"])
                .args(mode)
                .arg(song)
                .arg("--output")
                .arg(&to)
                .current_dir(root),
        )?;
        only_folder(&to)
    }

    /// The standalone opens no terminal of its own, says in one what it is asked, and does without JACK's library.
    fn use_standalone(&self, unpacked: &Path) -> anyhow::Result<()> {
        for (program, is_in_terminal) in [("unweave.exe", true), ("unweave-standalone.exe", false)]
        {
            let opens_terminal = resources::opens_terminal(&unpacked.join(program))?;
            ensure!(
                opens_terminal == is_in_terminal,
                "{program} opens a terminal, or has none: {opens_terminal}"
            );
        }
        let list = self.wine(&unpacked.join("unweave-standalone.exe"), &["--list"])?;
        ensure!(
            list.contains("JACK") && list.contains("WASAPI"),
            "the standalone doesn't list its sound systems:\n{list}"
        );
        Ok(())
    }

    /// The command finds its runtime beside it, separates, and makes what this system's makes.
    fn use_command(&self, root: &Path, unpacked: &Path, song: &Path) -> anyhow::Result<()> {
        let command = unpacked.join("unweave.exe");
        let doctor = self.wine(&command, &["doctor"])?;
        ensure!(
            doctor.contains("onnxruntime.dll: version 1.23, can be used"),
            "no runtime is found beside the command:\n{doctor}"
        );
        let name = song.file_name().unwrap_or_default().to_string_lossy();
        for mode in STEMS {
            let expected = self.of_this_system(root, song, mode)?;
            let to = ["stems", &mode.join(" ")].concat();
            let arguments = [&["separate", "--quiet"], mode, &[&name, "--output", &to]];
            self.wine(&command, &arguments.concat())?;
            let verdict = self.wine(&command, &["verify", &to])?;
            ensure!(verdict.contains("sums exactly"), "{verdict}");
            let set = only_folder(&self.folder.join(&to))?;
            let steps = compare(&expected, &set)?;
            eprintln!("under Wine: {to}: within {steps} steps of 24 bits of this system's");
        }
        Ok(())
    }

    /// Installs silently, finds the command by the search path, and removes: what a person made stays.
    fn install(&self, mode: &Mode, installer: &Path) -> anyhow::Result<()> {
        let before = (self.files()?, self.registry()?);
        self.wine(installer, &["/S", mode.option, "/PATH"])?;
        let drive = self.drive();
        let base = drive.join(mode.base);
        let program = base.join(mode.program);
        for file in [
            program.join("unweave-standalone.exe"),
            base.join(mode.plug_ins)
                .join("CLAP/Unweave.runtime/onnxruntime.dll"),
            base.join(mode.plug_ins)
                .join("VST3/Unweave.vst3/Contents/x86_64-win/Unweave.vst3"),
        ] {
            ensure!(file.is_file(), "{} isn't installed", file.display());
        }
        let shell = drive.join("windows/system32/cmd.exe");
        let doctor = self.wine(&shell, &["/c", "unweave doctor"])?;
        let folder = Path::new(mode.base).join(mode.program);
        let folder = folder.to_string_lossy().replace('/', "\\");
        ensure!(
            doctor.contains(&format!(
                "{folder}\\onnxruntime.dll: version 1.23, can be used"
            )),
            "the command isn't found by the search path, or not its runtime:\n{doctor}"
        );
        // A second time over the first, as an update does it.
        self.wine(installer, &["/S", mode.option, "/PATH"])?;
        let made = program.join("my stems.txt");
        fs::write(&made, "made by a person")?;
        self.wine(&program.join("uninstall.exe"), &["/S", mode.option])?;
        ensure!(made.is_file(), "the uninstaller took {}", made.display());
        fs::remove_file(&made)?;
        fs::remove_dir(&program)?;
        let after = (self.files()?, self.registry()?);
        let left: Vec<&String> = (after.0.symmetric_difference(&before.0))
            .chain(after.1.symmetric_difference(&before.1))
            .collect();
        ensure!(
            left.is_empty(),
            "{}: removing leaves a difference: {left:?}",
            mode.option
        );
        Ok(())
    }

    /// All files of drive C but the system's own.
    fn files(&self) -> anyhow::Result<BTreeSet<String>> {
        let is_counted = |file: &String| {
            let mut folders = UNCOUNTED.iter();
            !folders.any(|(base, folder)| Path::new(file).starts_with(Path::new(base).join(folder)))
        };
        Ok(files(&self.drive())?
            .into_iter()
            .filter(is_counted)
            .collect())
    }

    /// Lines of the registry that name us or the search path.
    fn registry(&self) -> anyhow::Result<BTreeSet<String>> {
        let mut lines = BTreeSet::new();
        for file in ["user.reg", "system.reg"] {
            let path = self.folder.join("wine").join(file);
            let text = String::from_utf8_lossy(&fs::read(path)?).to_lowercase();
            let ours = text
                .lines()
                .filter(|line| line.contains("unweave") || line.starts_with("\"path\"="));
            lines.extend(ours.map(str::to_owned));
        }
        Ok(lines)
    }
}

fn only_folder(folder: &Path) -> anyhow::Result<PathBuf> {
    let entry = fs::read_dir(folder)?.next();
    Ok(entry
        .with_context(|| format!("{} is empty", folder.display()))??
        .path())
}

/// The largest difference between two sets, in steps.
fn compare(expected: &Path, set: &Path) -> anyhow::Result<u32> {
    let mut furthest = 0;
    for file in files(expected)? {
        if file.ends_with(".wav") {
            let steps = difference(&expected.join(&file), &set.join(&file))
                .with_context(|| file.clone())?;
            let is_mix = file.contains("(Full Mix)");
            let allowed = if is_mix { 0 } else { MAX_STEPS };
            ensure!(steps <= allowed, "{file}: {steps} steps from this system's");
            furthest = furthest.max(steps);
        }
    }
    Ok(furthest)
}

/// The largest difference between two files' integers, in steps.
fn difference(expected: &Path, actual: &Path) -> anyhow::Result<u32> {
    let [mut expected, mut actual] = [
        hound::WavReader::open(expected)?,
        hound::WavReader::open(actual)?,
    ];
    ensure!(
        expected.spec() == actual.spec() && expected.len() == actual.len(),
        "another format or length"
    );
    let mut furthest = 0;
    for (expected, actual) in expected.samples::<i32>().zip(actual.samples::<i32>()) {
        furthest = furthest.max(expected?.abs_diff(actual?));
    }
    Ok(furthest)
}
