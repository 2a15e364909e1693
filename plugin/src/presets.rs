//! Settings of all faders at once, by name: Unweave's own and the user's.
//!
//! A preset sets what the strips show, and nothing that needs another model or another latency. It goes to the host
//! as gestures, so a host can undo it.

pub mod folder;

use nice_plug::context::gui::GuiContext;
use nice_plug::prelude::Param as _;

use crate::gesture;
use crate::ids;
use crate::params::{StemParams, UnweaveParams};
use crate::strips::{Strip, Strips, decibels, tenths};

/// Decibels that a stem is turned down by to be practised along with.
const PRACTICE_DB: f32 = -12.0;
/// Decibels that the voice is turned up by.
const UP_DB: f32 = 3.0;

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
    pub fn strips(self) -> Strips {
        let mut strips = Strips::default();
        for (name, stem) in ids::STEMS.iter().zip(strips.stems_mut()) {
            match self {
                Self::Nothing => {}
                Self::Without(muted) => stem.muted = muted.contains(name),
                Self::Gain(changed, gain_db) if changed == *name => stem.gain_db = gain_db,
                Self::Gain(..) => {}
            }
        }
        strips
    }
}

/// The preset of Unweave's own by this name.
pub fn factory(name: &str) -> Option<Strips> {
    let found = FACTORY.iter().find(|(known, _)| *known == name);
    found.map(|(_, effect)| effect.strips())
}

impl Strips {
    /// What is set now.
    pub fn of(params: &UnweaveParams) -> Self {
        let [drums, bass, vocals, other] = params.stems().map(Strip::of);
        Self {
            residual_db: decibels(params.residual.unmodulated_plain_value()),
            drums,
            bass,
            vocals,
            other,
        }
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

impl Strip {
    fn of(params: &StemParams) -> Self {
        Self {
            gain_db: decibels(params.gain.unmodulated_plain_value()),
            muted: params.mute.value(),
            soloed: params.solo.value(),
            sensitivity_percent: tenths(100.0 * params.sensitivity.unmodulated_plain_value()),
        }
    }
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
            let strips = factory(name).unwrap();
            let stems = ids::STEMS.iter().zip(strips.stems());
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
            let strips = factory(&format!("Practice {name}")).unwrap();
            let gains = strips.stems().map(|stem| stem.gain_db);
            let mut expected = [0.0; 4];
            expected[idx] = -12.0;
            assert_eq!(gains, expected);
        }
    }

    #[test]
    fn a_new_instance_is_the_full_mix() {
        assert_eq!(Strips::of(&UnweaveParams::default()), Strips::default());
        assert_eq!(factory("Full mix"), Some(Strips::default()));
    }

    #[test]
    fn every_preset_of_ours_is_tidy_already() {
        for (name, effect) in FACTORY {
            assert_eq!(effect.strips().tidy(), Ok(effect.strips()), "{name}");
        }
        let mut strips = Strips::default();
        strips.bass.gain_db = 99.0;
        strips.drums.gain_db = -300.0;
        strips.other.sensitivity_percent = -250.0;
        let tidy = strips.tidy().unwrap();
        assert_eq!(tidy.bass.gain_db, 12.0);
        assert_eq!(tidy.drums.gain_db, f32::NEG_INFINITY);
        assert_eq!(tidy.other.sensitivity_percent, -100.0);
        strips.vocals.gain_db = f32::NAN;
        assert_eq!(strips.tidy(), Err("gain_db"));
    }
}
