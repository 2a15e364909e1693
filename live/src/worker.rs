//! The inference thread's half of the engine.
//!
//! It loads the model, measures it, then turns what the mix lane holds into what the stem lane gets,
//! at most one hop per step. It owns the model and all that is freed.
//!
//! ```text
//! Waiting ─ the loader gives a model ─► Running ─ MAX_FAILURES in a row ─► Refused
//!    └───── it gives none, or another than was planned for ───────────────────▲
//! ```
//! A model that is too slow is Running, but lets the mix go by in real time and works offline only; its state
//! says so. Whatever the phase, the mix lane is emptied, so that what comes in later finds room.

mod trial;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use unweave_separation::{StemBlock, Stream, Timing};

use crate::clock::Clock;
use crate::lane::{LanePosition, LaneReader, LaneWriter};
use crate::priority;
use crate::setup::{LoadedSeparator, Loader, Refusal, Setup};
use crate::status::{Fault, State, Status};
use trial::Trial;

/// Failures in a row after which a model is given up: 3.7 s of audio with the built-in model in its standard
/// mode, so a passing fault heals and a lasting one is soon called by its name.
const MAX_FAILURES: u32 = 40;

/// Shortest nap, as naps per hop; what it adds to the time of an inference is part of the budget's slack.
const NAPS_PER_HOP: usize = 16;

/// The share of a hop, as shares per hop, that the worker is up before the next hop can be complete:
/// systems let sleepers oversleep.
const MARGINS_PER_HOP: usize = 8;

/// Shortest nap when no audio has come for [`IDLE_AFTER`]; still within the budget of an inference that
/// takes half of it.
const IDLE_NAPS_PER_HOP: usize = 4;

/// Time without audio after which naps get longer.
const IDLE_AFTER: Duration = Duration::from_millis(500);

/// What a step has found to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There may be more to do at once.
    Busy,
    /// Nothing, until the audio side hands over more.
    Idle,
}

/// Loads a model and runs it; owned by the inference thread.
pub struct Worker {
    /// What both halves have agreed on.
    setup: Setup,
    /// How it is doing, for all other threads.
    status: Arc<Status>,
    /// By which inferences are timed and naps are taken.
    clock: Box<dyn Clock>,
    mix_lane: LaneReader,
    stem_lane: LaneWriter,
    /// Loading, separating, or neither.
    phase: Phase,
    /// Mix for one inference, `[channel][frame]`.
    mix: [Vec<f32>; 2],
}

enum Phase {
    /// The model is not loaded yet.
    Waiting(Loader),
    /// Hops are separated.
    Running(Box<Separation>),
    /// There is no model, or it was given up; also while a step has the phase in its hands.
    Refused,
}

/// A model at work.
struct Separation {
    /// The model, at the host's rate.
    stream: Stream,
    /// Where the next frame of the mix must belong to follow the last.
    next_in: Option<LanePosition>,
    /// Where the next frame of the stems belongs.
    next_out: LanePosition,
    /// What the last inference gave; waits if the stem lane is full.
    stems: StemBlock,
    /// Since stems last came out.
    failures_in_a_row: u32,
    /// What an inference takes and what it may take, if that is less: then it is for offline use only.
    excess: Option<(Duration, Duration)>,
    /// Time spent since stems last came out.
    spent: Duration,
}

impl Worker {
    pub(crate) fn new(
        setup: &Setup,
        status: Arc<Status>,
        lanes: (LaneReader, LaneWriter),
        source: (Loader, Box<dyn Clock>),
    ) -> Self {
        let (mix_lane, stem_lane) = lanes;
        let (loader, clock) = source;
        let hop_frames = setup.plan.timing().hop_frames;
        Self {
            setup: setup.clone(),
            status,
            clock,
            mix_lane,
            stem_lane,
            phase: Phase::Waiting(loader),
            mix: [vec![0.0; hop_frames], vec![0.0; hop_frames]],
        }
    }

    /// Works until the engine is dropped; the body of the inference thread.
    pub(crate) fn run(&mut self) {
        priority::make_normal();
        self.status.signal.set_worker(std::thread::current());
        // The worker is not used after a panic, so nothing broken is seen.
        if catch_unwind(AssertUnwindSafe(|| self.work())).is_err() {
            self.refuse(Refusal {
                fault: Fault::Panicked,
                reason: "the inference thread ended because of a bug".to_owned(),
            });
        }
        self.status.signal.set_terminate(None);
        self.phase = Phase::Refused;
        self.status.signal.set_finished();
    }

    /// Steps and naps until it is told to stop.
    fn work(&mut self) {
        let mut last_busy = self.clock.now();
        while !self.status.signal.is_stopping() {
            let now = self.clock.now();
            if self.step() == Step::Busy {
                last_busy = now;
            } else {
                let nap_frames = self.nap_frames(now.saturating_sub(last_busy) >= IDLE_AFTER);
                let sample_rate = self.setup.plan.sample_rate();
                self.clock.sleep(frames_to_time(nap_frames, sample_rate));
            }
        }
    }

