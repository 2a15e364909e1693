//! Any bytes as the report of a set: an error, or a report whose file names stay in its folder and that
//! reads as itself again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unweave_separation::delivery::report::Report;

fuzz_target!(|bytes: &[u8]| {
    let Ok(report) = Report::parse(bytes) else {
        return;
    };
    for file in &report.files {
        assert!(!file.name.contains(['/', '\\']) && file.name != ".." && !file.name.is_empty());
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("report.json");
    report.write(&path).expect("a report can be written");
    assert_eq!(Report::read(&path).expect("and read"), report);
});
