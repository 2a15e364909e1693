//! Running other programs, with errors that show what was run.

use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// The command as a person would type it, for messages.
pub fn display(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(
        command
            .get_args()
            .map(|arg| arg.to_string_lossy().into_owned()),
    );
    words.join(" ")
}

/// Runs with our standard streams; a non-zero exit is an error.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let text = display(command);
    eprintln!("$ {text}");
    let status = command
        .status()
        .with_context(|| format!("cannot start `{text}`"))?;
    if !status.success() {
        bail!("`{text}` failed: {status}");
    }
    Ok(())
}

/// Runs and gives its standard output; standard error passes through.
pub fn output(command: &mut Command) -> anyhow::Result<String> {
    let text = display(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{text}`"))?;
    if !output.status.success() {
        bail!("`{text}` failed: {}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{text}` printed no UTF-8"))
}

/// Whether the program starts and succeeds with these arguments.
pub fn succeeds(program: &str, args: &[&str]) -> bool {
    Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Whether the program is in the search path.
pub fn is_found(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// The Python 3 of this machine: `python3`, or `python` where only that exists (Windows).
pub fn python() -> &'static str {
    if cfg!(windows) && !succeeds("python3", &["--version"]) {
        "python"
    } else {
        "python3"
    }
}
