//! From the device that is wanted to the one that computes.
//!
//! | wanted | can't be used when loading | fails later |
//! |---|---|---|
//! | `Only` | an error | the processor, and [`crate::DeviceUse::fallback`] says so |
//! | `Prefer` | the processor, said | the same |
//! | `Auto` | left out | the same |
//!
//! `Auto` takes the fastest of all usable devices but TensorRT, which compiles for minutes and so is only
//! used when asked for. With more than one, each hop's time is measured when a model is first loaded and
//! kept in `devices.json` in the user's data folder, per content of the model, version of the runtime
//! and number of threads. Whoever deletes that file has it measured again.

mod times;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use self::times::Times;
use super::options::Options;
use super::session::Target;
use super::{DeviceStatus, DeviceVerdict, Runtime, Verdict, devices};
use crate::audio::noise::noise;
use crate::device::{Device, DeviceChoice};
use crate::error::Error;
use crate::model::store::Model;
use crate::separator::{Separator, StemBlock};

/// Runs of a device that are measured, unless [`LONG_ENOUGH`] is over.
const MEASURED_RUNS: usize = 5;
/// A model of a long segment takes seconds for each run.
const LONG_ENOUGH: Duration = Duration::from_secs(2);

/// Loads a model on one device. It is called once per device that is tried.
pub(crate) type LoadOn<'a> = dyn FnMut(&Target) -> Result<Box<dyn Separator>, Error> + 'a;

/// Loads a model with `load_on` on the device that `options` ask for.
///
/// Where `Auto` has a choice, other loads of the process wait while one measures.
///
/// # Errors
/// The runtime can't be loaded, the device can't be used, or what `load_on` says.
pub(crate) fn on_device(
    model: &Model,
    options: &Options,
    load_on: &mut LoadOn<'_>,
) -> Result<Box<dyn Separator>, Error> {
    let runtime = super::load(&options.runtime_beside)?;
    let target = |device| Target {
        runtime,
        device,
        threads: options.threads.max(1),
        device_use: options.device_use.clone(),
        terminator: options.terminator.clone(),
    };
    // What computes is said before it is tried, so that a fall-back during the trial stays.
    let mut load = |device| {
        options.device_use.set(device);
        load_on(&target(device))
    };
    match options.device {
        DeviceChoice::Only(Device::Cpu) | DeviceChoice::Prefer(Device::Cpu) => load(Device::Cpu),
        DeviceChoice::Only(device) => {
            let statuses = devices(&options.runtime_beside)?;
            let refused = |problem: String| Error::Device {
                device,
                problem,
                usable: usable(statuses),
            };
            if let Some(problem) = problem(statuses, device) {
                return Err(refused(problem));
            }
            let separator = load(device)?;
            match options.device_use.fallback() {
                None => Ok(separator),
                Some(problem) => Err(refused(problem)),
            }
        }
        DeviceChoice::Prefer(device) => {
            let statuses = devices(&options.runtime_beside)?;
            let reason = match problem(statuses, device) {
                Some(problem) => problem,
                None => match load(device) {
                    Ok(separator) => return Ok(separator),
                    Err(Error::Terminated) => return Err(Error::Terminated),
                    Err(error) => error.to_string(),
                },
            };
            let separator = load(Device::Cpu)?;
            options.device_use.fall_back(device, &reason);
            Ok(separator)
        }
        DeviceChoice::Auto => {
            let others: Vec<Device> = devices(&options.runtime_beside)?
                .iter()
                .filter(|status| status.is_usable())
                .map(|status| status.device)
                .filter(|device| !matches!(device, Device::Cpu | Device::TensorRt))
                .collect();
            if others.is_empty() {
                return load(Device::Cpu);
            }
            let key = |device| key(runtime, model, device, options.threads);
            let mut load = |device| {
                let separator = load(device)?;
                match options.device_use.forget_fallback() {
                    None => Ok(separator),
                    Some(reason) => Err(Error::Inference { reason }),
                }
            };
            // When a session is opened all instances load at once; one measures for all.
            static MEASURING: Mutex<()> = Mutex::new(());
            let _one_at_a_time = MEASURING.lock().unwrap_or_else(PoisonError::into_inner);
            let mut times = Times::of_user();
            let separator = fastest(&others, &mut times, &key, &mut load, &mut time_of_hop)?;
            times.save();
            Ok(separator)
        }
    }
}

/// Why a device can't be used, if so.
fn problem(statuses: &[DeviceStatus], device: Device) -> Option<String> {
    let status = statuses.iter().find(|status| status.device == device)?;
    match &status.verdict {
        DeviceVerdict::Usable => None,
        DeviceVerdict::NotInRuntime => Some("this ONNX Runtime was built without it".to_owned()),
        DeviceVerdict::Fails { reason } => Some(reason.clone()),
    }
}

/// The devices that can be used, for an error.
fn usable(statuses: &[DeviceStatus]) -> String {
    let ids: Vec<&str> = statuses
        .iter()
        .filter(|status| status.is_usable())
        .map(|status| status.device.id())
        .collect();
    ids.join(", ")
}

/// Under what a time is kept: all that it depends on.
fn key(runtime: &Runtime, model: &Model, device: Device, threads: usize) -> String {
    let version = match runtime.library.verdict {
        Verdict::Usable { minor } => minor,
        _ => 0,
    };
    // Only models with graphs of their own come here, whose identity is in their manifest.
    let identity = model.identity().unwrap_or_default();
    format!("{identity} {device} 1.{version} {threads}")
}

