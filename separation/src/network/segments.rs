//! Models that see a segment at a time: how a mix is cut, and how the stems' segments become one.
//!
//! With N frames per segment, d frames at each of its ends that are discarded, o frames that two segments
//! share besides: a hop is h = N − 2d − o, segment j covers frames `[j h − lead, j h − lead + N)`, and its
//! frame i has the weight w(i) = 0 within d of an end, else `min(i − d + 1, N − d − i)`. A stem is
//! `Σ w s / Σ w` over the segments that cover a frame. For o ≤ (N − 2d) / 2 that is a linear cross-fade in
//! which no frame of either segment has weight zero.
//!
//! | | live | files |
//! |---|---|---|
//! | lead | N − h, so that a hop ends its segment | d, so that the first frame of the song is the first that counts |
//! | before the song | silence | silence, if d > 0 |
//! | after the song | – | see [`End`] |
//! | normalised by | the segment's own mean and deviation | the whole song's |
//! | S | N − d | N − d + ((lead − N) mod h) |
//!
//! Silence costs nothing: a network of this kind remembers nothing from one segment to the next, so its stems of a
//! segment of zeros are kept, and it isn't asked again. (What a network with a memory makes of silence depends on
//! what came before, so there every hop of silence is inferred.)
//!
//! An example, with N = 8, d = 1, o = 2, so h = 4: weights are 0 1 2 3 3 2 1 0, and where segment j ends in … 2
//! 1, segment j + 1 begins with 1 2 …, so the fade goes 1/3, 2/3.
//!
//! # Source
//! d = 0 is `demucs.apply.apply_model` with `split`, `transition_power` 1 and no shifts, first and last
//! segment included; it normalises by the whole song and adds the song's mean to every stem, as
//! `demucs.separate` does. Live, the mean is a segment's, and would be a step from each to the next: it is
//! added to none, and so ends in the residual. d = n_fft / 2, o = 0 is how MDX-Net's authors cut
//! (kuielab/mdx-net, `src/evaluation/separate.py`).

use crate::error::Error;
use crate::mode::Purpose;
use crate::model::manifest::{ANY, Kind, Manifest, Segment, Tensor};
use crate::model::store::Model;
use crate::network::Network;
use crate::separator::track::{Measuring, Statistics, Track};
use crate::separator::{Separator, Shape, StemBlock};

/// What is done about a segment that reaches beyond the end of the song.
///
/// It matters on files only: live, the song has no end. A segment that begins at or behind the end is not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Silence follows.
    Silent,
    /// What is left of the song is moved to the middle of the segment: the song's earlier frames are
    /// before it, and silence is where there are none.
    Centred,
    /// The segment is as long as what is left.
    Short,
}

/// Where segments begin, and when their stems are final.
///
/// Made from the manifest, so that hop and window are known before a graph is loaded.
///
/// # Units
/// Frames at the model's rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    /// N, o, d, and whether the network is shown a normalised mix.
    segment: Segment,
    /// What a segment is given where the song ends in it.
    end: End,
    /// By how much the first segment begins before the song.
    lead: usize,
    /// How far the stems lag the mix.
    lag: usize,
    /// Whether stems are added up as they are: they fade by themselves.
    is_faded: bool,
}

impl Grid {
    /// How a model is cut; none if it isn't.
    pub(crate) fn new(manifest: &Manifest, purpose: Purpose) -> Option<Self> {
        let kind = &manifest.kind;
        let takes_any_length = |input: &Tensor| input.shape.contains(&ANY);
        let is_fixed = !manifest.interface.inputs.iter().all(takes_any_length);
        let (segment, end) = match kind {
            Kind::Waveform(segment) | Kind::Hybrid(segment, _) => (*segment, End::Centred),
            Kind::Spectrum(segment, ..) if segment.trim_frames > 0 => (*segment, End::Silent),
            Kind::Spectrum(segment, ..) => (*segment, End::Centred),
            Kind::Magnitude(segment, transform, _) if is_fixed || transform.is_whole() => {
                (*segment, End::Silent)
            }
            Kind::Magnitude(segment, ..) | Kind::DeepFilter(segment) => (*segment, End::Short),
            Kind::StreamingSpectrum(_)
            | Kind::VocalsFirst(..)
            | Kind::Bag(_)
            | Kind::Cascade(_) => return None,
        };
        let is_faded = matches!(kind, Kind::Magnitude(_, transform, _) if transform.is_whole());
        let (frames, hop) = (segment.frames, segment.hop());
        let first = match kind {
            // Spleeter begins with a window of silence.
            Kind::Magnitude(_, transform, _) if is_faded => transform.n_fft,
            _ => segment.trim_frames,
        };
        let lead = match purpose {
            Purpose::Live(_) => frames - hop,
            Purpose::Files => first,
        };
        // (lead − N) mod h: how long a segment that is complete waits for the hop that it is run in.
        let wait = (lead + frames * hop - frames) % hop;
        Some(Self {
            segment,
            end,
            lead,
            lag: frames - segment.trim_frames - hop + wait,
            is_faded,
        })
    }

