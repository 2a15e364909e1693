//! Stems that were separated elsewhere are heard in place of the live output, without a click.

use unweave_live::Controls;
use unweave_live::preview::{Preview, PreviewDesk, PreviewSide, Use, preview};

const RATE: u32 = 48_000;
const FADE_FRAMES: usize = 480;

/// Four stems of constant value, in both channels and opposite.
fn constants(values: [f32; 4], num_frames: usize) -> Box<Preview> {
    let stems = values.map(|value| [vec![value; num_frames], vec![-value; num_frames]]);
    Box::new(Preview::new(stems.to_vec()))
}

/// What is heard over a live output of `live`, in blocks of many sizes.
fn hear(side: &mut PreviewSide, controls: &Controls, live: f32, num_frames: usize) -> Vec<f32> {
    let mut heard = Vec::new();
    for size in [1, 64, 500, 1_000, 31].into_iter().cycle() {
        let size = size.min(num_frames - heard.len());
        let (mut left, mut right) = (vec![live; size], vec![-live; size]);
        side.process(&mut [&mut left, &mut right], controls, Use::default());
        assert!(left.iter().zip(&right).all(|(l, r)| *l == -r));
        heard.extend(left);
        if heard.len() == num_frames {
            return heard;
        }
    }
    unreachable!("the sizes go round")
}

fn steepest(signal: &[f32]) -> f32 {
    signal
        .windows(2)
        .fold(0.0, |most, pair| most.max((pair[1] - pair[0]).abs()))
}

#[test]
fn the_preview_fades_in_repeats_and_fades_out_and_at_rest_the_live_output_is_untouched() {
    let (mut desk, mut side) = preview();
    side.set_up(RATE);
    let controls = Controls::default();
    let mut heard = hear(&mut side, &controls, 0.25, 1_000);
    assert_eq!(heard, [0.25; 1_000]);
    assert!(
        desk.play(constants([0.5, 0.25, -0.125, 0.125], 4_800))
            .is_ok()
    );
    heard.extend(hear(&mut side, &controls, 0.25, 12_000));
    // Away from the seams, 4800 frames apart, the sum of the stems.
    for middle in [2_400, 7_200] {
        assert_eq!(heard[1_000 + middle..][..100], [0.75; 100]);
    }
    desk.stop();
    heard.extend(hear(&mut side, &controls, 0.25, 2_000));
    assert_eq!(heard[heard.len() - 1_000..], [0.25; 1_000]);
    // No step is larger than that of the fade and of a seam together.
    let most = (0.75 + 1.0) / FADE_FRAMES as f32 * 1.01;
    assert!(steepest(&heard) <= most, "{} > {most}", steepest(&heard));
}

#[test]
fn another_preview_follows_the_first_without_a_click_and_the_first_comes_back() {
    let (mut desk, mut side) = preview();
    side.set_up(RATE);
    let controls = Controls::default();
    let mut heard = Vec::new();
    for round in 0..20 {
        let value = if round % 2 == 0 { 0.5 } else { -0.5 };
        assert!(
            desk.play(constants([value, 0.0, 0.0, 0.0], 9_000)).is_ok(),
            "boxes come back: {round}"
        );
        heard.extend(hear(&mut side, &controls, 0.0, 3_000));
        let last = &heard[heard.len() - 500..];
        assert_eq!(last, [value; 500]);
    }
    let most = 1.0 / FADE_FRAMES as f32 * 1.01;
    assert!(steepest(&heard) <= most);
}

