//! Figures in documents that no hand typed.
//!
//! A generated block names the command whose standard output it holds:
//!
//! ```text
//! <!-- figures: cargo run --release -p unweave -- doctor -->
//! (output)
//! <!-- end figures -->
//! ```
//!
//! The command runs in the workspace's root with `bash -c`. Output that is no Markdown table is
//! fenced.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::shell;

const BEGIN: &str = "<!-- figures: ";
const BEGIN_END: &str = " -->";
const END: &str = "<!-- end figures -->";

/// Runs every block's command again and writes the files back.
pub fn refresh(root: &Path, files: &[String]) -> anyhow::Result<()> {
    for file in files {
        let path = root.join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {file}"))?;
        let fresh = replace_blocks(&text, |command| {
            let mut bash = Command::new("bash");
            let printed = shell::output(bash.args(["-c", command]).current_dir(root))?;
            Ok(without_places(&printed, root))
        })
        .with_context(|| file.clone())?;
        fs::write(&path, fresh)?;
    }
    Ok(())
}

/// A document must not tell where its author's checkout and home are.
fn without_places(printed: &str, root: &Path) -> String {
    let printed = printed.replace(&format!("{}/", root.display()), "");
    match std::env::var("HOME") {
        Ok(home) if home.len() > 1 => printed.replace(&home, "~"),
        _ => printed,
    }
}

fn replace_blocks(
    text: &str,
    mut run: impl FnMut(&str) -> anyhow::Result<String>,
) -> anyhow::Result<String> {
    let mut fresh = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        fresh += line;
        fresh.push('\n');
        let Some(command) = line
            .strip_prefix(BEGIN)
            .and_then(|l| l.strip_suffix(BEGIN_END))
        else {
            continue;
        };
        if !lines.any(|line| line == END) {
            bail!("the block of `{command}` has no `{END}`");
        }
        let printed = run(command)?;
        let printed = printed.trim_end();
        if printed.starts_with('|') {
            fresh += &format!("{printed}\n{END}\n");
        } else {
            fresh += &format!("```text\n{printed}\n```\n{END}\n");
        }
    }
    Ok(fresh)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_replaced_by_its_commands_output_and_the_rest_stays() {
        let text = "a\n<!-- figures: one -->\nold\nold\n<!-- end figures -->\nb\n\
                    <!-- figures: two -->\n<!-- end figures -->\n";
        let run = |command: &str| {
            Ok(if command == "one" {
                "1\n2\n\n".to_owned()
            } else {
                "| x |\n".to_owned()
            })
        };
        let fresh = replace_blocks(text, run).unwrap();
        assert_eq!(
            fresh,
            "a\n<!-- figures: one -->\n```text\n1\n2\n```\n<!-- end figures -->\nb\n\
             <!-- figures: two -->\n| x |\n<!-- end figures -->\n"
        );
        assert_eq!(replace_blocks(&fresh, run).unwrap(), fresh);
    }

    #[test]
    fn an_open_block_and_a_failing_command_are_errors() {
        assert!(replace_blocks("<!-- figures: a -->\n", |_| Ok(String::new())).is_err());
        let text = "<!-- figures: a -->\n<!-- end figures -->\n";
        assert!(replace_blocks(text, |_| bail!("no")).is_err());
    }

    #[test]
    fn places_of_the_authors_machine_are_taken_out() {
        let root = Path::new("/somewhere/checkout");
        assert_eq!(
            without_places("in /somewhere/checkout/stems", root),
            "in stems"
        );
    }
}
