//! Settings of all faders at once, by name: Unweave's own and the user's.
//!
//! A preset sets what the strips show, and nothing that needs another model or another latency. It goes to the host
//! as gestures, so a host can undo it.

pub mod folder;

use nice_plug::context::gui::GuiContext;
use nice_plug::prelude::Param as _;
use serde::{Deserialize, Serialize};

use crate::editor::gesture;
use crate::ids;
use crate::params::{StemParams, UnweaveParams};
use crate::text::OFF_GAIN;

/// Decibels that a stem is turned down by to be practised along with.
const PRACTICE_DB: f32 = -12.0;
/// Decibels that the voice is turned up by.
const UP_DB: f32 = 3.0;

/// What a stem's strip is set to.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StemMix {
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
pub struct Mix {
    /// How much of what sensitivity takes off stays.
    pub residual_db: f32,
    /// Drums.
    pub drums: StemMix,
    /// Bass.
    pub bass: StemMix,
    /// Vocals.
    pub vocals: StemMix,
    /// Other.
    pub other: StemMix,
}

/// Unweave's own, with what each does to the stems. Never reorder: hosts may refer to them by number. New ones come
/// last.
pub const FACTORY: [(&str, Effect); 14] = [
    ("Full mix", Effect::Nothing),
    ("Instrumental", Effect::Without(&["vocals"])),
    ("Acapella", Effect::Without(&["drums", "bass", "other"])),
    ("Drumless", Effect::Without(&["drums"])),
    ("Bassless", Effect::Without(&["bass"])),
    ("Drums only", Effect::Without(&["bass", "vocals", "other"])),
    ("Bass only", Effect::Without(&["drums", "vocals", "other"])),
    ("Rhythm", Effect::Without(&["vocals", "other"])),
    ("Practice drums", Effect::Gain("drums", PRACTICE_DB)),
    ("Practice bass", Effect::Gain("bass", PRACTICE_DB)),
    ("Practice vocals", Effect::Gain("vocals", PRACTICE_DB)),
    ("Practice other", Effect::Gain("other", PRACTICE_DB)),
    ("Vocals up", Effect::Gain("vocals", UP_DB)),
    ("Vocals down", Effect::Gain("vocals", -UP_DB)),
];

/// What a preset of Unweave's own does to a full mix; stems by the names of [`ids::STEMS`].
#[derive(Debug, Clone, Copy)]
pub enum Effect {
    /// All stems at 0 dB.
    Nothing,
    /// These are muted.
    Without(&'static [&'static str]),
    /// This one is turned up or down, in dB.
    Gain(&'static str, f32),
}

impl Effect {
    /// All that it sets.
    pub fn mix(self) -> Mix {
        let mut mix = Mix::default();
        for (name, stem) in ids::STEMS.iter().zip(mix.stems_mut()) {
            match self {
                Self::Nothing => {}
                Self::Without(muted) => stem.muted = muted.contains(name),
                Self::Gain(changed, gain_db) if changed == *name => stem.gain_db = gain_db,
                Self::Gain(..) => {}
            }
        }
        mix
    }
}

/// The preset of Unweave's own by this name.
pub fn factory(name: &str) -> Option<Mix> {
    let found = FACTORY.iter().find(|(known, _)| *known == name);
    found.map(|(_, effect)| effect.mix())
}

impl Mix {
    /// The stems in the order of [`ids::STEMS`].
    pub fn stems(&self) -> [&StemMix; ids::STEMS.len()] {
        [&self.drums, &self.bass, &self.vocals, &self.other]
    }

    fn stems_mut(&mut self) -> [&mut StemMix; ids::STEMS.len()] {
        [
            &mut self.drums,
            &mut self.bass,
            &mut self.vocals,
            &mut self.other,
        ]
    }

