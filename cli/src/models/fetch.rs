//! `unweave models fetch`: a model of the catalogue, downloaded, checked and installed. The only command
//! that uses the network.

use std::io::{self, BufRead, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use unweave_separation::loading::fetch::{
    Fetch, FetchError, OnProgress, how_to_convert, is_installed, parts,
};
use unweave_separation::loading::install::Trial;
use unweave_separation::model::catalogue::{Catalogue, Commercial, Entry};
use unweave_separation::{Options, Store};

use super::size;
use crate::console::{self, DownloadProgress};
use crate::separate::INTERRUPTED;

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
    if let Some(advice) = how_to_convert(entry) {
        bail!("{advice}");
    }
    let cancel = Arc::new(AtomicBool::new(false));
    let on_interrupt = Arc::clone(&cancel);
    ctrlc::set_handler(move || on_interrupt.store(true, Ordering::Relaxed))
        .context("can't listen for Ctrl-C")?;
    for entry in parts(catalogue, entry)? {
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
        let fetch = Fetch {
            store: store.clone(),
            mirror: self.mirror.clone(),
            silence: Duration::from_secs(self.timeout),
            options: Options {
                runtime_beside: crate::model_args::beside(),
                ..Options::default()
            },
        };
        // A bar per file.
        let bar = Arc::new(Mutex::new(None::<(String, DownloadProgress)>));
        let (shown, is_quiet) = (Arc::clone(&bar), self.quiet);
        let on_progress: OnProgress = Arc::new(move |file, bytes| {
            let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
            if shown.as_ref().is_none_or(|(path, _)| *path != file.path) {
                let progress = DownloadProgress::start(&file.path, file.size, is_quiet);
                if let Some((_, old)) = shown.replace((file.path.clone(), progress)) {
                    old.clear();
                }
            }
            if let Some((_, progress)) = &*shown {
                progress.show(bytes);
            }
        });
        let fetched = fetch.fetch(entry, &on_progress, cancel);
        let shown = bar.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((_, progress)) = shown {
            progress.clear();
        }
        let (model, trial) = fetched?;
        if trial == Trial::NoRuntime {
            console::note("not tried: there is no ONNX Runtime here; `unweave doctor` says more");
        }
        let folder = model.folder.as_deref().unwrap_or(Path::new(""));
        console::result(&folder.display().to_string());
        Ok(())
    }
}

fn is_cancelled(error: &anyhow::Error) -> bool {
    let error: Option<&FetchError> = error.downcast_ref();
    error.is_some_and(FetchError::is_cancelled)
}
