//! Starting, stopping, and everything that a host or a model may do at the wrong time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use unweave_live::{
    Controls, Engine, Fault, LatencyPlan, LoadedSeparator, Refusal, Setup, State, Status,
    Terminate, Timing,
};
use unweave_separation::doubles::{Passthrough, shape};
use unweave_separation::{Error, Separator, Shape, StemBlock};

use crate::rig::{Rig, bits, delayed, loader, noise, small_model};

/// Of a busy machine: what is waited for here never comes where something is wrong.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than a plug-in takes to go away.
const LONG: Duration = Duration::from_millis(400);

fn setup(shape: &Shape) -> Setup {
    let timing = Timing::of(shape, 44_100).unwrap();
    Setup::new(shape, LatencyPlan::new(timing, 44_100, 512).unwrap()).unwrap()
}

/// An inference that tells that it has begun and lasts until it is told to end.
struct Blocked {
    shape: Shape,
    begun: Sender<()>,
    end: Receiver<()>,
}

impl Separator for Blocked {
    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn reset(&mut self) {}

    fn process(&mut self, _mix: [&[f32]; 2], _stems: &mut StemBlock) -> Result<(), Error> {
        self.begun.send(()).unwrap();
        // Ends with a message or when the other end is gone.
        let _ = self.end.recv();
        Err(Error::Inference {
            reason: "terminated".to_owned(),
        })
    }
}

fn blocked() -> (Blocked, Receiver<()>, Sender<()>) {
    let (begun, has_begun) = mpsc::channel();
    let (end, ended) = mpsc::channel();
    let separator = Blocked {
        shape: shape(44_100, 64, 256),
        begun,
        end: ended,
    };
    (separator, has_begun, end)
}

fn wait_for(status: &Status, is_there: impl Fn(State) -> bool) {
    let started = Instant::now();
    while !is_there(status.state()) {
        assert!(started.elapsed() < PATIENCE, "{:?}", status.state());
        std::thread::yield_now();
    }
}

#[test]
fn dropping_in_the_middle_of_an_inference_terminates_it_and_returns_in_time() {
    let (separator, has_begun, end) = blocked();
    let end = Mutex::new(end);
    let terminate: Terminate = Arc::new(move || {
        let _ = end.lock().unwrap().send(());
    });
    let setup = setup(separator.shape());
    let model = LoadedSeparator {
        separator: Box::new(separator),
        terminate: Some(terminate),
    };
    let (_audio, engine) = Engine::start(&setup, "test", Box::new(|_| Ok(model))).unwrap();
    has_begun.recv().unwrap();
    let started = Instant::now();
    let status = Arc::clone(engine.status());
    drop(engine);
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    // The thread has been joined, so the separator is gone.
    assert!(has_begun.recv().is_err());
    assert_ne!(status.state(), State::Running);
}

#[test]
fn dropping_returns_in_time_even_if_the_inference_cannot_be_ended() {
    let (separator, has_begun, end) = blocked();
    let setup = setup(separator.shape());
    let (_audio, engine) = Engine::start(&setup, "test", loader(separator)).unwrap();
    has_begun.recv().unwrap();
    let started = Instant::now();
    drop(engine);
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    drop(end);
    assert!(
        has_begun.recv().is_err(),
        "the thread ends when it can, and frees the model"
    );
}

#[test]
fn a_loader_that_asks_is_told_that_the_engine_is_stopping() {
    let (loading, is_loading) = mpsc::channel();
    let load = move |is_stopping: &dyn Fn() -> bool| {
        loading.send(()).unwrap();
        while !is_stopping() {
            std::thread::yield_now();
        }
        Err(Refusal {
            fault: Fault::NoModel,
            reason: "stopped".to_owned(),
        })
    };
    let setup = setup(&shape(44_100, 64, 256));
    let (_audio, engine) = Engine::start(&setup, "test", Box::new(load)).unwrap();
    is_loading.recv().unwrap();
    let started = Instant::now();
    drop(engine);
    assert!(started.elapsed() < PATIENCE);
}

/// clap-validator ended its process right after unloading, while ONNX Runtime was starting on the
/// inference thread: the runtime's destructors ran under it.
#[test]
fn dropping_waits_for_a_loader_that_does_not_ask() {
    let (loading, is_loading) = mpsc::channel();
    let has_loaded = Arc::new(AtomicBool::new(false));
    let loaded = Arc::clone(&has_loaded);
    let load = move |_: &dyn Fn() -> bool| {
        loading.send(()).unwrap();
        std::thread::sleep(LONG);
        loaded.store(true, Ordering::Release);
        Err(Refusal {
            fault: Fault::NoModel,
            reason: "none".to_owned(),
        })
    };
    let setup = setup(&shape(44_100, 64, 256));
    let (_audio, engine) = Engine::start(&setup, "test", Box::new(load)).unwrap();
    is_loading.recv().unwrap();
    drop(engine);
    assert!(has_loaded.load(Ordering::Acquire));
}

/// Panics in its first inference.
struct Panicking(Shape);

impl Separator for Panicking {
    fn shape(&self) -> &Shape {
        &self.0
    }

    fn reset(&mut self) {}

    fn process(&mut self, _mix: [&[f32]; 2], _stems: &mut StemBlock) -> Result<(), Error> {
        panic!("as told")
    }
}

