//! The two plug-ins of the bundle: what sets them apart is data.
//!
//! Stereo comes first: hosts that know the main bus only, and take the first plug-in that there is, get the one
//! that has no other.

use std::num::NonZeroU32;
use std::sync::Arc;

use nice_plug::prelude::*;
use unweave_live::preview::PreviewSide;

use crate::ids;
use crate::model::{self, Source};
use crate::model_choice::ModelChoice;
use crate::songs::{self, Songs};

const MONO: NonZeroU32 = new_nonzero_u32(1);
const STEREO: NonZeroU32 = new_nonzero_u32(2);

/// Names of the stems and their outputs, in the order of [`ids::STEMS`].
pub const STEM_NAMES: [&str; ids::STEMS.len()] = ["Drums", "Bass", "Vocals", "Other"];
const STEM_OUTPUT_CHANNELS: &[NonZeroU32] = &[STEREO; ids::STEMS.len()];

/// One of the plug-ins.
pub trait Variant: Send + 'static {
    /// What hosts list.
    const NAME: &'static str;
    /// One sentence for hosts that show it.
    const DESCRIPTION: &'static str;
    /// See [`ids`].
    const CLAP_ID: &'static str;
    /// See [`ids`].
    const VST3_CLASS_ID: [u8; 16];
    /// Stereo first: hosts start with it.
    const LAYOUTS: &'static [AudioIOLayout];

    /// What an instance captures into and renders from, and the audio thread's end of what is listened to.
    fn songs() -> (Arc<Songs>, PreviewSide) {
        Songs::new(songs::takes_folder())
    }

    /// The model that a session wants.
    ///
    /// # Errors
    /// In the user's words, why there is none.
    fn source(choice: &ModelChoice) -> Result<Source, String> {
        model::source(choice).map_err(|error| error.to_string())
    }
}

/// Main output only.
pub struct Stereo;

/// Main output, and one stereo output per stem.
pub struct MultiOut;

impl Variant for Stereo {
    const NAME: &'static str = "Unweave";
    const DESCRIPTION: &'static str =
        "Gain, mute and solo for drums, bass, vocals and the rest of a finished mix";
    const CLAP_ID: &'static str = ids::CLAP_ID;
    const VST3_CLASS_ID: [u8; 16] = ids::VST3_CLASS_ID;
    const LAYOUTS: &'static [AudioIOLayout] = &[
        layout("Stereo", STEREO, &[], &[]),
        layout("Mono", MONO, &[], &[]),
    ];
}

impl Variant for MultiOut {
    const NAME: &'static str = "Unweave Multi-Out";
    const DESCRIPTION: &'static str =
        "Drums, bass, vocals and the rest of a finished mix on outputs of their own";
    const CLAP_ID: &'static str = ids::CLAP_ID_MULTI_OUT;
    const VST3_CLASS_ID: [u8; 16] = ids::VST3_CLASS_ID_MULTI_OUT;
    const LAYOUTS: &'static [AudioIOLayout] = &[
        layout(
            "Stereo and stems",
            STEREO,
            STEM_OUTPUT_CHANNELS,
            &STEM_NAMES,
        ),
        layout("Mono and stems", MONO, STEM_OUTPUT_CHANNELS, &STEM_NAMES),
    ];
}

/// The main buses stay unnamed: the framework would name the output after the input.
const fn layout(
    name: &'static str,
    main: NonZeroU32,
    stems: &'static [NonZeroU32],
    stem_names: &'static [&'static str],
) -> AudioIOLayout {
    AudioIOLayout {
        main_input_channels: Some(main),
        main_output_channels: Some(main),
        aux_output_ports: stems,
        names: PortNames {
            layout: Some(name),
            aux_outputs: stem_names,
            ..PortNames::const_default()
        },
        ..AudioIOLayout::const_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stem_has_an_output_named_after_it() {
        let names: Vec<String> = STEM_NAMES.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(names, ids::STEMS);
        for layout in MultiOut::LAYOUTS {
            assert_eq!(layout.aux_output_ports.len(), ids::STEMS.len());
            assert_eq!(layout.aux_output_name(2).as_deref(), Some("Vocals"));
            assert_eq!(layout.main_output_name(), "Output");
        }
    }

    #[test]
    fn both_plug_ins_start_in_stereo_and_can_be_mono() {
        for layouts in [Stereo::LAYOUTS, MultiOut::LAYOUTS] {
            let mains: Vec<_> = layouts.iter().map(|l| l.main_input_channels).collect();
            assert_eq!(mains, [Some(STEREO), Some(MONO)]);
        }
    }
}
