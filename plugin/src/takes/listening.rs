//! Listening to what a model makes of the first seconds, before a long rendering.

use std::sync::Arc;

use parking_lot::Mutex;
use unweave_live::Levels;
use unweave_live::preview::PreviewDesk;

use crate::render::excerpt::excerpt;
use crate::render::{Order, Work, words};

/// What is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listening {
    /// The output, as ever.
    Off,
    /// The output, until the excerpt is separated.
    Preparing,
    /// The excerpt, mixed as the faders are set.
    Playing,
    /// The output, since nothing can be heard, for this reason.
    Failed(String),
}

/// Makes excerpts and lets them be heard.
pub(super) struct Listener {
    desk: Arc<Mutex<PreviewDesk>>,
    failure: Arc<Mutex<Option<String>>>,
    work: Option<Work>,
}

impl Listener {
    pub(super) fn new(desk: PreviewDesk) -> Self {
        Self {
            desk: Arc::new(Mutex::new(desk)),
            failure: Arc::default(),
            work: None,
        }
    }

    pub(super) fn start(&mut self, order: Order, sample_rate: u32) -> Result<(), String> {
        self.stop();
        let (desk, failure) = (Arc::clone(&self.desk), Arc::clone(&self.failure));
        let work = Work::start("unweave-excerpt", move |cancel| {
            let made = excerpt(
                &order.song,
                order.range.clone(),
                (&order.model, sample_rate),
                cancel,
            );
            if cancel.is_terminated() {
                return;
            }
            let made = made
                .map_err(|error| words::job(&error))
                .and_then(|preview| {
                    let played = desk.lock().play(Box::new(preview));
                    played.map_err(|_| {
                        "The host processes no audio: nothing can be heard.".to_owned()
                    })
                });
            *failure.lock() = made.err();
        });
        self.work = Some(work.map_err(|error| error.to_string())?);
        Ok(())
    }

    pub(super) fn stop(&mut self) {
        // Waits for the thread, so that what it was about to play comes no more.
        self.work = None;
        self.desk.lock().stop();
        *self.failure.lock() = None;
    }

    pub(super) fn levels(&self) -> Arc<Levels> {
        self.desk.lock().levels()
    }

    pub(super) fn state(&self) -> Listening {
        if let Some(failure) = &*self.failure.lock() {
            return Listening::Failed(failure.clone());
        }
        if self.desk.lock().is_playing() {
            return Listening::Playing;
        }
        match &self.work {
            Some(work) if !work.is_over() => Listening::Preparing,
            _ => Listening::Off,
        }
    }
}
