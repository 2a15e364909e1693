//! Sound cards of the system itself: ALSA, WASAPI, Core Audio.

use cpal::traits::{DeviceTrait as _, HostTrait as _, StreamTrait as _};
use cpal::{
    BufferSize, Device, Error, ErrorKind, FromSample, Host, HostId, I24, Sample, SampleFormat,
    SizedSample, StreamConfig, SupportedBufferSize, SupportedStreamConfig,
    SupportedStreamConfigRange,
};
use rtrb::{Consumer, Producer, RingBuffer};

use super::{BLOCK_FRAMES, Choice, Devices, InUse, Link, Lost, Open, System};

/// What is offered of what a device can do.
const RATES: [u32; 6] = [44_100, 48_000, 88_200, 96_000, 176_400, 192_000];
const BLOCKS: [u32; 7] = [64, 128, 256, 512, 1024, 2048, 4096];
/// Most frames that are turned from one format into the other at a time.
const SCRATCH_FRAMES: usize = 1024;
/// Blocks that wait between an input and an output, which have rhythms of their own.
const NUM_INPUT_BLOCKS: usize = 2;

/// One of the system's ways to its cards.
struct Cards(HostId);

/// All that there are here.
pub fn all() -> impl Iterator<Item = Box<dyn System>> {
    cpal::available_hosts()
        .into_iter()
        .map(|id| Box::new(Cards(id)) as Box<dyn System>)
}

impl System for Cards {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn devices(&self) -> Devices {
        let names = |devices: Result<Vec<Device>, Error>| {
            let mut names: Vec<String> = Vec::new();
            for name in devices.unwrap_or_default().iter().filter_map(name) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            names
        };
        let host = cpal::host_from_id(self.0);
        let listed = |find: fn(&Host) -> Result<Vec<Device>, Error>| {
            names(host.as_ref().map_err(Clone::clone).and_then(find))
        };
        Devices {
            system: self.name().to_owned(),
            outputs: listed(|host| Ok(host.output_devices()?.collect())),
            inputs: listed(|host| Ok(host.input_devices()?.collect())),
        }
    }

    fn open(&self, choice: &Choice, link: &Link) -> Result<Open, String> {
        let host = cpal::host_from_id(self.0)
            .map_err(|error| format!("{} can't be reached: {}", self.0.name(), words(&error)))?;
        let device = match &choice.output {
            Some(wanted) => host
                .output_devices()
                .ok()
                .and_then(|mut devices| {
                    devices.find(|device| name(device).as_ref() == Some(wanted))
                })
                .ok_or_else(|| format!("“{wanted}” isn't there"))?,
            None => host
                .default_output_device()
                .ok_or_else(|| format!("{} has no sound card", self.0.name()))?,
        };
        let output = name(&device).unwrap_or_else(|| "sound card".to_owned());
        let refused = |error: Error| match &choice.output {
            Some(output) => format!("“{output}” can't be used: {}", words(&error)),
            None => format!(
                "{} has no sound card that can be used: {}",
                self.0.name(),
                words(&error)
            ),
        };
        let ranges: Vec<SupportedStreamConfigRange> = device
            .supported_output_configs()
            .map_err(refused)?
            .filter(|range| is_known(range.sample_format()))
            .collect();
        let chosen = choice.sample_rate.and_then(|rate| best(&ranges, rate));
        let supported = match chosen {
            Some(supported) => supported,
            None => device
                .default_output_config()
                .ok()
                .filter(|config| is_known(config.sample_format()))
                .or_else(|| RATES.iter().find_map(|rate| best(&ranges, *rate)))
                .ok_or_else(|| format!("“{output}” plays in no format that is known here"))?,
        };
        let mut config = supported.config();
        let wanted = choice.block_frames.unwrap_or(BLOCK_FRAMES);
        config.buffer_size = match supported.buffer_size() {
            SupportedBufferSize::Range { min, max } => BufferSize::Fixed(wanted.clamp(*min, *max)),
            SupportedBufferSize::Unknown => BufferSize::Default,
        };
        let input = choice
            .input
            .as_ref()
            .map(|wanted| Input::open(&host, wanted, &config, link))
            .transpose()?;
        let (input_stream, from_input) = input.map_or((None, None), |(stream, frames)| {
            (Some(stream), Some(frames))
        });
        let playing = Playing {
            link: link.clone(),
            from_input,
            is_flowing: false,
            num_channels: usize::from(config.channels),
            scratch: [vec![0.0; SCRATCH_FRAMES], vec![0.0; SCRATCH_FRAMES]],
        };
        let stream = playing
            .build(&device, config, supported.sample_format())
            .map_err(refused)?;
        let block_frames = stream.buffer_size().unwrap_or(wanted);
        link.prepare(config.sample_rate, block_frames);
        if let Some(stream) = &input_stream {
            stream.play().map_err(refused)?;
        }
        match stream.play() {
            // It plays all the same.
            Err(error) if error.kind() == ErrorKind::RealtimeDenied => {}
            played => played.map_err(refused)?,
        }
        let blocks = match supported.buffer_size() {
            SupportedBufferSize::Range { min, max } => BLOCKS
                .into_iter()
                .filter(|block| (min..=max).contains(&block))
                .collect(),
            SupportedBufferSize::Unknown => Vec::new(),
        };
        Ok(Open {
            stream: Box::new((stream, input_stream)),
            in_use: InUse {
                system: self.name().to_owned(),
                output,
                input: choice.input.clone(),
                sample_rate: config.sample_rate,
                block_frames,
                rates: RATES
                    .into_iter()
                    .filter(|rate| best(&ranges, *rate).is_some())
                    .collect(),
                blocks,
            },
        })
    }
}

