//! The audio thread neither allocates, frees, nor calls the system; and the guards that say so notice.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may unwrap as tests may"
)]

use std::sync::atomic::{AtomicUsize, Ordering};

use unweave_live::capture::{Capture, CaptureSide, Moment, Position};
use unweave_live::preview::{PreviewDesk, PreviewFeed, PreviewSide, Use, preview};
use unweave_live::{
    AudioSide, Controls, Engine, LatencyPlan, LoadedSeparator, Loader, Setup, State, Timing,
};
use unweave_separation::doubles::{Delayed, Failing, shape};
use unweave_separation::{Error, Separator, Shape, StemBlock};

/// Calls of the allocator during `audio`, on this thread, at least; what is freed and allocated again counts once.
fn violations(audio: impl FnOnce()) -> u64 {
    let counted = allocation_counter::measure(audio);
    counted.count_total + counted.count_current.unsigned_abs()
}

/// A model that now and then holds the worker up for several hops.
struct Stumbling {
    inner: Delayed,
    calls: usize,
}

impl Separator for Stumbling {
    fn shape(&self) -> &Shape {
        self.inner.shape()
    }

    fn reset(&mut self) {
        self.inner.reset();
    }

    fn process(&mut self, mix: [&[f32]; 2], stems: &mut StemBlock) -> Result<(), Error> {
        self.calls += 1;
        if self.calls.is_multiple_of(500) {
            for _ in 0..2_000_000 {
                std::hint::spin_loop();
            }
        }
        self.inner.process(mix, stems)
    }
}

fn source(separator: impl Separator + 'static) -> (Setup, Loader) {
    let timing = Timing::of(separator.shape(), 48_000).unwrap();
    let plan = LatencyPlan::new(timing, 48_000, 512).unwrap();
    let setup = Setup::new(separator.shape(), plan).unwrap();
    let separator = Box::new(separator);
    let load = |_: &dyn Fn() -> bool| {
        Ok(LoadedSeparator {
            separator,
            terminate: None,
        })
    };
    (setup, Box::new(load))
}

fn start(separator: impl Separator + 'static) -> (AudioSide, Engine) {
    let (setup, load) = source(separator);
    Engine::start(&setup, "separation", load).unwrap()
}

/// Audio and outputs of the longest block, allocated once.
struct Host {
    main: [Vec<f32>; 2],
    stems: [[Vec<f32>; 2]; 4],
    state: usize,
    capture: CaptureSide,
    position: i64,
    preview: PreviewSide,
    /// Held by other threads otherwise; what is played next is prepared outside of the guard.
    desk: PreviewDesk,
    feed: Option<PreviewFeed>,
}

impl Host {
    fn new(capture: &Capture) -> Self {
        let silence = || vec![0.0; 1024];
        let (desk, mut preview) = preview();
        preview.set_up(48_000);
        Self {
            main: [silence(), silence()],
            stems: std::array::from_fn(|_| [silence(), silence()]),
            state: 1,
            capture: capture.side(48_000, 2),
            position: 0,
            preview,
            desk,
            feed: None,
        }
    }

