//! What a sound card's thread runs neither allocates nor frees, whatever a person does; and the guard that says so notices.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may unwrap as tests may"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use unweave_plugin::Unweave;
use unweave_plugin::render::SongFile;
use unweave_standalone::machine::Machine;
use unweave_standalone::song::{Wish, song};
use unweave_tests::doubles::Capturing;
use unweave_tests::signal::write_song;

/// Calls of the allocator during `audio`, on this thread, at least; what is freed and allocated again counts once.
fn violations(audio: impl FnOnce()) -> u64 {
    let counted = allocation_counter::measure(audio);
    counted.count_total + counted.count_current.unsigned_abs()
}

#[test]
fn the_sound_cards_thread_neither_allocates_nor_frees() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("song.wav");
    let samples: Vec<f32> = (0..60_000)
        .map(|frame| (frame as f32 * 0.01).sin())
        .collect();
    write_song(&path, 44_100, &[samples.clone(), samples]);
    let takes_card = Arc::<AtomicBool>::default();
    let (transport, side) = song();
    let transport = Arc::new(transport);
    let plugin = Box::new(Unweave::<Capturing>::default());
    let input = (Arc::clone(&transport), side);
    let mut machine = Machine::new(plugin, input, Arc::clone(&takes_card));
    machine.prepare(44_100, 512);

    let mut channels = [vec![0.1; 700], vec![0.1; 700]];
    let mut num_violations = 0;
    let mut run = |num_blocks: usize| {
        for _ in 0..num_blocks {
            let [left, right] = &mut channels;
            num_violations += violations(|| machine.process([left, right]));
        }
    };
    let play = |frame| {
        transport.play(Wish {
            key: 1,
            song: SongFile::File(path.clone()),
            frame,
        });
        let start = Instant::now();
        while transport
            .playing()
            .is_some_and(|playing| playing.num_waiting == 0)
            && start.elapsed() < Duration::from_secs(10)
        {
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    run(10);
    for round in 0..20u64 {
        play(round * 1_000);
        run(3);
        play(30_000);
        run(3);
        if round % 3 == 0 {
            transport.stop();
            run(2);
        }
        takes_card.store(round % 4 == 0, Ordering::Relaxed);
        run(3);
    }
    takes_card.store(false, Ordering::Relaxed);
    // To its end and beyond.
    play(50_000);
    let start = Instant::now();
    while transport.playing().is_some() && start.elapsed() < Duration::from_secs(10) {
        run(1);
    }
    run(10);
    assert_eq!(num_violations, 0);
}

#[test]
fn the_guard_notices_what_is_allocated_or_freed() {
    let mut value = None;
    assert!(violations(|| value = Some(Box::new(1))) >= 1);
    assert_eq!(violations(|| drop(value)), 1);
}
