//! The plug-in's window in a real one, moved by a real pointer and keyboard.

use std::process::Command;
use std::time::{Duration, Instant};

use clack_extensions::gui::{GuiConfiguration, GuiSize, PluginGui};

#[cfg_attr(windows, path = "window/win32.rs")]
#[cfg_attr(not(windows), path = "window/x11.rs")]
mod screen;

pub use screen::{API, Display, HostWindow, align_window, close_windows, column, xdotool};
#[cfg(windows)]
pub use screen::{pump, threads_and_files};

use crate::session::Session;

/// Long enough for a machine with other things to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs an ignored test of this program in a process of its own, with these variables in its environment.
fn run_ignored<'a>(test: &str, variables: impl Iterator<Item = (&'a str, &'a str)>) {
    let output = Command::new(std::env::current_exe().expect("a test has a program"))
        .args(["--exact", test, "--ignored", "--nocapture"])
        .envs(variables)
        .output()
        .expect("the program can be started again");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{}\n{text}\n{errors}",
        output.status
    );
}

/// Whether this machine has these programs; what it lacks is said.
pub fn are_installed(programs: &[&str]) -> bool {
    programs.iter().all(|program| {
        let found = Command::new("sh")
            .args(["-c", &format!("command -v {program}")])
            .output();
        let is_installed = found.is_ok_and(|output| output.status.success());
        if !is_installed {
            eprintln!("NOT TESTED: {program} is not installed; README names the packages");
        }
        is_installed
    })
}

/// Clicks there until this holds; again if the window wasn't ready yet.
///
/// # Panics
/// It never does.
pub fn click_until<T, N: std::fmt::Display>(
    what: &str,
    (x, y): (N, N),
    mut found: impl FnMut() -> Option<T>,
) -> T {
    let start = Instant::now();
    let mut next_click = start;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what}: never");
        if Instant::now() >= next_click {
            xdotool(&format!("mousemove {x} {y} click 1"));
            next_click = Instant::now() + Duration::from_secs(5);
        }
        #[cfg(windows)]
        pump();
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Session {
    /// Opens the plug-in's window in one of the host's.
    pub fn open_window(&mut self) -> HostWindow {
        self.open_window_slowly(Duration::ZERO)
    }

    /// As [`Session::open_window`], by a host that takes so long until it shows what it has made.
    pub fn open_window_slowly(&mut self, pause: Duration) -> HostWindow {
        let handle = self.instance.plugin_handle();
        let gui: PluginGui = handle.get_extension().expect("it has a window");
        let configuration = GuiConfiguration {
            api_type: API,
            is_floating: false,
        };
        gui.create(&handle, configuration)
            .expect("this system is supported");
        let size = gui.get_size(&handle).expect("it knows its size");
        let parent = HostWindow::new(size);
        // SAFETY: the parent is destroyed after `close_window`, or with the process.
        unsafe { gui.set_parent(&handle, parent.handle()) }.expect("it can lie in a window");
        std::thread::sleep(pause);
        gui.show(&handle).expect("it can be seen");
        parent
    }

    /// The window's size in pixels.
    pub fn window_size(&mut self) -> (u32, u32) {
        let handle = self.instance.plugin_handle();
        let gui: PluginGui = handle.get_extension().expect("it has a window");
        let size = gui.get_size(&handle).expect("it knows its size");
        (size.width, size.height)
    }

    /// Resizes the window, as a host does when its own is resized.
    pub fn resize_window(&mut self, width: u32, height: u32) {
        let handle = self.instance.plugin_handle();
        let gui: PluginGui = handle.get_extension().expect("it has a window");
        gui.set_size(&handle, GuiSize { width, height })
            .expect("it can be resized");
    }

    /// Closes the window that [`Session::open_window`] opened.
    pub fn close_window(&mut self, parent: HostWindow) {
        let handle = self.instance.plugin_handle();
        let gui: PluginGui = handle.get_extension().expect("it has a window");
        gui.destroy(&handle);
        drop(parent);
    }
}