    fn random(&mut self, below: usize) -> usize {
        // Knuth's multiplier of TAOCP 3.3.4.
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.state >> 33) % below
    }

    /// Plays a preview, which runs dry, and takes back what was heard; not the audio thread's business.
    fn prepare_preview(&mut self) {
        let stem = vec![0.1; 3_000];
        if let Ok(mut feed) = self.desk.play(2, 1) {
            // A loop.
            for frame in [0, 3_000, 0, 0] {
                feed.feed(frame, 3_000, [[&stem[..]; 2]; 2]);
            }
            self.feed = Some(feed);
        }
    }

    /// Blocks of all sizes, settings that move, all outputs and none, resets; a transport that stops, jumps
    /// and loses its position, while what plays is captured.
    fn play(&mut self, audio: &mut AudioSide, num_blocks: usize) {
        let mut controls = Controls::default();
        for block_idx in 0..num_blocks {
            let num_frames = 1 + self.random(1024);
            let stem_idx = self.random(4);
            match self.random(12) {
                0 => controls = Controls::default(),
                1 => controls.stems[stem_idx].gain = 2.0,
                2 => controls.stems[stem_idx].is_muted = true,
                3 => controls.stems[stem_idx].is_soloed = true,
                4 => controls.stems[stem_idx].sensitivity = -0.5,
                5 => controls.stems[stem_idx].sensitivity = 0.9,
                6 => controls.is_dry = !controls.is_dry,
                7 => controls.is_bypassed = !controls.is_bypassed,
                8 => controls.residual_gain = 0.5,
                9 if block_idx % 50 == 0 => {
                    audio.reset();
                    self.capture.interrupt();
                }
                10 if block_idx % 20 == 0 => self.position -= 5_000,
                _ => {}
            }
            let moment = Moment {
                is_playing: self.random(100) > 0,
                position: match self.random(400) {
                    0 => Position::Unknown,
                    1 => Position::Beats(1.5),
                    _ => Position::Frames(self.position),
                },
                tempo: Some(120.0),
            };
            self.position += num_frames as i64;
            for sample in self.main.iter_mut().flatten() {
                *sample = 0.1;
            }
            self.main[0][0] = f32::NAN;
            let mut outs = self
                .stems
                .each_mut()
                .map(|stem| Some(stem.each_mut().map(|channel| &mut channel[..num_frames])));
            let num_outs = if block_idx.is_multiple_of(3) { 0 } else { 4 };
            let main = self
                .main
                .each_mut()
                .map(|channel| &mut channel[..num_frames]);
            self.capture.record(&main, &moment);
            let [left, right] = main;
            audio.process([&mut *left, &mut *right], &mut outs[..num_outs], &controls);
            let host = Use {
                is_playing: true,
                is_offline: false,
            };
            self.preview.process(&mut [left, right], &controls, host);
        }
    }
}

#[test]
fn the_audio_thread_neither_allocates_nor_frees() {
    let dir = tempfile::tempdir().unwrap();
    let capture = Capture::new(dir.path().to_owned());
    capture.arm(true).unwrap();
    let mut host = Host::new(&capture);
    let model = Stumbling {
        inner: Delayed::new(shape(44_100, 256, 1024), &[0.4, 0.3, 0.2, 0.0]),
        calls: 0,
    };
    let (mut audio, engine) = start(model);
    host.prepare_preview();
    // While it loads, while it runs, and when it is gone.
    assert_eq!(violations(|| host.play(&mut audio, 500)), 0);
    while engine.status().state() == State::Loading {
        std::thread::yield_now();
    }
    for _ in 0..5 {
        // The one that is heard is replaced and goes back.
        host.prepare_preview();
        assert_eq!(violations(|| host.play(&mut audio, 1000)), 0);
    }
    // Without a pause between blocks, the lane was full as well.
    while capture.takes().is_empty() {
        std::thread::yield_now();
    }
    assert!(capture.lost_frames() > 0 && capture.problem().is_none());
    // Another engine follows, and the old one's half goes back.
    let mut handover = audio.take_handover().unwrap();
    let follower = Delayed::new(shape(44_100, 256, 512), &[0.1, 0.3, 0.2, 0.0]);
    let (setup, load) = source(follower);
    let (successor, next) = Engine::start_successor(&setup, "separation", load).unwrap();
    assert!(handover.give(successor).is_ok());
    assert_eq!(violations(|| host.play(&mut audio, 500)), 0);
    assert!(handover.take_back().is_some());
    drop(engine);
    drop(next);
    assert_eq!(violations(|| host.play(&mut audio, 500)), 0);

    let (mut audio, engine) = start(Failing::new(shape(44_100, 256, 1024), 30));
    assert_eq!(violations(|| host.play(&mut audio, 2000)), 0);
    drop(engine);
}

#[test]
fn a_window_that_reads_the_levels_costs_the_audio_thread_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let capture = Capture::new(dir.path().to_owned());
    let mut host = Host::new(&capture);
    let model = Delayed::new(shape(44_100, 256, 1024), &[0.4, 0.3, 0.2, 0.0]);
    let (mut audio, _engine) = start(model);
    let levels = std::sync::Arc::clone(audio.levels());
    let is_open = AtomicUsize::new(1);
    std::thread::scope(|scope| {
        let window = scope.spawn(|| {
            let (mut next, mut loudest) = (0, 0.0f32);
            while is_open.load(Ordering::Acquire) == 1 || next < levels.num_written() {
                if let Some(slot) = levels.read(next) {
                    loudest = loudest.max(slot.mix.peak);
                }
                next = (next + 1).min(levels.num_written()).max(levels.oldest());
            }
            loudest
        });
        assert_eq!(violations(|| host.play(&mut audio, 2000)), 0);
        is_open.store(0, Ordering::Release);
        assert_eq!(
            window.join().unwrap(),
            0.1,
            "the window has read what was played"
        );
    });
}

