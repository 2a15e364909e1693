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
//! fenced. A block that begins with `long figures` has a command that takes minutes or an hour.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::shell;

const BEGIN: &str = "<!-- figures: ";
const BEGIN_LONG: &str = "<!-- long figures: ";
const BEGIN_END: &str = " -->";
const END: &str = "<!-- end figures -->";

/// Which figures.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Documents, as in: cargo xtask figures README.md
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Also those whose commands take minutes or an hour.
    #[arg(long)]
    long: bool,
    /// Only those whose command has this in it, however long it takes.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

impl Args {
    fn wants(&self, command: &str, is_long: bool) -> bool {
        match &self.only {
            Some(text) => command.contains(text),
            None => self.long || !is_long,
        }
    }
}

/// Runs the blocks' commands again and writes what each has printed as soon as it is known.
pub fn refresh(root: &Path, args: &Args) -> anyhow::Result<()> {
    for file in &args.files {
        let path = root.join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {file}"))?;
        let run = |command: &str| {
            eprintln!("$ {command}");
            let mut bash = Command::new("bash");
            let printed = shell::output(bash.args(["-c", command]).current_dir(root))?;
            Ok(without_places(&printed, root))
        };
        let wants = |command: &str, is_long| args.wants(command, is_long);
        replace_blocks(&text, wants, run, |text| Ok(fs::write(&path, text)?))
            .with_context(|| file.clone())?;
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

/// Puts what `run` gives for them into the blocks that are wanted, and hands on the text after each.
fn replace_blocks(
    text: &str,
    wants: impl Fn(&str, bool) -> bool,
    mut run: impl FnMut(&str) -> anyhow::Result<String>,
    mut write: impl FnMut(&str) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut fresh = String::new();
    let mut rest = text;
    while let Some((line, after)) = rest.split_once('\n') {
        fresh += line;
        fresh.push('\n');
        rest = after;
        let command = |begin| line.strip_prefix(begin)?.strip_suffix(BEGIN_END);
        let (command, is_long) = match (command(BEGIN), command(BEGIN_LONG)) {
            (Some(command), _) => (command, false),
            (None, Some(command)) => (command, true),
            (None, None) => continue,
        };
        let Some(end) = rest.find(END) else {
            bail!("the block of `{command}` has no `{END}`");
        };
        if !wants(command, is_long) {
            continue;
        }
        let printed = run(command)?;
        let printed = printed.trim_end();
        if printed.starts_with('|') {
            fresh += &format!("{printed}\n");
        } else {
            fresh += &format!("```text\n{printed}\n```\n");
        }
        rest = &rest[end..];
        write(&[&fresh, rest].concat())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(command: &str) -> anyhow::Result<String> {
        match command {
            "one" => Ok("1\n2\n\n".to_owned()),
            "two" => Ok("| x |\n".to_owned()),
            _ => bail!("no"),
        }
    }

    /// What is written after each block.
    fn replaced(text: &str, args: &Args) -> anyhow::Result<Vec<String>> {
        let mut written = Vec::new();
        let wants = |command: &str, is_long| args.wants(command, is_long);
        replace_blocks(text, wants, run, |text| {
            written.push(text.to_owned());
            Ok(())
        })?;
        Ok(written)
    }

    fn args(long: bool, only: Option<&str>) -> Args {
        Args {
            files: Vec::new(),
            long,
            only: only.map(str::to_owned),
        }
    }

    #[test]
    fn blocks_are_replaced_by_their_commands_output_one_by_one_and_the_rest_stays() {
        let text = "a\n<!-- figures: one -->\nold\nold\n<!-- end figures -->\nb\n\
                    <!-- long figures: two -->\nold\n<!-- end figures -->\nc\n";
        let one = text.replacen("old\nold", "```text\n1\n2\n```", 1);
        let two = text.replace("-->\nold\n<", "-->\n| x |\n<");
        let both = one.replace("-->\nold\n<", "-->\n| x |\n<");
        assert_eq!(replaced(text, &args(false, None)).unwrap(), [&*one]);
        assert_eq!(replaced(text, &args(false, Some("tw"))).unwrap(), [two]);
        assert_eq!(
            replaced(text, &args(true, None)).unwrap(),
            [one, both.clone()]
        );
        assert_eq!(
            replaced(&both, &args(true, None)).unwrap(),
            [&*both, &*both]
        );
    }

    #[test]
    fn an_open_block_and_a_failing_command_are_errors() {
        assert!(replaced("<!-- figures: one -->\n", &args(false, None)).is_err());
        let text = "<!-- figures: a -->\n<!-- end figures -->\n";
        assert!(replaced(text, &args(false, None)).is_err());
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
