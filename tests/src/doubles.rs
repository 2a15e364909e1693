//! The plug-in over separators whose output is known: an entry point with one plug-in for each.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clack_host::prelude::PluginEntry;
use nice_plug::prelude::AudioIOLayout;
use tempfile::TempDir;
use unweave_guard::clap::clap_plugin_entry;
use unweave_live::preview::PreviewSide;
use unweave_live::{Fault, LoadedSeparator, Refusal, Terminate};
use unweave_plugin::Unweave;
use unweave_plugin::ids::BUILTIN_ID;
use unweave_plugin::model::Source;
use unweave_plugin::model_choice::ModelChoice;
use unweave_plugin::songs::Songs;
use unweave_plugin::variant::{MultiOut, Variant};
use unweave_separation::doubles::{Delayed, Failing, NotANumber, shape};
use unweave_separation::{DeviceUse, Error, Mode, Separator, Shape, StemBlock};

use crate::session;

/// Gains of the mix in the stems of [`Halves`]; the residual stem gets the rest.
pub const HALVES: [f32; 4] = [0.5, 0.25, 0.125, 0.125];

/// Hops that a double separates before it misbehaves; loading tries a model with a few dozen.
pub const GOOD_HOPS: usize = 60;

/// How long [`Hanging`] hangs.
pub const HANG: Duration = Duration::from_secs(30);

/// Small, so that tests are quick; the rate is the built-in model's.
pub fn small_shape() -> Shape {
    shape(44_100, 256, 1024)
}

