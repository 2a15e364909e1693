//! The audio thread's half of the engine.
//!
//! For every block: keep the mix in the delay, hand it to the worker, then take what is due, `latency`
//! frames later, and put the outputs together from the delayed mix and the stems. While another engine
//! follows, both workers get the mix, and the stems are the old one's up to the frame from which on the new
//! one has heard it.
//!
//! A block is cut twice: into pieces of at most the allowance B, each of which is written to the delay and to
//! the lanes before anything due is read, and these into chunks of at most 64 frames, which are mixed one by
//! one. What comes out doesn't depend on where the cuts are.
//!
//! # Units
//! Positions are frames of the mix since the last reset, at the host's rate; output frame t is mix frame t −
//! latency, which is negative before the first has come through.

mod bleed;
mod chunk;
mod delay;
mod fade;
mod following;
mod mixer;

use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::controls::Controls;
use crate::denormals::{flushed, normal_or_zero};
use crate::handover::{Arrivals, Handover, Link, handover};
use crate::lane::{LanePosition, Run};
use crate::levels::{Gauge, Levels};
use crate::plan::LatencyPlan;
use crate::setup::Setup;
use crate::status::{State, Status};
use chunk::{Chunk, Cover};
use delay::Delay;
use fade::Fade;
use mixer::Mixer;

/// No hop takes longer offline; a worker that is silent for so long is stuck, and the output is dry.
const OFFLINE_LIMIT: Duration = Duration::from_secs(60);

/// One output of two channels, `[channel][frame]`.
pub type StereoOut<'a> = [&'a mut [f32]; 2];

/// Turns blocks of the mix into blocks of the outputs; owned by the audio thread.
///
/// It may be moved to another thread between two calls, as hosts do, but not used by two at once.
///
/// ```compile_fail
/// fn is_sync<T: Sync>() {}
/// is_sync::<unweave_live::AudioSide>();
/// ```
///
/// # Realtime safety
/// In real time nothing here allocates, frees, locks, makes a system call or panics, and the time a
/// call takes depends on its block length and settings alone. Dropping it frees: not on the audio
/// thread.
pub struct AudioSide {
    /// The engine whose stems are heard.
    link: Box<Link>,
    /// The engine that follows, and the frame from which on it is heard.
    next: Option<(Box<Link>, u64)>,
    /// Through which another engine comes, and the old one goes.
    arrivals: Arrivals,
    /// The other threads' end of that, until somebody takes it.
    handover: Option<Handover>,
    /// From input to output, as it is now.
    latency_frames: u64,
    /// B: most frames that are taken at a time.
    allowance_frames: usize,
    /// Whether it may wait for the worker.
    is_offline: bool,
    /// Counts resets; what is on its way from an older one is dropped.
    epoch: u64,
    /// Frames since the reset: the position of the next input frame.
    frame: u64,
    /// The mix, for as long as it waits for its stems.
    delay: Delay,
    mixer: Mixer,
    chunk: Chunk,
    /// Position of the next output frame in the mix: `frame − latency` between calls.
    due: i64,
    /// How much of the stems is heard.
    fade: Fade,
    /// Measures what came in and went out.
    gauge: Gauge,
    _not_sync: PhantomData<Cell<()>>,
}

impl AudioSide {
    /// The half that belongs to the engine of `link`, before the first frame. Allocates all that it will ever
    /// need.
    pub(crate) fn new(setup: &Setup, link: Box<Link>) -> Self {
        let plan = &setup.plan;
        let allowance_frames = plan.allowance_frames();
        let (handover, arrivals) = handover(setup.num_stems);
        Self {
            link,
            next: None,
            arrivals,
            handover: Some(handover),
            latency_frames: plan.latency_frames() as u64,
            allowance_frames,
            is_offline: false,
            epoch: 0,
            frame: 0,
            delay: Delay::new(plan.latency_frames().max(setup.room_frames) + allowance_frames),
            mixer: Mixer::new(setup),
            chunk: Chunk::new(setup.num_stems),
            due: first_due(plan.latency_frames()),
            fade: Fade::new(plan),
            gauge: Gauge::new(Arc::new(Levels::new(setup.num_stems, plan.sample_rate()))),
            _not_sync: PhantomData,
        }
    }

    /// Frames from input to output, on every output, for every block size.
    pub fn latency_frames(&self) -> usize {
        // It came from a usize.
        usize::try_from(self.latency_frames).unwrap_or(usize::MAX)
    }

    /// How long the output may sound after the input has ended; what the host is told.
    ///
    /// The last frame leaves after the latency. A window more covers what a model's synthesis smears.
    pub fn tail_frames(&self) -> usize {
        self.latency_frames() + self.link.window_frames
    }

    /// How the engine that is heard is doing.
    pub fn status(&self) -> &Arc<Status> {
        &self.link.status
    }

    /// What another engine comes through while the host plays; none if it was taken before.
    pub fn take_handover(&mut self) -> Option<Handover> {
        self.handover.take()
    }