    /// How long there is certainly nothing to do.
    ///
    /// The worker looks for itself because waking it would be a system call of the audio thread. It may
    /// sleep as long as the frames last that the next hop lacks, less a block that is recorded already
    /// and not handed over yet.
    pub(crate) fn nap_frames(&self, is_idle: bool) -> usize {
        let timing = self.setup.plan.timing();
        let hop_frames = timing.hop_frames;
        let lacking = match &self.phase {
            Phase::Running(separation) => separation.lacking_frames(timing),
            Phase::Waiting(_) | Phase::Refused => hop_frames,
        };
        let naps_per_hop = if is_idle {
            IDLE_NAPS_PER_HOP
        } else {
            NAPS_PER_HOP
        };
        lacking
            .saturating_sub(self.status.block_frames())
            .saturating_sub(hop_frames / MARGINS_PER_HOP)
            .max(hop_frames / naps_per_hop)
            .max(1)
    }

    /// Loads the model in the first call, and in each later one does at most one hop.
    pub fn step(&mut self) -> Step {
        let step = match std::mem::replace(&mut self.phase, Phase::Refused) {
            Phase::Waiting(loader) => self.load(loader),
            Phase::Running(mut separation) => {
                let step = if separation.is_barred(&self.status) {
                    self.discard()
                } else {
                    self.separate(&mut separation)
                };
                if separation.failures_in_a_row < MAX_FAILURES {
                    self.phase = Phase::Running(separation);
                }
                step
            }
            Phase::Refused => self.discard(),
        };
        if !self.holds_stems() {
            self.status
                .signal
                .set_done_frames(self.mix_lane.read_frames());
        }
        step
    }

    /// Loads and measures the model, and says what came of it.
    fn load(&mut self, loader: Loader) -> Step {
        let status = Arc::clone(&self.status);
        let loaded = loader(&|| status.signal.is_stopping());
        status.signal.set_loaded();
        let loaded = loaded.and_then(|loaded| self.start(loaded));
        match loaded {
            Ok(separation) => {
                // What came in meanwhile is late by now if it is more than the latency. If it is less, it
                // may be all from the first frame on, by a host that renders and has not said so yet.
                let is_late = self.mix_lane.num_frames() >= self.setup.plan.latency_frames();
                if is_late && !self.status.signal.is_offline() {
                    self.discard();
                }
                self.status.set_state(State::Running, None);
                self.phase = Phase::Running(Box::new(separation));
            }
            Err(refusal) => self.refuse(refusal),
        }
        Step::Busy
    }

    /// Checks that the model is what the latency was planned for, and how fast it is here.
    ///
    /// # Errors
    /// [`Fault::Mismatch`] or [`Fault::Inference`]. That it is too slow is none: it may be rendered with.
    fn start(&mut self, loaded: LoadedSeparator) -> Result<Separation, Refusal> {
        let plan = &self.setup.plan;
        let unfit = |reason: String| Refusal {
            fault: Fault::Mismatch,
            reason,
        };
        let mut stream = Stream::new(loaded.separator, plan.sample_rate())
            .map_err(|error| unfit(error.to_string()))?;
        let shape = stream.shape();
        if stream.timing() != plan.timing()
            || shape.stems.len() != self.setup.num_stems
            || shape.residual_idx != self.setup.residual_idx
        {
            let reason = "the model differs from what its manifest says; install it again";
            return Err(unfit(reason.to_owned()));
        }
        self.status.signal.set_terminate(loaded.terminate);
        let budget = frames_to_time(plan.budget_frames(), plan.sample_rate());
        let trial = Trial {
            clock: &*self.clock,
            status: &self.status,
            budget,
        };
        let time = trial.run(&mut stream).map_err(|error| Refusal {
            fault: Fault::Inference,
            reason: error.to_string(),
        })?;
        self.status.set_inference_time(time);
        Ok(Separation {
            stream,
            next_in: None,
            next_out: LanePosition { epoch: 0, frame: 0 },
            stems: StemBlock::default(),
            failures_in_a_row: 0,
            excess: (time > budget).then_some((time, budget)),
            spent: Duration::ZERO,
        })
    }

