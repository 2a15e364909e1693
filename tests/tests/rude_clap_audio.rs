//! Blocks of a CLAP host that breaks the rules: what it leaves out, and what it gets then.
#![allow(
    clippy::unwrap_used,
    clippy::undocumented_unsafe_blocks,
    reason = "helpers of tests may unwrap as tests may; all unsafe code here calls the plug-in as a host would"
)]

use std::ptr::{null, null_mut};

use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process};
use unweave_tests::rude::{
    Buffers, assert_outputs_may_be_left_out, change, inputs_without_channels,
};
use unweave_tests::rude_clap::{BLOCK, active, assert_works, latency, status};
use unweave_tests::signal::{delayed, noise};

#[test]
fn outputs_that_are_left_out_change_nothing_in_the_others() {
    let host = active();
    assert_outputs_may_be_left_out(latency(&host), |mix, channels| {
        host.reset();
        host.render(mix, BLOCK as usize, channels)
    });
    let mix = noise(latency(&host) + 3_000, 3);
    host.reset();
    host.render(&mix, BLOCK as usize, &[]);
    host.render(&mix, BLOCK as usize, &[0]);
    assert_works(&host);
    host.destroy();
}

#[test]
fn null_pointers_are_silence_coming_in_and_nothing_going_out() {
    let host = active();
    let frames = BLOCK as usize;
    let full = || vec![0.5; frames];
    let silent = |port: &[Vec<f32>]| port.iter().flatten().all(|sample| *sample == 0.0);
    for (idx, mut input) in inputs_without_channels(frames).into_iter().enumerate() {
        host.reset();
        // Through the whole latency, so that what came in is heard.
        for _ in 0..=latency(&host) / frames + 1 {
            let mut output: Buffers = vec![vec![full(); 2]; 5];
            output[2][0].clear();
            output[3].clear();
            host.process(frames, &mut input, &mut output, &[]);
            if idx < 3 {
                assert!(silent(&output[0]) && silent(&output[4]), "{idx}");
            }
        }
    }
    // One channel alone is heard on both sides.
    let mut output: Buffers = vec![vec![full(); 2]; 5];
    let mut input: Buffers = vec![vec![full()]];
    host.process(frames, &mut input, &mut output, &[]);
    assert_eq!(output[0][1], full());

    let empty = clap_audio_buffer {
        data32: null_mut(),
        data64: null_mut(),
        channel_count: 2,
        latency: 0,
        constant_mask: 0,
    };
    let mut broken = [empty; 5];
    let mut block = clap_process {
        steady_time: -1,
        frames_count: BLOCK,
        transport: null(),
        audio_inputs: broken.as_ptr(),
        audio_outputs: broken.as_mut_ptr(),
        audio_inputs_count: 1,
        audio_outputs_count: 5,
        in_events: null(),
        out_events: null(),
    };
    assert_ne!(host.process_raw(&block), CLAP_PROCESS_ERROR);
    block.audio_inputs = null();
    block.audio_outputs = null_mut();
    assert_ne!(host.process_raw(&block), CLAP_PROCESS_ERROR);
    assert_works(&host);
    host.destroy();
}

#[test]
fn blocks_of_no_frames_and_of_too_many_do_no_harm() {
    let host = active();
    host.process(
        0,
        &mut vec![],
        &mut vec![vec![vec![]]],
        &[change(0, 7, 0.5)],
    );
    let long = 4 * BLOCK as usize;
    let mut output: Buffers = vec![vec![vec![9.0; long]; 2]; 2];
    host.process(long, &mut vec![vec![vec![0.25; long]; 2]], &mut output, &[]);
    // More than was said: as it is, and no stems.
    assert_eq!(output[0][0], vec![0.25; long]);
    assert_eq!(output[1][0], vec![0.0; long]);
    assert_works(&host);
    host.destroy();
}

#[test]
fn two_outputs_in_one_memory_and_in_place_are_right() {
    let host = active();
    let mix = noise(latency(&host) + 2_000, 4);
    let expected = delayed(&mix, latency(&host));
    let mut heard = Vec::new();
    for block in mix.chunks(BLOCK as usize) {
        let (mut left, mut right) = (block.to_vec(), block.to_vec());
        let mut pointers = [left.as_mut_ptr(), right.as_mut_ptr()];
        let main = clap_audio_buffer {
            data32: pointers.as_mut_ptr(),
            data64: null_mut(),
            channel_count: 2,
            latency: 0,
            constant_mask: 0,
        };
        // All five ports in the input's memory.
        let mut outputs = [main; 5];
        host.process_raw(&clap_process {
            steady_time: -1,
            frames_count: u32::try_from(block.len()).unwrap(),
            transport: null(),
            audio_inputs: &raw const main,
            audio_outputs: outputs.as_mut_ptr(),
            audio_inputs_count: 1,
            audio_outputs_count: 5,
            in_events: null(),
            out_events: null(),
        });
        heard.extend(left);
    }
    assert_eq!(heard, expected);
    host.destroy();
}

#[test]
fn events_of_any_time_and_kind_do_no_harm() {
    let host = active();
    let frames = BLOCK as usize;
    let mut input: Buffers = vec![vec![vec![0.5; frames]; 2]];
    let mut output: Buffers = vec![vec![vec![0.0; frames]; 2]; 5];
    let events = [
        change(300, 1, 0.5),
        change(7, 1, f64::NAN),
        change(BLOCK, 1, 2.0),
        change(BLOCK + 100_000, u32::MAX, -1.0),
        change(u32::MAX, 1, f64::INFINITY),
    ];
    host.process(frames, &mut input, &mut output, &events);
    assert_works(&host);
    host.destroy();
}

#[test]
fn what_a_host_leaves_out_is_said_with_what_to_do() {
    let host = active();
    let frames = BLOCK as usize;
    let full = |num_channels| vec![vec![0.5; frames]; num_channels];
    let hear = |frames: usize, mut input: Buffers, mut output: Buffers| {
        host.process(frames, &mut input, &mut output, &[]);
        status(&host)
    };
    let whole = || vec![full(2); 5];
    let before = hear(frames, vec![full(2)], whole());
    for (input, output, said, advice) in [
        (vec![], whole(), "no input", "Connect its inputs"),
        (vec![full(1)], whole(), "one input of two", "stereo"),
        (vec![full(2)], vec![], "no output", "Connect its outputs"),
        (vec![full(2)], vec![full(1)], "one output of two", "stereo"),
        // As qtractor does it.
        (
            vec![full(2)],
            vec![full(2)],
            "the mix alone",
            "ten channels",
        ),
    ] {
        let text = hear(frames, input, output);
        assert!(
            text.contains(said) && text.contains(advice),
            "{said}: {text}"
        );
        // One stem that is taken is enough: a person has chosen it.
        assert_eq!(
            hear(frames, vec![full(2)], vec![full(2); 2]),
            before,
            "{said}"
        );
    }
    let long = || vec![vec![0.5; 4 * frames]; 2];
    let text = hear(4 * frames, vec![long()], vec![long(); 5]);
    assert!(text.contains("longer blocks than it announced"), "{text}");
    host.destroy();
}
