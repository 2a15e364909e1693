//! Where models are found, and their files as they were when their checksums were made.
//!
//! A model is a folder with a `model.toml` ([`crate::model::manifest`]) and the files it lists. One named by a
//! path is taken from there; one named by its id is the first of that id in
//!
//! 1. the user's models: `UNWEAVE_MODELS` if set, else `models` in [`crate::files::folders::user_data`],
//! 2. the system's: `models` in each of [`crate::files::folders::system_data`],
//! 3. the one built into this library.
//!
//! Nothing is downloaded. A file is read once, checked, and handed on from memory: what is run is what
//! was checked.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fs, io};

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::files::checksum::{hex, sha256};
use crate::files::folders;
use crate::model::manifest::{Kind, Manifest};
use crate::model::onnx;

/// Its name in the folder of a model.
pub(crate) const MANIFEST: &str = "model.toml";
/// The manifest of the built-in model.
const BUILT_IN_MANIFEST: &str = include_str!("../../../models/builtin/model.toml");
/// Its files, by what the manifest calls them.
const BUILT_IN_FILES: [(&str, &[u8]); 3] = [
    (
        "vocals.onnx",
        include_bytes!("../../../models/builtin/vocals.onnx"),
    ),
    (
        "accompaniment.onnx",
        include_bytes!("../../../models/builtin/accompaniment.onnx"),
    ),
    (
        "accompaniment-live.onnx",
        include_bytes!("../../../models/builtin/accompaniment-live.onnx"),
    ),
];
/// What the built-in model was called in sessions and command lines of former versions.
pub const FORMER_BUILT_IN_ID: &str = "unweave-live";

/// The folders that models are looked for in.
#[derive(Debug, Clone, Default)]
pub struct Store {
    /// In the order in which they are searched.
    folders: Vec<(Origin, PathBuf)>,
}

/// Where a model was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It is part of this library.
    BuiltIn,
    /// A path that was given.
    Path,
    /// The user's models.
    User,
    /// The system's models.
    System,
}

/// A model that was found, its manifest read, its files not.
///
/// It is cheap to have: files are read when it is verified or loaded, each time anew.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Where it was found.
    pub origin: Origin,
    /// Its folder; none if built in.
    pub folder: Option<PathBuf>,
}

/// The checked content of one graph of a model.
///
/// What is run is this, whatever becomes of the files.
#[derive(Clone)]
pub(crate) struct Content {
    /// The ONNX file; borrowed of the built-in model.
    pub(crate) graph: Cow<'static, [u8]>,
    /// Weights outside the graph: the name it calls them by, and what they are.
    pub(crate) weights: Vec<(String, Arc<[u8]>)>,
    /// The graph that it has weights from, by their names: [`crate::model::onnx::lent`].
    pub(crate) lender: Option<Cow<'static, [u8]>>,
}

impl Store {
    /// The user's and the system's models of this machine.
    pub fn from_environment() -> Self {
        let models = |data: PathBuf| data.join("models");
        let user = folders::variable("UNWEAVE_MODELS")
            .map(PathBuf::from)
            .or_else(|| folders::user_data().map(models));
        Self::new(
            user,
            folders::system_data().into_iter().map(models).collect(),
        )
    }

    /// These folders of models, each model a folder in it.
    pub fn new(user: Option<PathBuf>, system: Vec<PathBuf>) -> Self {
        let user = user.into_iter().map(|folder| (Origin::User, folder));
        let system = system.into_iter().map(|folder| (Origin::System, folder));
        Self {
            folders: user.chain(system).collect(),
        }
    }

    /// Where models of this user are installed, there or not; none if the environment doesn't say where.
    pub fn user_folder(&self) -> Option<&Path> {
        let (_, folder) = self
            .folders
            .iter()
            .find(|(origin, _)| *origin == Origin::User)?;
        Some(folder)
    }

