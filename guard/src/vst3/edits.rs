//! Changes of parameters that a host must not lose, and what is asked of the host.
//!
//! While the host says that it processes, nice-plug 0.4.2 ignores every change that doesn't come with a block: also
//! when no block ever comes, because the host is stopped. Such changes are kept here until a block has come.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    IComponentHandler, IComponentHandlerTrait, IParamValueQueue, IParamValueQueueTrait,
    IParameterChanges, IParameterChangesTrait, ParamID, ParamValue,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    int32, kInvalidArgument, kNotImplemented, kResultFalse, kResultOk, tresult,
};
use nice_plug::wrapper::vst3::vst3::{Class, ComPtr, ComWrapper};

use crate::thread::SharedThread;

/// A host that hasn't processed for so long is taken not to play: some hundred times a usual block.
const IDLE: Duration = Duration::from_secs(1);

/// A host may have made up the next block already when it is told of a change.
const BLOCKS_ON_THE_WAY: u64 = 2;

/// What the host is to be told, and what it has told between two blocks.
pub struct Edits {
    host: Mutex<Option<ComPtr<IComponentHandler>>>,
    /// The thread that is in `setActive`.
    pub activating: SharedThread,
    /// Restarts that were asked for in there.
    wanted_restart: Mutex<Option<int32>>,
    began: Instant,
    /// When the last block came, in milliseconds from `began`, and how many did.
    last_block: AtomicU64,
    num_blocks: AtomicU64,
    kept: Mutex<Vec<Kept>>,
}

/// A change, and how many blocks had come before it.
type Kept = (ParamID, ParamValue, u64);

impl Default for Edits {
    fn default() -> Self {
        Self {
            host: Mutex::default(),
            activating: SharedThread::default(),
            wanted_restart: Mutex::default(),
            began: Instant::now(),
            last_block: AtomicU64::new(0),
            num_blocks: AtomicU64::new(0),
            kept: Mutex::default(),
        }
    }
}

impl Edits {
    /// From now on this host is asked and told.
    pub fn set_host(&self, host: Option<ComPtr<IComponentHandler>>) {
        *lock(&self.host) = host;
    }

    fn host(&self) -> Option<ComPtr<IComponentHandler>> {
        lock(&self.host).clone()
    }