    /// Hop and window of a separator.
    pub(crate) fn hop_and_window(&self) -> (usize, usize) {
        let hop = self.segment.hop();
        (hop, self.lag + hop)
    }

    /// w, for a whole segment.
    ///
    /// # Shape
    /// N values, in the order of the segment's frames.
    fn weights(&self) -> Vec<f32> {
        let (frames, trim) = (self.segment.frames, self.segment.trim_frames);
        (0..frames)
            .map(|i| {
                if self.is_faded {
                    1.0
                } else if i < trim || i >= frames - trim {
                    0.0
                } else {
                    (i - trim + 1).min(frames - trim - i) as f32
                }
            })
            .collect()
    }
}

/// What a model that takes any length is tried out on: about a second.
///
/// As frames: one second at 48 kHz.
const TRIAL_FRAMES: usize = 48_000;

/// A model that sees a segment at a time, at work.
///
/// Positions are frames of the song at the model's rate, 0 being its first; negative ones lie before it.
pub(crate) struct Segments {
    /// Stems, hop and window for the purpose it is run for.
    shape: Shape,
    grid: Grid,
    /// Live, or files: then the track is worth knowing.
    purpose: Purpose,
    /// What makes stems of a segment.
    network: Box<dyn Network>,
    /// w, one per frame of a segment.
    weights: Vec<f32>,
    /// What is known of the song; none live, and none until somebody says.
    track: Option<Track>,
    /// The mix from `mix_start` on, `[channel][frame]`.
    mix: [Vec<f32>; 2],
    /// Position of the first frame of `mix`.
    mix_start: i64,
    /// Frames taken so far.
    taken: i64,
    /// j of the segment that is run next.
    next_segment: i64,
    /// Σ w s from frame `given` on, `[stem][channel][frame]`.
    sums: Vec<[Vec<f32>; 2]>,
    /// Σ w. As long as every channel of `sums`.
    weight_sums: Vec<f32>,
    /// Next frame to give; negative before the song.
    given: i64,
    /// What the network is shown, `[channel][frame]`.
    segment: [Vec<f32>; 2],
    /// What it makes of that, `[stem][channel][frame]`.
    stems: StemBlock,
    /// Of the last segment that was nothing but zeros.
    ///
    /// None before there was one; kept as long as segments of silence are as long.
    stems_of_silence: Option<StemBlock>,
}

impl Segments {
    /// Ready for the first hop of a mix, once the network was seen to work.
    ///
    /// # Errors
    /// The network fails on noise that ends in silence, or gives no numbers for it.
    pub(crate) fn new(
        model: &Model,
        grid: Grid,
        purpose: Purpose,
        network: Box<dyn Network>,
    ) -> Result<Self, Error> {
        let manifest = &model.manifest;
        let (hop_frames, window_frames) = grid.hop_and_window();
        let num_stems = manifest.stems.len();
        let mut new = Self {
            shape: Shape {
                sample_rate: manifest.sample_rate,
                stems: manifest.stems.clone(),
                residual_idx: manifest.residual_idx,
                hop_frames,
                window_frames,
                budget_frames: Shape::usual_budget_frames(hop_frames),
            },
            weights: grid.weights(),
            grid,
            purpose,
            network,
            track: None,
            mix: Default::default(),
            mix_start: 0,
            taken: 0,
            next_segment: 0,
            sums: vec![Default::default(); num_stems],
            weight_sums: Vec::new(),
            given: 0,
            segment: Default::default(),
            stems: StemBlock::default(),
            stems_of_silence: None,
        };
        new.try_out()?;
        new.reset();
        Ok(new)
    }

