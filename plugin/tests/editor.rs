//! Every control of the window, by mouse, keyboard and screen reader, and the gestures that the host gets.
//!
//! The window is drawn without a display; what its controls are called is what assistive technology reads.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may unwrap as tests may"
)]

#[path = "editor/colors.rs"]
mod colors;
#[path = "editor/host.rs"]
mod host;
#[path = "editor/painter.rs"]
mod painter;
#[path = "editor/process.rs"]
mod process;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use egui::accesskit::Role;
use egui::{Key, Modifiers, OutputCommand, Vec2};
use egui_kittest::SnapshotResults;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use host::{Desktop, Step};
use nice_plug::prelude::Param as _;
use unweave_live::{Engine, Fault, LatencyPlan, Levels, Refusal, Setup, State, Timing};
use unweave_plugin::model::ModePlan;
use unweave_plugin::params::UnweaveParams;
use unweave_plugin::report::{Facts, Pending};
use unweave_separation::doubles::shape;
use unweave_separation::files::folders;
use unweave_separation::{Device, DeviceChoice, DeviceUse, Mode};

const STEMS: [&str; 4] = ["Drums", "Bass", "Vocals", "Other"];

#[test]
fn every_switch_is_one_gesture_of_its_own_parameter() {
    let mut desktop = Desktop::new();
    for (label, id) in [
        ("Compare with dry".to_owned(), "compare".to_owned()),
        ("Bypass".to_owned(), "bypass".to_owned()),
    ]
    .into_iter()
    .chain(STEMS.iter().flat_map(|stem| {
        ["mute", "solo"].map(|what| {
            (
                format!("{stem} {what}"),
                format!("{}_{what}", stem.to_lowercase()),
            )
        })
    })) {
        for expected in [1.0, 0.0] {
            desktop.click(&label, Modifiers::NONE);
            assert_eq!(
                desktop.host.take(),
                [
                    Step::Begin(id.clone()),
                    Step::Set(id.clone(), expected),
                    Step::End(id.clone())
                ],
                "{label}"
            );
        }
    }
}

#[test]
fn solo_with_the_command_key_leaves_this_one_alone_and_again_none() {
    let mut desktop = Desktop::new();
    desktop.click("Bass solo", Modifiers::NONE);
    desktop.click("Drums solo", Modifiers::NONE);
    desktop.click("Vocals solo", Modifiers::COMMAND);
    assert_eq!(desktop.soloed(), [false, false, true, false]);
    desktop.click("Vocals solo", Modifiers::COMMAND);
    assert_eq!(desktop.soloed(), [false; 4]);
}

#[test]
fn letters_and_numbers_mute_and_solo_together_or_one_after_the_other() {
    let mut desktop = Desktop::new();
    desktop.harness.key_combination(&[Key::M, Key::Num2]);
    desktop.step();
    assert_eq!(desktop.host.take().len(), 3);
    assert!(desktop.params().bass.mute.value());
    for key in [Key::S, Key::Num4] {
        desktop.harness.key_press(key);
        desktop.step();
    }
    assert_eq!(desktop.soloed(), [false, false, false, true]);
    // A number alone does nothing.
    desktop.host.take();
    desktop.harness.key_press(Key::Num1);
    desktop.step();
    assert_eq!(desktop.host.take(), []);
}

#[test]
fn a_drag_is_one_gesture_as_far_as_the_pointer_went_and_a_tenth_with_shift() {
    let mut moved = Vec::new();
    for modifiers in [Modifiers::NONE, Modifiers::SHIFT] {
        let mut desktop = Desktop::new();
        let before = desktop.params().vocals.gain.unmodulated_normalized_value();
        let from = desktop
            .harness
            .get_by_role_and_label(Role::Slider, "Vocals gain")
            .rect()
            .center();
        desktop.drag(from, &[-10.0, -30.0, -20.0], modifiers);
        let steps = desktop.host.take();
        let sets = steps
            .iter()
            .filter(|step| matches!(step, Step::Set(..)))
            .count();
        assert_eq!(steps.len(), sets + 2, "{steps:?}");
        assert_eq!(steps[0], Step::Begin("vocals_gain".to_owned()));
        assert_eq!(steps[steps.len() - 1], Step::End("vocals_gain".to_owned()));
        moved.push(desktop.params().vocals.gain.unmodulated_normalized_value() - before);
    }
    assert!(moved[0] > 0.02, "up is louder: {moved:?}");
    assert!((moved[1] * 10.0 - moved[0]).abs() < 1e-3, "{moved:?}");
}

