//! The Python package: built as users get it, installed into an environment of its own, and tested there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::{bundle, packages, python, shell};

/// Variables that would let the package find an ONNX Runtime other than the one it depends on.
const FOREIGN_RUNTIMES: [&str; 2] = ["UNWEAVE_ONNXRUNTIME", "ORT_DYLIB_PATH"];

/// Builds the wheel, installs it, and runs its tests; `args` go to pytest.
///
/// The tests compare with the command that `cargo test` has built.
pub fn run(root: &Path, args: &[String]) -> anyhow::Result<()> {
    packages::check(packages::For::Hosts)?;
    let folder = root.join("python");
    let tools = python::with(&folder.join("tests/requirements.txt"), "package")?;
    let scratch = tempfile::tempdir()?;
    let wheel = build(&folder, &tools, &scratch.path().join("wheels"))?;
    let installed = install(&wheel, &scratch.path().join("environment"))?;
    let isolated = |python: &Path| {
        let mut command = Command::new(python);
        command
            .env("XDG_DATA_HOME", scratch.path())
            .env("LOCALAPPDATA", scratch.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(scratch.path());
        for name in FOREIGN_RUNTIMES {
            command.env_remove(name);
        }
        command
    };
    // Before anything else can be imported there: with what it depends on alone.
    shell::run(isolated(&installed).args(["-c", "import unweave; print(unweave.Separator())"]))?;
    lend(&tools, &installed)?;
    let unweave = bundle::target_folder(root)
        .join("debug/unweave")
        .with_extension(std::env::consts::EXE_EXTENSION);
    shell::run(
        isolated(&installed)
            .args(["-m", "pytest", "-q", "-p", "no:cacheprovider"])
            .arg("--rootdir")
            .arg(&folder)
            .arg(folder.join("tests"))
            .args(args)
            .env("UNWEAVE_COMMAND", unweave),
    )
}

fn build(folder: &Path, tools: &Path, wheels: &Path) -> anyhow::Result<PathBuf> {
    shell::run(
        Command::new(tools)
            .args(["-m", "maturin", "build", "--release", "--quiet", "--locked"])
            .arg("--manifest-path")
            .arg(folder.join("Cargo.toml"))
            .arg("--interpreter")
            .arg(tools)
            .arg("--out")
            .arg(wheels),
    )?;
    let mut made = fs::read_dir(wheels)?.filter_map(|entry| Some(entry.ok()?.path()));
    made.next().context("maturin left no wheel")
}

/// The Python of a new environment that holds the wheel and what it depends on.
fn install(wheel: &Path, environment: &Path) -> anyhow::Result<PathBuf> {
    let python = python::create(environment)?;
    python::install(&python, &[wheel.as_os_str()])?;
    Ok(python)
}

/// Lets an environment import the packages of another, after its own.
fn lend(from: &Path, to: &Path) -> anyhow::Result<()> {
    let (from, to) = (python::packages(from)?, python::packages(to)?);
    fs::write(to.join("lent.pth"), from.display().to_string()).context("lending packages")
}
