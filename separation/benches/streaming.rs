//! Where the time of separation goes: transforms, resampling, model, all together, and loading.
//!
//! `cargo bench -p unweave-separation`; needs the runtime as the tests do. Real-time factor = time per
//! iteration divided by the seconds of audio that the name says. What the model alone costs is the
//! separator less the transforms: the separator does those and nothing else beside it.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use unweave_separation::doubles::{self, Delayed};
use unweave_separation::{Mode, Model, Options, Purpose, Resampler, StemBlock, Stft, Stream, load};

const RATE: u32 = 44_100;
const HOP: usize = 1_024;

fn noise(frames: usize) -> Vec<f32> {
    let mut state = 1u32;
    (0..frames)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from((state >> 16) as u16) / 32_768.0 - 1.0
        })
        .collect()
}

/// The transforms of one hop of a model with four stems: 2 forward, 6 backward.
fn transforms(c: &mut Criterion) {
    let mut stft = Stft::new(4_096, HOP);
    let samples = noise(HOP);
    let mut spectrum = vec![0.0; 2 * stft.num_bins()];
    let mut buffers = vec![vec![0.0; 4_096]; 8];
    let mut out = vec![0.0; HOP];
    c.bench_function("transforms, 1 hop of 4 stems (23.2 ms)", |b| {
        b.iter(|| {
            for history in &mut buffers[..2] {
                stft.analyse(history, black_box(&samples), &mut spectrum);
            }
            for overlap in &mut buffers[2..] {
                stft.synthesise(black_box(&spectrum), overlap, &mut out);
            }
        });
    });
}

fn resampling(c: &mut Criterion) {
    for (from, to) in [(48_000, RATE), (RATE, 48_000), (44_101, RATE)] {
        let mut resampler = Resampler::new(from, to).expect("both rates are supported");
        let block = noise(from as usize / 10);
        let mut out = [Vec::new(), Vec::new()];
        c.bench_function(
            &format!("resample stereo, {from} to {to} Hz (100 ms)"),
            |b| {
                b.iter(|| {
                    out.iter_mut().for_each(Vec::clear);
                    resampler.push([black_box(&block), &block], &mut out);
                });
            },
        );
    }
}

/// What the stream adds to a separator that costs nothing.
fn stream_alone(c: &mut Criterion) {
    for rate in [RATE, 48_000] {
        let shape = doubles::shape(RATE, HOP, 4_096);
        let separator = Box::new(Delayed::new(shape, &[0.4, 0.3, 0.2, 0.1]));
        let mut stream = Stream::new(separator, rate).expect("the rate is supported");
        let block = noise(512);
        let mut out = StemBlock::default();
        c.bench_function(
            &format!("stream without model, {rate} Hz, 512 frames"),
            |b| {
                b.iter(|| stream.push([black_box(&block), &block], &mut out));
            },
        );
    }
}

fn built_in(c: &mut Criterion) {
    let model = Model::built_in().expect("the built-in model is part of the library");
    let mut group = c.benchmark_group("built-in model");
    group.sample_size(20);
    for mode in Mode::ALL {
        let options = Options {
            purpose: Purpose::Live(mode),
            ..Options::default()
        };
        let separator = || load(&model, &options).expect("the runtime is installed");
        let mut alone = separator();
        let hop = alone.shape().hop_frames;
        let block = noise(hop);
        let mut out = StemBlock::default();
        let milliseconds = hop as f64 * 1e3 / f64::from(RATE);
        let audio = format!("{}, one hop ({milliseconds:.1} ms)", mode.name());
        group.bench_function(format!("separator, {audio}"), |b| {
            b.iter(|| {
                alone
                    .process([black_box(&block), &block], &mut out)
                    .map(drop)
                    .expect("it runs")
            });
        });
        let mut stream = Stream::new(separator(), RATE).expect("its own rate");
        group.bench_function(format!("stream, {audio}"), |b| {
            b.iter(|| {
                stream
                    .push([black_box(&block), &block], &mut out)
                    .expect("it runs")
            });
        });
    }
    group.bench_function("load and warm up", |b| {
        b.iter(|| load(&model, &Options::default()).map(drop));
    });
    group.finish();
}

criterion_group!(benches, transforms, resampling, stream_alone, built_in);
criterion_main!(benches);
