//! The window, on the thread that opened it alone.
//!
//! nice-plug 0.4.2 ends with a panic when the window is touched by another thread; and it touches it by one of its
//! own where a host on Linux has no run loop, as VST3 demands of it. In such a host there is no window.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

#[cfg(target_os = "linux")]
use nice_plug::wrapper::vst3::vst3::ComRef;
use nice_plug::wrapper::vst3::vst3::Steinberg::IPlugViewContentScaleSupport_::ScaleFactor;
#[cfg(target_os = "linux")]
use nice_plug::wrapper::vst3::vst3::Steinberg::Linux::IRunLoop;
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    FIDString, IPlugFrame, IPlugView, IPlugViewContentScaleSupport,
    IPlugViewContentScaleSupportTrait, IPlugViewTrait, TBool, ViewRect, char16, int16,
    kInvalidArgument, kResultFalse, kResultOk, tresult,
};
use nice_plug::wrapper::vst3::vst3::{Class, ComPtr, ComWrapper};

use super::shared::Shared;
use crate::thread::SharedThread;

/// The thread whose window is open.
#[derive(Default)]
pub struct OpenWindow(SharedThread, AtomicBool);

impl OpenWindow {
    /// Whether the plug-in may go: no window is open, or it is this thread's.
    pub fn lets_go(&self) -> bool {
        !self.is_open() || self.0.is_here()
    }

    fn is_open(&self) -> bool {
        self.1.load(Ordering::SeqCst)
    }

    fn set_here(&self) {
        self.0.set_here();
        self.1.store(true, Ordering::SeqCst);
    }

    fn clear(&self) {
        self.1.store(false, Ordering::SeqCst);
    }
}

/// A window of the framework's.
pub struct View {
    inner: ComPtr<IPlugView>,
    scale: Option<ComPtr<IPlugViewContentScaleSupport>>,
    open: Arc<OpenWindow>,
    has_run_loop: AtomicBool,
    /// Gone when the plug-in is.
    plugin: Weak<Shared>,
}

impl Class for View {
    type Interfaces = (IPlugView, IPlugViewContentScaleSupport);
}

impl View {
    /// Stands before a window; null if there is none.
    pub fn show(
        inner: Option<ComPtr<IPlugView>>,
        open: Arc<OpenWindow>,
        plugin: Weak<Shared>,
    ) -> *mut IPlugView {
        let Some(inner) = inner else {
            return std::ptr::null_mut();
        };
        let view = ComWrapper::new(Self {
            scale: inner.cast(),
            inner,
            open,
            has_run_loop: AtomicBool::new(!cfg!(target_os = "linux")),
            plugin,
        });
        view.to_com_ptr::<IPlugView>()
            .map_or(std::ptr::null_mut(), ComPtr::into_raw)
    }

    /// What the framework says, if this is the window's thread or there is no window.
    fn ask(&self, call: impl FnOnce(&ComPtr<IPlugView>) -> tresult) -> tresult {
        if self.open.lets_go() {
            call(&self.inner)
        } else {
            kResultFalse
        }
    }
}

impl IPlugViewTrait for View {
    unsafe fn isPlatformTypeSupported(&self, kind: FIDString) -> tresult {
        if kind.is_null() {
            return kInvalidArgument;
        }
        // SAFETY: as VST3 has it, here and below.
        unsafe { self.inner.isPlatformTypeSupported(kind) }
    }

    unsafe fn attached(&self, parent: *mut c_void, kind: FIDString) -> tresult {
        let has_run_loop = self.has_run_loop.load(Ordering::SeqCst);
        if parent.is_null() || kind.is_null() || self.open.is_open() || !has_run_loop {
            return kResultFalse;
        }
        let Some(plugin) = self.plugin.upgrade() else {
            return kResultFalse;
        };
        plugin.without_changes(|| {
            // SAFETY: as above.
            let result = unsafe { self.inner.attached(parent, kind) };
            if result == kResultOk {
                self.open.set_here();
            }
            result
        })
    }

    unsafe fn removed(&self) -> tresult {
        self.ask(|inner| {
            self.open.clear();
            // SAFETY: as above, on the thread that opened it.
            let remove = || unsafe { inner.removed() };
            match self.plugin.upgrade() {
                Some(plugin) => plugin.without_changes(remove),
                None => remove(),
            }
        })
    }

    unsafe fn onWheel(&self, distance: f32) -> tresult {
        // SAFETY: as above.
        self.ask(|inner| unsafe { inner.onWheel(distance) })
    }

    unsafe fn onKeyDown(&self, key: char16, code: int16, modifiers: int16) -> tresult {
        // SAFETY: as above.
        self.ask(|inner| unsafe { inner.onKeyDown(key, code, modifiers) })
    }

    unsafe fn onKeyUp(&self, key: char16, code: int16, modifiers: int16) -> tresult {
        // SAFETY: as above.
        self.ask(|inner| unsafe { inner.onKeyUp(key, code, modifiers) })
    }

    unsafe fn getSize(&self, size: *mut ViewRect) -> tresult {
        // SAFETY: as above; the framework looks for null.
        self.ask(|inner| unsafe { inner.getSize(size) })
    }

    unsafe fn onSize(&self, size: *mut ViewRect) -> tresult {
        // SAFETY: as above; the framework looks for null.
        self.ask(|inner| unsafe { inner.onSize(size) })
    }

    unsafe fn onFocus(&self, state: TBool) -> tresult {
        // SAFETY: as above.
        self.ask(|inner| unsafe { inner.onFocus(state) })
    }

    unsafe fn setFrame(&self, frame: *mut IPlugFrame) -> tresult {
        #[cfg(target_os = "linux")]
        {
            // SAFETY: null or the host's object.
            let run_loop =
                unsafe { ComRef::from_raw(frame) }.and_then(|frame| frame.cast::<IRunLoop>());
            self.has_run_loop
                .store(run_loop.is_some(), Ordering::SeqCst);
        }
        // SAFETY: as above.
        unsafe { self.inner.setFrame(frame) }
    }

    unsafe fn canResize(&self) -> tresult {
        // SAFETY: as above.
        unsafe { self.inner.canResize() }
    }

    unsafe fn checkSizeConstraint(&self, size: *mut ViewRect) -> tresult {
        // SAFETY: as above; the framework looks for null.
        self.ask(|inner| unsafe { inner.checkSizeConstraint(size) })
    }
}

impl IPlugViewContentScaleSupportTrait for View {
    unsafe fn setContentScaleFactor(&self, factor: ScaleFactor) -> tresult {
        match &self.scale {
            // SAFETY: as above.
            Some(scale) if self.open.lets_go() => unsafe { scale.setContentScaleFactor(factor) },
            _ => kResultFalse,
        }
    }
}
