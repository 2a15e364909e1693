//! The systems that are built for: this one, and others by a cross compiler.

use anyhow::bail;

use crate::bundle::NAME;

/// A system and a processor, by the names that Rust has for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct System {
    pub os: &'static str,
    pub arch: &'static str,
}

impl System {
    /// The one that this program runs on.
    pub const HERE: Self = Self {
        os: std::env::consts::OS,
        arch: std::env::consts::ARCH,
    };
    /// The one that `cargo xtask windows` builds for.
    pub const WINDOWS: Self = Self {
        os: "windows",
        arch: "x86_64",
    };

    /// The file of a program of this name.
    pub fn program(self, name: &str) -> String {
        match self.os {
            "windows" => format!("{name}.exe"),
            _ => name.to_owned(),
        }
    }

    /// What cargo calls a library of this name.
    pub fn library(self, name: &str) -> String {
        match self.os {
            "windows" => format!("{name}.dll"),
            "macos" => format!("lib{name}.dylib"),
            _ => format!("lib{name}.so"),
        }
    }

    /// Where a VST3 bundle's binary lies below `Contents`.
    pub fn vst3_binary(self) -> anyhow::Result<String> {
        Ok(match (self.os, self.arch) {
            ("linux", "x86_64" | "aarch64") => format!("{}-linux/{NAME}.so", self.arch),
            ("macos", _) => format!("MacOS/{NAME}"),
            ("windows", "x86_64") => format!("x86_64-win/{NAME}.vst3"),
            (os, arch) => bail!("the VST3 format has no folder name for {os} on {arch}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_as_this_system_names_them() {
        let System { os, .. } = System::HERE;
        let (program, library) = (
            format!("a{}", std::env::consts::EXE_SUFFIX),
            format!(
                "{}a{}",
                std::env::consts::DLL_PREFIX,
                std::env::consts::DLL_SUFFIX
            ),
        );
        assert_eq!(System::HERE.program("a"), program, "{os}");
        assert_eq!(System::HERE.library("a"), library, "{os}");
    }
}