    /// What is set now.
    pub fn of(params: &UnweaveParams) -> Self {
        let [drums, bass, vocals, other] = params.stems().map(StemMix::of);
        Self {
            residual_db: decibels(params.residual.unmodulated_plain_value()),
            drums,
            bass,
            vocals,
            other,
        }
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

    /// Sets everything that is set otherwise, a gesture each.
    pub fn apply(&self, params: &UnweaveParams, host: &GuiContext) {
        let now = Self::of(params);
        let gain = |param: &nice_plug::prelude::FloatParam, gain_db: f32| {
            let gain = 10f32.powf(gain_db / 20.0);
            gesture::set(host, param, param.preview_normalized(gain));
        };
        if now.residual_db != self.residual_db {
            gain(&params.residual, self.residual_db);
        }
        let stems = params
            .stems()
            .into_iter()
            .zip(now.stems())
            .zip(self.stems());
        for ((param, now), wanted) in stems {
            if now.gain_db != wanted.gain_db {
                gain(&param.gain, wanted.gain_db);
            }
            gesture::switch(host, &param.mute, wanted.muted);
            gesture::switch(host, &param.solo, wanted.soloed);
            if now.sensitivity_percent != wanted.sensitivity_percent {
                let share = wanted.sensitivity_percent / 100.0;
                let sensitivity = &param.sensitivity;
                gesture::set(host, sensitivity, sensitivity.preview_normalized(share));
            }
        }
    }
}

impl StemMix {
    fn of(params: &StemParams) -> Self {
        Self {
            gain_db: decibels(params.gain.unmodulated_plain_value()),
            muted: params.mute.value(),
            soloed: params.solo.value(),
            sensitivity_percent: tenths(100.0 * params.sensitivity.unmodulated_plain_value()),
        }
    }
}

/// As the faders show it: with two digits, and none at all for silence.
fn decibels(gain: f32) -> f32 {
    if gain <= OFF_GAIN {
        return f32::NEG_INFINITY;
    }
    // Not −0, which would be written as such.
    (100.0 * 20.0 * gain.log10()).round() / 100.0 + 0.0
}

fn tenths(percent: f32) -> f32 {
    (10.0 * percent).round() / 10.0 + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_never_changes_and_what_they_leave_is_what_they_are_called() {
        let names = FACTORY.map(|(name, _)| name);
        assert_eq!(
            names,
            [
                "Full mix",
                "Instrumental",
                "Acapella",
                "Drumless",
                "Bassless",
                "Drums only",
                "Bass only",
                "Rhythm",
                "Practice drums",
                "Practice bass",
                "Practice vocals",
                "Practice other",
                "Vocals up",
                "Vocals down",
            ]
        );
        let heard = |name| {
            let mix = factory(name).unwrap();
            let stems = ids::STEMS.iter().zip(mix.stems());
            let heard = stems.filter(|(_, stem)| !stem.muted);
            heard.map(|(name, _)| *name).collect::<Vec<_>>()
        };
        assert_eq!(heard("Full mix"), ids::STEMS);
        assert_eq!(heard("Instrumental"), ["drums", "bass", "other"]);
        assert_eq!(heard("Acapella"), ["vocals"]);
        assert_eq!(heard("Drumless"), ["bass", "vocals", "other"]);
        assert_eq!(heard("Bassless"), ["drums", "vocals", "other"]);
        assert_eq!(heard("Drums only"), ["drums"]);
        assert_eq!(heard("Bass only"), ["bass"]);
        assert_eq!(heard("Rhythm"), ["drums", "bass"]);
        for (idx, name) in ids::STEMS.iter().enumerate() {
            let mix = factory(&format!("Practice {name}")).unwrap();
            let gains = mix.stems().map(|stem| stem.gain_db);
            let mut expected = [0.0; 4];
            expected[idx] = -12.0;
            assert_eq!(gains, expected);
        }
    }

    #[test]
    fn a_new_instance_is_the_full_mix() {
        assert_eq!(Mix::of(&UnweaveParams::default()), Mix::default());
        assert_eq!(factory("Full mix"), Some(Mix::default()));
    }

    #[test]
    fn every_preset_of_ours_is_tidy_already() {
        for (name, effect) in FACTORY {
            assert_eq!(effect.mix().tidy(), Ok(effect.mix()), "{name}");
        }
        let mut mix = Mix::default();
        mix.bass.gain_db = 99.0;
        mix.drums.gain_db = -300.0;
        mix.other.sensitivity_percent = -250.0;
        let tidy = mix.tidy().unwrap();
        assert_eq!(tidy.bass.gain_db, 12.0);
        assert_eq!(tidy.drums.gain_db, f32::NEG_INFINITY);
        assert_eq!(tidy.other.sensitivity_percent, -100.0);
        mix.vocals.gain_db = f32::NAN;
        assert_eq!(mix.tidy(), Err("gain_db"));
    }
}