    /// Another latency for the same engine, and all audio forgotten; false if it is more than there was
    /// at first. Not while the host plays: it has to be told.
    pub fn set_plan(&mut self, plan: &LatencyPlan) -> bool {
        self.set_latency(plan.latency_frames())
    }

    fn set_latency(&mut self, latency_frames: usize) -> bool {
        if latency_frames + self.allowance_frames > self.delay.capacity_frames() {
            return false;
        }
        self.latency_frames = latency_frames as u64;
        self.reset();
        true
    }

    /// Forgets all audio: the next frame is the first of a new mix, and silence comes before it.
    ///
    /// For the host's reset and for positions that it jumps to. It takes no time: what is on its way
    /// is recognised by its epoch and dropped.
    pub fn reset(&mut self) {
        self.epoch += 1;
        self.frame = 0;
        self.due = first_due(self.latency_frames());
        self.fade.reset();
        self.mixer.reset();
        // Nothing is left of what the old engine has heard.
        self.go_over();
        self.link.status.signal.set_epoch(self.epoch);
    }

    /// How loud the mix and its stems have been; for meters, on any other thread.
    pub fn levels(&self) -> &Arc<Levels> {
        self.gauge.levels()
    }

    /// Whether the host's transport rolls: [`Levels`] tells it on.
    pub fn set_playing(&mut self, is_playing: bool) {
        self.gauge.set_playing(is_playing);
    }

    /// Whether [`Self::process`] may wait for the worker: true for rendering, never for real time.
    ///
    /// Offline the output is never dry while the model works, and it doesn't depend on block sizes.
    pub fn set_offline(&mut self, is_offline: bool) {
        if self.is_offline != is_offline {
            self.is_offline = is_offline;
            for link in self.links() {
                link.status.signal.set_offline(is_offline);
            }
        }
    }

    /// What [`Self::set_offline`] was told last.
    pub fn is_offline(&self) -> bool {
        self.is_offline
    }

