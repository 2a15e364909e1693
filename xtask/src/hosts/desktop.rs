//! A desktop for programs with windows: a display without a screen, a window manager, a sound system without a
//! sound card, and a hand on the mouse.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::shell;

/// Long enough for a machine with other things to do.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time for a program to end when it is asked to.
const LEAVING: Duration = Duration::from_secs(5);
/// Between two looks at something that takes time.
const GLANCE: Duration = Duration::from_millis(200);

/// A program that ends with this.
pub struct Running {
    child: Child,
    name: String,
}

impl Running {
    fn start(command: &mut Command) -> anyhow::Result<Self> {
        let name = shell::display(command);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start `{name}`"))?;
        Ok(Self { child, name })
    }

    /// An error if the program has ended.
    pub fn check(&mut self, after: &str) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("`{}` ended after {after}: {status}", self.name),
            None => Ok(()),
        }
    }

    /// Waits for the program to end by itself.
    pub fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(GLANCE);
        }
        bail!("`{}` doesn't end", self.name)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Asked first: a sound system that is killed leaves its name behind, and there is room for eight of them.
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").arg(pid).stderr(Stdio::null()).status();
        let since = Instant::now();
        while since.elapsed() < LEAVING && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(GLANCE);
        }
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A display without a screen, for as long as this lives.
pub struct Screen {
    /// As `DISPLAY` wants it.
    pub display: String,
    _server: Running,
}

impl Screen {
    /// Starts one, with a log in this folder.
    pub fn start(logs: &Path) -> anyhow::Result<Self> {
        Self::start_with("+extension", logs)
    }

    /// The same, without OpenGL.
    pub fn start_without_opengl(logs: &Path) -> anyhow::Result<Self> {
        Self::start_with("-extension", logs)
    }

    fn start_with(opengl: &str, logs: &Path) -> anyhow::Result<Self> {
        let mut server = Command::new("Xvfb");
        server
            .args(["-displayfd", "1", "-screen", "0", "1280x900x24"])
            .args([opengl, "GLX", "-noreset"])
            .stdout(Stdio::piped())
            .stderr(File::create(logs.join("xvfb.log"))?);
        let mut server = Running::start(&mut server)?;
        let output = server.child.stdout.take().context("it is piped")?;
        let mut number = String::new();
        BufReader::new(output).read_line(&mut number)?;
        if number.trim().is_empty() {
            bail!("Xvfb has ended: see {}", logs.display());
        }
        Ok(Self {
            display: format!(":{}", number.trim()),
            _server: server,
        })
    }
}

/// A display and a sound system of their own, for as long as this lives.
pub struct Desktop {
    server: String,
    path: OsString,
    /// What the sound system says.
    sound_logs: [PathBuf; 2],
    // In the order in which they end.
    _sound: Running,
    _manager: Running,
    screen: Screen,
}

/// A window, by the id that X gives it.
pub struct Window(String);

impl Desktop {
    /// What it takes, of which Debian's packages are named alike but for `jackd`.
    pub const PROGRAMS: [&str; 4] = ["Xvfb", "openbox", "xdotool", "jackd"];

    /// Starts one, with logs in this folder.
    pub fn start(logs: &Path) -> anyhow::Result<Self> {
        let log = |path: &Path| File::create(path).map(Stdio::from);
        let sound_logs = ["jackd.log", "jackd-errors.log"].map(|name| logs.join(name));
        let screen = Screen::start(logs)?;
        let manager = Running::start(
            Command::new("openbox")
                .env("DISPLAY", &screen.display)
                .stdout(Stdio::null())
                .stderr(log(&logs.join("openbox.log"))?),
        )?;
        // Always the same: what a former one may have left behind is taken over.
        let server = "unweave-hosts".to_owned();
        let sound = Running::start(
            Command::new("jackd")
                // On a machine with other things to do, a host may miss a block by seconds.
                .args(["--name", &server, "--no-realtime", "-t", "20000"])
                .args(["-d", "dummy"])
                .args(["-r", "48000", "-p", "1024"])
                .env("JACK_NO_AUDIO_RESERVATION", "1")
                .stdout(log(&sound_logs[0])?)
                .stderr(log(&sound_logs[1])?),
        )?;
        shell::run(
            Command::new("jack_wait")
                .args(["--server", &server, "--wait", "--timeout", "20"])
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        )?;
        Ok(Self {
            server,
            path: path_without_dialogs(logs)?,
            sound_logs,
            _sound: sound,
            _manager: manager,
            screen,
        })
    }

    /// Starts a program on it.
    pub fn run(&self, command: &mut Command) -> anyhow::Result<Running> {
        Running::start(
            command
                .env("DISPLAY", &self.screen.display)
                .env("PATH", &self.path)
                .env("JACK_DEFAULT_SERVER", &self.server)
                .env("JACK_NO_START_SERVER", "1"),
        )
    }

    /// The latest window whose title matches, if it can be seen.
    pub fn find(&self, title: &str) -> Option<Window> {
        let found = self
            .hand()
            .args(["search", "--onlyvisible", "--name", title])
            .stderr(Stdio::null())
            .output()
            .ok()?;
        let text = String::from_utf8(found.stdout).ok()?;
        text.lines().last().map(|id| Window(id.to_owned()))
    }

    /// Waits for a window whose title matches, of a program that must not end meanwhile.
    pub fn await_window(&self, program: &mut Running, title: &str) -> anyhow::Result<Window> {
        let window = self.await_soon(program, title)?;
        window.with_context(|| format!("no window `{title}`"))
    }

