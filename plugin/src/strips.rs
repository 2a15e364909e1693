//! What all strips are set to: the values of a preset, and those that a new instance begins with.

use serde::{Deserialize, Serialize};

use crate::ids;
use crate::text::OFF_GAIN;

/// What a stem's strip is set to.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Strip {
    /// −∞ to +12.
    pub gain_db: f32,
    /// Whether it is left out.
    pub muted: bool,
    /// Whether those that aren't soloed are left out.
    pub soloed: bool,
    /// −100 to +100.
    pub sensitivity_percent: f32,
}

/// What all strips are set to. All at 0 dB if not said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Strips {
    /// How much of what sensitivity takes off stays.
    pub residual_db: f32,
    /// Drums.
    pub drums: Strip,
    /// Bass.
    pub bass: Strip,
    /// Vocals.
    pub vocals: Strip,
    /// Other.
    pub other: Strip,
}

impl Strips {
    /// The stems in the order of [`ids::STEMS`].
    pub fn stems(&self) -> [&Strip; ids::STEMS.len()] {
        [&self.drums, &self.bass, &self.vocals, &self.other]
    }

    pub(crate) fn stems_mut(&mut self) -> [&mut Strip; ids::STEMS.len()] {
        [
            &mut self.drums,
            &mut self.bass,
            &mut self.vocals,
            &mut self.other,
        ]
    }

    /// Within what the faders can do, in steps that they show: a hundredth of a dB, a tenth of a percent.
    ///
    /// # Errors
    /// The name of the value that is no number.
    pub fn tidy(mut self) -> Result<Self, &'static str> {
        let gain = |gain_db: f32, name| {
            if gain_db.is_nan() {
                return Err(name);
            }
            Ok(decibels(10f32.powf(gain_db.min(12.0) / 20.0)))
        };
        self.residual_db = gain(self.residual_db, "residual_db")?;
        for stem in self.stems_mut() {
            stem.gain_db = gain(stem.gain_db, "gain_db")?;
            if stem.sensitivity_percent.is_nan() {
                return Err("sensitivity_percent");
            }
            let percent = stem.sensitivity_percent.clamp(-100.0, 100.0);
            stem.sensitivity_percent = tenths(percent);
        }
        Ok(self)
    }
}

/// As the faders show it: with two digits, and none at all for silence.
pub(crate) fn decibels(gain: f32) -> f32 {
    if gain <= OFF_GAIN {
        return f32::NEG_INFINITY;
    }
    // Not −0, which would be written as such.
    (100.0 * 20.0 * gain.log10()).round() / 100.0 + 0.0
}

pub(crate) fn tenths(percent: f32) -> f32 {
    (10.0 * percent).round() / 10.0 + 0.0
}
