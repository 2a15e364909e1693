//! Parameter values as people read and type them, both ways.
//!
//! Whoever cannot see an editor works through the host's list of parameters, so what is shown can be
//! typed back, and so can the usual spellings: `−6`, `-6 dB`, `+3,5db`, `-inf`, `off`, `50 %`, `on`.

use std::sync::Arc;

/// A gain at or below this, −80 dB, is none at all: it reads `-inf`.
pub const OFF_GAIN: f32 = 1e-4;

/// A linear gain in dB with two digits, without the unit; `-inf` at and below [`OFF_GAIN`].
pub fn db(gain: f32) -> String {
    if gain <= OFF_GAIN {
        "-inf".to_owned()
    } else {
        fixed::<2>(20.0 * gain.log10())
    }
}

/// Reads what [`db`] writes and what people type, as a linear gain; `None` for what is no number.
pub fn parse_db(text: &str) -> Option<f32> {
    let text = plain(text);
    let text = text.strip_suffix("db").unwrap_or(&text).trim_end();
    match text {
        "-inf" | "-infinity" | "-∞" | "off" | "mute" | "silence" => Some(0.0),
        _ => Some(10.0f32.powf(number(text)? / 20.0)),
    }
}

/// A share as whole and tenth percents, without the unit.
pub fn percent(share: f32) -> String {
    fixed::<1>(share * 100.0)
}

/// Reads what [`percent`] writes and what people type.
pub fn parse_percent(text: &str) -> Option<f32> {
    let text = plain(text);
    let text = text.strip_suffix('%').unwrap_or(&text).trim_end();
    Some(number(text)? / 100.0)
}

/// What the framework asks a switch's text.
pub type Reader = dyn Fn(&str) -> Option<bool> + Send + Sync;

/// How a switch shows its two positions; reads them back in any case, and on/off, yes/no, true/false
/// and 1/0 besides.
#[derive(Debug, Clone, Copy)]
pub struct Switch {
    /// Text of false.
    pub off: &'static str,
    /// Text of true.
    pub on: &'static str,
}

/// The positions of most switches.
pub const ON_OFF: Switch = Switch {
    off: "Off",
    on: "On",
};

impl Switch {
    /// For `with_value_to_string`.
    pub fn writer(self) -> Arc<dyn Fn(bool) -> String + Send + Sync> {
        Arc::new(move |is_on| if is_on { self.on } else { self.off }.to_owned())
    }

    /// For `with_string_to_value`.
    pub fn reader(self) -> Arc<Reader> {
        Arc::new(move |text| self.parse(text))
    }

    fn parse(self, text: &str) -> Option<bool> {
        let text = plain(text);
        if text == self.on.to_lowercase() {
            return Some(true);
        }
        if text == self.off.to_lowercase() {
            return Some(false);
        }
        match text.as_str() {
            "on" | "yes" | "true" => Some(true),
            "off" | "no" | "false" => Some(false),
            text => number(text).map(|value| value >= 0.5),
        }
    }
}

/// A fixed number of digits, never a negative zero, which would not survive the way back.
fn fixed<const DIGITS: usize>(value: f32) -> String {
    let text = format!("{value:.DIGITS$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.bytes().all(|b| b == b'0' || b == b'.') => digits.to_owned(),
        _ => text,
    }
}

/// Trimmed, lower case, with the typographic minus and the decimal comma made plain.
fn plain(text: &str) -> String {
    text.trim()
        .to_lowercase()
        .replace(['−', '–'], "-")
        .replace(',', ".")
}

/// A finite number; Rust's parser also takes `nan` and `inf`.
fn number(text: &str) -> Option<f32> {
    text.trim()
        .parse()
        .ok()
        .filter(|value: &f32| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gain_to_the_hundredth_of_a_db_survives_the_way_from_text_and_back() {
        for hundredths in -7_999i32..=1_200 {
            let sign = if hundredths < 0 { "-" } else { "" };
            let text = format!(
                "{sign}{}.{:02}",
                hundredths.abs() / 100,
                hundredths.abs() % 100
            );
            let gain = parse_db(&format!("{text} dB")).unwrap();
            assert_eq!(db(gain), text);
        }
        assert_eq!(db(parse_db("-inf dB").unwrap()), "-inf");
    }

    #[test]
    fn what_people_type_for_a_gain_is_understood() {
        for typed in [
            "-inf dB",
            "−inf dB",
            "-INF",
            "-∞",
            "−∞ dB",
            "off",
            "Off ",
            "-inf",
            "mute",
        ] {
            assert_eq!(parse_db(typed), Some(0.0), "{typed:?}");
        }
        for (typed, expected_db) in [
            ("0", 0.0),
            ("-0.0 dB", 0.0),
            ("+3 dB", 3.0),
            ("3,5db", 3.5),
            ("−6", -6.0),
            (" -12.25 DB ", -12.25),
        ] {
            let gain = parse_db(typed).unwrap();
            assert!(
                (20.0 * gain.log10() - expected_db).abs() < 1e-5,
                "{typed:?}: {gain}"
            );
        }
        for typed in ["", "dB", "loud", "nan", "inf", "1e99", "--3"] {
            assert_eq!(parse_db(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn percents_survive_the_way_to_text_and_back() {
        for tenths in -1_000i16..=1_000 {
            let text = percent(f32::from(tenths) / 1_000.0);
            let back = parse_percent(&format!("{text} %")).unwrap();
            assert!((back - f32::from(tenths) / 1_000.0).abs() < 1e-6, "{text}");
            assert_eq!(percent(back), text);
        }
        assert_eq!(parse_percent("−50"), Some(-0.5));
        assert_eq!(parse_percent("nan %"), None);
    }

    #[test]
    fn switches_read_what_they_write_and_the_usual_words() {
        let compare = Switch {
            off: "Separated",
            on: "Dry",
        };
        for switch in [ON_OFF, compare] {
            for is_on in [false, true] {
                assert_eq!(switch.reader()(&switch.writer()(is_on)), Some(is_on));
            }
            for (typed, expected) in [("ON", true), ("no", false), ("1", true), ("0", false)] {
                assert_eq!(switch.reader()(typed), Some(expected), "{typed}");
            }
            assert_eq!(switch.reader()("perhaps"), None);
        }
        assert_eq!(compare.reader()("dry"), Some(true));
    }
}
