//! How one engine follows another while the host plays.
//!
//! ```text
//! any thread     Engine::start_successor ─► Successor ─► Handover ──► AUDIO THREAD
//!                                    the old engine's half ◄── Handover ◄──┘
//! ```
//!
//! From the block on with which the audio thread finds it, the successor hears the mix, too. What it makes
//! of it is due a latency later: until then the old engine is heard, and so the stems have no gap but the
//! fade from one to the other. Then the old engine's half goes back, to be freed elsewhere.

use std::sync::Arc;

use rtrb::{Consumer, Producer, RingBuffer};

use crate::lane::{LaneReader, LaneWriter};
use crate::setup::Setup;
use crate::status::Status;

/// What ties the audio side to one engine.
///
/// It goes from thread to thread in a box; all numbers are those of the engine's own [`Setup`].
pub(crate) struct Link {
    pub(crate) status: Arc<Status>,
    /// The mix to its worker.
    pub(crate) mix_lane: LaneWriter,
    /// Stems from it, `[stem][channel]` one after the other.
    pub(crate) stem_lane: LaneReader,
    /// As many as the audio side was made for.
    pub(crate) num_stems: usize,
    /// Which of them is the residual.
    pub(crate) residual_idx: usize,
    /// By which late stems are counted.
    pub(crate) hop_frames: usize,
    /// By which the tail is longer than the latency.
    pub(crate) window_frames: usize,
    /// What its plan needs, padding included.
    pub(crate) latency_frames: usize,
}

impl Link {
    pub(crate) fn new(
        setup: &Setup,
        status: Arc<Status>,
        mix_lane: LaneWriter,
        stem_lane: LaneReader,
    ) -> Self {
        Self {
            status,
            mix_lane,
            stem_lane,
            num_stems: setup.num_stems,
            residual_idx: setup.residual_idx,
            hop_frames: setup.plan.timing().hop_frames,
            window_frames: setup.plan.timing().window_frames,
            latency_frames: setup.plan.latency_frames(),
        }
    }
}

/// The audio thread's half of an engine that is to follow another, or of one that was followed.
pub struct Successor(pub(crate) Box<Link>);

/// The ends of both lanes that are not the audio thread's.
pub struct Handover {
    num_stems: usize,
    to_audio: Producer<Box<Link>>,
    from_audio: Consumer<Box<Link>>,
    is_under_way: bool,
}

/// The audio thread's ends.
pub(crate) struct Arrivals {
    pub(crate) incoming: Consumer<Box<Link>>,
    /// Never full: the next successor is not given before the last engine was taken back.
    pub(crate) outgoing: Producer<Box<Link>>,
}

/// Both ends, for engines of so many stems. Allocates; nothing else here does.
pub(crate) fn handover(num_stems: usize) -> (Handover, Arrivals) {
    let (to_audio, incoming) = RingBuffer::new(1);
    let (outgoing, from_audio) = RingBuffer::new(1);
    let ours = Handover {
        num_stems,
        to_audio,
        from_audio,
        is_under_way: false,
    };
    (ours, Arrivals { incoming, outgoing })
}

impl Handover {
    /// Lets the audio thread go over to another engine, which should have loaded its model.
    ///
    /// In a host that was told a latency, the plan that it was started with is padded to that. Another
    /// latency, for which there is no host but a person, begins with silence, as a reset does; there must be
    /// room for it, [`Setup::with_room`], else the present one stays and the stems come late.
    ///
    /// # Errors
    /// Gives it back if one is still under way, or if it has another number of stems.
    pub fn give(&mut self, successor: Successor) -> Result<(), Successor> {
        if self.is_under_way || successor.0.num_stems != self.num_stems {
            return Err(successor);
        }
        self.to_audio.push(successor.0).map_err(|refused| {
            let rtrb::PushError::Full(link) = refused;
            Successor(link)
        })?;
        self.is_under_way = true;
        Ok(())
    }

    /// The half of the old engine, once the new one is heard; its [`crate::Engine`] can then go, too.
    pub fn take_back(&mut self) -> Option<Successor> {
        let link = self.from_audio.pop().ok()?;
        self.is_under_way = false;
        Some(Successor(link))
    }
}
