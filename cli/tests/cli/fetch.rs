//! `unweave models fetch`, from servers that stall, break off, lie and send something else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::common::{Said, command, interrupt, names};
use crate::server::{Server, reply, serve};

/// How long a server stays silent when it stalls: longer than any client here waits.
const FOREVER: Duration = Duration::from_secs(3_600);

/// A model that is small enough to be sent a thousand times: stem 0 is the square of the mix.
fn graph() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read(path.join("../separation/tests/fixtures/square.onnx")).unwrap()
}

/// A folder of models, and a catalogue with one in it.
struct Place {
    dir: tempfile::TempDir,
    content: Vec<u8>,
}

impl Place {
    fn new(urls: &[String]) -> Self {
        Self::with_licence(urls, "commercial = \"allowed\"")
    }

    fn with_licence(urls: &[String], terms: &str) -> Self {
        let place = Self {
            dir: tempfile::tempdir().unwrap(),
            content: graph(),
        };
        let sum = Sha256::digest(&place.content);
        let sha256: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        let catalogue = format!(
            "[[model]]\nid = \"tiny\"\nname = \"Tiny\"\nversion = \"1\"\nabout = \"A test.\"\n\
             licence = \"MIT\"\n{terms}\nsource = \"here\"\n\
             [[model.file]]\npath = \"square.onnx\"\nsize = {}\nsha256 = \"{sha256}\"\nurls = {urls:?}\n\
             [model.manifest]\nkind = \"waveform\"\nsample_rate = 44100\nchannels = 2\n\
             stems = [\"loud\", \"rest\"]\nresidual = \"rest\"\n\
             segment = {{ frames = 64, overlap_frames = 16, normalise = false }}\n\
             tensors = {{ input = {{ name = \"wave\", shape = [1, 2, 64] }}, output = {{ name = \"parts\", \
             shape = [1, 2, 2, 64] }} }}\n\
             [[model]]\nid = \"elsewhere\"\nname = \"Elsewhere\"\nversion = \"1\"\nabout = \"A checkpoint.\"\n\
             licence = \"MIT\"\ncommercial = \"allowed\"\nsource = \"here\"\nconvert = \"a-family\"\n\
             checkpoint = [{{ url = \"https://example.org/x.pth\", sha256 = \"0123abcd\" }}]\n\
             manifest = {{ stems = [\"a\", \"b\"] }}\n\
             [[model]]\nid = \"composed\"\nname = \"Composed\"\nversion = \"1\"\nabout = \"Of tiny.\"\n\
             licence = \"MIT\"\ncommercial = \"allowed\"\nsource = \"here\"\nneeds = [\"tiny\"]\n\
             [model.manifest]\nkind = \"bag\"\nsample_rate = 44100\nchannels = 2\n\
             stems = [\"loud\", \"rest\"]\nresidual = \"rest\"\n\
             member = [{{ model = \"tiny\", weights = {{ loud = 1.0 }} }}]\n",
            place.content.len(),
        );
        fs::write(place.catalogue(), catalogue).unwrap();
        place
    }

    fn catalogue(&self) -> PathBuf {
        self.dir.path().join("catalogue.toml")
    }

