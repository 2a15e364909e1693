//! How much memory the plug-in holds in a program of ours, before and after a song is rendered and heard: `memory`.
//!
//! Where there is a display, the window is open. Linux only: it reads `/proc`.

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("only for Linux");
}

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(target_os = "linux")]
mod linux {
    use std::path::Path;
    use std::time::Duration;

    use unweave_live::Controls;
    use unweave_live::preview::Use;
    use unweave_plugin::ids;
    use unweave_plugin::songs::{Listening, Pick, Songs};
    use unweave_tests::process::resident_bytes;
    use unweave_tests::session::{self, Session, Timeline};

    const RATE: u32 = 44_100;
    const BLOCK: usize = 512;

    pub fn main() {
        // As the standalone does.
        unweave_standalone::memory::give_back();
        say("at the start");
        let mut session = Session::new(&session::entry(), ids::CLAP_ID);
        session.activate(RATE, BLOCK);
        session.set_timeline(Timeline::Playing(0));
        let window = std::env::var_os("DISPLAY").map(|_| session.open_window());
        play(&mut session, 10);
        say("model loaded, window open");

        let folder = tempfile::tempdir().expect("a folder");
        let (songs, mut preview) = Songs::new(folder.path().join("takes"));
        let mut settings = songs.settings();
        settings.folder = folder.path().join("stems");
        songs.set_settings(settings);
        let _side = songs.side(RATE, 2);
        let song = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/demo/paper-lanterns.flac");
        songs.choose_file(&song);
        let mut hear = |songs: &Songs, seconds: u32| {
            songs.play();
            let mut num_heard = 0;
            while num_heard < seconds * RATE {
                let (mut left, mut right) = ([0.0; BLOCK], [0.0; BLOCK]);
                preview.process(
                    &mut [&mut left, &mut right],
                    &Controls::default(),
                    Use::default(),
                );
                if songs.listening() == Listening::Playing {
                    num_heard += u32::try_from(BLOCK).expect("small");
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            songs.stop();
        };
        hear(&songs, 10);
        play(&mut session, 2);
        say("after ten seconds heard as they were separated");
        songs.render(Pick::Set);
        while !songs.stage().is_some_and(|stage| stage.is_over()) {
            play(&mut session, 1);
        }
        play(&mut session, 2);
        say("after a rendering");
        hear(&songs, 10);
        play(&mut session, 2);
        say("after ten seconds heard from files");
        if let Some(window) = window {
            session.close_window(window);
        }
    }

    /// Silence for so many seconds.
    fn play(session: &mut Session, seconds: u32) {
        let mix = [0.0; BLOCK];
        for _ in 0..seconds * RATE / 512 {
            session.render([&mix, &mix], &[BLOCK], &[]);
            session.idle();
            std::thread::sleep(Duration::from_millis(11));
        }
    }

    fn say(when: &str) {
        println!("{:6} MB {when}", resident_bytes() / 1_000_000);
    }
}
