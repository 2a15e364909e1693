//! Windows from Linux: built with MinGW-w64, tried under Wine.

mod package;
pub mod tree;
mod trial;

use std::path::Path;

use crate::build::Build;
use crate::windows::tree::Tree;

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

fn test(root: &Path, args: &[String]) -> anyhow::Result<()> {
    let tree = Tree::set_up(root)?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let is_chosen = args.iter().any(|arg| ["-p", "--package"].contains(arg));
    let whole: &[&str] = if is_chosen { &[] } else { &["--workspace"] };
    let excluded: &[&str] = if is_chosen { &[] } else { &UNTESTED };
    tree.cargo("test", &[whole, excluded, &args].concat())
}