#[test]
fn the_guard_notices_what_is_allocated_or_freed() {
    assert!(violations(|| drop(std::hint::black_box(Box::new(1)))) >= 1);
    let kept = vec![0.0_f32; 100];
    assert!(violations(|| drop(std::hint::black_box(kept))) >= 1);
    assert_eq!(violations(|| ()), 0);
}

#[cfg(target_os = "linux")]
mod system_calls {
    use std::sync::mpsc;

    use super::*;

    /// What a child process does on a thread that may make no system call.
    const ROLE: &str = "UNWEAVE_TEST_ROLE";
    const PROCESS: &str = "process";
    const WAKE: &str = "wake";
    /// The child's exit codes.
    const DONE: i32 = 0;
    const KILLED: i32 = 9;
    const UNSUPPORTED: i32 = 77;

    /// Runs [`child`] in a process of its own.
    fn exit_code_of(role: &str) -> i32 {
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "system_calls::child", "--ignored", "--nocapture"])
            .env(ROLE, role)
            .output()
            .unwrap();
        let code = child.status.code();
        code.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&child.stderr)))
    }

    /// In strict seccomp mode the kernel kills a thread at its first system call other than read, write,
    /// return from a signal, and exit. Nothing that could block is left.
    #[test]
    fn the_audio_thread_makes_no_system_call() {
        match exit_code_of(PROCESS) {
            UNSUPPORTED => eprintln!("no seccomp here: not tested"),
            code => assert_eq!(code, DONE),
        }
    }

    /// Waking a sleeping worker is the call that one would be tempted to make.
    #[test]
    fn the_guard_notices_a_thread_being_woken() {
        match exit_code_of(WAKE) {
            UNSUPPORTED => eprintln!("no seccomp here: not tested"),
            code => assert_eq!(code, KILLED),
        }
    }

    #[test]
    #[ignore = "run by the other tests in a process of its own"]
    fn child() {
        let role = std::env::var(ROLE).unwrap_or_default();
        let model = Delayed::new(shape(44_100, 256, 1024), &[0.4, 0.3, 0.2, 0.0]);
        let (mut audio, engine) = start(model);
        while engine.status().state() == State::Loading {
            std::thread::yield_now();
        }
        let sleeper = std::thread::spawn(|| {
            loop {
                std::thread::park();
            }
        });
        let (send_id, thread_id) = mpsc::channel();
        let dir = tempfile::tempdir().unwrap();
        let capture = Capture::new(dir.path().to_owned());
        capture.arm(true).unwrap();
        let mut host = Host::new(&capture);
        host.prepare_preview();
        let is_done = std::sync::Arc::new(AtomicUsize::new(0));
        let done = std::sync::Arc::clone(&is_done);
        std::thread::spawn(move || {
            // SAFETY: takes nothing and returns a number.
            let id = unsafe { libc::syscall(libc::SYS_gettid) };
            send_id.send(id).unwrap();
            // SAFETY: the mode has no further arguments.
            let result = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_STRICT) };
            if result != 0 {
                std::process::exit(UNSUPPORTED);
            }
            if role == PROCESS {
                host.play(&mut audio, 20_000);
            } else {
                // Waking is a system call only if the sleeper sleeps already, which takes it a moment.
                for _ in 0..1_000_000_000u32 {
                    sleeper.thread().unpark();
                }
            }
            done.store(1, Ordering::Release);
            // It may not even end.
            loop {
                std::hint::spin_loop();
            }
        });
        let task = format!("/proc/self/task/{}", thread_id.recv().unwrap());
        let code = loop {
            if is_done.load(Ordering::Acquire) == 1 {
                break DONE;
            }
            if !std::path::Path::new(&task).exists() {
                break KILLED;
            }
            std::thread::yield_now();
        };
        // Exiting drops nothing.
        drop((capture, dir));
        std::process::exit(code);
    }
}
