//! Files dragged out of the window on X11, into a host's timeline or a folder.
//!
//! No pointer is grabbed: while a button is held the server sends the window all that the pointer does, wherever it
//! is. What speaks to other programs is a small window of its own, on a thread and a connection of its own, so that a
//! program that asks for the files is answered whatever the host does meanwhile.
//!
//! # Source
//! "Drag-and-Drop Protocol for the X Window System", versions 3 to 5.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

use x11rb::connection::Connection as _;
use x11rb::errors::ReplyOrIdError;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    Atom, AtomEnum, ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, PropMode,
    SELECTION_NOTIFY_EVENT, SelectionNotifyEvent, SelectionRequestEvent, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;
use x11rb::{CURRENT_TIME, NONE};

/// What is spoken; what speaks less is spoken to as it wants.
const VERSION: u32 = 5;
const LEAST_VERSION: u32 = 3;
/// How often the pointer and other programs are looked at.
const NAP: Duration = Duration::from_millis(8);
/// How long a program may take to fetch what was dropped on it.
const PATIENCE: Duration = Duration::from_secs(10);

x11rb::atom_manager! {
    /// The protocol's words.
    Atoms: AtomsCookie {
        XdndAware,
        XdndEnter,
        XdndPosition,
        XdndStatus,
        XdndLeave,
        XdndDrop,
        XdndFinished,
        XdndSelection,
        XdndActionCopy,
        TARGETS,
        TEXT_URI_LIST: b"text/uri-list",
    }
}

enum Word {
    Drop,
    Cancel,
}

/// Files that hang at the pointer. Forgotten without a drop, they go back to where they were.
pub struct DragSource(Sender<Word>);

impl DragSource {
    /// Begins to drag. The files must be there, by their whole paths.
    ///
    /// # Errors
    /// The display can't be reached, or there can be no thread.
    pub fn start(files: Vec<PathBuf>) -> std::io::Result<Self> {
        let (sender, receiver) = channel();
        std::thread::Builder::new()
            .name("unweave-drag".to_owned())
            .spawn(move || {
                // A display that is gone has nobody to drop anything on.
                let _ = Dragging::new(&files).and_then(|mut dragging| dragging.run(&receiver));
            })?;
        Ok(Self(sender))
    }

    /// Lets go of them, over whatever is there.
    pub fn release(self) {
        // It may have ended already.
        let _ = self.0.send(Word::Drop);
    }
}

impl Drop for DragSource {
    fn drop(&mut self) {
        let _ = self.0.send(Word::Cancel);
    }
}

struct Dragging {
    connection: RustConnection,
    atoms: Atoms,
    root: Window,
    source: Window,
    uris: Vec<u8>,
    target: Option<Target>,
}

/// A window that knows the protocol.
#[derive(Clone, Copy, PartialEq)]
struct Target {
    window: Window,
    version: u32,
    place: (i16, i16),
    is_willing: bool,
}

impl Dragging {
    fn new(files: &[PathBuf]) -> Result<Self, ReplyOrIdError> {
        let (connection, screen_idx) =
            RustConnection::connect(None).map_err(|_| ReplyOrIdError::IdsExhausted)?;
        let root = connection.setup().roots[screen_idx].root;
        let atoms = Atoms::new(&connection)?.reply()?;
        let source = connection.generate_id()?;
        let aux = CreateWindowAux::new().override_redirect(1);
        let class = WindowClass::INPUT_ONLY;
        connection.create_window(0, source, root, -1, -1, 1, 1, 0, class, 0, &aux)?;
        connection.set_selection_owner(source, atoms.XdndSelection, CURRENT_TIME)?;
        connection.flush()?;
        Ok(Self {
            connection,
            atoms,
            root,
            source,
            uris: uris(files),
            target: None,
        })
    }

    fn run(&mut self, words: &Receiver<Word>) -> Result<(), ReplyOrIdError> {
        loop {
            self.answer()?;
            self.follow()?;
            match words.try_recv() {
                Ok(Word::Drop) => break,
                Ok(Word::Cancel) | Err(TryRecvError::Disconnected) => return self.leave(),
                Err(TryRecvError::Empty) => std::thread::sleep(NAP),
            }
        }
        self.finish()
    }

    /// Tells the window under the pointer, and the one that was.
    fn follow(&mut self) -> Result<(), ReplyOrIdError> {
        let pointer = self.connection.query_pointer(self.root)?.reply()?;
        let place = (pointer.root_x, pointer.root_y);
        let found = self.under_pointer()?;
        if found.map(|(window, _)| window) != self.target.map(|target| target.window) {
            self.leave()?;
            self.target = found.map(|(window, version)| Target {
                window,
                version,
                // Somewhere else, so that it is told where.
                place: (i16::MIN, i16::MIN),
                is_willing: false,
            });
            if let Some(Target {
                window, version, ..
            }) = self.target
            {
                let kind = self.atoms.TEXT_URI_LIST;
                let words = [self.source, version << 24, kind, NONE, NONE];
                self.tell(window, self.atoms.XdndEnter, words)?;
            }
        }
        if let Some(target) = &mut self.target
            && target.place != place
        {
            target.place = place;
            let window = target.window;
            let [x, y] = [place.0, place.1].map(|side| u32::from(side.cast_unsigned()));
            let words = [
                self.source,
                0,
                x << 16 | y,
                CURRENT_TIME,
                self.atoms.XdndActionCopy,
            ];
            self.tell(window, self.atoms.XdndPosition, words)?;
        }
        Ok(())
    }

