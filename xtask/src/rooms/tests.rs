//! The check on made-up libraries.

use std::fs;

use super::*;

const LIB: &str = "\
//! A library.
//!
//! rooms, from the top:
//!
//! ```text
//! roof    what all others hold
//! cellar  what holds all others
//! ```

mod cellar;
mod roof;
";

/// What is wrong with a library of these files.
fn problems_of(files: &[(&str, &str)]) -> Vec<String> {
    let source = tempfile::tempdir().unwrap();
    for (name, text) in [("lib.rs", LIB), ("cellar.rs", ""), ("roof.rs", "")]
        .iter()
        .chain(files)
    {
        let path = source.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    problems(source.path()).unwrap()
}

#[test]
fn imports_from_below_pass_and_documentation_may_point_up() {
    let roof = "use crate::cellar::{self, wine::{Red, White as Pale}};\nmod tiles;";
    let tiles = "use super::Slope;\nuse super::super::cellar::Wine;\nmod tests { use super::*; }";
    let cellar = "//! Below [`crate::roof`].\n// crate::roof\nconst WORDS: &str = \"crate::roof\";";
    let files = [
        ("roof.rs", roof),
        ("roof/tiles.rs", tiles),
        ("cellar.rs", cellar),
    ];
    assert_eq!(problems_of(&files), Vec::<String>::new());
}

#[test]
fn every_way_to_write_an_import_from_above_is_found_where_it_is() {
    let ways = [
        "use crate::roof::Tile;",
        "use crate::{roof::Tile, cellar};",
        "pub(crate) use crate::{cellar::{Wine, Beer}, roof};",
        "use crate::roof::*;",
        "fn f() { crate::roof::lay::<u8>(); }",
        "fn f() { assert!(matches!(x, crate::roof::Tile)); }",
        "use super::roof::Tile;",
        "mod tests { use super::super::roof::Tile; }",
        "mod tests { fn f(x: &crate::roof::Tile) {} }",
    ];
    for way in ways {
        assert_eq!(
            problems_of(&[("cellar.rs", &format!("\n{way}"))]),
            ["cellar.rs:2: cellar imports from roof, which is above it: move what both need down"],
            "{way}"
        );
    }
}

#[test]
fn what_the_root_re_exports_hides_no_import() {
    assert_eq!(
        problems_of(&[("cellar/wine.rs", "use crate::Tile;")]),
        ["cellar/wine.rs:1: crate::Tile is no room: name the one it is in"]
    );
}

#[test]
fn a_room_that_is_not_listed_and_one_that_is_not_there_are_found() {
    assert_eq!(
        problems_of(&[("garden.rs", "")]),
        ["garden is not in lib.rs's list of rooms"]
    );
    let lib = LIB.replace("roof    what", "attic   what");
    let found = problems_of(&[("lib.rs", &lib)]);
    assert_eq!(
        found,
        [
            "roof is not in lib.rs's list of rooms",
            "lib.rs lists attic, which is not there"
        ]
    );
}

#[test]
fn a_circle_of_files_in_a_room_is_found_and_a_parent_is_no_part_of_one() {
    let circle = [
        ("cellar.rs", "use wine::Wine;"),
        ("cellar/wine.rs", "use super::barrel::Barrel;"),
        ("cellar/barrel.rs", "use crate::cellar::wood::Oak;"),
        ("cellar/wood/oak.rs", "use super::super::wine::Wine;"),
        ("cellar/wood.rs", "use super::Cellar;"),
        ("cellar/beer.rs", "use super::wine::Wine;"),
    ];
    assert_eq!(
        problems_of(&circle),
        ["cellar: its files import in a circle: barrel → wood → wine → barrel"]
    );
    assert_eq!(problems_of(&circle[..3]), Vec::<String>::new());
}

#[test]
fn a_library_without_the_list_is_an_error_that_says_what_is_missing() {
    let source = tempfile::tempdir().unwrap();
    fs::write(source.path().join("lib.rs"), "//! A library.\n").unwrap();
    let error = problems(source.path()).unwrap_err().to_string();
    assert!(error.contains(HEADING), "{error}");
}
