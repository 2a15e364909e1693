//! Files dragged out of the window on macOS, into a host's timeline or a folder.
//!
//! The system drags; here it is told what, and the window afterwards that the button is up, which the system keeps to
//! itself.
//!
//! # Source
//! Apple, `NSDraggingSource` and `beginDraggingSessionWithItems:event:source:`.
#![allow(unsafe_code)]

use std::cell::{Cell, OnceCell};
use std::ffi::CString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use objc2::rc::Retained;
use objc2::runtime::{AnyObject, ClassBuilder, NSObject, ProtocolObject, Sel};
use objc2::{AnyThread as _, ClassType as _, MainThreadMarker, msg_send, sel};
use objc2_app_kit::{
    NSApplication, NSDragOperation, NSDraggingItem, NSDraggingSession, NSEvent,
    NSEventModifierFlags, NSEventType, NSWindow, NSWorkspace,
};
use objc2_foundation::{NSArray, NSPoint, NSRect, NSString, NSURL};

/// Files that hang at the pointer. Forgotten without a drop, they go back to where they were.
pub struct DragSource {
    /// What tells the system, until it needn't be told.
    is_cancelled: Option<Arc<AtomicBool>>,
}

/// What hangs at the pointer: there is one.
struct Current {
    is_cancelled: Arc<AtomicBool>,
    window: Retained<NSWindow>,
}

thread_local! {
    /// Of the main thread.
    static CURRENT: Cell<Option<Current>> = const { Cell::new(None) };
    /// Whom the system asks, or `None` if it can't be made.
    static SOURCE: OnceCell<Option<Retained<NSObject>>> = const { OnceCell::new() };
}

impl DragSource {
    /// Begins to drag, on the window's thread. The files must be there, by their whole paths.
    ///
    /// # Errors
    /// No window is under the pointer's button, or the system takes no source.
    pub fn start(files: Vec<PathBuf>) -> io::Result<Self> {
        let refused = || io::Error::other("nothing can be dragged from here");
        let main = MainThreadMarker::new().ok_or_else(refused)?;
        let app = NSApplication::sharedApplication(main);
        let event = app.currentEvent().ok_or_else(refused)?;
        let window = event.window(main).ok_or_else(refused)?;
        let view = window.contentView().ok_or_else(refused)?;
        let source = SOURCE
            .with(|source| source.get_or_init(new_source).clone())
            .ok_or_else(refused)?;
        let event = mouse_event(NSEventType::LeftMouseDragged, &window).ok_or_else(refused)?;
        let items: Vec<_> = files
            .iter()
            .map(|file| {
                let path = NSString::from_str(&file.to_string_lossy());
                let icon = NSWorkspace::sharedWorkspace().iconForFile(&path);
                let url = NSURL::fileURLWithPath_isDirectory(&path, false);
                let url = ProtocolObject::from_ref(&*url);
                let item = NSDraggingItem::initWithPasteboardWriter(NSDraggingItem::alloc(), url);
                let size = icon.size();
                let at = window.mouseLocationOutsideOfEventStream();
                let corner = NSPoint::new(at.x - size.width / 2.0, at.y - size.height / 2.0);
                // SAFETY: an image is one of what may be shown.
                unsafe {
                    item.setDraggingFrame_contents(NSRect::new(corner, size), Some(&icon));
                }
                item
            })
            .collect();
        let items = NSArray::from_retained_slice(&items);
        let is_cancelled = Arc::new(AtomicBool::new(false));
        CURRENT.set(Some(Current {
            is_cancelled: Arc::clone(&is_cancelled),
            window,
        }));
        // SAFETY: the method has these arguments, and the source answers what its protocol demands.
        let _session: Retained<NSDraggingSession> = unsafe {
            msg_send![&view, beginDraggingSessionWithItems: &*items, event: &*event, source: &*source]
        };
        Ok(Self {
            is_cancelled: Some(is_cancelled),
        })
    }

    /// Lets go of them, over whatever is there: the system has seen the button go up.
    pub fn release(mut self) {
        self.is_cancelled = None;
    }
}

impl Drop for DragSource {
    fn drop(&mut self) {
        if let Some(is_cancelled) = &self.is_cancelled {
            is_cancelled.store(true, Ordering::Relaxed);
        }
    }
}

/// A class of its own for each copy of this library that a host has loaded: names are the whole process'.
fn new_source() -> Option<Retained<NSObject>> {
    static PLACE: u8 = 0;
    let name = CString::new(format!("UnweaveDragSource{:p}", &raw const PLACE)).ok()?;
    let mut class = ClassBuilder::new(&name, NSObject::class())?;
    // SAFETY: the types are those of the protocol.
    let object = unsafe {
        class.add_method(
            sel!(draggingSession:sourceOperationMaskForDraggingContext:),
            offered as extern "C-unwind" fn(_, _, _, _) -> _,
        );
        class.add_method(
            sel!(draggingSession:endedAtPoint:operation:),
            ended as extern "C-unwind" fn(_, _, _, _, _),
        );
        msg_send![class.register(), new]
    };
    Some(object)
}

/// What may be done with the files.
extern "C-unwind" fn offered(
    _: &AnyObject,
    _: Sel,
    _session: &NSDraggingSession,
    _context: isize,
) -> NSDragOperation {
    let current = CURRENT.take();
    let is_cancelled = current
        .as_ref()
        .is_none_or(|current| current.is_cancelled.load(Ordering::Relaxed));
    CURRENT.set(current);
    match is_cancelled {
        true => NSDragOperation::None,
        false => NSDragOperation::Copy,
    }
}

extern "C-unwind" fn ended(
    _: &AnyObject,
    _: Sel,
    _session: &NSDraggingSession,
    _at: NSPoint,
    _operation: NSDragOperation,
) {
    let (Some(current), Some(main)) = (CURRENT.take(), MainThreadMarker::new()) else {
        return;
    };
    if let Some(event) = mouse_event(NSEventType::LeftMouseUp, &current.window) {
        NSApplication::sharedApplication(main).postEvent_atStart(&event, false);
    }
}

/// Something that the left button does, where the pointer is.
fn mouse_event(kind: NSEventType, window: &NSWindow) -> Option<Retained<NSEvent>> {
    let at = window.mouseLocationOutsideOfEventStream();
    let none = NSEventModifierFlags::empty();
    let number = window.windowNumber();
    NSEvent::mouseEventWithType_location_modifierFlags_timestamp_windowNumber_context_eventNumber_clickCount_pressure(
        kind, at, none, 0.0, number, None, 0, 1, 1.0,
    )
}
