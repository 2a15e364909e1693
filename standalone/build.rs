//! What Windows is told of the program.

include!("../assets/package/windows.rs");

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    describe_to_windows("Unweave: stems while music plays");
}
