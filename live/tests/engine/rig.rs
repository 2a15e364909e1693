//! An engine without a thread: the test is the host, the clock and the scheduler.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use unweave_live::testing::{Clock, Step, Worker, halves};
use unweave_live::{
    AudioSide, Controls, LatencyPlan, LoadedSeparator, Loader, Refusal, Setup, Status, Timing,
};
use unweave_separation::doubles::{Delayed, shape};
use unweave_separation::{Error, Separator, Shape, StemBlock};

/// Time that stands still until it is moved.
#[derive(Clone, Default)]
pub struct FakeClock(Arc<AtomicU64>);

impl FakeClock {
    pub fn advance(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap();
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }

    fn sleep(&self, time: Duration) {
        self.advance(time);
    }
}

/// Any separator, with a count of its calls and an inference time on a fake clock.
pub struct Observed {
    pub inner: Box<dyn Separator>,
    pub calls: Arc<AtomicUsize>,
    pub clock: FakeClock,
    pub time: Duration,
}

impl Separator for Observed {
    fn shape(&self) -> &Shape {
        self.inner.shape()
    }

    fn reset(&mut self) {
        self.inner.reset();
    }

    fn process(&mut self, mix: [&[f32]; 2], stems: &mut StemBlock) -> Result<(), Error> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.clock.advance(self.time);
        self.inner.process(mix, stems)
    }
}

/// Stereo audio, `[channel][frame]`.
pub type Audio = [Vec<f32>; 2];

/// All outputs of a run: main, then the stems.
pub struct Outputs {
    pub main: Audio,
    pub stems: Vec<Audio>,
}

pub struct Rig {
    pub plan: LatencyPlan,
    pub audio: AudioSide,
    pub worker: Worker,
    pub status: Arc<Status>,
    pub calls: Arc<AtomicUsize>,
}

impl Rig {
    /// With a separator of its own rate in a host at `sample_rate`, loaded.
    pub fn new(separator: impl Separator + 'static, sample_rate: u32, max_block: usize) -> Self {
        let timing = Timing::of(separator.shape(), sample_rate).unwrap();
        let plan = LatencyPlan::new(timing, sample_rate, max_block).unwrap();
        Self::with_plan(separator, plan, Duration::ZERO)
    }

    pub fn with_plan(
        separator: impl Separator + 'static,
        plan: LatencyPlan,
        time: Duration,
    ) -> Self {
        let mut rig = Self::unloaded(separator, plan, time);
        assert_eq!(rig.worker.step(), Step::Busy, "loads");
        rig.calls.store(0, Ordering::Relaxed);
        rig
    }

    pub fn unloaded(
        separator: impl Separator + 'static,
        plan: LatencyPlan,
        time: Duration,
    ) -> Self {
        let (calls, clock) = (Arc::default(), FakeClock::default());
        let setup = Setup::new(separator.shape(), plan).unwrap();
        let observed = Observed {
            inner: Box::new(separator),
            calls: Arc::clone(&calls),
            clock: clock.clone(),
            time,
        };
        let (audio, worker, status) = halves(&setup, loader(observed), Box::new(clock));
        Self {
            plan,
            audio,
            worker,
            status,
            calls,
        }
    }

    /// An engine whose loader refuses.
    pub fn refused(shape: &Shape, plan: LatencyPlan, refusal: Refusal) -> Self {
        let clock = FakeClock::default();
        let setup = Setup::new(shape, plan).unwrap();
        let (audio, mut worker, status) =
            halves(&setup, Box::new(|_| Err(refusal)), Box::new(clock));
        worker.step();
        Self {
            plan,
            audio,
            worker,
            status,
            calls: Arc::default(),
        }
    }

    /// Lets the worker do all there is.
    pub fn work(&mut self) {
        while self.worker.step() == Step::Busy {}
    }