#[test]
fn a_window_that_closes_during_a_drag_ends_the_gesture() {
    let mut desktop = Desktop::new();
    let slider = |desktop: &Desktop, label| {
        let node = desktop.harness.get_by_role_and_label(Role::Slider, label);
        node.rect().center()
    };
    let from = slider(&desktop, "Bass gain");
    desktop.hold(from, &[-20.0, -20.0], Modifiers::NONE);
    let ends = |steps: &[Step]| {
        let is_end = |step: &&Step| matches!(step, Step::End(_));
        steps.iter().filter(is_end).count()
    };
    assert_eq!(ends(&desktop.host.take()), 0);
    desktop.close();
    assert_eq!(
        desktop.host.take(),
        [Step::End("bass_gain".to_owned())],
        "the one that was held"
    );
    desktop.close();
    assert_eq!(desktop.host.take(), []);
}

#[test]
fn double_click_and_delete_reset() {
    let mut desktop = Desktop::new();
    for label in ["Drums gain", "Drums sensitivity"] {
        desktop.focus(label);
        desktop.harness.key_press(Key::PageDown);
        desktop.step();
        assert_ne!(desktop.value_text(label), desktop.default_text(label));
        desktop.harness.key_press(Key::Delete);
        desktop.step();
        assert_eq!(desktop.value_text(label), desktop.default_text(label));
        desktop.harness.key_press(Key::PageDown);
        desktop.step();
        let center = desktop
            .harness
            .get_by_role_and_label(Role::Slider, label)
            .rect()
            .center();
        for _ in 0..2 {
            desktop.harness.hover_at(center);
            desktop.harness.drag_at(center);
            desktop.harness.event(egui::Event::PointerButton {
                pos: center,
                button: egui::PointerButton::Primary,
                pressed: false,
                modifiers: Modifiers::NONE,
            });
        }
        desktop.step();
        assert_eq!(desktop.value_text(label), desktop.default_text(label));
    }
}

#[test]
fn arrows_and_the_wheel_move_by_steps() {
    let mut desktop = Desktop::new();
    for label in ["Other gain", "Other sensitivity"] {
        desktop.focus(label);
        let before = desktop.normalized(label);
        desktop.harness.key_press(Key::ArrowUp);
        desktop.step();
        let step = desktop.normalized(label) - before;
        assert!((step - 0.01).abs() < 1e-5, "{label}: {step}");
        desktop
            .harness
            .key_press_modifiers(Modifiers::SHIFT, Key::ArrowDown);
        desktop.step();
        let back = desktop.normalized(label) - before;
        assert!((back - 0.009).abs() < 1e-5, "{label}: {back}");
        desktop.harness.key_press(Key::Home);
        desktop.step();
        assert_eq!(desktop.normalized(label), 0.0);
        let center = desktop
            .harness
            .get_by_role_and_label(Role::Slider, label)
            .rect()
            .center();
        desktop.harness.hover_at(center);
        desktop.harness.event(egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Line,
            delta: Vec2::new(0.0, 1.0),
            modifiers: Modifiers::NONE,
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Unknown,
        });
        desktop.step();
        assert!((desktop.normalized(label) - 0.02).abs() < 1e-5);
    }
}