    /// The first inference also allocates what later ones reuse. One is enough: in large models it takes
    /// seconds.
    ///
    /// Half a segment of noise at −20 dB, then silence.
    ///
    /// # Errors
    /// The network fails, or gives NaN or infinity.
    fn try_out(&mut self) -> Result<(), Error> {
        let mut frames = self.grid.segment.frames;
        if self.grid.end == End::Short {
            // Any length will do, and some take a minute of music.
            frames = frames.min(TRIAL_FRAMES);
        }
        let mut noise = crate::audio::noise::noise(frames / 2);
        noise.resize(frames, 0.0);
        self.segment = [noise.clone(), noise];
        self.stems.reshape(self.shape.stems.len(), frames);
        self.network.separate(&self.segment, &mut self.stems)?;
        for (stem, name) in self.stems.iter().zip(&self.shape.stems) {
            if !stem.iter().flatten().all(|sample| sample.is_finite()) {
                return Err(Error::NotANumber { stem: name.clone() });
            }
        }
        Ok(())
    }

    /// Runs the network on the next segment and adds its stems.
    ///
    /// Sums grow to where the segment's last frame lies. Where the segment is normalised, deviation and mean
    /// are given back to its stems on the way.
    fn run(&mut self) -> Result<(), Error> {
        let frames = self.grid.segment.frames;
        let start = self.next_segment * signed(self.shape.hop_frames) - signed(self.grid.lead);
        self.next_segment += 1;
        let end = self.track.map(|track| signed64(track.num_frames));
        // How much of the segment is song, and what the network is shown instead of it.
        let (mut len, mut shown, mut shown_start) = (frames, frames, start);
        if let Some(end) = end {
            if start >= end {
                return Ok(());
            }
            let left = usize::try_from(end - start).unwrap_or(frames).min(frames);
            match self.grid.end {
                End::Silent => {}
                End::Centred => {
                    len = left;
                    shown_start = start - signed((frames - left) / 2);
                }
                End::Short => (len, shown) = (left, left),
            }
        }
        let (statistics, mean) = self.fill(shown_start, shown, end);
        self.stems.reshape(self.shape.stems.len(), shown);
        self.ask()?;

        let offset = index(start - shown_start);
        // Frames before the first to be given are not asked for.
        let skip = usize::try_from(self.given - start).unwrap_or(0).min(len);
        let at = index(start + signed(skip) - self.given);
        let reach = at + len - skip;
        let weights = &self.weights[skip..len];
        if self.weight_sums.len() < reach {
            self.weight_sums.resize(reach, 0.0);
            for channel in self.sums.iter_mut().flatten() {
                channel.resize(reach, 0.0);
            }
        }
        for (sum, w) in self.weight_sums[at..].iter_mut().zip(weights) {
            *sum += w;
        }
        for (stem_idx, sums) in self.sums.iter_mut().enumerate() {
            if stem_idx == self.shape.residual_idx {
                continue;
            }
            for (sums, stem) in sums.iter_mut().zip(self.stems.stem(stem_idx)) {
                for ((sum, sample), w) in sums[at..]
                    .iter_mut()
                    .zip(&stem[offset + skip..])
                    .zip(weights)
                {
                    *sum += w * (statistics.deviation * sample + mean);
                }
            }
        }
        Ok(())
    }

    /// Asks the network for the stems of the segment. What it says to silence it says every time, so it is asked for
    /// that once.
    fn ask(&mut self) -> Result<(), Error> {
        // A negative zero is another number, and who knows what the network makes of it.
        let is_silent = |channel: &Vec<f32>| channel.iter().all(|sample| sample.to_bits() == 0);
        if !self.segment.iter().all(is_silent) {
            return self.network.separate(&self.segment, &mut self.stems);
        }
        let kept = self.stems_of_silence.take();
        let num_frames = self.stems.num_frames();
        if let Some(kept) = kept.filter(|kept| kept.num_frames() == num_frames) {
            self.stems.clone_from(&kept);
            self.stems_of_silence = Some(kept);
            return Ok(());
        }
        self.network.separate(&self.segment, &mut self.stems)?;
        self.stems_of_silence = Some(self.stems.clone());
        Ok(())
    }

