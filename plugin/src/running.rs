//! An engine set up for one configuration of the host, and the host's blocks in the engine's terms.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nice_plug::prelude::*;
use unweave_live::{AudioSide, Controls, Engine, LatencyPlan, Setup, State, StereoOut};
use unweave_separation::DeviceUse;

use crate::ids;
use crate::model::Source;
use crate::pace::Pace;
use crate::report::{Facts, is_strained};
use crate::wanted::Wanted;

/// One stereo output per stem, in the order of [`ids::STEMS`]; `None` where there is none.
pub type StemOutputs<'a> = [Option<StereoOut<'a>>; ids::STEMS.len()];

/// What an engine is set up for; another of these is another engine.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// Frames per second.
    pub sample_rate: f32,
    /// The longest block that the host announces.
    pub max_block_frames: usize,
    /// What separates.
    pub wanted: Wanted,
}

/// When the host may be waited for.
#[derive(Debug, Clone)]
pub enum Mode {
    /// A sound card waits for the output.
    RealTime,
    /// The host renders.
    Offline,
    /// The framework says real time, which may be outdated: the clock decides.
    ByPace(Pace),
}

/// What of an engine's state the window shows even while nothing sounds.
type Condition = (State, u64, bool);

/// An engine at work.
pub struct Running {
    configuration: Configuration,
    plan: LatencyPlan,
    audio: AudioSide,
    /// Ends the inference thread when dropped.
    engine: Engine,
    mode: Mode,
    device_use: DeviceUse,
    /// Slots of levels that the window has been told of.
    num_told: u64,
    /// What the window has been told of the engine.
    condition_told: Condition,
    /// Right channel of a mono plug-in.
    right: Vec<f32>,
}

impl Running {
    /// Sets up an engine; the model is loaded on its inference thread.
    ///
    /// # Errors
    /// In the user's words, why nothing can be separated like this.
    pub fn start(source: Source, configuration: Configuration) -> Result<Self, String> {
        let plan = source.plan(configuration.sample_rate, configuration.max_block_frames);
        let Source {
            shape,
            loader,
            device_use,
        } = source;
        let start = |plan| {
            let setup = Setup::new(&shape, plan)?;
            Engine::start(&setup, "unweave-model", loader)
        };
        let plan = plan.map_err(|error| error.to_string())?;
        let (audio, engine) = start(plan).map_err(|error| error.to_string())?;
        Ok(Self {
            right: vec![0.0; configuration.max_block_frames],
            configuration,
            plan,
            audio,
            engine,
            mode: Mode::RealTime,
            device_use,
            num_told: 0,
            condition_told: (State::Loading, 0, false),
        })
    }

    /// What it was set up for.
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// The numbers that the host is told.
    pub fn plan(&self) -> &LatencyPlan {
        &self.plan
    }

    /// What a person may want to know of it.
    pub fn facts(&self) -> Facts {
        Facts {
            status: Arc::clone(self.engine.status()),
            levels: Arc::clone(self.audio.levels()),
            device_use: self.device_use.clone(),
            wanted: self.configuration.wanted.clone(),
            sample_rate: self.plan.sample_rate(),
            latency_frames: self.plan.latency_frames(),
        }
    }

    /// Whether there is something to draw that wasn't there the last time: levels, and not of silence
    /// while the transport stands; or how the engine is doing.
    ///
    /// # Realtime safety
    /// Reads atomics.
    pub fn has_news(&mut self) -> bool {
        let status = self.engine.status();
        let condition = (status.state(), status.late_hops(), is_strained(status));
        let is_changed = std::mem::replace(&mut self.condition_told, condition) != condition;
        let levels = self.audio.levels();
        let num_written = levels.num_written();
        if std::mem::replace(&mut self.num_told, num_written) == num_written {
            return is_changed;
        }
        let last = levels.read(num_written - 1);
        is_changed
            || last
                .is_some_and(|slot| slot.is_playing || slot.mix.peak > 0.0 || slot.main.peak > 0.0)
    }

    /// Whether the host's transport rolls.
    pub fn set_playing(&mut self, is_playing: bool) {
        self.audio.set_playing(is_playing);
    }

    /// Takes the host at its word, except for VST3's late one.
    pub fn set_mode(&mut self, mode: ProcessMode, api: PluginApi) {
        self.mode = match (mode, api) {
            (ProcessMode::Offline | ProcessMode::Buffered, _) => Mode::Offline,
            (ProcessMode::Realtime, PluginApi::Vst3) => {
                // Half the latency: before the first stems are due, rendering is noticed.
                let frames = self.plan.latency_frames() / 2;
                let allowance = frames as f64 / f64::from(self.configuration.sample_rate);
                let allowance = Duration::from_secs_f64(allowance);
                Mode::ByPace(Pace::new(self.configuration.sample_rate, allowance))
            }
            (ProcessMode::Realtime, _) => Mode::RealTime,
        };
    }

    /// Forgets all audio.
    ///
    /// # Realtime safety
    /// Neither allocates nor waits.
    pub fn reset(&mut self) {
        self.audio.reset();
        if let Mode::ByPace(pace) = &mut self.mode {
            pace.reset();
        }
    }

    /// Replaces the input in `main`, of one channel or two, by the main output and fills the stems'.
    ///
    /// # Realtime safety
    /// Waits offline only, for every hop; in real time never.
    pub fn process(
        &mut self,
        main: &mut [&mut [f32]],
        stems: &mut StemOutputs<'_>,
        controls: &Controls,
    ) {
        let num_frames = main.first().map_or(0, |channel| channel.len());
        let is_offline = match &mut self.mode {
            Mode::RealTime => false,
            Mode::Offline => true,
            Mode::ByPace(pace) => pace.is_rendering(num_frames, Instant::now()),
        };
        self.audio.set_offline(is_offline);
        match main {
            [left, right] => self.audio.process([left, right], stems, controls),
            [mono] => self.process_mono(mono, stems, controls),
            _ => {}
        }
        if let Mode::ByPace(pace) = &mut self.mode {
            pace.returns(Instant::now());
        }
    }

    /// The model hears the same in both channels; what it gives is heard as their mean.
    fn process_mono(&mut self, mono: &mut [f32], stems: &mut StemOutputs<'_>, controls: &Controls) {
        // The framework never hands over more than was announced.
        let num_frames = mono.len().min(self.right.len());
        let (mono, right) = (&mut mono[..num_frames], &mut self.right[..num_frames]);
        right.copy_from_slice(mono);
        self.audio.process([mono, right], stems, controls);
        for (left, right) in mono.iter_mut().zip(right) {
            *left = 0.5 * (*left + *right);
        }
    }
}
