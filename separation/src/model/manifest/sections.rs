//! From the sections of a manifest to a kind, each with the sections it needs and no other.
//!
//! Arithmetic elsewhere counts on what is checked here: lengths are within limits, and what has to divide does.
//! Messages begin with the section, as a person would look for it.

use super::raw::{
    Raw, RawFilter, RawKind, RawLookback, RawSegment, RawStft, RawWindowFunction, require,
};
use super::{
    Filter, Framing, Kind, Lookback, Member, Segment, Spectrum, Stage, Transform, WindowFunction,
};
use crate::mode::Mode;
use crate::transform::stft::Stft;

/// 1.5 s at 44.1 kHz: more than eight times the largest transform in use (MDX-Net's 7680; Demucs has 4096).
const MAX_N_FFT: usize = 65_536;
/// 95 s at 1024 samples per frame and 44.1 kHz.
const MAX_WINDOW_FRAMES: usize = 4_096;
/// Of a hop, see [`crate::Shape::usual_budget_frames`].
const USUAL_BUDGET: f32 = 0.875;
const MAX_LOOKAHEAD_HOPS: usize = 1_024;
/// Ten minutes at 48 kHz: Open-Unmix hears a song as a whole.
const MAX_SEGMENT_FRAMES: usize = 600 * 48_000;
/// Of a Wiener filter; Open-Unmix does one.
const MAX_ITERATIONS: usize = 16;
/// Hops in a second of `vocals-first`, whose medians see 0.25 s to either side, and at most 64 hops.
const MAX_MEDIAN_HOPS: usize = 125;
/// In Hz, since on files `vocals-first` has hops of 512 samples whatever the rate.
const MAX_MEDIAN_RATE: u32 = 48_000;
/// Models in a bag or a cascade.
const MAX_MODELS: usize = 16;

/// The kind, or what is missing or too much.
pub(super) fn check(raw: &Raw) -> Result<Kind, String> {
    let (name, needed) = match raw.kind {
        RawKind::StreamingSpectrum => ("streaming-spectrum", "stft latency tensors"),
        RawKind::Waveform => ("waveform", "segment tensors"),
        RawKind::Hybrid => ("hybrid", "segment stft tensors"),
        RawKind::Spectrum => ("spectrum", "segment stft estimate tensors"),
        RawKind::Magnitude => ("magnitude", "segment stft filter tensors"),
        RawKind::DeepFilter => ("deep-filter", "segment"),
        RawKind::VocalsFirst => ("vocals-first", "stft files live tensors"),
        RawKind::Bag => ("bag", "member"),
        RawKind::Cascade => ("cascade", "stage"),
    };
    for (section, is_there) in [
        ("stft", raw.stft.is_some()),
        ("latency", raw.latency.is_some()),
        ("segment", raw.segment.is_some()),
        ("estimate", raw.estimate.is_some()),
        ("filter", raw.filter.is_some()),
        ("files", raw.files.is_some()),
        ("tensors", raw.tensors.is_some()),
        ("member", !raw.member.is_empty()),
        ("stage", !raw.stage.is_empty()),
    ] {
        let is_needed = needed.split(' ').any(|needed| needed == section);
        require(is_there || !is_needed, || {
            format!("kind {name} needs [{section}]")
        })?;
        require(!is_there || is_needed, || {
            format!("kind {name} has no [{section}]")
        })?;
    }
    require(
        raw.state.is_empty() || raw.kind == RawKind::StreamingSpectrum,
        || format!("kind {name} has no [[state]]"),
    )?;
    // Which of these are there was just checked.
    let segment = || segment(raw.segment.as_ref().ok_or("[segment] is missing")?);
    let transform =
        |segment: &Segment| transform(raw.stft.as_ref().ok_or("[stft] is missing")?, segment, name);
    Ok(match raw.kind {
        RawKind::StreamingSpectrum => Kind::StreamingSpectrum(streaming(raw)?),
        RawKind::Waveform => Kind::Waveform(segment()?),
        RawKind::Hybrid => {
            let segment = segment()?;
            Kind::Hybrid(segment, transform(&segment)?)
        }
        RawKind::Spectrum => {
            let segment = segment()?;
            let gives = raw.estimate.as_ref().ok_or("[estimate] is missing")?.gives;
            Kind::Spectrum(segment, transform(&segment)?, gives)
        }
        RawKind::Magnitude => {
            let segment = segment()?;
            let filter = filter(raw.filter.as_ref().ok_or("[filter] is missing")?)?;
            Kind::Magnitude(segment, transform(&segment)?, filter)
        }
        RawKind::DeepFilter => {
            let segment = segment()?;
            require(
                raw.sample_rate == 48_000 && segment.frames.is_multiple_of(480),
                || {
                    "kind deep-filter needs sample_rate = 48000 and [segment] frames a multiple of 480"
                        .to_owned()
                },
            )?;
            Kind::DeepFilter(segment)
        }
        RawKind::VocalsFirst => {
            let transform = streamed(
                raw.stft.as_ref().ok_or("[stft] is missing")?,
                raw.sample_rate,
            )?;
            let files = raw.files.as_ref().ok_or("[files] is missing")?;
            Kind::VocalsFirst(transform, lookback("[files]", files, USUAL_BUDGET)?)
        }
        RawKind::Bag => Kind::Bag(members(raw)?),
        RawKind::Cascade => Kind::Cascade(stages(raw)?),
    })
}

