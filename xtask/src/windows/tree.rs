//! A Debian in a folder of its own, with what builds for Windows and what runs it.
//!
//! | from | what | why |
//! |---|---|---|
//! | Debian *forky* | Rust with its sources, MinGW-w64, NSIS | a Rust that is new enough; the standard library for Windows, which Debian doesn't package, is built from its sources |
//! | Debian *trixie* | Wine 10 | the first with the random numbers (`bcryptprimitives.dll`) that Rust's programs ask for |
//!
//! Inside, the workspace is `/unweave`, `target/windows` is `/windows`, what is built there `/target`, and cargo's home
//! `/cargo`: folders of this machine are in no program.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::{build, bundle, shell};

/// What Rust calls the system.
pub const TARGET: &str = "x86_64-pc-windows-gnu";
/// Where Debian's package has the program.
pub const WINE: &str = "/usr/lib/wine/wine64";
/// The home folder of the user whom programs under Wine run as, on drive C.
pub const USER: &str = "users/root";
const SUITE: &str = "forky";
const SUITE_OF_WINE: &str = "trixie";
const PACKAGES: &[&str] = &[
    "ca-certificates",
    "cargo",
    "cmake",
    "g++-mingw-w64-x86-64-win32",
    "gcc",
    "gcc-mingw-w64-x86-64-win32",
    "libc6-dev",
    "libgl1",
    "libgl1-mesa-dri",
    "make",
    "nsis",
    "pkg-config",
    "rust-src",
    "rustc",
    "wine64",
];
/// What a name space of mounts of its own is made with; it goes when the program ends.
const ISOLATION: [&str; 4] = ["--mount", "--pid", "--fork", "--kill-child"];
/// Mounts, and becomes what is to run: tree, workspace, `target/windows`, cargo's home, then program and arguments.
const ENTER: &str = r#"
tree=$1 workspace=$2 windows=$3 cargo=$4
shift 4
mount -t proc proc "$tree/proc"
mount --rbind /dev "$tree/dev"
mount --bind "$workspace" "$tree/unweave"
mount --bind "$windows" "$tree/windows"
mkdir -p "$windows/build"
mount --bind "$windows/build" "$tree/target"
mount --bind "$cargo" "$tree/cargo"
if [ -d "$workspace/../shared" ]; then mount --bind "$workspace/../shared" "$tree/shared"; fi
if [ -d /tmp/.X11-unix ]; then mount --bind /tmp/.X11-unix "$tree/tmp/.X11-unix"; fi
# Who is interrupted ends everything inside; the first process of its own kind would hear nothing of it.
trap 'exit 130' INT TERM
chroot "$tree" "$@" &
wait $!
"#;
/// Where these are mounted.
const MOUNTS: [&str; 6] = [
    "unweave",
    "windows",
    "target",
    "cargo",
    "shared",
    "tmp/.X11-unix",
];
/// Names what is in the tree; written last.
const COMPLETE: &str = "complete";
/// Of this machine, so that a company's proxy works in the tree as well.
const LENT: [&str; 2] = ["etc/resolv.conf", "etc/ssl/certs/ca-certificates.crt"];
/// Of whoever runs this.
const PASSED_ON: [&str; 5] = [
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "CARGO_TERM_COLOR",
    "SOURCE_DATE_EPOCH",
];

/// The tree and what is mounted in it.
#[derive(Clone)]
pub struct Tree {
    workspace: PathBuf,
    /// `target/windows`.
    folder: PathBuf,
    cargo: PathBuf,
    /// Of the X server that programs inside show their windows on.
    display: Option<String>,
}

