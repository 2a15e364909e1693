//! An engine set up for one configuration of the host, and the host's blocks in the engine's terms.

use std::time::{Duration, Instant};

use nice_plug::prelude::*;
use unweave_live::{
    AudioSide, Controls, Engine, Fault, LatencyPlan, Loader, Refusal, Setup, State, StereoOut,
    Timing,
};
use unweave_separation::{DeviceUse, Shape};

use crate::ids;
use crate::model::{ModePlan, whole_rate};
use crate::model_choice::ModelChoice;
use crate::pace::Pace;
use crate::report::is_strained;
use crate::succession::{Configuration, Shared, Sounding, Succession, THREAD};

/// The standalone has room for models of this latency.
const STANDALONE_SECONDS: usize = 2;

/// One stereo output per stem, in the order of [`ids::STEMS`]; `None` where there is none.
pub type StemOutputs<'a> = [Option<StereoOut<'a>>; ids::STEMS.len()];

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

/// Engines at work: one, and for a while the one that follows it.
pub struct Running {
    configuration: Configuration,
    audio: AudioSide,
    /// Ends the inference threads when dropped.
    succession: Succession,
    mode: Mode,
    /// Slots of levels that the window has been told of.
    last_seen_slot: u64,
    /// What the window has been told of the engine.
    last_seen_condition: Condition,
    /// Right channel of a mono plug-in.
    right: Vec<f32>,
}

impl Running {
    /// Sets up an engine; the model is loaded on its inference thread. Without one that can be used, the
    /// output is dry, the latency as it was, and the status says why.
    ///
    /// # Errors
    /// In the user's words, why there is no engine at all.
    pub(crate) fn start(
        shared: Shared,
        choice: ModelChoice,
        configuration: Configuration,
        latency_before: Option<usize>,
    ) -> Result<Self, String> {
        let part = Part::find(&shared, &choice, configuration, latency_before)
            .map_err(|error| error.to_string())?;
        let room_frames = if configuration.is_standalone {
            STANDALONE_SECONDS * whole_rate(configuration.sample_rate) as usize
        } else {
            0
        };
        let setup = part.setup.with_room(room_frames);
        let (mut audio, engine) =
            Engine::start(&setup, THREAD, part.loader).map_err(|error| error.to_string())?;
        let handover = audio
            .take_handover()
            .ok_or("the engine has been taken over already")?;
        let sounding = Sounding {
            engine,
            plan: *setup.plan(),
            choice,
            device_use: part.device_use,
            modes: part.modes,
            is_refused: part.is_refused,
        };
        let levels = audio.levels().clone();
        let max_block_frames = configuration.max_block_frames;
        let succession = Succession::start(shared, sounding, handover, levels, configuration)
            .map_err(|error| format!("the system gives no thread: {error}"))?;
        Ok(Self {
            right: vec![0.0; max_block_frames],
            configuration,
            audio,
            succession,
            mode: Mode::RealTime,
            last_seen_slot: 0,
            last_seen_condition: (State::Loading, 0, false),
        })
    }

    /// Goes on for a new activation, with the latency that it needs; false if another has to be started.
    pub fn goes_on(&mut self, choice: &ModelChoice, configuration: Configuration) -> bool {
        if self.configuration != configuration {
            return false;
        }
        let Some(plan) = self.succession.settle(choice) else {
            return false;
        };
        plan.latency_frames() == self.audio.latency_frames() || self.audio.set_plan(&plan)
    }

    /// From input to output; what the host is told on activation.
    pub fn latency_frames(&self) -> usize {
        self.audio.latency_frames()
    }

    /// How long the output may sound after the input has ended.
    pub fn tail_frames(&self) -> usize {
        self.audio.tail_frames()
    }

    /// Whether the host has to be asked to restart the plug-in.
    ///
    /// # Realtime safety
    /// One atomic.
    pub fn takes_restart_request(&self) -> bool {
        self.succession.takes_restart_request()
    }

    /// Whether there is something to draw that wasn't there the last time: levels, and not of silence
    /// while the transport stands; or how the engine is doing.
    ///
    /// # Realtime safety
    /// Reads atomics.
    pub fn has_news(&mut self) -> bool {
        let status = self.audio.status();
        let condition = (status.state(), status.late_hops(), is_strained(status));
        let is_changed = std::mem::replace(&mut self.last_seen_condition, condition) != condition;
        let levels = self.audio.levels();
        let num_written = levels.num_written();
        if std::mem::replace(&mut self.last_seen_slot, num_written) == num_written {
            return is_changed;
        }
        let last = levels.read(num_written - 1);
        is_changed
            || last
                .is_some_and(|slot| slot.is_playing || slot.mix.peak > 0.0 || slot.main.peak > 0.0)
    }

    /// Whether the host renders, as far as the last block has shown.
    pub fn is_offline(&self) -> bool {
        self.audio.is_offline()
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
                let frames = self.audio.latency_frames() / 2;
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

/// What an engine is started with.
struct Part {
    setup: Setup,
    loader: Loader,
    device_use: DeviceUse,
    modes: Vec<ModePlan>,
    is_refused: bool,
}

impl Part {
    /// What is wanted, or what says why that can't be had.
    fn find(
        shared: &Shared,
        choice: &ModelChoice,
        configuration: Configuration,
        latency_before: Option<usize>,
    ) -> Result<Self, unweave_live::Error> {
        let sample_rate = whole_rate(configuration.sample_rate);
        let max_block_frames = configuration.max_block_frames;
        let as_before = |plan: LatencyPlan| {
            let padded = latency_before.and_then(|latency| plan.padded_to(latency));
            padded.unwrap_or(plan)
        };
        let found = (shared.find)(choice).and_then(|source| {
            let plan = source.plan(sample_rate, max_block_frames);
            Ok((plan.map_err(|error| error.to_string())?, source))
        });
        let reason = match found {
            Ok((plan, source)) => {
                let plan = if source.is_refused {
                    as_before(plan)
                } else {
                    plan
                };
                return Ok(Self {
                    modes: source.plans(sample_rate, max_block_frames),
                    setup: Setup::new(&source.shape, plan)?,
                    loader: source.loader,
                    device_use: source.device_use,
                    is_refused: source.is_refused,
                });
            }
            Err(reason) => reason,
        };
        nice_error!("no separation: {reason}");
        // The shortest there is: no inference will ever take its time.
        let timing = Timing {
            window_frames: 1,
            hop_frames: 2,
            budget_frames: 1,
        };
        let shape = Shape {
            sample_rate,
            stems: ids::STEMS.map(str::to_owned).to_vec(),
            residual_idx: ids::STEMS.len() - 1,
            hop_frames: timing.hop_frames,
            window_frames: timing.window_frames,
            budget_frames: timing.budget_frames,
        };
        let plan = LatencyPlan::new(timing, sample_rate, max_block_frames)?;
        Ok(Self {
            setup: Setup::new(&shape, as_before(plan))?,
            loader: Box::new(move |_is_stopping| {
                Err(Refusal {
                    fault: Fault::Rate,
                    reason,
                })
            }),
            device_use: DeviceUse::default(),
            modes: Vec::new(),
            is_refused: true,
        })
    }
}
