//! Names of files and folders that every system takes, and that say what is inside.

use std::path::{Component, Path};

/// Longest file name in bytes, on every file system in common use.
pub const MAX_NAME_BYTES: usize = 255;

/// Longest label in bytes, so that room for the track is left.
const MAX_LABEL_BYTES: usize = 100;

/// Longest track name in bytes: a label, an extension and a number must fit beside it.
pub const MAX_TRACK_BYTES: usize = 200;

/// Characters that Windows refuses in names; `/` is refused everywhere.
const REFUSED: [char; 9] = ['/', '\\', ':', '*', '?', '"', '<', '>', '|'];

/// Names that Windows keeps for devices, with any extension.
///
/// # Source
/// Microsoft, "Naming Files, Paths, and Namespaces".
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
/// Those with a digit behind them: `com1`.
const NUMBERED_DEVICES: [&str; 2] = ["com", "lpt"];

/// The name of a track when nothing usable is left of it.
const NAMELESS: &str = "Untitled";

/// A track's name from its tags, else from its file name without extension; safe as a folder name.
pub fn track_name(title: Option<&str>, artist: Option<&str>, file_stem: &str) -> String {
    let name = match (title, artist) {
        (Some(title), Some(artist)) => format!("{artist} - {title}"),
        (Some(title), None) => title.to_owned(),
        (None, _) => file_stem.to_owned(),
    };
    shorten(&sanitise(&name), MAX_TRACK_BYTES)
}

/// `Track Name (Drums Stem).wav`.
///
/// The track is shortened, not the label, where both don't fit a file name.
pub fn file_name(track: &str, label: &str, extension: &str) -> String {
    let label = shorten(&sanitise(label), MAX_LABEL_BYTES);
    let suffix = format!(" ({label}).{extension}");
    let room = MAX_NAME_BYTES.saturating_sub(suffix.len());
    format!("{}{suffix}", shorten(track, room))
}

/// `Track Name.stem.mp4`, the track shortened where it doesn't fit.
pub fn whole_name(track: &str, extension: &str) -> String {
    let room = MAX_NAME_BYTES.saturating_sub(extension.len() + 1);
    format!("{}.{extension}", shorten(track, room))
}

/// `Name`, `Name (2)`, `Name (3)`: what to try when a name is taken.
pub fn numbered(name: &str, number: u32) -> String {
    let suffix = if number > 1 {
        format!(" ({number})")
    } else {
        String::new()
    };
    format!(
        "{}{suffix}",
        shorten(name, MAX_NAME_BYTES.saturating_sub(suffix.len()))
    )
}

/// `Drums` for `drums`.
pub fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(char::to_uppercase).into_iter().flatten();
    first.chain(chars).collect()
}

/// `Drums Stem` for `drums`.
pub fn stem_label(stem: &str) -> String {
    format!("{} Stem", capitalised(stem))
}

/// Why Windows can't have a file or folder of this path, in words that go on from the path; `None` if it can.
pub fn refused_by_windows(path: &Path) -> Option<String> {
    path.components().find_map(|part| {
        let Component::Normal(name) = part else {
            return None;
        };
        let name = name.to_string_lossy();
        if is_device(&name) {
            return Some(format!("{name} is the name of a device"));
        }
        if let Some(c) = name
            .chars()
            .find(|&c| REFUSED.contains(&c) || c.is_control())
        {
            return Some(format!("{} can't be in a name", c.escape_default()));
        }
        name.ends_with(['.', ' '])
            .then(|| "a name can't end with a dot or a blank".to_owned())
    })
}

/// Text as a name: nothing that a system refuses, no line breaks, no dots or spaces at the end.
///
/// # Example
/// ```
/// use unweave_separation::files::naming::sanitise;
///
/// assert_eq!(sanitise("AC/DC: Live?"), "AC-DC- Live-");
/// assert_eq!(sanitise("...con"), "_con");
/// assert_eq!(sanitise(" \n"), "Untitled");
/// ```
pub fn sanitise(text: &str) -> String {
    let mut clean = String::new();
    for c in text.chars() {
        match c {
            c if REFUSED.contains(&c) => clean.push('-'),
            c if c.is_control() || is_invisible(c) => clean.push(' '),
            c => clean.push(c),
        }
    }
    let mut clean = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    clean = clean.trim_end_matches(['.', ' ']).to_owned();
    // A dot in front would hide the folder.
    clean = clean.trim_start_matches(['.', ' ']).to_owned();
    if clean.is_empty() {
        return NAMELESS.to_owned();
    }
    if is_device(&clean) {
        clean.insert(0, '_');
    }
    clean
}

/// Marks that turn the direction of text or break lines: they make a name look like another one.
/// Joiners stay, emoji are made with them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Whether Windows takes a name for a device's, whatever follows its first dot.
fn is_device(name: &str) -> bool {
    let base = name
        .split('.')
        .next()
        .unwrap_or(name)
        .trim_end()
        .to_ascii_lowercase();
    let is_numbered = NUMBERED_DEVICES.iter().any(|device| {
        base.strip_prefix(device).is_some_and(|rest| {
            rest.chars().count() == 1
                && rest
                    .chars()
                    .all(|c| c.is_ascii_digit() || "¹²³".contains(c))
        })
    });
    is_numbered || DEVICES.contains(&base.as_str())
}

