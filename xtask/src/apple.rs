//! What Apple's systems want of what they run: descriptions of bundles, signatures, programs for both processors.
//!
//! Here is what is written, and which of Apple's tools is run with what; a Mac does it in `cargo xtask bundle` and
//! `cargo xtask release`. The signature is the one that names nobody (`-`), which is enough on the machine that it is
//! made on. For others a Developer ID takes its place, by `UNWEAVE_CODESIGN_IDENTITY`, and Apple's notarization follows.
//!
//! # Source
//! Apple, "Bundle Resources" (`Info.plist`, entitlements), codesign(1), lipo(1).

use std::path::Path;
use std::process::Command;

use crate::bundle::NAME;

/// Rust's names of the systems whose programs become one for both processors.
pub const TARGETS: [&str; 2] = ["aarch64-apple-darwin", "x86_64-apple-darwin"];

/// Names whose signature it is, as `codesign` takes it.
pub const IDENTITY_VARIABLE: &str = "UNWEAVE_CODESIGN_IDENTITY";

/// What programs of our own may do under the hardened runtime: listen to the sound card, and load an ONNX Runtime that
/// somebody else has signed. Plug-ins have what their host has.
pub const ENTITLEMENTS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>com.apple.security.cs.disable-library-validation</key><true/>
  <key>com.apple.security.device.audio-input</key><true/>
</dict>
</plist>
"#;

/// `Contents/Info.plist` of a plug-in's bundle.
pub fn info_plist(version: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>CFBundleDevelopmentRegion</key><string>en</string>
  <key>CFBundleExecutable</key><string>{NAME}</string>
  <key>CFBundleIdentifier</key><string>audio.unweave.plugin</string>
  <key>CFBundleInfoDictionaryVersion</key><string>6.0</string>
  <key>CFBundleName</key><string>{NAME}</string>
  <key>CFBundlePackageType</key><string>BNDL</string>
  <key>CFBundleShortVersionString</key><string>{version}</string>
  <key>CFBundleSignature</key><string>????</string>
  <key>CFBundleVersion</key><string>{version}</string>
  <key>LSMinimumSystemVersion</key><string>13.0</string>
  <key>NSHighResolutionCapable</key><true/>
</dict>
</plist>
"#
    )
}

/// Signs a library, a bundle whose libraries are signed, or, with entitlements, a program.
pub fn codesign(what: &Path, identity: &str, entitlements: Option<&Path>) -> Command {
    let mut codesign = Command::new("codesign");
    codesign.args(["--force", "--sign", identity]);
    // Apple's clock can't be asked for a signature that names nobody.
    if identity != "-" {
        codesign.args(["--timestamp", "--options", "runtime"]);
    }
    if let Some(entitlements) = entitlements {
        codesign.arg("--entitlements").arg(entitlements);
    }
    codesign.arg(what);
    codesign
}

/// Makes one file of those for each processor.
pub fn lipo(parts: &[impl AsRef<Path>], to: &Path) -> Command {
    let mut lipo = Command::new("lipo");
    lipo.arg("-create")
        .args(parts.iter().map(AsRef::as_ref))
        .arg("-output")
        .arg(to);
    lipo
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell;

    #[test]
    fn a_signature_of_nobody_asks_nobody_and_one_for_others_has_what_notarization_demands() {
        let (bundle, rights) = (Path::new("Unweave.vst3"), Path::new("rights.plist"));
        assert_eq!(
            shell::display(&codesign(bundle, "-", None)),
            "codesign --force --sign - Unweave.vst3"
        );
        assert_eq!(
            shell::display(&codesign(
                Path::new("unweave"),
                "Developer ID",
                Some(rights)
            )),
            "codesign --force --sign Developer ID --timestamp --options runtime \
             --entitlements rights.plist unweave"
        );
    }

    #[test]
    fn programs_for_both_processors_become_one() {
        let parts = TARGETS.map(|target| Path::new("target").join(target).join("unweave"));
        assert_eq!(
            shell::display(&lipo(&parts, Path::new("unweave"))),
            "lipo -create target/aarch64-apple-darwin/unweave target/x86_64-apple-darwin/unweave -output unweave"
        );
    }

    #[test]
    fn the_descriptions_are_whole() {
        for text in [info_plist("1.2.3"), ENTITLEMENTS.to_owned()] {
            assert_eq!(text.matches("<dict>").count(), 1);
            assert_eq!(
                text.matches("<key>").count(),
                text.matches("</key>").count()
            );
            assert!(text.ends_with("</dict>\n</plist>\n"), "{text}");
        }
        // What a host and the Finder need to know a bundle by.
        let plist = info_plist("1.2.3");
        for entry in [
            "<key>CFBundleExecutable</key><string>Unweave</string>",
            "<key>CFBundlePackageType</key><string>BNDL</string>",
            "<key>CFBundleVersion</key><string>1.2.3</string>",
        ] {
            assert!(plist.contains(entry), "{plist}");
        }
    }
}
