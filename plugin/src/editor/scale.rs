//! The size of everything in the window: a menu of what fits the screen, and the way back where the host's window
//! doesn't grow with this one.

use egui::{Context, RichText, Ui, Vec2, ViewportCommand, vec2};

use crate::editor::look::LookView;
use crate::editor::models::named;
use crate::editor::theme;
use crate::extent;

/// In percent.
const SCALES: [u16; 6] = [75, 100, 125, 150, 175, 200];
/// All of the menu.
const MENU_HEIGHT: f32 = 420.0;
/// How long a host may take to make its window larger, in seconds.
const PATIENCE: f64 = 0.7;

/// How much room there is, in pixels, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Room {
    /// The host's window.
    pub host: Option<[u32; 2]>,
    /// The screen.
    pub screen: Option<[u32; 2]>,
}

/// The menu, and under the scales the looks.
pub fn draw(ui: &mut Ui, room: Room, look: &mut LookView) {
    let now = percent(ui.ctx());
    let menu = egui::ComboBox::from_id_salt("scale")
        .width(58.0)
        .height(MENU_HEIGHT)
        .selected_text(RichText::new(format!("{now} %")).font(theme::BODY))
        .show_ui(ui, |ui| {
            for scale in SCALES {
                let label = egui::Button::selectable(scale == now, format!("{scale} %"));
                let response = ui.add_enabled(fits(ui.ctx(), scale, room.screen), label);
                if response.clicked() && scale != now {
                    choose(ui.ctx(), scale, room.screen);
                }
                response.on_disabled_hover_text("Too large for this screen");
            }
            ui.separator();
            look.menu(ui);
        });
    menu.response
        .on_hover_text("Size and colours of everything in this window")
        .widget_info(|| named("Size and colours", &format!("{now} %")));
}

/// Goes back to a scale at which all can be seen, if the host's window is smaller than this one must be.
pub fn fit(ctx: &Context, room: Room) {
    let id = egui::Id::unique("too small since");
    let now = percent(ctx);
    let is_too_small = room.host.is_some() && !fits(ctx, now, room.host);
    let time = ctx.input(|input| input.time);
    if !is_too_small {
        ctx.data_mut(|data| data.remove::<f64>(id));
        return;
    }
    let since = ctx.data_mut(|data| *data.get_temp_mut_or(id, time));
    if time < since + PATIENCE {
        ctx.request_repaint_after(std::time::Duration::from_millis(100));
        return;
    }
    let mut smaller = SCALES.into_iter().rev().filter(|scale| *scale < now);
    if let Some(scale) = smaller.find(|scale| fits(ctx, *scale, room.host)) {
        choose(ctx, scale, room.host);
    }
    ctx.data_mut(|data| data.remove::<f64>(id));
}

fn percent(ctx: &Context) -> u16 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few hundred"
    )]
    let percent = (ctx.zoom_factor() * 100.0).round() as u16;
    percent
}

/// In points at this scale.
fn points(ctx: &Context, scale: u16, pixels: [u32; 2]) -> Vec2 {
    let native = ctx.native_pixels_per_point().unwrap_or(1.0);
    let [width, height] = pixels.map(|pixels| pixels as f32);
    vec2(width, height) / (native * f32::from(scale) / 100.0)
}

/// Whether the smallest window has room at this scale.
fn fits(ctx: &Context, scale: u16, pixels: Option<[u32; 2]>) -> bool {
    let [width, height, _] = extent::MIN.map(f32::from);
    pixels.is_none_or(|pixels| {
        let room = points(ctx, scale, pixels);
        // Sizes are rounded to pixels.
        room.x + 1.0 >= width && room.y + 1.0 >= height
    })
}

/// Keeps the window's points, but for what there is no room for.
fn choose(ctx: &Context, scale: u16, pixels: Option<[u32; 2]>) {
    let mut size = ctx.content_rect().size();
    if let Some(pixels) = pixels {
        size = size.min(points(ctx, scale, pixels));
    }
    ctx.set_zoom_factor(f32::from(scale) / 100.0);
    ctx.send_viewport_cmd(ViewportCommand::InnerSize(size));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scales_whose_smallest_window_fits_the_screen_are_offered() {
        let ctx = Context::default();
        let offered = |screen| -> Vec<u16> {
            let fitting = SCALES
                .into_iter()
                .filter(|scale| fits(&ctx, *scale, screen));
            fitting.collect()
        };
        assert_eq!(offered(None), SCALES);
        assert_eq!(offered(Some([1920, 1080])), SCALES);
        assert_eq!(offered(Some([1280, 900])), [75, 100, 125, 150]);
        assert_eq!(offered(Some([800, 600])), [75, 100]);
    }
}
