//! A screen reader at the window: what it finds by name, what it reads, and what it does.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may unwrap as tests may"
)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use unweave_tests::doubles::{self, Halves};
use unweave_tests::session::Session;
use unweave_tests::window::{Display, are_installed};
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Type, Value};
use zbus::{Connection, connection};

/// Long enough for a machine with other things to do.
const PATIENCE: Duration = Duration::from_secs(60);
const RATE: u32 = 44_100;
const BLOCK: usize = 512;

/// A session's D-Bus of its own; it ends with this, and AT-SPI's bus and registry with it.
struct Bus {
    daemon: Child,
    address: String,
}

impl Bus {
    /// None if this machine lacks what it takes, which is said.
    fn start() -> Option<Self> {
        const LAUNCHER: &str = "/usr/libexec/at-spi-bus-launcher";
        if !are_installed(&["dbus-daemon", LAUNCHER]) {
            return None;
        }
        let mut daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut address = String::new();
        let output = daemon.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut address).unwrap();
        let address = address.trim().to_owned();
        Some(Self { daemon, address })
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// Something that can be read: who has it, and what it is called there.
type Node = (String, OwnedObjectPath);

/// What a screen reader knows.
struct Reader {
    session: Connection,
    bus: Connection,
}

impl Reader {
    fn new() -> Self {
        block_on(async {
            let session = Connection::session().await.unwrap();
            let answer = session
                .call_method(
                    Some("org.a11y.Bus"),
                    "/org/a11y/bus",
                    Some("org.a11y.Bus"),
                    "GetAddress",
                    &(),
                )
                .await
                .unwrap();
            let address: String = answer.body().deserialize().unwrap();
            let bus = connection::Builder::address(address.as_str()).unwrap();
            let bus = bus.build().await.unwrap();
            Self { session, bus }
        })
    }

    /// Says that somebody reads, or no longer.
    fn set_reading(&self, is_reading: bool) {
        let words = ("org.a11y.Status", "IsEnabled", Value::from(is_reading));
        let said = self.session.call_method(
            Some("org.a11y.Bus"),
            "/org/a11y/bus",
            Some("org.freedesktop.DBus.Properties"),
            "Set",
            &words,
        );
        block_on(said).unwrap();
    }

    async fn call(
        &self,
        (owner, path): &Node,
        (interface, method): (&str, &str),
        words: &(impl serde::Serialize + Type),
    ) -> zbus::Result<zbus::Message> {
        let call = self
            .bus
            .call_method(Some(owner.as_str()), path, Some(interface), method, words);
        call.await
    }

    fn children(&self, node: &Node) -> Vec<Node> {
        let accessible = ("org.a11y.atspi.Accessible", "GetChildren");
        // What was there a moment ago may have gone.
        let answer = block_on(self.call(node, accessible, &()));
        let children = answer.and_then(|answer| answer.body().deserialize());
        children.unwrap_or_default()
    }

    fn property<T: TryFrom<OwnedValue>>(
        &self,
        node: &Node,
        interface: &str,
        name: &str,
    ) -> Option<T> {
        let interface = format!("org.a11y.atspi.{interface}");
        let get = ("org.freedesktop.DBus.Properties", "Get");
        let answer = block_on(self.call(node, get, &(interface, name))).ok()?;
        let value: OwnedValue = answer.body().deserialize().ok()?;
        value.try_into().ok()
    }

    fn name(&self, node: &Node) -> String {
        self.property(node, "Accessible", "Name")
            .unwrap_or_default()
    }

    /// The programs with windows that can be read.
    fn programs(&self) -> Vec<Node> {
        let path = "/org/a11y/atspi/accessible/root".try_into().unwrap();
        self.children(&("org.a11y.atspi.Registry".to_owned(), path))
    }

    /// The first of this name, in any program.
    fn find(&self, name: &str) -> Option<Node> {
        let mut nodes = self.programs();
        while let Some(node) = nodes.pop() {
            if self.name(&node) == name {
                return Some(node);
            }
            nodes.extend(self.children(&node));
        }
        None
    }

