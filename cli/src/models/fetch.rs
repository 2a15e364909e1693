//! `unweave models fetch`: a model of the catalogue, downloaded, checked and installed. The only command
//! that uses the network.

use std::io::{self, BufRead, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use unweave_separation::loading::install::{self, Trial, install};
use unweave_separation::model::catalogue::{Catalogue, Commercial, Download, Entry};
use unweave_separation::{Options, Origin, Store};

use super::{Folders, size};
use crate::console::{self, DownloadProgress};
use crate::download::{self, Failure, Places, Wanted};
use crate::separate::INTERRUPTED;

/// How often Ctrl-C is looked for.
const GLANCE: Duration = Duration::from_millis(20);
/// How long a download is waited for after Ctrl-C; what it does then is only to append to a part.
const GRACE: Duration = Duration::from_millis(500);

/// Arguments of `unweave models fetch`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Id in the catalogue: see `unweave models available`.
    #[arg(value_name = "ID")]
    id: String,
    /// Accept a licence that forbids commercial use, or that nobody has stated, without being asked.
    #[arg(long)]
    accept_licence: bool,
    /// Where files are taken from instead of where they are published: URL/ID/FILE.
    #[arg(long, value_name = "URL", env = "UNWEAVE_MIRROR")]
    mirror: Option<String>,
    /// Give up on a server that is silent for so long.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Install it again although it is there.
    #[arg(long)]
    overwrite: bool,
    /// No progress and no notes, only results and errors.
    #[arg(short, long)]
    quiet: bool,
}

/// Downloads and installs.
///
/// # Errors
/// There is no such model, its licence was not accepted, it can't be had, or it does not run.
pub fn run(args: &Args, catalogue: &Catalogue, store: &Store) -> anyhow::Result<ExitCode> {
    let entry = catalogue.find(&args.id)?;
    if let Some(section) = &entry.convert {
        bail!("{}", convert_it(entry, section));
    }
    let cancel = Arc::new(AtomicBool::new(false));
    let on_interrupt = Arc::clone(&cancel);
    ctrlc::set_handler(move || on_interrupt.store(true, Ordering::Relaxed))
        .context("can't listen for Ctrl-C")?;
    let mut entries = Vec::new();
    for id in &entry.needs {
        entries.push(catalogue.find(id)?);
    }
    entries.push(entry);
    for entry in entries {
        if is_installed(store, &entry.id) && !args.overwrite {
            if !args.quiet {
                console::note(&format!("{} is installed and whole", entry.id));
            }
            continue;
        }
        if !args.accept(entry)? {
            bail!("not installed: its licence was not accepted");
        }
        match args.fetch(entry, store, &cancel) {
            Err(error) if is_cancelled(&error) => {
                console::note(
                    "cancelled; the same command goes on from here, `unweave models clean` deletes what \
                     has come",
                );
                return Ok(ExitCode::from(INTERRUPTED));
            }
            other => other?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Args {
    /// Shows the licence; whether it may be installed.
    fn accept(&self, entry: &Entry) -> anyhow::Result<bool> {
        if !self.quiet || entry.commercial.must_be_accepted() {
            console::note(&format!(
                "{}, {}, from {}",
                entry.name,
                size(entry.size()),
                entry.source
            ));
            console::note(&format!("licence: {}", entry.licence));
            if !entry.terms.is_empty() {
                console::note(&entry.terms);
            }
        }
        if !entry.commercial.must_be_accepted() || self.accept_licence {
            return Ok(true);
        }
        let matter = match entry.commercial {
            Commercial::Forbidden => "It must not be used for money.",
            _ => "Nobody has stated whether it may be used for money.",
        };
        console::note(matter);
        if !io::stdin().is_terminal() {
            bail!("{matter} To install it on these terms, add --accept-licence");
        }
        console::note("Type yes to install it on these terms:");
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(answer.trim().eq_ignore_ascii_case("yes"))
    }

    fn fetch(&self, entry: &Entry, store: &Store, cancel: &Arc<AtomicBool>) -> anyhow::Result<()> {
        let folders = Folders::of(store)?;
        let mut files = Vec::new();
        for file in &entry.files {
            let places = Places {
                parts: folders.parts.clone(),
                quarantine: folders.quarantine.clone(),
                name: format!("{}-{}", entry.id, file.path),
            };
            let from = self
                .download(entry, file, places, cancel)
                .with_context(|| format!("{} can't be downloaded", file.path))?;
            files.push(install::File {
                path: file.path.clone(),
                from,
                is_moved: true,
            });
        }
        let options = Options {
            runtime_beside: crate::engine::beside(),
            ..Options::default()
        };
        let (model, trial) = install(store, &entry.manifest()?, &files, true, &options)?;
        // Moved to another disk they are still there.
        for file in &files {
            let _ = std::fs::remove_file(&file.from);
        }
        let _ = std::fs::remove_dir(&folders.parts);
        if trial == Trial::NoRuntime {
            console::note("not tried: there is no ONNX Runtime here; `unweave doctor` says more");
        }
        let folder = model.folder.as_deref().unwrap_or(Path::new(""));
        console::result(&folder.display().to_string());
        Ok(())
    }

    /// Downloads on a thread of its own, since a silent server must not keep Ctrl-C waiting.
    fn download(
        &self,
        entry: &Entry,
        file: &Download,
        places: Places,
        cancel: &Arc<AtomicBool>,
    ) -> anyhow::Result<std::path::PathBuf> {
        let wanted = Wanted {
            size: file.size,
            sha256: file.sha256.clone(),
            urls: match &self.mirror {
                Some(base) => vec![format!(
                    "{}/{}/{}",
                    base.trim_end_matches('/'),
                    entry.id,
                    file.path
                )],
                None => file.urls.clone(),
            },
        };
        let progress = DownloadProgress::start(&file.path, file.size, self.quiet);
        let silence = Duration::from_secs(self.timeout);
        let (shown, flag) = (progress.clone(), Arc::clone(cancel));
        let worker = thread::spawn(move || {
            let report = |bytes| shown.show(bytes);
            download::download(&download::agent(silence), &wanted, &places, &report, &flag)
        });
        let mut waited = Duration::ZERO;
        while !worker.is_finished() && waited < GRACE {
            thread::sleep(GLANCE);
            if cancel.load(Ordering::Relaxed) {
                waited += GLANCE;
            }
        }
        progress.clear();
        if !worker.is_finished() {
            return Err(Failure::Cancelled.into());
        }
        match worker.join() {
            Ok(result) => Ok(result?),
            Err(_) => bail!("the download ended because of a bug"),
        }
    }
}

/// What to do about a model that nobody publishes as ONNX.
fn convert_it(entry: &Entry, section: &str) -> String {
    let mut text = format!(
        "{} is not published in a form that can be run. Convert it yourself, as models/CONVERTING.md#{section} \
         says, then: unweave models add FILES --as {}",
        entry.name, entry.id
    );
    for checkpoint in &entry.checkpoints {
        text.push_str(&format!("\n  from {}", checkpoint.url));
        if let Some(sha256) = &checkpoint.sha256 {
            text.push_str(
                &format!(" (sha-256 {sha256}…)")
                    .replace('…', if sha256.len() == 64 { "" } else { "…" }),
            );
        }
    }
    text
}

fn is_installed(store: &Store, id: &str) -> bool {
    store.find(id).is_ok_and(|model| {
        matches!(model.origin, Origin::User | Origin::System) && model.verify().is_ok()
    })
}

fn is_cancelled(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(Failure::Cancelled))
}