/// The separator of the processor or of the one of `others` that takes the least time for a hop. Times
/// that are known are not measured again; a device that can't load the model is left out.
///
/// # Errors
/// The processor can't load the model, or loading was stopped.
fn fastest(
    others: &[Device],
    times: &mut Times,
    key: &dyn Fn(Device) -> String,
    load: &mut dyn FnMut(Device) -> Result<Box<dyn Separator>, Error>,
    measure: &mut dyn FnMut(&mut dyn Separator) -> Result<Duration, Error>,
) -> Result<Box<dyn Separator>, Error> {
    let known = |times: &Times, device| times.get(&key(device)).map(|time| (time, device));
    let all: Option<Vec<_>> = std::iter::once(Device::Cpu)
        .chain(others.iter().copied())
        .map(|device| known(times, device))
        .collect();
    if let Some((_, device)) = all.and_then(|all| all.into_iter().min()) {
        match load(device) {
            // It worked when it was measured: try them all again.
            Err(Error::Inference { .. } | Error::ModelRefused { .. }) if device != Device::Cpu => {}
            result => return result,
        }
    }
    let mut best = load(Device::Cpu)?;
    let mut best_time = measure(&mut *best)?;
    let mut best_device = Device::Cpu;
    times.set(key(Device::Cpu), best_time);
    for &device in others {
        let attempt = load(device).and_then(|mut separator| {
            let time = measure(&mut *separator)?;
            Ok((separator, time))
        });
        match attempt {
            Ok((separator, time)) => {
                times.set(key(device), time);
                if time < best_time {
                    (best, best_time, best_device) = (separator, time, device);
                }
            }
            Err(Error::Terminated) => return Err(Error::Terminated),
            Err(_) => times.forget(&key(device)),
        }
    }
    // The last that was tried is what is said to compute: let it be the one that does.
    drop(best);
    load(best_device)
}

/// What a hop takes at best: the scheduler may interrupt some runs.
///
/// Noise goes in until the window is full, then for up to [`MEASURED_RUNS`] hops.
fn time_of_hop(separator: &mut dyn Separator) -> Result<Duration, Error> {
    let mix = noise(separator.shape().hop_frames);
    let mut stems = StemBlock::default();
    // Before the first window is full, some models do nothing.
    let shape = separator.shape();
    for _ in 1..shape.window_frames.div_ceil(shape.hop_frames) {
        separator.process([&mix, &mix], &mut stems)?;
    }
    let (mut best, mut sum) = (Duration::MAX, Duration::ZERO);
    for _ in 0..MEASURED_RUNS {
        let start = Instant::now();
        separator.process([&mix, &mix], &mut stems)?;
        let time = start.elapsed();
        best = best.min(time);
        sum += time;
        if sum > LONG_ENOUGH {
            break;
        }
    }
    separator.reset();
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::separator::doubles::{Passthrough, shape};

    /// Loads stand-ins whose hop is as long as the device is slow, in microseconds; counts what is loaded.
    fn load_from(
        speeds: &[(Device, usize)],
        loaded: &mut Vec<Device>,
        device: Device,
    ) -> Result<Box<dyn Separator>, Error> {
        loaded.push(device);
        match speeds.iter().find(|(of, _)| *of == device) {
            Some((_, us)) => Ok(Box::new(Passthrough::new(shape(44_100, *us, *us)))),
            None => Err(Error::Inference {
                reason: "no driver".to_owned(),
            }),
        }
    }

    fn pick(
        others: &[Device],
        times: &mut Times,
        speeds: &[(Device, usize)],
    ) -> (Result<usize, Error>, Vec<Device>) {
        let mut loaded = Vec::new();
        let result = fastest(
            others,
            times,
            &|device| device.id().to_owned(),
            &mut |device| load_from(speeds, &mut loaded, device),
            &mut |separator| Ok(Duration::from_micros(separator.shape().hop_frames as u64)),
        );
        (result.map(|best| best.shape().hop_frames), loaded)
    }

    #[test]
    fn the_fastest_is_taken_measured_once_and_remembered() {
        use Device::{Cpu, Cuda, OpenVino};
        let others = [Cuda, OpenVino];
        let mut times = Times::default();
        let speeds = [(Cpu, 900), (Cuda, 100), (OpenVino, 500)];
        let (best, _) = pick(&others, &mut times, &speeds);
        assert_eq!(best.unwrap(), 100);
        let (best, loaded) = pick(&others, &mut times, &speeds);
        assert_eq!((best.unwrap(), loaded), (100, vec![Cuda]));

        // The card is gone: what is left is measured again, and the processor need not be the slowest.
        let speeds = [(Cpu, 900), (OpenVino, 500)];
        let (best, _) = pick(&others, &mut times, &speeds);
        assert_eq!(best.unwrap(), 500);
        assert_eq!(times.get("cuda"), None);
    }

    #[test]
    fn devices_that_fail_or_are_slower_leave_the_processor() {
        use Device::{Cpu, Cuda};
        for speeds in [vec![(Cpu, 900)], vec![(Cpu, 900), (Cuda, 901)]] {
            let (best, loaded) = pick(&[Cuda], &mut Times::default(), &speeds);
            assert_eq!(best.unwrap(), 900);
            assert_eq!(loaded.last(), Some(&Cpu));
        }
        let (best, _) = pick(&[Cuda], &mut Times::default(), &[(Cuda, 1)]);
        assert!(best.is_err(), "a model must run on the processor");
    }
}
