//! Reported latency is measured latency; the plan is enough, and a frame less would not be.

use std::sync::atomic::Ordering;
use std::time::Duration;

use unweave_live::{Controls, LatencyPlan, Timing};
use unweave_separation::doubles::{Delayed, Passthrough, shape};

use crate::rig::{Audio, Outputs, Rig, block_of, noise};

fn impulse(num_frames: usize, at: usize) -> Audio {
    let mut channel = vec![0.0; num_frames];
    channel[at] = 1.0;
    [channel.clone(), channel]
}

fn peak_frame(channel: &[f32]) -> usize {
    (0..channel.len())
        .max_by(|a, b| channel[*a].abs().total_cmp(&channel[*b].abs()))
        .unwrap()
}

/// The impulse in every output that has it, and with a stem taken out of the mix too.
fn assert_latency(out: &Outputs, expected: usize, case: &str) {
    for channel_idx in 0..2 {
        assert_eq!(peak_frame(&out.main[channel_idx]), expected, "main, {case}");
        for stem in &out.stems {
            assert_eq!(peak_frame(&stem[channel_idx]), expected, "stem, {case}");
        }
    }
}

#[test]
fn reported_latency_equals_impulse_delay_for_every_block_size() {
    let sizes = (1..=130)
        .chain((131..8192).step_by(397))
        .chain([511, 512, 513, 8191, 8192]);
    let mut controls = Controls::default();
    controls.stems[1].gain = 0.5;
    for size in sizes {
        let model = Delayed::new(shape(44_100, 64, 256), &[0.25, 0.25, 0.25, 0.25]);
        let mut rig = Rig::new(model, 44_100, size);
        let out = rig.play(&impulse(600, 300), &[size], &controls);
        assert_latency(
            &out,
            300 + rig.audio.latency_frames(),
            &format!("blocks of {size}"),
        );
        assert_eq!(rig.audio.latency_frames(), rig.plan.latency_frames());
    }
}

#[test]
fn reported_latency_equals_impulse_delay_for_every_sample_rate() {
    for rate in [
        8_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000, 384_000,
    ] {
        let model = Delayed::new(shape(44_100, 1024, 4096), &[0.25, 0.25, 0.25, 0.25]);
        let mut rig = Rig::new(model, rate, 1024);
        let out = rig.play(&impulse(3000, 1500), &[1024, 3, 700], &Controls::default());
        assert_latency(
            &out,
            1500 + rig.audio.latency_frames(),
            &format!("{rate} Hz"),
        );
        assert_eq!(rig.status.late_hops(), 0, "{rate} Hz");
    }
}

#[test]
fn latency_is_one_number_for_all_hosts_with_blocks_of_up_to_512_frames() {
    let timing = Timing::of(&shape(44_100, 1024, 4096), 44_100).unwrap();
    let latency = |max_block| {
        LatencyPlan::new(timing, 44_100, max_block)
            .unwrap()
            .latency_frames()
    };
    let usual = latency(512);
    assert!((1..=512).all(|max_block| latency(max_block) == usual));
    // Documented steps above.
    for (max_block, extra) in [
        (513, 512),
        (1024, 512),
        (2048, 1536),
        (8192, 7680),
        (100_000, 7680),
    ] {
        assert_eq!(latency(max_block) - usual, extra, "{max_block}");
    }
}

#[test]
fn live_latency_is_at_most_140_ms_at_blocks_of_512_and_within_the_limit_of_pro_tools() {
    for rate in [44_100, 48_000, 88_200, 96_000, 176_400, 192_000] {
        let timing = Timing::of(&shape(44_100, 1024, 4096), rate).unwrap();
        for max_block in [64, 512, 1024, 8192] {
            let plan = LatencyPlan::new(timing, rate, max_block).unwrap();
            assert!(plan.fits_pro_tools(), "{plan:?}");
            let millis = plan.latency_frames() * 1000 / usize::try_from(rate).unwrap();
            assert!(max_block > 512 || millis < 140, "{millis} ms, {plan:?}");
        }
    }
}

#[test]
fn a_budget_of_a_hop_or_more_is_refused_as_too_slow() {
    let timing = Timing {
        window_frames: 4096,
        hop_frames: 1024,
        budget_frames: 896,
    };
    let plan = LatencyPlan::new(timing, 44_100, 512).unwrap();
    assert!(plan.with_budget(1023).is_ok());
    for budget_frames in [0, 1024, 5000] {
        assert!(plan.with_budget(budget_frames).is_err());
    }
}

