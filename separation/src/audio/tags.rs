//! What a song says of itself, and what its stems say then: artist, album, year, cover and the rest.
//!
//! Tags travel from whatever format the song has to whatever the stems get, by way of the crate lofty's names
//! for them; what a format has no name for stays behind. Each writer asks for its own form:
//!
//! | file | form | by |
//! |---|---|---|
//! | WAV | `LIST` `INFO`, and ID3v2 in `id3 ` | `riff_info`, `id3v2` |
//! | MP3 | ID3v2 | `id3v2` |
//! | FLAC | Vorbis comment, pictures | `vorbis_comment`, `flac_pictures` |
//! | M4A, stem file | `ilst` | `ilst` |

use std::fmt;
use std::path::Path;

use flac_codec::metadata::{Picture, PictureType, VorbisComment};
use lofty::config::{ParseOptions, WriteOptions};
use lofty::file::TaggedFileExt;
use lofty::id3::v2::Id3v2Tag;
use lofty::iff::wav::RiffInfoList;
use lofty::mp4::Ilst;
use lofty::ogg::tag::VorbisComments;
use lofty::probe::Probe;
use lofty::tag::{Accessor, ItemKey, Tag, TagExt, TagType};

/// What is true of the song's file only: of its loudness, its length, and what encoded it.
const OF_THE_FILE: [ItemKey; 9] = [
    ItemKey::ReplayGainAlbumGain,
    ItemKey::ReplayGainAlbumPeak,
    ItemKey::ReplayGainTrackGain,
    ItemKey::ReplayGainTrackPeak,
    ItemKey::Length,
    ItemKey::EncodedBy,
    ItemKey::EncoderSoftware,
    ItemKey::EncoderSettings,
    ItemKey::EncodingTime,
];

/// Covers of more than 4 MiB stay behind: each of a set's files would carry them.
const MAX_COVER_BYTES: usize = 4 << 20;

/// Tags that every format can hold.
///
/// Without what is true of the song's file only, and without covers of more than 4 MiB.
#[derive(Clone)]
pub struct Tags(Tag);

impl Default for Tags {
    fn default() -> Self {
        Self(Tag::new(TagType::Id3v2))
    }
}

impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items = self.0.items().map(|item| (item.key(), item.value()));
        f.debug_map().entries(items).finish()
    }
}

impl PartialEq for Tags {
    fn eq(&self, other: &Self) -> bool {
        self.0.items().eq(other.0.items()) && self.0.pictures() == other.0.pictures()
    }
}

impl Tags {
    /// A title alone.
    pub fn titled(title: &str) -> Self {
        Self::default().with_title(title)
    }

    /// The tags of a file; none if it has none, or they can't be understood.
    ///
    /// A song with tags that are damaged is still a song, so this is no error. Of a file with several kinds of
    /// tags, the one that is usual for its format counts.
    pub fn read(path: &Path) -> Self {
        let mut options = ParseOptions::new();
        options.read_properties(false);
        let probe = Probe::open(path).ok().map(|probe| probe.options(options));
        let file = probe.and_then(|probe| probe.guess_file_type().ok()?.read().ok());
        let tag = file.and_then(|file| file.primary_tag().or_else(|| file.first_tag()).cloned());
        let Some(mut tag) = tag else {
            return Self::default();
        };
        for key in OF_THE_FILE {
            tag.remove_key(key);
        }
        let mut at = 0;
        while let Some(picture) = tag.pictures().get(at) {
            if picture.data().len() > MAX_COVER_BYTES {
                tag.remove_picture(at);
            } else {
                at += 1;
            }
        }
        Self(tag)
    }

    /// These, with another title.
    pub fn with_title(&self, title: &str) -> Self {
        let mut tag = self.0.clone();
        tag.set_title(title.to_owned());
        Self(tag)
    }

    /// These, with an artist if there is none.
    pub(crate) fn or_artist(mut self, artist: Option<&str>) -> Self {
        if let (None, Some(artist)) = (self.artist(), artist) {
            self.0.set_artist(artist.to_owned());
        }
        self
    }

    /// The title, if there is one.
    pub fn title(&self) -> Option<String> {
        text(self.0.title().as_deref())
    }

    /// The artist, if there is one.
    pub fn artist(&self) -> Option<String> {
        text(self.0.artist().as_deref())
    }

    /// The text of any tag by its name in FLAC, such as `ALBUM`. None if it is empty.
    pub fn text(&self, name: &str) -> Option<String> {
        let key = ItemKey::from_key(TagType::VorbisComments, name)?;
        text(self.0.get_string(key))
    }

    /// How many pictures there are.
    pub fn num_pictures(&self) -> usize {
        self.0.pictures().len()
    }

    /// An ID3v2 tag for MP3 and WAV, of an even length: some readers of WAV don't know of the byte that pads a chunk.
    pub(crate) fn id3v2(&self) -> Vec<u8> {
        let mut tag = self.0.clone();
        tag.re_map(TagType::Id3v2);
        let tag = Id3v2Tag::from(tag);
        let padded = |num_bytes| {
            let mut bytes = Vec::new();
            let options = WriteOptions::new().preferred_padding(num_bytes);
            // A song without tags is better than none.
            tag.dump_to(&mut bytes, options)
                .map_or(Vec::new(), |()| bytes)
        };
        let bytes = padded(0);
        if bytes.len() % 2 == 0 {
            bytes
        } else {
            padded(1)
        }
    }

    /// The INFO list of a WAV, with its head. Empty if it can't be made.
    pub(crate) fn riff_info(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut tag = self.0.clone();
        tag.re_map(TagType::RiffInfo);
        match RiffInfoList::from(tag).dump_to(&mut bytes, WriteOptions::new()) {
            Ok(()) => bytes,
            Err(_) => Vec::new(),
        }
    }

    /// The `ilst` box of an M4A.
    pub(crate) fn ilst(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut tag = self.0.clone();
        tag.re_map(TagType::Mp4Ilst);
        match Ilst::from(tag).dump_to(&mut bytes, WriteOptions::new()) {
            Ok(()) => bytes,
            Err(_) => Vec::new(),
        }
    }

    /// The comments of a FLAC.
    pub(crate) fn vorbis_comment(&self) -> VorbisComment {
        let mut tag = self.0.clone();
        tag.re_map(TagType::VorbisComments);
        let mut comment = VorbisComment::default();
        for (name, value) in VorbisComments::from(tag).items() {
            comment.insert(name, value);
        }
        comment
    }

    /// The pictures of a FLAC. A back cover stays one; all others are front covers.
    pub(crate) fn flac_pictures(&self) -> Vec<Picture> {
        let pictures = self.0.pictures().iter();
        pictures
            .filter_map(|picture| {
                let kind = match picture.pic_type() {
                    lofty::picture::PictureType::CoverBack => PictureType::BackCover,
                    _ => PictureType::FrontCover,
                };
                let description = picture.description().unwrap_or_default().to_owned();
                Picture::new(kind, description, picture.data().to_vec()).ok()
            })
            .collect()
    }
}

/// Without spaces around it; none if nothing is left.
fn text(text: Option<&str>) -> Option<String> {
    let text = text.map(str::trim).filter(|text| !text.is_empty())?;
    Some(text.to_owned())
}
