//! File names as a user wants them: `{number} {title} - {stem}`.
//!
//! | field | stands for | if there is none |
//! |---|---|---|
//! | `{track}` | `Artist - Title`, or what the set is named after | |
//! | `{title}` | the title in the tags | the file's name |
//! | `{artist}`, `{album}` | those in the tags | `Unknown Artist`, `Unknown Album` |
//! | `{number}`, `{year}` | those in the tags | nothing |
//! | `{file}` | the file's name without its ending | |
//! | `{stem}` | `drums`, `mix`, `instrumental` | |
//! | `{label}` | `Drums Stem`, `Full Mix`, `Instrumental` | |

use std::str::FromStr;

use super::naming::{MAX_NAME_BYTES, sanitise, shorten};

/// What a song without one is said to be by, and to be on.
const NO_ARTIST: &str = "Unknown Artist";
const NO_ALBUM: &str = "Unknown Album";

/// A pattern for file names, without the ending.
///
/// # Example
/// ```
/// use unweave_separation::files::template::{SongNames, Template};
///
/// let template: Template = "{number} {title} - {stem}".parse()?;
/// let song = SongNames {
///     title: Some("Paper Lanterns".to_owned()),
///     number: Some("3".to_owned()),
///     ..SongNames::default()
/// };
/// let name = template.file_name(&song, ("Drums Stem", "drums"), "wav");
/// assert_eq!(name, "3 Paper Lanterns - drums.wav");
/// # Ok::<(), unweave_separation::files::template::TemplateError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

/// A piece of a template, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// What the field stands for.
    Field(Field),
}

/// What may stand in curly brackets; see the table above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Track,
    Title,
    Artist,
    Album,
    Number,
    Year,
    File,
    Label,
    Stem,
}

/// Every field by its name.
const FIELDS: [(&str, Field); 9] = [
    ("track", Field::Track),
    ("title", Field::Title),
    ("artist", Field::Artist),
    ("album", Field::Album),
    ("number", Field::Number),
    ("year", Field::Year),
    ("file", Field::File),
    ("label", Field::Label),
    ("stem", Field::Stem),
];

/// What fields of the song stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SongNames {
    /// `Artist - Title`, or what the set is named after otherwise.
    pub track: String,
    /// From the tags.
    pub title: Option<String>,
    /// From the tags.
    pub artist: Option<String>,
    /// From the tags.
    pub album: Option<String>,
    /// Of the track on its album, from the tags.
    pub number: Option<String>,
    /// From the tags.
    pub year: Option<String>,
    /// Name of the song's file without its ending.
    pub file: String,
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// No such field.
    #[error(
        "{{{0}}} stands for nothing: there is {{track}}, {{title}}, {{artist}}, {{album}}, {{number}}, {{year}}, \
         {{file}}, {{stem}} and {{label}}; the ending comes by itself"
    )]
    UnknownField(String),
    /// A bracket without its other half.
    #[error("a bracket is open or too many: write fields as {{track}}")]
    Bracket,
    /// A name can't lead to another folder.
    #[error("names of files can't have \"/\" in them: the folder is named by --output")]
    Folder,
    /// Nothing is left of it.
    #[error("the name is empty")]
    Empty,
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        if text.trim().is_empty() {
            return Err(TemplateError::Empty);
        }
        if text.contains(['/', '\\']) {
            return Err(TemplateError::Folder);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or(TemplateError::Bracket)?;
            let field = FIELDS.iter().find(|(known, _)| *known == name);
            let (_, field) = field.ok_or_else(|| TemplateError::UnknownField(name.to_owned()))?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Field(*field));
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        let is_closed = |part: &Part| matches!(part, Part::Text(text) if text.contains('}'));
        if parts.iter().any(is_closed) {
            return Err(TemplateError::Bracket);
        }
        Ok(Self(parts))
    }
}

