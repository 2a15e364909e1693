//! Rendering: complete, the same for every block size, and the same as separating the whole file.

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use unweave_live::testing::halves;
use unweave_live::{Controls, Engine, Fault, LatencyPlan, Setup, State, StemControl, Timing};
use unweave_separation::doubles::{Failing, shape};
use unweave_separation::{Error, Separator, Shape, StemBlock, Stream};

use crate::rig::{
    Audio, FakeClock, Observed, Outputs, Rig, bits, block_of, loader, noise, small_model,
};

fn setup(separator: &dyn Separator, sample_rate: u32) -> Setup {
    let timing = Timing::of(separator.shape(), sample_rate).unwrap();
    let plan = LatencyPlan::new(timing, sample_rate, 512).unwrap();
    Setup::new(separator.shape(), plan).unwrap()
}

/// Renders at once after the start, so that loading is waited for too.
fn render(
    separator: impl Separator + 'static,
    sample_rate: u32,
    mix: &Audio,
    blocks: &[usize],
    controls: &Controls,
) -> (Outputs, State, usize) {
    let setup = setup(&separator, sample_rate);
    let (mut audio, engine) = Engine::start(&setup, "test", loader(separator)).unwrap();
    let latency = audio.latency_frames();
    let total = mix[0].len() + latency;
    let mut out = Outputs {
        main: mix.clone(),
        stems: vec![[vec![9.0; total], vec![9.0; total]]; 4],
    };
    out.main.iter_mut().for_each(|main| main.resize(total, 0.0));
    audio.set_offline(true);
    let mut start = 0;
    for block in blocks.iter().cycle() {
        let end = total.min(start + block);
        block_of(&mut audio, &mut out, start..end, controls);
        start = end;
        if start == total {
            break;
        }
    }
    (out, engine.status().state(), latency)
}

/// The stems of a file, as the command line makes them.
fn stems_of(separator: impl Separator + 'static, sample_rate: u32, mix: &Audio) -> Vec<Audio> {
    let mut stream = Stream::new(Box::new(separator), sample_rate).unwrap();
    let (mut head, mut tail) = (StemBlock::default(), StemBlock::default());
    stream.push([&mix[0], &mix[1]], &mut head).unwrap();
    stream.flush(&mut tail).unwrap();
    head.iter()
        .zip(tail.iter())
        .map(|(head, tail)| [0, 1].map(|idx| [head[idx].as_slice(), &tail[idx]].concat()))
        .collect()
}

#[test]
fn rendered_stems_are_those_of_the_whole_file_for_every_block_size() {
    let gains = [0.47, 0.31, -0.213, 0.0];
    let mix = noise(7000, 40);
    for sample_rate in [44_100, 48_000, 22_050] {
        let expected = stems_of(small_model(gains), sample_rate, &mix);
        for blocks in [vec![1], vec![64], vec![512], vec![8192], vec![1, 3000, 17]] {
            let (out, state, latency) = render(
                small_model(gains),
                sample_rate,
                &mix,
                &blocks,
                &Controls::default(),
            );
            for (stem, expected) in out.stems.iter().flatten().zip(expected.iter().flatten()) {
                let is_same = stem[latency..] == *expected;
                assert!(is_same, "{sample_rate} Hz, blocks of {blocks:?}");
            }
            assert_eq!(state, State::Running);
        }
    }
}

#[test]
fn a_rendered_mix_does_not_depend_on_the_block_size() {
    let mix = noise(5000, 41);
    let mut controls = Controls::default();
    for (stem_idx, (gain, sensitivity)) in [(0.3, 0.5), (0.0, -0.7), (3.0, 0.0), (0.9, 0.0)]
        .into_iter()
        .enumerate()
    {
        controls.stems[stem_idx] = StemControl {
            gain,
            sensitivity,
            ..StemControl::default()
        };
    }
    let gains = [0.47, 0.31, -0.213, 0.0];
    let with = |blocks: &[usize]| render(small_model(gains), 48_000, &mix, blocks, &controls).0;
    let expected = with(&[8192]);
    for blocks in [vec![1], vec![100], vec![511, 3]] {
        let out = with(&blocks);
        assert!(bits(&out.main) == bits(&expected.main), "{blocks:?}");
        for (stem, expected) in out.stems.iter().zip(&expected.stems) {
            assert!(bits(stem) == bits(expected), "{blocks:?}");
        }
    }
}

#[test]
fn a_machine_that_is_too_slow_for_real_time_still_renders() {
    let separator = small_model([0.5, 0.25, 0.125, 0.0]);
    let plan = *setup(&separator, 44_100).plan();
    // A hop of 64 frames lasts 1.45 ms.
    let mut rig = Rig::with_plan(separator, plan, Duration::from_millis(2));
    rig.worker.step();
    assert_eq!(rig.status.state(), State::Refused(Fault::TooSlow));
    assert!(rig.status.reason().unwrap().contains("rendering offline"));
    assert!(rig.status.inference_time() >= Duration::from_millis(2));

    let mut outputs = Outputs {
        main: noise(4000, 42),
        stems: vec![[vec![9.0; 4000], vec![9.0; 4000]]],
    };
    rig.audio.set_offline(true);
    // The worker in a thread of its own, since the audio side now waits for it.
    let (stop, stopped) = mpsc::channel::<()>();
    let mut worker = rig.worker;
    let thread = std::thread::spawn(move || {
        while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
            worker.step();
            std::thread::yield_now();
        }
    });
    let mix = outputs.main.clone();
    block_of(&mut rig.audio, &mut outputs, 0..4000, &Controls::default());
    drop(stop);
    thread.join().unwrap();
    let latency = plan.latency_frames();
    for (stem, mix) in outputs.stems[0][0][latency..].iter().zip(&mix[0]) {
        assert_eq!(*stem, 0.5 * mix);
    }
    assert_eq!(rig.status.state(), State::Running);
}

