//! Saved sessions: the same bytes again, old ones, and rubbish.

use tracing::subscriber::NoSubscriber;
use unweave_plugin::ids;
use unweave_plugin::songs::Settings;
use unweave_separation::audio::write::{BitDepth, FileFormat};
use unweave_tests::doubles::{self, Capturing, last_songs};
use unweave_tests::session::{self, Event, Session};
use unweave_tests::signal::noise;

const FORMAT_1: &[u8] = include_bytes!("../../plugin/tests/states/format-1.json");
const FORMAT_2: &[u8] = include_bytes!("../../plugin/tests/states/format-2.json");
const FORMAT_3: &[u8] = include_bytes!("../../plugin/tests/states/format-3.json");
const FORMAT_4: &[u8] = include_bytes!("../../plugin/tests/states/format-4.json");

/// The framework's CLAP states begin with the length of the JSON: 64 bits, little endian.
fn clap_blob(json: &[u8]) -> Vec<u8> {
    [&(json.len() as u64).to_le_bytes(), json].concat()
}

fn new() -> Session {
    // The framework warns of every unknown parameter in rubbish, thousands of times. The first to set a
    // subscriber wins, also against the framework, and this one says nothing.
    let _ = tracing::subscriber::set_global_default(NoSubscriber::default());
    Session::new(&session::entry(), ids::CLAP_ID)
}

/// A session whose every parameter was moved by the host.
fn moved(seed: u64) -> Session {
    let mut session = new();
    session.activate(44_100, 64);
    let events: Vec<Event> = ids::PARAMS
        .iter()
        .zip(noise(ids::PARAMS.len(), seed))
        .map(|(param, random)| Event {
            frame: 0,
            param,
            value: f64::from(random) + 0.5,
        })
        .collect();
    session.render([&[0.0; 64], &[0.0; 64]], &[64], &events);
    session
}

#[test]
fn saving_loading_and_saving_again_gives_the_same_bytes() {
    for seed in 0..50 {
        let saved = moved(seed).save();
        let mut fresh = new();
        assert!(fresh.load(&saved));
        assert_eq!(fresh.save(), saved, "{}", String::from_utf8_lossy(&saved));
        let mut other = moved(seed + 1000);
        assert!(other.load(&saved));
        assert_eq!(other.save(), saved, "over another session");
    }
}

