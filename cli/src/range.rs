//! A part of a song, as people write it: `1:00-1:30`.

use std::ops::Range;
use std::str::FromStr;

/// From one time to another, or to the end of the song.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeRange {
    start_seconds: f64,
    end_seconds: Option<f64>,
}

impl FromStr for TimeRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed =
            || format!("{text:?} is no range: write it as 1:00-1:30, 0-45.5 or 1:02:03-");
        let (start, end) = text.split_once('-').ok_or_else(malformed)?;
        let start_seconds = seconds(start).ok_or_else(malformed)?;
        let end_seconds = match end.trim() {
            "" => None,
            end => Some(seconds(end).ok_or_else(malformed)?),
        };
        if end_seconds.is_some_and(|end| end <= start_seconds) {
            return Err(format!("the range {text:?} ends before it starts"));
        }
        Ok(Self {
            start_seconds,
            end_seconds,
        })
    }
}

impl TimeRange {
    /// Whether it goes to the end of the song, wherever that is.
    pub fn is_open(self) -> bool {
        self.end_seconds.is_none()
    }

    /// The frames of a song, also beyond its end; `None` if it has none there.
    pub fn frames(self, sample_rate: u32, num_frames: Option<u64>) -> Option<Range<u64>> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "times are positive, and what is too large saturates"
        )]
        let at = |seconds: f64| (seconds * f64::from(sample_rate)).round() as u64;
        let start = at(self.start_seconds);
        let end = self.end_seconds.map(at).or(num_frames)?;
        (start < end.min(num_frames.unwrap_or(end))).then_some(start..end)
    }
}

/// Seconds of `1:02:03.5`, `2:03` or `3.5`.
fn seconds(text: &str) -> Option<f64> {
    let parts: Vec<&str> = text.trim().split(':').collect();
    let (last, rest) = parts.split_last()?;
    let is_number = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
    if rest.len() > 2 || !parts.iter().all(|part| is_number(part)) {
        return None;
    }
    let last: f64 = last.parse().ok()?;
    let whole = rest.iter().try_fold(0_u32, |sum, part| {
        sum.checked_mul(60)?.checked_add(part.parse().ok()?)
    })?;
    Some(f64::from(whole) * 60.0 + last).filter(|seconds| seconds.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_become_frames_of_the_song() {
        for (text, expected) in [
            ("1:00-1:30", Some(60_000..90_000)),
            ("0-0.5", Some(0..500)),
            ("1:02:03-1:02:04", Some(3_723_000..3_724_000)),
            ("10-", Some(10_000..5_000_000)),
            ("0-2:00:00", Some(0..7_200_000)),
            ("2:00:00-", None),
        ] {
            let range: TimeRange = text.parse().unwrap();
            assert_eq!(range.frames(1_000, Some(5_000_000)), expected, "{text}");
        }
        for text in [
            "", "1:00", "b-c", "2-1", "1-1", "-5", "1:2:3:4-", "1e9:0-", "inf-",
        ] {
            assert!(text.parse::<TimeRange>().is_err(), "{text}");
        }
    }
}
