//! Any bytes as a song: an error, or audio of equal channels that are all numbers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use unweave_separation::audio::read::AudioReader;

/// Blocks that are read at most: a few bytes of a compressed format can stand for hours.
const MAX_BLOCKS: usize = 200;

fuzz_target!(|bytes: &[u8]| {
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
});
