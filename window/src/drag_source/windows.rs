//! Files dragged out of the window on Windows, into a host's timeline or a folder.
//!
//! The system's own loop runs until the button is let go; here it has a thread of its own, so that nothing runs within
//! the window's frame, and the host is not held up. That thread shares the input of the window's, or else it would
//! see no pointer.
//!
//! # Source
//! Microsoft, "Transferring Shell Objects with Drag-and-Drop and the Clipboard", and `DROPFILES`.
#![allow(unsafe_code)]

use std::io;
use std::mem::ManuallyDrop;
use std::os::windows::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use windows::Win32::Foundation::{
    DRAGDROP_S_CANCEL, DRAGDROP_S_DROP, DRAGDROP_S_USEDEFAULTCURSORS, DV_E_FORMATETC, E_NOTIMPL,
    HWND, LPARAM, OLE_E_ADVISENOTSUPPORTED, S_OK, WPARAM,
};
use windows::Win32::System::Com::{
    DATADIR_GET, DVASPECT_CONTENT, FORMATETC, IAdviseSink, IDataObject, IDataObject_Impl,
    IEnumFORMATETC, IEnumSTATDATA, STGMEDIUM, STGMEDIUM_0, TYMED_HGLOBAL,
};
use windows::Win32::System::Memory::{GMEM_FIXED, GlobalAlloc};
use windows::Win32::System::Ole::{
    CF_HDROP, DROPEFFECT, DROPEFFECT_COPY, DoDragDrop, IDropSource, IDropSource_Impl,
    OleInitialize, OleUninitialize,
};
use windows::Win32::System::SystemServices::{MK_LBUTTON, MODIFIERKEYS_FLAGS};
use windows::Win32::System::Threading::{AttachThreadInput, GetCurrentThreadId};
use windows::Win32::UI::Input::KeyboardAndMouse::{GetCapture, ReleaseCapture};
use windows::Win32::UI::Shell::{DROPFILES, SHCreateStdEnumFmtEtc};
use windows::Win32::UI::WindowsAndMessaging::{PostMessageW, WM_LBUTTONUP};
use windows::core::{BOOL, Error, HRESULT, Ref, Result, implement};

/// Files that hang at the pointer. Forgotten without a drop, they go back to where they were.
pub struct DragSource {
    /// What tells the system, until it needn't be told.
    is_cancelled: Option<Arc<AtomicBool>>,
}