    /// Does at most one hop of what the mix lane holds.
    fn separate(&mut self, separation: &mut Separation) -> Step {
        if !self.deliver(separation) {
            return Step::Idle;
        }
        let Some(run) = self.mix_lane.run() else {
            return Step::Idle;
        };
        if run.start.epoch < self.status.signal.epoch() {
            self.mix_lane.skip(run.num_frames);
            return Step::Busy;
        }
        if separation.next_in != Some(run.start) {
            separation.begin(run.start);
        }
        let num_frames = run.num_frames.min(self.mix[0].len());
        let [left, right] = &mut self.mix;
        let mix = [&mut left[..num_frames], &mut right[..num_frames]];
        self.mix_lane.read(num_frames, mix);
        let result = separation.push([&left[..num_frames], &right[..num_frames]], &*self.clock);
        match result {
            Ok(()) => {
                self.note_load(separation);
                self.deliver(separation);
            }
            Err(_) if self.status.signal.is_stopping() => {}
            Err(error) => {
                self.status.add_failed_hop();
                separation.next_in = None;
                separation.failures_in_a_row += 1;
                if separation.failures_in_a_row == MAX_FAILURES {
                    self.refuse(Refusal {
                        fault: Fault::Inference,
                        reason: error.to_string(),
                    });
                }
            }
        }
        Step::Busy
    }

    /// Puts stems into their lane; false if they have to wait for room.
    fn deliver(&mut self, separation: &mut Separation) -> bool {
        let num_frames = separation.stems.num_frames();
        if separation.next_out.epoch >= self.status.signal.epoch() {
            let channels = separation.stems.iter().flatten().map(Vec::as_slice);
            if !self
                .stem_lane
                .write(separation.next_out, num_frames, channels)
            {
                return false;
            }
        }
        separation.next_out = separation.next_out.after(num_frames);
        separation.stems.resize(0);
        true
    }

    /// Whether stems wait for room in their lane.
    fn holds_stems(&self) -> bool {
        matches!(&self.phase, Phase::Running(separation) if separation.stems.num_frames() > 0)
    }

    /// Lets all go by that the mix lane holds.
    fn discard(&mut self) -> Step {
        let mut step = Step::Idle;
        while let Some(run) = self.mix_lane.run() {
            self.mix_lane.skip(run.num_frames);
            step = Step::Busy;
        }
        step
    }

    /// Tells why there will be no stems.
    fn refuse(&mut self, refusal: Refusal) {
        self.status
            .set_state(State::Refused(refusal.fault), Some(refusal.reason));
    }

    /// Smooths the load over the last eight hops or so.
    fn note_load(&mut self, separation: &mut Separation) {
        let num_frames = separation.stems.num_frames();
        if num_frames == 0 {
            return;
        }
        let time = frames_to_time(num_frames, self.setup.plan.sample_rate());
        let spent = std::mem::take(&mut separation.spent);
        let permille = spent.as_micros() * 1000 / time.as_micros().max(1);
        self.status
            .note_load_permille(u32::try_from(permille).unwrap_or(u32::MAX));
    }
}

impl Separation {
    /// A new mix begins here.
    fn begin(&mut self, position: LanePosition) {
        self.stream.reset();
        self.next_in = Some(position);
        self.next_out = position;
        self.spent = Duration::ZERO;
    }

    /// Separates frames that follow the last ones, and times it.
    fn push(
        &mut self,
        mix: [&[f32]; 2],
        clock: &dyn Clock,
    ) -> Result<(), unweave_separation::Error> {
        let started = clock.now();
        let result = self.stream.push(mix, &mut self.stems);
        self.spent += clock.now().saturating_sub(started);
        self.next_in = self.next_in.map(|position| position.after(mix[0].len()));
        if self.stems.num_frames() > 0 {
            self.failures_in_a_row = 0;
        }
        result
    }

    /// Frames of mix until the next inference can begin, at most a hop.
    ///
    /// By the definition of the window, the next stem frame p needs the mix up to p + S. Until the first
    /// comes out an inference is due every hop before that, too.
    fn lacking_frames(&self, timing: Timing) -> usize {
        let window_end = self.next_out.frame + timing.window_frames as u64;
        let position = self.next_in.map_or(window_end, |position| position.frame);
        let lacking = window_end.saturating_sub(position).max(1);
        let hop_frames = timing.hop_frames as u64;
        usize::try_from((lacking - 1) % hop_frames + 1).unwrap_or(1)
    }

    /// Whether it must not run now, being too slow for real time. Keeps the state up to date.
    fn is_barred(&mut self, status: &Status) -> bool {
        let Some((time, budget)) = self.excess else {
            return false;
        };
        let is_barred = !status.signal.is_offline();
        let state = if is_barred {
            State::Refused(Fault::TooSlow)
        } else {
            State::Running
        };
        if status.state() != state {
            let reason = format!(
                "one inference takes {} ms here, {} ms are allowed; rendering offline still works",
                time.as_millis(),
                budget.as_millis()
            );
            status.set_state(state, is_barred.then_some(reason));
        }
        if is_barred {
            self.next_in = None;
        }
        is_barred
    }
}

/// How long so many frames last, rounded down to a nanosecond.
pub(crate) fn frames_to_time(num_frames: usize, sample_rate: u32) -> Duration {
    Duration::from_nanos(num_frames as u64 * 1_000_000_000 / u64::from(sample_rate.max(1)))
}