    /// Plays blocks whose sizes come round and round, the worker working after each block, until the
    /// mix is out again in full.
    pub fn play(&mut self, mix: &Audio, blocks: &[usize], controls: &Controls) -> Outputs {
        self.play_with(mix, blocks, |_| *controls, Self::work)
    }

    /// As [`Self::play`], with controls for each start frame, and `between` after each block.
    pub fn play_with(
        &mut self,
        mix: &Audio,
        blocks: &[usize],
        controls: impl Fn(usize) -> Controls,
        mut between: impl FnMut(&mut Self),
    ) -> Outputs {
        let total = mix[0].len() + self.plan.latency_frames();
        let mut outputs = Outputs {
            main: mix.clone(),
            stems: vec![[vec![9.0; total], vec![9.0; total]]; 4],
        };
        outputs
            .main
            .iter_mut()
            .for_each(|main| main.resize(total, 0.0));
        let mut start = 0;
        for block in blocks.iter().cycle() {
            let end = total.min(start + block);
            block_of(&mut self.audio, &mut outputs, start..end, &controls(start));
            between(self);
            start = end;
            if start == total {
                return outputs;
            }
        }
        outputs
    }
}

/// One block of the host, in place.
pub fn block_of(
    audio: &mut AudioSide,
    outputs: &mut Outputs,
    range: std::ops::Range<usize>,
    controls: &Controls,
) {
    let mut stems: Vec<_> = outputs
        .stems
        .iter_mut()
        .map(|stem| Some(stem.each_mut().map(|channel| &mut channel[range.clone()])))
        .collect();
    let main = outputs.main.each_mut().map(|main| &mut main[range.clone()]);
    audio.process(main, &mut stems, controls);
}

/// Hands over a separator that is there already.
pub fn loader(separator: impl Separator + 'static) -> Loader {
    let separator = Box::new(separator);
    Box::new(|_| {
        Ok(LoadedSeparator {
            separator,
            terminate: None,
        })
    })
}

/// A small model: a hop of 64 frames, a window of 256, stems of the given gains.
pub fn small_model(gains: [f32; 4]) -> Delayed {
    Delayed::new(shape(44_100, 64, 256), &gains)
}

/// Noise in ±1, the same for a seed, different in the channels.
pub fn noise(num_frames: usize, seed: u32) -> Audio {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut next = move || {
        // Marsaglia, "Xorshift RNGs", 2003: triple 13, 17, 5.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        f32::from(i16::from_ne_bytes([
            state.to_ne_bytes()[1],
            state.to_ne_bytes()[2],
        ])) / 32768.0
    };
    [
        (0..num_frames).map(|_| next()).collect(),
        (0..num_frames).map(|_| next()).collect(),
    ]
}

/// A low tone, whose second difference is small.
pub fn tone(num_frames: usize, cycle_frames: u16) -> Audio {
    let tone: Vec<f32> = (0..num_frames)
        .map(|n| {
            let phase = u16::try_from(n % usize::from(cycle_frames)).unwrap();
            (f32::from(phase) / f32::from(cycle_frames) * std::f32::consts::TAU).sin() * 0.5
        })
        .collect();
    [tone.clone(), tone]
}

/// The mix as it should come out: `latency` frames of silence, then itself.
pub fn delayed(mix: &Audio, latency_frames: usize) -> Audio {
    mix.each_ref().map(|mix| {
        std::iter::repeat_n(0.0, latency_frames)
            .chain(mix.iter().copied())
            .collect()
    })
}

/// Bits, so that −0 is not 0 and NaN is itself.
pub fn bits(audio: &Audio) -> [Vec<u32>; 2] {
    audio
        .each_ref()
        .map(|channel| channel.iter().map(|x| x.to_bits()).collect())
}

/// The largest second difference: a click shows in it, a smooth tone does not.
pub fn max_second_difference(channel: &[f32]) -> f32 {
    channel
        .windows(3)
        .map(|w| (w[0] - 2.0 * w[1] + w[2]).abs())
        .fold(0.0, f32::max)
}
