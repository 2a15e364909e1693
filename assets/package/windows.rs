// What the build scripts of programs share: version, icon and manifest for Windows.

/// Puts them into what is built, if that is for Windows.
fn describe_to_windows(description: &str) {
    for file in ["windows.manifest", "windows.rs", "unweave.ico"] {
        println!("cargo::rerun-if-changed=../assets/package/{file}");
    }
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("windows") {
        return;
    }
    let mut resource = winresource::WindowsResource::new();
    resource
        .set("ProductName", "Unweave")
        .set("FileDescription", description)
        .set("LegalCopyright", "The Unweave authors. MIT OR Apache-2.0")
        .set_icon("../assets/package/unweave.ico")
        .set_manifest_file("../assets/package/windows.manifest");
    resource
        .compile()
        .expect("a resource compiler is there: windres of MinGW-w64, or rc of Microsoft's build tools");
}
