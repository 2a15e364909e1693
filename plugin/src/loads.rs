//! What models take of a core on this machine, as measured since the library was loaded.

use parking_lot::Mutex;

use crate::model_choice::ModelChoice;

/// As many as there are choices that somebody has listened to: a few.
static LOADS: Mutex<Vec<Load>> = Mutex::new(Vec::new());

struct Load {
    choice: ModelChoice,
    sample_rate: u32,
    load: f32,
}

/// Keeps what was measured last; see [`unweave_live::Status::load`]. Not for the audio thread.
pub fn note(choice: &ModelChoice, sample_rate: u32, load: f32) {
    let mut loads = LOADS.lock();
    match loads
        .iter_mut()
        .find(|known| known.is_of(choice, sample_rate))
    {
        Some(known) => known.load = load,
        None => loads.push(Load {
            choice: choice.clone(),
            sample_rate,
            load,
        }),
    }
}

/// None if it never ran.
pub fn known(choice: &ModelChoice, sample_rate: u32) -> Option<f32> {
    let loads = LOADS.lock();
    let known = loads.iter().find(|known| known.is_of(choice, sample_rate));
    known.map(|known| known.load)
}

impl Load {
    fn is_of(&self, choice: &ModelChoice, sample_rate: u32) -> bool {
        self.choice == *choice && self.sample_rate == sample_rate
    }
}

#[cfg(test)]
mod tests {
    use unweave_separation::{DeviceChoice, Mode};

    use super::*;

    #[test]
    fn the_last_measurement_counts_for_its_model_mode_and_rate_alone() {
        let quick = ModelChoice {
            model: "of-this-test".to_owned(),
            mode: Mode::Quick,
            device: DeviceChoice::Auto,
        };
        let light = ModelChoice {
            mode: Mode::Light,
            ..quick.clone()
        };
        note(&quick, 48_000, 0.5);
        note(&quick, 48_000, 0.25);
        note(&light, 44_100, 0.1);
        assert_eq!(known(&quick, 48_000), Some(0.25));
        assert_eq!(known(&quick, 44_100), None);
        assert_eq!(known(&light, 48_000), None);
    }
}
