//! Names of codecs and of files in people's words, for those that can't be read here.
//!
//! What is named here is read all the same where ffmpeg is installed; the names are for the error where it
//! isn't.

use symphonia::core::codecs::audio::AudioCodecId;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_AAC, CODEC_ID_AC3, CODEC_ID_AC4, CODEC_ID_DCA, CODEC_ID_EAC3, CODEC_ID_MONKEYS_AUDIO,
    CODEC_ID_OPUS, CODEC_ID_TRUEHD, CODEC_ID_TTA, CODEC_ID_WAVPACK, CODEC_ID_WMA,
};

/// What people call a codec. It is the subject of "… can't be read".
pub(super) fn name(codec: AudioCodecId) -> String {
    match codec {
        CODEC_ID_AAC => "HE-AAC, or AAC with more than two channels,",
        CODEC_ID_OPUS => "Opus with more than two channels",
        CODEC_ID_AC3 => "Dolby Digital (AC-3)",
        CODEC_ID_EAC3 => "Dolby Digital Plus (E-AC-3)",
        CODEC_ID_AC4 => "Dolby AC-4",
        CODEC_ID_TRUEHD => "Dolby TrueHD",
        CODEC_ID_DCA => "DTS",
        CODEC_ID_MONKEYS_AUDIO => "Monkey's Audio",
        CODEC_ID_TTA => "True Audio (TTA)",
        CODEC_ID_WAVPACK => "WavPack",
        CODEC_ID_WMA => "Windows Media Audio (WMA)",
        _ => "the codec of this file",
    }
    .into()
}

/// What a file is that begins so, where it is known and not read here.
///
/// `head` are the first bytes behind an ID3v2 tag. Each mark is looked for at its offset: ASF's GUID, names of
/// four letters, sync words.
pub(super) fn foreign(head: &[u8]) -> Option<&'static str> {
    let kinds: [(&[u8], usize, &str); 20] = [
        (
            b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",
            0,
            "Windows Media Audio (WMA)",
        ),
        (b"wvpk", 0, "WavPack"),
        (b"MAC ", 0, "Monkey's Audio"),
        (b"\x0b\x77", 0, "Dolby Digital (AC-3)"),
        (b"\x7f\xfe\x80\x01", 0, "DTS"),
        (b"MPCK", 0, "Musepack"),
        (b"MP+", 0, "Musepack"),
        (b"TTA1", 0, "True Audio (TTA)"),
        (b"DSD ", 0, "DSD"),
        (b"FRM8", 0, "DSD"),
        (b"#!AMR", 0, "AMR"),
        (b".RMF", 0, "RealAudio"),
        (b"AVI ", 8, "the audio of this AVI video"),
        (b"FLV\x01", 0, "the audio of this Flash video"),
        (b"\x00\x00\x01\xba", 0, "the audio of this MPEG video"),
        (b"OFR ", 0, "OptimFROG"),
        (b"ajkg", 0, "Shorten"),
        (b"2BIT", 0, "AVR"),
        (b"Creative Voice File", 0, "VOC"),
        (b"RIFF", 0, "the codec of this WAV file"),
    ];
    kinds
        .iter()
        .find(|(mark, at, _)| head.get(*at..).is_some_and(|rest| rest.starts_with(mark)))
        .map(|&(_, _, name)| name)
}