/// The live modes, each of a kind that has them and fit for its graphs.
pub(super) fn live(raw: &Raw, kind: &Kind) -> Result<Vec<(Mode, Lookback)>, String> {
    let mut modes: Vec<(Mode, Lookback)> = Vec::new();
    for live in &raw.live {
        let mode: Mode = live
            .mode
            .parse()
            .map_err(|error| format!("[[live]]: {error}"))?;
        require(modes.iter().all(|(other, _)| *other != mode), || {
            format!("[[live]] mode = {mode:?} is listed twice", mode = mode.id())
        })?;
        let window = RawLookback {
            frames: live.frames,
            hop: live.hop,
            look: live.look,
        };
        let budget = live.budget.unwrap_or(USUAL_BUDGET);
        modes.push((mode, lookback("[[live]]", &window, budget)?));
    }
    match kind {
        Kind::Spectrum(segment, transform, _) | Kind::Magnitude(segment, transform, _) => {
            let takes_any_length = raw
                .tensors
                .as_ref()
                .is_some_and(|tensors| tensors.input.shape.contains(&super::ANY));
            let expected = transform.num_frames(segment.frames);
            let misfit = modes
                .iter()
                .find(|(_, window)| !takes_any_length && window.frames != expected);
            require(misfit.is_none(), || {
                format!("[[live]] frames must be {expected}, which is what the graph takes")
            })?;
            require(modes.is_empty() || !segment.is_normalised, || {
                "[[live]] is not possible with normalise = true".to_owned()
            })?;
        }
        Kind::VocalsFirst(..) => require(!modes.is_empty(), || {
            "kind vocals-first needs at least one [[live]]".to_owned()
        })?,
        _ => require(modes.is_empty(), || {
            format!("kind {} has no [[live]]", kind.name())
        })?,
    }
    Ok(modes)
}

/// A window that looks back; `section` is what errors call it.
fn lookback(section: &str, raw: &RawLookback, budget: f32) -> Result<Lookback, String> {
    let &RawLookback { frames, hop, look } = raw;
    require(
        (1..=MAX_WINDOW_FRAMES).contains(&frames)
            && (1..=frames).contains(&hop)
            && look <= frames - hop,
        || {
            format!(
                "{section} frames = {frames}, hop = {hop}, look = {look}: hop must be at least 1, and hop and look \
                 together at most frames, which may be {MAX_WINDOW_FRAMES}"
            )
        },
    )?;
    require(budget > 0.0 && budget < 1.0, || {
        format!("{section} budget = {budget}: more than 0 and less than 1 is possible")
    })?;
    Ok(Lookback {
        frames,
        hop,
        look,
        budget,
    })
}

