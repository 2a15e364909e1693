//! How egui looks here: colours, fonts and measures. All lengths are in points: pixels at a scale of 100 %.

use egui::{Color32, Context, CornerRadius, FontId, Id, Response, Stroke, Visuals, vec2};

use crate::editor::palette::{DARK, Palette};

/// The name.
pub const TITLE: FontId = FontId::proportional(15.0);
/// Text of scales.
pub const SCALE: FontId = FontId::proportional(10.0);
/// Size of small text.
pub const SMALL: FontId = FontId::proportional(11.0);
/// Size of most text.
pub const BODY: FontId = FontId::proportional(13.0);

/// The colours of this window.
pub fn of(ctx: &Context) -> &'static Palette {
    ctx.data(|data| data.get_temp(id())).unwrap_or(&DARK)
}

/// Makes egui look like this, in these colours.
pub fn apply(ctx: &Context, palette: &'static Palette) {
    ctx.data_mut(|data| data.insert_temp(id(), palette));
    // One for all that the system may say: who chooses is the person.
    ctx.set_theme(egui::Theme::Dark);
    ctx.all_styles_mut(|style| {
        style.spacing.item_spacing = vec2(6.0, 6.0);
        style.spacing.button_padding = vec2(8.0, 3.0);
        style.spacing.interact_size.y = 22.0;
        // Else nobody sees that there is more to scroll to.
        style.spacing.scroll.dormant_handle_opacity = 0.6;
        // Labels are names of controls, not text to copy.
        style.interaction.selectable_labels = false;
        style.visuals = visuals(palette);
    });
}

/// Around what can be pressed or moved.
pub fn outline(response: &Response) -> Stroke {
    let palette = of(&response.ctx);
    if response.has_focus() {
        Stroke::new(1.5, palette.focus)
    } else {
        Stroke::new(1.0, palette.outline)
    }
}

fn id() -> Id {
    Id::unique("palette")
}

fn visuals(palette: &Palette) -> Visuals {
    let mut visuals = if palette.is_dark {
        Visuals::dark()
    } else {
        Visuals::light()
    };
    let stroke = |width, color: Color32| Stroke::new(width, color);
    visuals.panel_fill = palette.background;
    visuals.window_fill = palette.panel;
    visuals.window_stroke = stroke(1.0, palette.line);
    visuals.extreme_bg_color = palette.sunken;
    visuals.override_text_color = Some(palette.text);
    visuals.weak_text_alpha = palette.hint_share;
    visuals.selection.bg_fill = palette.chosen;
    visuals.selection.stroke = stroke(1.0, palette.focus);
    let widgets = &mut visuals.widgets;
    for state in [
        &mut widgets.noninteractive,
        &mut widgets.inactive,
        &mut widgets.hovered,
        &mut widgets.active,
        &mut widgets.open,
    ] {
        state.corner_radius = CornerRadius::same(3);
        state.fg_stroke = stroke(1.0, palette.text);
        state.expansion = 0.0;
    }
    widgets.noninteractive.bg_stroke = stroke(1.0, palette.line);
    for (state, fill) in [
        (&mut widgets.inactive, palette.raised),
        (&mut widgets.hovered, palette.hovered),
        (&mut widgets.active, palette.chosen),
        (&mut widgets.open, palette.raised),
    ] {
        state.weak_bg_fill = fill;
        state.bg_fill = fill;
        state.bg_stroke = stroke(1.0, palette.outline);
    }
    visuals
}
