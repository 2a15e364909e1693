//! Tests in a process of their own, since the environment belongs to a whole process.

use std::path::Path;
use std::process::Command;

/// Runs an ignored test of this program where the user's models are those of this folder.
pub fn run_with_models(test: &str, models: &Path) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env("UNWEAVE_MODELS", models)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{errors}"
    );
}
