//! In a JACK session, between other programs: the song comes out of the ports exactly, what goes into them too, and the
//! server's end is said.
#![cfg(all(feature = "cards", target_os = "linux"))]
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may unwrap as tests may"
)]

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jack::{AudioIn, AudioOut, Client, ClientOptions, Control};
use rtrb::{Consumer, Producer, RingBuffer};
use unweave_plugin::render::SongFile;
use unweave_plugin::{Bell, Unweave};
use unweave_standalone::machine::Machine;
use unweave_standalone::song::{Transport, Wish, song};
use unweave_standalone::sound::{self, Choice, Look, Sound};
use unweave_tests::doubles::Capturing;
use unweave_tests::signal::write_song;

/// Long enough for a machine with other things to do.
const PATIENCE: Duration = Duration::from_secs(30);
const RATE: u32 = 48_000;
const SONG_FRAMES: usize = 40_000;
const RECORDED_SECONDS: usize = 20;

/// A server without a sound card; it ends with this.
struct Server(Child);

impl Server {
    fn start(name: &str) -> Option<Self> {
        let server = Command::new("jackd")
            // It waits for its clients: on a busy machine they are late.
            .args(["--name", name, "--no-realtime", "--sync", "-t", "20000"])
            .args(["-d", "dummy", "-r", "48000", "-p", "1024"])
            .env("JACK_NO_AUDIO_RESERVATION", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(server) = server else {
            eprintln!("NOT TESTED: jackd is not installed; README names the packages");
            return None;
        };
        let server = Self(server);
        let waited = Command::new("jack_wait")
            .args(["--server", name, "--wait", "--timeout", "20"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(waited.is_ok_and(|status| status.success()), "jackd starts");
        Some(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself. Asked kindly, it takes its files in shared memory with it.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

#[test]
fn the_song_comes_out_of_the_ports_exactly_and_the_servers_end_is_said() {
    let name = format!("unweave-test-{}", std::process::id());
    let Some(server) = Server::start(&name) else {
        return;
    };
    // Which server is meant is in the environment, and must be there before the first client.
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args(["--exact", "session", "--ignored", "--nocapture"])
        .env("JACK_DEFAULT_SERVER", &name)
        .env("UNWEAVE_TEST_SERVER", server.0.id().to_string());
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}\n{errors}"
    );
}

fn until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what}: never");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Each sample says which frame it is.
fn number(frame: usize) -> f32 {
    (frame + 1) as f32 / 65_536.0
}

/// Another program: hears the left output, and plays one value on `tone`.
fn other(mut heard: Producer<f32>) -> (jack::AsyncClient<(), impl jack::ProcessHandler>, String) {
    let (client, _) = Client::new("Other", ClientOptions::NO_START_SERVER).unwrap();
    let ear = client.register_port("ear", AudioIn::default()).unwrap();
    let mut tone = client.register_port("tone", AudioOut::default()).unwrap();
    let name = client.name().to_owned();
    let process =
        jack::contrib::ClosureProcessHandler::new(move |_: &Client, scope: &jack::ProcessScope| {
            for sample in ear.as_slice(scope) {
                let _ = heard.push(*sample);
            }
            tone.as_mut_slice(scope).fill(0.25);
            Control::Continue
        });
    (client.activate_async((), process).unwrap(), name)
}

fn take(heard: &mut Consumer<f32>) -> Vec<f32> {
    std::iter::from_fn(|| heard.pop().ok()).collect()
}

#[test]
#[ignore = "run by the test above, with a server of its own"]
fn session() {
    let (transport, side) = song();
    let transport = Arc::new(transport);
    let takes_card = Arc::<AtomicBool>::default();
    let machine = Machine::new(
        Box::new(Unweave::<Capturing>::default()),
        (Arc::clone(&transport), side),
        Arc::clone(&takes_card),
    );
    let choice = Choice {
        system: Some("JACK".to_owned()),
        ..Choice::default()
    };
    let sound = Sound::start(machine, sound::systems(), choice.clone(), Bell::default()).unwrap();
    let look_until = |what: &str, is_so: &dyn Fn(&Look) -> bool| {
        until(what, || Some(sound.look()).filter(is_so))
    };
    let look = look_until("it is used", &|look| look.in_use.is_some());
    let in_use = look.in_use.unwrap();
    assert_eq!((in_use.sample_rate, in_use.block_frames), (RATE, 1024));
    assert_eq!((in_use.output.as_str(), look.trouble), ("system", None));

    let (to_test, mut heard) = RingBuffer::new(RECORDED_SECONDS * RATE as usize);
    let (other, other_name) = other(to_test);
    let client = other.as_client();
    let is_connected = |port: &str, to: &str| {
        let port = client.port_by_name(port).unwrap();
        port.is_connected_to(to).unwrap()
    };
    assert!(is_connected("Unweave:out_2", "system:playback_2"));
    client
        .connect_ports_by_name("Unweave:out_1", &format!("{other_name}:ear"))
        .unwrap();
    plays_exactly(&transport, &mut heard);

    takes_card.store(true, Ordering::Relaxed);
    sound.choose(Choice {
        input: Some(other_name.clone()),
        ..choice
    });
    until("the tone goes through", || {
        // The ports are new.
        let _ = client.connect_ports_by_name("Unweave:out_1", &format!("{other_name}:ear"));
        take(&mut heard).contains(&0.25).then_some(())
    });
    assert!(is_connected("Unweave:in_1", &format!("{other_name}:tone")));

    let server = std::env::var("UNWEAVE_TEST_SERVER").unwrap();
    let killed = Command::new("kill").arg(server).status().unwrap();
    assert!(killed.success());
    let look = look_until("the server's end is said", &|look| look.trouble.is_some());
    let trouble = look.trouble.unwrap();
    assert!(
        trouble.starts_with("“system” has gone: the JACK server has ended."),
        "{trouble}"
    );
    // The other's client has no server to say good-bye to.
    std::mem::forget(other);
}

/// From the first frame to the last, with no other in between; once more where the server has left out a block, since
/// the machine had other things to do.
fn plays_exactly(transport: &Transport, heard: &mut Consumer<f32>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("song.wav");
    let numbers: Vec<f32> = (0..SONG_FRAMES).map(number).collect();
    write_song(&path, RATE, &[numbers.clone(), numbers.clone()]);
    let start = Instant::now();
    loop {
        transport.play(Wish {
            key: 1,
            song: SongFile::File(path.clone()),
            frame: 0,
        });
        let mut all = Vec::new();
        let mut silent = 0;
        until("it has been heard to its end", || {
            let new = take(heard);
            let is_heard = new.iter().any(|sample| *sample != 0.0);
            silent = if is_heard { 0 } else { silent + new.len() };
            all.extend(new);
            // More than the latency.
            let is_over = transport.playing().is_none() && silent > RATE as usize;
            is_over.then_some(())
        });
        let first = all.iter().position(|sample| *sample != 0.0).unwrap();
        let differs = (0..SONG_FRAMES).find(|frame| all.get(first + frame) != numbers.get(*frame));
        let Some(frame) = differs else { return };
        assert!(start.elapsed() < PATIENCE, "frame {frame} differs");
    }
}
