//! What one call of `AudioSide::process` costs, to be held against the time that its block lasts.
//!
//! 64 frames at 44.1 kHz last 1.45 ms, 128 last 2.90 ms, 512 last 11.6 ms.
#![allow(
    missing_docs,
    reason = "the macros of criterion declare functions without docs"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use unweave_live::testing::{Step, SystemClock, halves};
use unweave_live::{Controls, LatencyPlan, LoadedSeparator, Setup, Timing};
use unweave_separation::Separator;
use unweave_separation::doubles::{Delayed, shape};

/// What the user has set.
fn cases() -> [(&'static str, Controls); 3] {
    let neutral = Controls::default();
    let mut gains = neutral;
    for (stem, gain) in gains.stems.iter_mut().zip([0.0, 0.5, 2.0, 0.9]) {
        stem.gain = gain;
    }
    let mut sensitivity = gains;
    for (stem, amount) in sensitivity.stems.iter_mut().zip([-1.0, 0.5, -0.3]) {
        stem.sensitivity = amount;
    }
    [
        ("neutral", neutral),
        ("four gains", gains),
        ("four gains and sensitivity", sensitivity),
    ]
}

/// The time of `blocks` calls with four stem outputs. The worker works between them, unmeasured.
fn time_of(blocks: u64, num_frames: usize, controls: &Controls) -> Duration {
    let model = Delayed::new(shape(44_100, 1024, 4096), &[0.4, 0.3, 0.2, 0.0]);
    let timing = Timing::of(model.shape(), 44_100).expect("a supported rate");
    let plan = LatencyPlan::new(timing, 44_100, 512).expect("a hop of many frames");
    let setup = Setup::new(model.shape(), plan).expect("four stems");
    let load = |_: &dyn Fn() -> bool| {
        Ok(LoadedSeparator {
            separator: Box::new(model),
            terminate: None,
        })
    };
    let clock = Box::new(SystemClock::default());
    let (mut audio, mut worker, status) = halves(&setup, Box::new(load), clock);
    let mut stems: [[Vec<f32>; 2]; 4] =
        std::array::from_fn(|_| [vec![0.0; num_frames], vec![0.0; num_frames]]);
    let (mut left, mut right) = (vec![0.0; num_frames], vec![0.0; num_frames]);
    let mut spent = Duration::ZERO;
    let warm_up = (3 * plan.latency_frames() / num_frames) as u64;
    for block_idx in 0..warm_up + blocks {
        while worker.step() == Step::Busy {}
        for (frame_idx, sample) in left.iter_mut().chain(&mut right).enumerate() {
            *sample = if frame_idx % 7 < 3 { 0.2 } else { -0.1 };
        }
        let started = Instant::now();
        let mut outs = stems
            .each_mut()
            .map(|stem| Some(stem.each_mut().map(Vec::as_mut_slice)));
        audio.process([&mut left, &mut right], &mut outs, black_box(controls));
        if block_idx >= warm_up {
            spent += started.elapsed();
        }
    }
    assert_eq!(status.late_hops(), 0, "what is measured is the usual case");
    spent
}

fn audio_side(criterion: &mut Criterion) {
    for (name, controls) in cases() {
        let mut group = criterion.benchmark_group(format!("process, {name}"));
        for num_frames in [64, 128, 512] {
            group.bench_with_input(
                BenchmarkId::from_parameter(num_frames),
                &num_frames,
                |bencher, num_frames| {
                    bencher.iter_custom(|blocks| time_of(blocks, *num_frames, &controls));
                },
            );
        }
        group.finish();
    }
}

criterion_group!(benches, audio_side);
criterion_main!(benches);
