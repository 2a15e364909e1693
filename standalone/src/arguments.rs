//! The command line.

use std::path::PathBuf;

use clap::Parser;

use crate::sound::{Choice, NONE};

/// Unweave without a host: drums, bass, vocals and other of a song on faders, while it plays.
///
/// Songs can also be dropped on the window, and on the program's icon. Sound card, size of the window and all that is set
/// are remembered; what is said here holds for this run alone.
#[derive(Debug, Clone, Default, Parser)]
#[command(name = "unweave-standalone", version)]
pub struct Arguments {
    /// Songs to open
    #[arg(value_name = "SONG")]
    pub songs: Vec<PathBuf>,

    /// Sound system to use: JACK, ALSA, WASAPI, CoreAudio, or "none" to hear nothing
    #[arg(short, long, value_name = "NAME", visible_alias = "backend")]
    pub system: Option<String>,

    /// Device to play on, by its name in --list; in JACK a program or "system"
    #[arg(short, long, value_name = "NAME")]
    pub output: Option<String>,

    /// Device to take sound from, by its name in --list
    #[arg(short, long, value_name = "NAME")]
    pub input: Option<String>,

    /// Frames per second, if the device can
    #[arg(short = 'r', long, value_name = "HZ", value_parser = clap::value_parser!(u32).range(8_000..=384_000))]
    pub sample_rate: Option<u32>,

    /// The buffer: frames that the device asks for at a time, if it can
    #[arg(short, long = "buffer", value_name = "FRAMES", value_parser = clap::value_parser!(u32).range(16..=8_192))]
    pub block: Option<u32>,

    /// List sound systems and their devices, and end
    #[arg(short, long)]
    pub list: bool,
}

impl Arguments {
    /// What was chosen for this run, over what is remembered; with these sound systems.
    ///
    /// # Errors
    /// A system that isn't there, in a sentence.
    pub fn choice(&self, remembered: &Choice, systems: &[&str]) -> Result<Choice, String> {
        let mut choice = remembered.clone();
        if let Some(wanted) = &self.system {
            let known = systems.iter().copied().chain([NONE]);
            let name = known
                .clone()
                .find(|name| name.eq_ignore_ascii_case(wanted))
                .ok_or_else(|| {
                    let known: Vec<&str> = known.collect();
                    format!(
                        "There is no sound system “{wanted}” here. There is: {}.",
                        known.join(", ")
                    )
                })?;
            if choice.system.as_deref() != Some(name) {
                // Devices of another are none of this one's.
                choice = Choice {
                    system: Some(name.to_owned()),
                    ..Choice::default()
                };
            }
        }
        let or = |said: &Option<String>, remembered: Option<String>| said.clone().or(remembered);
        choice.output = or(&self.output, choice.output);
        choice.input = or(&self.input, choice.input);
        choice.sample_rate = self.sample_rate.or(choice.sample_rate);
        choice.block_frames = self.block.or(choice.block_frames);
        Ok(choice)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split(' '))
    }

    #[test]
    fn songs_and_options_are_taken_in_any_order() {
        Arguments::command().debug_assert();
        let arguments = parse("unweave-standalone a.flac -s jack b.wav -r 48000").unwrap();
        assert_eq!(arguments.songs, ["a.flac", "b.wav"].map(PathBuf::from));
        let choice = arguments
            .choice(&Choice::default(), &["JACK", "ALSA"])
            .unwrap();
        assert_eq!(choice.system.as_deref(), Some("JACK"));
        assert_eq!(choice.sample_rate, Some(48_000));
        // As it was called before.
        let arguments = parse("unweave-standalone --backend NONE").unwrap();
        let choice = arguments.choice(&Choice::default(), &[]).unwrap();
        assert_eq!(choice.system.as_deref(), Some(NONE));
    }

    #[test]
    fn what_is_said_goes_before_what_is_remembered() {
        let remembered = Choice {
            system: Some("ALSA".to_owned()),
            output: Some("USB".to_owned()),
            sample_rate: Some(96_000),
            ..Choice::default()
        };
        let systems = ["JACK", "ALSA"];
        let choice = |line| parse(line).unwrap().choice(&remembered, &systems).unwrap();
        assert_eq!(choice("unweave-standalone"), remembered);
        let said = choice("unweave-standalone -s alsa -r 44100");
        assert_eq!(said.output.as_deref(), Some("USB"));
        assert_eq!(said.sample_rate, Some(44_100));
        assert_eq!(choice("unweave-standalone -s jack").output, None);
    }

    #[test]
    fn what_is_wrong_is_a_sentence() {
        let arguments = parse("unweave-standalone -s pulse").unwrap();
        let refusal = arguments.choice(&Choice::default(), &["JACK", "ALSA"]);
        assert_eq!(
            refusal.unwrap_err(),
            "There is no sound system “pulse” here. There is: JACK, ALSA, none."
        );
        for line in [
            "unweave-standalone --no-such-option",
            "unweave-standalone -r 7",
            "unweave-standalone -b loud",
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
