//! Sound cards: which there are, which is used, and what is done when it goes.
//!
//! ```text
//! window ─► Sound ─► SOUND THREAD ─► System: open ─► sound card's thread: Machine   AUDIO THREAD
//!                        ▲                                    │
//!                        └───────────── Lost ◄────────────────┘
//! ```
//!
//! Without a sound card, and while the one that was chosen is away, a clock paces the plug-in: everything works, nothing
//! is heard. The one that was chosen is tried again every few seconds.

#[cfg(feature = "cards")]
mod cards;
mod clock;
#[cfg(feature = "cards")]
mod jack;
mod link;

use std::any::Any;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use unweave_plugin::Bell;

use crate::machine::Machine;
pub use link::{Link, Lost};

/// How often it is looked whether the sound card is still there.
const LOOK: Duration = Duration::from_millis(200);
/// How often it is looked whether something has come that could play, while nothing does.
const RETRY: Duration = Duration::from_secs(3);
/// Of the clock, where nobody has chosen: most songs'.
const CLOCK_RATE: u32 = 44_100;
/// Frames of a block where nobody has chosen.
pub const BLOCK_FRAMES: u32 = 512;

/// What a person calls no sound card at all.
pub const NONE: &str = "none";

/// What a person has chosen; what is left out is for the system to say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Choice {
    /// Name of a [`System`].
    pub system: Option<String>,
    /// Name of the device to play on.
    pub output: Option<String>,
    /// Name of the device to take sound from; none, if none is chosen.
    pub input: Option<String>,
    /// Frames per second.
    pub sample_rate: Option<u32>,
    /// Frames of a block.
    pub block_frames: Option<u32>,
}

/// What is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InUse {
    /// Name of the [`System`].
    pub system: String,
    /// The device that plays.
    pub output: String,
    /// The device that sound is taken from.
    pub input: Option<String>,
    /// Frames per second.
    pub sample_rate: u32,
    /// Frames of a block.
    pub block_frames: u32,
    /// Sample rates that can be chosen; none if the system decides.
    pub rates: Vec<u32>,
    /// Blocks that can be chosen; none if the system decides.
    pub blocks: Vec<u32>,
}

/// A sound system, and what it has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Devices {
    /// Name of the [`System`].
    pub system: String,
    /// Names of devices that play.
    pub outputs: Vec<String>,
    /// Names of devices that sound can be taken from.
    pub inputs: Vec<String>,
}

/// What the window shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// What there is.
    pub devices: Vec<Devices>,
    /// What was chosen.
    pub choice: Choice,
    /// What is used; none while nothing is heard.
    pub in_use: Option<InUse>,
    /// What is wrong, and what to do about it.
    pub trouble: Option<String>,
}

/// A way to reach sound cards.
pub trait System: Send {
    /// For people.
    fn name(&self) -> &str;

    /// What there is now. May take a while.
    fn devices(&self) -> Devices;

    /// Starts to play, once the machine was prepared through the link. Ends when what this gives is dropped.
    ///
    /// # Errors
    /// In the user's words.
    fn open(&self, choice: &Choice, link: &Link) -> Result<Open, String>;
}

/// A device at work.
pub struct Open {
    /// Ends it when dropped; stays on the sound thread.
    pub stream: Box<dyn Any>,
    /// What it is.
    pub in_use: InUse,
}

/// All that this program was built with.
pub fn systems() -> Vec<Box<dyn System>> {
    #[cfg(feature = "cards")]
    {
        let mut systems: Vec<Box<dyn System>> = vec![Box::new(jack::Jack)];
        systems.extend(cards::all());
        systems
    }
    #[cfg(not(feature = "cards"))]
    Vec::new()
}

enum Wish {
    Use(Choice),
    LookAround,
    End,
}

/// The sound thread, as others see it. Ends it when dropped.
pub struct Sound {
    wishes: Sender<Wish>,
    look: Arc<Mutex<Look>>,
    thread: Option<JoinHandle<()>>,
}

impl Sound {
    /// Plays on what was chosen, as soon as it can.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        machine: Machine,
        systems: Vec<Box<dyn System>>,
        choice: Choice,
        bell: Bell,
    ) -> std::io::Result<Self> {
        let (wishes, wished) = channel();
        let look = Arc::new(Mutex::new(Look {
            choice: choice.clone(),
            ..Look::default()
        }));
        let shown = Arc::clone(&look);
        let work = move || {
            // Made here, since a system's stream stays on its thread.
            let desk = Desk {
                link: Link::new(machine),
                systems,
                choice,
                stream: None,
                in_use: None,
                tried: Instant::now(),
                found: Vec::new(),
                gone: None,
                look: shown,
                bell,
            };
            desk.run(&wished);
        };
        let thread = std::thread::Builder::new()
            .name("unweave-sound".to_owned())
            .spawn(work)?;
        Ok(Self {
            wishes,
            look,
            thread: Some(thread),
        })
    }

    /// How it is.
    pub fn look(&self) -> Look {
        self.look.lock().clone()
    }

    /// Plays on this from now on.
    pub fn choose(&self, choice: Choice) {
        self.look.lock().choice = choice.clone();
        // It ends with this.
        let _ = self.wishes.send(Wish::Use(choice));
    }

    /// Finds out what there is now.
    pub fn look_around(&self) {
        // It ends with this.
        let _ = self.wishes.send(Wish::LookAround);
    }
}

