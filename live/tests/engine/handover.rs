//! Another engine follows while the host plays.

use std::time::Duration;

use unweave_live::testing::{Step, Worker, successor_halves};
use unweave_live::{Controls, Fault, LatencyPlan, Refusal, Setup, State, Successor, Timing};
use unweave_separation::doubles::{Delayed, Passthrough, shape};
use unweave_separation::{Separator, Shape};

use crate::rig::{Audio, FakeClock, Outputs, Rig, bits, block_of, delayed, loader, noise};

const RATE: u32 = 44_100;

/// Most of the mix in the first stem.
const OLD: [f32; 4] = [0.5, 0.25, 0.125, 0.125];
/// Most of it in the second.
const NEW: [f32; 4] = [0.125, 0.5, 0.25, 0.125];

fn plan(shape: &Shape) -> LatencyPlan {
    LatencyPlan::new(Timing::of(shape, RATE).unwrap(), RATE, 512).unwrap()
}

fn old() -> Rig {
    Rig::new(Delayed::new(shape(RATE, 128, 512), &OLD), RATE, 512)
}

/// A loaded engine behind the latency of `rig`.
fn successor(rig: &Rig, separator: impl Separator + 'static) -> (Successor, Worker) {
    let plan = plan(separator.shape()).padded_to(rig.plan.latency_frames());
    let setup = Setup::new(separator.shape(), plan.unwrap()).unwrap();
    let clock = Box::<FakeClock>::default();
    let (successor, mut worker, status) = successor_halves(&setup, loader(separator), clock);
    assert_eq!(worker.step(), Step::Busy, "loads");
    assert_eq!(status.state(), State::Running);
    (successor, worker)
}

/// Plays blocks of 100 frames; `at` frame `when`, something happens.
fn play(
    rig: &mut Rig,
    mix: &Audio,
    when: usize,
    mut at: impl FnMut(&mut Rig) -> Worker,
) -> Outputs {
    let mut next: Option<Worker> = None;
    let mut frame = 0;
    rig.play_with(
        mix,
        &[100],
        |_| Controls::default(),
        |rig| {
            frame += 100;
            rig.work();
            if frame == when {
                next = Some(at(rig));
            }
            if let Some(next) = &mut next {
                while next.step() == Step::Busy {}
            }
        },
    )
}

#[test]
fn stems_are_the_old_ones_up_to_the_frame_from_which_the_new_engine_heard_the_mix() {
    // Hops and windows of their own, less latency and the same.
    for (hop, window) in [(128, 512), (64, 256), (16, 16), (100, 300)] {
        let mut rig = old();
        let (latency, fade) = (rig.plan.latency_frames(), rig.plan.fade_frames());
        let mut handover = rig.audio.take_handover().unwrap();
        assert!(rig.audio.take_handover().is_none());
        let mix = noise(20_000, 1);
        let start = 9_000;
        let out = play(&mut rig, &mix, start, |rig| {
            let (successor, worker) = successor(rig, Delayed::new(shape(RATE, hop, window), &NEW));
            assert!(handover.give(successor).is_ok());
            worker
        });
        let row = format!("hop {hop}, window {window}");
        assert_eq!(bits(&out.main), bits(&delayed(&mix, latency)), "{row}");
        assert!(handover.take_back().is_some(), "{row}");
        assert_eq!(rig.status.late_hops(), 0, "{row}");
        assert_eq!(rig.audio.status().late_hops(), 0, "{row}");
        for (stem_idx, stem) in out.stems.iter().enumerate() {
            for (frame, actual) in stem[0].iter().enumerate().skip(latency) {
                let position = frame - latency;
                let gain = if position + fade < start {
                    OLD[stem_idx]
                } else if position < start + fade {
                    continue;
                } else {
                    NEW[stem_idx]
                };
                let expected = gain * mix[0].get(position).unwrap_or(&0.0);
                assert!(
                    (actual - expected).abs() < 1e-6,
                    "{row}, stem {stem_idx}, frame {position}: {actual} for {expected}"
                );
            }
        }
    }
}