    /// The same; none if there is none before patience is over.
    pub fn await_soon(&self, program: &mut Running, title: &str) -> anyhow::Result<Option<Window>> {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            program.check(&format!("waiting for the window `{title}`"))?;
            if let Some(window) = self.find(title) {
                return Ok(Some(window));
            }
            std::thread::sleep(GLANCE);
        }
        Ok(None)
    }

    /// Waits until no window has such a title.
    pub fn await_gone(&self, title: &str) -> anyhow::Result<()> {
        let since = Instant::now();
        while self.find(title).is_some() {
            if since.elapsed() > PATIENCE {
                bail!("the window `{title}` doesn't close");
            }
            std::thread::sleep(GLANCE);
        }
        Ok(())
    }

    /// Width and height of a window.
    pub fn size(&self, window: &Window) -> anyhow::Result<(u32, u32)> {
        let found = self
            .hand()
            .args(["getwindowgeometry", "--shell", &window.0])
            .stderr(Stdio::null())
            .output()?;
        let text = String::from_utf8(found.stdout)?;
        let value = |name: &str| {
            let of_name = |line: &str| line.strip_prefix(name)?.parse().ok();
            text.lines().find_map(of_name)
        };
        value("WIDTH=")
            .zip(value("HEIGHT="))
            .context("it has no size")
    }

    /// Makes a window so large, if it lets itself.
    pub fn resize(&self, window: &Window, width: u32, height: u32) -> anyhow::Result<()> {
        self.hand_does(&format!("windowsize {} {width} {height}", window.0))
    }

    /// Lets a window be nothing but a name for a moment.
    pub fn minimise_and_restore(&self, window: &Window) -> anyhow::Result<()> {
        let id = &window.0;
        self.hand_does(&format!(
            "windowminimize {id} sleep 0.5 windowmap {id} windowactivate {id}"
        ))
    }

    /// Brings a window to the front.
    pub fn raise(&self, window: &Window) -> anyhow::Result<()> {
        self.hand_does(&format!("windowactivate --sync {}", window.0))
    }

    /// Does what these words of xdotool say.
    pub fn hand_does(&self, words: &str) -> anyhow::Result<()> {
        run(self.hand().args(words.split_whitespace()))
    }

    /// Moves to a place in a window and does what these words of xdotool say.
    pub fn point(&self, window: &Window, (x, y): (i32, i32), words: &str) -> anyhow::Result<()> {
        let (x, y) = (x.to_string(), y.to_string());
        let mut hand = self.hand();
        hand.args(["mousemove", "--window", &window.0, &x, &y]);
        run(hand.args(words.split_whitespace()))
    }

    /// Brings a window to the front and presses a key in it.
    pub fn press(&self, window: &Window, key: &str) -> anyhow::Result<()> {
        let mut hand = self.hand();
        hand.args(["windowactivate", "--sync", &window.0, "key", key]);
        run(&mut hand)
    }

    /// Plays for a while, saves, and leaves with this key; `is_saved` says whether there is a state of a plug-in in
    /// the session.
    pub fn play_save_and_leave(
        &self,
        host: &mut Running,
        main: &Window,
        leave: &str,
        is_saved: impl Fn() -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        self.press(main, "space")?;
        wait(2.0);
        host.check("playing")?;
        self.press(main, "space")?;
        self.press(main, "ctrl+s")?;
        let since = Instant::now();
        while !is_saved()? {
            if since.elapsed() > PATIENCE {
                bail!("the session isn't saved");
            }
            std::thread::sleep(GLANCE);
        }
        self.press(main, leave)?;
        let status = host.ended()?;
        if !status.success() {
            bail!("`{}` didn't end well: {status}", host.name);
        }
        Ok(())
    }

    /// Prints a host's log and the sound system's, and photographs the screen where ImageMagick is installed: for when
    /// something went wrong.
    pub fn show(&self, log: &Path) {
        let logs = self.sound_logs.iter().map(PathBuf::as_path);
        for log in std::iter::once(log).chain(logs) {
            eprintln!("{}:", log.display());
            eprintln!("{}", std::fs::read_to_string(log).unwrap_or_default());
        }
        let to = std::env::temp_dir().join("unweave-host.png");
        let import = Command::new("import")
            .args(["-display", &self.screen.display, "-window", "root"])
            .arg(&to)
            .stderr(Stdio::null())
            .status();
        if import.is_ok_and(|status| status.success()) {
            eprintln!("the screen: {}", to.display());
        }
    }

    fn hand(&self) -> Command {
        let mut hand = Command::new("xdotool");
        hand.env("DISPLAY", &self.screen.display);
        hand
    }
}

fn run(hand: &mut Command) -> anyhow::Result<()> {
    let text = shell::display(hand);
    let output = hand.output().context("cannot start xdotool")?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        bail!("`{text}` failed: {}: {}", output.status, why.trim());
    }
    Ok(())
}

/// A search path on which programs that open windows of their own do nothing: a click may start them.
fn path_without_dialogs(folder: &Path) -> anyhow::Result<OsString> {
    let folder = folder.join("no-dialogs");
    std::fs::create_dir_all(&folder)?;
    for program in ["zenity", "kdialog", "xdg-open"] {
        let path = folder.join(program);
        std::fs::write(&path, "#!/bin/sh\nexit 1\n")?;
        shell::run(Command::new("chmod").arg("+x").arg(&path))?;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    Ok(std::env::join_paths(
        std::iter::once(folder).chain(std::env::split_paths(&path)),
    )?)
}

/// Lets what was done take effect.
pub fn wait(seconds: f32) {
    std::thread::sleep(Duration::from_secs_f32(seconds));
}
