//! `unweave models`: which models there are, what they are, whether they work; and more of them.

mod add;
mod available;
mod fetch;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use unweave_separation::loading::fetch::Folders;
use unweave_separation::loading::install;
use unweave_separation::model::catalogue::Catalogue;
use unweave_separation::model::facts::Facts;
use unweave_separation::{Model, Options, Store, load};

use crate::{console, model_args};

/// Subcommands of `unweave models`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// All models that can be named with --model.
    List {
        /// One JSON document on the standard output.
        #[arg(long)]
        json: bool,
    },
    /// What a model is, where it comes from, and under which licence.
    Info {
        /// Id, or path of its folder.
        #[arg(value_name = "ID|PATH")]
        model: String,
        /// One JSON document on the standard output.
        #[arg(long)]
        json: bool,
    },
    /// Public models that can be fetched, or converted and added.
    Available {
        /// One JSON document on the standard output.
        #[arg(long)]
        json: bool,
    },
    /// Download a public model, check it and install it. Nothing else uses the network.
    Fetch(fetch::Args),
    /// Install a model from files that are here already.
    Add(add::Args),
    /// Delete a model that was installed.
    Remove {
        /// Its id.
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Delete unfinished downloads, and files that turned out to be others than they should be.
    Clean,
    /// Check the files of models against their checksums, and run each once.
    Verify {
        /// Id, or path of its folder [default: all].
        #[arg(value_name = "ID|PATH")]
        model: Option<String>,
    },
}

/// Runs a subcommand.
///
/// # Errors
/// There is no such model, or its manifest is wrong.
pub fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let store = Store::from_environment();
    match command {
        Command::List { json } => list(&store, *json),
        Command::Info { model, json } => info(&store.find(model)?, *json),
        Command::Available { json } => {
            available::run(&catalogue()?, &store, *json)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Fetch(args) => fetch::run(args, &catalogue()?, &store),
        Command::Add(args) => add::run(args, &catalogue()?, &store),
        Command::Remove { id } => {
            let folder = install::remove(&store, id)?;
            console::note(&format!("deleted {}", folder.display()));
            Ok(ExitCode::SUCCESS)
        }
        Command::Clean => clean(&store),
        Command::Verify { model: Some(model) } => Ok(verify(&[store.find(model)?])),
        Command::Verify { model: None } => {
            let (models, are_all_readable) = readable(&store);
            let code = verify(&models);
            Ok(if are_all_readable {
                code
            } else {
                ExitCode::FAILURE
            })
        }
    }
}

/// The catalogue that `UNWEAVE_CATALOGUE` names, else the one of this program.
fn catalogue() -> anyhow::Result<Catalogue> {
    match std::env::var_os("UNWEAVE_CATALOGUE").filter(|path| !path.is_empty()) {
        None => Ok(Catalogue::built_in()?),
        Some(path) => {
            let path = PathBuf::from(path);
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("can't read the catalogue {}", path.display()))?;
            Catalogue::parse(&text).with_context(|| path.display().to_string())
        }
    }
}

fn clean(store: &Store) -> anyhow::Result<ExitCode> {
    let folders = Folders::of(store)?;
    for folder in [folders.parts, folders.quarantine] {
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .with_context(|| format!("can't delete {}", folder.display()))?;
            console::note(&format!("deleted {}", folder.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `165.6 MB`, as shops and browsers count.
fn size(bytes: u64) -> String {
    let tenths = bytes / 100_000;
    match tenths {
        0 => format!("{} kB", bytes / 1_000),
        _ => format!("{}.{} MB", tenths / 10, tenths % 10),
    }
}

/// The models that can be read; says what is wrong with the others.
fn readable(store: &Store) -> (Vec<Model>, bool) {
    let mut models = Vec::new();
    let mut are_all_readable = true;
    for model in store.list() {
        match model {
            Ok(model) => models.push(model),
            Err(error) => {
                are_all_readable = false;
                console::note(&format!("error: {error}"));
            }
        }
    }
    (models, are_all_readable)
}

fn list(store: &Store, json: bool) -> anyhow::Result<ExitCode> {
    let (models, are_all_readable) = readable(store);
    let facts: Vec<Facts> = models.iter().map(Facts::of).collect();
    if json {
        console::json(&facts)?;
    } else {
        let width = facts.iter().map(|facts| facts.id.len()).max().unwrap_or(0);
        for facts in &facts {
            console::result(&format!(
                "{:width$}  {:8}  {}: {}  ({})",
                facts.id,
                facts.version,
                facts.name,
                facts.stems.join(", "),
                facts.folder.as_deref().unwrap_or(facts.origin),
            ));
        }
    }
    Ok(if are_all_readable {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn info(model: &Model, json: bool) -> anyhow::Result<ExitCode> {
    let facts = Facts::of(model);
    if json {
        console::json(&facts)?;
        return Ok(ExitCode::SUCCESS);
    }
    console::result(&format!("{}, version {}", facts.name, facts.version));
    for (what, text) in [
        ("id", &facts.id),
        (
            "from",
            &facts.folder.unwrap_or_else(|| facts.origin.to_owned()),
        ),
        ("kind", &facts.kind.to_owned()),
        ("sample rate", &format!("{} Hz", facts.sample_rate)),
        (
            "stems",
            &format!(
                "{} (the rest goes to {})",
                facts.stems.join(", "),
                facts.residual
            ),
        ),
        ("licence", &facts.licence),
        ("source", &facts.source),
        ("sha-256", &facts.sha256),
    ] {
        console::result(&format!("  {what:12} {text}"));
    }
    console::result("  trained on");
    for data in &facts.training_data {
        console::result(&format!("    {data}"));
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(models: &[Model]) -> ExitCode {
    let options = Options {
        runtime_beside: model_args::beside(),
        ..Options::default()
    };
    let mut code = ExitCode::SUCCESS;
    for model in models {
        let id = &model.manifest.id;
        match load(model, &options) {
            Ok(_) => console::result(&format!("{id}: good, its files are whole and it runs")),
            Err(error) => {
                console::result(&format!("{id}: {error}"));
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}