    /// A block has come: with it, or before, what was changed until now.
    ///
    /// # Realtime safety
    /// Writes atomics.
    pub fn note_block(&self) {
        self.last_block.store(self.now(), Ordering::Relaxed);
        self.num_blocks.fetch_add(1, Ordering::Release);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether no block has come for a while.
    pub fn is_idle(&self) -> bool {
        let since = self
            .now()
            .saturating_sub(self.last_block.load(Ordering::Relaxed));
        u128::from(since) > IDLE.as_millis()
    }

    /// Keeps a change until it must have come with a block.
    pub fn keep(&self, id: ParamID, value: ParamValue) {
        let mut kept = self.kept();
        kept.retain(|(kept, ..)| *kept != id);
        kept.push((id, value, self.num_blocks.load(Ordering::Acquire)));
    }

    /// The changes that no block can have brought yet, which are not kept any longer.
    pub fn take_kept(&self) -> Vec<(ParamID, ParamValue)> {
        let kept = std::mem::take(&mut *self.kept());
        kept.into_iter().map(|(id, value, _)| (id, value)).collect()
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        let mut kept = lock(&self.kept);
        let num_blocks = self.num_blocks.load(Ordering::Acquire);
        kept.retain(|(.., before)| num_blocks - before < BLOCKS_ON_THE_WAY);
        kept
    }

    /// Asks for the restart that was wanted in `setActive`. The host may do anything then.
    pub fn ask_for_restart(&self) {
        let wanted = lock(&self.wanted_restart).take();
        if let (Some(flags), Some(host)) = (wanted, self.host()) {
            // SAFETY: the host's own function, on the thread that the framework would ask on.
            unsafe { host.restartComponent(flags) };
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The host, as the framework sees it; it never changes, whatever host there is.
pub struct Handler(pub Arc<Edits>);

impl Class for Handler {
    type Interfaces = (IComponentHandler,);
}

impl IComponentHandlerTrait for Handler {
    unsafe fn beginEdit(&self, id: ParamID) -> tresult {
        // SAFETY: the host's own function.
        self.0
            .host()
            .map_or(kResultFalse, |host| unsafe { host.beginEdit(id) })
    }

    unsafe fn performEdit(&self, id: ParamID, value: ParamValue) -> tresult {
        self.0.keep(id, value);
        // SAFETY: the host's own function.
        self.0
            .host()
            .map_or(kResultFalse, |host| unsafe { host.performEdit(id, value) })
    }

    unsafe fn endEdit(&self, id: ParamID) -> tresult {
        // SAFETY: the host's own function.
        self.0
            .host()
            .map_or(kResultFalse, |host| unsafe { host.endEdit(id) })
    }

    unsafe fn restartComponent(&self, flags: int32) -> tresult {
        if self.0.activating.is_here() {
            let mut wanted = lock(&self.0.wanted_restart);
            *wanted = Some(wanted.unwrap_or(0) | flags);
            return kResultOk;
        }
        // SAFETY: the host's own function.
        self.0
            .host()
            .map_or(kResultFalse, |host| unsafe { host.restartComponent(flags) })
    }
}

/// Changes of parameters in the shape in which they come with a block, at its first frame.
pub struct Changes(Vec<ComWrapper<Change>>);

struct Change(ParamID, ParamValue);

impl Changes {
    /// These, for the framework.
    pub fn new(changes: &[(ParamID, ParamValue)]) -> ComWrapper<Self> {
        let change = |(id, value): &(ParamID, ParamValue)| ComWrapper::new(Change(*id, *value));
        ComWrapper::new(Self(changes.iter().map(change).collect()))
    }
}

impl Class for Changes {
    type Interfaces = (IParameterChanges,);
}

impl Class for Change {
    type Interfaces = (IParamValueQueue,);
}

impl IParameterChangesTrait for Changes {
    unsafe fn getParameterCount(&self) -> int32 {
        int32::try_from(self.0.len()).unwrap_or(0)
    }

    unsafe fn getParameterData(&self, idx: int32) -> *mut IParamValueQueue {
        usize::try_from(idx)
            .ok()
            .and_then(|idx| self.0.get(idx)?.as_com_ref::<IParamValueQueue>())
            .map_or(std::ptr::null_mut(), |queue| queue.as_ptr())
    }

    unsafe fn addParameterData(&self, _: *const ParamID, _: *mut int32) -> *mut IParamValueQueue {
        std::ptr::null_mut()
    }
}

impl IParamValueQueueTrait for Change {
    unsafe fn getParameterId(&self) -> ParamID {
        self.0
    }

    unsafe fn getPointCount(&self) -> int32 {
        1
    }

    unsafe fn getPoint(&self, idx: int32, frame: *mut int32, value: *mut ParamValue) -> tresult {
        if idx != 0 || frame.is_null() || value.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: the caller gives room.
        unsafe {
            *frame = 0;
            *value = self.1;
        }
        kResultOk
    }

    unsafe fn addPoint(&self, _: int32, _: ParamValue, _: *mut int32) -> tresult {
        kNotImplemented
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_kept_until_blocks_have_come() {
        let edits = Edits::default();
        edits.keep(1, 0.25);
        edits.keep(2, 0.5);
        edits.keep(1, 0.75);
        assert_eq!(edits.take_kept(), [(2, 0.5), (1, 0.75)]);
        assert_eq!(edits.take_kept(), []);
        edits.keep(1, 1.0);
        edits.note_block();
        edits.keep(2, 0.0);
        edits.note_block();
        assert!(!edits.is_idle());
        assert_eq!(edits.take_kept(), [(2, 0.0)]);
    }
}