impl Tree {
    /// The tree of a workspace, made if it isn't there, which takes minutes.
    ///
    /// # Errors
    /// This machine can't have one; the message says what it lacks.
    pub fn set_up(workspace: &Path) -> anyhow::Result<Self> {
        let tree = Self {
            workspace: workspace.to_owned(),
            folder: bundle::target_folder(workspace).join("windows"),
            cargo: build::cargo_home()?,
            display: None,
        };
        let missing = missing(shell::is_found, || {
            shell::succeeds("unshare", &[&ISOLATION[..], &["true"]].concat())
        });
        if !missing.is_empty() {
            bail!("{}", advice(&missing));
        }
        let system = tree.system();
        let content = format!("{SUITE} {SUITE_OF_WINE} {}", PACKAGES.join(" "));
        let complete = system.join(COMPLETE);
        if fs::read_to_string(&complete).is_ok_and(|is| is == content) {
            return Ok(tree);
        }
        if system.exists() {
            fs::remove_dir_all(&system)?;
        }
        fs::create_dir_all(&tree.folder)?;
        let mut debootstrap = Command::new("debootstrap");
        debootstrap
            .args(["--variant=minbase", SUITE])
            .arg(&system)
            // The mirror that it knows, and the script of a suite that every version of it knows.
            .args(["", "sid"]);
        shell::run(&mut debootstrap)?;
        for folder in MOUNTS {
            fs::create_dir_all(system.join(folder))?;
        }
        let sources = system.join("etc/apt/sources.list");
        let of_wine = fs::read_to_string(&sources)?.replace(SUITE, SUITE_OF_WINE);
        fs::write(system.join("etc/apt/sources.list.d/wine.list"), of_wine)?;
        // Its signatures are checked; a mirror that lags behind is good enough.
        let apt = ["-qq", "-o", "Acquire::Check-Valid-Until=false"];
        tree.run("apt-get", &[&apt[..], &["update"]].concat())?;
        let install = [
            "-qq",
            "-y",
            "--no-install-recommends",
            // What is half written is made again.
            "-o",
            "Dpkg::Options::=--force-unsafe-io",
            "install",
        ];
        tree.run("apt-get", &[&install[..], PACKAGES].concat())?;
        tree.run("apt-get", &["clean"])?;
        fs::write(complete, content)?;
        Ok(tree)
    }

    /// The same, with a display, as `DISPLAY` wants it.
    pub fn with_display(mut self, display: &str) -> Self {
        self.display = Some(display.to_owned());
        self
    }

    /// The folder that is `/windows` inside.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn system(&self) -> PathBuf {
        self.folder.join("tree")
    }

    /// What a file or folder of this machine is called inside.
    ///
    /// # Errors
    /// It is neither in `target/windows` nor in the workspace.
    pub fn inside(&self, path: &Path) -> anyhow::Result<PathBuf> {
        for (outside, inside) in [(&self.folder, "/windows"), (&self.workspace, "/unweave")] {
            if let Ok(rest) = path.strip_prefix(outside) {
                return Ok(Path::new(inside).join(rest));
            }
        }
        bail!("{} is not in the tree", path.display())
    }

    /// A program inside, with the environment that builds for Windows and runs it.
    pub fn command(&self, program: &str) -> Command {
        for file in LENT {
            // Where it isn't, the tree's own has to do.
            let _ = fs::copy(Path::new("/").join(file), self.system().join(file));
        }
        let mut command = Command::new("unshare");
        command
            .args(ISOLATION)
            .args(["sh", "-ec", ENTER, "sh"])
            .args([&self.system(), &self.workspace, &self.folder, &self.cargo])
            .arg(program)
            .env_clear()
            .envs(ENVIRONMENT.iter().copied())
            .envs(
                PASSED_ON
                    .into_iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .envs(self.display.iter().map(|display| ("DISPLAY", display)));
        command
    }

    /// Runs a program inside.
    pub fn run<S: AsRef<OsStr>>(&self, program: &str, args: &[S]) -> anyhow::Result<()> {
        let text = std::iter::once(program.as_ref())
            .chain(args.iter().map(AsRef::as_ref))
            .map(OsStr::to_string_lossy)
            .collect::<Vec<_>>()
            .join(" ");
        eprintln!("$ (in the tree) {text}");
        let status = self.command(program).args(args).status();
        let status = status.with_context(|| format!("cannot start `{text}`"))?;
        if !status.success() {
            bail!("`{text}` failed: {status}");
        }
        Ok(())
    }

    /// Runs cargo inside, in the workspace, for Windows.
    pub fn cargo(&self, command: &str, args: &[&str]) -> anyhow::Result<()> {
        let common = [
            "--chdir=/unweave",
            "cargo",
            command,
            "--locked",
            "-Zbuild-std=std,panic_unwind",
            "--target",
            TARGET,
        ];
        self.run("env", &[&common[..], args].concat())
    }

    /// Makes the Windows that tests run in, if it isn't there; an empty one.
    pub fn make_windows(&self) -> anyhow::Result<()> {
        let windows = self.folder.join("wine");
        let complete = windows.join(COMPLETE);
        if complete.is_file() {
            return Ok(());
        }
        if windows.exists() {
            fs::remove_dir_all(&windows)?;
        }
        // Wine writes the registry when its last program has ended. Who leaves the tree before that leaves half a
        // Windows, in which no class of COM is known.
        let make = [WINE, " wineboot --init && /usr/lib/wine/wineserver -w"].concat();
        self.run("sh", &["-ec", &make])?;
        Ok(fs::write(complete, "")?)
    }

    /// Where cargo leaves a file of this name.
    pub fn built(&self, profile: &str, name: &str) -> PathBuf {
        let folder = self.folder.join("build").join(TARGET);
        folder.join(profile).join(name)
    }
}

