//! Every kind of model against the program of the family it is for.
//!
//! `tests/kinds/` has, per family, a network with few, random weights and what the family's own program
//! makes with it of the first seconds of the demo song; `models/export/references.py` wrote both.
#![allow(clippy::unwrap_used, reason = "helpers of tests may do what tests may")]

use std::path::PathBuf;

use unweave_separation::audio::read::AudioReader;
use unweave_separation::model::manifest::Kind;
use unweave_separation::{Measuring, Mode, Model, Options, Purpose, StemBlock, Stream, load};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The first frames of the demo song, `[channel][frame]`.
fn song(frames: usize) -> [Vec<f32>; 2] {
    let mut reader = AudioReader::open(&root().join("../assets/demo/paper-lanterns.flac")).unwrap();
    let mut block = Vec::new();
    let mut song = [Vec::new(), Vec::new()];
    while song[0].len() < frames && reader.read(&mut block).unwrap() > 0 {
        for (song, block) in song.iter_mut().zip(&block) {
            song.extend_from_slice(block);
        }
    }
    song.map(|channel| channel[..frames].to_vec())
}

/// The model of a family.
fn model(family: &str) -> Model {
    Model::open(&root().join("tests/kinds").join(family)).unwrap()
}

/// The whole song through a model as it is used for files or live, `[stem][channel][frame]`.
fn separate(model: &Model, mix: &[Vec<f32>; 2], purpose: Purpose) -> Vec<[Vec<f32>; 2]> {
    let options = Options {
        purpose,
        ..Options::default()
    };
    let separator = load(model, &options).unwrap();
    let mut stream = Stream::with_batch(separator, 44_100, 32).unwrap();
    if stream.wants_track() {
        let mut measuring = Measuring::default();
        measuring.add([&mix[0], &mix[1]]);
        stream.begin(&measuring.track());
    }
    let mut stems = vec![[Vec::new(), Vec::new()]; stream.shape().stems.len()];
    let mut append = |out: &StemBlock| {
        for (stem, out) in stems.iter_mut().zip(out.iter()) {
            stem[0].extend_from_slice(&out[0]);
            stem[1].extend_from_slice(&out[1]);
        }
    };
    let mut out = StemBlock::default();
    for (left, right) in mix[0].chunks(50_000).zip(mix[1].chunks(50_000)) {
        stream.push([left, right], &mut out).unwrap();
        append(&out);
    }
    stream.flush(&mut out).unwrap();
    append(&out);
    stems
}

/// Compares what a file keeps of each stem but the residual; gives the worst error over the peak.
fn check(family: &str, seconds: f64) {
    let model = model(family);
    let bytes = std::fs::read(root().join("tests/kinds").join(family).join("stems.f32")).unwrap();
    let expected: Vec<f32> = bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let frames = (seconds * 44_100.0) as usize;
    let stems = separate(&model, &song(frames), Purpose::Files);
    let kept: Vec<usize> = (0..frames)
        .filter(|&frame| frame < 512 || frame >= frames - 512 || frame % 97 == 0)
        .collect();
    let others = stems
        .iter()
        .enumerate()
        .filter(|(idx, _)| *idx != model.manifest.residual_idx);
    let mut expected = expected.chunks_exact(kept.len());
    for (stem_idx, stem) in others {
        assert_eq!(stem[0].len(), frames);
        let sides = [expected.next().unwrap(), expected.next().unwrap()];
        let peak = sides
            .iter()
            .flat_map(|side| side.iter())
            .fold(0.0f32, |peak, x| peak.max(x.abs()));
        assert!(peak > 1e-3, "a silent reference proves nothing");
        for (side, expected) in stem.iter().zip(sides) {
            let (worst, frame) = kept
                .iter()
                .zip(expected)
                .map(|(&frame, expected)| ((side[frame] - expected).abs(), frame))
                .fold((0.0, 0), |a, b| if b.0 > a.0 { b } else { a });
            assert!(
                worst <= 1e-4 * peak,
                "{family}, stem {stem_idx}: off by {worst:e} at frame {frame}, peak {peak}"
            );
        }
    }
    assert!(expected.next().is_none(), "the reference has more stems");
}