    fn press(&self, node: &Node) {
        let press = ("org.a11y.atspi.Action", "DoAction");
        let answer = block_on(self.call(node, press, &0)).unwrap();
        assert!(answer.body().deserialize::<bool>().unwrap());
    }

    fn set_value(&self, node: &Node, value: f64) {
        let set = ("org.freedesktop.DBus.Properties", "Set");
        let words = ("org.a11y.atspi.Value", "CurrentValue", Value::from(value));
        block_on(self.call(node, set, &words)).unwrap();
    }

    /// Upper left corner on the screen, and size.
    fn extent(&self, node: &Node) -> (i32, i32, i32, i32) {
        const ON_SCREEN: u32 = 0;
        let extents = ("org.a11y.atspi.Component", "GetExtents");
        let answer = block_on(self.call(node, extents, &ON_SCREEN)).unwrap();
        answer.body().deserialize().unwrap()
    }
}

#[test]
fn a_screen_reader_finds_faders_and_switches_by_name_reads_them_and_moves_them() {
    if let (Some(mut display), Some(bus)) = (Display::start(), Bus::start()) {
        display.variables = vec![("DBUS_SESSION_BUS_ADDRESS", bus.address.clone())];
        display.run("reading");
    }
}

/// Plays silence until this gives something.
fn until<T>(
    session: &mut Session,
    what: &str,
    mut look: impl FnMut(&mut Session) -> Option<T>,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look(session) {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "{what}: never");
        let mix = [0.0; BLOCK];
        session.render([&mix, &mix], &[BLOCK], &[]);
        session.idle();
        std::thread::sleep(Duration::from_millis(11));
    }
}

#[test]
#[ignore = "run by the test above, on a display and a bus of its own"]
fn reading() {
    let mut session = Session::new(&doubles::entry(), Halves::ID);
    session.activate(RATE, BLOCK);
    let reader = Reader::new();
    // Some systems say so from the start.
    reader.set_reading(false);
    let window = session.open_window();
    let mut num_blocks = 0;
    until(&mut session, "a while", |_| {
        num_blocks += 1;
        (num_blocks > 100).then_some(())
    });
    assert_eq!(reader.programs(), [], "nobody has asked");

    reader.set_reading(true);
    let find = |session: &mut Session, name: &str| until(session, name, |_| reader.find(name));
    let fader = find(&mut session, "Drums gain");
    let mute = find(&mut session, "Drums mute");
    let in_db = |name| reader.property::<f64>(&fader, "Value", name).unwrap();
    let extent = ["MinimumValue", "CurrentValue", "MaximumValue"].map(in_db);
    assert_eq!(extent, [-100.0, 0.0, 12.0]);
    // The host's window is at the screen's upper left corner.
    let (x, y, width, height) = reader.extent(&mute);
    let (x, y) = (x + width / 2, y + height / 2);
    assert_eq!((x, y), (45, 240));

    reader.press(&mute);
    until(&mut session, "muted", |session| {
        (session.value("drums_mute") == 1.0).then_some(())
    });
    let unity = session.value("drums_gain");
    reader.set_value(&fader, -6.0);
    until(&mut session, "turned down", |session| {
        (session.value("drums_gain") < unity).then_some(())
    });
    until(&mut session, "read anew", |_| {
        let value: f64 = reader.property(&fader, "Value", "CurrentValue")?;
        ((value + 6.0).abs() < 0.05).then_some(())
    });

    session.close_window(window);
    until(&mut session, "the window is gone for readers", |_| {
        reader.find("Drums gain").is_none().then_some(())
    });
    let window = session.open_window();
    find(&mut session, "Drums gain");
    reader.set_reading(false);
    until(&mut session, "nobody is told any more", |_| {
        reader.find("Drums gain").is_none().then_some(())
    });
    session.close_window(window);
}
