//! Lengths and paths as people read and type them.

use std::path::PathBuf;
use std::time::Duration;

use unweave_separation::files::folders;

/// `1:02.5`, with hours where there are any.
pub fn clock(num_frames: u64, sample_rate: u32) -> String {
    let tenths = u128::from(num_frames) * 10 / u128::from(sample_rate.max(1));
    let (seconds, tenths) = (tenths / 10, tenths % 10);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes}:{seconds:02}.{tenths}"),
        (hours, minutes) => format!("{hours}:{minutes:02}:{seconds:02}.{tenths}"),
    }
}

/// `2 min left`, rounded up, so that it doesn't jump about.
pub fn remaining(time: Duration) -> String {
    match time.as_secs() + 1 {
        seconds @ 0..=10 => format!("{seconds} s left"),
        seconds @ 11..=90 => format!("{} s left", seconds.next_multiple_of(5)),
        seconds => format!("{} min left", seconds.div_ceil(60)),
    }
}

/// `3.1 MB`, as shops and file managers count.
pub fn room(num_bytes: u64) -> String {
    match num_bytes {
        0..1_000_000 => format!("{} kB", num_bytes.div_ceil(1_000)),
        1_000_000..1_000_000_000 => tenths(num_bytes / 100_000, "MB"),
        _ => tenths(num_bytes / 100_000_000, "GB"),
    }
}

fn tenths(tenths: u64, unit: &str) -> String {
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// A text of so many letters at most, with what is left out of its middle: names differ at their ends.
pub fn shorten_middle(text: &str, most: usize) -> String {
    let num_letters = text.chars().count();
    if num_letters <= most || most < 3 {
        return text.to_owned();
    }
    let tail = most / 2;
    let head: String = text.chars().take(most - 1 - tail).collect();
    let tail: String = text.chars().skip(num_letters - tail).collect();
    format!("{}…{}", head.trim_end(), tail.trim_start())
}

/// A path as it is typed or pasted: `~` is home, quotation marks and `file://` are left out.
pub fn typed_path(text: &str) -> PathBuf {
    let text = text.trim().trim_matches('"').trim_matches('\'');
    let text = text.strip_prefix("file://").unwrap_or(text);
    match (text.strip_prefix('~'), folders::home()) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with(['/', '\\']) => {
            home.join(rest.trim_start_matches(['/', '\\']))
        }
        _ => PathBuf::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_as_on_a_transport() {
        for (num_frames, expected) in [
            (0, "0:00.0"),
            (4_409, "0:00.0"),
            (4_410, "0:00.1"),
            (44_100 * 62 + 22_050, "1:02.5"),
            (44_100 * (3 * 3_600 + 5 * 60 + 9), "3:05:09.0"),
        ] {
            assert_eq!(clock(num_frames, 44_100), expected);
        }
    }

    #[test]
    fn what_remains_is_never_less_than_it_is() {
        for (seconds, expected) in [
            (0, "1 s left"),
            (9, "10 s left"),
            (12, "15 s left"),
            (89, "90 s left"),
            (90, "2 min left"),
            (119, "2 min left"),
            (3_600, "61 min left"),
        ] {
            assert_eq!(remaining(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn room_is_told_as_file_managers_do() {
        for (num_bytes, expected) in [
            (0, "0 kB"),
            (1, "1 kB"),
            (999_999, "1000 kB"),
            (1_000_000, "1.0 MB"),
            (165_600_000, "165.6 MB"),
            (2_349_000_000, "2.3 GB"),
        ] {
            assert_eq!(room(num_bytes), expected);
        }
    }

    #[test]
    fn long_names_lose_their_middle() {
        assert_eq!(shorten_middle("short", 5), "short");
        assert_eq!(shorten_middle("Lead vocals, take 12", 11), "Lead…ke 12");
        assert_eq!(shorten_middle("Grüße aus Köln (live)", 9), "Grüß…ive)");
    }

    #[test]
    fn paths_are_taken_as_they_are_pasted() {
        let song = PathBuf::from("/songs/a song.wav");
        for text in [
            "/songs/a song.wav",
            " \"/songs/a song.wav\"\n",
            "'/songs/a song.wav'",
            "file:///songs/a song.wav",
        ] {
            assert_eq!(typed_path(text), song);
        }
        if let Some(home) = folders::home() {
            assert_eq!(typed_path("~/x.wav"), home.join("x.wav"));
            assert_eq!(typed_path("~"), home);
        }
        assert_eq!(typed_path("~other/x"), PathBuf::from("~other/x"));
    }
}
