//! ONNX Runtime: found, checked, loaded once per process. All use of `ort` is in this module.
//!
//! The runtime is a shared library that is loaded when the first model is. Search order:
//!
//! 1. the file that `UNWEAVE_ONNXRUNTIME` names, else the one that `ORT_DYLIB_PATH` does; if one is set,
//!    nothing else is tried,
//! 2. beside the program or the plug-in, in the folders the caller names, and in `../lib/unweave` from
//!    each,
//! 3. `runtime` in the user's data folder ([`crate::files::folders::user_data`]), where `cargo xtask setup` puts
//!    it,
//! 4. the file that the user has chosen ([`choose`]), which `runtime.txt` in the data folder names,
//! 5. wherever the system's loader looks.
//!
//! Versions 1.23 to 1.28 are accepted. Older ones refuse a setting that every session is given, or lack
//! functions. From 1.29 on, the official builds write an identity below the user's cache folder and start a
//! thread that sends telemetry, on Linux too (seen with strace on 1.29.0 to 1.32.0, not on 1.22.1 to 1.28.0): Unweave
//! promises to use no network and write no files it was not asked for, so they are refused.
//!
//! One environment serves all models of a process; it stays until the process ends.

mod choice;
mod devices;
mod inspection;
pub(crate) mod options;
mod providers;
pub(crate) mod session;
mod soundness;
pub(crate) mod terminator;

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

pub(crate) use self::choice::on_device;
pub use self::devices::{DeviceStatus, DeviceVerdict, devices};
pub use self::inspection::{Tensors, tensors};
pub use self::soundness::Flaw;
pub(crate) use self::terminator::Terminator;
use crate::error::Error;
use crate::files::folders;

/// Accepted minor versions of ONNX Runtime 1.
const SUPPORTED: RangeInclusive<u32> = 23..=28;
/// The same for messages.
const SUPPORTED_TEXT: &str = "1.23 to 1.28";

/// The library in use.
///
/// There is one per process at most, and it is never unloaded.
#[derive(Debug)]
pub struct Runtime {
    /// What all sessions belong to.
    environment: Environment,
    /// Which file it is, and its version.
    library: Library,
}

/// A library that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// The file, or the name given to the system's loader.
    pub path: PathBuf,
    /// Whether it can be used.
    pub verdict: Verdict,
}

/// What a library is good for.
///
/// What a person can do: get a version between the two, or, of a flaw, what [`Flaw`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Version 1.`minor` may be used.
    Usable {
        /// The 23 of 1.23.2.
        minor: u32,
    },
    /// Too old to have all functions that are called.
    TooOld {
        /// The 20 of 1.20.1.
        minor: u32,
    },
    /// It would send telemetry.
    SendsTelemetry {
        /// The 30 of 1.30.0.
        minor: u32,
    },
    /// The system's loader must not get it.
    Flawed(Flaw),
    /// The system's loader doesn't find it or refuses it, or it is another library.
    NotLoadable,
}

/// The runtime of this process, loaded now if it wasn't yet.
///
/// `beside` are the folders of the program or the plug-in; see the module's documentation. The first
/// success is kept whatever is asked later; after a failure the search starts anew.
///
/// # Errors
/// [`Error::Runtime`], with all that was found and why it can't be used.
pub fn load(beside: &[PathBuf]) -> Result<&'static Runtime, Error> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    static LOADING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let mut refused = Vec::new();
    for path in places(beside) {
        let library = look_at(path);
        if let Verdict::Usable { .. } = library.verdict {
            return start(library).map(|runtime| RUNTIME.get_or_init(|| runtime));
        }
        refused.push(library);
    }
    // The system's loader is asked by name, so "not loadable" there says nothing worth reading.
    refused.retain(|library| library.verdict != Verdict::NotLoadable || library.path.is_absolute());
    let problem = if refused.is_empty() {
        "ONNX Runtime was not found".to_owned()
    } else {
        let list: Vec<String> = refused.iter().map(ToString::to_string).collect();
        format!("no usable ONNX Runtime was found: {}", list.join("; "))
    };
    Err(Error::Runtime {
        problem,
        supported: SUPPORTED_TEXT,
    })
}

/// Every library that the search comes across, in its order, with what each is good for. Loads and
/// unloads all of them: for diagnosis.
pub fn survey(beside: &[PathBuf]) -> Vec<Library> {
    places(beside).into_iter().map(look_at).collect()
}

impl Runtime {
    /// The library and its version.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// The 23 of 1.23.2.
    fn minor(&self) -> u32 {
        match self.library.verdict {
            Verdict::Usable { minor } => minor,
            _ => *SUPPORTED.end(),
        }
    }
}

impl std::fmt::Display for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.path.display();
        match self.verdict {
            Verdict::Usable { minor } => write!(f, "{path} (1.{minor})"),
            Verdict::TooOld { minor } => write!(f, "{path} is 1.{minor}, too old"),
            Verdict::SendsTelemetry { minor } => {
                write!(
                    f,
                    "{path} is 1.{minor}, which sends telemetry over the network"
                )
            }
            Verdict::Flawed(flaw) => write!(f, "{path} {flaw}"),
            Verdict::NotLoadable => write!(
                f,
                "{path} is no ONNX Runtime, or needs a library that this system lacks"
            ),
        }
    }
}