/// Live and in files, the same segments give the same stems. With as much silence before the song in a file as live
/// use hears before its start, segments lie alike; the song's own mean and deviation are known only in files, and the
/// end of the song is another matter there, so one is switched off and the other left out.
#[test]
fn live_stems_of_every_kind_are_those_of_files() {
    let dir = tempfile::tempdir().unwrap();
    for family in [
        "waveform",
        "hybrid",
        "mdx",
        "roformer",
        "scnet",
        "openunmix",
        "spleeter",
    ] {
        let from = root().join("tests/kinds").join(family);
        let to = dir.path().join(family);
        std::fs::create_dir(&to).unwrap();
        for file in std::fs::read_dir(&from).unwrap() {
            let file = file.unwrap().path();
            std::fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
        }
        let text = std::fs::read_to_string(to.join("model.toml")).unwrap();
        let text = text.replace("normalise = true", "normalise = false");
        // Open-Unmix takes any length; a minute of it proves no more than four seconds.
        let text = text.replace("frames = 2646000", "frames = 176400");
        let text = text.replace("overlap_frames = 220500", "overlap_frames = 44100");
        std::fs::write(to.join("model.toml"), text).unwrap();
        let model = Model::open(&to).unwrap();
        let segment = match model.manifest.kind {
            Kind::Waveform(segment)
            | Kind::Hybrid(segment, ..)
            | Kind::Spectrum(segment, ..)
            | Kind::Magnitude(segment, ..) => segment,
            _ => panic!("{family} has no segments"),
        };

        let hop = segment.hop();
        let mix = song(segment.frames + 2 * hop);
        let live = separate(&model, &mix, Purpose::Live(Mode::Standard));
        // A file's first segment begins with the song, but for what is trimmed; Spleeter's a window before it.
        let lead = if family == "spleeter" {
            4_096
        } else {
            segment.trim_frames
        };
        let silence = (segment.frames - lead) % hop + segment.frames / hop * hop;
        let later = mix.clone().map(|channel| {
            let mut later = vec![0.0; silence];
            later.extend(channel);
            later
        });
        let files = separate(&model, &later, Purpose::Files);
        for (stem_idx, (live, files)) in live.iter().zip(&files).enumerate() {
            for (live, files) in live.iter().zip(files) {
                let (live, files) = (&live[..2 * hop], &files[silence..]);
                let peak = live.iter().fold(0.0f32, |peak, x| peak.max(x.abs()));
                assert!(peak > 1e-3, "silence proves nothing");
                let pairs = live.iter().zip(files);
                let worst = pairs.fold(0.0f32, |worst, (a, b)| worst.max((a - b).abs()));
                assert!(
                    worst <= 1e-5 * peak,
                    "{family}, stem {stem_idx}: off by {worst:e}, peak {peak}"
                );
            }
        }
    }
}

#[test]
fn waveform_segments_give_what_demucs_gives() {
    check("waveform", 10.0);
}

#[test]
fn hybrid_segments_give_what_htdemucs_gives() {
    check("hybrid", 14.0);
}

#[test]
fn trimmed_spectra_give_what_mdx_net_gives() {
    check("mdx", 12.0);
}

#[test]
fn complex_masks_give_what_bs_roformer_gives() {
    check("roformer", 13.0);
}

#[test]
fn spectra_of_segments_with_silence_after_them_give_what_scnet_gives() {
    check("scnet", 7.0);
}

#[test]
fn masks_of_segments_with_silence_after_them_give_what_masked_scnet_gives() {
    check("scnet-masked", 7.0);
}

#[test]
fn magnitudes_and_the_wiener_filter_give_what_open_unmix_gives() {
    check("openunmix", 8.0);
}

#[test]
fn magnitudes_and_ratios_give_what_spleeter_gives() {
    check("spleeter", 8.0);
}
