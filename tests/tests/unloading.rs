//! A host that unloads the library while its inference thread can't be stopped.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests may do what tests may")]

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use unweave_plugin::ids;
use unweave_tests::session::{self, Session};

const MANIFEST: &str = include_str!("../../models/builtin/model.toml");

/// The environment variable by which the plug-in finds models.
const MODELS: &str = "UNWEAVE_MODELS";

/// What hosts load; cargo builds it with the crate that this test links.
fn library() -> PathBuf {
    std::env::current_exe()
        .unwrap()
        .with_file_name("libunweave_plugin.so")
}

/// The model's file is a pipe, so loading it lasts until the other end is closed.
#[test]
fn unloading_the_library_while_a_model_loads_does_not_crash() {
    let models = tempfile::tempdir().unwrap();
    let model = models.path().join("unweave");
    fs::create_dir(&model).unwrap();
    fs::write(model.join("model.toml"), MANIFEST).unwrap();
    let made = Command::new("mkfifo")
        .arg(model.join("vocals.onnx"))
        .status();
    assert!(made.unwrap().success());
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(MODELS, models.path())
        .output()
        .unwrap();
    assert!(
        child.status.success(),
        "{}: {}",
        child.status,
        String::from_utf8_lossy(&child.stderr)
    );
}

#[test]
#[ignore = "run by the other test in a process of its own"]
fn child() {
    let models = PathBuf::from(std::env::var_os(MODELS).unwrap());
    let entry = session::load_file(&library());
    let mut session = Session::new(&entry, ids::CLAP_ID);
    session.activate(44_100, 512);
    let writer = wait_for(|| {
        assert!(
            session.status().starts_with("Loading"),
            "{}",
            session.status()
        );
        // Fails until the thread has opened the other end.
        OpenOptions::new()
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(models.join("unweave/vocals.onnx"))
            .ok()
    });
    let threads = inference_threads();
    assert_eq!(threads.len(), 1);
    drop(session);
    drop(entry);
    assert_eq!(inference_threads(), threads, "it was to be stuck");
    drop(writer);
    wait_for(|| (!threads[0].exists()).then_some(()));
}

/// glibc keeps a library anyway while a thread has thread-local data of it, which is no promise: so
/// the loader is told.
#[test]
fn the_loader_is_told_to_keep_the_library() {
    let readelf = Command::new("readelf").arg("-d").arg(library()).output();
    let flags = String::from_utf8(readelf.unwrap().stdout).unwrap();
    assert!(flags.contains("NODELETE"), "{flags}");
}

fn inference_threads() -> Vec<PathBuf> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let is_inference = |task: &Path| {
        fs::read_to_string(task.join("comm")).is_ok_and(|name| name.trim() == "unweave-model")
    };
    tasks
        .map(|task| task.unwrap().path())
        .filter(|task| is_inference(task))
        .collect()
}

fn wait_for<T>(mut what: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = what() {
            return found;
        }
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "nothing happens"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}