/// Has this file found from now on, by all programs of this user, where nothing before it in the search can be used.
///
/// Keeps its absolute path in `runtime.txt` in the user's data folder; a process that has a runtime keeps that.
///
/// # Errors
/// [`Error::Runtime`] if it can't be used, if it wouldn't be looked for, or if the choice can't be kept.
pub fn choose(library: &Path) -> Result<(), Error> {
    let unusable = |problem: String| Error::Runtime {
        problem,
        supported: SUPPORTED_TEXT,
    };
    if let Some((variable, _)) = named() {
        let problem = format!("only what the variable {variable} names is used");
        return Err(unusable(problem));
    }
    let library = look_at(std::path::absolute(library).unwrap_or_else(|_| library.to_owned()));
    if !matches!(library.verdict, Verdict::Usable { .. }) {
        return Err(unusable(library.to_string()));
    }
    let file = chosen_file().ok_or_else(|| unusable("there is no data folder".to_owned()))?;
    let path = library.path.to_str();
    let path = path.ok_or_else(|| unusable(format!("{library} has a name that can't be kept")))?;
    file.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(&file, path))
        .map_err(|error| unusable(format!("{} can't be written: {error}", file.display())))
}

/// Names the library that was chosen.
fn chosen_file() -> Option<PathBuf> {
    folders::user_data().map(|data| data.join("runtime.txt"))
}

/// What was chosen, if it is still there.
fn chosen() -> Option<PathBuf> {
    let text = fs::read_to_string(chosen_file()?).ok()?;
    let path = PathBuf::from(text.trim_end_matches(['\r', '\n']));
    (path.is_absolute() && path.is_file()).then_some(path)
}

/// The variable that is set, and what it names.
fn named() -> Option<(&'static str, std::ffi::OsString)> {
    ["UNWEAVE_ONNXRUNTIME", "ORT_DYLIB_PATH"]
        .into_iter()
        .find_map(|name| Some((name, folders::variable(name)?)))
}

/// Where to look, in order; files that exist, but for names given to the system's loader and for what
/// the user named.
fn places(beside: &[PathBuf]) -> Vec<PathBuf> {
    if let Some((_, named)) = named() {
        let named = PathBuf::from(named);
        return vec![std::path::absolute(&named).unwrap_or(named)];
    }
    let beside = beside
        .iter()
        .flat_map(|folder| [folder.clone(), folder.join("../lib/unweave")]);
    let user = folders::user_data().map(|data| data.join("runtime"));
    let system: &[&str] = if cfg!(windows) {
        &["onnxruntime.dll"]
    } else if cfg!(target_os = "macos") {
        &["libonnxruntime.dylib"]
    } else {
        &["libonnxruntime.so.1", "libonnxruntime.so"]
    };
    beside
        .chain(user)
        .flat_map(|folder| libraries_in(&folder))
        .chain(chosen())
        .chain(system.iter().map(PathBuf::from))
        .collect()
}

/// Files of a folder that are named like the runtime, shortest name first.
fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    let is_library = |name: &str| {
        if cfg!(windows) {
            name.eq_ignore_ascii_case("onnxruntime.dll")
        } else if cfg!(target_os = "macos") {
            name == "libonnxruntime.dylib"
                || (name.starts_with("libonnxruntime.1.") && name.ends_with(".dylib"))
        } else {
            name == "libonnxruntime.so" || name.starts_with("libonnxruntime.so.1")
        }
    };
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_library(name))
        .collect();
    names.sort();
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    names.into_iter().map(|name| folder.join(name)).collect()
}

/// Looks at one library, and loads it for that if its file is sound.
fn look_at(path: PathBuf) -> Library {
    let verdict = match probe(&path) {
        Err(flaw) => Verdict::Flawed(flaw),
        Ok(version) => judge(version),
    };
    Library { path, verdict }
}

/// The 23 of 1.23.2, if it is a version of ONNX Runtime. A file is looked at before it is loaded; what the
/// system's loader is asked for by name is its own affair.
fn probe(path: &Path) -> Result<Option<u32>, Flaw> {
    if path.is_absolute() {
        soundness::check(path)?;
    }
    Ok(ort::util::probe(path))
}

/// What a minor version is good for.
fn judge(version: Option<u32>) -> Verdict {
    match version {
        None => Verdict::NotLoadable,
        Some(minor) if minor < *SUPPORTED.start() => Verdict::TooOld { minor },
        Some(minor) if minor > *SUPPORTED.end() => Verdict::SendsTelemetry { minor },
        Some(minor) => Verdict::Usable { minor },
    }
}

/// Loads a library for good: no telemetry, no log.
fn start(library: Library) -> Result<Runtime, Error> {
    let environment = ort::init_from(&library.path)
        .map_err(|error| error.to_string())
        .and_then(|builder| {
            builder
                .with_name("unweave")
                .with_telemetry(false)
                // What goes wrong comes back as an error; a library prints nothing.
                .with_logger(Arc::new(|_, _, _, _, _| {}))
                .build()
                .map_err(|error| error.to_string())
        })
        .map_err(|reason| Error::Runtime {
            problem: format!("{} does not start: {reason}", library.path.display()),
            supported: SUPPORTED_TEXT,
        })?;
    environment.set_log_level(LogLevel::Fatal);
    Ok(Runtime {
        environment,
        library,
    })
}
