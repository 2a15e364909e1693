//! Where a file belongs on a timeline: the `bext` chunk of Broadcast Wave Format, by which a DAW spots
//! it to its place.
//!
//! | offset | bytes | field | here |
//! |---|---|---|---|
//! | 0 | 256 | Description | zeros |
//! | 256 | 32 | Originator | `Unweave` |
//! | 288 | 32 | OriginatorReference | zeros |
//! | 320 | 10 | OriginationDate | as given |
//! | 330 | 8 | OriginationTime | as given |
//! | 338 | 8 | TimeReference, low and high word | frames |
//! | 346 | 2 | Version | 1 |
//! | 348 | 254 | UMID, loudness, reserved | zeros |
//!
//! Of a chunk that is read, only date, time and reference count.
//!
//! # Source
//! EBU Tech 3285, "Specification of the Broadcast Wave Format (BWF)", version 2, section 2.3.

/// Bytes of the chunk's fixed part; a coding history may follow.
pub(crate) const BEXT_BYTES: usize = 602;

/// Who made the file, in ASCII.
const ORIGINATOR: &[u8] = b"Unweave";

/// Where the fields begin: Description 256, Originator 32, OriginatorReference 32 before the date.
const ORIGINATOR_AT: usize = 256;
const DATE_AT: usize = 320;
const TIME_AT: usize = 330;
const REFERENCE_AT: usize = 338;
const VERSION_AT: usize = 346;

/// Version 1: there is room for a UMID, zero for none, and no loudness.
const VERSION: u16 = 1;

/// What a `bext` chunk says about time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeStamp {
    /// Frames of the file's own sample rate from the timeline's zero, which the standard calls midnight.
    pub frame: u64,
    /// `yyyy-mm-dd` of the recording; zeros if unknown.
    pub date: [u8; 10],
    /// `hh:mm:ss` of the recording; zeros if unknown.
    pub time: [u8; 8],
}

impl TimeStamp {
    /// This place on the timeline, on no known day.
    pub fn at(frame: u64) -> Self {
        Self {
            frame,
            ..Self::default()
        }
    }

    /// The stamp of what begins that much later.
    ///
    /// # Units
    /// Frames of the same rate as the stamp's.
    #[must_use]
    pub fn after(self, num_frames: u64) -> Self {
        Self {
            frame: self.frame.saturating_add(num_frames),
            ..self
        }
    }

    /// From the fixed part of a chunk.
    pub(crate) fn parse(bext: &[u8; BEXT_BYTES]) -> Self {
        let mut stamp = Self::default();
        stamp.date.copy_from_slice(&bext[DATE_AT..TIME_AT]);
        stamp.time.copy_from_slice(&bext[TIME_AT..REFERENCE_AT]);
        // The low and the high 32 bits, each little-endian, are one little-endian number.
        let mut frame = [0; 8];
        frame.copy_from_slice(&bext[REFERENCE_AT..VERSION_AT]);
        stamp.frame = u64::from_le_bytes(frame);
        stamp
    }

    /// The chunk's content.
    pub(crate) fn bext(&self) -> [u8; BEXT_BYTES] {
        let mut bext = [0; BEXT_BYTES];
        bext[ORIGINATOR_AT..ORIGINATOR_AT + ORIGINATOR.len()].copy_from_slice(ORIGINATOR);
        bext[DATE_AT..TIME_AT].copy_from_slice(&self.date);
        bext[TIME_AT..REFERENCE_AT].copy_from_slice(&self.time);
        bext[REFERENCE_AT..VERSION_AT].copy_from_slice(&self.frame.to_le_bytes());
        bext[VERSION_AT..VERSION_AT + 2].copy_from_slice(&VERSION.to_le_bytes());
        bext
    }
}
