//! Words for what was missing, joined or guessed, which several readers share.
//!
//! A note is for the listener: it says what was found, what was made of it, and how much is missing. It goes
//! into the report of a set, and to who separates.

/// A length in frames as people say it.
pub(super) fn seconds(num_frames: u64, sample_rate: u32) -> String {
    #[expect(clippy::cast_precision_loss, reason = "seconds for people")]
    let seconds = num_frames as f64 / f64::from(sample_rate.max(1));
    if seconds < 1.0 {
        format!("{:.0} ms ({num_frames} frames)", seconds * 1_000.0)
    } else {
        format!("{seconds:.2} s ({num_frames} frames)")
    }
}

/// Packets that became silence.
pub(super) fn concealed(num_packets: u64) -> Option<String> {
    (num_packets > 0).then(|| {
        format!("{num_packets} damaged packets were replaced by silence of the same length")
    })
}

/// A file that states more than it has.
///
/// # Units
/// Frames, and Hz.
pub(super) fn cut_off(expected: u64, actual: u64, sample_rate: u32) -> String {
    format!(
        "the file is cut off: {} are announced, {} are there and are read, {} are missing",
        seconds(expected, sample_rate),
        seconds(actual, sample_rate),
        seconds(expected.saturating_sub(actual), sample_rate)
    )
}

/// A file that states less than it has.
///
/// # Units
/// Frames, and Hz.
pub(super) fn longer(expected: u64, actual: u64, sample_rate: u32) -> String {
    format!(
        "the header announces {} only, {} are there and are read",
        seconds(expected, sample_rate),
        seconds(actual, sample_rate)
    )
}
