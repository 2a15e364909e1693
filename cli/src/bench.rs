//! `unweave bench`: how long each step of a separation takes, alone and together.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use serde::Serialize;
use unweave_separation::audio::channels::Layout;
use unweave_separation::audio::read::AudioReader;
use unweave_separation::audio::tags::Tags;
use unweave_separation::audio::write::{AudioSpec, AudioWriter, BitDepth, FileFormat, Samples};
use unweave_separation::delivery::folder::Existing;
use unweave_separation::delivery::plan::Selection;
use unweave_separation::model::manifest::Kind;
use unweave_separation::offline::threads;
use unweave_separation::offline::{Done, Job, separate_file};
use unweave_separation::{Model, Resampler, StemBlock, Stft, Terminator, words};

use crate::console;
use crate::model_args::{ModelArgs, SeparatorPool};

/// Length of the song that is made when none is named, in seconds.
const MADE_SECONDS: u32 = 30;
const MADE_RATE: u32 = 44_100;

/// Frames that are handed over at a time.
const BLOCK_FRAMES: usize = 16_384;

/// Arguments of `unweave bench`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A song [default: 30 s of noise, at 44.1 kHz in stereo].
    #[arg(value_name = "SONG")]
    song: Option<PathBuf>,
    #[command(flatten)]
    model: ModelArgs,
    /// One JSON document on the standard output.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Results {
    unweave_version: &'static str,
    model: String,
    model_sha256: String,
    runtime: String,
    threads: usize,
    song_seconds: f64,
    steps: Vec<Step>,
}

/// One step over the whole song.
#[derive(Serialize)]
struct Step {
    step: &'static str,
    seconds: f64,
    /// Seconds of computing per second of audio.
    real_time_factor: f64,
}