    /// Makes the segment that begins at `start`, normalised if the network wants it so; gives by what, and what to
    /// add to every stem.
    ///
    /// What lies outside the song, which live has no end, is 0, normalised or not. The statistics are the
    /// track's if it has some, else the segment's own, over all of it; the mean that is to be added is the
    /// track's, or 0.
    fn fill(&mut self, start: i64, len: usize, end: Option<i64>) -> (Statistics, f32) {
        let is_song = |position: i64| match end {
            Some(end) => (0..end).contains(&position),
            // Live, the silence before the start is heard like any other.
            None => true,
        };
        for (segment, mix) in self.segment.iter_mut().zip(&self.mix) {
            segment.clear();
            segment.extend((start..start + signed(len)).map(|position| {
                let sample = usize::try_from(position - self.mix_start)
                    .ok()
                    .and_then(|idx| mix.get(idx));
                sample.copied().filter(|_| is_song(position)).unwrap_or(0.0)
            }));
        }
        if !self.grid.segment.is_normalised {
            let none = Statistics {
                mean: 0.0,
                deviation: 1.0,
            };
            return (none, 0.0);
        }
        let loudness = self.track.and_then(|track| track.loudness);
        let statistics = loudness.unwrap_or_else(|| {
            let mut measuring = Measuring::default();
            measuring.add([&self.segment[0], &self.segment[1]]);
            measuring.statistics()
        });
        for segment in &mut self.segment {
            for (position, sample) in (start..).zip(segment) {
                // Demucs pads what it has normalised: silence around the song stays zero.
                if is_song(position) {
                    *sample = (*sample - statistics.mean) / statistics.deviation;
                }
            }
        }
        (statistics, loudness.map_or(0.0, |loudness| loudness.mean))
    }

    /// Gives a hop of every stem.
    ///
    /// Writes from frame `start` of `stems` on. What no segment covers, such as frames before the song, is 0.
    fn give(&mut self, stems: &mut StemBlock, start: usize) {
        let hop = self.shape.hop_frames;
        let ready = hop.min(self.weight_sums.len());
        let is_faded = self.grid.is_faded;
        for (stem_idx, sums) in self.sums.iter_mut().enumerate() {
            for (out, sums) in stems.stem_mut(stem_idx).iter_mut().zip(sums) {
                let out = &mut out[start..start + hop];
                for ((out, sum), weight) in out.iter_mut().zip(&*sums).zip(&self.weight_sums) {
                    *out = if is_faded {
                        *sum
                    } else if *weight > 0.0 {
                        sum / weight
                    } else {
                        0.0
                    };
                }
                out[ready..].fill(0.0);
                sums.drain(..ready);
            }
        }
        self.weight_sums.drain(..ready);
        self.given += signed(hop);
    }
}

impl Separator for Segments {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn reset(&mut self) {
        for mix in &mut self.mix {
            mix.clear();
        }
        for sums in self.sums.iter_mut().flatten() {
            sums.clear();
        }
        self.weight_sums.clear();
        self.track = None;
        self.mix_start = 0;
        self.taken = 0;
        self.next_segment = 0;
        self.given = -signed(self.grid.lag);
    }

    fn wants_track(&self) -> bool {
        self.purpose == Purpose::Files
    }

    fn begin(&mut self, track: &Track) {
        self.reset();
        self.track = Some(*track);
    }

    fn max_batch_hops(&self) -> usize {
        1
    }

    fn process(&mut self, mix: [&[f32]; 2], stems: &mut StemBlock) -> Result<(), Error> {
        let num_frames = self.shape.check_block(mix)?;
        stems.reshape(self.shape.stems.len(), num_frames);
        let hop = self.shape.hop_frames;
        let (frames, lead) = (signed(self.grid.segment.frames), signed(self.grid.lead));
        for start in (0..num_frames).step_by(hop) {
            for (held, mix) in self.mix.iter_mut().zip(mix) {
                held.extend_from_slice(&mix[start..start + hop]);
            }
            self.taken += signed(hop);
            while self.next_segment * signed(hop) - lead + frames <= self.taken {
                self.run()?;
            }
            self.give(stems, start);
            // A last segment that is centred begins up to half a segment before its place.
            let needed = self.next_segment * signed(hop) - lead - frames / 2;
            let spent = usize::try_from(needed - self.mix_start).unwrap_or(0);
            let spent = spent.min(self.mix[0].len());
            for held in &mut self.mix {
                held.drain(..spent);
            }
            self.mix_start += signed(spent);
        }
        Ok(())
    }
}

/// A length as a position.
fn signed(length: usize) -> i64 {
    i64::try_from(length).expect("a length in memory fits")
}

/// The same of a length from a header, which may be anything: what is too long is as long as can be.
fn signed64(length: u64) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// A difference that the caller knows not to be negative.
fn index(difference: i64) -> usize {
    usize::try_from(difference).unwrap_or(0)
}
