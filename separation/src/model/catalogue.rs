//! The well-known public models: what they are, under which licence, where they are published, and the
//! manifest that runs them.
//!
//! The list is `models/catalogue.toml`, part of this library. It holds facts, no weights, and nothing here
//! uses the network: downloading is for whoever was asked to. An entry either names files, each with its
//! SHA-256, or, where only a checkpoint of another program is published, says how to convert it
//! (`models/CONVERTING.md`). Both kinds have the manifest without its files, so that files got any other
//! way become a model too.

use serde::Deserialize;
use toml::{Table, Value};

use crate::error::Error;
use crate::files::checksum::sha256;
use crate::model::manifest::{FORMAT, Manifest};

/// The list as it was when this library was built.
const TEXT: &str = include_str!("../../../models/catalogue.toml");

/// Every entry there is, in the order of the list.
///
/// # Example
/// ```
/// use unweave_separation::model::catalogue::Catalogue;
///
/// let catalogue = Catalogue::built_in()?;
/// for entry in catalogue.entries() {
///     println!("{}: {} ({} bytes)", entry.id, entry.about, entry.size());
/// }
/// # Ok::<(), unweave_separation::Error>(())
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    #[serde(rename = "model")]
    entries: Vec<Entry>,
}

/// A public model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The id it has once installed.
    pub id: String,
    /// For people.
    pub name: String,
    /// Its publisher's own version.
    pub version: String,
    /// What it is good for, in a sentence.
    pub about: String,
    /// Place among the models for files, 1 for the best; none if it lacks drums, bass, vocals or other.
    pub rank: Option<u8>,
    /// SPDX expression or name of the licence of the weights, or that there is none.
    pub licence: String,
    /// Whether it may be used for money.
    pub commercial: Commercial,
    /// What else must be known of the licence, such as who said so and where.
    #[serde(default)]
    pub terms: String,
    /// Who publishes it.
    pub source: String,
    /// As in [`Manifest::training_data`].
    #[serde(default)]
    pub training_data: Vec<String>,
    /// Ids of entries that this one is made of; installed with it.
    #[serde(default)]
    pub needs: Vec<String>,
    /// What to download; empty if it has to be converted, or is made of others.
    #[serde(default, rename = "file")]
    pub files: Vec<Download>,
    /// What it can be converted from.
    #[serde(default, rename = "checkpoint")]
    pub checkpoints: Vec<Checkpoint>,
    /// Section of `models/CONVERTING.md` that says how; none if it can be downloaded.
    pub convert: Option<String>,
    /// The manifest, but for what is said above.
    manifest: Table,
}

/// Whether the weights may be used for money, as far as their licence says.
///
/// Words of the licence, not advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Commercial {
    /// Yes.
    Allowed,
    /// No: it must be accepted before the download.
    Forbidden,
    /// Nobody who may say so has said: it must be accepted, too.
    Unclear,
}

/// A file to download.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Download {
    /// What the manifest calls it.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Of its content, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Where it lies, best first; all the same content.
    pub urls: Vec<String>,
    /// The rest of its `[[file]]` in the manifest.
    #[serde(default)]
    manifest: Table,
}

/// What a model can be converted from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Where it lies.
    pub url: String,
    /// Of its content, or the first digits where no more is published; none if nothing is.
    pub sha256: Option<String>,
}

impl Catalogue {
    /// The list of this library.
    ///
    /// # Errors
    /// None in a build whose tests pass.
    pub fn built_in() -> Result<Self, Error> {
        Self::parse(TEXT)
    }

    /// Reads a list.
    ///
    /// # Errors
    /// It is not exactly right.
    pub fn parse(text: &str) -> Result<Self, Error> {
        toml::from_str(text).map_err(|error| Error::Manifest {
            origin: "catalogue of models".to_owned(),
            problem: error.to_string(),
        })
    }

    /// All entries in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of an id.
    ///
    /// # Errors
    /// There is none.
    pub fn find(&self, id: &str) -> Result<&Entry, Error> {
        self.entries
            .iter()
            .find(|entry| entry.id == id)
            .ok_or_else(|| Error::NoSuchModel {
                name: id.to_owned(),
                known: self.entries.iter().map(|entry| entry.id.clone()).collect(),
            })
    }
}