macro_rules! doubles {
    ($($(#[$doc:meta])* $name:ident = $id:literal, |$shape:ident| $model:expr;)+) => {
        $(
            $(#[$doc])*
            pub struct $name;

            impl $name {
                /// Its CLAP id.
                pub const ID: &str = concat!("audio.unweave.tests.", $id);
            }

            impl Variant for $name {
                const NAME: &'static str = stringify!($name);
                const DESCRIPTION: &'static str = "For tests";
                const CLAP_ID: &'static str = Self::ID;
                const VST3_CLASS_ID: [u8; 16] = [0; 16];
                const LAYOUTS: &'static [AudioIOLayout] = MultiOut::LAYOUTS;

                fn source(_choice: &ModelChoice) -> Result<Source, String> {
                    Ok(Source {
                        shape: small_shape(),
                        loader: Box::new(|_is_stopping| {
                            let $shape = small_shape();
                            $model
                        }),
                        device_use: DeviceUse::default(),
                        modes: Vec::new(),
                        is_refused: false,
                    })
                }
            }
        )+

        /// The entry point of the doubles, as a library would have it.
        pub static ENTRY: clap_plugin_entry =
            unweave_guard::clap_entry!(Unweave<Capturing>, Unweave<Whole>, Unweave<Modal>, $(Unweave<$name>),+);
    };
}

doubles! {
    /// Every stem is the mix times its gain in [`HALVES`].
    Halves = "halves", |shape| separator(Delayed::new(shape, &HALVES));
    /// As [`Halves`], but slow after [`GOOD_HOPS`]: ten hops' time for each.
    Late = "late", |shape| {
        separator(After::new(Delayed::new(shape, &HALVES), || {
            std::thread::sleep(Duration::from_millis(58));
        }))
    };
    /// As [`Halves`], but loads for longer than its latency lasts.
    SlowToLoad = "slow-to-load", |shape| {
        std::thread::sleep(Duration::from_millis(300));
        separator(Delayed::new(shape, &HALVES))
    };
    /// Too slow from the start.
    Slow = "slow", |shape| {
        let mut slow = After::new(Delayed::new(shape, &HALVES), || {
            std::thread::sleep(Duration::from_millis(8));
        });
        slow.hops_left = 0;
        separator(slow)
    };
    /// Fails for good after [`GOOD_HOPS`].
    Broken = "broken", |shape| separator(Failing::new(shape, GOOD_HOPS));
    /// Returns NaN after [`GOOD_HOPS`].
    NaN = "nan", |shape| separator(NotANumber::new(shape, GOOD_HOPS));
    /// Hangs in an inference after [`GOOD_HOPS`], and cannot be interrupted.
    Hanging = "hanging", |shape| {
        separator(After::new(Delayed::new(shape, &HALVES), || std::thread::sleep(HANG)))
    };
    /// Hangs in an inference after [`GOOD_HOPS`] until it is told to stop.
    Stoppable = "stoppable", |shape| {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&is_stopped);
        Ok(LoadedSeparator {
            separator: Box::new(After::new(Delayed::new(shape, &HALVES), move || {
                while !is_stopped.load(Ordering::Acquire) {
                    std::thread::sleep(Duration::from_millis(1));
                }
            })),
            terminate: Some(Arc::new(move || stop.store(true, Ordering::Release)) as Terminate),
        })
    };
    /// Has no model.
    Missing = "missing", |_shape| {
        Err(Refusal {
            fault: Fault::NoModel,
            reason: "model.onnx is missing".to_owned(),
        })
    };
}

/// As [`Halves`] in three modes, each with a latency and gains of its own; in a model by any other name than
/// the built-in one's there is nothing.
pub struct Modal;

impl Modal {
    /// Its CLAP id.
    pub const ID: &str = "audio.unweave.tests.modal";

    /// Gains of the mix in the stems.
    pub fn gains(mode: Mode) -> [f32; 4] {
        match mode {
            Mode::Standard => HALVES,
            Mode::Quick => [0.125, 0.5, 0.25, 0.125],
            Mode::Light => [0.25, 0.125, 0.5, 0.125],
        }
    }

    /// Hop and window.
    pub fn shape(mode: Mode) -> Shape {
        match mode {
            Mode::Standard => small_shape(),
            Mode::Quick => Shape {
                // A shorter time for an inference is less latency, too.
                budget_frames: 128,
                ..shape(44_100, 192, 384)
            },
            Mode::Light => shape(44_100, 512, 2048),
        }
    }
}

impl Variant for Modal {
    const NAME: &'static str = "Modal";
    const DESCRIPTION: &'static str = "For tests";
    const CLAP_ID: &'static str = Self::ID;
    const VST3_CLASS_ID: [u8; 16] = [0; 16];
    const LAYOUTS: &'static [AudioIOLayout] = MultiOut::LAYOUTS;

    fn source(choice: &ModelChoice) -> Result<Source, String> {
        if choice.model != BUILTIN_ID {
            return MultiOut::source(choice);
        }
        let mode = choice.mode;
        Ok(Source {
            shape: Self::shape(mode),
            loader: Box::new(move |_is_stopping| {
                separator(Delayed::new(Self::shape(mode), &Self::gains(mode)))
            }),
            device_use: DeviceUse::default(),
            modes: Mode::ALL.map(|mode| (mode, Self::shape(mode))).to_vec(),
            is_refused: false,
        })
    }
}

thread_local! {
    static LAST_SONGS: RefCell<Option<Arc<Songs>>> = const { RefCell::new(None) };
    /// What this thread's instances capture; goes with the thread.
    static TAKES_FOLDER: TempDir = TempDir::new().expect("a folder can be made");
}

/// As [`Halves`], with its songs and takes within reach: see [`last_songs`].
pub struct Capturing;

impl Capturing {
    /// Its CLAP id.
    pub const ID: &str = "audio.unweave.tests.capturing";
}

impl Variant for Capturing {
    const NAME: &'static str = "Capturing";
    const DESCRIPTION: &'static str = "For tests";
    const CLAP_ID: &'static str = Self::ID;
    const VST3_CLASS_ID: [u8; 16] = [0; 16];
    const LAYOUTS: &'static [AudioIOLayout] = MultiOut::LAYOUTS;

    fn songs() -> (Arc<Songs>, PreviewSide) {
        let folder = TAKES_FOLDER.with(|folder| folder.path().to_owned());
        let (songs, side) = Songs::new(folder);
        LAST_SONGS.set(Some(Arc::clone(&songs)));
        (songs, side)
    }

    fn source(choice: &ModelChoice) -> Result<Source, String> {
        Halves::source(choice)
    }
}

/// The plug-in as it is, with its songs and takes within reach: see [`last_songs`].
pub struct Whole;

impl Whole {
    /// Its CLAP id.
    pub const ID: &str = "audio.unweave.tests.whole";
}

impl Variant for Whole {
    const NAME: &'static str = "Whole";
    const DESCRIPTION: &'static str = "For tests";
    const CLAP_ID: &'static str = Self::ID;
    const VST3_CLASS_ID: [u8; 16] = [0; 16];
    const LAYOUTS: &'static [AudioIOLayout] = MultiOut::LAYOUTS;

    fn songs() -> (Arc<Songs>, PreviewSide) {
        Capturing::songs()
    }
}

/// The songs and takes of the last [`Capturing`] or [`Whole`] that was made on this thread.
pub fn last_songs() -> Arc<Songs> {
    LAST_SONGS
        .with_borrow(Clone::clone)
        .expect("an instance was made")
}

#[expect(clippy::unnecessary_wraps, reason = "what a loader returns")]
fn separator(separator: impl Separator + 'static) -> Result<LoadedSeparator, Refusal> {
    Ok(LoadedSeparator {
        separator: Box::new(separator),
        terminate: None,
    })
}

/// Does something before every hop after a number of good ones.
struct After<F> {
    inner: Delayed,
    hops_left: usize,
    action: F,
}

impl<F> After<F> {
    fn new(inner: Delayed, action: F) -> Self {
        Self {
            inner,
            hops_left: GOOD_HOPS,
            action,
        }
    }
}

impl<F: FnMut() + Send> Separator for After<F> {
    fn shape(&self) -> &Shape {
        self.inner.shape()
    }

    fn reset(&mut self) {
        self.inner.reset();
    }

    fn process(&mut self, mix: [&[f32]; 2], stems: &mut StemBlock) -> Result<(), Error> {
        for _ in 0..mix[0].len() / self.shape().hop_frames {
            match self.hops_left.checked_sub(1) {
                Some(left) => self.hops_left = left,
                None => (self.action)(),
            }
        }
        self.inner.process(mix, stems)
    }
}

/// The entry point of the doubles.
pub fn entry() -> PluginEntry {
    session::load(&ENTRY)
}