#[test]
fn values_are_typed_after_a_click_or_straight_away() {
    let mut desktop = Desktop::new();
    desktop.focus("Bass gain");
    // As a keyboard gives it: the key, and its text.
    desktop.harness.event(egui::Event::Text("-".to_owned()));
    desktop.step();
    desktop.harness.event(egui::Event::Text("6".to_owned()));
    desktop.step();
    desktop.harness.key_press(Key::Enter);
    desktop.step();
    assert_eq!(desktop.value_text("Bass gain"), "-6.00 dB");

    desktop.click("Bass gain: -6.00 dB", Modifiers::NONE);
    desktop.harness.event(egui::Event::Text("3 dB".to_owned()));
    desktop.step();
    desktop.harness.key_press(Key::Enter);
    desktop.step();
    assert_eq!(
        desktop.value_text("Bass gain"),
        "3.00 dB",
        "what is typed replaces what was there"
    );

    // Neither nonsense nor Escape changes anything.
    for (typed, key) in [("loud", Key::Enter), ("-20", Key::Escape)] {
        desktop.click("Bass gain: 3.00 dB", Modifiers::NONE);
        desktop.harness.event(egui::Event::Text(typed.to_owned()));
        desktop.step();
        desktop.harness.key_press(key);
        desktop.step();
        assert_eq!(desktop.value_text("Bass gain"), "3.00 dB", "{typed}");
    }
    // Letters and numbers in a field are text.
    desktop.click("Bass gain: 3.00 dB", Modifiers::NONE);
    desktop.host.take();
    desktop.harness.key_combination(&[Key::M, Key::Num1]);
    desktop.step();
    assert_eq!(desktop.host.take(), []);
}

#[test]
fn a_screen_reader_hears_every_control_and_can_set_it() {
    let mut desktop = Desktop::new();
    for stem in STEMS {
        for what in ["gain", "sensitivity"] {
            let label = format!("{stem} {what}");
            let node = desktop.harness.get_by_role_and_label(Role::Slider, &label);
            assert_eq!(
                node.accesskit_node().value(),
                Some(desktop.default_text(&label))
            );
            node.increment_accesskit();
            desktop.step();
            assert_ne!(desktop.value_text(&label), desktop.default_text(&label));
        }
        for what in ["mute", "solo"] {
            desktop
                .harness
                .get_by_role_and_label(Role::CheckBox, &format!("{stem} {what}"));
        }
        desktop
            .harness
            .get_by_role_and_label(Role::Meter, &format!("{stem} level"));
    }
    for (role, label) in [
        (Role::CheckBox, "Bypass"),
        (Role::CheckBox, "Compare with dry"),
        (Role::Meter, "Master level"),
        (Role::ComboBox, "Model"),
        (Role::ComboBox, "Device"),
        (Role::Image, "The last seconds, by stem"),
    ] {
        desktop.harness.get_by_role_and_label(role, label);
    }
    assert_eq!(desktop.harness.unnamed_widgets(), [] as [String; 0]);
}

#[test]
fn nothing_is_cut_off_in_the_smallest_window_nor_at_any_scale() {
    for (size, scale) in [
        ((800.0, 480.0), 1.0),
        ((960.0, 600.0), 1.5),
        ((960.0, 600.0), 2.0),
    ] {
        let desktop = Desktop::with_size(size.into(), scale);
        let window = egui::Rect::from_min_size(egui::Pos2::ZERO, size.into());
        for stem in STEMS {
            for role_and_label in [
                (Role::Slider, format!("{stem} gain")),
                (Role::Slider, format!("{stem} sensitivity")),
                (Role::Button, format!("{stem} sensitivity: 0.0 %")),
            ] {
                let (role, label) = role_and_label;
                let rect = desktop.harness.get_by_role_and_label(role, &label).rect();
                assert!(
                    window.contains_rect(rect),
                    "{label} at {rect:?} in {size:?}"
                );
            }
        }
    }
}

/// `UPDATE_SNAPSHOTS=1 cargo test` takes them anew; look at them before they are committed.
#[test]
fn the_window_looks_as_it_did() {
    let mut results = SnapshotResults::new();
    for (name, size, scale) in [
        ("window-small", (800.0, 480.0), 1.0),
        ("window-75", (960.0, 600.0), 0.75),
        ("window-100", (960.0, 600.0), 1.0),
        ("window-150", (960.0, 600.0), 1.5),
        ("window-200", (960.0, 600.0), 2.0),
    ] {
        let mut desktop = Desktop::with_size(size.into(), scale);
        set_a_lot(&mut desktop);
        results.add(desktop.harness.try_snapshot(name));
    }
}

