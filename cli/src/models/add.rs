//! `unweave models add`: a model from files that are here, such as on a machine without a network or after
//! a conversion.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use toml::{Table, Value};
use unweave_separation::files::checksum;
use unweave_separation::loading::install::{self, Trial, install};
use unweave_separation::model::catalogue::Catalogue;
use unweave_separation::model::manifest::FORMAT;
use unweave_separation::runtime::{self, Tensors};
use unweave_separation::{Options, Store};

use crate::{console, model_args};

/// Arguments of `unweave models add`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("how").required(true).args(["like", "manifest", "kind"]))]
pub struct Args {
    /// The graph or graphs (.onnx), and files their weights lie in.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// They are this model of the catalogue, fetched elsewhere or converted.
    #[arg(long = "as", value_name = "ID")]
    like: Option<String>,
    /// They belong to this model.toml; checksums that it lacks are filled in.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// The first file is a graph of this kind; what the options don't say is read from it. Only
    /// `waveform` needs so little; others want --as or --manifest.
    #[arg(long, requires = "stems", requires = "id")]
    kind: Option<String>,
    /// What to call it with --model.
    #[arg(long)]
    id: Option<String>,
    /// Its stems, in the order of the graph's output.
    #[arg(long, value_name = "STEMS", value_delimiter = ',')]
    stems: Vec<String>,
    /// The stem that receives what the model leaves over [default: other, else the last].
    #[arg(long, value_name = "STEM")]
    residual: Option<String>,
    /// Frames per second of the model's audio.
    #[arg(long, value_name = "HZ", default_value_t = 44_100)]
    sample_rate: u32,
    /// Frames that a segment shares with the next [default: a quarter of it].
    #[arg(long, value_name = "FRAMES")]
    overlap: Option<i64>,
    /// The graph wants audio of mean 0 and deviation 1, as Demucs does.
    #[arg(long)]
    normalise: bool,
    /// Licence of the weights, for `unweave models info`.
    #[arg(long, default_value = "unknown")]
    licence: String,
    /// Install it although a model of its id is there.
    #[arg(long)]
    overwrite: bool,
}

/// Installs a model from files.
///
/// # Errors
/// The files can't be read, are not what the manifest says, or do not run; then nothing has changed.
pub fn run(args: &Args, catalogue: &Catalogue, store: &Store) -> anyhow::Result<ExitCode> {
    let contents = args.read()?;
    let options = Options {
        runtime_beside: model_args::beside(),
        ..Options::default()
    };
    let manifest = match (&args.like, &args.manifest) {
        (Some(id), _) => {
            let entry = catalogue.find(id)?;
            console::note(&format!("licence: {}", entry.licence));
            if !entry.terms.is_empty() {
                console::note(&entry.terms);
            }
            entry.manifest_of(&contents)?
        }
        (None, Some(path)) => complete(path, &contents)?,
        (None, None) => args.describe(&contents, &options)?,
    };
    let files: Vec<install::File> = contents
        .iter()
        .zip(&args.files)
        .map(|((path, _), from)| install::File {
            path: path.clone(),
            from: from.clone(),
            is_moved: false,
        })
        .collect();
    let (model, trial) = install(store, &manifest, &files, args.overwrite, &options)?;
    if trial == Trial::NoRuntime {
        console::note("not tried: there is no ONNX Runtime here; `unweave doctor` says more");
    }
    let folder = model.folder.as_deref().unwrap_or(Path::new(""));
    console::result(&folder.display().to_string());
    Ok(ExitCode::SUCCESS)
}