#[test]
fn offline_and_in_real_time_the_fade_from_one_to_the_other_has_no_click() {
    let mut rig = old();
    let mut handover = rig.audio.take_handover().unwrap();
    let mix: Audio = [vec![0.5; 20_000], vec![0.5; 20_000]];
    let out = play(&mut rig, &mix, 9_000, |rig| {
        let (successor, worker) = successor(rig, Delayed::new(shape(RATE, 64, 256), &NEW));
        assert!(handover.give(successor).is_ok());
        worker
    });
    let latency = rig.plan.latency_frames();
    let steps = out.stems[0][0][latency + 1_000..latency + 19_000]
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).abs());
    // A fade of 132 frames over a quarter at most.
    let largest = steps.fold(0.0, f32::max);
    assert!(largest < 0.01, "{largest}");
    assert!(largest > 0.0, "there was a fade at all");
}

#[test]
fn a_reset_on_the_way_goes_over_at_once() {
    let mut rig = old();
    let latency = rig.plan.latency_frames();
    let mut handover = rig.audio.take_handover().unwrap();
    let mix = noise(6_000, 3);
    let mut next = None;
    rig.play(&mix, &[100], &Controls::default());
    let (successor, worker) = successor(&rig, Delayed::new(shape(RATE, 64, 256), &NEW));
    assert!(handover.give(successor).is_ok());
    next.replace(worker);
    rig.play(&noise(100, 4), &[100], &Controls::default());
    rig.audio.reset();
    assert!(handover.take_back().is_some());
    let mut worker = next.take().unwrap();
    let out = rig.play_with(
        &mix,
        &[100],
        |_| Controls::default(),
        |_| while worker.step() == Step::Busy {},
    );
    assert_eq!(bits(&out.main), bits(&delayed(&mix, latency)));
    for (actual, mix) in out.stems[1][0][latency + 300..].iter().zip(&mix[0][300..]) {
        assert!((actual - NEW[1] * mix).abs() < 1e-6);
    }
}

#[test]
fn a_successor_that_is_refused_leaves_the_dry_signal_and_says_why() {
    let mut rig = old();
    let latency = rig.plan.latency_frames();
    let mut handover = rig.audio.take_handover().unwrap();
    let mix = noise(20_000, 5);
    let refusal = Refusal {
        fault: Fault::NoModel,
        reason: "model x is gone".to_owned(),
    };
    let out = play(&mut rig, &mix, 9_000, |rig| {
        let setup = Setup::new(&shape(RATE, 128, 512), rig.plan).unwrap();
        let refusal = refusal.clone();
        let clock = Box::<FakeClock>::default();
        let (successor, mut worker, _) =
            successor_halves(&setup, Box::new(|_| Err(refusal)), clock);
        worker.step();
        assert!(handover.give(successor).is_ok());
        worker
    });
    assert_eq!(bits(&out.main), bits(&delayed(&mix, latency)));
    assert!(out.stems[0][0][latency + 9_000..].iter().all(|x| *x == 0.0));
    assert!(out.stems[0][0][..latency + 8_000].iter().any(|x| *x != 0.0));
    let status = rig.audio.status();
    assert_eq!(status.state(), State::Refused(Fault::NoModel));
    assert_eq!(status.reason().as_deref(), Some("model x is gone"));
    assert_eq!((rig.status.late_hops(), status.late_hops()), (0, 0));
}

#[test]
fn one_engine_at_a_time_is_handed_over_and_only_with_as_many_stems() {
    let mut rig = old();
    let mut handover = rig.audio.take_handover().unwrap();
    let two_stems = Shape {
        stems: vec!["vocals".to_owned(), "other".to_owned()],
        residual_idx: 1,
        ..shape(RATE, 64, 256)
    };
    let (two_stems, _worker) = successor(&rig, Passthrough::new(two_stems));
    assert!(handover.give(two_stems).is_err());
    let (first, mut first_worker) = successor(&rig, Delayed::new(shape(RATE, 64, 256), &NEW));
    let (second, mut second_worker) = successor(&rig, Delayed::new(shape(RATE, 64, 256), &OLD));
    assert!(handover.give(first).is_ok());
    let second = handover.give(second).err().unwrap();
    assert!(handover.take_back().is_none(), "nobody has played yet");
    let play = |rig: &mut Rig, worker: &mut Worker| {
        let mix = noise(4_000, 6);
        rig.play_with(
            &mix,
            &[512],
            |_| Controls::default(),
            |rig| {
                rig.work();
                while worker.step() == Step::Busy {}
            },
        );
    };
    play(&mut rig, &mut first_worker);
    assert!(handover.take_back().is_some());
    assert!(handover.give(second).is_ok());
    play(&mut rig, &mut second_worker);
    assert!(handover.take_back().is_some());
}