/// The same in other colours, chosen by hand.
#[test]
fn the_window_looks_as_it_did_in_every_look() {
    let mut results = SnapshotResults::new();
    for (look, name) in [
        ("Light", "window-light"),
        ("High contrast", "window-high-contrast"),
    ] {
        let mut desktop = Desktop::new();
        desktop
            .harness
            .get_by_role_and_label(Role::ComboBox, "Size and colours")
            .click();
        desktop.step();
        desktop.click(look, Modifiers::NONE);
        set_a_lot(&mut desktop);
        results.add(desktop.harness.try_snapshot(name));
    }
}

fn set_a_lot(desktop: &mut Desktop) {
    desktop.click("Drums mute", Modifiers::NONE);
    desktop.click("Bass solo", Modifiers::NONE);
    desktop.click("Compare with dry", Modifiers::NONE);
    for (label, key) in [
        ("Drums gain", Key::Home),
        ("Vocals gain", Key::PageDown),
        ("Other sensitivity", Key::PageUp),
    ] {
        desktop.focus(label);
        desktop.harness.key_press(key);
        desktop.step();
    }
    // The last movement ends.
    desktop.harness.run_steps(60);
}

#[test]
fn the_model_in_use_is_listed_and_choosing_it_again_asks_for_nothing() {
    let mut desktop = Desktop::new();
    desktop
        .harness
        .get_by_role_and_label(Role::ComboBox, "Model")
        .click();
    desktop.step();
    desktop
        .harness
        .get_by_role_and_label(Role::Button, "Unweave built-in")
        .click();
    desktop.step();
    assert_eq!(
        desktop.host.num_restarts(),
        0,
        "it is the model that is in use"
    );
}

/// Asking for a restart within the window's frame killed qtractor: it closes the window within that call.
#[test]
fn another_model_mode_or_device_is_chosen_and_the_host_asked_for_nothing_by_the_window() {
    let models = tempfile::tempdir().unwrap();
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/builtin");
    let manifest = fs::read_to_string(built_in.join("model.toml")).unwrap();
    let manifest = manifest.replace("id = \"unweave\"", "id = \"mine\"");
    let manifest = manifest.replace("name = \"Unweave built-in\"", "name = \"My own\"");
    for (folder, manifest) in [("mine", manifest.as_str()), ("damaged", "no manifest")] {
        let folder = models.path().join(folder);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("model.toml"), manifest).unwrap();
        for graph in [
            "vocals.onnx",
            "accompaniment.onnx",
            "accompaniment-live.onnx",
        ] {
            fs::copy(built_in.join(graph), folder.join(graph)).unwrap();
        }
    }
    process::run_with_models("menus", models.path());
}

#[test]
#[ignore = "run by the test above in a process of its own"]
fn menus() {
    let mut desktop = Desktop::new();
    let choice = desktop.params().model_choice();
    let plan = |hop_frames| {
        let timing = Timing::of(&shape(44_100, hop_frames, 2 * hop_frames), 44_100).unwrap();
        LatencyPlan::new(timing, 44_100, 512).unwrap()
    };
    let modes =
        [(Mode::Standard, 4_096), (Mode::Quick, 2_048)].map(|(mode, hop_frames)| ModePlan {
            mode,
            plan: plan(hop_frames),
        });
    desktop.params().report.watch(Facts {
        status: Arc::default(),
        levels: Arc::new(Levels::new(4, 44_100)),
        device_use: DeviceUse::default(),
        choice,
        sample_rate: 44_100,
        latency_frames: 11_025,
        least_latency_frames: 11_025,
        modes: modes.to_vec(),
        is_standalone: false,
    });
    let open = |desktop: &mut Desktop, menu| {
        let menu = desktop.harness.get_by_role_and_label(Role::ComboBox, menu);
        menu.click();
        desktop.step();
    };
    open(&mut desktop, "Model");
    let damaged = desktop.harness.get_by_label("damaged (damaged)");
    assert!(damaged.accesskit_node().is_disabled());
    desktop.harness.get_by_label("My own").click();
    desktop.step();
    assert_eq!(desktop.params().model_choice().model, "mine");

    open(&mut desktop, "Mode");
    // (2 · 2048 − 1) + 7/8 · 2048 + 511 + 131 frames of latency are 148 ms.
    let quick = "Quick · 148 ms · load not measured yet";
    desktop.harness.get_by_label(quick).click();
    desktop.step();
    assert_eq!(desktop.params().model_choice().mode, Mode::Quick);
    let pending = Pending::NeedsLatency {
        latency_frames: 22_050,
    };
    desktop.params().report.await_next(Some(pending));
    desktop.step();
    let note = "The last choice is heard: the new one needs a latency of 500 ms.";
    desktop.harness.get_by_label(note);
    let advice = "Switch the plug-in off and on in the host.";
    desktop.harness.get_by_label(advice);
    desktop.params().report.await_next(None);
    desktop.step();
    assert!(desktop.harness.query_by_label(note).is_none());

    open(&mut desktop, "Device");
    // All are listed before they were looked up.
    for device in Device::ALL {
        desktop.harness.get_by_label(device.name());
    }
    desktop.harness.get_by_label("Processor").click();
    desktop.step();
    assert_eq!(
        desktop.params().model_choice().device,
        DeviceChoice::Prefer(Device::Cpu)
    );
    assert_eq!(desktop.host.num_restarts(), 0);
}

