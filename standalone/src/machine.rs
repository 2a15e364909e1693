//! The plug-in with what goes into it: what a sound card's thread runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nice_plug::prelude::{
    ActivateContext, BufferConfig, Plugin, PluginApi, ProcessMode, Transport as Timeline,
};
use unweave_plugin::Unweave;
use unweave_plugin::variant::Variant;

use crate::song::{Rolling, SongSide, Transport};

/// How long the output takes to fall silent when the song is stopped: no click.
const FADE_FRAMES: usize = 256;

/// A plug-in, whichever of them.
pub trait Instance: Send {
    /// For blocks of at most so many frames. Not while it processes.
    fn activate(&mut self, sample_rate: u32, max_block_frames: usize);

    /// Until it is activated again. Not while it processes.
    fn deactivate(&mut self);

    /// Forgets all audio.
    ///
    /// # Realtime safety
    /// As [`Self::process`].
    fn reset(&mut self);

    /// Replaces the input by the output.
    ///
    /// # Realtime safety
    /// As [`Unweave::process_block`].
    fn process(&mut self, main: &mut [&mut [f32]], timeline: &Timeline);
}

impl<V: Variant> Instance for Unweave<V> {
    fn activate(&mut self, sample_rate: u32, max_block_frames: usize) {
        let config = BufferConfig {
            #[expect(clippy::cast_precision_loss, reason = "below 2^24")]
            sample_rate: sample_rate as f32,
            min_buffer_size: None,
            max_buffer_size: u32::try_from(max_block_frames).unwrap_or(u32::MAX),
            process_mode: ProcessMode::Realtime,
        };
        // It says yes whatever comes: what doesn't run is said in the window.
        Plugin::activate(self, &V::LAYOUTS[0], &config, &mut Alone);
        Plugin::reset(self);
    }

    fn deactivate(&mut self) {
        Plugin::deactivate(self);
    }

    fn reset(&mut self) {
        Plugin::reset(self);
    }

    fn process(&mut self, main: &mut [&mut [f32]], timeline: &Timeline) {
        // Nobody compensates the latency, so nothing has to be restarted for another.
        let _ = self.process_block(main, &mut Default::default(), timeline);
    }
}

/// Nobody is there to be told.
struct Alone;

impl<V: Variant> ActivateContext<Unweave<V>> for Alone {
    fn plugin_api(&self) -> PluginApi {
        PluginApi::Standalone
    }

    fn execute(&self, errand: <Unweave<V> as Plugin>::BackgroundTask) {
        errand.run();
    }

    fn set_latency_samples(&self, _samples: u32) {}

    fn set_current_voice_capacity(&self, _capacity: u32) {}
}

/// The plug-in, what goes into it, and where in time that is.
pub struct Machine {
    plugin: Box<dyn Instance>,
    song: SongSide,
    transport: Arc<Transport>,
    /// What comes from the sound card goes in, and not the song.
    hears_card: Arc<AtomicBool>,
    sample_rate: u32,
    max_block_frames: usize,
    /// Frames from the sound card since it was activated.
    num_from_card: i64,
}

impl Machine {
    /// Not yet activated.
    pub fn new(
        plugin: Box<dyn Instance>,
        (transport, song): (Arc<Transport>, SongSide),
        hears_card: Arc<AtomicBool>,
    ) -> Self {
        Self {
            plugin,
            song,
            transport,
            hears_card,
            sample_rate: 0,
            max_block_frames: 0,
            num_from_card: 0,
        }
    }

    /// For a sound card that calls with about so many frames at a time. Not while audio is processed.
    pub fn prepare(&mut self, sample_rate: u32, max_block_frames: usize) {
        self.max_block_frames = max_block_frames.max(1);
        self.sample_rate = sample_rate;
        self.num_from_card = 0;
        self.plugin.activate(sample_rate, self.max_block_frames);
        self.transport.set_sample_rate(sample_rate);
    }

    /// Replaces what comes from the sound card by what goes to it.
    ///
    /// # Shape
    /// `[channel][frame]`, both of the same length.
    ///
    /// # Realtime safety
    /// Neither allocates, frees, locks nor waits.
    pub fn process(&mut self, [left, right]: [&mut [f32]; 2]) {
        if self.max_block_frames == 0 {
            left.fill(0.0);
            right.fill(0.0);
            return;
        }
        let pieces = left
            .chunks_mut(self.max_block_frames)
            .zip(right.chunks_mut(self.max_block_frames));
        for (left, right) in pieces {
            self.process_piece([left, right]);
        }
    }

    fn process_piece(&mut self, mut channels: [&mut [f32]; 2]) {
        #[expect(clippy::cast_precision_loss, reason = "below 2^24")]
        let mut timeline = Timeline::new(self.sample_rate as f32);
        let num_frames = channels[0].len();
        let is_from_card = self.hears_card.load(Ordering::Relaxed);
        let rolling = if is_from_card {
            Rolling::Still
        } else {
            self.song.fill(&mut channels)
        };
        timeline.playing = is_from_card;
        timeline.pos_samples = Some(self.num_from_card);
        if let Rolling::From(frame) = rolling {
            timeline.playing = true;
            timeline.pos_samples = i64::try_from(frame).ok();
        }
        self.num_from_card += i64::try_from(num_frames).unwrap_or(0);
        self.plugin.process(&mut channels, &timeline);
        if rolling == Rolling::Stopped {
            // What is on its way through the latency would be heard for as long.
            channels.into_iter().for_each(fade_out);
            self.plugin.reset();
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.plugin.deactivate();
    }
}

fn fade_out(channel: &mut [f32]) {
    let num_frames = channel.len().min(FADE_FRAMES);
    for (frame, sample) in channel.iter_mut().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "below 2^24")]
        let left = num_frames.saturating_sub(frame + 1) as f32 / num_frames as f32;
        *sample *= left;
    }
}