    /// The folders in search order, there or not.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.folders.iter().map(|(_, folder)| folder.as_path())
    }

    /// The model that a user names: a path to its folder or manifest, or an id.
    ///
    /// # Example
    /// ```
    /// use unweave_separation::{FORMER_BUILT_IN_ID, Store};
    ///
    /// let store = Store::new(None, Vec::new());
    /// let built_in = store.find("unweave")?;
    /// assert_eq!(built_in.manifest.stems, ["drums", "bass", "vocals", "other"]);
    /// assert_eq!(store.find(FORMER_BUILT_IN_ID)?, built_in);
    /// assert!(store.find("no such model").is_err());
    /// # Ok::<(), unweave_separation::Error>(())
    /// ```
    ///
    /// # Errors
    /// There is none, or its manifest is wrong. An id is taken for a path if it holds a `/` or a `\`, or
    /// if it is no known id and something of that name exists here.
    pub fn find(&self, name: &str) -> Result<Model, Error> {
        let path = Path::new(name);
        if name.contains(['/', '\\']) || path.is_absolute() {
            return Model::open(path);
        }
        let mut known = Vec::new();
        for model in self.list() {
            match model {
                Ok(model) if model.manifest.id == name => return Ok(model),
                Ok(model) => known.push(model.manifest.id),
                // A broken model must not hide behind one of the same id further down.
                Err(Error::Manifest { origin, problem })
                    if Path::new(&origin)
                        .parent()
                        .is_some_and(|folder| folder.ends_with(name)) =>
                {
                    return Err(Error::Manifest { origin, problem });
                }
                Err(_) => {}
            }
        }
        if path.exists() {
            return Model::open(path);
        }
        if name == FORMER_BUILT_IN_ID {
            return Model::built_in();
        }
        known.dedup();
        Err(Error::NoSuchModel {
            name: name.to_owned(),
            known,
        })
    }

    /// All models in search order, the built-in one last; for one that is broken, what is wrong.
    ///
    /// Of several with one id, the first is the one that [`Store::find`] gives. Folders whose names begin with
    /// a dot are left out.
    pub fn list(&self) -> Vec<Result<Model, Error>> {
        let mut models = Vec::new();
        for (origin, folder) in &self.folders {
            let mut paths: Vec<PathBuf> = fs::read_dir(folder)
                .into_iter()
                .flatten()
                .filter_map(|entry| entry.ok().map(|entry| entry.path()))
                .filter(|path| !is_hidden(path) && path.join(MANIFEST).is_file())
                .collect();
            paths.sort();
            models.extend(paths.iter().map(|path| {
                Model::open(path).map(|model| Model {
                    origin: *origin,
                    ..model
                })
            }));
        }
        models.push(Model::built_in());
        models
    }
}

impl Model {
    /// The model inside this library.
    ///
    /// # Errors
    /// None in a build whose tests pass.
    pub fn built_in() -> Result<Self, Error> {
        let manifest = Manifest::parse(BUILT_IN_MANIFEST, "built-in model")?;
        Ok(Self {
            manifest,
            origin: Origin::BuiltIn,
            folder: None,
        })
    }

