//! What a Mac's compiler would say, on Linux: every crate is checked for both processors.
//!
//! Nothing is linked, which would need Apple's frameworks, and nothing runs. The C code of dependencies is compiled by
//! zig, which knows Apple's headers for C.

use std::fs;
use std::path::Path;

use crate::wheels::Wheel;
use crate::windows::tree::Tree;

/// What the command's help says besides.
pub const HELP: &str = "\
Uses the Debian in a folder that cargo xtask windows makes, so it needs root and debootstrap; nothing is linked
or run.";

/// Rust's name, and zig's.
const TARGETS: [(&str, &str); 2] = [
    ("aarch64-apple-darwin", "aarch64-macos"),
    ("x86_64-apple-darwin", "x86_64-macos"),
];

const ZIG: Wheel = Wheel {
    package: "ziglang",
    version: "0.17.1",
    platform: "manylinux_2_12_x86_64",
    file: "ziglang/zig",
    sha256: "58959f01285c05a74276f09327b551d42ed6006bf325a78dc661a024e314987b",
};

/// `cc` and `c++`: what Apple's compiler has for options and zig hasn't is left out.
const COMPILER: &str = r#"#!/bin/sh
for option; do
  shift
  case $option in
    --target=* | -mmacosx-version-min=* | -arch | arm64 | x86_64) ;;
    *) set -- "$@" "$option" ;;
  esac
done
exec /windows/zig/zig KIND -target SYSTEM "$@"
"#;

/// Checks every crate with its tests for both kinds of Mac.
///
/// # Errors
/// The compiler has one.
pub fn check(root: &Path) -> anyhow::Result<()> {
    let tree = Tree::set_up(root)?;
    let zig = tree.folder().join("zig");
    if !zig.is_dir() {
        let scratch = tempfile::tempdir_in(tree.folder())?;
        let program = ZIG.unpack(scratch.path())?;
        make_executable(&program)?;
        fs::rename(scratch.path().join("unpacked/ziglang"), &zig)?;
    }
    for (target, system) in TARGETS {
        let mut environment = vec!["--chdir=/unweave".to_owned()];
        let suffix = target.replace('-', "_");
        for (variable, kind) in [("CC", "cc"), ("CXX", "c++")] {
            let script = zig.join(format!("{kind}-{system}"));
            let text = COMPILER.replace("KIND", kind).replace("SYSTEM", system);
            fs::write(&script, text)?;
            make_executable(&script)?;
            environment.push(format!(
                "{variable}_{suffix}={}",
                tree.inside(&script)?.display()
            ));
        }
        environment.push(format!("AR_{suffix}=/windows/zig/ar"));
        let ar = zig.join("ar");
        fs::write(&ar, "#!/bin/sh\nexec /windows/zig/zig ar \"$@\"\n")?;
        make_executable(&ar)?;
        let cargo = [
            "cargo",
            "check",
            "--locked",
            "--workspace",
            "--all-targets",
            "--features=unweave-tests/cards",
            "-Zbuild-std=std,panic_unwind",
            "--target",
            target,
        ];
        environment.extend(cargo.map(str::to_owned));
        tree.run("env", &environment)?;
    }
    Ok(())
}

#[cfg(unix)]
fn make_executable(file: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::set_permissions(
        file,
        fs::Permissions::from_mode(0o755),
    )?)
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> anyhow::Result<()> {
    Ok(())
}
