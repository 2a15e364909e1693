//! What is said without the window: on the terminal, and on Windows, where the program has none of its own, in a box.
#![cfg_attr(windows, allow(unsafe_code))]

/// Whom to tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Who asked for it.
    Answer,
    /// Whoever has to know.
    Problem,
}

/// Takes the terminal that the program was started in, if there is one. To be called before anything is said.
///
/// On Windows a program either opens a terminal wherever it is started, or has none until it asks for it.
pub fn find_terminal() {
    #[cfg(windows)]
    // SAFETY: takes a number.
    unsafe {
        use windows::Win32::System::Console::{ATTACH_PARENT_PROCESS, AttachConsole};
        // Without one there are files or pipes to write into, or nothing: see `say`.
        let _ = AttachConsole(ATTACH_PARENT_PROCESS);
    }
}

/// Says this where it is read.
pub fn say(kind: Kind, text: &str) {
    #[cfg(windows)]
    if !has_terminal(kind) {
        return show(kind, text);
    }
    match kind {
        Kind::Answer => println!("{}", text.trim_end()),
        Kind::Problem => eprintln!("{}", text.trim_end()),
    }
}

/// Whether anything takes what is written.
#[cfg(windows)]
fn has_terminal(kind: Kind) -> bool {
    use std::os::windows::io::AsRawHandle as _;
    let handle = match kind {
        Kind::Answer => std::io::stdout().as_raw_handle(),
        Kind::Problem => std::io::stderr().as_raw_handle(),
    };
    // Zero is none, and all ones would be a wrong one.
    !matches!(handle.addr(), 0 | usize::MAX)
}

/// Shows a box with it, until a person has closed that.
#[cfg(windows)]
fn show(kind: Kind, text: &str) {
    use windows::Win32::UI::WindowsAndMessaging::{
        MB_ICONERROR, MB_ICONINFORMATION, MB_OK, MessageBoxW,
    };
    use windows::core::{HSTRING, w};
    let icon = match kind {
        Kind::Answer => MB_ICONINFORMATION,
        Kind::Problem => MB_ICONERROR,
    };
    // SAFETY: both texts live until it returns.
    unsafe {
        MessageBoxW(None, &HSTRING::from(text), w!("Unweave"), MB_OK | icon);
    }
}
