//! The screen of a Windows, and what is done on it.

use std::cell::RefCell;
use std::ffi::c_void;
use std::mem::size_of;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use clack_extensions::gui::{GuiApiType, GuiSize, Window};
use windows::Win32::Foundation::{CloseHandle, HWND, LPARAM, LRESULT, POINT, RECT, WPARAM};
use windows::Win32::Graphics::Gdi::{ClientToScreen, GetDC, GetPixel, ReleaseDC};
use windows::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, TH32CS_SNAPTHREAD, THREADENTRY32, Thread32First, Thread32Next,
};
use windows::Win32::System::Threading::{GetCurrentProcess, GetProcessHandleCount};
use windows::Win32::UI::Input::KeyboardAndMouse::{
    INPUT, INPUT_0, INPUT_KEYBOARD, INPUT_MOUSE, KEYBD_EVENT_FLAGS, KEYBDINPUT, KEYEVENTF_KEYUP,
    MOUSE_EVENT_FLAGS, MOUSEEVENTF_LEFTDOWN, MOUSEEVENTF_LEFTUP, MOUSEINPUT, SendInput,
    VIRTUAL_KEY, VK_CONTROL, VK_F5, VK_RETURN, VK_SHIFT, VK_SPACE, VkKeyScanW,
};
use windows::Win32::UI::WindowsAndMessaging::{
    CreateWindowExW, DefWindowProcW, DestroyWindow, DispatchMessageW, EnumWindows, GetWindowRect,
    GetWindowThreadProcessId, IsWindowVisible, MSG, PM_REMOVE, PeekMessageW, PostMessageW,
    RegisterClassW, SW_SHOW, SWP_NOSIZE, SWP_NOZORDER, SetCursorPos, SetForegroundWindow,
    SetWindowPos, ShowWindow, TranslateMessage, WINDOW_EX_STYLE, WM_CLOSE, WM_KEYDOWN, WNDCLASSW,
    WS_CLIPCHILDREN, WS_POPUP,
};
use windows::core::{BOOL, PCWSTR, w};

use super::{PATIENCE, run_ignored};

/// How this system's windows are called.
pub const API: GuiApiType<'_> = GuiApiType::WIN32;
/// As long as xdotool's.
const KEY_DELAY: Duration = Duration::from_millis(12);
const CLASS: PCWSTR = w!("unweave test host");

