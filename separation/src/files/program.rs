//! Other programs, run unseen.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

/// A program that gets nothing to read, and for which Windows opens no window of a console: hosts of plug-ins have
/// none that it could use.
pub fn quiet(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    #[cfg(windows)]
    {
        use std::os::windows::process::CommandExt as _;
        /// Microsoft, "Process Creation Flags".
        const CREATE_NO_WINDOW: u32 = 0x0800_0000;
        command.creation_flags(CREATE_NO_WINDOW);
    }
    command
}
