//! Sessions that have weights in common, seen from outside: what one more takes, and that it computes the same.

use std::borrow::Cow;
#[cfg(target_os = "linux")]
use std::fs;

use ort::value::Tensor;

use crate::device::Device;
use crate::model::store::Content;
use crate::runtime::session::{Loaded, build};
use crate::runtime::{self, Runtime};

const WHOLE: &[u8] = include_bytes!("../../../../../models/builtin/accompaniment.onnx");
const LIVE: &[u8] = include_bytes!("../../../../../models/builtin/accompaniment-live.onnx");

/// What one more session may hold, in MB: its own of the kernels, which are 7, and what a run takes, 3.
#[cfg(target_os = "linux")]
const FURTHER_MB: f64 = 15.0;
/// Largest difference of two orders of the same sums, relative to what is heard.
const ROUNDING: f32 = 1e-5;

/// Spectra of a window of 64 frames: frame, bin, channel.
const MIX: [usize; 4] = [1, 64, 1024, 2];

fn loaded(runtime: &Runtime, graph: &'static [u8], lender: Option<&'static [u8]>) -> Loaded {
    let content = Content {
        graph: Cow::Borrowed(graph),
        weights: Vec::new(),
        lender: lender.map(Cow::Borrowed),
    };
    build(runtime, &content, Device::Cpu, 1).unwrap()
}

fn runtime() -> &'static Runtime {
    runtime::load(&[]).unwrap_or_else(|error| panic!("{error}"))
}

fn mix() -> Vec<f32> {
    (0..MIX.iter().product())
        .map(|at: usize| f32::from(u16::try_from(at % 257 * (at / 2048) % 301).unwrap()) / 64.0)
        .collect()
}

fn estimate(loaded: &mut Loaded) -> Vec<f32> {
    let mix = Tensor::from_array((MIX, mix())).unwrap();
    let outputs = loaded.session.run(ort::inputs!["mix" => mix]).unwrap();
    let (_, values) = outputs["estimate"].try_extract_tensor::<f32>().unwrap();
    values.to_vec()
}

/// The live graph leaves out what its frames don't need, and has its weights from the other, dequantised here rather than
/// by the runtime.
#[test]
fn the_end_of_a_window_is_the_same_whether_all_of_it_is_computed_or_not() {
    let whole = estimate(&mut loaded(runtime(), WHOLE, None));
    let live = estimate(&mut loaded(runtime(), LIVE, Some(WHOLE)));
    let end = whole.len() - live.len();
    assert_eq!(live.len(), 10 * 1024 * 2);
    let loudest = live.iter().copied().fold(0.0, f32::max);
    assert!(loudest > 0.1, "silence proves nothing");
    for ((live, whole), mix) in live.iter().zip(&whole[end..]).zip(&mix()[end..]) {
        assert!(
            (live - whole).abs() <= ROUNDING * mix.max(1.0),
            "{live} for {whole}"
        );
    }
}

#[test]
fn a_lender_that_lacks_a_weight_is_refused_by_its_name() {
    let content = Content {
        graph: Cow::Borrowed(LIVE),
        weights: Vec::new(),
        lender: Some(Cow::Borrowed(include_bytes!(
            "../../../../tests/fixtures/square.onnx"
        ))),
    };
    let Err(reason) = build(runtime(), &content, Device::Cpu, 1) else {
        panic!("it loads");
    };
    assert!(reason.contains("down1.kernel"), "{reason}");
}

/// Resident memory of this process.
#[cfg(target_os = "linux")]
fn resident_mb() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024.0
}

/// In a process of its own, where no other test takes memory meanwhile and the allocator keeps none that is freed.
#[cfg(target_os = "linux")]
#[test]
fn another_instance_takes_little_memory_and_computes_the_same() {
    const ALONE: &str = "UNWEAVE_TEST_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let name = "another_instance_takes_little_memory_and_computes_the_same";
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args([name, "--nocapture"])
            .env(ALONE, "1")
            .env("MALLOC_MMAP_THRESHOLD_", "131072")
            .status()
            .unwrap();
        assert!(status.success());
        return;
    }
    let runtime = runtime();
    let mut sessions = Vec::new();
    let mut first = Vec::new();
    for instance in 1..=4 {
        let before = resident_mb();
        let mut session = loaded(runtime, LIVE, Some(WHOLE));
        let output = estimate(&mut session);
        sessions.push(session);
        let taken = resident_mb() - before;
        println!("instance {instance}: {taken:.1} MB");
        if instance == 1 {
            first = output;
        } else {
            assert!(
                taken < FURTHER_MB,
                "instance {instance} takes {taken:.1} MB"
            );
            assert_eq!(output, first);
        }
    }
}