    /// The outermost window under the pointer that knows the protocol, with the version that both speak.
    fn under_pointer(&self) -> Result<Option<(Window, u32)>, ReplyOrIdError> {
        let mut window = self.root;
        loop {
            let pointer = self.connection.query_pointer(window)?.reply()?;
            if pointer.child == NONE {
                return Ok(None);
            }
            window = pointer.child;
            let asked = self.connection.get_property(
                false,
                window,
                self.atoms.XdndAware,
                AtomEnum::ANY,
                0,
                1,
            )?;
            // A window may go at any time.
            let answer = asked.reply().ok();
            let version = answer.and_then(|property| property.value32()?.next());
            if let Some(version) = version.filter(|version| *version >= LEAST_VERSION) {
                return Ok(Some((window, version.min(VERSION))));
            }
        }
    }

    fn leave(&mut self) -> Result<(), ReplyOrIdError> {
        if let Some(target) = self.target.take() {
            let words = [self.source, 0, 0, 0, 0];
            self.tell(target.window, self.atoms.XdndLeave, words)?;
        }
        Ok(())
    }

    /// Drops, and stays until the files have been fetched.
    fn finish(&mut self) -> Result<(), ReplyOrIdError> {
        let since = Instant::now();
        // Its answer to the last place may still be on the way.
        while self.target.is_some_and(|target| !target.is_willing)
            && since.elapsed() < PATIENCE / 20
        {
            std::thread::sleep(NAP);
            self.answer()?;
        }
        let Some(target) = self.target.filter(|target| target.is_willing) else {
            return self.leave();
        };
        let words = [self.source, 0, CURRENT_TIME, 0, 0];
        self.tell(target.window, self.atoms.XdndDrop, words)?;
        while self.target.is_some() && since.elapsed() < PATIENCE {
            self.answer()?;
            std::thread::sleep(NAP);
        }
        Ok(())
    }

    /// Takes up what other programs say, and hands over the files to who asks for them.
    fn answer(&mut self) -> Result<(), ReplyOrIdError> {
        while let Some(event) = self.connection.poll_for_event()? {
            match event {
                Event::ClientMessage(message) if message.type_ == self.atoms.XdndStatus => {
                    let words = message.data.as_data32();
                    if let Some(target) = &mut self.target
                        && target.window == words[0]
                    {
                        target.is_willing = words[1] & 1 == 1;
                    }
                }
                Event::ClientMessage(message) if message.type_ == self.atoms.XdndFinished => {
                    self.target = None;
                }
                Event::SelectionRequest(request) => self.hand_over(&request)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn hand_over(&self, request: &SelectionRequestEvent) -> Result<(), ReplyOrIdError> {
        let (window, kind) = (request.requestor, request.target);
        // Programs of old times leave the property to us.
        let mut property = match request.property {
            NONE => kind,
            property => property,
        };
        let mode = PropMode::REPLACE;
        if kind == self.atoms.TEXT_URI_LIST {
            self.connection
                .change_property8(mode, window, property, kind, &self.uris)?;
        } else if kind == self.atoms.TARGETS {
            let kinds = [self.atoms.TARGETS, self.atoms.TEXT_URI_LIST];
            self.connection
                .change_property32(mode, window, property, AtomEnum::ATOM, &kinds)?;
        } else {
            property = NONE;
        }
        let event = SelectionNotifyEvent {
            response_type: SELECTION_NOTIFY_EVENT,
            sequence: 0,
            time: request.time,
            requestor: window,
            selection: request.selection,
            target: kind,
            property,
        };
        self.connection
            .send_event(false, window, EventMask::NO_EVENT, event)?;
        self.connection.flush()?;
        Ok(())
    }

    fn tell(&self, window: Window, what: Atom, words: [u32; 5]) -> Result<(), ReplyOrIdError> {
        let event = ClientMessageEvent::new(32, window, what, words);
        self.connection
            .send_event(false, window, EventMask::NO_EVENT, event)?;
        self.connection.flush()?;
        Ok(())
    }
}

/// As RFC 2483 and 8089 want them: a line each, with all but plain letters as `%` and two digits.
fn uris(files: &[PathBuf]) -> Vec<u8> {
    let mut uris = String::new();
    for file in files {
        uris.push_str("file://");
        let path: &OsStr = file.as_os_str();
        for byte in path.as_bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~/".contains(byte) {
                uris.push(char::from(*byte));
            } else {
                uris.push_str(&format!("%{byte:02X}"));
            }
        }
        uris.push_str("\r\n");
    }
    uris.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_lines_that_every_program_can_read() {
        let files = ["/music/a b%.wav".into(), "/müsik/x.wav".into()];
        let text = String::from_utf8(uris(&files)).unwrap();
        assert_eq!(
            text,
            "file:///music/a%20b%25.wav\r\nfile:///m%C3%BCsik/x.wav\r\n"
        );
    }
}
