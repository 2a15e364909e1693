//! Which of the models at hand is the best for files, where time doesn't matter.
//!
//! A model of the catalogue has the rank that stands there. One that isn't listed gets its kind's:
//!
//! | rank | models | why there |
//! |---|---|---|
//! | 5 | those that see whole segments with their phases: bags, hybrids, waveforms, complex spectra | the families that lead every comparison of separators |
//! | 10 | magnitudes | with the phases of the mix |
//! | 11 | the built-in model, and what else begins with the vocals | drums and bass by rules that were not learned |
//! | 12 | what was made to run live | short latency, hears nothing of what comes |
//!
//! Never by itself: a model that lacks one of the four stems, since a rendering would then silently lack it,
//! too, and a part of another catalogue entry, which is tuned to one stem. A person can choose them.
//!
//! The licence plays no part: what forbids something was accepted when the model was installed, and the
//! window shows it beside the choice.

use unweave_separation::Model;
use unweave_separation::model::catalogue::{Catalogue, Entry};
use unweave_separation::model::manifest::{Kind, Manifest};

use crate::ids;

/// The best of these; of several of the same rank, the first.
pub fn best(models: &[Model]) -> Option<&Model> {
    let catalogue = Catalogue::built_in().ok();
    let entries = catalogue.as_ref().map_or(&[][..], Catalogue::entries);
    models
        .iter()
        .filter_map(|model| Some((rank(&model.manifest, entries)?, model)))
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, model)| model)
}

/// By the catalogue or the table above; none for what lacks a stem and for parts of others.
fn rank(manifest: &Manifest, entries: &[Entry]) -> Option<u8> {
    let has = |stem: &str| manifest.stems.iter().any(|own| own == stem);
    let is_part = entries
        .iter()
        .any(|entry| entry.needs.contains(&manifest.id));
    if is_part || !ids::STEMS.iter().all(|stem| has(stem)) {
        return None;
    }
    let listed = entries.iter().find(|entry| entry.id == manifest.id);
    let of_kind = match manifest.kind {
        Kind::Magnitude(..) => 10,
        Kind::VocalsFirst(..) => 11,
        Kind::StreamingSpectrum(_) | Kind::DeepFilter(_) => 12,
        _ => 5,
    };
    Some(listed.and_then(|entry| entry.rank).unwrap_or(of_kind))
}

#[cfg(test)]
mod tests {
    use unweave_separation::Origin;

    use super::*;

    /// Every entry of the catalogue as if it was installed, whatever its files, and the built-in model.
    fn everything() -> Vec<Model> {
        let catalogue = Catalogue::built_in().unwrap();
        let installed = catalogue.entries().iter().map(|entry| {
            let names = entry.file_names();
            let files: Vec<_> = names.into_iter().map(|name| (name, Vec::new())).collect();
            Model {
                manifest: Manifest::parse(&entry.manifest_of(&files).unwrap(), &entry.id).unwrap(),
                origin: Origin::User,
                folder: None,
            }
        });
        installed.chain(Model::built_in()).collect()
    }

    fn best_id(models: &[Model]) -> Option<&str> {
        best(models).map(|model| model.manifest.id.as_str())
    }

    #[test]
    fn of_what_is_installed_the_best_for_files_is_taken_one_after_the_other() {
        let mut models = everything();
        let mut order = Vec::new();
        while let Some(id) = best_id(&models) {
            let id = id.to_owned();
            models.retain(|model| model.manifest.id != id);
            order.push(id);
        }
        let expected = [
            "htdemucs_ft",
            "htdemucs",
            "scnet-masked",
            "htdemucs_6s",
            "umxl",
            "spleeter-4stems",
            "spleeter-5stems",
            "umxhq",
            "unweave",
        ];
        assert_eq!(order, expected);
        // What is left lacks a stem or is a part.
        for model in &models {
            let has = |stem: &str| model.manifest.stems.iter().any(|own| own == stem);
            let is_part = model.manifest.id.starts_with("htdemucs_ft-");
            assert!(is_part || !ids::STEMS.iter().all(|stem| has(stem)));
        }
    }

    #[test]
    fn a_model_of_ones_own_is_placed_by_its_family() {
        let renamed = |id: &str| {
            let mut model = everything()
                .into_iter()
                .find(|model| model.manifest.id == id)
                .unwrap();
            model.manifest.id = format!("my-{id}");
            model
        };
        let built_in = Model::built_in().unwrap();
        let mut models = vec![built_in];
        for id in ["umxhq", "scnet-masked"] {
            models.push(renamed(id));
            assert_eq!(best_id(&models), Some(format!("my-{id}").as_str()));
        }
        models.extend(everything());
        assert_eq!(best_id(&models), Some("htdemucs_ft"));
    }
}