/// An engine that has no model, for this reason.
fn refused(fault: Fault) -> Facts {
    let shape = shape(44_100, 4_096, 8_192);
    let timing = Timing::of(&shape, 44_100).unwrap();
    let plan = LatencyPlan::new(timing, 44_100, 512).unwrap();
    let reason = "ONNX Runtime was not found".to_owned();
    let loader = Box::new(move |_: &dyn Fn() -> bool| Err(Refusal { fault, reason }));
    let setup = Setup::new(&shape, plan).unwrap();
    let (_audio, engine) = Engine::start(&setup, "refused", loader).unwrap();
    while engine.status().state() == State::Loading {
        std::thread::yield_now();
    }
    Facts {
        status: Arc::clone(engine.status()),
        levels: Arc::new(Levels::new(4, 44_100)),
        device_use: DeviceUse::default(),
        choice: UnweaveParams::default().model_choice(),
        sample_rate: 44_100,
        latency_frames: 9_000,
        least_latency_frames: 9_000,
        modes: Vec::new(),
        is_standalone: false,
    }
}

#[test]
fn where_the_runtime_is_missing_it_is_said_once_and_a_file_can_be_chosen() {
    const CHOOSE: &str = "Choose file…";
    let mut desktop = Desktop::new();
    assert!(desktop.harness.query_by_label(CHOOSE).is_none());
    desktop.params().report.watch(refused(Fault::NoRuntime));
    desktop.step();
    desktop.harness.get_by_label(CHOOSE);
    let said = desktop.harness.query_all_by_label_contains("was not found");
    assert_eq!(said.count(), 1);
    // Another fault has no file to choose.
    desktop.params().report.watch(refused(Fault::NoModel));
    desktop.step();
    assert!(desktop.harness.query_by_label(CHOOSE).is_none());
}

#[test]
fn controls_without_effect_are_dimmed_and_can_be_set_all_the_same() {
    let brightness = |desktop: &mut Desktop| {
        // The strips.
        let image = desktop.harness.render().unwrap();
        let strips = image::imageops::crop_imm(&image, 0, 200, 680, 330).to_image();
        let values = strips.pixels().map(|pixel| f64::from(pixel.0[0]));
        values.sum::<f64>() / f64::from(strips.width() * strips.height())
    };
    let mut desktop = Desktop::new();
    let bright = brightness(&mut desktop);
    desktop.params().report.watch(refused(Fault::NoModel));
    desktop.step();
    let dim = brightness(&mut desktop);
    assert!(dim < 0.9 * bright, "{dim} {bright}");
    desktop.click("Drums mute", Modifiers::NONE);
    assert!(desktop.params().stems()[0].mute.value());
}

#[test]
fn a_window_that_nobody_sees_asks_for_no_frame() {
    let mut desktop = Desktop::new();
    desktop.params().report.watch(Facts {
        status: Arc::default(),
        ..refused(Fault::NoModel)
    });
    let wait = |desktop: &mut Desktop| {
        desktop.harness.run_steps(4);
        let output = &desktop.harness.output().viewport_output;
        output
            .values()
            .map(|viewport| viewport.repaint_delay)
            .min()
            .unwrap()
    };
    // It loads, which shows.
    assert!(wait(&mut desktop) < Duration::from_secs(1));
    desktop.is_hidden.store(true, Ordering::Relaxed);
    assert!(wait(&mut desktop) >= Duration::from_secs(1));
}