impl Args {
    /// Name and content of every file.
    fn read(&self) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
        let read = |path: &PathBuf| {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .with_context(|| format!("{} has no usable name", path.display()))?;
            let content =
                fs::read(path).with_context(|| format!("can't read {}", path.display()))?;
            Ok((name.to_owned(), content))
        };
        self.files.iter().map(read).collect()
    }

    /// The manifest of a graph that little need be said of.
    fn describe(
        &self,
        contents: &[(String, Vec<u8>)],
        options: &Options,
    ) -> anyhow::Result<String> {
        let kind = self.kind.as_deref().unwrap_or_default();
        if kind != "waveform" {
            bail!(
                "a model of kind {kind:?} needs more than options can say: name it with --as if \
                 `unweave models available` has it, or write a model.toml (models/CONVERTING.md) and \
                 give it with --manifest"
            );
        }
        let (graph, weights): (Vec<_>, Vec<_>) = contents
            .iter()
            .partition(|(name, _)| name.ends_with(".onnx"));
        let [(name, graph)] = graph[..] else {
            bail!(
                "a model of kind waveform is one .onnx file, here are {}",
                graph.len()
            );
        };
        let weights: Vec<(String, Vec<u8>)> = weights.into_iter().cloned().collect();
        let tensors = runtime::tensors(&options.runtime_beside, graph, &weights)
            .with_context(|| format!("{name} can't be loaded"))?;
        let (input, output, frames) = waveform(&tensors, self.stems.len())?;
        let residual = self.residual.clone().unwrap_or_else(|| {
            let other = self.stems.iter().find(|stem| *stem == "other");
            other.or(self.stems.last()).cloned().unwrap_or_default()
        });
        let mut table = Table::new();
        let id = self.id.as_deref().unwrap_or_default();
        for (key, text) in [
            ("id", id),
            ("name", id),
            ("version", "1"),
            ("kind", kind),
            ("licence", &self.licence),
            ("source", name),
            ("residual", &residual),
        ] {
            table.insert(key.to_owned(), Value::from(text));
        }
        table.insert("format".to_owned(), Value::from(FORMAT));
        table.insert("training_data".to_owned(), Value::Array(Vec::new()));
        table.insert("sample_rate".to_owned(), Value::from(self.sample_rate));
        table.insert("channels".to_owned(), Value::from(2));
        table.insert("stems".to_owned(), Value::from(self.stems.clone()));
        let mut segment = Table::new();
        segment.insert("frames".to_owned(), Value::from(frames));
        let overlap = self.overlap.unwrap_or(frames / 4);
        segment.insert("overlap_frames".to_owned(), Value::from(overlap));
        segment.insert("normalise".to_owned(), Value::from(self.normalise));
        table.insert("segment".to_owned(), Value::Table(segment));
        let tensor = |(name, shape): &Tensor| {
            let mut tensor = Table::new();
            tensor.insert("name".to_owned(), Value::from(name.as_str()));
            tensor.insert("shape".to_owned(), Value::from(shape.clone()));
            Value::Table(tensor)
        };
        let mut both = Table::new();
        both.insert("input".to_owned(), tensor(input));
        both.insert("output".to_owned(), tensor(output));
        table.insert("tensors".to_owned(), Value::Table(both));
        let files = contents.iter().map(|(path, content)| {
            let mut file = Table::new();
            file.insert("path".to_owned(), Value::from(path.as_str()));
            file.insert("sha256".to_owned(), Value::from(checksum::sha256(content)));
            Value::Table(file)
        });
        table.insert("file".to_owned(), Value::Array(files.collect()));
        Ok(toml::to_string(&table)?)
    }
}

/// Name and shape.
type Tensor = (String, Vec<i64>);

/// Input, output and segment of a graph of kind waveform.
fn waveform(tensors: &Tensors, num_stems: usize) -> anyhow::Result<(&Tensor, &Tensor, i64)> {
    let stems = i64::try_from(num_stems)?;
    let ([input], [output]) = (&tensors.inputs[..], &tensors.outputs[..]) else {
        bail!("expected one input and one output, found {tensors}");
    };
    match (&input.1[..], &output.1[..]) {
        (&[1, 2, frames], &[1, found, 2, out]) if found == stems && out == frames && frames > 0 => {
            Ok((input, output, frames))
        }
        (&[1, 2, frames], &[1, found, 2, out]) if out == frames && frames > 0 => {
            bail!("the graph gives {found} stems, but --stems lists {stems}")
        }
        _ => bail!(
            "expected an input [1, 2, N] and an output [1, {stems}, 2, N] with a fixed N, found {tensors}"
        ),
    }
}

/// A manifest with the checksums it lacks.
fn complete(path: &Path, contents: &[(String, Vec<u8>)]) -> anyhow::Result<String> {
    let text =
        fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
    let mut table: Table = toml::from_str(&text).with_context(|| path.display().to_string())?;
    let Some(Value::Array(files)) = table.get_mut("file") else {
        return Ok(text);
    };
    for file in files.iter_mut().filter_map(Value::as_table_mut) {
        let name = file.get("path").and_then(Value::as_str).unwrap_or_default();
        let found = contents.iter().find(|(path, _)| path == name);
        let is_open = |sum: &Value| sum.as_str().is_none_or(str::is_empty);
        if let Some((_, content)) = found
            && file.get("sha256").is_none_or(is_open)
        {
            file.insert("sha256".to_owned(), Value::from(checksum::sha256(content)));
        }
    }
    Ok(toml::to_string(&table)?)
}
