//! The last seconds: a lane per stem with its waveform, as it is heard.
//!
//! The bright waveform is what is heard, so faders change it; the dark one behind it is what the stem holds, so what
//! is muted or turned down is still seen. Where there are no stems there is one waveform over all lanes, in grey. It
//! moves to the left, the same seconds over the whole width at every size, while anything is left to be seen.

use std::collections::VecDeque;

use egui::accesskit::Role;
use egui::{
    Align2, Color32, ColorImage, Rect, Sense, Shape, TextureHandle, TextureOptions, Ui, WidgetInfo,
    pos2, vec2,
};
use unweave_live::Slot;

use crate::editor::palette::Palette;
use crate::editor::theme;
use crate::ids;
use crate::variant::STEM_NAMES;

/// Over the whole width.
const SPAN_SECONDS: usize = 12;
/// Slots of a hundredth of a second in that.
const SPAN_SLOTS: usize = 100 * SPAN_SECONDS;
/// Between what is above it and the first name, in points.
const TOP_GAP: f32 = 6.0;
/// Below the waves, for the seconds, in points.
const SCALE_HEIGHT: f32 = 18.0;
/// Loudness to height: quiet passages are seen, too.
const EXPONENT: f32 = 0.6;
/// Brightness of what isn't heard.
const UNHEARD: f32 = 0.3;
/// Below this amplitude, −80 dB, there is nothing to be seen.
const SILENCE: f32 = 1e-4;

/// A hundredth of a second, or several.
#[derive(Debug, Clone, Copy, Default)]
struct Moment {
    mix: f32,
    /// Peaks of the stems before their gains.
    stems: [f32; ids::STEMS.len()],
    gains: [f32; ids::STEMS.len()],
}

/// The last seconds, and their image: a ring, of which only new columns are painted and uploaded.
#[derive(Default)]
pub struct Picture {
    moments: VecDeque<Moment>,
    /// Moments since the start.
    total: usize,
    /// Moments since the last that wasn't silent.
    num_silent: usize,
    image: Option<Image>,
}

struct Image {
    texture: TextureHandle,
    size: [usize; 2],
    palette: &'static Palette,
    /// Columns that were painted since the start; the last of them is at `painted % width`.
    painted: usize,
}

impl Picture {
    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Adds a slot. Silence that nothing was before, or that everything has left the picture since, moves nothing.
    ///
    /// Gives whether anything is to be seen.
    pub fn push(&mut self, slot: &Slot) -> bool {
        if slot.mix.peak > SILENCE || slot.is_playing {
            self.num_silent = 0;
        } else if self.moments.is_empty() || self.num_silent >= SPAN_SLOTS {
            return false;
        } else {
            self.num_silent += 1;
        }
        let stem = |idx: usize| slot.stems[idx];
        self.moments.push_back(Moment {
            mix: slot.mix.peak,
            stems: std::array::from_fn(|idx| stem(idx).level.peak),
            gains: std::array::from_fn(|idx| stem(idx).gain),
        });
        self.total += 1;
        if self.moments.len() > SPAN_SLOTS {
            self.moments.pop_front();
        }
        true
    }