/// As much of a name as fits, cut between characters, not within a joined emoji or an accent.
pub fn shorten(name: &str, max_bytes: usize) -> String {
    if name.len() <= max_bytes {
        return name.to_owned();
    }
    let mut cut = (0..=max_bytes)
        .rev()
        .find(|&at| name.is_char_boundary(at))
        .unwrap_or(0);
    // What follows the cut must not belong to what precedes it.
    while cut > 0 && (joins(name[cut..].chars().next()) || joins(name[..cut].chars().next_back())) {
        cut = (0..cut)
            .rev()
            .find(|&at| name.is_char_boundary(at))
            .unwrap_or(0);
    }
    name[..cut].trim_end_matches(['.', ' ']).to_owned()
}

/// Whether a character ties its neighbours together: joiners, variation selectors, skin tones, accents.
fn joins(c: Option<char>) -> bool {
    c.is_some_and(|c| {
        matches!(c, '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{300}'..='\u{36f}')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_become_what_every_system_takes() {
        for (text, expected) in [
            ("AC/DC: Back\\in?Black", "AC-DC- Back-in-Black"),
            ("  two\n lines\t", "two lines"),
            ("ends with dots...", "ends with dots"),
            ("...hidden", "hidden"),
            ("CON", "_CON"),
            ("con.txt", "_con.txt"),
            ("Com1", "_Com1"),
            ("Com10", "Com10"),
            ("Console", "Console"),
            ("../../etc/passwd", "-..-etc-passwd"),
            ("..", "Untitled"),
            ("", "Untitled"),
            ("\u{202e}gnp.exe", "gnp.exe"),
            ("Blåbär 👩‍🎤 🎵", "Blåbär 👩‍🎤 🎵"),
        ] {
            assert_eq!(sanitise(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_windows_refuses_is_said_in_words_and_nothing_else_is_refused() {
        for (path, reason) in [
            ("NUL", Some("device")),
            ("o5/con", Some("con is the name of a device")),
            ("stems/Aux.old/x", Some("device")),
            ("a?b", Some("? can't be in a name")),
            ("what\tever", Some("\\t can't be in a name")),
            ("ends.", Some("end with a dot")),
            ("ends /x", Some("a blank")),
            ("../stems", None),
            ("/music/Con Air/console", None),
            (".", None),
            ("", None),
        ] {
            let refused = refused_by_windows(Path::new(path));
            match reason {
                Some(reason) => assert!(refused.unwrap().contains(reason), "{path}"),
                None => assert_eq!(refused, None, "{path}"),
            }
        }
    }

    #[test]
    fn the_label_stays_whole_when_the_track_name_is_too_long() {
        let long = "é".repeat(300);
        let name = file_name(&long, "Drums Stem", "wav");
        assert!(
            name.len() <= 255 && name.ends_with("é (Drums Stem).wav"),
            "{name}"
        );
        assert!(name.len() >= 254, "all the room is used: {}", name.len());
    }

    #[test]
    fn a_family_is_not_cut_apart() {
        let family = "👨‍👩‍👧‍👦";
        assert_eq!(shorten(&format!("ab{family}"), 2 + family.len() - 1), "ab");
        assert_eq!(shorten("ae\u{301}", 2), "a");
    }

    #[test]
    fn a_taken_name_gets_a_number_within_the_limit() {
        assert_eq!(numbered("Song", 1), "Song");
        assert_eq!(numbered("Song", 2), "Song (2)");
        let long = numbered(&"x".repeat(255), 12);
        assert!(long.ends_with("x (12)") && long.len() == 255);
    }

    #[test]
    fn the_track_is_named_by_its_tags_or_its_file() {
        assert_eq!(track_name(Some("T"), Some("A/B"), "f"), "A-B - T");
        assert_eq!(track_name(Some("T"), None, "f"), "T");
        assert_eq!(track_name(None, Some("A"), "01 f"), "01 f");
        assert_eq!(stem_label("drums"), "Drums Stem");
    }

    proptest! {
        #[test]
        fn any_text_becomes_a_valid_name(text in any::<String>(), label in any::<String>()) {
            let track = sanitise(&text);
            let name = file_name(&track, &label, "flac");
            for name in [&track, &name] {
                prop_assert!(!name.contains(REFUSED) && !name.contains(char::is_control));
                prop_assert!(!name.starts_with(['.', ' ']) && !name.ends_with(['.', ' ']));
                prop_assert!(!name.is_empty());
            }
            for name in [&track, &name] {
                prop_assert_eq!(refused_by_windows(Path::new(name)), None);
            }
            prop_assert!(sanitise(&track) == track, "cleaning twice changes nothing");
            prop_assert!(sanitise(&name) == name, "a file's name is clean as a whole");
        }

        #[test]
        fn file_names_fit_for_any_track_and_label(text in any::<String>(), label in any::<String>()) {
            prop_assert!(file_name(&sanitise(&text), &label, "flac").len() <= 255);
        }
    }
}
