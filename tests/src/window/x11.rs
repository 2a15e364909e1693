//! X servers without a screen, and what is done on them.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use clack_extensions::gui::{GuiApiType, GuiSize, Window};
use x11rb::COPY_DEPTH_FROM_PARENT;
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, ImageFormat, WindowClass,
};
use x11rb::rust_connection::RustConnection;

use super::{are_installed, run_ignored};

/// How this system's windows are called.
pub const API: GuiApiType<'_> = GuiApiType::X11;

/// An X server without a screen, with software GL; it ends with this.
pub struct Display {
    server: Child,
    /// As `DISPLAY` wants it.
    pub name: String,
    /// What programs on it find in their environment.
    pub variables: Vec<(&'static str, String)>,
}

impl Display {
    /// Starts one; `None` if this machine lacks what it takes, which is said.
    pub fn start() -> Option<Self> {
        Self::start_with(&["+extension", "GLX"])
    }

    /// As [`Self::start`], without GL.
    pub fn start_without_opengl() -> Option<Self> {
        let mut display = Self::start_with(&["-extension", "GLX"])?;
        // Mesa would draw on any display by its other door.
        let variable = ("__EGL_VENDOR_LIBRARY_FILENAMES", "/nonexistent".to_owned());
        display.variables.push(variable);
        Some(display)
    }

    /// As [`Self::start`], with other extensions.
    fn start_with(extensions: &[&str]) -> Option<Self> {
        if !are_installed(&["Xvfb", "xdotool"]) {
            return None;
        }
        let mut server = Command::new("Xvfb")
            .args([
                "-displayfd",
                "1",
                "-screen",
                "0",
                "1280x900x24",
                // Else it starts afresh, and refuses clients, when its last one has closed its window.
                "-noreset",
            ])
            .args(extensions)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it is installed");
        let mut number = String::new();
        let output = server.stdout.take().expect("piped");
        BufReader::new(output)
            .read_line(&mut number)
            .expect("the server says its number");
        assert!(!number.trim().is_empty(), "the X server has ended");
        Some(Self {
            server,
            name: format!(":{}", number.trim()),
            variables: Vec::new(),
        })
    }

    /// Runs an ignored test of this program in a process on this display: its name must be in the
    /// environment before the first window is opened.
    ///
    /// # Panics
    /// The test fails, or there is no such test.
    pub fn run(&self, test: &str) {
        let variables = self.variables.iter();
        let variables = variables.map(|(name, value)| (*name, &value[..]));
        run_ignored(test, variables.chain([("DISPLAY", &self.name[..])]));
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Moves the pointer, presses buttons and keys: xdotool's words, on the display of this process.
pub fn xdotool(words: &str) {
    let status = Command::new("xdotool")
        .args(words.split_whitespace())
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "xdotool {words}"
    );
}

/// Red, green and blue of so many pixels, downwards from here, of the display of this process.
pub fn column((x, y): (i16, i16), height: u16) -> Vec<[u8; 3]> {
    let (connection, screen_idx) = x11rb::connect(None).expect("a display");
    let root = connection.setup().roots[screen_idx].root;
    let image = connection
        .get_image(ImageFormat::Z_PIXMAP, root, x, y, 1, height, u32::MAX)
        .expect("the server is there")
        .reply()
        .expect("the place is on the screen");
    // A screen of 24 bits has 4 bytes per pixel.
    let pixels = image.data.chunks_exact(4);
    pixels.map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect()
}

/// Asks all programs on the display of this process to close their windows, as a click on × does.
pub fn close_windows() {
    let (connection, screen_idx) = x11rb::connect(None).expect("a display");
    let root = connection.setup().roots[screen_idx].root;
    let atom = |name: &[u8]| {
        let asked = connection.intern_atom(false, name);
        asked
            .expect("the server is there")
            .reply()
            .expect("names are short")
            .atom
    };
    let tree = connection.query_tree(root).expect("the server is there");
    for window in tree.reply().expect("there is a root").children {
        let words = [atom(b"WM_DELETE_WINDOW"), x11rb::CURRENT_TIME, 0, 0, 0];
        let event = ClientMessageEvent::new(32, window, atom(b"WM_PROTOCOLS"), words);
        let sent = connection.send_event(false, window, EventMask::NO_EVENT, event);
        // A window may just have gone.
        let _ = sent.expect("the server is there").check();
    }
}

/// Nothing: without a window manager a window has no frame, and lies at the upper left corner of the display.
pub fn align_window() {}

/// A host's window, at the upper left corner of the display, for the plug-in's to lie in.
pub struct HostWindow {
    connection: RustConnection,
    id: u32,
}

impl HostWindow {
    /// Opens one.
    pub fn new(size: GuiSize) -> Self {
        let (connection, screen_idx) = x11rb::connect(None).expect("a display");
        let screen = &connection.setup().roots[screen_idx];
        let id = connection.generate_id().expect("ids are many");
        let side = |length: u32| u16::try_from(length).expect("fits a screen");
        connection
            .create_window(
                COPY_DEPTH_FROM_PARENT,
                id,
                screen.root,
                0,
                0,
                side(size.width),
                side(size.height),
                0,
                WindowClass::INPUT_OUTPUT,
                0,
                &CreateWindowAux::new()
                    .background_pixel(screen.black_pixel)
                    .event_mask(EventMask::KEY_PRESS),
            )
            .expect("the server is there")
            // Answered: the plug-in reaches the server on a connection of its own.
            .check()
            .expect("a window can be made");
        let mapped = connection.map_window(id).expect("the server is there");
        mapped.check().expect("a window can be shown");
        Self { connection, id }
    }

    /// Codes of the keys that were pressed for the host since the last time.
    pub fn keys(&self) -> Vec<u8> {
        let mut keys = Vec::new();
        while let Some(event) = self.connection.poll_for_event().expect("a display") {
            if let Event::KeyPress(event) = event {
                keys.push(event.detail);
            }
        }
        keys
    }

    /// Its id on the server.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// As plug-ins want it.
    pub fn handle(&self) -> Window<'static, 'static> {
        Window::from_x11_handle(self.id.into())
    }
}

impl Drop for HostWindow {
    fn drop(&mut self) {
        // The server may be gone.
        let _ = self.connection.destroy_window(self.id);
        let _ = self.connection.flush();
    }
}
