//! Any bytes as a model's manifest: an error or a manifest, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unweave_separation::model::manifest::Manifest;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(manifest) = Manifest::parse(text, "fuzz") {
        assert!(manifest.residual_idx < manifest.stems.len());
        assert!(manifest.files.iter().all(|file| file.sha256.len() == 64));
    }
});