#[test]
fn padding_is_latency_and_a_plan_that_needs_more_is_not_padded() {
    let least = plan(&shape(RATE, 64, 256));
    let latency = least.latency_frames();
    assert_eq!(least.padded_to(latency), Some(least));
    assert_eq!(least.padded_to(latency - 1), None);
    let padded = least.padded_to(latency + 1_000).unwrap();
    assert_eq!(padded.latency_frames(), latency + 1_000);
    assert_eq!(padded.padded_to(latency), Some(least), "and back");

    // A rig in a padded plan, whose padding is then taken away.
    let separator = Delayed::new(shape(RATE, 64, 256), &OLD);
    let mut rig = Rig::with_plan(separator, padded, Duration::ZERO);
    let mix = noise(3_000, 7);
    let mut out = rig.play(&mix, &[100], &Controls::default());
    assert_eq!(bits(&out.main), bits(&delayed(&mix, latency + 1_000)));
    assert!(rig.audio.set_plan(&least));
    rig.plan = least;
    out = rig.play(&mix, &[100], &Controls::default());
    assert_eq!(bits(&out.main), bits(&delayed(&mix, latency)));
    assert_eq!(rig.status.late_hops(), 0);
    assert!(!rig.audio.set_plan(&least.padded_to(1_000_000).unwrap()));
    block_of(&mut rig.audio, &mut out, 0..100, &Controls::default());
}

#[test]
fn where_nobody_was_told_a_latency_another_one_begins_with_silence() {
    for (hop, window) in [(64, 256), (256, 2048)] {
        let separator = Delayed::new(shape(RATE, 128, 512), &OLD);
        let setup = Setup::new(separator.shape(), plan(separator.shape())).unwrap();
        let clock = Box::<FakeClock>::default();
        let (mut audio, mut old_worker, _) =
            unweave_live::testing::halves(&setup.with_room(20_000), loader(separator), clock);
        old_worker.step();
        let mut handover = audio.take_handover().unwrap();
        let separator = Delayed::new(shape(RATE, hop, window), &NEW);
        let plan = plan(separator.shape());
        let setup = Setup::new(separator.shape(), plan).unwrap();
        let clock = Box::<FakeClock>::default();
        let (successor, mut worker, status) = successor_halves(&setup, loader(separator), clock);
        worker.step();
        let mix = noise(20_000, 8);
        let mut out = Outputs {
            main: mix.clone(),
            stems: vec![[vec![9.0; 20_000], vec![9.0; 20_000]]; 4],
        };
        let (start, mut successor) = (8_000, Some(successor));
        for frame in (0..20_000).step_by(100) {
            if frame == start {
                assert!(handover.give(successor.take().unwrap()).is_ok());
            }
            block_of(
                &mut audio,
                &mut out,
                frame..frame + 100,
                &Controls::default(),
            );
            while old_worker.step() == Step::Busy {}
            while worker.step() == Step::Busy {}
        }
        assert!(handover.take_back().is_some());
        assert_eq!(audio.latency_frames(), plan.latency_frames());
        let after = mix.each_ref().map(|mix| mix[start..].to_vec());
        let expected = delayed(&after, plan.latency_frames());
        for (channel, expected) in out.main.iter().zip(&expected) {
            assert!(channel[start..] == expected[..12_000]);
        }
        assert_eq!(status.late_hops(), 0);
        let from = plan.latency_frames() + 200;
        for (stem, mix) in out.stems[1][0][start + from..]
            .iter()
            .zip(&expected[0][from..])
        {
            assert!((stem - NEW[1] * mix).abs() < 1e-6);
        }
    }
}
