//! Files dragged by another program, as file managers on X11 do: the source's side of XDND.
//!
//! # Source
//! "Drag-and-Drop Protocol for the X Window System", version 5.

use std::path::Path;
use std::time::{Duration, Instant};

use x11rb::COPY_DEPTH_FROM_PARENT;
use x11rb::connection::Connection as _;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, PropMode,
    SELECTION_NOTIFY_EVENT, SelectionNotifyEvent, SelectionRequestEvent, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// Long enough for a machine with other things to do.
const PATIENCE: Duration = Duration::from_secs(30);
const VERSION: u32 = 5;

/// A window of another program.
struct Client {
    connection: RustConnection,
    window: u32,
}

impl Client {
    /// Opens one at a place on the screen, of this width and height; it isn't shown.
    fn new((x, y): (i16, i16), (width, height): (u16, u16)) -> Self {
        let (connection, screen_idx) = x11rb::connect(None).expect("a display");
        let root = connection.setup().roots[screen_idx].root;
        let window = connection.generate_id().expect("ids are many");
        connection
            .create_window(
                COPY_DEPTH_FROM_PARENT,
                window,
                root,
                x,
                y,
                width,
                height,
                0,
                WindowClass::INPUT_OUTPUT,
                0,
                &CreateWindowAux::new(),
            )
            .expect("the server is there");
        Self { connection, window }
    }

    fn atom(&self, name: &str) -> Atom {
        let asked = self.connection.intern_atom(false, name.as_bytes());
        let answer = asked.expect("the server is there").reply();
        answer.expect("names are short").atom
    }

    fn tell(&self, window: u32, what: &str, words: [u32; 5]) {
        let event = ClientMessageEvent::new(32, window, self.atom(what), words);
        let sent = self
            .connection
            .send_event(false, window, EventMask::NO_EVENT, event);
        sent.expect("the server is there")
            .check()
            .expect("the window is open");
    }
}

/// Files that hang at the pointer, over the window that lies in a host's.
pub struct Drag {
    client: Client,
    target: u32,
    uris: String,
}

impl Drag {
    /// Moves these files to a place on the screen, over the first window in `host`; returns when that has said
    /// whether it would take them.
    ///
    /// # Panics
    /// It never says.
    pub fn over(host: u32, place: (u32, u32), files: &[&Path]) -> (Self, bool) {
        let client = Client::new((0, 0), (1, 1));
        let Client {
            connection,
            window: source,
        } = &client;
        let tree = connection.query_tree(host).expect("the server is there");
        let target = tree.reply().expect("the host's window is open").children[0];
        let lines = files
            .iter()
            .map(|path| format!("file://{}\r\n", path.display()));
        let selection = client.atom("XdndSelection");
        connection
            .set_selection_owner(*source, selection, x11rb::CURRENT_TIME)
            .expect("the server is there");
        let kind = client.atom("text/uri-list");
        let copy = client.atom("XdndActionCopy");
        let drag = Self {
            client,
            target,
            uris: lines.collect(),
        };
        drag.tell("XdndEnter", [VERSION << 24, kind, 0, 0]);
        let (x, y) = place;
        drag.tell("XdndPosition", [0, x << 16 | y, 0, copy]);
        let answer = drag.answer("XdndStatus");
        (drag, answer & 1 == 1)
    }

    /// Lets go; returns when the window has taken the files.
    ///
    /// # Panics
    /// It never says so.
    pub fn drop(self) {
        self.tell("XdndDrop", [0; 4]);
        self.answer("XdndFinished");
    }

    /// Goes away again.
    pub fn leave(self) {
        self.tell("XdndLeave", [0; 4]);
    }

    fn tell(&self, what: &str, [a, b, c, d]: [u32; 4]) {
        let words = [self.client.window, a, b, c, d];
        self.client.tell(self.target, what, words);
    }

    /// Waits for a message, and hands over the files meanwhile if it is asked to; gives the message's second word.
    fn answer(&self, what: &str) -> u32 {
        let (expected, started) = (self.client.atom(what), Instant::now());
        while started.elapsed() < PATIENCE {
            match self.client.connection.poll_for_event().expect("a display") {
                Some(Event::ClientMessage(message)) if message.type_ == expected => {
                    return message.data.as_data32()[1];
                }
                Some(Event::SelectionRequest(request)) => self.hand_over(request),
                Some(_) => {}
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        }
        panic!("{what}: never");
    }

    fn hand_over(&self, request: SelectionRequestEvent) {
        let (window, property, kind) = (request.requestor, request.property, request.target);
        self.client
            .connection
            .change_property8(
                PropMode::REPLACE,
                window,
                property,
                kind,
                self.uris.as_bytes(),
            )
            .expect("the server is there");
        let event = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: request.time,
            requestor: window,
            selection: request.selection,
            target: kind,
            property,
        };
        let sent = self
            .client
            .connection
            .send_event(false, window, EventMask::NO_EVENT, event);
        sent.expect("the server is there")
            .check()
            .expect("the window is open");
    }
}

/// A window of another program that takes files.
pub struct Target(Client);

impl Target {
    /// Opens one at a place on the screen, of this width and height.
    pub fn new(place: (i16, i16), size: (u16, u16)) -> Self {
        let client = Client::new(place, size);
        let aware = client.atom("XdndAware");
        let Client { connection, window } = &client;
        let mode = PropMode::REPLACE;
        connection
            .change_property32(mode, *window, aware, AtomEnum::ATOM, &[VERSION])
            .expect("the server is there");
        let mapped = connection.map_window(*window);
        mapped
            .expect("the server is there")
            .check()
            .expect("a window can be shown");
        Self(client)
    }

    /// Says that it takes what hovers, waits for the drop, and gives what was dropped.
    ///
    /// # Panics
    /// It never comes.
    pub fn receive(&self, mut on_hover: impl FnMut()) -> Vec<u8> {
        let [position, drop, selection, kind] =
            ["XdndPosition", "XdndDrop", "XdndSelection", "text/uri-list"]
                .map(|name| self.0.atom(name));
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            match self.0.connection.poll_for_event().expect("a display") {
                Some(Event::ClientMessage(message)) if message.type_ == position => {
                    let words = message.data.as_data32();
                    self.0
                        .tell(words[0], "XdndStatus", [self.0.window, 1, 0, 0, words[4]]);
                    on_hover();
                }
                Some(Event::ClientMessage(message)) if message.type_ == drop => {
                    self.0
                        .connection
                        .convert_selection(
                            self.0.window,
                            selection,
                            kind,
                            selection,
                            x11rb::CURRENT_TIME,
                        )
                        .expect("the server is there");
                    self.0.connection.flush().expect("the server is there");
                }
                Some(Event::SelectionNotify(event)) => {
                    let asked = self.0.connection.get_property(
                        true,
                        self.0.window,
                        event.property,
                        AtomEnum::ANY,
                        0,
                        10_000,
                    );
                    let answer = asked.expect("the server is there").reply();
                    let owner = self.0.connection.get_selection_owner(selection);
                    let owner = owner.expect("the server is there").reply();
                    let source = owner.expect("it has one").owner;
                    self.0
                        .tell(source, "XdndFinished", [self.0.window, 1, 0, 0, 0]);
                    return answer.expect("it is there").value;
                }
                Some(_) => {}
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        }
        panic!("nothing was dropped");
    }
}