thread_local! {
    /// Codes of the keys that were pressed for the host.
    static KEYS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Held by the test whose windows are on the screen.
static SCREEN: Mutex<()> = Mutex::new(());

/// The screen, for one test at a time.
pub struct Display {
    /// What programs on it find in their environment.
    pub variables: Vec<(&'static str, String)>,
    _turn: MutexGuard<'static, ()>,
}

impl Display {
    /// The one that there is.
    pub fn start() -> Option<Self> {
        Some(Self {
            variables: Vec::new(),
            // A test that has failed leaves nothing on it.
            _turn: SCREEN.lock().unwrap_or_else(PoisonError::into_inner),
        })
    }

    /// Runs an ignored test of this program in a process of its own.
    ///
    /// # Panics
    /// The test fails, or there is no such test.
    pub fn run(&self, test: &str) {
        let variables = self.variables.iter();
        run_ignored(test, variables.map(|(name, value)| (*name, &value[..])));
    }
}

/// Moves the pointer, presses buttons and keys, in xdotool's words.
///
/// # Panics
/// It has no such word.
pub fn xdotool(words: &str) {
    let mut words = words.split_whitespace();
    let number =
        |word: Option<&str>| -> i32 { word.and_then(|word| word.parse().ok()).expect("a number") };
    while let Some(word) = words.next() {
        match word {
            "mousemove" => {
                let (x, y) = (number(words.next()), number(words.next()));
                // SAFETY: any place will do.
                unsafe { SetCursorPos(x, y) }.expect("there is a pointer");
            }
            "click" | "mousedown" | "mouseup" => {
                assert_eq!(words.next(), Some("1"), "the left button");
                if word != "mouseup" {
                    mouse(MOUSEEVENTF_LEFTDOWN);
                }
                if word != "mousedown" {
                    mouse(MOUSEEVENTF_LEFTUP);
                }
            }
            "--delay" => {
                words.next();
            }
            "key" | "type" => {}
            text if text.len() == 1
                || ["space", "F5", "Return"].contains(&text)
                || text.contains('+') =>
            {
                press(text);
            }
            text => text.encode_utf16().for_each(character),
        }
    }
}

fn send(input: INPUT) {
    // SAFETY: one whole input.
    let num_sent = unsafe { SendInput(&[input], size_of::<INPUT>() as i32) };
    assert_eq!(num_sent, 1, "the system takes it");
}

fn mouse(flags: MOUSE_EVENT_FLAGS) {
    let mi = MOUSEINPUT {
        dwFlags: flags,
        ..MOUSEINPUT::default()
    };
    send(INPUT {
        r#type: INPUT_MOUSE,
        Anonymous: INPUT_0 { mi },
    });
}

fn keyboard(key: VIRTUAL_KEY, scan: u16, flags: KEYBD_EVENT_FLAGS) {
    let ki = KEYBDINPUT {
        wVk: key,
        wScan: scan,
        dwFlags: flags,
        ..KEYBDINPUT::default()
    };
    send(INPUT {
        r#type: INPUT_KEYBOARD,
        Anonymous: INPUT_0 { ki },
    });
}

/// Types what the keyboard has a key for.
fn character(unit: u16) {
    // SAFETY: any unit will do.
    let [key, state] = unsafe { VkKeyScanW(unit) }.to_le_bytes();
    assert!(state <= 1, "a key, with Shift or without");
    let key = VIRTUAL_KEY(key.into());
    let shift = (state == 1).then_some(VK_SHIFT);
    for key in shift.into_iter().chain([key]) {
        keyboard(key, 0, KEYBD_EVENT_FLAGS(0));
    }
    for key in [key].into_iter().chain(shift) {
        keyboard(key, 0, KEYEVENTF_KEYUP);
    }
    std::thread::sleep(KEY_DELAY);
}

fn press(text: &str) {
    let keys: Vec<VIRTUAL_KEY> = text
        .split('+')
        .map(|name| match name {
            "shift" => VK_SHIFT,
            "ctrl" => VK_CONTROL,
            "space" => VK_SPACE,
            "Return" => VK_RETURN,
            "F5" => VK_F5,
            letter => VIRTUAL_KEY(letter.as_bytes()[0].to_ascii_uppercase().into()),
        })
        .collect();
    for key in &keys {
        keyboard(*key, 0, KEYBD_EVENT_FLAGS(0));
        std::thread::sleep(KEY_DELAY);
    }
    for key in keys.iter().rev() {
        keyboard(*key, 0, KEYEVENTF_KEYUP);
    }
}

/// Red, green and blue of so many pixels, downwards from here, of the screen.
pub fn column((x, y): (i16, i16), height: u16) -> Vec<[u8; 3]> {
    // SAFETY: the screen is always there, and what is borrowed is given back.
    unsafe {
        let screen = GetDC(None);
        let pixels = (0..i32::from(height))
            .map(|row| {
                let [red, green, blue, _] = GetPixel(screen, x.into(), i32::from(y) + row)
                    .0
                    .to_le_bytes();
                [red, green, blue]
            })
            .collect();
        ReleaseDC(None, screen);
        pixels
    }
}

/// The windows of this process that can be seen.
fn own_windows() -> Vec<HWND> {
    unsafe extern "system" fn list(window: HWND, own: LPARAM) -> BOOL {
        let mut process = 0;
        // SAFETY: it is the list below; if the window has gone by now, its process is 0.
        unsafe {
            GetWindowThreadProcessId(window, Some(&raw mut process));
            if process == std::process::id() && IsWindowVisible(window).as_bool() {
                (*(own.0 as *mut Vec<HWND>)).push(window);
            }
        }
        true.into()
    }
    let mut own = Vec::new();
    // SAFETY: the function is called before this returns, with the list that outlives it.
    unsafe { EnumWindows(Some(list), LPARAM(&raw mut own as isize)) }.expect("there are windows");
    own
}

/// Asks this program to close its windows, as a click on × does.
pub fn close_windows() {
    for window in own_windows() {
        // SAFETY: if the window has gone by now, nothing happens.
        let _ = unsafe { PostMessageW(Some(window), WM_CLOSE, WPARAM(0), LPARAM(0)) };
    }
}

/// Waits for this program's first window, and moves what is inside its frame to the upper left corner of the screen.
///
/// # Panics
/// There is none.
pub fn align_window() {
    let start = Instant::now();
    let window = loop {
        if let Some(window) = own_windows().first() {
            break *window;
        }
        assert!(start.elapsed() < PATIENCE, "there is no window");
        std::thread::sleep(Duration::from_millis(50));
    };
    let (mut frame, mut inside) = (RECT::default(), POINT::default());
    // SAFETY: the window is there, and what is written outlives the calls.
    unsafe {
        GetWindowRect(window, &raw mut frame).expect("it has a place");
        assert!(ClientToScreen(window, &raw mut inside).as_bool());
        let (x, y) = (frame.left - inside.x, frame.top - inside.y);
        SetWindowPos(window, None, x, y, 0, 0, SWP_NOSIZE | SWP_NOZORDER).expect("it moves");
        // It may be in front already.
        let _ = SetForegroundWindow(window);
    }
}

/// Does what the system has for the windows of this thread, as a host's main loop.
pub fn pump() {
    let mut message = MSG::default();
    // SAFETY: the message outlives the calls.
    unsafe {
        while PeekMessageW(&raw mut message, None, 0, 0, PM_REMOVE).as_bool() {
            let _ = TranslateMessage(&raw const message);
            DispatchMessageW(&raw const message);
        }
    }
}

/// Threads and open handles of this process.
pub fn threads_and_files() -> [usize; 2] {
    let mut num_handles = 0;
    let mut thread = THREADENTRY32 {
        dwSize: size_of::<THREADENTRY32>() as u32,
        ..THREADENTRY32::default()
    };
    let mut num_threads = 0;
    // SAFETY: this process is there, and what is written outlives the calls.
    unsafe {
        GetProcessHandleCount(GetCurrentProcess(), &raw mut num_handles).expect("it is ours");
        let all = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0).expect("there are threads");
        let mut next = Thread32First(all, &raw mut thread);
        while next.is_ok() {
            num_threads += usize::from(thread.th32OwnerProcessID == std::process::id());
            next = Thread32Next(all, &raw mut thread);
        }
        let _ = CloseHandle(all);
    }
    [num_threads, num_handles as usize]
}

/// A host's window, at the upper left corner of the screen, for the plug-in's to lie in.
pub struct HostWindow(HWND);

impl HostWindow {
    /// Opens one.
    pub fn new(size: GuiSize) -> Self {
        Self::at((0, 0), size)
    }

    /// Opens one with its upper left corner there.
    pub fn at((x, y): (i32, i32), size: GuiSize) -> Self {
        let class = WNDCLASSW {
            lpfnWndProc: Some(host),
            lpszClassName: CLASS,
            ..WNDCLASSW::default()
        };
        let side = |length: u32| i32::try_from(length).expect("fits a screen");
        // SAFETY: names and class outlive the calls; a class that is there already stays.
        unsafe {
            RegisterClassW(&raw const class);
            let window = CreateWindowExW(
                WINDOW_EX_STYLE(0),
                CLASS,
                w!("host"),
                WS_POPUP | WS_CLIPCHILDREN,
                x,
                y,
                side(size.width),
                side(size.height),
                None,
                None,
                None,
                None,
            );
            let window = window.expect("a window can be made");
            let _ = ShowWindow(window, SW_SHOW);
            let _ = SetForegroundWindow(window);
            Self(window)
        }
    }

    /// Codes of the keys that were pressed for the host since the last time.
    pub fn keys(&self) -> Vec<u8> {
        pump();
        KEYS.take()
    }

    /// As plug-ins want it.
    pub fn handle(&self) -> Window<'static, '_> {
        let handle: *mut c_void = self.0.0;
        // SAFETY: the window outlives what lies in it.
        unsafe { Window::from_win32_hwnd(handle) }
    }
}

impl Drop for HostWindow {
    fn drop(&mut self) {
        // SAFETY: it was made on this thread. It may be gone.
        let _ = unsafe { DestroyWindow(self.0) };
    }
}

unsafe extern "system" fn host(window: HWND, message: u32, w: WPARAM, l: LPARAM) -> LRESULT {
    if message == WM_KEYDOWN {
        KEYS.with_borrow_mut(|keys| keys.extend(u8::try_from(w.0)));
    }
    // SAFETY: the system's own arguments.
    unsafe { DefWindowProcW(window, message, w, l) }
}
