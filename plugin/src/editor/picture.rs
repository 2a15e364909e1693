//! The last seconds: a waveform of the mix, cut into the shares of its stems in their colours.
//!
//! What is muted or turned down is there, but dark: the picture shows at once what the mix holds and
//! what of it is heard. Where there are no stems the waveform is grey. It moves to the left, one column
//! of pixels for a fixed time, while the transport rolls or something sounds.

use std::collections::VecDeque;

use egui::accesskit::Role;
use egui::{
    Align2, Color32, ColorImage, Rect, Sense, Shape, TextureHandle, TextureOptions, Ui, WidgetInfo,
    pos2, vec2,
};
use unweave_live::Slot;

use crate::editor::theme;
use crate::ids;

/// Slots of a hundredth of a second in a column.
const SLOTS_PER_COLUMN: usize = 2;
/// Columns in a second.
const COLUMNS_PER_SECOND: usize = 100 / SLOTS_PER_COLUMN;
/// Below the waves, for the seconds, in points.
const SCALE_HEIGHT: f32 = 18.0;
/// Columns that are kept: more than the broadest window shows.
const MAX_COLUMNS: usize = 1000;
/// Loudness to height: quiet passages are seen, too.
const EXPONENT: f32 = 0.6;
/// Brightness of what isn't heard.
const UNHEARD: f32 = 0.22;

/// The stems from the middle outwards, as indices into [`ids::STEMS`]: bass, drums, other, vocals.
const ORDER: [usize; ids::STEMS.len()] = [1, 0, 3, 2];

/// Some hundredths of a second of the mix.
#[derive(Debug, Clone, Copy, Default)]
struct Column {
    peak: f32,
    /// Mean squares of the stems, summed over slots.
    powers: [f32; ids::STEMS.len()],
    /// Gains with which they were heard.
    gains: [f32; ids::STEMS.len()],
    num_slots: usize,
}

/// The columns, and their image: a ring, of which only new columns are painted and uploaded.
#[derive(Default)]
pub struct Picture {
    columns: VecDeque<Column>,
    /// Columns since the start; the image has the last of them at `total % width`.
    total: usize,
    filling: Column,
    image: Option<Image>,
}

struct Image {
    texture: TextureHandle,
    size: [usize; 2],
    /// Columns that are in it, counted like `total`.
    painted: usize,
}

impl Picture {
    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Adds a slot.
    pub fn push(&mut self, slot: &Slot) {
        let column = &mut self.filling;
        column.peak = column.peak.max(slot.mix.peak);
        let stems = column.powers.iter_mut().zip(&mut column.gains);
        for ((power, gain), stem) in stems.zip(&slot.stems) {
            *power += stem.level.mean_square;
            *gain = stem.gain;
        }
        column.num_slots += 1;
        if column.num_slots == SLOTS_PER_COLUMN {
            self.columns.push_back(std::mem::take(column));
            self.total += 1;
            if self.columns.len() > MAX_COLUMNS {
                self.columns.pop_front();
            }
        }
    }

    /// Draws it over all the width that is left.
    pub fn draw(&mut self, ui: &mut Ui, height: f32) {
        let (rect, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
        response
            .widget_info(|| WidgetInfo::labeled(Role::Image, true, "The last seconds, by stem"));
        let pixels_per_point = ui.ctx().pixels_per_point();
        let inner = rect.shrink(1.0);
        let waves = inner.with_max_y((inner.max.y - SCALE_HEIGHT).max(inner.min.y));
        let size = [waves.width(), waves.height()].map(|points| pixels(points * pixels_per_point));
        if size[0] == 0 || size[1] == 0 {
            return;
        }
        self.paint_new_columns(ui.ctx(), size);
        if let Some(image) = &self.image {
            image.draw(ui, waves, self.total, self.highest(size[0]));
        }
        draw_scale(ui, inner, pixels_per_point);
    }

    /// The highest of the columns that are seen, as a share of the height.
    fn highest(&self, num_columns: usize) -> f32 {
        let seen = self.columns.iter().rev().take(num_columns);
        seen.map(|column| column.height()).fold(0.0, f32::max)
    }

    fn paint_new_columns(&mut self, ctx: &egui::Context, size: [usize; 2]) {
        let (total, columns) = (self.total, &self.columns);
        if self.image.as_ref().is_none_or(|image| image.size != size) {
            let blank = ColorImage::filled(size, theme::BACKGROUND);
            self.image = Some(Image {
                texture: ctx.load_texture("picture", blank, TextureOptions::NEAREST),
                size,
                painted: total.saturating_sub(columns.len().min(size[0])),
            });
        }
        let Some(image) = &mut self.image else { return };
        let first = image
            .painted
            .max(total.saturating_sub(columns.len().min(size[0])));
        for number in first..total {
            let column = columns[columns.len() - (total - number)];
            let pixels = ColorImage::new([1, size[1]], column.pixels(size[1]));
            image
                .texture
                .set_partial([number % size[0], 0], pixels, TextureOptions::NEAREST);
        }
        image.painted = total;
    }
}

impl Column {
    /// Of its waves, as a share of the picture's.
    fn height(&self) -> f32 {
        self.peak.clamp(0.0, 1.0).powf(EXPONENT)
    }

