//! The paths of a Rust file that lead out of its own module.

use std::str::FromStr as _;

use anyhow::anyhow;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A path from the root of the crate, and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Its names: `crate::audio::read::AudioReader` is `["audio", "read", "AudioReader"]`. Never empty.
    pub path: Vec<String>,
    /// Counted from 1.
    pub line: usize,
}

/// Every path in `text`, the file of `module`, that begins with `crate` or `super`; also inside functions,
/// macros and tests, but not in comments.
pub fn find(text: &str, module: &[String]) -> anyhow::Result<Vec<Import>> {
    let tokens = TokenStream::from_str(text).map_err(|error| anyhow!("is not Rust: {error}"))?;
    let mut found = Vec::new();
    scan(tokens, module, &mut found);
    found.retain(|import| !import.path.is_empty());
    Ok(found)
}

fn scan(tokens: TokenStream, module: &[String], found: &mut Vec<Import>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        let rest = &tokens[at..];
        at += 1;
        match rest {
            // mod name { … }
            [
                TokenTree::Ident(word),
                TokenTree::Ident(name),
                TokenTree::Group(body),
                ..,
            ] if word == "mod" => {
                let inner = [module, &[name.to_string()]].concat();
                scan(body.stream(), &inner, found);
                at += 2;
            }
            [TokenTree::Ident(word), ..] if word == "crate" && is_path(&rest[1..]) => {
                at += tail(&rest[1..], &[], found);
            }
            [TokenTree::Ident(word), ..] if word == "super" && is_path(&rest[1..]) => {
                let parent = &module[..module.len().saturating_sub(1)];
                at += tail(&rest[1..], parent, found);
            }
            [TokenTree::Group(group), ..] => scan(group.stream(), module, found),
            _ => {}
        }
    }
}

/// Whether `::` follows.
fn is_path(tokens: &[TokenTree]) -> bool {
    let is_colon = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    is_colon(tokens.first()) && is_colon(tokens.get(1))
}

/// Follows a path that goes on with `::` from `start`, into groups too; gives how many tokens it has.
fn tail(tokens: &[TokenTree], start: &[String], found: &mut Vec<Import>) -> usize {
    let mut path = start.to_vec();
    let mut at = 0;
    let mut line = 0;
    while is_path(&tokens[at..]) {
        match tokens.get(at + 2) {
            Some(TokenTree::Ident(name)) => {
                line = name.span().start().line;
                if name == "super" {
                    path.pop();
                } else {
                    path.push(name.to_string());
                }
                at += 3;
            }
            // {a, b::c}
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                members(group.stream(), &path, found);
                return at + 3;
            }
            // A glob, or the types of a generic.
            _ => break,
        }
    }
    found.push(Import { path, line });
    at
}

/// The members of `{a, b::{c, d}}` after `start`.
fn members(group: TokenStream, start: &[String], found: &mut Vec<Import>) {
    let tokens: Vec<TokenTree> = group.into_iter().collect();
    let is_comma =
        |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
    for member in tokens.split(is_comma) {
        match member.first() {
            Some(TokenTree::Ident(name)) => {
                let path = [start, &[name.to_string()]].concat();
                let line = name.span().start().line;
                if name == "self" {
                    found.push(Import {
                        path: start.to_vec(),
                        line,
                    });
                } else if is_path(&member[1..]) {
                    tail(&member[1..], &path, found);
                } else {
                    found.push(Import { path, line });
                }
            }
            Some(star) => found.push(Import {
                path: start.to_vec(),
                line: star.span().start().line,
            }),
            None => {}
        }
    }
}
