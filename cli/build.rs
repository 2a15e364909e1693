//! What Windows is told of the command.

include!("../assets/package/windows.rs");

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    describe_to_windows("Unweave: songs become stems");
}
