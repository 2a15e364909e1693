//! `unweave doctor`: what was found on this machine, and what to do about what wasn't.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;
use unweave_separation::files::folders;
use unweave_separation::runtime::{self, DeviceVerdict, Verdict};
use unweave_separation::{Options, Store, load};

use crate::{console, model_args};

/// Arguments of `unweave doctor`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// One JSON document on the standard output.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Findings {
    unweave_version: &'static str,
    system: String,
    processors: usize,
    /// Every runtime that the search came across, the one in use first.
    runtimes: Vec<Finding>,
    /// The processor, and what else this runtime was built for.
    devices: Vec<Finding>,
    model_folders: Vec<Finding>,
    models: Vec<Finding>,
    /// What to do; empty if all is well.
    advice: Vec<String>,
}

#[derive(Serialize)]
struct Finding {
    name: String,
    finding: String,
    is_good: bool,
}

/// Looks at everything that separation needs.
///
/// # Errors
/// None; what is missing is a finding.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let findings = look();
    let is_well = findings.advice.is_empty();
    if args.json {
        console::json(&findings)?;
    } else {
        show(&findings);
    }
    Ok(if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn look() -> Findings {
    let beside = model_args::beside();
    let mut advice = Vec::new();
    let runtimes: Vec<Finding> = runtime::survey(&beside)
        .into_iter()
        .map(|library| Finding {
            name: library.path.display().to_string(),
            finding: match library.verdict {
                Verdict::Usable { minor } => format!("version 1.{minor}, can be used"),
                Verdict::TooOld { minor } => format!("version 1.{minor}, too old"),
                Verdict::SendsTelemetry { minor } => {
                    format!("version 1.{minor}, not used because it sends telemetry")
                }
                Verdict::Flawed(flaw) => flaw.to_string(),
                Verdict::NotLoadable if library.path.is_absolute() => {
                    "no ONNX Runtime, or it needs a library that this system lacks".to_owned()
                }
                Verdict::NotLoadable => "not there, or not for this machine".to_owned(),
            },
            is_good: matches!(library.verdict, Verdict::Usable { .. }),
        })
        .collect();
    let usable = runtime::load(&beside);
    if let Err(error) = &usable {
        advice.push(error.to_string());
    }
    let devices = match usable {
        Ok(_) => devices(&beside),
        Err(_) => Vec::new(),
    };
    let store = Store::from_environment();
    let model_folders = store
        .folders()
        .map(|folder| Finding {
            name: folder.display().to_string(),
            finding: if folder.is_dir() {
                "there"
            } else {
                "not there, which is fine"
            }
            .to_owned(),
            is_good: true,
        })
        .collect();
    let options = Options {
        runtime_beside: beside,
        ..Options::default()
    };
    let models = store
        .list()
        .into_iter()
        .map(|model| {
            let name = match &model {
                Ok(model) => model.manifest.id.clone(),
                Err(_) => "a model that can't be read".to_owned(),
            };
            let checked = model.and_then(|model| match usable {
                Ok(_) => load(&model, &options).map(|_| "whole, and it runs"),
                Err(_) => model
                    .verify()
                    .map(|()| "whole, not run for want of a runtime"),
            });
            match checked {
                Ok(finding) => Finding {
                    name,
                    finding: finding.to_owned(),
                    is_good: true,
                },
                Err(error) => {
                    advice.push(format!(
                        "{error}: install the model again, or remove its folder"
                    ));
                    Finding {
                        name,
                        finding: error.to_string(),
                        is_good: false,
                    }
                }
            }
        })
        .collect();
    Findings {
        unweave_version: env!("CARGO_PKG_VERSION"),
        system: format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH),
        processors: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        runtimes,
        devices,
        model_folders,
        models,
        advice,
    }
}

/// What computes here, and what would if its drivers were there.
fn devices(beside: &[PathBuf]) -> Vec<Finding> {
    runtime::devices(beside)
        .unwrap_or_default()
        .iter()
        .filter_map(|status| {
            let finding = match &status.verdict {
                DeviceVerdict::Usable => "can be used".to_owned(),
                DeviceVerdict::Fails { reason } => format!("can't be used: {reason}"),
                _ => return None,
            };
            Some(Finding {
                name: format!("{} ({})", status.device.id(), status.device.name()),
                finding,
                is_good: status.is_usable(),
            })
        })
        .collect()
}

fn show(findings: &Findings) {
    console::result(&format!(
        "Unweave {} for {}, {} processors",
        findings.unweave_version, findings.system, findings.processors
    ));
    if let Some(folder) = folders::user_data() {
        console::result(&format!("Data folder: {}", folder.display()));
    }
    for (title, findings) in [
        (
            "ONNX Runtime, in the order it is looked for:",
            &findings.runtimes,
        ),
        ("Devices:", &findings.devices),
        ("Folders of models:", &findings.model_folders),
        ("Models:", &findings.models),
    ] {
        console::result(title);
        for finding in findings {
            let mark = if finding.is_good { "+" } else { "-" };
            console::result(&format!("  {mark} {}: {}", finding.name, finding.finding));
        }
    }
    if findings.advice.is_empty() {
        console::result("All is well.");
    } else {
        console::result("What to do:");
        for advice in &findings.advice {
            console::result(&format!("  {advice}"));
        }
    }
}
