//! `MANUAL.md` as a page for the browser: in this library, so that it is there however that was installed.

use std::fs;
use std::io;
use std::path::PathBuf;

use unweave_separation::files::folders;

/// Made by `build.rs`.
const PAGE: &str = include_str!(concat!(env!("OUT_DIR"), "/manual.html"));

/// Where a browser finds the page; written anew, since an older Unweave may have left its own there.
///
/// # Errors
/// The user's cache folder can't be written.
pub fn write() -> io::Result<PathBuf> {
    let folder = folders::user_cache().unwrap_or_else(|| std::env::temp_dir().join("unweave"));
    fs::create_dir_all(&folder)?;
    let [page, half] = ["manual.html", "manual.html.part"].map(|name| folder.join(name));
    fs::write(&half, PAGE)?;
    fs::rename(half, &page)?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_in_the_page_that_is_pointed_at_is_there() {
        let parts = |of: &str| -> Vec<String> {
            let found = PAGE.split(of).skip(1);
            let found = found.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()));
            found.collect()
        };
        let (links, places) = (parts("href=\"#"), parts("id=\""));
        assert!(links.len() >= 5, "{links:?}");
        for link in links {
            assert!(places.contains(&link), "{link} is not among {places:?}");
        }
        // Nothing is fetched, and no file of the repository is referred to.
        assert_eq!(parts("src=\"").len(), 0);
        let outside = parts("href=\"").into_iter();
        let outside: Vec<String> = outside.filter(|link| !link.starts_with('#')).collect();
        assert_eq!(outside, [""; 0]);
        assert!(!PAGE.contains("<!-- figures"));
    }
}
