//! Colours and measures of the window. All lengths are in points: pixels at a scale of 100 %.

use egui::{Color32, CornerRadius, FontId, Stroke, Visuals, vec2};

use crate::ids;

/// Behind everything, and what the window is cleared with. Large grounds of other colours would cost more to draw,
/// where the processor draws, than all that lies on them.
pub const BACKGROUND: Color32 = Color32::from_rgb(0x16, 0x19, 0x1f);
/// Menus and hints.
pub const PANEL: Color32 = Color32::from_rgb(0x1d, 0x21, 0x28);
/// What is sunk into a panel: tracks, meters, the picture.
pub const SUNKEN: Color32 = Color32::from_rgb(0x0d, 0x0f, 0x13);
/// Buttons and caps at rest.
pub const RAISED: Color32 = Color32::from_rgb(0x33, 0x39, 0x44);
/// Outlines.
pub const LINE: Color32 = Color32::from_rgb(0x3c, 0x43, 0x50);
/// Around what can be pressed or moved.
pub const OUTLINE: Color32 = Color32::from_rgb(0x70, 0x79, 0x88);
/// Ground of a mute that is on.
pub const MUTE: Color32 = Color32::from_rgb(0xff, 0x8a, 0x7a);
/// Ground of a solo that is on.
pub const SOLO: Color32 = Color32::from_rgb(0x8f, 0xd6, 0xff);
/// Text on a switch that is on.
pub const ON_COLOR: Color32 = Color32::from_rgb(0x10, 0x12, 0x16);
/// Text that matters.
pub const TEXT: Color32 = Color32::from_rgb(0xe8, 0xeb, 0xf0);
/// Text that explains.
pub const TEXT_DIM: Color32 = Color32::from_rgb(0xa3, 0xab, 0xb9);
/// Ground of what is chosen from a list.
pub const CHOSEN: Color32 = Color32::from_rgb(0x2c, 0x50, 0x78);
/// What has the keyboard's attention.
pub const FOCUS: Color32 = Color32::WHITE;
/// All is well.
pub const WELL: Color32 = Color32::from_rgb(0x5f, 0xd0, 0xa0);
/// Something is wrong.
pub const WARNING: Color32 = Color32::from_rgb(0xff, 0xb0, 0x3a);

/// The stems, in the order of [`ids::STEMS`]: vermillion, sky blue, yellow and reddish purple.
///
/// # Source
/// Okabe and Ito, "Color Universal Design" (2008): of their seven colours, the four that are bright on a
/// dark ground and farthest apart for the common kinds of colour blindness; a test simulates them.
pub const STEMS: [Color32; ids::STEMS.len()] = [
    Color32::from_rgb(0xd5, 0x5e, 0x00),
    Color32::from_rgb(0x56, 0xb4, 0xe9),
    Color32::from_rgb(0xf0, 0xe4, 0x42),
    Color32::from_rgb(0xcc, 0x79, 0xa7),
];

/// The name.
pub const TITLE: FontId = FontId::proportional(15.0);
/// Text of scales.
pub const SCALE: FontId = FontId::proportional(10.0);
/// Size of small text.
pub const SMALL: FontId = FontId::proportional(11.0);
/// Size of most text.
pub const BODY: FontId = FontId::proportional(13.0);

/// Makes egui look like this.
pub fn apply(ctx: &egui::Context) {
    ctx.set_theme(egui::Theme::Dark);
    ctx.all_styles_mut(|style| {
        style.spacing.item_spacing = vec2(6.0, 6.0);
        style.spacing.button_padding = vec2(8.0, 3.0);
        style.spacing.interact_size.y = 22.0;
        // Else nobody sees that there is more to scroll to.
        style.spacing.scroll.dormant_handle_opacity = 0.6;
        // Labels are names of controls, not text to copy.
        style.interaction.selectable_labels = false;
        style.visuals = visuals();
    });
}

fn visuals() -> Visuals {
    let mut visuals = Visuals::dark();
    visuals.panel_fill = BACKGROUND;
    visuals.window_fill = PANEL;
    visuals.window_stroke = Stroke::new(1.0, LINE);
    visuals.extreme_bg_color = SUNKEN;
    visuals.override_text_color = Some(TEXT);
    visuals.selection.bg_fill = CHOSEN;
    visuals.selection.stroke = Stroke::new(1.0, FOCUS);
    let widgets = &mut visuals.widgets;
    for state in [
        &mut widgets.noninteractive,
        &mut widgets.inactive,
        &mut widgets.hovered,
        &mut widgets.active,
        &mut widgets.open,
    ] {
        state.corner_radius = CornerRadius::same(3);
        state.fg_stroke = Stroke::new(1.0, TEXT);
        state.expansion = 0.0;
    }
    widgets.noninteractive.bg_stroke = Stroke::new(1.0, LINE);
    widgets.inactive.bg_stroke = Stroke::new(1.0, OUTLINE);
    widgets.inactive.weak_bg_fill = RAISED;
    widgets.inactive.bg_fill = RAISED;
    for (state, fill) in [
        (&mut widgets.hovered, LINE),
        (&mut widgets.active, OUTLINE),
        (&mut widgets.open, RAISED),
    ] {
        state.weak_bg_fill = fill;
        state.bg_fill = fill;
        state.bg_stroke = Stroke::new(1.0, OUTLINE);
    }
    visuals
}