/// The settings of `streaming-spectrum`, from `[stft]` and `[latency]`.
fn streaming(raw: &Raw) -> Result<Spectrum, String> {
    let (Some(stft), Some(latency)) = (&raw.stft, &raw.latency) else {
        return Err("kind streaming-spectrum needs [stft] and [latency]".to_owned());
    };
    require(
        stft.n_fft <= MAX_N_FFT && Stft::is_valid(stft.n_fft, stft.hop),
        || {
            format!(
                "[stft] n_fft = {}, hop = {}: hop must divide half of n_fft, n_fft be even and at most \
                 {MAX_N_FFT}",
                stft.n_fft, stft.hop
            )
        },
    )?;
    require(
        stft.window == RawWindowFunction::SqrtHann
            && stft.bins.is_none()
            && stft.frames.is_none()
            && stft.silence_frames.is_none()
            && stft.normalised.is_none(),
        || {
            "[stft] of kind streaming-spectrum has window = \"sqrt-hann\", n_fft and hop, no more"
                .to_owned()
        },
    )?;
    require(latency.lookahead_hops <= MAX_LOOKAHEAD_HOPS, || {
        format!("lookahead_hops = {} is too much", latency.lookahead_hops)
    })?;
    Ok(Spectrum {
        n_fft: stft.n_fft,
        hop: stft.hop,
        lookahead_hops: latency.lookahead_hops,
    })
}

/// How a mix is cut.
fn segment(raw: &RawSegment) -> Result<Segment, String> {
    require((1..=MAX_SEGMENT_FRAMES).contains(&raw.frames), || {
        format!("[segment] frames = {} is not possible", raw.frames)
    })?;
    let kept = raw
        .trim_frames
        .checked_mul(2)
        .and_then(|trimmed| raw.frames.checked_sub(trimmed))
        .unwrap_or(0);
    require(kept > 0, || {
        format!(
            "[segment] trim_frames = {} leaves nothing of {} frames",
            raw.trim_frames, raw.frames
        )
    })?;
    // Nine tenths: ten runs per frame are more than anyone gains from.
    require(raw.overlap_frames <= kept / 10 * 9, || {
        format!(
            "[segment] overlap_frames = {} is more than nine tenths of {kept} frames",
            raw.overlap_frames
        )
    })?;
    Ok(Segment {
        frames: raw.frames,
        overlap_frames: raw.overlap_frames,
        trim_frames: raw.trim_frames,
        is_normalised: raw.normalise,
    })
}

/// The transform of segments, and whether it fits how these are cut.
fn transform(stft: &RawStft, segment: &Segment, kind: &str) -> Result<Transform, String> {
    let window_function = match stft.window {
        RawWindowFunction::Hann => WindowFunction::Hann,
        RawWindowFunction::Rectangular => WindowFunction::Rectangular,
        RawWindowFunction::SqrtHann => {
            return Err(format!(
                "kind {kind} needs [stft] window = \"hann\" or \"rectangular\""
            ));
        }
    };
    let (Some(framing), Some(is_normalised)) = (stft.frames, stft.normalised) else {
        return Err(format!(
            "kind {kind} needs frames = \"centred\", \"between\" or \"whole\" and normalised = true or \
             false in [stft]"
        ));
    };
    let (n_fft, hop) = (stft.n_fft, stft.hop);
    require(
        n_fft.is_multiple_of(2)
            && (2..=MAX_N_FFT).contains(&n_fft)
            && (1..=n_fft / 2).contains(&hop)
            && (framing == Framing::Centred || n_fft.is_multiple_of(hop)),
        || {
            format!(
                "[stft] n_fft = {n_fft}, hop = {hop}: n_fft must be even and at most {MAX_N_FFT}, hop at \
                 most half of it, and divide it unless frames = \"centred\""
            )
        },
    )?;
    let all = n_fft / 2 + 1;
    let bins = stft.bins.unwrap_or(all);
    require((1..=all).contains(&bins), || {
        format!("[stft] bins = {bins}: there are {all}")
    })?;
    // Frames that fade by themselves must be handed over from segment to segment without a gap.
    let fits = framing != Framing::Whole
        || (kind == "magnitude"
            && segment.frames >= n_fft
            && (segment.frames - n_fft).is_multiple_of(hop)
            && segment.trim_frames == 0
            && segment.overlap_frames == n_fft - hop);
    require(fits, || {
        format!(
            "frames = \"whole\" is for kind magnitude, with [segment] frames = {n_fft} and any number of \
             hops more, overlap_frames = {} and no trim_frames",
            n_fft.saturating_sub(hop)
        )
    })?;
    let silence_frames = stft.silence_frames.unwrap_or(0);
    require(
        silence_frames == 0 || framing == Framing::Centred && silence_frames <= n_fft,
        || {
            format!(
                "[stft] silence_frames = {silence_frames}: at most {n_fft} are possible, and only with frames = \
                 \"centred\""
            )
        },
    )?;
    Ok(Transform {
        n_fft,
        hop,
        bins,
        window_function,
        framing,
        silence_frames,
        is_normalised,
    })
}

