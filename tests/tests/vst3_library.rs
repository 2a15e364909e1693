//! The library that VST3 hosts load, loaded as they do: scanned, set up, played, saved and restored.
#![allow(
    clippy::unwrap_used,
    clippy::undocumented_unsafe_blocks,
    reason = "helpers of tests may unwrap as tests may; all unsafe code here calls the plug-in as a host would"
)]

use std::ffi::c_void;
use std::ptr::null_mut;

use libloading::{Library, Symbol};
use nice_plug::wrapper::vst3::vst3::ComPtr;
use nice_plug::wrapper::vst3::vst3::Steinberg::Vst::{
    BusDirections_, IComponentTrait, IEditControllerTrait, MediaTypes_,
};
use nice_plug::wrapper::vst3::vst3::Steinberg::{
    IPluginFactory, IPluginFactoryTrait, PClassInfo, kResultOk,
};
use unweave_plugin::ids;
use unweave_tests::rude_vst3::Rude;
use unweave_tests::signal::{delayed, distance, noise};

/// The factory of what cargo builds with the crate that this test links. The library stays: what it gave must not
/// outlive it.
fn factory() -> ComPtr<IPluginFactory> {
    let name = libloading::library_filename("unweave_plugin");
    let path = std::env::current_exe().unwrap().with_file_name(name);
    unsafe {
        let library: &'static Library = Box::leak(Box::new(Library::new(path).unwrap()));
        if cfg!(windows) {
            let enter: Symbol<extern "system" fn() -> bool> = library.get(b"InitDll").unwrap();
            assert!(enter());
        } else {
            let name: &[u8] = match cfg!(target_os = "macos") {
                true => b"bundleEntry",
                false => b"ModuleEntry",
            };
            let enter: Symbol<extern "C" fn(*mut c_void) -> bool> = library.get(name).unwrap();
            assert!(enter(null_mut()));
        }
        let get: Symbol<extern "system" fn() -> *mut c_void> =
            library.get(b"GetPluginFactory").unwrap();
        ComPtr::from_raw(get().cast()).unwrap()
    }
}

/// Name and id of each class.
fn classes(factory: &ComPtr<IPluginFactory>) -> Vec<(String, [u8; 16])> {
    let count = unsafe { factory.countClasses() };
    (0..count)
        .map(|idx| unsafe {
            let mut info: PClassInfo = std::mem::zeroed();
            assert_eq!(factory.getClassInfo(idx, &raw mut info), kResultOk);
            let name = info.name.map(i8_to_u8);
            let end = name.iter().position(|byte| *byte == 0).unwrap();
            let name = String::from_utf8(name[..end].to_vec()).unwrap();
            (name, info.cid.map(i8_to_u8))
        })
        .collect()
}

fn i8_to_u8(byte: std::ffi::c_char) -> u8 {
    byte.to_ne_bytes()[0]
}

#[test]
fn a_host_scans_plays_saves_and_restores_both_plug_ins() {
    let factory = factory();
    let classes = classes(&factory);
    let names: Vec<&str> = classes.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Unweave", "Unweave Multi-Out"]);
    for ((name, id), channels) in classes.iter().zip([&[2][..], &[2; 5]]) {
        let host = Rude::of(&factory, id);
        host.activate();
        let audio = MediaTypes_::kAudio as i32;
        let count = |direction| unsafe { host.component.getBusCount(audio, direction) };
        assert_eq!(count(BusDirections_::kInput as i32), 1, "{name}");
        let num_outputs = i32::try_from(channels.len()).unwrap();
        assert_eq!(count(BusDirections_::kOutput as i32), num_outputs, "{name}");
        for id in ids::PARAMS {
            let value = host.value(host.param(id));
            assert!((0.0..=1.0).contains(&value), "{name}: {id} is {value}");
        }

        // Untouched, and as late as it says; offline, so that every hop is waited for.
        let mix: Vec<f32> = noise(44_100, 11)
            .iter()
            .map(|sample| sample * 0.5)
            .collect();
        let out = host.render(&mix, channels);
        let expected = delayed(&mix, host.latency());
        assert!(host.latency() > 0 && host.latency() < mix.len(), "{name}");
        assert!(out[0][0] == expected, "{name}: the mix is not the input");
        if let [_, stems @ ..] = &out[..]
            && !stems.is_empty()
        {
            let sum: Vec<f32> = (0..mix.len())
                .map(|at| stems.iter().map(|stem| stem[0][at]).sum())
                .collect();
            assert!(distance(&sum, &expected) < 1e-6, "the stems don't sum");
            let loudest = |stem: &Vec<Vec<f32>>| stem[0].iter().fold(0.0f32, |a, b| a.max(b.abs()));
            assert!(
                stems.iter().any(|stem| loudest(stem) > 1e-3),
                "no stem sounds"
            );
        }

        let gain = host.param("vocals_gain");
        unsafe { host.controller.setParamNormalized(gain, 0.25) };
        let saved = host.save();
        let other = Rude::of(&factory, id);
        other.activate();
        assert_ne!(other.value(gain), host.value(gain), "{name}");
        assert!(other.load(&saved), "{name}");
        assert_eq!(other.value(gain), host.value(gain), "{name}");
    }
}
