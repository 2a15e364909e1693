//! Everything that is shipped, in the folders of a prefix such as `/usr` or `~/.local`.
//!
//! ```text
//! bin/            the command and the standalone
//! lib/unweave/    ONNX Runtime for both, which look for it there, and its licence texts
//! lib/vst3/       Unweave.vst3, whole: copied elsewhere, it runs
//! lib/clap/       Unweave.clap, and Unweave.runtime, which belongs beside it
//! share/man/man1/ a page per command
//! share/…         completions of three shells; on Linux, desktop entry and icon
//! share/doc/unweave/   the manual, licences, changes, what Unweave is made of
//! INSTALL.txt
//! ```

use std::fs;
use std::path::Path;
use std::process::Command;

use super::VERSION;
use crate::build::Build;
use crate::dependencies::Linked;
use crate::{bundle, shell};

/// Documents, from the repository's root.
pub const DOCUMENTS: &str = "share/doc/unweave";
/// Shell, and the file that it reads completions from.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/unweave"),
    ("zsh", "share/zsh/site-functions/_unweave"),
    ("fish", "share/fish/vendor_completions.d/unweave.fish"),
];
/// From the repository's root, and where it goes.
const DESKTOP: [(&str, &str); 2] = [
    (
        "assets/package/unweave.desktop",
        "share/applications/unweave.desktop",
    ),
    (
        "assets/package/unweave.svg",
        "share/icons/hicolor/scalable/apps/unweave.svg",
    ),
];

/// Builds and writes the prefix.
pub fn write(root: &Path, build: &Build, to: &Path, linked: &Linked<'_>) -> anyhow::Result<()> {
    let made = to.with_file_name("bundles");
    bundle::build(root, build, &made)?;
    build.run(&["--package", "unweave"])?;
    let unweave = build.program("unweave")?;
    let file_name = |path: &Path| path.file_name().unwrap_or_default().to_owned();
    let command = to.join("bin").join(file_name(&unweave));
    bundle::copy(&unweave, &command)?;
    if build.system.os == "macos" {
        bundle::sign_program(&command)?;
    }
    let place = |name: &str, to: &Path| bundle::copy(&made.join(name), &to.join(name));
    let standalone = file_name(&build.program(bundle::STANDALONE)?);
    bundle::copy(&made.join(&standalone), &to.join("bin").join(&standalone))?;
    let (vst3, clap) = (
        format!("{}.vst3", bundle::NAME),
        format!("{}.clap", bundle::NAME),
    );
    place(&vst3, &to.join("lib/vst3"))?;
    place(&clap, &to.join("lib/clap"))?;
    if !cfg!(target_os = "macos") {
        place(bundle::RUNTIME_FOLDER, &to.join("lib/clap"))?;
    }
    bundle::copy(&made.join(bundle::RUNTIME_FOLDER), &to.join("lib/unweave"))?;
    fs::remove_dir_all(&made)?;

    shell::run(
        Command::new(&unweave)
            .arg("manual")
            .arg(to.join("share/man/man1")),
    )?;
    for (of, file) in COMPLETIONS {
        let script = shell::output(Command::new(&unweave).args(["completions", of]))?;
        put(&to.join(file), &script)?;
    }
    if cfg!(target_os = "linux") {
        for (from, file) in DESKTOP {
            bundle::copy(&root.join(from), &to.join(file))?;
        }
    }
    super::write_documents(root, linked, build.system, &to.join(DOCUMENTS))?;
    let install = fs::read_to_string(root.join("assets/package/INSTALL.txt"))?;
    put(
        &to.join("INSTALL.txt"),
        &install.replace("VERSION", VERSION),
    )
}

fn put(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(path, text)?)
}
