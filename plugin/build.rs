//! Link options of the library that hosts load, what Windows is told of it, and the manual as a page.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

include!("../assets/package/windows.rs");

/// From this crate's folder.
const MANUAL: &str = "../MANUAL.md";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Hosts unload plug-ins whenever they like, and loading a model or a stuck inference can't always be
    // stopped in the time that unloading may take. What such a thread runs must stay mapped until it
    // ends, so the loader is told to keep the library. On Windows the library pins itself
    // (guard/src/mapping.rs); macOS links otherwise: KNOWN_HOST_ISSUES.md.
    let system = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if system == "linux" {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    describe_to_windows("Unweave: stems while music plays");

    println!("cargo::rerun-if-changed={MANUAL}");
    let manual = std::fs::read_to_string(MANUAL).expect("the repository is whole");
    let folder = std::env::var("OUT_DIR").expect("cargo says where");
    std::fs::write(format!("{folder}/manual.html"), page(&manual)).expect("cargo lets write there");
}

/// Narrow lines, light or dark as the system is, and nothing from anywhere else.
const HEAD: &str = r#"<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Unweave: the manual</title>
<style>
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46em; margin: 2em auto; padding: 0 1em }
code { font-size: 0.9em } pre { padding: 0.8em; overflow-x: auto; border: 1px solid #8888; border-radius: 4px }
table { border-collapse: collapse } th, td { padding: 0.25em 0.8em 0.25em 0; text-align: left; vertical-align: top;
border-bottom: 1px solid #8884 }
</style></head><body>
"#;

/// A document as a page whose headings can be linked to.
fn page(markdown: &str) -> String {
    let mut events: Vec<Event<'_>> = Parser::new_ext(markdown, Options::ENABLE_TABLES)
        // Notes for programs.
        .filter(|event| !matches!(event, Event::Html(text) if text.starts_with("<!--")))
        .collect();
    let mut heading = String::new();
    for event in events.iter_mut().rev() {
        // From the end, so that a heading's text is known at its start.
        match event {
            Event::End(TagEnd::Heading(_)) => heading.clear(),
            Event::Text(text) => heading.insert_str(0, text),
            Event::Start(Tag::Heading { id, .. }) => *id = Some(anchor(&heading).into()),
            _ => {}
        }
    }
    let mut page = HEAD.to_owned();
    html::push_html(&mut page, events.into_iter());
    page + "</body></html>\n"
}

/// What links call a heading, as in the repository's own view of the document.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}