    /// The model in a folder, or of a manifest.
    ///
    /// Only the manifest is read.
    ///
    /// # Errors
    /// It can't be read, or is wrong.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let kind = fs::metadata(path).map_err(|source| unreadable(path, source))?;
        let path = if kind.is_dir() {
            path.join(MANIFEST)
        } else {
            path.to_owned()
        };
        if path.extension().is_none_or(|extension| extension != "toml") {
            return Err(Error::Manifest {
                origin: path.display().to_string(),
                problem: "a model is named by its folder or its model.toml".to_owned(),
            });
        }
        let text = fs::read_to_string(&path).map_err(|source| unreadable(&path, source))?;
        let manifest = Manifest::parse(&text, &path.display().to_string())?;
        let folder = path.parent().map(Path::to_owned);
        Ok(Self {
            manifest,
            origin: Origin::Path,
            folder,
        })
    }

    /// Reads every file and compares its checksum; also looks where the graph keeps its weights.
    ///
    /// # Errors
    /// The first file that is missing, another than the manifest says, or outside the model's folder.
    pub fn verify(&self) -> Result<(), Error> {
        self.read().map(drop)
    }

    /// The content of every graph, verified as by [`Model::verify`].
    pub(crate) fn read(&self) -> Result<Vec<Content>, Error> {
        let mut contents = Vec::new();
        for file in &self.manifest.files {
            let content = match &self.folder {
                None => {
                    let mut files = BUILT_IN_FILES.iter();
                    let found = files.find(|(path, _)| *path == file.path);
                    let (_, content) = found.ok_or_else(|| {
                        self.refused(format!("{} is not in this program", file.path))
                    })?;
                    Cow::Borrowed(*content)
                }
                Some(folder) => Cow::Owned(read_inside(folder, &file.path)?),
            };
            let actual = checksum(&content);
            if actual != file.sha256 {
                return Err(Error::Checksum {
                    path: self.path_of(&file.path),
                    expected: file.sha256.clone(),
                    actual,
                });
            }
            contents.push((file.path.as_str(), content));
        }
        contents[..self.manifest.graphs().count()]
            .iter()
            .map(|(path, graph)| self.content(path, graph.clone(), &contents))
            .collect()
    }

    /// A graph with its weights from among the files.
    ///
    /// # Errors
    /// The graph is no ONNX file, has weights in a file that the manifest doesn't list, or from more than one
    /// other graph.
    fn content(
        &self,
        graph_path: &str,
        graph: Cow<'static, [u8]>,
        files: &[(&str, Cow<'static, [u8]>)],
    ) -> Result<Content, Error> {
        let mut locations = onnx::external_locations(&graph)
            .map_err(|problem| self.refused(format!("{graph_path}: {problem}")))?;
        locations.sort();
        locations.dedup();
        // Locations are relative to the graph, paths of the manifest to the manifest.
        let beside = graph_path
            .rsplit_once('/')
            .map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let mut weights = Vec::new();
        let mut lender = None;
        for location in locations {
            let path = format!("{beside}{location}");
            let Some((_, content)) = files.iter().find(|(listed, _)| *listed == path) else {
                return Err(self.refused(format!(
                    "{graph_path} keeps weights in {location:?}, which the manifest doesn't list"
                )));
            };
            if !location.ends_with(".onnx") {
                weights.push((location, Arc::from(&content[..])));
            } else if lender.replace(content.clone()).is_some() {
                return Err(self.refused(format!(
                    "{graph_path} has weights from more than one other graph"
                )));
            }
        }
        Ok(Content {
            graph,
            weights,
            lender,
        })
    }

    /// The model of that id which this one is made of: in its folder, beside it, or in the store.
    ///
    /// # Errors
    /// There is none, or its manifest is wrong.
    pub(crate) fn part(&self, id: &str) -> Result<Self, Error> {
        let Some(folder) = &self.folder else {
            return Store::from_environment().find(id);
        };
        // Ids hold no separators: this stays in the folder and beside it.
        let is_id = id
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            && id.starts_with(|c: char| c.is_ascii_alphanumeric());
        let beside = folder.parent().unwrap_or(folder);
        for path in [folder.join(id), beside.join(id)] {
            if is_id && path.join(MANIFEST).is_file() {
                return Self::open(&path);
            }
        }
        Store::from_environment().find(id)
    }

    /// What identifies the model in reports: the SHA-256 of its graph, or of all its files' and its parts'
    /// in their order.
    ///
    /// # Units
    /// 64 lower-case hexadecimal digits. Of the files it is by their checksums in the manifest: none is read.
    ///
    /// # Errors
    /// A part is missing or wrong.
    pub fn identity(&self) -> Result<String, Error> {
        let parts: Vec<&str> = match &self.manifest.kind {
            Kind::Bag(members) => members.iter().map(|member| member.model.as_str()).collect(),
            Kind::Cascade(stages) => stages.iter().map(|stage| stage.model.as_str()).collect(),
            _ => Vec::new(),
        };
        let mut hash = Sha256::new();
        if parts.is_empty() {
            if let [only] = &self.manifest.files[..] {
                return Ok(only.sha256.clone());
            }
            for file in &self.manifest.files {
                hash.update(&file.sha256);
            }
        } else {
            // How parts are put together is in the kind, which has no other text.
            hash.update(format!("{:?}", self.manifest.kind));
            for part in parts {
                hash.update(self.part(part)?.identity()?);
            }
        }
        Ok(hex(&hash.finalize()))
    }

    /// What errors call a file of this model.
    fn path_of(&self, file: &str) -> PathBuf {
        self.folder
            .as_ref()
            .map_or_else(|| PathBuf::from(file), |folder| folder.join(file))
    }

    /// The error of a model that must not be run.
    pub(crate) fn refused(&self, problem: String) -> Error {
        Error::ModelRefused {
            id: self.manifest.id.clone(),
            problem,
        }
    }
}

/// A file below `folder`, where its links lead as well.
///
/// # Errors
/// It can't be read, or a link leads out of the folder.
fn read_inside(folder: &Path, file: &str) -> Result<Vec<u8>, Error> {
    let path = folder.join(file);
    let resolve = |path: &Path| {
        path.canonicalize()
            .map_err(|source| unreadable(path, source))
    };
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let resolved = resolve(&path)?;
    if !resolved.starts_with(resolve(folder)?) {
        return Err(Error::Manifest {
            origin: path.display().to_string(),
            problem: "the file is a link that leads out of the model's folder".to_owned(),
        });
    }
    fs::read(&resolved).map_err(|source| unreadable(&path, source))
}

/// Whether it is one of the folders that an installation works in, which hold no models.
fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// The error of a file that can't be read.
fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::ModelUnreadable {
        path: path.to_owned(),
        source,
    }
}

/// As [`sha256`]; of what is part of this program, computed once per process.
#[expect(
    clippy::ptr_arg,
    reason = "what is borrowed lasts, what is owned may be another's memory next"
)]
pub(crate) fn checksum(content: &Cow<'static, [u8]>) -> String {
    static KNOWN: Mutex<BTreeMap<(usize, usize), String>> = Mutex::new(BTreeMap::new());
    match content {
        Cow::Owned(content) => sha256(content),
        Cow::Borrowed(content) => {
            let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
            let sum = known
                .entry((content.as_ptr().addr(), content.len()))
                .or_insert_with(|| sha256(content));
            sum.clone()
        }
    }
}