impl Template {
    /// The name of a file: `label` stands in the brackets of the usual names, `stem` is what it holds in one word.
    ///
    /// What is too long for a name is cut from the song's part of it.
    pub fn file_name(
        &self,
        song: &SongNames,
        (label, stem): (&str, &str),
        extension: &str,
    ) -> String {
        let room = MAX_NAME_BYTES.saturating_sub(extension.len() + 1);
        let mut values: Vec<String> = self
            .0
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Field(Field::Label) => label.to_owned(),
                Part::Field(Field::Stem) => stem.to_owned(),
                Part::Field(field) => song.value(*field),
            })
            .collect();
        loop {
            let name = sanitise(&values.concat());
            let excess = name.len().saturating_sub(room);
            let songs = self.0.iter().zip(&mut values);
            let songs = songs
                .filter(|(part, _)| part.is_of_song())
                .map(|(_, value)| value);
            match songs.max_by_key(|value| value.len()) {
                Some(longest) if excess > 0 && !longest.is_empty() => {
                    *longest = shorten(longest, longest.len().saturating_sub(excess));
                }
                _ => return format!("{}.{extension}", shorten(&name, room)),
            }
        }
    }

    /// Whether the name tells songs apart.
    pub fn names_song(&self) -> bool {
        let tells =
            |part: &Part| matches!(part, Part::Field(Field::Track | Field::Title | Field::File));
        self.0.iter().any(tells)
    }
}

impl Part {
    /// Whether it may be cut where a name is too long.
    fn is_of_song(&self) -> bool {
        matches!(self, Self::Field(field) if !matches!(field, Field::Label | Field::Stem))
    }
}

impl SongNames {
    /// What a field of the song stands for.
    fn value(&self, field: Field) -> String {
        let text = |text: &Option<String>, otherwise: &str| {
            text.clone().unwrap_or_else(|| otherwise.to_owned())
        };
        match field {
            Field::Track => self.track.clone(),
            Field::Title => text(&self.title, &self.file),
            Field::Artist => text(&self.artist, NO_ARTIST),
            Field::Album => text(&self.album, NO_ALBUM),
            Field::Number => text(&self.number, ""),
            Field::Year => text(&self.year, ""),
            Field::File => self.file.clone(),
            Field::Label | Field::Stem => String::new(),
        }
    }

    /// The names for the `number`th song of the same name in a folder.
    #[must_use]
    pub fn numbered(&self, number: u32) -> Self {
        let numbered = |text: &str| super::naming::numbered(text, number);
        Self {
            track: numbered(&self.track),
            title: self.title.as_deref().map(numbered),
            file: numbered(&self.file),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn song() -> SongNames {
        SongNames {
            track: "AC-DC - Back: in Black".into(),
            title: Some("Back: in Black".into()),
            artist: Some("AC/DC".into()),
            file: "06 back".into(),
            ..SongNames::default()
        }
    }

    #[test]
    fn fields_stand_for_what_the_song_says_and_names_are_safe() {
        for (template, expected) in [
            ("{track} ({label})", "AC-DC - Back- in Black (No Drums).wav"),
            ("{number} {title} - {stem}", "Back- in Black - no drums.wav"),
            (
                "{artist}, {album}: {file}",
                "AC-DC, Unknown Album- 06 back.wav",
            ),
            ("con", "_con.wav"),
            ("{stem}...", "no drums.wav"),
            ("{year}", "Untitled.wav"),
        ] {
            let template: Template = template.parse().unwrap();
            let name = template.file_name(&song(), ("No Drums", "no drums"), "wav");
            assert_eq!(name, expected);
        }
        for (text, error) in [
            ("", TemplateError::Empty),
            ("{stems}", TemplateError::UnknownField("stems".into())),
            ("{track", TemplateError::Bracket),
            ("track}", TemplateError::Bracket),
            ("{track}/{stem}", TemplateError::Folder),
        ] {
            assert_eq!(text.parse::<Template>(), Err(error));
        }
    }

    #[test]
    fn what_is_too_long_is_cut_from_the_song() {
        let long = SongNames {
            track: "é".repeat(300),
            ..song()
        };
        let template: Template = "{track} - {artist} ({label})".parse().unwrap();
        let name = template.file_name(&long.numbered(12), ("Drums Stem", "drums"), "stem.mp4");
        assert!(
            name.len() <= MAX_NAME_BYTES && name.ends_with(" - AC-DC (Drums Stem).stem.mp4"),
            "{name}"
        );
    }

    proptest! {
        #[test]
        fn any_template_gives_a_name_that_is_safe(text in any::<String>(), track in any::<String>()) {
            if let Ok(template) = format!("{{track}}{text}").parse::<Template>() {
                let song = SongNames { track, ..song() };
                let name = template.file_name(&song, ("Full Mix", "mix"), "flac");
                prop_assert!(name.len() <= MAX_NAME_BYTES);
                prop_assert!(sanitise(&name) == name, "{name}");
            }
        }
    }
}