    /// Its pixels from top to bottom.
    fn pixels(&self, height: usize) -> Vec<Color32> {
        let mut pixels = vec![theme::BACKGROUND; height];
        let middle = height as f32 / 2.0;
        let half = self.height() * (middle - 1.0);
        let bands = self.bands();
        for (y, pixel) in pixels.iter_mut().enumerate() {
            let distance = (y as f32 + 0.5 - middle).abs();
            if distance > half.max(0.5) {
                continue;
            }
            let share = distance / half.max(0.5);
            let band = bands.iter().find(|(end, _)| share <= *end);
            *pixel = band.map_or(theme::TEXT_DIM, |(_, color)| *color);
        }
        pixels
    }

    /// The bands from the middle outwards: where each ends, as a share of the height, and its colour.
    fn bands(&self) -> Vec<(f32, Color32)> {
        // RMS values and not powers: they are what heights of waveforms are.
        let amplitudes = self.powers.map(f32::sqrt);
        let sum: f32 = amplitudes.iter().sum();
        if sum <= 0.0 {
            return Vec::new();
        }
        let mut end = 0.0;
        ORDER
            .into_iter()
            .map(|stem_idx| {
                end += amplitudes[stem_idx] / sum;
                let heard = UNHEARD + (1.0 - UNHEARD) * self.gains[stem_idx].clamp(0.0, 1.0);
                let color = theme::BACKGROUND.lerp_to_gamma(theme::STEMS[stem_idx], heard);
                (end, color)
            })
            .collect()
    }
}

impl Image {
    /// The ring in its two pieces, the newest column at the right. What no wave reaches is left out: it is the
    /// window's ground.
    fn draw(&self, ui: &Ui, rect: Rect, total: usize, highest: f32) {
        let middle = self.size[1] as f32 / 2.0;
        // Whole pixels, and the line that silence is.
        let half = (highest * middle).ceil().max(1.0).min(middle);
        let [top, bottom] = [middle - half, middle + half].map(|y| y / self.size[1] as f32);
        let rows = rect.top() + rect.height() * top..=rect.top() + rect.height() * bottom;
        let width = self.size[0];
        let newest = total % width;
        let split = rect.right() - rect.width() * newest as f32 / width as f32;
        let uv = newest as f32 / width as f32;
        let piece = |x: [f32; 2], u: [f32; 2]| {
            if x[1] > x[0] {
                let rect = Rect::from_x_y_ranges(x[0]..=x[1], rows.clone());
                let uv = Rect::from_min_max(pos2(u[0], top), pos2(u[1], bottom));
                ui.painter()
                    .add(Shape::image(self.texture.id(), rect, uv, Color32::WHITE));
            }
        };
        piece([rect.left(), split], [uv, 1.0]);
        piece([split, rect.right()], [0.0, uv]);
    }
}

/// Seconds back from now, and the stems' names in the order in which they lie.
fn draw_scale(ui: &Ui, rect: Rect, pixels_per_point: f32) {
    let painter = ui.painter_at(rect);
    let second = COLUMNS_PER_SECOND as f32 / pixels_per_point;
    for seconds in 1..=MAX_COLUMNS / COLUMNS_PER_SECOND {
        let x = rect.right() - seconds as f32 * second;
        let is_named = seconds % 2 == 0;
        let length = if is_named { 6.0 } else { 3.0 };
        painter.vline(
            x,
            rect.bottom() - length..=rect.bottom(),
            egui::Stroke::new(1.0, theme::OUTLINE),
        );
        if is_named && x > rect.left() + 12.0 {
            painter.text(
                pos2(x, rect.bottom() - 7.0),
                Align2::CENTER_BOTTOM,
                format!("−{seconds} s"),
                theme::SCALE,
                theme::TEXT_DIM,
            );
        }
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

    fn slot(amplitudes: [f32; 4], gain: f32) -> Slot {
        let mut slot = Slot {
            is_playing: true,
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

    fn column(slot: &Slot, height: usize) -> Vec<Color32> {
        let mut picture = Picture::default();
        for _ in 0..SLOTS_PER_COLUMN {
            picture.push(slot);
        }
        picture.columns[0].pixels(height)
    }

    #[test]
    fn a_column_is_cut_in_the_proportion_of_the_stems_and_mirrored() {
        let pixels = column(&slot([0.1, 0.2, 0.3, 0.4], 1.0), 402);
        let count = |stem_idx: usize| {
            let is_its = |pixel: &&Color32| **pixel == theme::STEMS[stem_idx];
            pixels.iter().filter(is_its).count()
        };
        for (stem_idx, expected) in [40usize, 80, 120, 160].into_iter().enumerate() {
            let found = count(stem_idx);
            assert!(found.abs_diff(expected) <= 2, "stem {stem_idx}: {found}");
        }
        let mirrored: Vec<_> = pixels.iter().rev().copied().collect();
        assert_eq!(pixels, mirrored);
    }

    #[test]
    fn what_is_not_heard_is_dark_and_a_mix_without_stems_is_grey() {
        let muted = column(&slot([1.0, 0.0, 0.0, 0.0], 0.0), 101);
        assert_ne!(muted[50], theme::STEMS[0]);
        assert_ne!(muted[50], theme::BACKGROUND);
        let unsplit = column(&slot([0.0; 4], 1.0), 101);
        assert_eq!(unsplit[50], theme::TEXT_DIM);
    }

    #[test]
    fn columns_beyond_those_kept_are_dropped_but_counted() {
        let mut picture = Picture::default();
        for _ in 0..SLOTS_PER_COLUMN * (MAX_COLUMNS + 7) {
            picture.push(&slot([1.0; 4], 1.0));
        }
        assert_eq!(picture.columns.len(), MAX_COLUMNS);
        assert_eq!(picture.total, MAX_COLUMNS + 7);
    }
}
