//! Link options of the library that hosts load, and what Windows is told of it.

include!("../assets/package/windows.rs");

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Hosts unload plug-ins whenever they like, and loading a model or a stuck inference can't always be
    // stopped in the time that unloading may take. What such a thread runs must stay mapped until it
    // ends, so the loader is told to keep the library. On Windows the library pins itself
    // (guard/src/mapping.rs); macOS links otherwise: KNOWN_HOST_ISSUES.md.
    let system = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if system == "linux" {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    describe_to_windows("Unweave: stems while music plays");
}
