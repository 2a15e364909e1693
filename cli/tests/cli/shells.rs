//! What shells and the manual are told of the command.

use std::fs;
#[cfg(unix)]
use std::process::Command;

use crate::common::{command, unweave};

#[cfg(unix)]
#[test]
fn bash_completes_the_words_of_the_command() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("unweave.bash");
    let said = unweave(&["completions", "bash"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    fs::write(&script, said.stdout).unwrap();
    let completed = Command::new("bash")
        .args(["-ec", ". $0; COMP_WORDS=(unweave sep); COMP_CWORD=1; _unweave unweave sep unweave; echo ${COMPREPLY[@]}"])
        .arg(&script)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&completed.stdout), "separate\n");
}

#[test]
fn every_shell_gets_a_script_and_an_unknown_one_the_list() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = unweave(&["completions", shell]);
        assert_eq!(said.code, Some(0), "{shell}: {}", said.stderr);
        assert!(said.stdout.contains("bit-depth"), "{shell}");
    }
    let said = unweave(&["completions", "tcsh"]);
    assert_eq!(said.code, Some(2));
    assert!(said.stderr.contains("fish"), "{}", said.stderr);
}

#[test]
fn the_manual_has_a_page_for_every_command_that_is_listed() {
    let dir = tempfile::tempdir().unwrap();
    let said = unweave(&["manual", dir.path().to_str().unwrap()]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let page = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    for name in [
        "separate",
        "verify",
        "models",
        "models-fetch",
        "doctor",
        "bench",
    ] {
        assert!(
            page(&format!("unweave-{name}.1")).contains(".SH SYNOPSIS"),
            "{name}"
        );
    }
    assert!(page("unweave.1").contains("separate"));
    assert!(
        !dir.path().join("unweave-manual.1").exists(),
        "it is for makers of packages"
    );
}

/// The first run shows that the second could have colours.
#[test]
fn there_are_no_colours_for_whoever_wants_none() {
    for (no_color, expected) in [(None, true), (Some("1"), false)] {
        let mut command = command();
        command
            .args(["separate", "--help"])
            .env("CLICOLOR_FORCE", "1");
        match no_color {
            Some(value) => command.env("NO_COLOR", value),
            None => command.env_remove("NO_COLOR"),
        };
        let shown = command.output().unwrap().stdout;
        assert_eq!(shown.contains(&0x1b), expected, "NO_COLOR {no_color:?}");
    }
}
