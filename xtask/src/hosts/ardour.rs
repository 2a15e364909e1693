//! Ardour, as a person uses it: both plug-ins as VST3 on a track each.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;

use super::desktop::{Desktop, Running, wait};
use super::monkey::Monkey;
use super::window::PlugInWindow;
use crate::shell;

/// What the script needs beside [`Desktop::PROGRAMS`]; Debian's package is `ardour`.
pub const PROGRAM: &str = "ardour7-lua";

/// Where Debian has the programs that Ardour itself starts.
const LIBRARIES: &str = "/usr/lib/ardour7";
const CONFIGURATION: &str = "/etc/ardour7";
const DATA: &str = "/usr/share/ardour7";

/// Tracks, the class ids of the plug-ins on them, and where the tracks' names are in the main window: the first before
/// the strip of the chosen track is shown beside them, the others after.
const TRACKS: [(&str, &str, (i32, i32)); 2] = [
    ("Song", "556E776561766553746572656F2D3031", (59, 344)),
    ("Stems", "556E77656176654D756C74694F2D3031", (169, 412)),
];
/// The plug-in in that strip.
const PLUGIN: (i32, i32) = (59, 190);
/// Height of Ardour's own bar above the plug-in's window.
const BAR: u32 = 34;

/// Runs the script with the plug-in that is installed for this home folder; the monkey comes in between.
pub fn run(desktop: &Desktop, home: &Path, scratch: &Path, monkey: Monkey) -> anyhow::Result<()> {
    let runtime = scratch.join("runtime");
    fs::create_dir_all(&runtime)?;
    let prepare = |command: &mut Command| {
        command
            .current_dir(scratch)
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", &runtime)
            .env("LD_LIBRARY_PATH", LIBRARIES)
            .env("ARDOUR_DLL_PATH", LIBRARIES)
            .env("ARDOUR_CONFIG_PATH", CONFIGURATION)
            .env("ARDOUR_DATA_PATH", DATA)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        for variable in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"] {
            command.env_remove(variable);
        }
    };
    // As after the first start: nothing is asked.
    let settings = home.join(".config/ardour7");
    fs::create_dir_all(&settings)?;
    fs::write(settings.join(".a7"), "")?;
    fs::write(settings.join("config"), SETTINGS)?;
    let mut scan = Command::new(format!("{LIBRARIES}/ardour-vst3-scanner"));
    prepare(scan.arg("-f").arg(home.join(".vst3/Unweave.vst3")));
    shell::run(&mut scan)?;
    let session = scratch.join("hosts");
    let script = scratch.join("session.lua");
    fs::write(&script, session_script(&session))?;
    let mut make = Command::new(PROGRAM);
    prepare(make.arg(&script));
    shell::run(&mut make)?;
    let file = session.join("hosts.ardour");
    fs::write(&file, with_plugins(&fs::read_to_string(&file)?)?)?;

    let log = scratch.join("ardour.log");
    let mut ardour = Command::new("ardour");
    prepare(ardour.arg("--no-splash").arg(&session));
    ardour.env_remove("LD_LIBRARY_PATH");
    ardour.stderr(fs::File::create(&log)?);
    let mut ardour = desktop.run(&mut ardour)?;
    use_it(desktop, &mut ardour, &file, monkey).inspect_err(|_| desktop.show(&log))
}

fn use_it(
    desktop: &Desktop,
    ardour: &mut Running,
    file: &Path,
    monkey: Monkey,
) -> anyhow::Result<()> {
    let main = desktop.await_window(ardour, "hosts - Ardour")?;
    wait(5.0);
    for (idx, (track, _, place)) in TRACKS.into_iter().enumerate() {
        desktop.press(&main, "Escape")?;
        desktop.point(&main, place, "click 1")?;
        if idx == 0 {
            desktop.press(&main, "shift+e")?;
        }
        wait(2.0);
        let window = PlugInWindow {
            desktop,
            main: &main,
            title: &format!("^{track}: Unweave"),
            bar: BAR,
            open: &|| {
                desktop.press(&main, "Shift")?;
                desktop.point(&main, PLUGIN, "click --repeat 2 --delay 80 1")
            },
            monkey,
        };
        window.use_it(ardour)?;
    }
    let saved = || Ok(fs::read_to_string(file)?.matches("<chunk").count() == TRACKS.len());
    desktop.play_save_and_leave(ardour, &main, "ctrl+q", saved)
}

/// Nothing is looked for or asked at the start, and the sound system is JACK.
const SETTINGS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Ardour>
  <Config>
    <Option name="try-autostart-engine" value="1"/>
    <Option name="discover-plugins-on-start" value="0"/>
  </Config>
  <Extra>
    <AudioMIDISetup>
      <EngineStates>
        <State backend="JACK" driver="" device="" input-device="" output-device="" sample-rate="48000"
          buffer-size="1024" n-periods="2" input-latency="0" output-latency="0" active="1" use-buffered-io="0"
          midi-option="" lru="1"/>
      </EngineStates>
    </AudioMIDISetup>
  </Extra>
</Ardour>
"#;

/// Makes a session with a stereo track for each plug-in.
fn session_script(folder: &Path) -> String {
    let tracks: String = TRACKS
        .iter()
        .map(|(track, ..)| {
            format!(
                "s:new_audio_track(2, 2, nil, 1, \"{track}\", ARDOUR.PresentationInfo.max_order, \
                 ARDOUR.TrackMode.Normal, true)\n"
            )
        })
        .collect();
    format!(
        "local b = AudioEngine:set_backend(\"None (Dummy)\", \"Unit-Test\", \"\")\n\
         b:set_device_name(\"Silence\")\n\
         AudioEngine:start(false)\n\
         local s = create_session(\"{}\", \"hosts\", 48000)\n\
         assert(s)\n\
         {tracks}\
         s:save_state(\"\")\n\
         close_session()\n\
         quit()\n",
        folder.display()
    )
}

/// Ardour's scripts know no plug-ins, so they are written into the session.
fn with_plugins(session: &str) -> anyhow::Result<String> {
    let mut session = session.to_owned();
    for (idx, (track, id, _)) in TRACKS.into_iter().enumerate() {
        let route = session
            .find(&format!("name=\"{track}\" default-type=\"audio\""))
            .context("the session has a track")?;
        let polarity = session[route..]
            .find("name=\"Polarity\"")
            .context("the track has a polarity")?;
        let place = session[..route + polarity]
            .rfind("<Processor ")
            .context("it is a processor")?;
        session.insert_str(
            place,
            &format!(
                "<Processor id=\"{}\" name=\"Unweave\" active=\"1\" user-latency=\"0\" use-user-latency=\"0\" \
                 type=\"vst3\" unique-id=\"{id}\" count=\"1\" custom=\"0\"/>\n      ",
                90_000 + idx
            ),
        );
    }
    Ok(session)
}