#[test]
fn faders_mutes_solos_and_the_comparison_work_on_the_preview() {
    let values = [0.5, 0.25, 0.125, 0.0625];
    type Case = (&'static str, fn(&mut Controls), f32);
    let cases: [Case; 5] = [
        ("gain", |c| c.stems[0].gain = 2.0, 1.4375),
        ("mute", |c| c.stems[1].is_muted = true, 0.6875),
        ("solo", |c| c.stems[2].is_soloed = true, 0.125),
        (
            "comparison",
            |c| {
                c.is_dry = true;
                c.stems[0].gain = 0.0;
            },
            0.9375,
        ),
        ("bypass", |c| c.is_bypassed = true, 0.0),
    ];
    for (name, change, expected) in cases {
        let (mut desk, mut side) = preview();
        side.set_up(RATE);
        let mut controls = Controls::default();
        assert!(desk.play(constants(values, 100_000)).is_ok());
        let mut heard = hear(&mut side, &controls, 0.0, 10_000);
        assert_eq!(heard[5_000], 0.9375, "{name}");
        change(&mut controls);
        heard.extend(hear(&mut side, &controls, 0.0, 10_000));
        assert_eq!(heard[15_000], expected, "{name}");
        // At the start the preview's own fade and the one against the live output multiply.
        let most = 2.0 / FADE_FRAMES as f32 * 1.01;
        assert!(steepest(&heard) <= most, "{name}: {}", steepest(&heard));
    }
}

#[test]
fn without_audio_previews_wait_and_too_many_come_back() {
    let (mut desk, mut side) = preview();
    side.set_up(RATE);
    let mut refused = None;
    for value in [0.1, 0.2, 0.3, 0.4, 0.5] {
        if let Err(preview) = desk.play(constants([value, 0.0, 0.0, 0.0], 9_000)) {
            refused = Some(preview.num_frames());
            break;
        }
    }
    assert_eq!(refused, Some(9_000));
    // The last that was taken is heard.
    let heard = hear(&mut side, &Controls::default(), 0.0, 4_000);
    assert_eq!(heard[3_999], 0.3);
    // Another rate ends it.
    side.set_up(96_000);
    assert!(!desk.is_playing());
    assert_eq!(hear(&mut side, &Controls::default(), 0.5, 100), [0.5; 100]);
}

#[test]
fn a_mono_output_hears_the_mean_and_an_empty_preview_nothing() {
    let (mut desk, mut side) = preview();
    side.set_up(RATE);
    let stem = [vec![0.5; 5_000], vec![0.25; 5_000]];
    assert!(desk.play(Box::new(Preview::new(vec![stem]))).is_ok());
    let mut mono = vec![0.0; 2_000];
    side.process(&mut [&mut mono], &Controls::default(), Use::default());
    assert_eq!(mono[1_999], 0.375);
    assert!(desk.play(Box::new(Preview::new(Vec::new()))).is_ok());
    let mut mono = vec![0.125; 2_000];
    side.process(&mut [&mut mono], &Controls::default(), Use::default());
    side.process(&mut [&mut mono], &Controls::default(), Use::default());
    assert_eq!(mono[1_999], 0.125);
}

const PLAYING: Use = Use {
    is_playing: true,
    is_offline: false,
};
const RENDERING: Use = Use {
    is_playing: true,
    is_offline: true,
};

/// Half of full scale, over silence.
fn playing() -> (PreviewDesk, PreviewSide) {
    let (mut desk, mut side) = preview();
    side.set_up(RATE);
    assert!(desk.play(constants([0.5, 0.0, 0.0, 0.0], 48_000)).is_ok());
    (desk, side)
}

fn loudest(side: &mut PreviewSide, host: Use, num_blocks: usize) -> f32 {
    let mut loudest = 0.0f32;
    for _ in 0..num_blocks {
        let (mut left, mut right) = ([0.0; 512], [0.0; 512]);
        side.process(&mut [&mut left, &mut right], &Controls::default(), host);
        loudest = left
            .iter()
            .fold(loudest, |most, sample| most.max(sample.abs()));
    }
    loudest
}

#[test]
fn what_the_host_renders_or_records_is_the_live_output_to_the_first_frame() {
    // Heard, and then: rendered; recorded in real time; begun anew by a reset.
    for (host, is_reset) in [(RENDERING, false), (PLAYING, false), (Use::default(), true)] {
        let (desk, mut side) = playing();
        assert_eq!(loudest(&mut side, Use::default(), 8), 0.5);
        if is_reset {
            side.interrupt();
        }
        assert_eq!(loudest(&mut side, host, 8), 0.0, "{host:?}");
        assert!(!desk.is_playing());
        // Nor afterwards.
        assert_eq!(loudest(&mut side, Use::default(), 8), 0.0, "{host:?}");
    }
    // Not heard yet when the rendering begins.
    let (desk, mut side) = playing();
    assert_eq!(loudest(&mut side, RENDERING, 8), 0.0);
    assert!(!desk.is_playing());
}

#[test]
fn where_the_host_is_silent_until_it_plays_the_preview_is_heard_then() {
    let (_desk, mut side) = playing();
    side.interrupt();
    assert_eq!(loudest(&mut side, PLAYING, 8), 0.5);
}

#[test]
fn the_levels_are_those_of_what_is_heard() {
    let (desk, mut side) = playing();
    let mut controls = Controls::default();
    controls.stems[0].gain = 0.5;
    for _ in 0..16 {
        let (mut left, mut right) = ([0.125; 512], [0.125; 512]);
        side.process(&mut [&mut left, &mut right], &controls, Use::default());
    }
    let levels = desk.levels();
    let slot = levels.read(levels.num_written() - 1).unwrap();
    assert_eq!((slot.mix.peak, slot.main.peak), (0.5, 0.25));
    assert_eq!((slot.stems[0].level.peak, slot.stems[0].gain), (0.5, 0.5));
    assert_eq!(slot.stems[1].level.peak, 0.0);
    // Nothing is written while nothing is heard.
    side.interrupt();
    loudest(&mut side, Use::default(), 8);
    assert_eq!(levels.num_written(), desk.levels().num_written());
}
