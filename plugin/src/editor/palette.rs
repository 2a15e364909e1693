//! The colours of the window, in three kinds. A test looks at the contrast of all of them.

use egui::Color32;

use crate::ids;

/// What is drawn in which colour.
#[derive(Debug)]
pub struct Palette {
    /// Whether light lies on a dark ground.
    pub is_dark: bool,
    /// Behind everything, and what the window is cleared with. Large grounds of other colours would cost more to draw,
    /// where the processor draws, than all that lies on them.
    pub background: Color32,
    /// Menus and hints.
    pub panel: Color32,
    /// What is sunk into a panel: tracks, meters, fields.
    pub sunken: Color32,
    /// Buttons and caps at rest.
    pub raised: Color32,
    /// The same under the pointer.
    pub hovered: Color32,
    /// Between parts, and marks of scales.
    pub line: Color32,
    /// Around what can be pressed or moved.
    pub outline: Color32,
    /// Ground of a mute that is on.
    pub mute: Color32,
    /// Ground of a solo that is on, and words of what goes on.
    pub solo: Color32,
    /// Text on a switch that is on.
    pub on_color: Color32,
    /// Text that matters.
    pub text: Color32,
    /// Text that explains.
    pub text_dim: Color32,
    /// How much of the text's colour is in hints in empty fields, 0 to 1.
    pub hint_share: f32,
    /// Ground of what is chosen from a list, or pressed right now.
    pub chosen: Color32,
    /// Around what has the keyboard's attention.
    pub focus: Color32,
    /// All is well.
    pub well: Color32,
    /// Something is wrong.
    pub warning: Color32,
    /// The stems, in the order of [`ids::STEMS`].
    pub stems: [Color32; ids::STEMS.len()],
}

/// 0xRRGGBB.
const fn rgb(hex: u32) -> Color32 {
    let [_, red, green, blue] = hex.to_be_bytes();
    Color32::from_rgb(red, green, blue)
}

/// What most music programs look like.
///
/// # Source
/// Stems: Okabe and Ito, "Color Universal Design" (2008): of their seven colours, the four that are bright on a dark
/// ground and farthest apart for the common kinds of colour blindness: vermillion, sky blue, yellow, reddish purple.
pub static DARK: Palette = Palette {
    is_dark: true,
    background: rgb(0x16191f),
    panel: rgb(0x1d2128),
    sunken: rgb(0x0d0f13),
    raised: rgb(0x333944),
    hovered: rgb(0x3c4350),
    line: rgb(0x3c4350),
    outline: rgb(0x707988),
    mute: rgb(0xff8a7a),
    solo: rgb(0x8fd6ff),
    on_color: rgb(0x101216),
    text: rgb(0xe8ebf0),
    text_dim: rgb(0xa3abb9),
    hint_share: 0.6,
    chosen: rgb(0x2c5078),
    focus: rgb(0xffffff),
    well: rgb(0x5fd0a0),
    warning: rgb(0xffb03a),
    stems: [rgb(0xd55e00), rgb(0x56b4e9), rgb(0xf0e442), rgb(0xcc79a7)],
};

/// For bright rooms. The stems' hues are those of [`DARK`], darkened until they stand out and are as far apart.
pub static LIGHT: Palette = Palette {
    is_dark: false,
    background: rgb(0xf3f4f7),
    panel: rgb(0xffffff),
    sunken: rgb(0xe3e6eb),
    raised: rgb(0xe3e6eb),
    hovered: rgb(0xcfd5de),
    line: rgb(0xc4cad4),
    outline: rgb(0x767e8b),
    mute: rgb(0xb3261e),
    solo: rgb(0x00639b),
    on_color: rgb(0xffffff),
    text: rgb(0x14171c),
    text_dim: rgb(0x4d5562),
    hint_share: 0.7,
    chosen: rgb(0xbcd3f0),
    focus: rgb(0x0047b3),
    well: rgb(0x00684a),
    warning: rgb(0x944400),
    stems: [rgb(0xd65c00), rgb(0x0070c0), rgb(0x5e4b00), rgb(0xa35080)],
};

/// For eyes that need more: text at 7 to 1 on everything, controls in white.
pub static HIGH_CONTRAST: Palette = Palette {
    is_dark: true,
    background: rgb(0x000000),
    panel: rgb(0x000000),
    sunken: rgb(0x1a1a1a),
    raised: rgb(0x1a1a1a),
    hovered: rgb(0x404040),
    line: rgb(0x8c8c8c),
    outline: rgb(0xffffff),
    mute: rgb(0xff9a8a),
    solo: rgb(0x8fd6ff),
    on_color: rgb(0x000000),
    text: rgb(0xffffff),
    text_dim: rgb(0xe6e6e6),
    hint_share: 0.75,
    chosen: rgb(0x00418f),
    focus: rgb(0xffff00),
    well: rgb(0x7dffc0),
    warning: rgb(0xffc04d),
    stems: [rgb(0xff7f2a), rgb(0x4aa8ff), rgb(0xfff25e), rgb(0xf4b6dc)],
};
