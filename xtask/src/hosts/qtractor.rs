//! qtractor, as a person uses it: both plug-ins as CLAP on a track each, the window, its menus, saving, leaving.
//!
//! qtractor 0.9 gives a plug-in one output port, whatever it declares; and when it is asked to restart a plug-in it
//! closes its window within that call.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::desktop::{Desktop, Running, Window, wait};
use crate::shell;

/// Titles of windows.
const MAIN: &str = "hosts\\.qtr";
const MIXER: &str = "^Mixer";
/// In the mixer: where the plug-ins of the first and the second track are listed.
const PLUGINS: [(u32, u32); 2] = [(203, 47), (282, 47)];
/// In the plug-in's window of 960 × 600 pixels.
const MODELS: (u32, u32) = (168, 17);
const DEVICES: (u32, u32) = (310, 17);
const MUTE_DRUMS: (u32, u32) = (45, 240);
/// Rows of a menu below its button.
const ROWS: [u32; 2] = [29, 57];
/// Where nothing opens a dialog: all but the panel of takes.
const CLICKED_AT_RANDOM: (u32, u32) = (680, 590);

/// What the script needs beside [`Desktop::PROGRAMS`].
pub const PROGRAM: &str = "qtractor";

/// Runs the script with the plug-in that is installed for this home folder; clicks at random for so long in between.
pub fn run(root: &Path, home: &Path, scratch: &Path, clicking: Duration) -> anyhow::Result<()> {
    let desktop = Desktop::start(scratch)?;
    let session = scratch.join("hosts.qtr");
    fs::write(&session, session_text(&home.join(".clap/Unweave.clap")))?;
    let sequencer = scratch.join("silent_sequencer.so");
    shell::run(
        Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .arg(&sequencer)
            .arg(root.join("tests/hosts/silent_sequencer.c")),
    )?;
    let runtime = scratch.join("runtime");
    fs::create_dir_all(&runtime)?;
    let log = scratch.join("qtractor.log");
    let mut qtractor = Command::new(PROGRAM);
    qtractor
        .arg(&session)
        .current_dir(scratch)
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", &runtime)
        .env("CLAP_PATH", home.join(".clap"))
        .env("LD_PRELOAD", &sequencer)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log)?);
    for variable in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"] {
        qtractor.env_remove(variable);
    }
    let mut qtractor = desktop.run(&mut qtractor)?;
    let result = script(&desktop, &mut qtractor, &session, clicking);
    if result.is_err() {
        let photograph = std::env::temp_dir().join("unweave-qtractor.png");
        desktop.photograph(&photograph);
        eprintln!(
            "{}\nthe screen: {}",
            fs::read_to_string(&log).unwrap_or_default(),
            photograph.display()
        );
    }
    result
}

fn script(
    desktop: &Desktop,
    qtractor: &mut Running,
    session: &Path,
    clicking: Duration,
) -> anyhow::Result<()> {
    let main = desktop.await_window(qtractor, MAIN)?;
    wait(1.0);
    desktop.press(&main, "F9")?;
    let mixer = desktop.await_window(qtractor, MIXER)?;
    wait(1.0);
    for (track, place) in ["Song", "Stems"].into_iter().zip(PLUGINS) {
        let title = format!("^Unweave.* - {track}");
        let open = |qtractor: &mut Running| -> anyhow::Result<Window> {
            if let Some(window) = desktop.find(&title) {
                return Ok(window);
            }
            desktop.press(&mixer, "Shift")?;
            desktop.point(&mixer, place, "click --repeat 2 --delay 80 1")?;
            let window = desktop.await_window(qtractor, &title)?;
            wait(1.5);
            Ok(window)
        };
        for (menu, what) in [(DEVICES, "device"), (MODELS, "model")] {
            for row in ROWS {
                // The host may have closed it when it restarted the plug-in.
                let window = open(qtractor)?;
                desktop.point(&window, menu, "click 1")?;
                // The devices are looked up when the menu is first opened.
                wait(1.5);
                let (x, y) = menu;
                desktop.point(&window, (x - 20, y + row), "click 1")?;
                wait(1.0);
                qtractor.check(&format!("choosing a {what} on the track {track}"))?;
            }
        }
        let window = open(qtractor)?;
        click_at_random(desktop, qtractor, &window, clicking)?;
        let window = open(qtractor)?;
        desktop.point(&window, MUTE_DRUMS, "click 1")?;
        wait(0.5);
        desktop.press(&window, "alt+F4")?;
        wait(1.0);
        qtractor.check(&format!("closing the window on the track {track}"))?;
    }
    desktop.press(&main, "space")?;
    wait(2.0);
    qtractor.check("playing")?;
    desktop.press(&main, "space")?;
    desktop.press(&main, "ctrl+s")?;
    let since = Instant::now();
    // What this script has written has no state of a plug-in.
    while !fs::read_to_string(session)?.contains("<config ") {
        if since.elapsed() > Duration::from_secs(10) {
            bail!("the session isn't saved");
        }
        wait(0.2);
    }
    desktop.press(&main, "alt+F4")?;
    let status = qtractor.ended()?;
    if !status.success() {
        bail!("qtractor didn't end well: {status}");
    }
    Ok(())
}

fn click_at_random(
    desktop: &Desktop,
    qtractor: &mut Running,
    window: &Window,
    length: Duration,
) -> anyhow::Result<()> {
    let since = Instant::now();
    // Knuth's multiplier: the same clicks in each run.
    let mut state = 1u64;
    let mut any = |below: u32| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((state >> 33) % u64::from(below)).unwrap_or(0)
    };
    let (width, height) = CLICKED_AT_RANDOM;
    while since.elapsed() < length {
        let place = (any(width), any(height));
        // The window may have gone with a restart.
        if desktop.point(window, place, "click 1").is_err() {
            break;
        }
        wait(0.1);
        qtractor
            .check(&format!("a click at {place:?}"))
            .context("clicking at random")?;
    }
    Ok(())
}

/// A session with the input heard on two tracks, each with one of the plug-ins.
fn session_text(plugin: &Path) -> String {
    let track = |name: &str, idx: usize, label: &str| {
        format!(
            r#"  <track name="{name}" type="audio">
   <properties><input-bus>Master</input-bus><output-bus>Master</output-bus></properties>
   <state><monitor>1</monitor><gain>1</gain></state>
   <plugins>
    <plugin type="CLAP">
     <filename>{}</filename><index>{idx}</index><label>{label}</label><activated>1</activated>
    </plugin>
   </plugins>
  </track>
"#,
            plugin.display()
        )
    };
    format!(
        r#"<!DOCTYPE qtractor-session>
<session name="hosts" version="Qtractor 0.9.31">
 <properties><sample-rate>48000</sample-rate><tempo>120</tempo></properties>
 <devices>
  <audio-engine>
   <audio-bus name="Master" mode="duplex"><channels>2</channels><auto-connect>1</auto-connect></audio-bus>
  </audio-engine>
 </devices>
 <tracks>
{}{} </tracks>
</session>
"#,
        track("Song", 0, "Unweave"),
        track("Stems", 1, "Unweave Multi-Out")
    )
}
