//! Which of the models at hand is the best for files, where time doesn't matter.
//!
//! | place | models | why there |
//! |---|---|---|
//! | 1 to 4 | HTDemucs fine-tuned, HTDemucs, SCNet, HTDemucs with six stems | as `models/catalogue.toml` describes them; six stems share what four have to themselves |
//! | 5 | others that see whole segments with their phases: bags, hybrids, waveforms, complex spectra | the families that lead every comparison of separators |
//! | 6 to 9 | Open-Unmix XL, Spleeter with four and with five stems, Open-Unmix | magnitudes only, with the phases of the mix; Spleeter is blurred above 11 kHz |
//! | 10 | other magnitudes | |
//! | 11 | the built-in model, and what else begins with the vocals | drums and bass by rules that were not learned |
//! | 12 | what was made to run live | short latency, hears nothing of what comes |
//!
//! Never by itself: a model that lacks one of the four stems, since a rendering would then silently lack it,
//! too, and a part of another catalogue entry, which is tuned to one stem. A person can choose them.
//!
//! The licence plays no part: what forbids something was accepted when the model was installed, and the
//! window shows it beside the choice.

use unweave_separation::Model;
use unweave_separation::model::catalogue::Catalogue;
use unweave_separation::model::manifest::{Kind, Manifest};

use crate::ids;

/// See the table above.
const FIRST: [&str; 4] = ["htdemucs_ft", "htdemucs", "scnet-masked", "htdemucs_6s"];
/// See the table above.
const MAGNITUDES: [&str; 4] = ["umxl", "spleeter-4stems", "spleeter-5stems", "umxhq"];

/// The best of these; of several in the same place, the first.
pub fn best(models: &[Model]) -> Option<&Model> {
    let parts = parts();
    models
        .iter()
        .filter_map(|model| {
            let manifest = &model.manifest;
            let is_part = parts.contains(&manifest.id);
            Some((place(manifest).filter(|_| !is_part)?, model))
        })
        .min_by_key(|(place, _)| *place)
        .map(|(_, model)| model)
}

/// The place in the table, in two steps; none for what lacks a stem.
fn place(manifest: &Manifest) -> Option<(u8, usize)> {
    let has = |stem: &str| manifest.stems.iter().any(|own| own == stem);
    if !ids::STEMS.iter().all(|stem| has(stem)) {
        return None;
    }
    let known = |list: &[&str]| list.iter().position(|id| *id == manifest.id);
    if let Some(idx) = known(&FIRST) {
        return Some((0, idx));
    }
    Some(match manifest.kind {
        Kind::Magnitude(..) => (2, known(&MAGNITUDES).unwrap_or(MAGNITUDES.len())),
        Kind::VocalsFirst(..) => (3, 0),
        Kind::StreamingSpectrum(_) | Kind::DeepFilter(_) => (4, 0),
        _ => (1, 0),
    })
}

/// Ids of catalogue entries that are parts of others.
fn parts() -> Vec<String> {
    let catalogue = Catalogue::built_in();
    let entries = catalogue.iter().flat_map(Catalogue::entries);
    entries.flat_map(|entry| entry.needs.clone()).collect()
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