/// Nothing of whoever builds may be in what is built.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
    ("HOME", "/root"),
    ("LANG", "C.UTF-8"),
    ("DEBIAN_FRONTEND", "noninteractive"),
    ("CARGO_HOME", "/cargo"),
    ("CARGO_TARGET_DIR", "/target"),
    ("CARGO_INCREMENTAL", "0"),
    ("CARGO_HTTP_CAINFO", "/etc/ssl/certs/ca-certificates.crt"),
    // Building the standard library from its sources is an unstable option of cargo.
    ("RUSTC_BOOTSTRAP", "1"),
    (
        "CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER",
        "x86_64-w64-mingw32-gcc",
    ),
    ("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", WINE),
    ("CC_x86_64_pc_windows_gnu", "x86_64-w64-mingw32-gcc"),
    ("CXX_x86_64_pc_windows_gnu", "x86_64-w64-mingw32-g++"),
    ("AR_x86_64_pc_windows_gnu", "x86_64-w64-mingw32-ar"),
    ("WINEPREFIX", "/windows/wine"),
    // Its search path.
    ("WINEPATH", r"Z:\windows\programs"),
    ("WINEDEBUG", "-all"),
    // Wine asks for a browser and for .NET at its first start, and would fill the menus of this system.
    ("WINEDLLOVERRIDES", "mscoree,mshtml,winemenubuilder.exe="),
];

/// What this machine lacks, in words.
fn missing(is_found: impl Fn(&str) -> bool, may_mount: impl Fn() -> bool) -> Vec<String> {
    let programs = ["debootstrap", "unshare", "chroot", "mount"];
    let mut missing: Vec<String> = programs
        .into_iter()
        .filter(|program| !is_found(program))
        .map(|program| format!("the program {program}"))
        .collect();
    if missing.is_empty() && !may_mount() {
        missing.push("the rights to mount and to install into a folder: run it as root".to_owned());
    }
    missing
}

fn advice(missing: &[String]) -> String {
    format!(
        "building for Windows needs a Debian in a folder of its own, and for that this machine lacks:\n  {}\n\
         on Debian or Ubuntu: sudo apt-get install debootstrap, then sudo --preserve-env=PATH,HOME cargo xtask \
         windows\n\
         on Windows itself nothing of this is needed: cargo xtask demo, test and release work there",
        missing.join("\n  ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_can_not_build_for_windows_is_told_what_is_missing() {
        assert_eq!(missing(|_| true, || true), [""; 0]);
        let none = missing(|_| false, || panic!("there is nothing to mount with"));
        let text = advice(&none);
        assert!(
            text.contains("debootstrap") && text.contains("chroot"),
            "{text}"
        );
        let text = advice(&missing(|_| true, || false));
        assert!(text.contains("as root"), "{text}");
    }

    #[test]
    fn files_have_other_names_inside() {
        let tree = Tree {
            workspace: "/home/u/unweave".into(),
            folder: "/home/u/unweave/target/windows".into(),
            cargo: "/home/u/.cargo".into(),
            display: None,
        };
        let inside = |path: &str| tree.inside(Path::new(path)).ok();
        for (outside, expected) in [
            ("/home/u/unweave/assets/demo", Some("/unweave/assets/demo")),
            ("/home/u/unweave/target/windows/a", Some("/windows/a")),
            ("/home/u/music", None),
        ] {
            assert_eq!(inside(outside), expected.map(PathBuf::from), "{outside}");
        }
    }
}