    /// Draws it over all the width that is left.
    pub fn draw(&mut self, ui: &mut Ui, height: f32) {
        let (rect, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
        response
            .widget_info(|| WidgetInfo::labeled(Role::Image, true, "The last seconds, by stem"));
        let pixels_per_point = ui.ctx().pixels_per_point();
        let inner = rect.shrink(1.0);
        let inner = inner.with_min_y((inner.min.y + TOP_GAP).min(inner.max.y));
        let waves = inner.with_max_y((inner.max.y - SCALE_HEIGHT).max(inner.min.y));
        // A host may give the window any size; what draws it may not take any.
        let most = ui.input(|input| input.max_texture_side);
        let side = |points: f32| pixels(points * pixels_per_point).min(most);
        let size = [waves.width(), waves.height()].map(side);
        if size[0] == 0 || size[1] == 0 {
            return;
        }
        self.paint_new_columns(ui.ctx(), size);
        if let Some(image) = &self.image {
            image.draw(ui, waves);
        }
        draw_scale(ui, inner);
        draw_names(ui, waves);
    }

    fn paint_new_columns(&mut self, ctx: &egui::Context, size: [usize; 2]) {
        let palette = theme::of(ctx);
        let width = size[0];
        let end = columns_until(self.total, width);
        let oldest = columns_until(self.total - self.moments.len(), width);
        let is_same = |image: &Image| image.size == size && std::ptr::eq(image.palette, palette);
        if !self.image.as_ref().is_some_and(is_same) {
            let blank = ColorImage::filled(size, palette.background);
            self.image = Some(Image {
                texture: ctx.load_texture("picture", blank, TextureOptions::NEAREST),
                size,
                palette,
                painted: oldest,
            });
        }
        let Some(mut image) = self.image.take() else {
            return;
        };
        for column in image.painted.max(oldest).max(end.saturating_sub(width))..end {
            let pixels = ColorImage::new(
                [1, size[1]],
                self.column(column, width).pixels(size[1], palette),
            );
            image
                .texture
                .set_partial([column % width, 0], pixels, TextureOptions::NEAREST);
        }
        image.painted = end;
        self.image = Some(image);
    }

    /// What a column of pixels shows: the moments that begin in it, or the one before where none does.
    fn column(&self, column: usize, width: usize) -> Moment {
        let start = self.total - self.moments.len();
        let first = slots_until(column, width);
        let end = slots_until(column + 1, width).max(first + 1);
        let mut shown = Moment::default();
        for slot in first..end {
            let Some(moment) = slot
                .checked_sub(start)
                .and_then(|idx| self.moments.get(idx))
            else {
                continue;
            };
            shown.mix = shown.mix.max(moment.mix);
            for (shown, peak) in shown.stems.iter_mut().zip(moment.stems) {
                *shown = shown.max(peak);
            }
            shown.gains = moment.gains;
        }
        shown
    }
}

/// Columns that are complete after so many moments.
fn columns_until(num_slots: usize, width: usize) -> usize {
    num_slots * width / SPAN_SLOTS
}

/// The first moment of a column.
fn slots_until(column: usize, width: usize) -> usize {
    column * SPAN_SLOTS / width
}

impl Moment {
    /// Its pixels from top to bottom.
    fn pixels(&self, height: usize, palette: &Palette) -> Vec<Color32> {
        let mut pixels = vec![palette.background; height];
        if self.stems.iter().all(|peak| *peak <= 0.0) {
            wave(&mut pixels, self.mix, palette.text_dim);
            return pixels;
        }
        let num_stems = self.stems.len();
        for (idx, (peak, gain)) in self.stems.into_iter().zip(self.gains).enumerate() {
            let lane = idx * height / num_stems..(idx + 1) * height / num_stems;
            let color = palette.stems[idx];
            let dark = palette.background.lerp_to_gamma(color, UNHEARD);
            wave(&mut pixels[lane.clone()], peak, dark);
            if gain > 0.0 {
                wave(&mut pixels[lane], peak * gain, color);
            }
        }
        pixels
    }
}

/// A column of a waveform, mirrored at the middle of its lane; silence is a line.
fn wave(lane: &mut [Color32], peak: f32, color: Color32) {
    let middle = lane.len() as f32 / 2.0;
    let half = (peak.clamp(0.0, 1.0).powf(EXPONENT) * (middle - 1.0)).max(0.5);
    for (y, pixel) in lane.iter_mut().enumerate() {
        if (y as f32 + 0.5 - middle).abs() <= half {
            *pixel = color;
        }
    }
}

impl Image {
    /// The ring in its two pieces, the newest column at the right.
    fn draw(&self, ui: &Ui, rect: Rect) {
        let width = self.size[0];
        let newest = self.painted % width;
        let split = rect.right() - rect.width() * newest as f32 / width as f32;
        let uv = newest as f32 / width as f32;
        let piece = |x: [f32; 2], u: [f32; 2]| {
            if x[1] > x[0] {
                let rect = Rect::from_x_y_ranges(x[0]..=x[1], rect.y_range());
                let uv = Rect::from_min_max(pos2(u[0], 0.0), pos2(u[1], 1.0));
                ui.painter()
                    .add(Shape::image(self.texture.id(), rect, uv, Color32::WHITE));
            }
        };
        piece([rect.left(), split], [uv, 1.0]);
        piece([split, rect.right()], [0.0, uv]);
    }
}

/// Seconds back from now.
fn draw_scale(ui: &Ui, rect: Rect) {
    let palette = theme::of(ui.ctx());
    let painter = ui.painter_at(rect);
    for seconds in 1..SPAN_SECONDS {
        let x = rect.right() - rect.width() * seconds as f32 / SPAN_SECONDS as f32;
        let is_named = seconds % 2 == 0;
        let length = if is_named { 6.0 } else { 3.0 };
        painter.vline(
            x,
            rect.bottom() - length..=rect.bottom(),
            egui::Stroke::new(1.0, palette.outline),
        );
        if is_named {
            painter.text(
                pos2(x, rect.bottom() - 7.0),
                Align2::CENTER_BOTTOM,
                format!("−{seconds} s"),
                theme::SCALE,
                palette.text_dim,
            );
        }
    }
}

/// Which lane is whose.
fn draw_names(ui: &Ui, rect: Rect) {
    let palette = theme::of(ui.ctx());
    let height = rect.height() / STEM_NAMES.len() as f32;
    for (idx, name) in STEM_NAMES.iter().enumerate() {
        let at = pos2(rect.left() + 3.0, rect.top() + idx as f32 * height);
        let painter = ui.painter();
        painter.text(at, Align2::LEFT_TOP, name, theme::SCALE, palette.text_dim);
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates; lengths on a screen are small"
)]
fn pixels(length: f32) -> usize {
    length.round() as usize
}

#[cfg(test)]
mod tests {
    use unweave_live::{Level, StemLevel};