/// An inference that takes too long at first, as when many instances load at once.
struct SlowAtFirst {
    observed: Observed,
    slow_calls: usize,
}

impl Separator for SlowAtFirst {
    fn shape(&self) -> &Shape {
        self.observed.shape()
    }

    fn reset(&mut self) {
        self.observed.reset();
    }

    fn process(&mut self, mix: [&[f32]; 2], stems: &mut StemBlock) -> Result<(), Error> {
        if self.observed.calls.load(Ordering::Relaxed) >= self.slow_calls {
            self.observed.time = Duration::from_micros(500);
        }
        self.observed.process(mix, stems)
    }
}

#[test]
fn a_machine_that_is_slow_only_while_it_loads_is_not_refused() {
    // An attempt is 17 hops here; the third and all after are fast.
    for (slow_calls, expected) in [
        (2 * 17, State::Running),
        (6 * 17, State::Refused(Fault::TooSlow)),
    ] {
        let clock = FakeClock::default();
        let observed = Observed {
            inner: Box::new(small_model([0.5, 0.25, 0.125, 0.0])),
            calls: Arc::default(),
            clock: clock.clone(),
            time: Duration::from_millis(2),
        };
        let setup = setup(&observed, 44_100);
        let model = SlowAtFirst {
            observed,
            slow_calls,
        };
        let (_audio, mut worker, status) = halves(&setup, loader(model), Box::new(clock));
        worker.step();
        worker.step();
        assert_eq!(status.state(), expected, "{slow_calls}");
    }
}

#[test]
fn rendering_with_a_failing_model_ends_and_is_dry() {
    let mix = noise(20_000, 43);
    let model = Failing::new(shape(44_100, 64, 256), 50);
    let (out, state, latency) = render(model, 44_100, &mix, &[512], &Controls::default());
    assert_eq!(state, State::Refused(Fault::Inference));
    for channel_idx in 0..2 {
        assert!(out.main[channel_idx][latency..] == mix[channel_idx]);
        assert!(
            out.stems[0][channel_idx][10_000..]
                .iter()
                .all(|sample| *sample == 0.0)
        );
    }
}

#[test]
fn an_engine_that_goes_away_ends_the_wait() {
    let setup = setup(&small_model([0.5; 4]), 44_100);
    let (loading, is_loading) = mpsc::channel();
    let (mut audio, engine) = Engine::start(
        &setup,
        "test",
        Box::new(move |is_stopping| {
            loading.send(()).unwrap();
            while !is_stopping() {
                std::thread::yield_now();
            }
            Err(unweave_live::Refusal {
                fault: Fault::NoModel,
                reason: "stopped".to_owned(),
            })
        }),
    )
    .unwrap();
    audio.set_offline(true);
    is_loading.recv().unwrap();
    let waiting = std::thread::spawn(move || {
        let (mut left, mut right) = ([1.0; 100], [1.0; 100]);
        audio.process([&mut left, &mut right], &mut [], &Controls::default());
    });
    drop(engine);
    waiting.join().unwrap();
}

/// A host that renders, but says so only when half the latency is over, as nice-plug lets VST3 hosts:
/// what it handed over while the model was loading is complete all the same.
#[test]
fn nothing_is_dry_that_was_handed_over_while_the_model_was_loading() {
    let separator = small_model([0.5, 0.25, 0.125, 0.0]);
    let plan = *setup(&separator, 44_100).plan();
    let mut rig = Rig::unloaded(separator, plan, Duration::ZERO);
    let mix = noise(4000, 44);
    let mut num_blocks = 0;
    let out = rig.play_with(
        &mix,
        &[64],
        |_| Controls::default(),
        |rig| {
            num_blocks += 1;
            if num_blocks * 64 >= rig.plan.latency_frames() / 2 {
                rig.work();
            }
        },
    );
    assert_eq!(rig.status.late_hops(), 0);
    let latency = plan.latency_frames();
    for (stem, mix) in out.stems[0][0][latency..].iter().zip(&mix[0]) {
        assert_eq!(*stem, 0.5 * mix);
    }
}

/// Rendering begins before the model is there, and every block waits for it.
#[test]
fn the_first_frame_waits_for_a_model_that_loads_slowly() {
    let shape = shape(44_100, 64, 256);
    let model = small_model([0.5, 0.25, 0.125, 0.0]);
    let setup = setup(&model, 44_100);
    let (begin, has_begun) = mpsc::channel::<()>();
    let loader = Box::new(move |_: &dyn Fn() -> bool| {
        // Ends when rendering has begun; then takes its time.
        let _ = has_begun.recv();
        for _ in 0..1000 {
            std::thread::yield_now();
        }
        Ok(unweave_live::LoadedSeparator {
            separator: Box::new(model),
            terminate: None,
        })
    });
    let (mut audio, engine) = Engine::start(&setup, "test", loader).unwrap();
    audio.set_offline(true);
    let latency = audio.latency_frames();
    let mix = noise(latency + 4 * shape.window_frames, 45);
    let mut out = Outputs {
        main: mix.clone(),
        stems: vec![[vec![9.0; mix[0].len()], vec![9.0; mix[0].len()]]],
    };
    assert_eq!(engine.status().state(), State::Loading);
    begin.send(()).unwrap();
    for start in (0..mix[0].len()).step_by(64) {
        let end = mix[0].len().min(start + 64);
        block_of(&mut audio, &mut out, start..end, &Controls::default());
    }
    for (stem, mix) in out.stems[0][0][latency..].iter().zip(&mix[0]) {
        assert_eq!(*stem, 0.5 * mix);
    }
}
