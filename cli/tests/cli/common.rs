//! Songs to separate, and the program to do it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};

/// What one run said.
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let mut stderr = String::from_utf8(output.stderr).expect("text");
        if cfg!(windows) {
            // ONNX Runtime misses it under Wine.
            stderr = stderr
                .split_inclusive('\n')
                .filter(|line| !line.starts_with("Error in cpuinfo:"))
                .collect();
        }
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr,
        }
    }
}

/// The program, away from the models of whoever runs the tests.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unweave"));
    command.env("UNWEAVE_MODELS", "/nonexistent");
    #[cfg(windows)]
    console::share(&mut command);
    command
}

/// Runs the program to its end.
pub fn unweave(args: &[&str]) -> Said {
    command()
        .args(args)
        .output()
        .expect("the program starts")
        .into()
}

/// Runs `unweave separate SONG -o OUT` with `more` arguments; gives all arguments and what it said.
fn run_separate<'a>(song: &'a Path, out: &'a Path, more: &[&'a str]) -> (Vec<&'a str>, Said) {
    let mut args = vec![
        "separate",
        song.to_str().unwrap(),
        "-o",
        out.to_str().unwrap(),
    ];
    args.extend(more);
    let said = unweave(&args);
    (args, said)
}

/// Separates into `out` and expects one set, whose folder is given.
pub fn separate(song: &Path, out: &Path, more: &[&str]) -> PathBuf {
    let (args, said) = run_separate(song, out, more);
    assert_eq!(said.code, Some(0), "{args:?}: {}", said.stderr);
    PathBuf::from(said.stdout.trim_end())
}

/// Separates what can't be separated: exit code 1, nothing on the standard output, no file anywhere;
/// gives the message.
pub fn refused(song: &Path, more: &[&str]) -> String {
    let temp = tempfile::tempdir().unwrap();
    let out = temp.path().join("out");
    let (args, said) = run_separate(song, &out, more);
    assert_eq!(
        said.code,
        Some(1),
        "{args:?}: {} {}",
        said.stdout,
        said.stderr
    );
    assert_eq!(said.stdout, "", "{args:?}");
    assert_eq!(names(&out), [""; 0], "{args:?}");
    said.stderr
}

/// `unweave verify` finds that the set sums.
pub fn assert_sums(dir: &Path) {
    let said = unweave(&["verify", dir.to_str().unwrap()]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stdout.contains("sums exactly"), "{}", said.stdout);
}

/// Ctrl-C for a program that [`command`] started.
#[cfg(unix)]
pub fn interrupt(child: &Child) {
    // The shell's own: a small system has no program of that name.
    let status = Command::new("sh")
        .args(["-c", "kill -INT $0", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// Ctrl-Break for a program that [`command`] started: Windows sends Ctrl-C to all programs of a console or to none.
#[cfg(windows)]
pub fn interrupt(child: &Child) {
    const CTRL_BREAK_EVENT: u32 = 1;
    // SAFETY: two numbers.
    let is_sent = unsafe { console::GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, child.id()) };
    assert!(is_sent != 0, "{}", std::io::Error::last_os_error());
}

/// What lets Windows interrupt one program: a console, and a group of its own.
#[cfg(windows)]
mod console {
    use std::os::windows::process::CommandExt as _;
    use std::process::Command;
    use std::sync::Once;

    /// Microsoft, "Process Creation Flags".
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;

    #[link(name = "kernel32")]
    unsafe extern "system" {
        pub fn GenerateConsoleCtrlEvent(event: u32, group: u32) -> i32;
        fn AllocConsole() -> i32;
    }

    pub fn share(command: &mut Command) {
        static CONSOLE: Once = Once::new();
        // SAFETY: nothing is handed over. It fails where there is one already.
        CONSOLE.call_once(|| {
            let _ = unsafe { AllocConsole() };
        });
        command.creation_flags(CREATE_NEW_PROCESS_GROUP);
    }
}

/// What is in a folder, hidden files too; nothing if there is none.
pub fn names(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub fn ffmpeg(args: &[&str]) {
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(args)
        .status()
        .expect("ffmpeg is installed");
    assert!(status.success(), "ffmpeg {args:?}");
}

/// Integers of a 24-bit or 16-bit WAV, interleaved.
pub fn integers(path: &Path) -> Vec<i32> {
    hound::WavReader::open(path)
        .unwrap()
        .into_samples()
        .map(Result::unwrap)
        .collect()
}

/// Something like music: tones, clicks and noise, 16 bits, the same on every call.
pub fn music(num_frames: usize, num_channels: usize, rate: u32) -> Vec<i32> {
    let mut state = 5_u32;
    let mut samples = Vec::with_capacity(num_frames * num_channels);
    for frame in 0..num_frames {
        let seconds = frame as f64 / f64::from(rate);
        let tone = (seconds * 220.0 * std::f64::consts::TAU).sin() * 9_000.0;
        let click = if frame % (rate as usize / 4) < 40 {
            12_000.0
        } else {
            0.0
        };
        for channel in 0..num_channels {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(state >> 16) / 16.0 - 2_048.0;
            samples.push((tone / (channel + 1) as f64 + click + noise) as i32);
        }
    }
    samples
}

/// Writes samples as a WAV of 16 bits.
pub fn write_wav(path: &Path, rate: u32, num_channels: usize, samples: &[i32]) {
    let spec = hound::WavSpec {
        channels: num_channels.try_into().unwrap(),
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for &sample in samples {
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
}

/// A stereo song at 44.1 kHz.
pub fn song(path: &Path, num_frames: usize) -> PathBuf {
    write_wav(path, 44_100, 2, &music(num_frames, 2, 44_100));
    path.to_owned()
}
