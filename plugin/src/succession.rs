//! The engine that is heard, and the one that is to follow when the session wants another.
//!
//! The window, a session that is loaded and the host's automation change what is wanted, on any thread, the
//! audio thread too, and hosts need not activate the plug-in for that: Ardour never does. So a thread of the
//! instance's own looks a few times per second. It starts the other engine, waits until its model is loaded,
//! hands it to the audio thread, and frees the old one.
//!
//! | the other engine needs | what happens |
//! |---|---|
//! | the latency that the host was told | it follows |
//! | less | it follows, behind the same latency; the host is asked to restart the plug-in, and then told less |
//! | more | in the standalone it follows after a moment of silence; else the host is asked to restart the plug-in; until it does, the old one is heard |
//!
//! The host is asked by the audio thread: never by the window within its frame, as hosts may close it within
//! that call, and never within `activate`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use nice_plug::prelude::nice_error;
use parking_lot::{Condvar, Mutex};
use unweave_live::{Engine, Fault, Handover, LatencyPlan, Levels, Setup, State, Successor};
use unweave_separation::DeviceUse;

use crate::bell::Bell;
use crate::loads;
use crate::model::{ModePlan, Source};
use crate::model_choice::ModelChoice;
use crate::params::UnweaveParams;
use crate::report::{Facts, Pending};
use crate::runtime_choice;

/// What debuggers and profilers call the inference thread.
pub(crate) const THREAD: &str = "unweave-model";

/// How often the thread looks: soon enough for a click in the window, and next to nothing of a core.
const LOOK: Duration = Duration::from_millis(100);

/// Gives what a session wants; see [`crate::variant::Variant::source`].
pub(crate) type FindSource = fn(&ModelChoice) -> Result<Source, String>;

/// What the parts of an instance share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) params: Arc<UnweaveParams>,
    pub(crate) bell: Bell,
    pub(crate) find: FindSource,
}

/// An engine and what it was set up for.
pub(crate) struct Sounding {
    pub(crate) engine: Engine,
    pub(crate) plan: LatencyPlan,
    pub(crate) choice: ModelChoice,
    pub(crate) device_use: DeviceUse,
    pub(crate) modes: Vec<ModePlan>,
    /// It has no model, so it needs no latency.
    pub(crate) is_refused: bool,
}

/// What an engine is set up for besides what separates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Configuration {
    /// Frames per second.
    pub sample_rate: f32,
    /// The longest block that the host announces.
    pub max_block_frames: usize,
    /// Nobody compensates the latency: it may change while the host plays.
    pub is_standalone: bool,
}

/// Keeps the engines; dropping it ends all their threads.
pub(crate) struct Succession {
    common: Arc<Common>,
    thread: Option<JoinHandle<()>>,
}

struct Common {
    shared: Shared,
    /// Never locked by the audio thread.
    engines: Mutex<Engines>,
    wake: Condvar,
    is_ending: AtomicBool,
    wants_restart: AtomicBool,
}

struct Engines {
    sounding: Sounding,
    next: Option<Next>,
    handover: Handover,
    levels: Arc<Levels>,
    configuration: Configuration,
    /// What was last seen to be chosen.
    seen: ModelChoice,
    /// Choices of a runtime that were last seen.
    num_choices: u64,
}

/// An engine that loads, or is on its way to the audio thread.
struct Next {
    sounding: Sounding,
    /// Until it is given to the audio thread.
    successor: Option<Successor>,
}

impl Succession {
    /// Looks after an engine that was just started.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(
        shared: Shared,
        sounding: Sounding,
        handover: Handover,
        levels: Arc<Levels>,
        configuration: Configuration,
    ) -> std::io::Result<Self> {
        let engines = Engines {
            seen: sounding.choice.clone(),
            num_choices: runtime_choice::num_choices(),
            sounding,
            next: None,
            handover,
            levels,
            configuration,
        };
        engines.tell(&shared);
        let common = Arc::new(Common {
            shared,
            engines: Mutex::new(engines),
            wake: Condvar::new(),
            is_ending: AtomicBool::new(false),
            wants_restart: AtomicBool::new(false),
        });
        let own = Arc::clone(&common);
        let thread = std::thread::Builder::new()
            .name("unweave-engines".to_owned())
            .spawn(move || own.work())?;
        Ok(Self {
            common,
            thread: Some(thread),
        })
    }

    /// Whether the host has to be asked for a restart, since the last time this was asked.
    ///
    /// # Realtime safety
    /// One atomic.
    pub(crate) fn takes_restart_request(&self) -> bool {
        self.common.wants_restart.swap(false, Ordering::Relaxed)
    }

    /// The plan of the engine that is heard, without padding, if it is the one that is wanted and no other
    /// is on its way. Not while the host plays, which is told another latency then.
    pub(crate) fn settle(&self, choice: &ModelChoice) -> Option<LatencyPlan> {
        let mut engines = self.common.engines.lock();
        engines.take_over(&self.common);
        if engines.next.is_some() || engines.sounding.choice != *choice {
            return None;
        }
        let plan = engines.sounding.plan;
        if !engines.sounding.is_refused {
            engines.sounding.plan = plan.padded_to(plan.least_latency_frames())?;
        }
        engines.seen = choice.clone();
        engines.tell(&self.common.shared);
        self.common.wants_restart.store(false, Ordering::Relaxed);
        Some(engines.sounding.plan)
    }
}