/// Times the steps.
///
/// # Errors
/// The song can't be read, or the model can't be used.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let temp = tempfile::tempdir().context("can't make a temporary folder")?;
    let song = match &args.song {
        Some(song) => song.clone(),
        None => make_song(temp.path())?,
    };
    let model = args.model.find()?;
    let cancel = Terminator::new();
    let timed = |run: &mut dyn FnMut() -> anyhow::Result<()>| -> anyhow::Result<f64> {
        let start = Instant::now();
        run()?;
        Ok(start.elapsed().as_secs_f64())
    };

    let mut pool = None;
    let mut times = Vec::new();
    // The model is tried out while it is loaded: its first inference is part of this.
    times.push((
        "start to first inference",
        timed(&mut || {
            pool = Some(args.model.open(&cancel)?);
            Ok(())
        })?,
    ));
    let mut pool = pool.context("the model was not loaded")?;
    let mut decoded = Decoded::default();
    times.push((
        "decode",
        timed(&mut || {
            decoded = decode(&song)?;
            Ok(())
        })?,
    ));
    times.push((
        "resample there and back",
        timed(&mut || decoded.resample(&model))?,
    ));
    times.push((
        "transform there and back",
        timed(&mut || decoded.transform(&model))?,
    ));
    times.push(("separate", timed(&mut || decoded.separate(&mut pool))?));
    times.push((
        "write one WAV, 24 bits",
        timed(&mut || decoded.write(temp.path(), FileFormat::Wav))?,
    ));
    times.push((
        "write one FLAC, 24 bits",
        timed(&mut || decoded.write(temp.path(), FileFormat::Flac))?,
    ));
    let mut is_complete = true;
    times.push((
        "all, song to checked WAV set",
        timed(&mut || {
            let mut pool = args.model.open(&cancel)?;
            is_complete = separate(args, &song, temp.path(), &mut pool, &cancel)?;
            Ok(())
        })?,
    ));

    let seconds = decoded.seconds();
    let results = Results {
        unweave_version: env!("CARGO_PKG_VERSION"),
        model: model.manifest.id.clone(),
        model_sha256: model.identity()?,
        runtime: pool.runtime().to_owned(),
        threads: threads::for_inference(&model, args.model.threads),
        song_seconds: seconds,
        steps: times
            .into_iter()
            .map(|(step, time)| Step {
                step,
                seconds: time,
                real_time_factor: time / seconds,
            })
            .collect(),
    };
    if args.json {
        console::json(&results)?;
    } else {
        show(&results);
    }
    Ok(if is_complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn show(results: &Results) {
    console::result(&format!(
        "{} on {}, {} threads, {:.1} s of audio",
        results.model, results.runtime, results.threads, results.song_seconds
    ));
    console::result(&format!(
        "{:30} {:>9} {:>18}",
        "step", "seconds", "real-time factor"
    ));
    for step in &results.steps {
        let (name, seconds, factor) = (step.step, step.seconds, step.real_time_factor);
        console::result(&format!("{name:30} {seconds:9.3} {factor:18.4}"));
    }
}

fn separate(
    args: &Args,
    song: &Path,
    output_dir: &Path,
    pool: &mut SeparatorPool,
    cancel: &Terminator,
) -> anyhow::Result<bool> {
    let model = pool.model_report();
    let job = Job {
        source: song,
        range: None,
        name: None,
        output_dir,
        template: None,
        is_flat: false,
        has_report: true,
        selection: &Selection::default(),
        format: FileFormat::Wav,
        depth: BitDepth::Int24,
        existing: Existing::Number,
        skip_existing: false,
        model: &model,
        runtime: pool.runtime().to_owned(),
        threads: threads::for_encoding(args.model.threads),
    };
    let done = separate_file(&job, &mut |rate| pool.stream(rate), &mut |_| {}, cancel)
        .map_err(|error| anyhow::anyhow!("{}: {}", song.display(), words::job(&error, "TMPDIR")))?;
    Ok(matches!(done, Done::Written { .. }))
}

/// A decoded song: the first two channels, or the first twice.
#[derive(Default)]
struct Decoded {
    sample_rate: u32,
    channels: [Vec<f32>; 2],
}

fn decode(song: &Path) -> anyhow::Result<Decoded> {
    let read_error = |error| anyhow::anyhow!("{}: {}", song.display(), words::read(&error));
    let mut reader = AudioReader::open(song).map_err(read_error)?;
    let mut decoded = Decoded {
        sample_rate: reader.facts().sample_rate,
        ..Decoded::default()
    };
    let mut block = Vec::new();
    while reader.read(&mut block).map_err(read_error)? > 0 {
        for (side, channel) in decoded.channels.iter_mut().enumerate() {
            channel.extend_from_slice(&block[side.min(block.len() - 1)]);
        }
    }
    Ok(decoded)
}

impl Decoded {
    fn seconds(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "seconds for people")]
        let seconds = self.channels[0].len() as f64 / f64::from(self.sample_rate);
        seconds
    }

    fn blocks(&self) -> impl Iterator<Item = [&[f32]; 2]> {
        let [left, right] = &self.channels;
        left.chunks(BLOCK_FRAMES)
            .zip(right.chunks(BLOCK_FRAMES))
            .map(|(l, r)| [l, r])
    }

    /// To the model's rate, and as many stems back; nothing if the rates are equal.
    fn resample(&self, model: &Model) -> anyhow::Result<()> {
        let (from, to) = (self.sample_rate, model.manifest.sample_rate);
        if from == to {
            return Ok(());
        }
        let (mut there, mut back) = (Resampler::new(from, to)?, Vec::new());
        back.resize(model.manifest.stems.len() - 1, Resampler::new(to, from)?);
        for block in self.blocks() {
            let mut shown = Default::default();
            there.push(block, &mut shown);
            for back in &mut back {
                let mut stem = Default::default();
                back.push([&shown[0], &shown[1]], &mut stem);
            }
        }
        Ok(())
    }

    /// The mix into spectra, and as many stems back, as a spectral model needs it.
    fn transform(&self, model: &Model) -> anyhow::Result<()> {
        let Kind::StreamingSpectrum(spectrum) = model.manifest.kind else {
            return Ok(());
        };
        let mut stft = Stft::new(spectrum.n_fft, spectrum.hop);
        let num_stems = model.manifest.stems.len() - 1;
        let mut samples = vec![0.0; spectrum.hop];
        let mut bins = vec![0.0; 2 * stft.num_bins()];
        for channel in &self.channels {
            let mut history = vec![0.0; spectrum.n_fft];
            let mut overlaps = vec![vec![0.0; spectrum.n_fft]; num_stems];
            for hop in channel.chunks_exact(spectrum.hop) {
                stft.analyse(&mut history, hop, &mut bins);
                for overlap in &mut overlaps {
                    stft.synthesise(&bins, overlap, &mut samples);
                }
            }
        }
        Ok(())
    }

    fn separate(&self, pool: &mut SeparatorPool) -> anyhow::Result<()> {
        let mut stream = pool.stream(self.sample_rate)?;
        let mut stems = StemBlock::default();
        for block in self.blocks() {
            stream.push(block, &mut stems)?;
        }
        stream.flush(&mut stems)?;
        Ok(())
    }

    fn write(&self, dir: &Path, format: FileFormat) -> anyhow::Result<()> {
        let spec = AudioSpec {
            format,
            depth: BitDepth::Int24,
            sample_rate: self.sample_rate,
            layout: Layout::from_count(2),
            num_frames: self.channels[0].len() as u64,
            tags: Tags::titled("Bench"),
            time_stamp: None,
        };
        let mut writer = AudioWriter::create(&dir.join("bench.audio"), &spec)?;
        for block in self.blocks() {
            #[expect(clippy::cast_possible_truncation, reason = "24 bits fit")]
            let integers = block.map(|channel| {
                let scaled = channel.iter().map(|&s| (f64::from(s) * 8_388_607.0) as i32);
                scaled.map(|s| s.clamp(-8_388_608, 8_388_607)).collect()
            });
            writer.write(Samples::Integer(&integers))?;
        }
        writer.finish()?;
        Ok(())
    }
}

/// Noise at −20 dB, 24 bits, as a WAV.
fn make_song(dir: &Path) -> anyhow::Result<PathBuf> {
    let path = dir.join("noise.wav");
    // The generator of Numerical Recipes.
    let mut state = 1_u32;
    let mut sample = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f32::from((state >> 17).try_into().unwrap_or(0_u16)) / 16_384.0 - 1.0) * 0.1
    };
    let num_frames = MADE_RATE * MADE_SECONDS;
    let channel: Vec<f32> = (0..num_frames).map(|_| sample()).collect();
    let mut other = channel.clone();
    other.rotate_left(1_000);
    let song = Decoded {
        sample_rate: MADE_RATE,
        channels: [channel, other],
    };
    song.write(dir, FileFormat::Wav)?;
    std::fs::rename(dir.join("bench.audio"), &path)?;
    Ok(path)
}