    /// Replaces the mix in `main` by the main output, and fills the stem outputs.
    ///
    /// The main output is `x + Σ (g_i − 1) s_i` with the delayed mix x, stems s_i and gains g_i: x
    /// bit for bit while all gains are 1, but for denormals, which come in as zeros of their sign and are handed
    /// on to nobody. Where stems are missing it fades to x, and the stem outputs
    /// to silence. A mono plug-in gives the same frames to both channels and takes their mean, which
    /// is exact where both are the same.
    ///
    /// # Shape
    /// `main` is `[channel][frame]`, any number of frames; if the channels differ, the shorter counts.
    /// `stems` is one output per stem in the model's order; it may be shorter or hold `None`, which
    /// costs nothing. Stem outputs beyond the model's stems are silent.
    pub fn process(
        &mut self,
        main: StereoOut<'_>,
        stems: &mut [Option<StereoOut<'_>>],
        controls: &Controls,
    ) {
        // Hosts may do so themselves, and frameworks do half of it: what comes in counts, too.
        flushed(|| self.process_flushed(main, stems, controls));
    }

    /// As [`AudioSide::process`], with denormals rounded to zero.
    fn process_flushed(
        &mut self,
        main: StereoOut<'_>,
        stems: &mut [Option<StereoOut<'_>>],
        controls: &Controls,
    ) {
        let [left, right] = main;
        let num_frames = left.len().min(right.len());
        for sample in left.iter_mut().chain(right.iter_mut()) {
            *sample = normal_or_zero(*sample);
        }
        self.mixer.set(controls);
        self.meet_successor();
        for link in self.links() {
            link.status.note_block(num_frames);
        }
        let mut done = 0;
        while done < num_frames {
            let end = num_frames.min(done + self.allowance_frames);
            self.take([&left[done..end], &right[done..end]]);
            while done < end {
                let chunk_end = end.min(done + chunk::MAX_FRAMES);
                self.give(
                    [&mut left[done..chunk_end], &mut right[done..chunk_end]],
                    stems,
                    done,
                );
                done = chunk_end;
            }
        }
    }

    /// Keeps frames of the mix and hands them to the worker.
    fn take(&mut self, mix: [&[f32]; 2]) {
        let num_frames = mix[0].len();
        let position = LanePosition {
            epoch: self.epoch,
            frame: self.frame,
        };
        if self.frame == 0 {
            let is_running = self.is_offline || self.link.status.state() == State::Running;
            self.fade.expect(is_running);
        }
        self.delay.write(self.frame, mix);
        if self.is_offline {
            self.wait();
        }
        // Refused if the worker has fallen behind by more than the lane holds. The frames' stems then
        // are missing, which is noticed when they are due.
        for link in self.links() {
            link.mix_lane.write(position, num_frames, mix);
        }
        if self.is_offline {
            self.wait();
        }
        self.frame += num_frames as u64;
    }

    /// Waits until the worker has loaded the model and is done with all that it was given.
    fn wait(&mut self) {
        let epoch = self.epoch;
        for link in self.links() {
            // Makes room in the stem lane.
            while let Some(run) = link.stem_lane.run()
                && run.start.epoch != epoch
            {
                link.stem_lane.skip(run.num_frames);
            }
            let status = &*link.status;
            let written = link.mix_lane.written_frames();
            status.signal.wake_worker();
            status.signal.wait_until(OFFLINE_LIMIT, || {
                status.signal.is_stopping()
                    || status.signal.is_finished()
                    || (status.state() != State::Loading && status.signal.done_frames() >= written)
            });
        }
    }

    /// Fills one piece of the outputs, from frame `start` of the block on.
    fn give(&mut self, main: StereoOut<'_>, stems: &mut [Option<StereoOut<'_>>], start: usize) {
        let num_frames = main[0].len();
        self.chunk.num_frames = num_frames;
        self.chunk.frame = self.due;
        let [left, right] = &mut self.chunk.mix;
        self.delay.read(
            self.due,
            [&mut left[..num_frames], &mut right[..num_frames]],
        );
        self.fetch();
        let [left, right] = main;
        self.mixer
            .mix(&mut self.chunk, [&mut *left, &mut *right], stems, start);
        self.measure([left, right]);
        self.due += num_frames as i64;
    }

    /// Adds the chunk to the levels.
    fn measure(&mut self, main: [&[f32]; 2]) {
        let chunk = &self.chunk;
        self.gauge.add(chunk.frames(&chunk.mix), main);
        if chunk.cover != Cover::Nowhere {
            for (stem_idx, stem) in chunk.stems.iter().enumerate() {
                self.gauge.add_stem(stem_idx, chunk.frames(stem));
            }
        }
        self.gauge
            .publish(|stem_idx| self.mixer.heard_gain(stem_idx));
    }

    /// Fetches the stems that are due for the chunk, and says where they are heard.
    ///
    /// Frames before the mix are silent; then as many runs of the lane as it takes, first of the present
    /// engine, then of the one that follows.
    fn fetch(&mut self) {
        let num_frames = self.chunk.num_frames;
        let mut done = self.chunk.num_frames_before_the_mix();
        self.chunk.clear(0..done);
        if done < num_frames && self.chunk.frame + done as i64 == 0 {
            self.fade.begin();
        }
        while done < num_frames {
            let left = self.frames_left(done);
            if left == 0 {
                self.go_over();
                continue;
            }
            done = self.fetch_run(done..num_frames.min(done.saturating_add(left)), left);
        }
        self.chunk.find_cover();
    }

    /// Fetches the next stems for these frames of the chunk, of which only `left` will be heard. Returns up
    /// to where it has.
    fn fetch_run(&mut self, range: Range<usize>, left: usize) -> usize {
        let Some(run) = self.next_run(range.start) else {
            self.miss(range.clone());
            return range.end;
        };
        // Both are positions in the mix, and the run's is not before the chunk's.
        let wait = run
            .start
            .frame
            .saturating_sub(self.chunk.position(range.start));
        let start = range.end.min(range.start.saturating_add(to_usize(wait)));
        if start > range.start {
            self.miss(range.start..start);
        }
        let end = range.end.min(start + run.num_frames);
        if end > start {
            let left = left - (start - range.start);
            let range = start..end;
            self.link
                .stem_lane
                .read(range.len(), self.chunk.stems_mut(range.clone()));
            let weights = &mut self.chunk.weights[range];
            let late = self.fade.hear(weights, run.num_frames.min(left));
            // That another engine follows is no gap.
            if run.num_frames < left {
                self.count(late);
            }
        }
        end
    }

    /// The next stems that are not outdated at frame `done` of the chunk.
    fn next_run(&mut self, done: usize) -> Option<Run> {
        loop {
            let run = self.link.stem_lane.run()?;
            let outdated = if run.start.epoch == self.epoch {
                to_usize(self.chunk.position(done).saturating_sub(run.start.frame))
            } else {
                run.num_frames
            };
            if outdated == 0 {
                return Some(run);
            }
            self.link.stem_lane.skip(outdated.min(run.num_frames));
        }
    }

    /// There are no stems for these frames of the chunk.
    fn miss(&mut self, range: Range<usize>) {
        let late = self.fade.miss(range.len());
        self.count(late);
        self.chunk.clear(range);
    }

    /// Adds to the late hops, while the model works; after that their absence is expected.
    fn count(&mut self, late_hops: u64) {
        if late_hops > 0 {
            // A fault has its own counter and reason.
            if self.link.status.state() == State::Running {
                self.link.status.add_late_hops(late_hops);
            } else {
                self.fade.expect(false);
            }
        }
    }
}

/// The position that is due first after a reset: as far before the mix as the latency is long.
fn first_due(latency_frames: usize) -> i64 {
    // No latency comes near what an i64 holds.
    -i64::try_from(latency_frames).unwrap_or(i64::MAX)
}

/// Saturates where a `usize` has 32 bits; only distances within a lane matter.
fn to_usize(frames: u64) -> usize {
    usize::try_from(frames).unwrap_or(usize::MAX)
}