impl Drop for Succession {
    fn drop(&mut self) {
        self.common.is_ending.store(true, Ordering::Release);
        // The lock makes sure that the thread is asleep by now, or has seen it.
        drop(self.common.engines.lock());
        self.common.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic has been printed already.
            let _ = thread.join();
        }
    }
}

impl Common {
    fn work(&self) {
        let mut engines = self.engines.lock();
        while !self.is_ending.load(Ordering::Acquire) {
            engines.take_over(self);
            engines.hand_over();
            engines.follow(self);
            engines.note_load();
            self.wake.wait_for(&mut engines, LOOK);
        }
    }
}

impl Engines {
    /// The engine that is heard is the one that is told of, and nothing is waited for.
    fn tell(&self, shared: &Shared) {
        let sounding = &self.sounding;
        shared.params.report.watch(Facts {
            status: Arc::clone(sounding.engine.status()),
            levels: Arc::clone(&self.levels),
            device_use: sounding.device_use.clone(),
            choice: sounding.choice.clone(),
            sample_rate: sounding.plan.sample_rate(),
            latency_frames: sounding.plan.latency_frames(),
            least_latency_frames: if sounding.is_refused {
                sounding.plan.latency_frames()
            } else {
                sounding.plan.least_latency_frames()
            },
            modes: sounding.modes.clone(),
            is_standalone: self.configuration.is_standalone,
        });
        shared.bell.wake_now();
    }

    /// Frees the old engine once the audio thread has gone over to the next.
    fn take_over(&mut self, common: &Common) {
        if self.handover.take_back().is_none() {
            return;
        }
        let Some(next) = self.next.take() else {
            return;
        };
        self.sounding = next.sounding;
        self.tell(&common.shared);
        let plan = &self.sounding.plan;
        if !self.sounding.is_refused && plan.least_latency_frames() < plan.latency_frames() {
            common.wants_restart.store(true, Ordering::Relaxed);
        }
    }

    /// Gives the next engine to the audio thread once its model is loaded, or refused.
    fn hand_over(&mut self) {
        if let Some(next) = &mut self.next
            && next.sounding.engine.status().state() != State::Loading
            && let Some(successor) = next.successor.take()
        {
            next.successor = self.handover.give(successor).err();
        }
    }

    /// Starts another engine if another model, mode or device is chosen.
    fn follow(&mut self, common: &Common) {
        let is_under_way = self
            .next
            .as_ref()
            .is_some_and(|next| next.successor.is_none());
        let choice = common.shared.params.model_choice();
        let num_choices = runtime_choice::num_choices();
        let is_lacking = self.sounding.engine.status().state() == State::Refused(Fault::NoRuntime);
        let is_retried = is_lacking && num_choices != self.num_choices;
        if is_under_way || (choice == self.seen && !is_retried) {
            return;
        }
        self.num_choices = num_choices;
        self.seen = choice.clone();
        // It was not heard yet, and is not wanted any more.
        self.next = None;
        let pending = if choice == self.sounding.choice && !is_retried {
            None
        } else {
            Some(self.prepare(common, choice))
        };
        common.shared.params.report.await_next(pending);
        common.shared.bell.wake_now();
    }

    /// For the menu of modes.
    fn note_load(&self) {
        let Sounding { engine, plan, .. } = &self.sounding;
        let status = engine.status();
        if status.state() == State::Running && status.load() > 0.0 {
            loads::note(&self.sounding.choice, plan.sample_rate(), status.load());
        }
    }

    fn prepare(&mut self, common: &Common, choice: ModelChoice) -> Pending {
        match self.start_next(&common.shared, choice) {
            Ok(Ok(next)) => {
                self.next = Some(next);
                Pending::Loading
            }
            Ok(Err(latency_frames)) => {
                common.wants_restart.store(true, Ordering::Relaxed);
                Pending::NeedsLatency { latency_frames }
            }
            Err(reason) => {
                nice_error!("{reason}");
                Pending::Refused { reason }
            }
        }
    }

    /// The next engine, or the latency that it needs and the host was not told.
    fn start_next(
        &self,
        shared: &Shared,
        choice: ModelChoice,
    ) -> Result<Result<Next, usize>, String> {
        let source = (shared.find)(&choice)?;
        let present = &self.sounding.plan;
        let modes = source.plans(present.sample_rate(), self.configuration.max_block_frames);
        let plan = if source.is_refused {
            *present
        } else {
            let plan = source.plan(present.sample_rate(), self.configuration.max_block_frames);
            let plan = plan.map_err(|error| error.to_string())?;
            match plan.padded_to(present.latency_frames()) {
                _ if self.configuration.is_standalone => plan,
                Some(padded) => padded,
                None => return Ok(Err(plan.latency_frames())),
            }
        };
        let start = || {
            let setup = Setup::new(&source.shape, plan)?;
            Engine::start_successor(&setup, THREAD, source.loader)
        };
        let (successor, engine) = start().map_err(|error| error.to_string())?;
        Ok(Ok(Next {
            sounding: Sounding {
                engine,
                plan,
                choice,
                device_use: source.device_use,
                modes,
                is_refused: source.is_refused,
            },
            successor: Some(successor),
        }))
    }
}
