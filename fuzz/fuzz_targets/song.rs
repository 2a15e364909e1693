//! Any bytes as a song: an error, or audio of equal channels that are all numbers.
#![no_main]

use std::cell::RefCell;
use std::panic;
use std::sync::Once;

use libfuzzer_sys::fuzz_target;
use unweave_separation::audio::read::AudioReader;

/// Blocks that are read at most: a few bytes of a compressed format can stand for hours.
const MAX_BLOCKS: usize = 200;

static HOOK: Once = Once::new();

thread_local! {
    /// What the last panic said, caught or not.
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

fuzz_target!(|bytes: &[u8]| {
    // libFuzzer's own hook ends the run at once. But a decoder's panic is caught, and counts as damage of the song.
    HOOK.call_once(|| {
        panic::set_hook(Box::new(|panic| LAST_PANIC.set(panic.to_string())));
    });
    if let Err(panic) = panic::catch_unwind(|| read(bytes)) {
        eprintln!("{}", LAST_PANIC.take());
        panic::resume_unwind(panic);
    }
});

fn read(bytes: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::io::Write::write_all(&mut file, bytes).expect("which can be written");
    let Ok(mut reader) = AudioReader::open(file.path()) else {
        return;
    };
    let mut block = Vec::new();
    for _ in 0..MAX_BLOCKS {
        match reader.read(&mut block) {
            Ok(num_frames) if num_frames > 0 => {
                assert!(block.iter().all(|channel| channel.len() == num_frames));
                assert!(block.iter().flatten().all(|sample| sample.is_finite()));
            }
            _ => break,
        }
    }
    reader.notes();
}
