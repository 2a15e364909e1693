//! Where Unweave's own files live on each system. Nothing here creates anything.
//!
//! | system | user's data folder | system folders |
//! |---|---|---|
//! | Linux | `$XDG_DATA_HOME/unweave`, else `~/.local/share/unweave` | `/usr/local/share/unweave`, `/usr/share/unweave` |
//! | macOS | `~/Library/Application Support/unweave` | `/Library/Application Support/unweave` |
//! | Windows | `%LOCALAPPDATA%\unweave` | `%PROGRAMDATA%\unweave` |

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// The user's data folder, if the environment says where it is.
pub fn user_data() -> Option<PathBuf> {
    let data = if cfg!(target_os = "macos") {
        absolute("HOME").map(|home| home.join("Library/Application Support"))
    } else if cfg!(windows) {
        absolute("LOCALAPPDATA")
    } else {
        absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
    };
    data.map(|data| data.join("unweave"))
}

/// Where the user's large files lie that may be lost, if the environment says where.
///
/// | system | folder |
/// |---|---|
/// | Linux | `$XDG_CACHE_HOME/unweave`, else `~/.cache/unweave` |
/// | macOS | `~/Library/Caches/unweave` |
/// | Windows | `%LOCALAPPDATA%\unweave\cache` |
pub fn user_cache() -> Option<PathBuf> {
    if cfg!(target_os = "macos") {
        absolute("HOME").map(|home| home.join("Library/Caches/unweave"))
    } else if cfg!(windows) {
        absolute("LOCALAPPDATA").map(|data| data.join("unweave\\cache"))
    } else {
        absolute("XDG_CACHE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
            .map(|cache| cache.join("unweave"))
    }
}

/// The user's home folder, if the environment says where it is.
pub fn home() -> Option<PathBuf> {
    absolute(if cfg!(windows) { "USERPROFILE" } else { "HOME" })
}

/// Data folders that an administrator or a package fills, in search order.
pub fn system_data() -> Vec<PathBuf> {
    if cfg!(target_os = "macos") {
        vec![PathBuf::from("/Library/Application Support/unweave")]
    } else if cfg!(windows) {
        absolute("PROGRAMDATA")
            .map(|data| data.join("unweave"))
            .into_iter()
            .collect()
    } else {
        vec![
            PathBuf::from("/usr/local/share/unweave"),
            PathBuf::from("/usr/share/unweave"),
        ]
    }
}

/// A variable that holds something.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// A folder named by a variable. The XDG specification has relative ones ignored.
fn absolute(name: &str) -> Option<PathBuf> {
    variable(name)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}
