//! Stems that were separated elsewhere are heard in place of the live output, without a click.

use unweave_live::Controls;
use unweave_live::preview::{
    LANE_SECONDS, NotProcessing, PreviewDesk, PreviewFeed, PreviewSide, Use, preview,
};

const RATE: u32 = 48_000;
const FADE_FRAMES: usize = 480;
/// Where stems begin, end or jump there may be this much of silence beside the fade.
const SEAM_FRAMES: usize = 2 * FADE_FRAMES + 256;

/// Feeds stems of constant value, in both channels and opposite, from `frame` of the song on.
fn feed(feed: &mut PreviewFeed, frame: u64, values: &[f32], num_frames: usize) -> bool {
    let stems: Vec<[Vec<f32>; 2]> = values
        .iter()
        .map(|value| [vec![*value; num_frames], vec![-value; num_frames]])
        .collect();
    let stems = stems.iter().map(|stem| stem.each_ref().map(Vec::as_slice));
    feed.feed(frame, num_frames, stems)
}

/// Four stems of constant value, as much of them as fits.
fn play(desk: &mut PreviewDesk, values: [f32; 4]) -> PreviewFeed {
    let mut stems = desk.play(4, 4).unwrap();
    let num_frames = stems.max_frames();
    assert!(feed(&mut stems, 0, &values, num_frames));
    stems
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
fn the_preview_fades_in_and_out_and_at_rest_the_live_output_is_untouched() {
    let (mut desk, mut side) = preview();
    side.set_up(RATE);
    let controls = Controls::default();
    let mut heard = hear(&mut side, &controls, 0.25, 1_000);
    assert_eq!(heard, [0.25; 1_000]);
    let _feed = play(&mut desk, [0.5, 0.25, -0.125, 0.125]);
    assert_eq!(desk.frame(), None);
    heard.extend(hear(&mut side, &controls, 0.25, 12_000));
    assert_eq!(heard[1_000 + FADE_FRAMES..], [0.75; 12_000 - FADE_FRAMES]);
    assert!(desk.frame().unwrap().abs_diff(12_000) <= 128);
    desk.stop();
    heard.extend(hear(&mut side, &controls, 0.25, 2_000));
    assert_eq!(heard[heard.len() - 1_000..], [0.25; 1_000]);
    // The preview's own fade and the one against the live output multiply.
    let most = (0.25 + 2.0 * 0.75) / FADE_FRAMES as f32 * 1.01;
    assert!(steepest(&heard) <= most, "{} > {most}", steepest(&heard));
}

#[test]
fn a_jump_a_dry_lane_and_the_end_are_silent_without_a_click_and_nothing_live_shows() {
    let (mut desk, mut side) = preview();
    side.set_up(RATE);
    let controls = Controls::default();
    let mut stems = desk.play(1, 1).unwrap();
    // Back to the start of a loop, over a live output that must not be heard meanwhile.
    assert!(feed(&mut stems, 50_000, &[0.5], 9_000));
    assert!(feed(&mut stems, 1_000, &[0.5], 9_000));
    let mut heard = hear(&mut side, &controls, 0.0, 1_000);
    heard.extend(hear(&mut side, &controls, 9.0, 14_000));
    let seam = 9_000 - SEAM_FRAMES..9_000 + SEAM_FRAMES;
    assert!(heard[seam.clone()].contains(&0.0));
    assert_eq!(
        heard[FADE_FRAMES..seam.start],
        vec![0.5; seam.start - FADE_FRAMES]
    );
    assert_eq!(heard[seam.end..], vec![0.5; 15_000 - seam.end]);
    assert!(desk.frame().unwrap().abs_diff(1_000 + 6_000) <= 128);
    // It runs dry, and goes on.
    heard.extend(hear(&mut side, &controls, 9.0, 6_000));
    assert!(stems.is_heard());
    assert_eq!(heard[heard.len() - 2_000..], [0.0; 2_000]);
    assert!(feed(&mut stems, 10_000, &[0.5], 9_000));
    heard.extend(hear(&mut side, &controls, 9.0, 4_000));
    assert_eq!(heard[heard.len() - 2_000..], [0.5; 2_000]);
    let most = 2.0 * 0.5 / FADE_FRAMES as f32 * 1.01;
    assert!(steepest(&heard) <= most, "{} > {most}", steepest(&heard));
    hear(&mut side, &controls, 0.0, 9_000);
    assert!(stems.is_heard() && stems.num_heard() == 27_000);
    desk.end(&stems);
    assert!(!desk.is_playing() && !stems.is_wanted());
    hear(&mut side, &controls, 0.125, 1_000);
    assert_eq!(hear(&mut side, &controls, 0.125, 100), [0.125; 100]);
}

#[test]
fn one_follows_another_without_a_click_or_a_sound_of_the_live_output_and_the_first_comes_back() {
    let (mut desk, mut side) = preview();
    side.set_up(RATE);
    let controls = Controls::default();
    let mut heard = Vec::new();
    let mut feeds: Vec<PreviewFeed> = Vec::new();
    for round in 0..20 {
        let value = if round % 2 == 0 { 0.5 } else { -0.5 };
        feeds.push(play(&mut desk, [value, 0.0, 0.0, 0.0]));
        let live = if round == 0 { 0.0 } else { 9.0 };
        heard.extend(hear(&mut side, &controls, live, 3_000));
        let last = &heard[heard.len() - 500..];
        assert_eq!(last, [value; 500]);
    }
    let most = 2.0 * 0.5 / FADE_FRAMES as f32 * 1.01;
    assert!(steepest(&heard) <= most);
    // What was replaced ends nothing, and its feed knows.
    let (last, old) = feeds.split_last().unwrap();
    desk.end(&old[0]);
    assert!(desk.is_playing() && last.is_wanted() && !old[0].is_wanted());
}

#[test]
fn faders_mutes_solos_tracks_and_the_comparison_work_on_the_preview() {
    let values = [0.5, 0.25, 0.125, 0.0625];
    type Case = (&'static str, fn(&mut Controls, &PreviewDesk), f32);
    let cases: [Case; 6] = [
        ("gain", |c, _| c.stems[0].gain = 2.0, 1.4375),
        ("mute", |c, _| c.stems[1].is_muted = true, 0.6875),
        ("solo", |c, _| c.stems[2].is_soloed = true, 0.125),
        (
            "track",
            |_, desk| desk.silence([true, false, false, true, false, false, false, false]),
            0.375,
        ),
        (
            "comparison",
            |c, desk| {
                c.is_dry = true;
                c.stems[0].gain = 0.0;
                desk.silence([true; 8]);
            },
            0.9375,
        ),
        ("bypass", |c, _| c.is_bypassed = true, 0.0),
    ];
    for (name, change, expected) in cases {
        let (mut desk, mut side) = preview();
        side.set_up(RATE);
        let mut controls = Controls::default();
        let _feed = play(&mut desk, values);
        let mut heard = hear(&mut side, &controls, 0.0, 10_000);
        assert_eq!(heard[5_000], 0.9375, "{name}");
        change(&mut controls, &desk);
        heard.extend(hear(&mut side, &controls, 0.0, 10_000));
        assert_eq!(heard[15_000], expected, "{name}");
        let most = 2.0 / FADE_FRAMES as f32 * 1.01;
        assert!(steepest(&heard) <= most, "{name}: {}", steepest(&heard));
    }
}

#[test]
fn stems_without_a_strip_of_their_own_follow_the_last() {
    let (mut desk, mut side) = preview();
    side.set_up(RATE);
    let mut stems = desk.play(6, 4).unwrap();
    let values = [0.0, 0.0, 0.0, 0.5, 0.25, 0.125];
    assert!(feed(&mut stems, 0, &values, 20_000));
    let mut controls = Controls::default();
    controls.stems[3].gain = 2.0;
    // The fifth and sixth have controls, too, but no strips.
    controls.stems[4].is_muted = true;
    controls.stems[5].is_soloed = true;
    assert_eq!(hear(&mut side, &controls, 0.0, 4_000)[3_999], 1.75);
    let levels = desk.levels();
    let slot = levels.read(levels.num_written() - 1).unwrap();
    assert_eq!(slot.stems[3].level.peak, 0.875);
    desk.silence([false, false, false, false, true, false, false, false]);
    assert_eq!(hear(&mut side, &controls, 0.0, 4_000)[3_999], 1.25);
}

#[test]
fn without_audio_nothing_is_taken_and_that_is_told() {
    let (mut desk, mut side) = preview();
    side.set_up(RATE);
    let mut feeds = Vec::new();
    for value in [0.1, 0.2, 0.3] {
        feeds.push(play(&mut desk, [value, 0.0, 0.0, 0.0]));
    }
    assert!(matches!(desk.play(4, 4), Err(NotProcessing)));
    assert_eq!(feeds[2].num_heard(), 0);
    let longest = LANE_SECONDS * RATE as usize;
    assert_eq!(feeds[2].max_frames(), longest);
    assert!(
        !feed(&mut feeds[2], longest as u64, &[0.0; 4], 1),
        "no room"
    );
    // The last that was taken is heard.
    let heard = hear(&mut side, &Controls::default(), 0.0, 4_000);
    assert_eq!(heard[3_999], 0.3);
    // Another rate ends it.
    side.set_up(96_000);
    assert!(!desk.is_playing() && !feeds[2].is_wanted());
    assert_eq!(hear(&mut side, &Controls::default(), 0.5, 100), [0.5; 100]);
}

#[test]
fn a_mono_output_hears_the_mean_and_before_the_first_frame_the_live_output() {
    let (mut desk, mut side) = preview();
    side.set_up(RATE);
    let mut stems = desk.play(1, 1).unwrap();
    let mut mono = vec![0.125; 2_000];
    side.process(&mut [&mut mono], &Controls::default(), Use::default());
    assert_eq!(mono, [0.125; 2_000]);
    let stem = [vec![0.5; 5_000], vec![0.25; 5_000]];
    assert!(stems.feed(0, 5_000, [stem.each_ref().map(Vec::as_slice)]));
    side.process(&mut [&mut mono], &Controls::default(), Use::default());
    assert_eq!(mono[1_999], 0.375);
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
fn playing() -> (PreviewDesk, PreviewSide, PreviewFeed) {
    let (mut desk, mut side) = preview();
    side.set_up(RATE);
    let feed = play(&mut desk, [0.5, 0.0, 0.0, 0.0]);
    (desk, side, feed)
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
        let (desk, mut side, _feed) = playing();
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
    let (desk, mut side, _feed) = playing();
    assert_eq!(loudest(&mut side, RENDERING, 8), 0.0);
    assert!(!desk.is_playing());
}

#[test]
fn where_the_host_is_silent_until_it_plays_the_preview_is_heard_then() {
    let (_desk, mut side, _feed) = playing();
    side.interrupt();
    assert_eq!(loudest(&mut side, PLAYING, 8), 0.5);
}

#[test]
fn the_levels_are_those_of_what_is_heard() {
    let (desk, mut side, _feed) = playing();
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
    let num_written = levels.num_written();
    loudest(&mut side, Use::default(), 8);
    assert_eq!(levels.num_written(), num_written);
}
