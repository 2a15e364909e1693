//! The search for ONNX Runtime, in processes of their own: environment and runtime are one per process.
#![allow(clippy::unwrap_used, reason = "helpers of tests may do what tests may")]

use std::path::{Path, PathBuf};
use std::process::Command;

use unweave_separation::runtime::{self, Verdict};
use unweave_separation::{Model, Options, StemBlock, load};

/// Runs one of the ignored tests here in a process of its own; what it printed.
fn run(name: &str, configure: impl FnOnce(&mut Command)) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--ignored", "--nocapture"]);
    configure(&mut command);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// What a child process finds: a line per library of the survey, then what is loaded.
fn child(environment: &[(&str, &Path)], beside: &Path) -> String {
    run("search_in_a_child_process", |command| {
        command
            .env_remove("UNWEAVE_ONNXRUNTIME")
            .env_remove("ORT_DYLIB_PATH");
        // A user's own runtime must not decide a test.
        command
            .env("XDG_DATA_HOME", "/nonexistent")
            .env("LOCALAPPDATA", "/nonexistent")
            .env("HOME", "/nonexistent");
        command
            .env("UNWEAVE_TEST_BESIDE", beside)
            .envs(environment.iter().copied());
    })
}

#[test]
#[ignore = "the body of the child processes that the other tests start"]
fn search_in_a_child_process() {
    let beside = [PathBuf::from(
        std::env::var_os("UNWEAVE_TEST_BESIDE").unwrap(),
    )];
    for library in runtime::survey(&beside) {
        println!("seen: {library}");
    }
    match runtime::load(&beside) {
        Ok(runtime) => println!("loaded: {}", runtime.library()),
        Err(error) => println!("error: {error}"),
    }
}

/// The runtime that the tests run with.
fn real() -> PathBuf {
    let runtime = runtime::load(&[]).unwrap_or_else(|error| panic!("{error}"));
    assert!(matches!(runtime.library().verdict, Verdict::Usable { .. }));
    runtime.library().path.clone()
}

/// What this system calls the runtime.
const LIBRARY: &str = if cfg!(windows) {
    "onnxruntime.dll"
} else if cfg!(target_os = "macos") {
    "libonnxruntime.dylib"
} else {
    "libonnxruntime.so"
};

/// A library with the runtime's entry point and nothing else, that calls itself `version`. Needs a compiler.
#[cfg(unix)]
fn fake(folder: &Path, version: &str) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    let source = folder.join("fake.c");
    let code = format!(
        "static const char *version(void) {{ return \"{version}\"; }}\n\
         static const void *api(unsigned v) {{ (void)v; return 0; }}\n\
         static const struct {{ const void *(*get)(unsigned); const char *(*version)(void); }}\n\
         base = {{ api, version }};\n\
         const void *OrtGetApiBase(void) {{ return &base; }}\n"
    );
    std::fs::write(&source, code).unwrap();
    let library = folder.join(LIBRARY);
    let mut compiler = Command::new("cc");
    compiler
        .args(["-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(&source);
    assert!(compiler.status().unwrap().success());
    library
}

/// A folder with the real runtime in it, under its plain name.
fn linked(folder: &Path) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    let link = folder.join(LIBRARY);
    #[cfg(unix)]
    std::os::unix::fs::symlink(real(), &link).unwrap();
    // Links are for administrators there.
    #[cfg(not(unix))]
    std::fs::copy(real(), &link).unwrap();
    link
}

/// Whether the library is the one of a folder `lib/unweave`.
fn is_in_lib(text: &str) -> bool {
    let library = Path::new("lib").join("unweave").join(LIBRARY);
    text.contains(&library.display().to_string())
}

#[test]
fn a_runtime_that_the_user_names_is_the_only_one_tried() {
    let dir = tempfile::tempdir().unwrap();
    let beside = dir.path().join("bin");
    linked(&beside);
    let gone = dir.path().join("gone").join(LIBRARY);
    for name in ["UNWEAVE_ONNXRUNTIME", "ORT_DYLIB_PATH"] {
        let text = child(&[(name, &gone)], &beside);
        assert!(
            text.contains(&format!(
                "error: no usable ONNX Runtime was found: {}",
                gone.display()
            )),
            "{text}"
        );
        assert!(text.contains("cargo xtask setup"), "{text}");
        assert!(!text.contains("loaded:"), "{text}");
    }
    let text = child(
        &[("UNWEAVE_ONNXRUNTIME", &real())],
        &dir.path().join("empty"),
    );
    assert!(
        text.contains(&format!("loaded: {} (1.", real().display())),
        "{text}"
    );
}