#[test]
fn a_panic_on_the_inference_thread_is_a_state_and_the_output_is_dry() {
    let shape = shape(44_100, 64, 256);
    let setup = setup(&shape);
    let (mut audio, engine) = Engine::start(&setup, "test", loader(Panicking(shape))).unwrap();
    wait_for(engine.status(), |state| {
        state == State::Refused(Fault::Panicked)
    });
    assert!(engine.status().reason().unwrap().contains("bug"));
    for is_offline in [false, true] {
        audio.set_offline(is_offline);
        audio.reset();
        let mut mix = noise(3000, 50);
        let expected = delayed(&mix, audio.latency_frames());
        let [left, right] = &mut mix;
        audio.process([left, right], &mut [], &Controls::default());
        assert!(mix[0] == expected[0][..3000] && mix[1] == expected[1][..3000]);
    }
}

#[test]
fn a_model_that_is_not_what_its_manifest_says_is_refused() {
    let promised = setup(&shape(44_100, 64, 256));
    for actual in [
        shape(44_100, 64, 320),
        shape(44_100, 32, 256),
        shape(48_000, 64, 256),
    ] {
        let (mut audio, mut worker, status) = unweave_live::testing::halves(
            &promised,
            loader(Passthrough::new(actual)),
            Box::new(unweave_live::testing::SystemClock::default()),
        );
        worker.step();
        assert_eq!(status.state(), State::Refused(Fault::Mismatch));
        assert!(status.reason().unwrap().contains("install it again"));
        audio.reset();
    }
}

#[test]
fn too_many_stems_are_refused_before_anything_starts() {
    let mut many = shape(44_100, 64, 256);
    many.stems = (0..9).map(|idx| format!("stem {idx}")).collect();
    let timing = Timing::of(&many, 44_100).unwrap();
    let plan = LatencyPlan::new(timing, 44_100, 512).unwrap();
    let error = Setup::new(&many, plan).unwrap_err();
    assert!(matches!(
        error,
        unweave_live::Error::NumStems { actual: 9, max: 8 }
    ));
}

#[test]
fn an_audio_side_without_its_engine_passes_the_aligned_mix() {
    let setup = setup(&shape(44_100, 64, 256));
    let model = small_model([0.5, 0.25, 0.125, 0.0]);
    let (mut audio, engine) = Engine::start(&setup, "test", loader(model)).unwrap();
    drop(engine);
    let mut mix = noise(9000, 51);
    let expected = delayed(&mix, audio.latency_frames());
    let [left, right] = &mut mix;
    audio.process([left, right], &mut [], &Controls::default());
    assert!(mix[0] == expected[0][..9000] && mix[1] == expected[1][..9000]);
}

#[test]
fn a_hundred_activations_leave_nothing_behind() {
    let setup = setup(&shape(44_100, 64, 256));
    let mut statuses = Vec::new();
    for _ in 0..100 {
        let model = small_model([0.5, 0.25, 0.125, 0.0]);
        let (mut audio, engine) = Engine::start(&setup, "test", loader(model)).unwrap();
        let (mut left, mut right) = ([0.5; 256], [0.5; 256]);
        audio.process([&mut left, &mut right], &mut [], &Controls::default());
        statuses.push(Arc::clone(engine.status()));
    }
    for status in statuses {
        assert_eq!(
            Arc::strong_count(&status),
            1,
            "thread and audio side are gone"
        );
    }
}

#[test]
fn one_stuck_instance_holds_up_no_other() {
    let (separator, has_begun, end) = blocked();
    let setup = setup(separator.shape());
    let (_audio, stuck) = Engine::start(&setup, "stuck", loader(separator)).unwrap();
    has_begun.recv().unwrap();
    let mix = noise(4000, 52);
    let expected = {
        let mut rig = Rig::new(small_model([0.5, 0.25, 0.125, 0.0]), 44_100, 512);
        rig.play(&mix, &[512], &Controls::default())
    };
    let others: Vec<_> = (0..8)
        .map(|_| {
            let model = small_model([0.5, 0.25, 0.125, 0.0]);
            Engine::start(&setup, "other", loader(model)).unwrap()
        })
        .collect();
    for (mut audio, _engine) in others {
        audio.set_offline(true);
        let total = mix[0].len();
        let mut out = crate::rig::Outputs {
            main: mix.clone(),
            stems: vec![[vec![9.0; total], vec![9.0; total]]],
        };
        crate::rig::block_of(&mut audio, &mut out, 0..total, &Controls::default());
        let expected = expected.stems[0]
            .each_ref()
            .map(|channel| channel[..total].to_vec());
        assert!(bits(&out.stems[0]) == bits(&expected));
    }
    drop(end);
    drop(stuck);
}

/// Tells on which thread it is freed.
struct Tracked {
    inner: Passthrough,
    freed_on: Sender<Option<String>>,
}

impl Separator for Tracked {
    fn shape(&self) -> &Shape {
        self.inner.shape()
    }

    fn reset(&mut self) {
        self.inner.reset();
    }

    fn process(&mut self, mix: [&[f32]; 2], stems: &mut StemBlock) -> Result<(), Error> {
        self.inner.process(mix, stems)
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        let name = std::thread::current().name().map(str::to_owned);
        let _ = self.freed_on.send(name);
    }
}

#[test]
fn the_model_is_freed_on_the_thread_that_ran_it() {
    let (freed_on, freed) = mpsc::channel();
    let model = Tracked {
        inner: Passthrough::new(shape(44_100, 64, 256)),
        freed_on,
    };
    let setup = setup(model.shape());
    let (_audio, engine) = Engine::start(&setup, "separation of track 1", loader(model)).unwrap();
    wait_for(engine.status(), |state| state == State::Running);
    drop(engine);
    assert_eq!(
        freed.recv().unwrap().as_deref(),
        Some("separation of track 1")
    );
}
