//! What comes out, when: on every output, at every rate, for every block size.

use unweave_plugin::ids;
use unweave_tests::doubles::{self, HALVES, Halves};
use unweave_tests::session::{self, Event, Session};
use unweave_tests::signal::{delayed, distance, noise, peak_idx};

const RATES: [u32; 10] = [
    8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000, 384_000,
];

fn halves(sample_rate: u32, max_block_frames: usize) -> Session {
    let mut session = Session::new(&doubles::entry(), Halves::ID);
    session.set_offline(true);
    session.activate(sample_rate, max_block_frames);
    session
}

#[test]
fn reported_latency_equals_impulse_delay_on_every_output_at_every_rate() {
    for sample_rate in RATES {
        let mut session = halves(sample_rate, 512);
        let latency = session.latency();
        let at = 777;
        let mut mix = vec![0.0; latency + at + 2_000];
        mix[at] = 1.0;
        let outputs = session.render([&mix, &mix], &[512], &[]);
        assert_eq!(outputs.len(), 5);
        for (idx, output) in outputs.iter().enumerate() {
            for channel in output {
                assert_eq!(
                    peak_idx(channel),
                    at + latency,
                    "{sample_rate} Hz, output {idx}"
                );
            }
        }
    }
}

#[test]
fn the_output_does_not_depend_on_the_block_size() {
    let mix = [noise(14_000, 1), noise(14_000, 2)];
    let mut session = halves(44_100, 8192);
    let latency = session.latency();
    let expected = session.render([&mix[0], &mix[1]], &[512], &[]);
    let cases: [&[usize]; 8] = [
        &[1],
        &[7],
        &[64],
        &[480],
        &[1024],
        &[8192],
        &[1, 8192, 3, 500],
        &[255, 256, 257, 1, 1, 1, 4096],
    ];
    for blocks in cases {
        let mut session = halves(44_100, 8192);
        assert_eq!(session.latency(), latency, "{blocks:?}");
        let outputs = session.render([&mix[0], &mix[1]], blocks, &[]);
        assert!(outputs == expected, "{blocks:?}");
    }
}

#[test]
fn latency_is_the_same_for_all_usual_buffers_and_known_before_the_first_block() {
    let latencies: Vec<usize> = [1, 16, 64, 128, 512]
        .map(|max_block_frames| halves(48_000, max_block_frames).latency())
        .to_vec();
    assert!(
        latencies.iter().all(|latency| *latency == latencies[0]),
        "{latencies:?}"
    );
}

#[test]
fn unity_gain_is_bit_exact_at_every_rate_and_block_size_and_stems_sum_to_the_mix() {
    for sample_rate in RATES {
        for blocks in [&[512][..], &[1, 300, 17]] {
            let mut session = halves(sample_rate, 512);
            let latency = session.latency();
            let mix = [noise(latency + 3_000, 3), noise(latency + 3_000, 4)];
            let outputs = session.render([&mix[0], &mix[1]], blocks, &[]);
            for (channel_idx, mix) in mix.iter().enumerate() {
                let expected = delayed(mix, latency);
                assert!(
                    outputs[0][channel_idx] == expected,
                    "{sample_rate} Hz, {blocks:?}"
                );
                for (frame, expected) in expected.iter().enumerate() {
                    let mut largest = expected.abs();
                    let sum = outputs[1..].iter().fold(0.0f32, |sum, stem| {
                        let sample = stem[channel_idx][frame];
                        largest = largest.max(sample.abs()).max((sum + sample).abs());
                        sum + sample
                    });
                    // Of the largest number on the way: no f32 residual does better.
                    let ulp = largest.next_up() - largest;
                    assert!(
                        (sum - expected).abs() <= ulp,
                        "{sample_rate} Hz, frame {frame}: {sum} for {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn stem_outputs_are_the_stems_and_carry_their_names() {
    let mut session = halves(44_100, 512);
    let names: Vec<String> = session
        .outputs()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["Output", "Drums", "Bass", "Vocals", "Other"]);
    let latency = session.latency();
    let mix = noise(latency + 4_000, 5);
    let outputs = session.render([&mix, &mix], &[512], &[]);
    for (idx, gain) in HALVES.iter().enumerate() {
        let expected: Vec<f32> = delayed(&mix, latency).iter().map(|x| gain * x).collect();
        // Until the separated signal has faded in, stems are silent: 3 ms.
        let from = latency + 150;
        let error = distance(&outputs[1 + idx][0][from..], &expected[from..]);
        assert!(error < 1e-6, "{}: {error}", ids::STEMS[idx]);
    }
}

#[test]
fn mono_is_separated_as_the_same_in_both_channels() {
    let mut session = Session::new(&doubles::entry(), Halves::ID);
    session.select_layout(1);
    session.set_offline(true);
    session.activate(48_000, 512);
    let channels: Vec<u32> = session.outputs().into_iter().map(|(_, n)| n).collect();
    assert_eq!(channels, [1, 2, 2, 2, 2]);
    let latency = session.latency();
    let mix = noise(latency + 2_000, 6);
    let outputs = session.render([&mix, &mix], &[512, 3], &[]);
    assert!(outputs[0][0] == delayed(&mix, latency));
    assert!(outputs[3][0] == outputs[3][1]);
}

#[test]
fn the_tail_covers_the_latency_and_the_window() {
    let mut session = halves(48_000, 512);
    session.render([&[0.0; 512], &[0.0; 512]], &[512], &[]);
    let window = unweave_live::Timing::of(&doubles::small_shape(), 48_000)
        .map(|timing| timing.window_frames);
    assert!(session.tail() >= session.latency() + window.unwrap());
}

#[test]
fn both_plug_ins_of_the_bundle_are_aligned_in_every_mode_without_waiting_for_anything() {
    for id in [ids::CLAP_ID, ids::CLAP_ID_MULTI_OUT] {
        let mut latencies = Vec::new();
        for mode in [0.0, 1.0, 2.0] {
            let mut session = Session::new(&session::entry(), id);
            session.activate(44_100, 256);
            let choose = Event {
                frame: 0,
                param: "mode",
                value: mode,
            };
            session.render([&[0.0; 64], &[0.0; 64]], &[64], &[choose]);
            session.deactivate();
            session.activate(44_100, 256);
            let latency = session.latency();
            let mix = noise(latency + 1_000, 7);
            let outputs = session.render([&mix, &mix], &[256], &[]);
            assert!(outputs[0][0] == delayed(&mix, latency), "{id}, mode {mode}");
            latencies.push(latency);
        }
        let [standard, quick, light] = latencies[..] else {
            panic!("three modes");
        };
        assert!(quick < standard && standard < light, "{latencies:?}");
    }
}
