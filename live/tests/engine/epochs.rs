//! Resets, seeks and loops: nothing of the old mix is heard after them, and all is in step.

use unweave_live::Controls;
use unweave_separation::doubles::{Passthrough, shape};

use crate::rig::{Outputs, Rig, bits, block_of, noise, small_model};

fn rig() -> Rig {
    Rig::new(small_model([0.5, 0.25, 0.125, 0.0]), 44_100, 512)
}

fn loud() -> Controls {
    let mut controls = Controls::default();
    controls.stems[0].gain = 2.0;
    controls.stems[2].is_muted = true;
    controls
}

fn assert_same(a: &Outputs, b: &Outputs, case: &str) {
    assert!(bits(&a.main) == bits(&b.main), "main, {case}");
    for (a, b) in a.stems.iter().zip(&b.stems) {
        assert!(bits(a) == bits(b), "stems, {case}");
    }
}

#[test]
fn after_a_reset_all_is_as_in_a_new_engine_whatever_is_on_its_way() {
    let (old, new) = (noise(9000, 20), noise(5000, 21));
    let expected = rig().play(&new, &[100], &loud());
    // A worker that did nothing leaves all in the mix lane, which holds a latency and a block.
    let (idle, busy) = ([1, 64, 500, 1000, 1300], [1, 64, 500, 1500, 4000, 9000]);
    for (has_worked, lengths) in [(false, &idle[..]), (true, &busy[..])] {
        for &old_frames in lengths {
            let mut rig = rig();
            let mut out = Outputs {
                main: old.clone(),
                stems: vec![],
            };
            for start in (0..old_frames).step_by(512) {
                let end = old_frames.min(start + 512);
                block_of(&mut rig.audio, &mut out, start..end, &Controls::default());
                if has_worked {
                    rig.work();
                }
            }
            rig.audio.reset();
            let late_before = rig.status.late_hops();
            let again = rig.play(&new, &[100], &loud());
            assert_same(&again, &expected, &format!("{old_frames}, {has_worked}"));
            assert_eq!(rig.status.late_hops(), late_before);
        }
    }
}

#[test]
fn more_resets_than_the_lanes_can_mark_only_delay_the_stems() {
    let mut rig = rig();
    for _ in 0..300 {
        let (mut left, mut right) = ([0.5; 10], [0.5; 10]);
        rig.audio
            .process([&mut left, &mut right], &mut [], &Controls::default());
        rig.audio.reset();
    }
    rig.work();
    rig.audio.reset();
    let mix = noise(5000, 22);
    let expected = self::rig().play(&mix, &[100], &loud());
    assert_same(&rig.play(&mix, &[100], &loud()), &expected, "at the end");
}

/// A seek without a reset is just a mix with a jump in it: same stems as the mix in one piece.
#[test]
fn a_loop_without_a_reset_is_heard_as_it_was_played() {
    let lap = noise(1777, 23);
    let mut mix = lap.clone();
    for _ in 0..4 {
        for (mix, lap) in mix.iter_mut().zip(&lap) {
            mix.extend_from_slice(lap);
        }
    }
    let out = rig().play(&mix, &[177, 512], &Controls::default());
    let latency = rig().plan.latency_frames();
    for (stem, mix) in out.stems[0].iter().zip(&mix) {
        let expected: Vec<f32> = mix.iter().map(|sample| 0.5 * sample).collect();
        assert!(stem[latency..] == expected);
    }
}

/// Whatever the scheduler and the host do, a stem is the mix of its own frame times a fade.
#[test]
fn any_order_of_blocks_steps_and_resets_keeps_stems_in_step_with_the_mix() {
    let mut state = 1_u32;
    let mut random = move |below: u32| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        usize::try_from(state % below).unwrap()
    };
    for round in 0..40 {
        let mut rig = Rig::new(Passthrough::new(shape(44_100, 32, 96)), 44_100, 512);
        let latency = rig.plan.latency_frames();
        let mut epoch_mix = noise(60_000, round);
        let mut position = 0;
        let mut num_full = 0;
        for _ in 0..300 {
            match random(20) {
                0 => {
                    rig.audio.reset();
                    epoch_mix = noise(60_000, round + 1000 * u32::try_from(position).unwrap());
                    position = 0;
                }
                1..5 => rig.work(),
                5..12 => {
                    rig.worker.step();
                }
                _ => {
                    let end = position + 1 + random(700);
                    let mut out = Outputs {
                        main: epoch_mix.each_ref().map(|mix| mix[position..end].to_vec()),
                        stems: vec![[vec![9.0; end - position], vec![9.0; end - position]]],
                    };
                    block_of(
                        &mut rig.audio,
                        &mut out,
                        0..end - position,
                        &Controls::default(),
                    );
                    for (frame_idx, stem) in out.stems[0][1].iter().enumerate() {
                        let mix = (position + frame_idx)
                            .checked_sub(latency)
                            .map_or(0.0, |frame| epoch_mix[1][frame]);
                        let is_faded = stem.abs() <= mix.abs() && stem * mix >= 0.0;
                        assert!(is_faded, "round {round}: {stem} is no part of {mix}");
                        num_full += usize::from(*stem == mix && mix != 0.0);
                    }
                    position = end;
                }
            }
            if position > 50_000 {
                break;
            }
        }
        assert!(num_full > 0, "round {round}: stems were heard at all");
    }
}