impl DragSource {
    /// Begins to drag, on the window's thread. The files must be there, by their whole paths.
    ///
    /// # Errors
    /// There can be no thread.
    pub fn start(files: Vec<PathBuf>) -> io::Result<Self> {
        let is_cancelled = Arc::new(AtomicBool::new(false));
        // SAFETY: both take nothing and are for the thread that calls. The system's loop wants the pointer for itself,
        // and the window, which would take it away again when it loses it, must have lost it before.
        let (window, thread) = unsafe { (GetCapture(), GetCurrentThreadId()) };
        // SAFETY: as above; without a capture there is nothing to release.
        let _ = unsafe { ReleaseCapture() };
        let dragging = Dragging {
            is_cancelled: Arc::clone(&is_cancelled),
            window: window.0 as isize,
            thread,
        };
        std::thread::Builder::new()
            .name("unweave-drag".to_owned())
            .spawn(move || dragging.run(files))?;
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

/// What the thread needs to know.
struct Dragging {
    is_cancelled: Arc<AtomicBool>,
    /// The window that files are dragged out of, a number because handles stay on their threads.
    window: isize,
    thread: u32,
}

impl Dragging {
    fn run(self, files: Vec<PathBuf>) {
        let data: IDataObject = Files(files).into();
        let source: IDropSource = Source(self.is_cancelled).into();
        let mut effect = DROPEFFECT::default();
        // SAFETY: everything is called on this thread, which is the library's own and ends after it. What is lent
        // outlives the call.
        unsafe {
            if OleInitialize(None).is_ok() {
                let here = GetCurrentThreadId();
                let is_attached = AttachThreadInput(here, self.thread, true).as_bool();
                // Where it ended is told to the window below, whatever came of it.
                let _ = DoDragDrop(&data, &source, DROPEFFECT_COPY, &raw mut effect);
                if is_attached {
                    let _ = AttachThreadInput(here, self.thread, false);
                }
                drop((data, source));
                OleUninitialize();
            }
            // The system's loop has swallowed it. The window may be gone by now, and then nobody is told.
            let window = HWND(self.window as *mut _);
            let _ = PostMessageW(Some(window), WM_LBUTTONUP, WPARAM(0), LPARAM(0));
        }
    }
}

/// Says when it ends.
#[implement(IDropSource)]
struct Source(Arc<AtomicBool>);

impl IDropSource_Impl for Source_Impl {
    fn QueryContinueDrag(&self, is_escape_pressed: BOOL, keys: MODIFIERKEYS_FLAGS) -> HRESULT {
        if is_escape_pressed.as_bool() || self.0.load(Ordering::Relaxed) {
            DRAGDROP_S_CANCEL
        } else if keys.contains(MK_LBUTTON) {
            S_OK
        } else {
            DRAGDROP_S_DROP
        }
    }

    fn GiveFeedback(&self, _effect: DROPEFFECT) -> HRESULT {
        DRAGDROP_S_USEDEFAULTCURSORS
    }
}

/// Offers files in the one way that all programs know.
#[implement(IDataObject)]
struct Files(Vec<PathBuf>);

/// A list of files, in memory.
const FORMAT: FORMATETC = FORMATETC {
    cfFormat: CF_HDROP.0,
    ptd: std::ptr::null_mut(),
    dwAspect: DVASPECT_CONTENT.0,
    lindex: -1,
    tymed: TYMED_HGLOBAL.0.cast_unsigned(),
};

/// Whether a program asks for what there is.
///
/// # Safety
/// The pointer is null, or the format is there.
unsafe fn is_offered(format: *const FORMATETC) -> bool {
    // SAFETY: by this function's contract.
    let Some(format) = (unsafe { format.as_ref() }) else {
        return false;
    };
    format.cfFormat == FORMAT.cfFormat
        && format.dwAspect == FORMAT.dwAspect
        && format.tymed & FORMAT.tymed != 0
}

/// `DROPFILES`, then each path with a zero after it, then a zero.
fn list(files: &[PathBuf]) -> (DROPFILES, Vec<u16>) {
    let mut names = Vec::new();
    for file in files {
        names.extend(file.as_os_str().encode_wide());
        names.push(0);
    }
    names.push(0);
    let header = DROPFILES {
        pFiles: size_of::<DROPFILES>() as u32,
        fWide: true.into(),
        ..DROPFILES::default()
    };
    (header, names)
}

impl IDataObject_Impl for Files_Impl {
    fn GetData(&self, format: *const FORMATETC) -> Result<STGMEDIUM> {
        // SAFETY: a program passes what it has.
        if !unsafe { is_offered(format) } {
            return Err(DV_E_FORMATETC.into());
        }
        let (header, names) = list(&self.0);
        let size = size_of::<DROPFILES>() + size_of_val(&names[..]);
        // SAFETY: fixed memory is its own address, and as long as was asked for; who gets it frees it.
        let memory = unsafe {
            let memory = GlobalAlloc(GMEM_FIXED, size)?;
            memory.0.cast::<DROPFILES>().write_unaligned(header);
            let to = memory.0.cast::<u8>().add(size_of::<DROPFILES>());
            let from = names.as_ptr().cast::<u8>();
            to.copy_from_nonoverlapping(from, size_of_val(&names[..]));
            memory
        };
        Ok(STGMEDIUM {
            tymed: FORMAT.tymed,
            u: STGMEDIUM_0 { hGlobal: memory },
            pUnkForRelease: ManuallyDrop::new(None),
        })
    }

    fn GetDataHere(&self, _: *const FORMATETC, _: *mut STGMEDIUM) -> Result<()> {
        Err(DV_E_FORMATETC.into())
    }

    fn QueryGetData(&self, format: *const FORMATETC) -> HRESULT {
        // SAFETY: a program passes what it has.
        match unsafe { is_offered(format) } {
            true => S_OK,
            false => DV_E_FORMATETC,
        }
    }

    fn GetCanonicalFormatEtc(&self, _: *const FORMATETC, to: *mut FORMATETC) -> HRESULT {
        // SAFETY: null, or room for a format; the one field must be set in any case.
        if let Some(to) = unsafe { to.as_mut() } {
            to.ptd = std::ptr::null_mut();
        }
        E_NOTIMPL
    }

    fn SetData(&self, _: *const FORMATETC, _: *const STGMEDIUM, _: BOOL) -> Result<()> {
        Err(E_NOTIMPL.into())
    }

    fn EnumFormatEtc(&self, direction: u32) -> Result<IEnumFORMATETC> {
        if direction != DATADIR_GET.0.cast_unsigned() {
            return Err(E_NOTIMPL.into());
        }
        // SAFETY: it copies the formats.
        unsafe { SHCreateStdEnumFmtEtc(&[FORMAT]) }
    }

    fn DAdvise(&self, _: *const FORMATETC, _: u32, _: Ref<'_, IAdviseSink>) -> Result<u32> {
        Err(OLE_E_ADVISENOTSUPPORTED.into())
    }

    fn DUnadvise(&self, _: u32) -> Result<()> {
        Err(OLE_E_ADVISENOTSUPPORTED.into())
    }

    fn EnumDAdvise(&self) -> Result<IEnumSTATDATA> {
        Err(Error::from_hresult(OLE_E_ADVISENOTSUPPORTED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_ends_with_an_empty_name() {
        let (header, names) = list(&["C:\\a b.wav".into(), "D:\\ö.wav".into()]);
        assert_eq!({ header.pFiles }, 20, "as shellapi.h has it");
        let text = String::from_utf16(&names).unwrap();
        assert_eq!(text, "C:\\a b.wav\0D:\\ö.wav\0\0");
    }
}
