//! What a program that opens a window of its own does before all else.

/// Lets the system make ready what windows are shown on; nothing on others than Windows.
///
/// Under Wine, the first of a process to ask for it waits for libraries that are being loaded, and a library that asks for
/// it while it is loaded waits for the first: ONNX Runtime does, with the model. Such a program would never show its window.
/// A plug-in's host has asked long before.
#[cfg_attr(windows, expect(unsafe_code, reason = "the system's own interface"))]
pub fn make_ready() {
    #[cfg(windows)]
    {
        use windows::Win32::Graphics::Gdi::{GetDC, ReleaseDC};
        // SAFETY: the screen is always there, and what is borrowed is given back.
        unsafe { ReleaseDC(None, GetDC(None)) };
    }
}
