//! qtractor, as a person uses it: both plug-ins as CLAP on a track each, the window, its menus, saving, leaving.
//!
//! qtractor 0.9 gives a plug-in one output port, whatever it declares; and when it is asked to restart a plug-in it
//! closes its window within that call.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::desktop::{Desktop, Running, wait};
use super::monkey::Monkey;
use super::window::PlugInWindow;
use crate::shell;

/// Titles of windows.
const MAIN: &str = "hosts\\.qtr";
const MIXER: &str = "^Mixer";
/// In the mixer: where the plug-ins of the first and the second track are listed.
const PLUGINS: [(i32, i32); 2] = [(203, 47), (282, 47)];
/// What the script needs beside [`Desktop::PROGRAMS`].
pub const PROGRAM: &str = "qtractor";

/// Runs the script with the plug-in that is installed for this home folder; the monkey comes in between.
pub fn run(
    desktop: &Desktop,
    root: &Path,
    home: &Path,
    scratch: &Path,
    monkey: Monkey,
) -> anyhow::Result<()> {
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
    script(desktop, &mut qtractor, &session, monkey).inspect_err(|_| desktop.show(&log))
}

fn script(
    desktop: &Desktop,
    qtractor: &mut Running,
    session: &Path,
    monkey: Monkey,
) -> anyhow::Result<()> {
    let main = desktop.await_window(qtractor, MAIN)?;
    wait(1.0);
    desktop.press(&main, "F9")?;
    let mixer = desktop.await_window(qtractor, MIXER)?;
    wait(1.0);
    for (track, place) in ["Song", "Stems"].into_iter().zip(PLUGINS) {
        let window = PlugInWindow {
            desktop,
            main: &main,
            title: &format!("^Unweave.* - {track}"),
            bar: 0,
            open: &|| {
                desktop.press(&mixer, "Shift")?;
                desktop.point(&mixer, place, "click --repeat 2 --delay 80 1")
            },
            monkey,
        };
        window.use_it(qtractor)?;
    }
    let saved = || Ok(fs::read_to_string(session)?.contains("<config "));
    desktop.play_save_and_leave(qtractor, &main, "alt+F4", saved)
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