/// What comes in, on its way to what goes out.
struct Input {
    to_output: Producer<[f32; 2]>,
    num_channels: usize,
}

impl Input {
    fn open(
        host: &Host,
        wanted: &str,
        output: &StreamConfig,
        link: &Link,
    ) -> Result<(cpal::Stream, Consumer<[f32; 2]>), String> {
        let device = host
            .input_devices()
            .ok()
            .and_then(|mut devices| devices.find(|device| name(device).as_deref() == Some(wanted)))
            .ok_or_else(|| format!("The input “{wanted}” isn't there"))?;
        let refused =
            |error: Error| format!("The input “{wanted}” can't be used: {}", words(&error));
        let ranges: Vec<SupportedStreamConfigRange> = device
            .supported_input_configs()
            .map_err(refused)?
            .filter(|range| is_known(range.sample_format()))
            .collect();
        let supported = best(&ranges, output.sample_rate).ok_or_else(|| {
            format!(
                "The input “{wanted}” can't run at {} Hz, as the output does",
                output.sample_rate
            )
        })?;
        let mut config = supported.config();
        let block_frames = match output.buffer_size {
            BufferSize::Fixed(frames) => usize::try_from(frames).unwrap_or(SCRATCH_FRAMES),
            BufferSize::Default => SCRATCH_FRAMES,
        };
        if let SupportedBufferSize::Range { min, max } = supported.buffer_size()
            && let BufferSize::Fixed(frames) = output.buffer_size
        {
            config.buffer_size = BufferSize::Fixed(frames.clamp(*min, *max));
        }
        let (to_output, frames) = RingBuffer::new(8 * block_frames.max(SCRATCH_FRAMES));
        let input = Self {
            to_output,
            num_channels: usize::from(config.channels).max(1),
        };
        let stream = input
            .build(&device, config, supported.sample_format(), link.when_lost())
            .map_err(refused)?;
        Ok((stream, frames))
    }

    fn build(
        self,
        device: &Device,
        config: StreamConfig,
        format: SampleFormat,
        lost: Lost,
    ) -> Result<cpal::Stream, Error> {
        match format {
            SampleFormat::I16 => self.build_as::<i16>(device, config, lost),
            SampleFormat::U16 => self.build_as::<u16>(device, config, lost),
            SampleFormat::I24 => self.build_as::<I24>(device, config, lost),
            SampleFormat::I32 => self.build_as::<i32>(device, config, lost),
            SampleFormat::F64 => self.build_as::<f64>(device, config, lost),
            _ => self.build_as::<f32>(device, config, lost),
        }
    }

    fn build_as<T: SizedSample>(
        mut self,
        device: &Device,
        config: StreamConfig,
        lost: Lost,
    ) -> Result<cpal::Stream, Error>
    where
        f32: FromSample<T>,
    {
        device.build_input_stream(
            config,
            move |data: &[T], _| {
                for frame in data.chunks_exact(self.num_channels) {
                    let left = f32::from_sample(frame[0]);
                    let right = frame.get(1).map_or(left, |right| f32::from_sample(*right));
                    // Where nobody takes it, it is too late for it.
                    let _ = self.to_output.push([left, right]);
                }
            },
            move |error| report(&lost, &error),
            None,
        )
    }
}

/// What runs on the sound card's thread.
struct Playing {
    link: Link,
    from_input: Option<Consumer<[f32; 2]>>,
    /// Enough of the input was there once.
    is_flowing: bool,
    num_channels: usize,
    /// `[channel][frame]`
    scratch: [Vec<f32>; 2],
}