#[test]
fn a_runtime_lies_beside_the_program_or_in_lib_unweave_or_in_the_users_data_folder() {
    let dir = tempfile::tempdir().unwrap();
    let (bin, empty) = (dir.path().join("bin"), dir.path().join("empty/bin"));
    let data = dir.path().join("data");
    let link = linked(&bin);
    let text = child(&[], &bin);
    assert!(
        text.contains(&format!("loaded: {}", link.display())),
        "{text}"
    );

    linked(&dir.path().join("lib/unweave"));
    let other = dir.path().join("other");
    std::fs::create_dir_all(&other).unwrap();
    let text = child(&[], &other);
    assert!(text.contains("loaded:") && is_in_lib(&text), "{text}");

    if cfg!(any(target_os = "linux", windows)) {
        let link = linked(&data.join("unweave").join("runtime"));
        let variables = [("XDG_DATA_HOME", data.as_path()), ("LOCALAPPDATA", &data)];
        let text = child(&variables, &empty);
        assert!(
            text.contains(&format!("loaded: {}", link.display())),
            "{text}"
        );
    }
}

#[test]
#[ignore = "the body of the child processes that the test below starts"]
fn choose_in_a_child_process() {
    let library = std::env::var_os("UNWEAVE_TEST_LIBRARY").unwrap();
    match runtime::choose(Path::new(&library)) {
        Ok(()) => println!("chosen"),
        Err(error) => println!("refused: {error}"),
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_that_was_chosen_is_found_by_every_later_program_until_it_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (data, empty) = (dir.path().join("data"), dir.path().join("empty"));
    std::fs::create_dir(&empty).unwrap();
    let choose = |library: &Path, variable: &str| {
        run("choose_in_a_child_process", |command| {
            for name in ["UNWEAVE_ONNXRUNTIME", "ORT_DYLIB_PATH"] {
                command.env_remove(name);
            }
            command
                .env("XDG_DATA_HOME", &data)
                .env("UNWEAVE_TEST_LIBRARY", library)
                .env(variable, library);
        })
    };
    let found = || child(&[("XDG_DATA_HOME", &data)], &empty);

    // Under a name that no search would find.
    let library = dir.path().join("the one I have.so");
    std::fs::copy(real(), &library).unwrap();
    assert!(!found().contains("loaded:"));
    let text = choose(&dir.path().join("no such file"), "UNUSED");
    assert!(text.contains("refused:"), "{text}");
    let text = choose(&library, "ORT_DYLIB_PATH");
    assert!(
        text.contains("only what the variable ORT_DYLIB_PATH names"),
        "{text}"
    );
    assert!(!found().contains("loaded:"));

    let text = choose(&library, "UNUSED");
    assert!(text.contains("chosen"), "{text}");
    let text = found();
    assert!(
        text.contains(&format!("loaded: {}", library.display())),
        "{text}"
    );
    std::fs::remove_file(&library).unwrap();
    let text = found();
    assert!(
        !text.contains("loaded:") && !text.contains("the one I have"),
        "{text}"
    );
}

#[cfg(unix)]
#[test]
fn versions_that_are_too_old_or_send_telemetry_are_passed_over_and_named() {
    let dir = tempfile::tempdir().unwrap();
    for (version, reason) in [
        ("1.21.0", "is 1.21, too old"),
        ("1.29.0", "is 1.29, which sends telemetry"),
        ("1.32.0", "is 1.32, which sends telemetry"),
    ] {
        let folder = dir.path().join(version);
        let library = fake(&folder, version);
        let text = child(&[("UNWEAVE_ONNXRUNTIME", &library)], &folder);
        assert!(
            text.contains(&format!(
                "error: no usable ONNX Runtime was found: {}",
                library.display()
            )),
            "{text}"
        );
        assert!(text.contains(reason), "{text}");
        assert!(text.contains("1.23 to 1.28"), "{text}");
    }
    // One that can't be used does not hide one that can.
    let bin = dir.path().join("root/bin");
    fake(&bin, "1.30.0");
    linked(&dir.path().join("root/lib/unweave"));
    let text = child(&[], &bin);
    assert!(text.contains("is 1.30, which sends telemetry"), "{text}");
    assert!(text.contains("loaded:") && is_in_lib(&text), "{text}");
}

/// Mapping a library whose end is missing ends the process.
#[test]
fn a_broken_runtime_is_named_with_the_reason_and_harms_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let whole = std::fs::read(real()).unwrap();
    let file = dir.path().join(LIBRARY);
    let mut contents = vec![
        (b"not a library".to_vec(), "is no library"),
        (Vec::new(), "is no library"),
    ];
    for len in [
        // The first bytes of Windows' say only where its headers are.
        if cfg!(windows) { 4095 } else { 64 },
        4096,
        whole.len() / 2,
        whole.len() * 9 / 10,
        // Windows' has a signature at its end, which isn't mapped.
        whole.len() - if cfg!(windows) { 1 << 20 } else { 1 },
    ] {
        contents.push((whole[..len].to_vec(), "is incomplete: copy or download"));
    }
    if cfg!(target_os = "linux") {
        let mut foreign = whole;
        // Bytes 18 and 19 of ELF's header are the machine; 8 is MIPS.
        foreign[18..20].copy_from_slice(&[8, 0]);
        contents.push((foreign, "is a library for another kind of processor"));
    }
    for (content, reason) in contents {
        std::fs::write(&file, content).unwrap();
        let text = child(&[("UNWEAVE_ONNXRUNTIME", &file)], dir.path());
        assert!(
            text.contains(&format!(
                "error: no usable ONNX Runtime was found: {}",
                file.display()
            )),
            "{text}"
        );
        assert!(text.contains(reason), "{reason}: {text}");
    }
    let gone = dir.path().join("gone").join(LIBRARY);
    for (named, reason) in [
        (dir.path(), "is a folder; name the library in it"),
        (gone.as_path(), "does not exist"),
    ] {
        let text = child(&[("UNWEAVE_ONNXRUNTIME", named)], dir.path());
        assert!(text.contains(reason), "{reason}: {text}");
    }
    // It doesn't hide one that can be used.
    let bin = dir.path().join("root/bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::fs::write(bin.join(file.file_name().unwrap()), "").unwrap();
    linked(&dir.path().join("root/lib/unweave"));
    let text = child(&[], &bin);
    assert!(text.contains("loaded:") && is_in_lib(&text), "{text}");
}

#[test]
#[ignore = "the body of the child process of the next test"]
fn separate_in_a_child_process() {
    let mut separator = load(&Model::built_in().unwrap(), &Options::default()).unwrap();
    let mix = vec![0.1; 20 * separator.shape().hop_frames];
    separator
        .process([&mix, &mix], &mut StemBlock::default())
        .unwrap();
    let threads = std::fs::read_dir("/proc/self/task").unwrap().count();
    let sockets = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count();
    println!("threads: {threads}, sockets: {sockets}.");
}

/// A runtime that identifies its user does it with files in the home or cache folder, a thread of its own
/// and a socket.
#[test]
#[cfg(target_os = "linux")]
fn separating_leaves_no_file_no_thread_and_no_socket_behind() {
    let home = tempfile::tempdir().unwrap();
    let text = run("separate_in_a_child_process", |command| {
        command
            .env("UNWEAVE_ONNXRUNTIME", real())
            .env("HOME", home.path());
        for name in [
            "XDG_CACHE_HOME",
            "XDG_CONFIG_HOME",
            "XDG_DATA_HOME",
            "XDG_STATE_HOME",
            "TMPDIR",
        ] {
            command.env_remove(name);
        }
        command.env("TMPDIR", home.path()).current_dir(home.path());
        // One of the parent's would be counted.
        command.stdin(std::process::Stdio::null());
    });
    // The main thread and the one that the test runs in.
    assert!(text.contains("threads: 2, sockets: 0."), "{text}");
    let left: Vec<_> = std::fs::read_dir(home.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
#[ignore = "the body of the child process of the next test"]
fn eight_instances_in_a_child_process() {
    let resident = || {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = text.split(' ').nth(1).unwrap().parse().unwrap();
        pages * 4096 / 1000
    };
    let mut instances = Vec::new();
    let mut stems = StemBlock::default();
    let before = resident();
    for _ in 0..8 {
        let mut separator = load(&Model::built_in().unwrap(), &Options::default()).unwrap();
        let mix = vec![0.1; separator.shape().hop_frames];
        separator.process([&mix, &mix], &mut stems).unwrap();
        instances.push((separator, resident() - before));
    }
    let sizes: Vec<u64> = instances.iter().map(|(_, size)| *size).collect();
    println!("kilobytes: {sizes:?}.");
}

/// kB of a further instance, of which the weights alone are 39,000.
#[cfg(target_os = "linux")]
const MOST_PER_INSTANCE: u64 = 25_000;

#[test]
#[cfg(target_os = "linux")]
fn instances_of_a_model_share_its_weights() {
    let text = run("eight_instances_in_a_child_process", |command| {
        command.env("UNWEAVE_ONNXRUNTIME", real());
    });
    let (_, sizes) = text.split_once("kilobytes: [").unwrap();
    let (sizes, _) = sizes.split_once(']').unwrap();
    let sizes: Vec<u64> = sizes
        .split(", ")
        .map(|size| size.parse().unwrap())
        .collect();
    let each = (sizes[7] - sizes[0]) / 7;
    eprintln!("first {} kB, each further {each} kB", sizes[0]);
    assert!(each < MOST_PER_INSTANCE, "{each} kB for each instance");
}