impl Entry {
    /// Whether there is something to download, for it or for what it is made of.
    pub fn is_published(&self) -> bool {
        self.convert.is_none()
    }

    /// Bytes of all its files.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Its stems, for lists.
    pub fn stems(&self) -> Vec<&str> {
        self.manifest
            .get("stems")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// The `model.toml` of the files as they are published.
    ///
    /// # Errors
    /// None in a build whose tests pass, for an entry that [`Entry::is_published`].
    pub fn manifest(&self) -> Result<String, Error> {
        let files = self.files.iter().map(|file| {
            let mut table = file.manifest.clone();
            table.insert("path".to_owned(), Value::from(file.path.as_str()));
            table.insert("sha256".to_owned(), Value::from(file.sha256.as_str()));
            table
        });
        self.manifest_with(files.collect())
    }

    /// The `model.toml` of files got another way, such as converted: for each its path and content. They
    /// take the place of the files in the entry's manifest, by name or, if there is only one, whatever
    /// its name.
    ///
    /// # Errors
    /// Other files than the manifest's.
    pub fn manifest_of(&self, files: &[(String, Vec<u8>)]) -> Result<String, Error> {
        let expected = self.file_tables();
        let names = self.file_names();
        let is_same = files.len() == names.len()
            && (files.len() == 1
                || names
                    .iter()
                    .all(|name| files.iter().any(|(path, _)| path == name)));
        if !is_same {
            let found: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
            return Err(Error::Manifest {
                origin: self.id.clone(),
                problem: format!(
                    "expected the files {}, found {}",
                    names.join(", "),
                    found.join(", ")
                ),
            });
        }
        let tables = expected.into_iter().map(|mut table| {
            let name = path_of(&table);
            let found = files.iter().find(|(path, _)| *path == name);
            let (path, content) = found.unwrap_or(&files[0]);
            table.insert("path".to_owned(), Value::from(path.as_str()));
            table.insert("sha256".to_owned(), Value::from(sha256(content)));
            table
        });
        self.manifest_with(tables.collect())
    }

    /// What the manifest calls its files.
    pub fn file_names(&self) -> Vec<String> {
        self.file_tables().iter().map(path_of).collect()
    }

    /// `[[file]]` of the manifest, without checksums.
    fn file_tables(&self) -> Vec<Table> {
        if self.files.is_empty() {
            let files = self.manifest.get("file").and_then(Value::as_array);
            let tables = files.into_iter().flatten();
            return tables.filter_map(Value::as_table).cloned().collect();
        }
        let table = |file: &Download| {
            let mut table = file.manifest.clone();
            table.insert("path".to_owned(), Value::from(file.path.as_str()));
            table
        };
        self.files.iter().map(table).collect()
    }

    /// The text of a manifest with these files, which is read once to see that it holds together.
    fn manifest_with(&self, files: Vec<Table>) -> Result<String, Error> {
        let mut table = Table::new();
        table.insert("format".to_owned(), Value::from(FORMAT));
        for (key, text) in [
            ("id", &self.id),
            ("name", &self.name),
            ("version", &self.version),
            ("licence", &self.licence),
            ("source", &self.source),
        ] {
            table.insert(key.to_owned(), Value::from(text.as_str()));
        }
        table.insert(
            "training_data".to_owned(),
            Value::from(self.training_data.clone()),
        );
        for (key, value) in &self.manifest {
            table.insert(key.clone(), value.clone());
        }
        if !files.is_empty() {
            let files = files.into_iter().map(Value::Table).collect();
            table.insert("file".to_owned(), Value::Array(files));
        }
        let text = toml::to_string(&table).map_err(|error| Error::Manifest {
            origin: self.id.clone(),
            problem: error.to_string(),
        })?;
        Manifest::parse(&text, &self.id)?;
        Ok(text)
    }
}

/// `path` of a `[[file]]`; empty if there is none.
fn path_of(file: &Table) -> String {
    let path = file.get("path").and_then(Value::as_str);
    path.unwrap_or_default().to_owned()
}

impl Commercial {
    /// Whether whoever installs it must say that they know the terms.
    pub fn must_be_accepted(self) -> bool {
        self != Self::Allowed
    }
}