fn preset(desktop: &Desktop) -> String {
    let harness = &desktop.harness;
    let node = harness.get_by_role_and_label(Role::Button, "Preset");
    node.accesskit_node().value().unwrap()
}

fn open_presets(desktop: &mut Desktop) {
    desktop
        .harness
        .get_by_role_and_label(Role::Button, "Preset")
        .click();
    desktop.step();
}

#[test]
fn a_preset_is_set_by_gestures_and_marked_when_something_is_changed() {
    let mut desktop = Desktop::new();
    assert_eq!(preset(&desktop), "Full mix");
    open_presets(&mut desktop);
    desktop.click("Instrumental", Modifiers::NONE);
    let id = || "vocals_mute".to_owned();
    assert_eq!(
        desktop.host.take(),
        [Step::Begin(id()), Step::Set(id(), 1.0), Step::End(id())],
        "what is so already is left alone"
    );
    assert_eq!(preset(&desktop), "Instrumental");
    desktop.click("Vocals mute", Modifiers::NONE);
    assert_eq!(preset(&desktop), "Instrumental *");
    open_presets(&mut desktop);
    desktop.click("Practice bass", Modifiers::NONE);
    assert_eq!(desktop.value_text("Bass gain"), "-12.00 dB");
    desktop.click("Reset all", Modifiers::NONE);
    assert_eq!(desktop.value_text("Bass gain"), "0.00 dB");
    assert_eq!(preset(&desktop), "Full mix");
}

