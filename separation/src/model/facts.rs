//! A model as it is shown to people and programs.
//!
//! `unweave models --json` and the Python package give it as it is here.

use serde::Serialize;

use crate::model::store::{Model, Origin};

/// What there is to know of a model before it is run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Facts {
    /// What it is named by.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Version of the model.
    pub version: String,
    /// Where it was found, for people.
    pub origin: &'static str,
    /// Its folder; none if built in.
    pub folder: Option<String>,
    /// How it computes, as manifests call it: `vocals-first`.
    pub kind: &'static str,
    /// Frames per second that it hears.
    pub sample_rate: u32,
    /// Its stems in order.
    pub stems: Vec<String>,
    /// The stem that gets what is left over.
    pub residual: String,
    /// SPDX expression, or a name.
    pub licence: String,
    /// Where it is from.
    pub source: String,
    /// What it was trained on.
    pub training_data: Vec<String>,
    /// [`Model::identity`]; of a model whose parts are missing, what is missing.
    pub sha256: String,
}

impl Facts {
    /// The facts of a model.
    pub fn of(model: &Model) -> Self {
        let manifest = &model.manifest;
        Self {
            id: manifest.id.clone(),
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            origin: match model.origin {
                Origin::BuiltIn => "built in",
                Origin::Path => "named by path",
                Origin::User => "the user's models",
                Origin::System => "the system's models",
            },
            folder: model
                .folder
                .as_ref()
                .map(|folder| folder.display().to_string()),
            kind: manifest.kind.name(),
            sample_rate: manifest.sample_rate,
            stems: manifest.stems.clone(),
            residual: manifest.stems[manifest.residual_idx].clone(),
            licence: manifest.licence.clone(),
            source: manifest.source.clone(),
            training_data: manifest.training_data.clone(),
            sha256: model.identity().unwrap_or_else(|error| error.to_string()),
        }
    }
}