/// The transform of a signal without segments.
fn streamed(stft: &RawStft, sample_rate: u32) -> Result<Transform, String> {
    let &RawStft { n_fft, hop, .. } = stft;
    let all = n_fft / 2 + 1;
    let bins = stft.bins.unwrap_or(all);
    require(
        stft.window == RawWindowFunction::Hann
            && stft.frames.is_none()
            && stft.silence_frames.is_none()
            && stft.normalised.is_none()
            && n_fft <= MAX_N_FFT
            && Stft::is_valid(n_fft, hop)
            && (2..=all).contains(&bins),
        || {
            format!(
                "[stft] of kind vocals-first has window = \"hann\", n_fft up to {MAX_N_FFT}, a hop that divides \
                 half of it, bins from 2 to {all}, and no more"
            )
        },
    )?;
    require(sample_rate <= MAX_MEDIAN_RATE, || {
        format!("kind vocals-first needs a sample_rate of at most {MAX_MEDIAN_RATE}")
    })?;
    let is_slow = hop.saturating_mul(MAX_MEDIAN_HOPS) >= sample_rate as usize;
    require(is_slow, || {
        format!(
            "kind vocals-first has at most {MAX_MEDIAN_HOPS} hops in a second, so hop = {hop} is too small"
        )
    })?;
    Ok(Transform {
        n_fft,
        hop,
        bins,
        window_function: WindowFunction::Hann,
        framing: Framing::Whole,
        silence_frames: 0,
        is_normalised: false,
    })
}

/// How magnitudes become spectra.
fn filter(raw: &RawFilter) -> Result<Filter, String> {
    match *raw {
        RawFilter::Ratio { power, above } => {
            require(power.is_finite() && power > 0.0 && power <= 4.0, || {
                format!("[filter] power = {power} is not possible")
            })?;
            Ok(Filter::Ratio { power, above })
        }
        RawFilter::Wiener {
            iterations,
            frames,
            residual,
        } => {
            require(iterations <= MAX_ITERATIONS && frames > 0, || {
                format!(
                    "[filter] iterations = {iterations}, frames = {frames}: at most {MAX_ITERATIONS} over \
                     at least one frame are possible"
                )
            })?;
            Ok(Filter::Wiener {
                iterations,
                frames,
                has_residual: residual,
            })
        }
    }
}

/// The members of a bag; a stem that one doesn't name has the weight 0.
fn members(raw: &Raw) -> Result<Vec<Member>, String> {
    require(raw.member.len() <= MAX_MODELS, || {
        format!("more than {MAX_MODELS} [[member]]")
    })?;
    let members: Vec<Member> = raw
        .member
        .iter()
        .map(|member| {
            for (stem, weight) in &member.weights {
                require(raw.stems.contains(stem), || {
                    format!(
                        "weights of {:?} name {stem:?}, which is not one of the stems",
                        member.model
                    )
                })?;
                require(weight.is_finite() && *weight >= 0.0, || {
                    format!(
                        "weight {weight} of {:?} for {stem:?} is not possible",
                        member.model
                    )
                })?;
            }
            let weight = |stem| member.weights.get(stem).copied().unwrap_or(0.0);
            Ok(Member {
                model: member.model.clone(),
                weights: raw.stems.iter().map(weight).collect(),
            })
        })
        .collect::<Result<_, String>>()?;
    Ok(members)
}

/// The stages of a cascade; whether what they split is there is known only with their manifests.
fn stages(raw: &Raw) -> Result<Vec<Stage>, String> {
    require(raw.stage.len() <= MAX_MODELS, || {
        format!("more than {MAX_MODELS} [[stage]]")
    })?;
    for (idx, stage) in raw.stage.iter().enumerate() {
        require(stage.splits.is_none() == (idx == 0), || {
            "the first [[stage]] hears the mix, every other one says what it splits".to_owned()
        })?;
    }
    Ok(raw
        .stage
        .iter()
        .map(|stage| Stage {
            model: stage.model.clone(),
            splits: stage.splits.clone(),
            stems: stage.stems.clone(),
        })
        .collect())
}