    fn models(&self) -> PathBuf {
        self.dir.path().join("models")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = command();
        command
            .args(args)
            .env("UNWEAVE_MODELS", self.models())
            .env("UNWEAVE_CATALOGUE", self.catalogue())
            // A proxy of whoever runs the tests has no part in them.
            .env_remove("http_proxy")
            .env_remove("HTTP_PROXY")
            .env_remove("ALL_PROXY")
            .env_remove("all_proxy")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Said {
        self.command(args).output().unwrap().into()
    }

    fn fetch(&self) -> Said {
        self.run(&["models", "fetch", "tiny", "--timeout", "1"])
    }

    /// The model is there, is the right one, and nothing else is left.
    fn assert_installed(&self, said: &Said) {
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        let installed = fs::read(self.models().join("tiny/square.onnx")).unwrap();
        assert_eq!(installed, self.content);
        assert_eq!(names(&self.models()), ["tiny"]);
        let verified = self.run(&["models", "verify", "tiny"]);
        assert_eq!(verified.code, Some(0), "{}", verified.stdout);
    }

    /// Nothing that could be taken for a model is there; gives what was said.
    fn assert_refused(&self, said: &Said) -> String {
        assert_eq!(said.code, Some(1), "{}", said.stderr);
        assert_eq!(said.stdout, "");
        assert!(!self.models().join("tiny").exists());
        said.stderr.clone()
    }

    fn part(&self) -> Vec<u8> {
        let parts = self.models().join(".downloads");
        let part = names(&parts)
            .into_iter()
            .find(|name| name.ends_with(".part"));
        part.map_or_else(Vec::new, |name| fs::read(parts.join(name)).unwrap())
    }
}

/// A server whose answers are made by `answer`, and a place that fetches from it.
fn place(
    answer: impl Fn(&crate::server::Asked, usize, &mut std::net::TcpStream) + Send + Sync + 'static,
) -> (Server, Place) {
    let server = Server::start(answer);
    let place = Place::new(&[format!("{}/tiny", server.address)]);
    (server, place)
}

#[test]
fn a_model_is_downloaded_checked_installed_and_not_fetched_again() {
    let (server, place) = place(|asked, _, stream| serve(stream, asked, &graph(), usize::MAX));
    let said = place.fetch();
    place.assert_installed(&said);
    assert_eq!(
        said.stdout.trim_end(),
        place.models().join("tiny").display().to_string()
    );
    let listed = place.run(&["models", "list"]);
    assert!(listed.stdout.starts_with("tiny "), "{}", listed.stdout);
    let info = place.run(&["models", "info", "tiny"]);
    assert!(info.stdout.contains("licence      MIT"), "{}", info.stdout);

    assert_eq!(place.fetch().code, Some(0));
    assert_eq!(server.asked().len(), 1, "it was there already");
    fs::write(place.models().join("tiny/square.onnx"), "damaged").unwrap();
    place.assert_installed(&place.fetch());

    let said = place.run(&["models", "remove", "tiny"]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(names(&place.models()), [""; 0]);
    let said = place.run(&["models", "remove", "unweave"]);
    assert!(
        place
            .assert_refused(&said)
            .contains("only models of this user")
    );
}

#[test]
fn a_download_that_does_not_run_is_kept_for_when_it_does() {
    let (server, place) = place(|asked, _, stream| serve(stream, asked, &graph(), usize::MAX));
    let right = fs::read_to_string(place.catalogue()).unwrap();
    // Its tensors are of 64 frames.
    fs::write(place.catalogue(), right.replace("64", "128")).unwrap();
    place.assert_refused(&place.fetch());
    assert_eq!(place.part(), place.content);
    fs::write(place.catalogue(), right).unwrap();
    place.assert_installed(&place.fetch());
    assert_eq!(server.asked().len(), 1, "it was there already");
}

#[test]
fn what_breaks_off_goes_on_where_it_stopped() {
    let (server, place) = place(|asked, idx, stream| {
        // Fifty bytes at a time, three times; then the rest.
        let limit = if idx < 3 { 50 } else { usize::MAX };
        serve(stream, asked, &graph(), limit);
    });
    place.assert_installed(&place.fetch());
    let starts: Vec<_> = server.asked().iter().map(|asked| asked.start).collect();
    assert_eq!(starts, [None, Some(50), Some(100), Some(150)]);
    let tags = server
        .asked()
        .into_iter()
        .skip(1)
        .map(|asked| asked.if_range);
    assert!(
        tags.clone().all(|tag| tag.as_deref() == Some("\"one\"")),
        "{:?}",
        tags.collect::<Vec<_>>()
    );
}

#[test]
fn a_server_that_begins_anew_each_time_is_given_up_and_what_came_is_kept() {
    let (server, place) = place(|_, _, stream| {
        let content = graph();
        let headers = format!("Content-Length: {}\r\n", content.len());
        reply(stream, "200 OK", &headers, &content[..150]);
    });
    let message = place.assert_refused(&place.fetch());
    assert!(
        message.contains("breaks off") || message.contains("ends after"),
        "{message}"
    );
    assert_eq!(
        server.asked().len(),
        4,
        "one that brings something, three that don't"
    );
    assert_eq!(place.part(), graph()[..150]);
}

#[test]
fn a_server_that_falls_silent_is_given_up_and_the_next_run_goes_on() {
    let (_silent, place) = place(|asked, idx, stream| match idx {
        0 => {
            serve(stream, asked, &graph(), 100);
            sleep(FOREVER);
        }
        1..4 => sleep(FOREVER),
        _ => serve(stream, asked, &graph(), usize::MAX),
    });
    let message = place.assert_refused(&place.fetch());
    assert!(message.contains("does not answer"), "{message}");
    assert_eq!(place.part(), graph()[..100]);
    place.assert_installed(&place.fetch());
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let (_silent, place) = place(|_, _, _| sleep(FOREVER));
    let message = place.assert_refused(&place.fetch());
    assert!(message.contains("does not answer"), "{message}");
    assert_eq!(names(&place.models().join(".downloads")), [""; 0]);
}

#[test]
fn lies_about_the_length_are_noticed_before_and_after() {
    // It offers something of another length.
    let (_server, lying) =
        place(|_, _, stream| reply(stream, "200 OK", "Content-Length: 7\r\n", b"garbage"));
    let message = lying.assert_refused(&lying.fetch());
    assert!(
        message.contains("offers 7 bytes") && message.contains("another file"),
        "{message}"
    );
    // It says nothing of the length and sends without end.
    let (_server, endless) = place(|_, _, stream| reply(stream, "200 OK", "", &[7; 1 << 20]));
    let message = endless.assert_refused(&endless.fetch());
    assert!(
        message.contains("sends more than the expected"),
        "{message}"
    );
    assert!(endless.part().is_empty());
    // Asked for the rest, it gives another part.
    let (_server, shifted) = place(|asked, _, stream| match asked.start {
        None => serve(stream, asked, &graph(), 100),
        Some(_) => reply(
            stream,
            "206 Partial Content",
            "Content-Range: bytes 0-3/4\r\nContent-Length: 4\r\n",
            b"1234",
        ),
    });
    let message = shifted.assert_refused(&shifted.fetch());
    assert!(message.contains("another part of the file"), "{message}");
}

#[test]
fn something_else_of_the_right_length_goes_into_quarantine_and_is_never_used() {
    let (_server, place) = place(|_, _, stream| {
        let garbage = vec![b'x'; graph().len()];
        reply(
            stream,
            "200 OK",
            &format!("Content-Length: {}\r\n", garbage.len()),
            &garbage,
        );
    });
    let message = place.assert_refused(&place.fetch());
    assert!(
        message.contains("sha-256") && message.contains("quarantine"),
        "{message}"
    );
    assert!(message.contains("unweave models clean"), "{message}");
    let kept = names(&place.models().join("quarantine"));
    assert_eq!(kept.len(), 1);
    assert!(
        kept[0].starts_with("tiny-square.onnx.") && kept[0].ends_with(".refused"),
        "{kept:?}"
    );
    let listed = place.run(&["models", "list"]);
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    assert!(!listed.stdout.contains("tiny"), "{}", listed.stdout);
    assert_eq!(place.run(&["models", "clean"]).code, Some(0));
    assert_eq!(names(&place.models()), [""; 0]);
}

#[test]
fn an_old_part_of_something_else_is_noticed_and_replaced() {
    let (server, place) = place(|asked, idx, stream| {
        if idx == 0 {
            // What another version began with, without a tag that would tell.
            let headers = format!("Content-Length: {}\r\n", graph().len());
            reply(stream, "200 OK", &headers, &[b'x'; 50]);
        } else {
            serve(stream, asked, &graph(), usize::MAX);
        }
    });
    place.assert_installed(&place.fetch());
    let starts: Vec<_> = server.asked().iter().map(|asked| asked.start).collect();
    assert_eq!(starts, [None, Some(50), None]);
}

#[test]
fn redirects_are_followed_but_not_in_circles() {
    let (server, moved) = place(|asked, _, stream| match asked.path.as_str() {
        "/tiny" => reply(
            stream,
            "302 Found",
            "Location: /elsewhere\r\nContent-Length: 0\r\n",
            b"",
        ),
        _ => serve(stream, asked, &graph(), usize::MAX),
    });
    moved.assert_installed(&moved.fetch());
    assert_eq!(server.asked().len(), 2);
    let (_server, circle) = place(|_, _, stream| {
        reply(
            stream,
            "302 Found",
            "Location: /tiny\r\nContent-Length: 0\r\n",
            b"",
        );
    });
    let message = circle.assert_refused(&circle.fetch());
    assert!(message.contains("without end"), "{message}");
}

#[test]
fn errors_of_servers_are_named_and_the_next_address_is_tried() {
    let bad = Server::start(|asked, _, stream| {
        let status = match asked.path.as_str() {
            "/gone" => "404 Not Found",
            _ => "500 Internal Server Error",
        };
        reply(stream, status, "Content-Length: 4\r\n", b"nope");
    });
    let good = Server::start(|asked, _, stream| serve(stream, asked, &graph(), usize::MAX));
    let urls = ["gone", "broken"].map(|path| format!("{}/{path}", bad.address));
    let none = Place::new(&urls);
    let message = none.assert_refused(&none.fetch());
    assert!(
        message.contains("says 404") && message.contains("says 500"),
        "{message}"
    );
    assert_eq!(
        bad.asked().len(),
        4,
        "once where it is not, three times where it may come back"
    );

    let place = Place::new(&[urls[0].clone(), format!("{}/tiny", good.address)]);
    place.assert_installed(&place.fetch());

    // A mirror takes the place of all addresses.
    let mirrored = Place::new(&urls);
    let mirror = format!("{}/copies/", good.address);
    let said = mirrored.run(&["models", "fetch", "tiny", "--mirror", &mirror]);
    mirrored.assert_installed(&said);
    assert_eq!(
        good.asked().last().unwrap().path,
        "/copies/tiny/square.onnx"
    );
    assert_eq!(bad.asked().len(), 5);
}

#[test]
fn a_licence_that_forbids_commercial_use_must_be_accepted() {
    let server = Server::start(|asked, _, stream| serve(stream, asked, &graph(), usize::MAX));
    for commercial in ["forbidden", "unclear"] {
        let terms = format!("commercial = {commercial:?}\nterms = \"Ask the author.\"");
        let place = Place::with_licence(&[format!("{}/tiny", server.address)], &terms);
        let before = server.asked().len();
        let message = place.assert_refused(&place.fetch());
        assert!(message.contains("Ask the author."), "{message}");
        assert!(message.contains("--accept-licence"), "{message}");
        assert_eq!(server.asked().len(), before, "nothing is fetched before");
        let said = place.run(&["models", "fetch", "tiny", "--accept-licence"]);
        place.assert_installed(&said);
    }
}

#[test]
fn what_a_model_is_made_of_comes_with_it_once_and_under_its_own_licence() {
    let server = Server::start(|asked, _, stream| serve(stream, asked, &graph(), usize::MAX));
    let terms = "commercial = \"forbidden\"\nterms = \"Ask the author.\"";
    let place = Place::with_licence(&[format!("{}/tiny", server.address)], terms);
    let said = place.run(&["models", "fetch", "composed"]);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert!(said.stderr.contains("Ask the author."), "{}", said.stderr);
    assert_eq!(names(&place.models()), [""; 0]);

    for _ in 0..2 {
        let said = place.run(&["models", "fetch", "composed", "--accept-licence"]);
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert_eq!(names(&place.models()), ["composed", "tiny"]);
        let verified = place.run(&["models", "verify", "composed"]);
        assert_eq!(verified.code, Some(0), "{}", verified.stdout);
    }
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn ctrl_c_ends_a_download_soon_and_the_next_run_goes_on() {
    let (server, place) = place(|asked, idx, stream| {
        if idx == 0 {
            serve(stream, asked, &graph(), 100);
            sleep(FOREVER);
        }
        serve(stream, asked, &graph(), usize::MAX);
    });
    let child = place
        .command(&["models", "fetch", "tiny"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    while place.part().len() < 100 {
        assert!(
            begin.elapsed() < Duration::from_secs(120),
            "the download didn't begin"
        );
        sleep(Duration::from_millis(5));
    }
    interrupt(&child);
    // A minute of patience where half a second is meant; the server would be silent for an hour.
    let begin = Instant::now();
    let said = Said::from(child.wait_with_output().unwrap());
    assert!(begin.elapsed() < Duration::from_secs(60));
    assert_eq!(said.code, Some(130), "{}", said.stderr);
    assert!(said.stderr.contains("goes on from here"), "{}", said.stderr);
    assert!(!place.models().join("tiny").exists());
    place.assert_installed(&place.fetch());
    assert_eq!(server.asked()[1].start, Some(100));
}

#[test]
fn a_model_that_nobody_publishes_says_how_to_convert_it() {
    let place = Place::new(&[]);
    let said = place.run(&["models", "fetch", "elsewhere"]);
    let message = place.assert_refused(&said);
    assert!(
        message.contains("models/CONVERTING.md#a-family"),
        "{message}"
    );
    assert!(
        message.contains("https://example.org/x.pth (sha-256 0123abcd…)"),
        "{message}"
    );
    assert!(message.contains("--as elsewhere"), "{message}");
    let said = place.run(&["models", "fetch", "nonesuch"]);
    assert!(
        place
            .assert_refused(&said)
            .contains("known are tiny, elsewhere")
    );
    let said = place.run(&["models", "available", "--json"]);
    let rows: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(
        (&rows[0]["state"], &rows[1]["state"]),
        (&"fetch".into(), &"convert".into())
    );
}