    use super::*;
    use crate::editor::palette::DARK;

    fn slot(amplitudes: [f32; 4], gain: f32) -> Slot {
        let mut slot = Slot {
            mix: Level {
                peak: 1.0,
                mean_square: 0.5,
            },
            ..Slot::default()
        };
        for (stem, amplitude) in slot.stems.iter_mut().zip(amplitudes) {
            *stem = StemLevel {
                level: Level {
                    peak: amplitude,
                    mean_square: amplitude * amplitude,
                },
                gain,
            };
        }
        slot
    }

    /// A hundred pixels a lane.
    fn column(slot: &Slot) -> Vec<Color32> {
        let mut picture = Picture::default();
        picture.push(slot);
        picture.column(0, SPAN_SLOTS).pixels(400, &DARK)
    }

    fn count(pixels: &[Color32], color: Color32) -> usize {
        pixels.iter().filter(|pixel| **pixel == color).count()
    }

    #[test]
    fn each_stem_has_a_lane_of_its_own_and_faders_change_what_is_drawn() {
        let all = column(&slot([1.0, 0.5, 0.25, 0.125], 1.0));
        for (idx, lane) in all.chunks(100).enumerate() {
            let height = 98.0 * 0.5f32.powf(idx as f32 * EXPONENT);
            let found = count(lane, DARK.stems[idx]);
            assert_eq!(count(&all, DARK.stems[idx]), found, "in no other lane");
            assert!((found as f32 - height).abs() <= 2.0, "{idx}: {found}");
            let mirrored: Vec<_> = lane.iter().rev().copied().collect();
            assert_eq!(lane, mirrored);
        }
        let softer = column(&slot([1.0, 0.5, 0.25, 0.125], 0.5));
        for color in DARK.stems {
            assert!(count(&softer, color) < count(&all, color));
        }
    }

    #[test]
    fn what_is_muted_is_dark_but_there_and_a_mix_without_stems_is_grey() {
        let muted = column(&slot([1.0, 0.0, 0.0, 0.0], 0.0));
        assert_eq!(count(&muted, DARK.stems[0]), 0);
        let dark = DARK.background.lerp_to_gamma(DARK.stems[0], UNHEARD);
        assert!(count(&muted, dark) > 90);
        let unsplit = column(&slot([0.0; 4], 1.0));
        assert!(count(&unsplit, DARK.text_dim) > 390);
    }

    #[test]
    fn every_width_shows_the_same_seconds() {
        let mut picture = Picture::default();
        for number in 0..SPAN_SLOTS {
            let peak = if number < SPAN_SLOTS / 2 { 1.0 } else { 0.0 };
            picture.push(&slot([peak, 0.0, 0.0, 0.1], 1.0));
        }
        for width in [300, 660, 1200, 3000] {
            assert_eq!(columns_until(picture.total, width), width);
            let is_loud = |column: &usize| picture.column(*column, width).stems[0] == 1.0;
            let num_loud = (0..width).filter(is_loud).count();
            assert!(num_loud.abs_diff(width / 2) <= 1, "{num_loud} of {width}");
        }
    }

    #[test]
    fn silence_moves_on_until_nothing_is_left_to_be_seen() {
        let mut picture = Picture::default();
        let silence = Slot::default();
        assert!(!picture.push(&silence), "nothing yet");
        picture.push(&slot([1.0; 4], 1.0));
        let moved = (0..2 * SPAN_SLOTS)
            .filter(|_| picture.push(&silence))
            .count();
        assert_eq!(moved, SPAN_SLOTS);
        assert!(picture.moments.iter().all(|moment| moment.mix == 0.0));
        assert_eq!(picture.moments.len(), SPAN_SLOTS);
    }
}
