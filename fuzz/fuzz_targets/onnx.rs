//! Any bytes as a graph: its external data's locations or an error, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unweave_separation::model::onnx::external_locations;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(locations) = external_locations(bytes) {
        assert!(locations.iter().map(String::len).sum::<usize>() <= 3 * bytes.len());
    }
});