/// A host in which blocks come when their last frame has been recorded, and a worker that takes
/// exactly `time_frames` for an inference.
struct Paced {
    rig: Rig,
    hop_frames: usize,
    time_frames: usize,
    /// When the inferences that have been started will be done.
    finishes: Vec<usize>,
}

impl Paced {
    /// Plays noise in these blocks with the first stem, which is all of it, muted. Returns the late
    /// hops, and whether anything of the mix was heard.
    fn play(&mut self, blocks: impl Iterator<Item = usize>) -> (u64, bool) {
        let blocks: Vec<usize> = blocks.collect();
        let total = blocks.iter().sum();
        let mut out = Outputs {
            main: noise(total, 5),
            stems: vec![],
        };
        let mut controls = Controls::default();
        controls.stems[0].is_muted = true;
        let mut now = 0;
        for block in blocks {
            let start = now;
            now += block;
            let done = self
                .finishes
                .iter()
                .filter(|finish| **finish <= now)
                .count();
            while self.rig.calls.load(Ordering::Relaxed) < done {
                self.rig.worker.step();
            }
            block_of(&mut self.rig.audio, &mut out, start..now, &controls);
            while (self.finishes.len() + 1) * self.hop_frames <= now {
                let begin = self.finishes.last().map_or(now, |last| now.max(*last));
                self.finishes.push(begin + self.time_frames);
            }
        }
        let is_heard = out.main.iter().flatten().any(|sample| *sample != 0.0);
        (self.rig.status.late_hops(), is_heard)
    }
}

/// Hop, hops per window: windows that are a multiple of the hop are the only ones in use.
const SHAPES: [(usize, usize); 5] = [(2, 1), (3, 2), (8, 1), (16, 3), (50, 4)];

/// At 8 kHz a fade is 24 frames, and the allowance is never below 512: blocks reach it.
fn paced(hop_frames: usize, window_hops: usize, budget: usize, time_frames: usize) -> Paced {
    let shape = shape(8_000, hop_frames, hop_frames * window_hops);
    let timing = Timing::of(&shape, 8_000).unwrap();
    let plan = LatencyPlan::new(timing, 8_000, 512)
        .unwrap()
        .with_budget(budget)
        .unwrap();
    Paced {
        rig: Rig::with_plan(Passthrough::new(shape), plan, Duration::ZERO),
        hop_frames,
        time_frames,
        finishes: vec![],
    }
}

/// All single frames but for one block of `burst`, which ends the wait for a window as late as it can:
/// it begins a frame before the window would be complete. By then the mix is being heard.
fn worst_case(
    window_frames: usize,
    hop_frames: usize,
    burst: usize,
) -> impl Iterator<Item = usize> {
    let before = 1000_usize.next_multiple_of(hop_frames) + window_frames - 1;
    std::iter::repeat_n(1, before)
        .chain([burst])
        .chain(std::iter::repeat_n(1, 1500))
}

#[test]
fn the_plan_never_underruns_and_one_frame_more_of_anything_does() {
    for (hop, window_hops) in SHAPES {
        for budget in [1, hop / 2, hop - 1] {
            let budget = budget.max(1);
            let window = hop * window_hops;
            let run = |time, burst| {
                paced(hop, window_hops, budget, time).play(worst_case(window, hop, burst))
            };
            let case = format!("hop {hop}, window {window}, budget {budget}");
            assert_eq!(run(budget, 512), (0, false), "{case}");
            // The plan is for T and B exactly: the same latency is a frame short for T + 1 or B + 1.
            assert!(run(budget + 1, 512).0 > 0, "{case}, a slower inference");
            assert!(run(budget, 513).0 > 0, "{case}, a longer block");
        }
    }
}

#[test]
fn the_plan_never_underruns_for_any_pattern_of_blocks() {
    let patterns: [&[usize]; 8] = [
        &[1],
        &[512],
        &[511, 1],
        &[1, 512],
        &[64, 128, 17],
        &[333, 3, 512, 5],
        &[512, 512, 1, 1, 1],
        &[7, 500, 49, 512, 2],
    ];
    for (hop, window_hops) in SHAPES {
        for (pattern_idx, pattern) in patterns.iter().enumerate() {
            // Every phase of the pattern against the hops.
            for phase in 1..=hop.min(9) {
                let blocks =
                    std::iter::once(phase).chain(pattern.iter().copied().cycle().take(300));
                let result = paced(hop, window_hops, hop - 1, hop - 1).play(blocks);
                let case = format!("hop {hop}, window {window_hops}, {pattern_idx}, {phase}");
                assert_eq!(result, (0, false), "{case}");
            }
        }
    }
}