impl Drop for Sound {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.wishes.send(Wish::End);
        if let Some(thread) = self.thread.take() {
            // A panic has been printed already.
            let _ = thread.join();
        }
    }
}

/// What the sound thread has.
struct Desk {
    /// The device's, or the clock's. Dropped before the link, so that the machine never ends on a device's thread.
    stream: Option<Box<dyn Any>>,
    link: Link,
    systems: Vec<Box<dyn System>>,
    choice: Choice,
    /// None while the clock paces.
    in_use: Option<InUse>,
    /// When it was tried, or looked for, the last time.
    tried: Instant,
    /// What there was when it was tried.
    found: Vec<Devices>,
    /// What was said when the one that was used went: that is news until something else is used.
    gone: Option<String>,
    look: Arc<Mutex<Look>>,
    bell: Bell,
}

impl Desk {
    fn run(mut self, wished: &Receiver<Wish>) {
        self.open();
        self.look_around();
        loop {
            match wished.recv_timeout(LOOK) {
                Ok(Wish::Use(choice)) => {
                    self.choice = choice;
                    self.gone = None;
                    self.open();
                }
                Ok(Wish::LookAround) => {
                    self.look_around();
                    if self.in_use.is_none() {
                        self.open();
                    }
                }
                Ok(Wish::End) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => self.check(),
            }
        }
    }

    /// Whether it still plays; what doesn't is tried again.
    fn check(&mut self) {
        if let Some(reason) = self.link.lost() {
            let output = self.in_use.take().map(|in_use| in_use.output);
            let output = output.unwrap_or_else(|| "The sound card".to_owned());
            self.gone = Some(format!(
                "“{output}” has gone: {reason}. Nothing is heard until it is back, or another is chosen."
            ));
            self.pace(None);
        } else if self.in_use.is_none() && !self.is_silent() && self.tried.elapsed() > RETRY {
            self.tried = Instant::now();
            // Else what plays to nobody would be interrupted each time, and libraries would complain on the terminal.
            if self.devices() != self.found {
                self.open();
            }
        }
    }

    fn devices(&self) -> Vec<Devices> {
        self.systems.iter().map(|system| system.devices()).collect()
    }

    fn is_silent(&self) -> bool {
        self.choice.system.as_deref() == Some(NONE)
    }

    /// Opens what was chosen, or lets the clock pace.
    fn open(&mut self) {
        // What processes has ended before something else begins.
        self.stream = None;
        self.in_use = None;
        if self.is_silent() {
            return self.pace(None);
        }
        let chosen = self.choice.system.as_deref();
        let mut refusal = None;
        for system in &self.systems {
            if chosen.is_some_and(|name| name != system.name()) {
                continue;
            }
            self.link.renew();
            match system.open(&self.choice, &self.link) {
                Ok(open) => {
                    self.stream = Some(open.stream);
                    self.in_use = Some(open.in_use);
                    self.gone = None;
                    return self.tell(None);
                }
                // Without a choice the last is the system's own.
                Err(reason) => refusal = Some(reason),
            }
        }
        let reason = refusal.unwrap_or_else(|| match chosen {
            Some(name) => format!("There is no sound system “{name}” here"),
            None => "There is no sound card".to_owned(),
        });
        self.pace(Some(format!(
            "{reason}. Nothing is heard until a sound card comes, or another is chosen."
        )));
    }

    /// Lets the clock pace, and says why.
    fn pace(&mut self, trouble: Option<String>) {
        self.stream = None;
        self.tried = Instant::now();
        self.found = self.devices();
        self.link.renew();
        let sample_rate = self.choice.sample_rate.unwrap_or(CLOCK_RATE);
        let block_frames = self.choice.block_frames.unwrap_or(BLOCK_FRAMES);
        match clock::start(&self.link, sample_rate, block_frames) {
            Ok(clock) => self.stream = Some(Box::new(clock)),
            Err(error) => return self.tell(Some(format!("The system gives no thread: {error}."))),
        }
        self.tell(self.gone.clone().or(trouble));
    }

    fn tell(&self, trouble: Option<String>) {
        let mut look = self.look.lock();
        look.in_use.clone_from(&self.in_use);
        look.trouble = trouble;
        drop(look);
        self.bell.wake_now();
    }

    fn look_around(&self) {
        self.look.lock().devices = self.devices();
        self.bell.wake_now();
    }
}

/// What there is, for a terminal.
pub fn list(systems: &[Box<dyn System>]) -> String {
    let mut text = String::new();
    for Devices {
        system,
        outputs,
        inputs,
    } in systems.iter().map(|system| system.devices())
    {
        text += &format!("{system}\n");
        for (kind, names) in [("output", &outputs), ("input", &inputs)] {
            for name in names {
                text += &format!("  {kind}: {name}\n");
            }
        }
        if outputs.is_empty() && inputs.is_empty() {
            text += "  nothing there\n";
        }
    }
    if systems.is_empty() {
        text += "This program was built without sound systems.\n";
    }
    text
}