#[test]
fn an_old_state_is_what_it_was() {
    let mut session = moved(1);
    assert!(session.load(&clap_blob(FORMAT_1)));
    for (param, text) in [
        ("vocals_mute", "On"),
        ("drums_mute", "Off"),
        ("drums_gain", "-6.00 dB"),
        ("bass_gain", "3.00 dB"),
        ("vocals_gain", "0.00 dB"),
        ("bass_sensitivity", "-25.0 %"),
        ("residual", "-inf dB"),
        ("compare", "Dry"),
    ] {
        let value = session.value(param);
        assert_eq!(session.text(param, value), text, "{param}");
    }
    // What later formats brought is at its default.
    let render = r#""render":"{\"format\":\"wav\",\"depth\":\"24\",\"without\":[],\"has_mix\":true,\"has_instrumental\":true,\"sums\":\"\"}""#;
    for (old, device, window) in [
        (FORMAT_1, "auto", "[960,600,100]"),
        (FORMAT_2, "cuda", "[1200,700,150]"),
    ] {
        let params = String::from_utf8_lossy(old);
        let params = params.split_once(r#""fields""#).unwrap().0;
        let params = params.replace(
            r#""other_gain""#,
            r#""mode":{"string":"standard"},"other_gain""#,
        );
        let expected = format!(
            r#"{params}"fields":{{"device":"\"{device}\"","format":"4","model":"\"unweave\"",{render},"window":"{window}"}}}}"#
        );
        assert!(session.load(&clap_blob(old)));
        assert_eq!(
            String::from_utf8_lossy(&session.save()),
            String::from_utf8_lossy(&clap_blob(expected.as_bytes()))
        );
    }
    let value = session.value("mode");
    assert_eq!(session.text("mode", value), "Standard");
    assert!(session.load(&clap_blob(FORMAT_4)));
    assert_eq!(session.save(), clap_blob(FORMAT_4));
    assert!(session.load(&clap_blob(FORMAT_3)));
    let expected = String::from_utf8_lossy(FORMAT_4).replace("quick", "standard");
    assert_eq!(session.save(), clap_blob(expected.as_bytes()));
}

#[test]
fn how_stems_are_rendered_comes_back_in_a_new_instance_but_for_a_folder_that_nobody_chose() {
    let instance = || {
        let session = Session::new(&doubles::entry(), Capturing::ID);
        (session, last_songs())
    };
    let (mut session, songs) = instance();
    let default = songs.settings();
    let mut chosen = Settings {
        model: Some("htdemucs".to_owned()),
        format: FileFormat::Flac,
        depth: BitDepth::Int16,
        without: vec!["bass".to_owned()],
        has_mix: false,
        has_instrumental: false,
        sums: "No Drums=bass+vocals+other".to_owned(),
        ..default.clone()
    };
    for folder in [default.folder, "a folder of one's own".into()] {
        chosen.folder = folder;
        songs.set_settings(chosen.clone());
        let saved = session.save();
        let (mut fresh, restored) = instance();
        assert!(fresh.load(&saved));
        assert_eq!(restored.settings(), chosen);
        let is_own = chosen.folder.is_relative();
        let saved = String::from_utf8_lossy(&saved);
        assert_eq!(saved.contains("folder"), is_own, "{saved}");
    }
}

#[test]
fn rubbish_is_refused_or_mended_and_never_kills() {
    let mut session = moved(2);
    let before = session.save();
    for blob in [
        &b""[..],
        b"{",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe\x00",
        b"{\"params\": 3}",
    ] {
        assert!(!session.load(blob), "{blob:?}");
        assert!(!session.load(&clap_blob(blob)), "{blob:?}");
        assert_eq!(session.save(), before, "a refused state changes nothing");
    }
    // One byte changed, at every place: either refused, or what is loaded can be saved and used.
    for place in 0..FORMAT_4.len() {
        for byte in [b'0', b'-', b'"', b'{', 0] {
            let mut blob = FORMAT_4.to_vec();
            blob[place] = byte;
            if session.load(&clap_blob(&blob)) {
                let saved = session.save();
                assert!(new().load(&saved), "{}", String::from_utf8_lossy(&saved));
            }
        }
    }
    for seed in 0..200 {
        let blob: Vec<u8> = noise(300, seed)
            .iter()
            .flat_map(|x| x.to_bits().to_le_bytes())
            .collect();
        session.load(&blob);
        session.load(&clap_blob(&blob));
    }
    let mix = noise(512, 3);
    let mut session = new();
    session.activate(48_000, 512);
    assert!(session.load(&clap_blob(
        br#"{"params": {"drums_gain": {"f32": 1e38}}, "fields": {}}"#
    )));
    let outputs = session.render([&mix, &mix], &[512], &[]);
    assert!(outputs[0][0].iter().all(|x| x.is_finite()));
}

#[test]
fn a_session_that_names_a_model_that_is_gone_says_so_behind_the_same_latency() {
    let mut session = new();
    session.activate(48_000, 64);
    let latency = session.latency();
    let quiet = [0.0; 64];
    let says_so = |session: &mut Session| {
        for _ in 0..1_000 {
            session.render([&quiet, &quiet], &[64], &[]);
            let status = session.status();
            if status.starts_with("Dry: ") && status.contains("no-such-model") {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("{}", session.status());
    };
    session.render([&quiet, &quiet], &[64], &[]);
    session.idle();
    session.takes_restart_request();
    assert!(session.load(&clap_blob(FORMAT_1)));
    session.render([&quiet, &quiet], &[64], &[]);
    let other = br#"{"params": {}, "fields": {"model": "\"no-such-model\""}}"#;
    assert!(session.load(&clap_blob(other)));
    says_so(&mut session);
    assert_eq!(session.latency(), latency);
    assert!(!session.takes_restart_request(), "the latency is as it was");
    session.deactivate();
    session.activate(48_000, 64);
    says_so(&mut session);
    assert_eq!(session.latency(), latency);
}
