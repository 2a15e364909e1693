//! Windows from Linux: built with MinGW-w64, tried under Wine.

mod package;
mod resources;
pub mod tree;
mod trial;

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::build::Build;
use crate::hosts::desktop::Screen;
use crate::runtime;
use crate::system::System;
use crate::wheels::Wheel;
use crate::windows::tree::{Tree, USER};

/// What the command's help says besides.
pub const HELP: &str = "\
Builds the command, the plug-ins and the standalone for Windows on x86_64, packs an installer and a portable
archive into target/windows/packages, and tries both under Wine. Needs root and debootstrap: the compiler and
Wine go into a Debian of their own, in target/windows (5 GB), which takes some minutes at first.

With --test it runs the tests of the workspace as Windows programs under Wine instead.";

/// What is to be done.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Run the tests under Wine; what follows goes to `cargo test`, as in: cargo xtask windows --test -p unweave-live
    #[arg(long)]
    test: bool,
    /// Go to `cargo test`.
    #[arg(requires = "test", trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Builds, packs and tries, or tests.
pub fn run(root: &Path, args: &Args) -> anyhow::Result<()> {
    if args.test {
        return test(root, &args.args);
    }
    let tree = Tree::set_up(root)?;
    let build = Build::for_windows(root, tree.clone());
    let packages = package::write(root, &tree, &build)?;
    trial::run(root, &tree, &packages)
}

/// Python's package and this program aren't tested: one needs a Python for Windows, the other is only used here.
const UNTESTED: [&str; 4] = ["--exclude", "unweave-python", "--exclude", "xtask"];

/// Tests that can't pass under Wine or with what is fetched, and why; on Windows they are to.
const BEYOND_WINE: [(&str, &str); 7] = [
    (
        "ctrl_c_ends_a_download_soon_and_the_next_run_goes_on",
        NO_CONSOLE,
    ),
    ("ctrl_c_ends_soon_with_130_and_leaves_nothing", NO_CONSOLE),
    (
        "files_carry_the_place_on_the_timeline_that_the_song_has",
        NO_FFPROBE,
    ),
    (
        "a_stem_file_has_the_mix_and_four_stems_that_sum_to_it",
        NO_FFPROBE,
    ),
    (
        "tags_and_cover_of_a_song_travel_into_every_format",
        NO_FFPROBE,
    ),
    ("a_file_above_4_gb_is_read_by_ffmpeg_and_by_us", NO_FFPROBE),
    (
        "a_song_that_is_dragged_from_another_window_is_taken",
        "Wine's loop that drags doesn't see the button that a test holds down, and lets go at once",
    ),
];
const NO_FFPROBE: &str = "it asks ffprobe, which doesn't come with the ffmpeg that is fetched";
const NO_CONSOLE: &str =
    "Wine gives no console to programs that Linux starts, so nobody can press Ctrl-C in one";

/// A real one for Windows, which makes and reads what the tests read and make.
const FFMPEG: Wheel = Wheel {
    package: "imageio-ffmpeg",
    version: "0.6.0",
    platform: "win_amd64",
    file: "imageio_ffmpeg/binaries/ffmpeg-win-x86_64-v7.1.exe",
    sha256: "2ce797a0f88d7f067180338fb227f7b1928ea727bd9a4d7a1d022f7c52af71a3",
};

fn test(root: &Path, args: &[String]) -> anyhow::Result<()> {
    let tree = Tree::set_up(root)?;
    let screen = Screen::start(tree.folder()).context(
        "the tests open windows, and for that Xvfb is needed: sudo apt-get install xvfb",
    )?;
    let programs = tree.folder().join("programs");
    let ffmpeg = programs.join("ffmpeg.exe");
    if !ffmpeg.is_file() {
        fs::create_dir_all(&programs)?;
        let scratch = tempfile::tempdir_in(&programs)?;
        fs::rename(FFMPEG.unpack(scratch.path())?, &ffmpeg)?;
    }
    tree.make_windows()?;
    // Where a user's is.
    let home = tree.folder().join("wine/drive_c").join(USER);
    runtime::fetch(System::WINDOWS, &home.join("AppData/Local/unweave/runtime"))?;
    let (cargo, harness) = match args.iter().position(|arg| arg == "--") {
        Some(at) => (&args[..at], &args[at + 1..]),
        None => (args, &[][..]),
    };
    let is_chosen = cargo
        .iter()
        .any(|arg| ["-p", "--package"].contains(&&arg[..]));
    let whole: &[&str] = if is_chosen { &[] } else { &["--workspace"] };
    let excluded: &[&str] = if is_chosen { &[] } else { &UNTESTED };
    let mut args: Vec<&str> = cargo.iter().map(String::as_str).collect();
    let mut harness: Vec<&str> = harness.iter().map(String::as_str).collect();
    for (test, why) in BEYOND_WINE {
        eprintln!("NOT TESTED: {test}: {why}");
        harness.extend(["--skip", test]);
    }
    // As what is packed: most of it is built for that already.
    args.extend(["--release", "--no-fail-fast"]);
    let test = |display: &str, what: &[&[&str]]| {
        let tree = tree.clone().with_display(display);
        let what = what.concat();
        tree.cargo("test", &[&what[..], &["--"], &harness].concat())
    };
    let tested = test(&screen.display, &[whole, excluded, &args]);
    if is_chosen {
        return tested;
    }
    let screen = Screen::start_without_opengl(tree.folder())?;
    eprintln!("The windows once more, without OpenGL:");
    let tested_again = test(
        &screen.display,
        &[whole, excluded, &["--test", "window"], &args],
    );
    tested.and(tested_again)
}