#[test]
fn presets_of_the_users_are_saved_renamed_removed_and_stepped_through() {
    let mut desktop = Desktop::new();
    desktop.click("Drums solo", Modifiers::NONE);
    open_presets(&mut desktop);
    let field = desktop
        .harness
        .get_by_role_and_label(Role::TextInput, "Name of the preset");
    field.click();
    desktop.step();
    desktop.harness.event(egui::Event::Text("Mine".to_owned()));
    desktop.step();
    desktop.click("Save", Modifiers::NONE);
    assert_eq!(preset(&desktop), "Mine");
    let file = desktop.data().join("presets/Mine.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("format = 1\n") && text.contains("soloed = true"));

    desktop.harness.event(egui::Event::Text(" too".to_owned()));
    let field = desktop
        .harness
        .get_by_role_and_label(Role::TextInput, "Name of the preset");
    field.click();
    desktop.step();
    desktop.harness.event(egui::Event::Text("!".to_owned()));
    desktop.step();
    desktop.click("Rename", Modifiers::NONE);
    assert!(!file.exists());
    let renamed = preset(&desktop);
    assert!(
        renamed.starts_with("Mine") && renamed != "Mine",
        "{renamed}"
    );
    desktop.harness.key_press(Key::Escape);
    desktop.step();

    // The user's come after Unweave's own, and then it starts again.
    desktop.harness.key_press(Key::N);
    desktop.step();
    assert_eq!(preset(&desktop), "Full mix");
    assert_eq!(desktop.soloed(), [false; 4]);
    desktop
        .harness
        .key_press_modifiers(Modifiers::SHIFT, Key::N);
    desktop.step();
    assert_eq!(preset(&desktop), renamed);
    assert_eq!(desktop.soloed(), [true, false, false, false]);

    open_presets(&mut desktop);
    desktop.click("Use for new instances", Modifiers::NONE);
    assert!(desktop.data().join("new-instances.toml").exists());
    desktop.click("Remove", Modifiers::NONE);
    let left = fs::read_dir(desktop.data().join("presets")).unwrap();
    assert_eq!(left.count(), 0);
    assert_eq!(
        desktop.soloed(),
        [true, false, false, false],
        "what is set stays"
    );
}

#[test]
fn settings_are_put_aside_and_swapped() {
    let mut desktop = Desktop::new();
    desktop.click("Drums mute", Modifiers::NONE);
    open_presets(&mut desktop);
    desktop.click("Put aside", Modifiers::NONE);
    desktop.click("Drums only", Modifiers::NONE);
    let muted = |desktop: &Desktop| desktop.params().stems().map(|stem| stem.mute.value());
    assert_eq!(muted(&desktop), [false, true, true, true]);
    for expected in [[true, false, false, false], [false, true, true, true]] {
        desktop.click("Swap", Modifiers::NONE);
        assert_eq!(muted(&desktop), expected);
    }
}

#[test]
fn the_manual_opens_from_about_and_why_it_does_not_is_said() {
    let cache = tempfile::tempdir().unwrap();
    for folder in [cache.path(), &cache.path().join("no folder")] {
        fs::write(cache.path().join("no folder"), "").unwrap();
        let variables = ["XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"].map(|name| (name, folder));
        process::run_with("manual", &variables);
    }
}

#[test]
#[ignore = "run by the test above in a process of its own"]
fn manual() {
    let mut desktop = Desktop::new();
    desktop.click("About", Modifiers::NONE);
    desktop.harness.get_by_label("Manual").click();
    let mut opened = Vec::new();
    for _ in 0..3 {
        desktop.harness.step();
        let commands = &desktop.harness.output().platform_output.commands;
        opened.extend(commands.iter().filter_map(|command| match command {
            OutputCommand::OpenUrl(link) => Some(link.url.clone()),
            _ => None,
        }));
    }
    let cache = folders::user_cache().unwrap();
    if cache.parent().unwrap().is_dir() {
        assert_eq!(opened, [cache.join("manual.html").display().to_string()]);
        let page = fs::read_to_string(&opened[0]).unwrap();
        assert!(page.contains("<h2 id=\"the-plug-in\">The plug-in</h2>"));
    } else {
        assert_eq!(opened, [""; 0]);
        desktop.harness.get_by_label_contains("can't be written: ");
    }
}

#[test]
fn keys_that_mean_nothing_here_are_the_hosts_and_the_space_bar_always() {
    let desktop = Desktop::new();
    let uses = |key, modifiers| desktop.uses_key(key, modifiers);
    let plain = Modifiers::NONE;
    for key in [Key::Space, Key::F5, Key::R, Key::Num1, Key::ArrowUp] {
        assert!(!uses(key, plain), "{key:?}");
    }
    for key in [Key::M, Key::S, Key::B, Key::N, Key::Tab] {
        assert!(uses(key, plain), "{key:?}");
        assert!(!uses(key, Modifiers::CTRL), "{key:?} with Ctrl");
    }
    assert!(!uses(Key::Delete, plain) && uses(Key::Delete, Modifiers::SHIFT));
    let mut desktop = desktop;
    desktop.focus("Bass gain");
    for key in [Key::ArrowUp, Key::Delete, Key::Num1, Key::Minus] {
        assert!(desktop.uses_key(key, plain), "{key:?}");
    }
    assert!(!desktop.uses_key(Key::Space, plain));
}

#[test]
fn what_awaits_a_number_shows_it_and_any_other_key_ends_the_wait() {
    let mut desktop = Desktop::new();
    desktop.harness.key_press(Key::M);
    desktop.step();
    let is_ours = desktop.uses_key(Key::Num3, Modifiers::NONE);
    assert!(is_ours, "a number is awaited");
    desktop.harness.key_press(Key::Escape);
    desktop.step();
    assert!(!desktop.uses_key(Key::Num3, Modifiers::NONE));
    desktop.harness.key_press(Key::Num3);
    desktop.step();
    assert!(!desktop.params().vocals.mute.value());
}

#[test]
fn everything_goes_back_and_dry_and_bypass_are_switched_by_keys() {
    let mut desktop = Desktop::new();
    desktop.click("Drums mute", Modifiers::NONE);
    for (modifiers, key) in [
        (Modifiers::NONE, Key::B),
        (Modifiers::SHIFT, Key::B),
        (Modifiers::SHIFT, Key::Delete),
    ] {
        desktop.harness.key_press_modifiers(modifiers, key);
        desktop.step();
    }
    assert!(desktop.params().compare.value() && desktop.params().bypass.value());
    assert!(!desktop.params().drums.mute.value());
}