impl Playing {
    fn build(
        self,
        device: &Device,
        config: StreamConfig,
        format: SampleFormat,
    ) -> Result<cpal::Stream, Error> {
        match format {
            SampleFormat::I16 => self.build_as::<i16>(device, config),
            SampleFormat::U16 => self.build_as::<u16>(device, config),
            SampleFormat::I24 => self.build_as::<I24>(device, config),
            SampleFormat::I32 => self.build_as::<i32>(device, config),
            SampleFormat::F64 => self.build_as::<f64>(device, config),
            _ => self.build_as::<f32>(device, config),
        }
    }

    fn build_as<T: SizedSample + FromSample<f32>>(
        mut self,
        device: &Device,
        config: StreamConfig,
    ) -> Result<cpal::Stream, Error> {
        let lost = self.link.when_lost();
        device.build_output_stream(
            config,
            move |data: &mut [T], _| self.play(data),
            move |error| report(&lost, &error),
            None,
        )
    }

    fn play<T: SizedSample + FromSample<f32>>(&mut self, data: &mut [T]) {
        let num_channels = self.num_channels.max(1);
        self.settle_input(data.len() / num_channels);
        for piece in data.chunks_mut(SCRATCH_FRAMES * num_channels) {
            let num_frames = piece.len() / num_channels;
            let [left, right] = &mut self.scratch;
            let (left, right) = (&mut left[..num_frames], &mut right[..num_frames]);
            for (left, right) in left.iter_mut().zip(right.iter_mut()) {
                let from_input = self.from_input.as_mut().filter(|_| self.is_flowing);
                [*left, *right] = from_input
                    .and_then(|input| input.pop().ok())
                    .unwrap_or([0.0; 2]);
            }
            self.link.process([left, right]);
            let frames = piece.chunks_exact_mut(num_channels);
            for (frame, (left, right)) in frames.zip(left.iter().zip(right.iter())) {
                match frame {
                    [mono] => *mono = T::from_sample(0.5 * (left + right)),
                    [first, second, others @ ..] => {
                        *first = T::from_sample(*left);
                        *second = T::from_sample(*right);
                        others.fill(T::EQUILIBRIUM);
                    }
                    [] => {}
                }
            }
        }
    }

    /// Lets the input wait until there is some in hand, and drops what is too much: the clocks of two devices differ.
    fn settle_input(&mut self, num_frames: usize) {
        let Some(input) = &mut self.from_input else {
            return;
        };
        let num_waiting = input.slots();
        if num_waiting < num_frames {
            self.is_flowing = false;
        }
        self.is_flowing |= num_waiting >= NUM_INPUT_BLOCKS * num_frames;
        let most = 2 * NUM_INPUT_BLOCKS * num_frames;
        for _ in most..num_waiting {
            // It was there a moment ago.
            let _ = input.pop();
        }
    }
}

fn name(device: &Device) -> Option<String> {
    Some(device.description().ok()?.name().to_owned())
}

/// Whether it is one of those that are turned into here.
fn is_known(format: SampleFormat) -> bool {
    matches!(
        format,
        SampleFormat::I16
            | SampleFormat::U16
            | SampleFormat::I24
            | SampleFormat::I32
            | SampleFormat::F32
            | SampleFormat::F64
    )
}

/// The best of what a device can do at this rate.
fn best(ranges: &[SupportedStreamConfigRange], rate: u32) -> Option<SupportedStreamConfig> {
    ranges
        .iter()
        .filter(|range| range.contains_rate(rate))
        .max_by(|one, other| one.cmp_default_heuristics(other))
        .map(|range| range.with_sample_rate(rate))
}

/// Not everything that goes wrong ends it.
fn report(lost: &Lost, error: &Error) {
    match error.kind() {
        ErrorKind::Xrun | ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied => {}
        ErrorKind::DeviceNotAvailable => lost.report("it was unplugged or switched off"),
        kind => lost.report(reason(kind)),
    }
}

fn reason(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::DeviceNotAvailable => "it isn't there",
        ErrorKind::DeviceBusy => "another program uses it",
        ErrorKind::HostUnavailable => "the sound system has ended",
        ErrorKind::PermissionDenied => "the system doesn't allow it",
        ErrorKind::UnsupportedConfig => "it can't run like this",
        ErrorKind::StreamInvalidated => "it was set up in another way",
        _ => "the sound system has failed",
    }
}

fn words(error: &Error) -> String {
    match error.kind() {
        ErrorKind::BackendError | ErrorKind::Other => error.to_string(),
        kind => reason(kind).to_owned(),
    }
}
