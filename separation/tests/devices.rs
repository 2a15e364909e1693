//! What computes: chosen, missing, and said. Where the runtime has accelerators, those compute the same
//! stems as the processor.
#![allow(clippy::unwrap_used, reason = "helpers of tests may do what tests may")]

use std::path::Path;

use unweave_separation::audio::write::{BitDepth, FileFormat};
use unweave_separation::delivery::folder::Existing;
use unweave_separation::delivery::plan::Selection;
use unweave_separation::offline::pool::SeparatorPool;
use unweave_separation::offline::{Done, Job, separate_file};
use unweave_separation::runtime::{self, DeviceStatus, DeviceVerdict};
use unweave_separation::{
    Device, DeviceChoice, DeviceUse, Error, Model, Options, Separator, StemBlock, Terminator, load,
};

fn statuses() -> &'static [DeviceStatus] {
    runtime::devices(&[]).unwrap_or_else(|error| panic!("{error}"))
}

fn open(device: DeviceChoice) -> (Result<Box<dyn Separator>, Error>, DeviceUse) {
    let options = Options {
        device,
        ..Options::default()
    };
    let used = options.device_use.clone();
    (load(&Model::built_in().unwrap(), &options), used)
}

/// A device that this runtime can't use; Core ML and DirectML are never both there.
fn missing() -> Device {
    let status = statuses().iter().find(|status| !status.is_usable());
    status.unwrap().device
}

fn stems(separator: &mut dyn Separator) -> StemBlock {
    let hop = separator.shape().hop_frames;
    let mix: Vec<f32> = (0..20 * hop)
        .map(|i| (i as f32 * 0.05).sin() * 0.3)
        .collect();
    let mut stems = StemBlock::default();
    separator.process([&mix, &mix], &mut stems).unwrap();
    stems
}

#[test]
fn every_device_is_listed_once_and_the_processor_can_always_be_used() {
    let statuses = statuses();
    let devices: Vec<Device> = statuses.iter().map(|status| status.device).collect();
    assert_eq!(devices, Device::ALL);
    assert!(statuses[0].is_usable());
    // A runtime for one system has no device of another.
    let foreign = if cfg!(target_os = "macos") {
        Device::DirectMl
    } else {
        Device::CoreMl
    };
    let status = statuses.iter().find(|status| status.device == foreign);
    assert_eq!(status.unwrap().verdict, DeviceVerdict::NotInRuntime);
}

#[test]
fn a_device_that_must_be_used_and_is_missing_is_an_error_that_names_what_there_is() {
    let device = missing();
    let (separator, used) = open(DeviceChoice::Only(device));
    let message = separator.err().unwrap().to_string();
    assert!(
        message.contains(&format!("device {device} can't be used")),
        "{message}"
    );
    assert!(message.contains("This machine has: auto, cpu"), "{message}");
    assert_eq!(used.fallback(), None);
}

#[test]
fn a_device_that_is_only_preferred_and_missing_is_replaced_by_the_processor_aloud() {
    let device = missing();
    let (separator, used) = open(DeviceChoice::Prefer(device));
    let mut separator = separator.unwrap();
    assert_eq!(used.device(), Some(Device::Cpu));
    let said = used.fallback().unwrap();
    assert!(
        said.contains(device.name()) && said.contains("processor computes"),
        "{said}"
    );

    let mut reference = open(DeviceChoice::Only(Device::Cpu)).0.unwrap();
    assert_eq!(stems(&mut *separator), stems(&mut *reference));
}

#[test]
fn auto_takes_something_that_computes_and_says_what() {
    let (separator, used) = open(DeviceChoice::Auto);
    separator.unwrap();
    let device = used.device().unwrap();
    assert!(
        statuses()
            .iter()
            .any(|status| status.device == device && status.is_usable())
    );
    assert_eq!(used.fallback(), None);
}

/// Where there is nothing but the processor this compares it with itself, which every load must survive.
#[test]
fn usable_devices_agree_with_the_processor_on_the_stems() {
    let mut reference = open(DeviceChoice::Only(Device::Cpu)).0.unwrap();
    let expected = stems(&mut *reference);
    for status in statuses().iter().filter(|status| status.is_usable()) {
        let (separator, used) = open(DeviceChoice::Only(status.device));
        let mut separator = separator.unwrap();
        let actual = stems(&mut *separator);
        assert_eq!(used.device(), Some(status.device));
        let difference = actual
            .iter()
            .flatten()
            .flatten()
            .zip(expected.iter().flatten().flatten())
            .map(|(actual, expected)| (actual - expected).abs())
            .fold(0.0, f32::max);
        // f32 sums in another order; 1e-4 of the mix's peak of 0.3.
        assert!(difference < 3e-5, "{}: {difference}", status.device);
    }
}

#[test]
fn a_songs_report_says_that_another_device_computed() {
    let dir = tempfile::tempdir().unwrap();
    let song = dir.path().join("song.wav");
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 44_100,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&song, spec).unwrap();
    for sample in 0..2_000i16 {
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
    let written = |output_dir: &Path, device| {
        let options = Options {
            device,
            ..Options::default()
        };
        let pool = SeparatorPool::open(Model::built_in().unwrap(), options).unwrap();
        let model = pool.model_report();
        let job = Job {
            source: &song,
            output_dir,
            template: None,
            is_flat: false,
            has_report: true,
            selection: &Selection::default(),
            format: FileFormat::Wav,
            depth: BitDepth::Int16,
            existing: Existing::Number,
            skip_existing: false,
            model: &model,
            runtime: pool.runtime().to_owned(),
            threads: 1,
            name: None,
            range: None,
        };
        let mut open_stream = |rate| pool.stream(rate);
        match separate_file(&job, &mut open_stream, &mut |_| {}, &Terminator::new()) {
            Ok(Done::Written { report, .. }) => report.warnings,
            other => panic!("{other:?}"),
        }
    };
    let warnings = written(&dir.path().join("a"), DeviceChoice::Prefer(missing()));
    let said = |warning: &String| warning.contains(missing().name());
    assert_eq!(
        warnings.iter().filter(|warning| said(warning)).count(),
        1,
        "{warnings:?}"
    );
    let warnings = written(&dir.path().join("b"), DeviceChoice::Only(Device::Cpu));
    assert!(!warnings.iter().any(said), "{warnings:?}");
}
