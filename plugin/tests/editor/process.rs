//! Tests in a process of their own, since the environment belongs to a whole process.

use std::path::Path;
use std::process::Command;

/// Runs an ignored test of this program where the user's models are those of this folder.
pub fn run_with_models(test: &str, models: &Path) {
    run_with(test, &[("UNWEAVE_MODELS", models)]);
}

/// Runs an ignored test of this program with these variables.
pub fn run_with(test: &str, variables: &[(&str, &Path)]) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{errors}"
    );
}
