//! Level meters: how they move, and how they look.

use egui::{Align2, CornerRadius, Painter, Rect, Stroke};
use unweave_live::Level;

use crate::editor::theme;
use crate::text;

/// The lowest level that is shown, in dB.
const FLOOR_DB: f32 = -60.0;
/// The highest: stems and their sum may exceed full scale.
const CEILING_DB: f32 = 6.0;
/// How fast a peak falls: 20 dB in 1.7 s, as in meters of IEC 60268-10 type I.
const FALL_DB_PER_SECOND: f32 = 20.0 / 1.7;
/// How long the highest peak stays, in seconds.
const HOLD_SECONDS: f32 = 2.0;
/// Time constant of the RMS value in seconds.
const RMS_SECONDS: f32 = 0.3;

/// One meter.
#[derive(Debug, Clone)]
pub struct LevelMeter {
    peak_db: f32,
    held_db: f32,
    held_seconds: f32,
    mean_square: f32,
    /// Highest amplitude since the person last looked at it and clicked.
    max: f32,
}

impl Default for LevelMeter {
    fn default() -> Self {
        Self {
            peak_db: FLOOR_DB,
            held_db: FLOOR_DB,
            held_seconds: 0.0,
            mean_square: 0.0,
            max: 0.0,
        }
    }
}

impl LevelMeter {
    /// `seconds` of sound, or of silence.
    pub fn hear(&mut self, level: Level, seconds: f32) {
        let db = decibels(level.peak);
        self.peak_db = db
            .max(self.peak_db - FALL_DB_PER_SECOND * seconds)
            .max(FLOOR_DB);
        self.held_seconds += seconds;
        if db >= self.held_db {
            (self.held_db, self.held_seconds) = (db, 0.0);
        } else if self.held_seconds > HOLD_SECONDS {
            self.held_db = (self.held_db - FALL_DB_PER_SECOND * seconds).max(self.peak_db);
        }
        let share = 1.0 - (-seconds / RMS_SECONDS).exp();
        self.mean_square += share * (level.mean_square - self.mean_square);
        self.max = self.max.max(level.peak);
    }

    /// Whether there is anything left to fall.
    pub fn is_moving(&self) -> bool {
        self.held_db > FLOOR_DB || self.rms_db() > FLOOR_DB
    }

    /// RMS value in dB; a full-scale sine has −3.
    pub fn rms_db(&self) -> f32 {
        decibels(self.mean_square.sqrt()).max(FLOOR_DB)
    }

    /// Whether full scale was exceeded since [`Self::forget_max`].
    pub fn has_clipped(&self) -> bool {
        self.max > 1.0
    }

    /// The highest peak since [`Self::forget_max`], as text.
    pub fn max_text(&self) -> String {
        if self.max == 0.0 {
            return "−∞".to_owned();
        }
        format!("{:+.1}", decibels(self.max)).replace('-', "−")
    }

    /// Starts the highest peak afresh.
    pub fn forget_max(&mut self) {
        self.max = 0.0;
    }

    /// What a screen reader says.
    pub fn text(&self) -> String {
        format!(
            "peak {:.0} dB, RMS {:.0} dB, highest {} dB",
            self.peak_db,
            self.rms_db(),
            text::db(self.max)
        )
    }

    /// A bar that is broad up to the RMS value and narrow up to the peak, and a line at the held peak.
    pub fn paint(&self, painter: &Painter, rect: Rect, color: egui::Color32) {
        let palette = theme::of(painter.ctx());
        let y_of = |db: f32| {
            let share = (db - FLOOR_DB) / (CEILING_DB - FLOOR_DB);
            rect.bottom() - share.clamp(0.0, 1.0) * rect.height()
        };
        // Side by side and not one above the other: every pixel is painted once.
        let (rms, peak) = (y_of(self.rms_db()), y_of(self.peak_db.max(self.rms_db())));
        for (from, to, color) in [
            (rect.top(), peak, palette.sunken),
            (peak, rms, palette.sunken.lerp_to_gamma(color, 0.45)),
            (rms, rect.bottom(), color),
        ] {
            // Also where there is nothing of it: as many shapes in every frame are compared one by one.
            let part = Rect::from_x_y_ranges(rect.x_range(), from..=to.max(from));
            painter.rect_filled(part, CornerRadius::ZERO, color);
        }
        let held = if self.held_db > 0.0 {
            palette.warning
        } else if self.held_db > FLOOR_DB {
            color
        } else {
            egui::Color32::TRANSPARENT
        };
        painter.hline(rect.x_range(), y_of(self.held_db), Stroke::new(2.0, held));
        painter.hline(rect.x_range(), y_of(0.0), Stroke::new(1.0, palette.line));
    }

    /// The highest peak, where there is room for four digits.
    pub fn paint_max(&self, painter: &Painter, rect: Rect) {
        let palette = theme::of(painter.ctx());
        let color = if self.has_clipped() {
            palette.warning
        } else {
            palette.text_dim
        };
        painter.text(
            rect.center(),
            Align2::CENTER_CENTER,
            self.max_text(),
            theme::SCALE,
            color,
        );
    }
}

fn decibels(amplitude: f32) -> f32 {
    20.0 * amplitude.max(1e-6).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(peak: f32) -> Level {
        Level {
            peak,
            mean_square: peak * peak / 2.0,
        }
    }

    #[test]
    fn a_peak_is_shown_at_once_held_and_falls_as_the_standard_says() {
        let mut meter = LevelMeter::default();
        meter.hear(level(1.0), 0.01);
        assert_eq!((meter.peak_db, meter.held_db), (0.0, 0.0));
        for _ in 0..170 {
            meter.hear(Level::default(), 0.01);
        }
        assert!((meter.peak_db + 20.0).abs() < 0.1, "{}", meter.peak_db);
        assert_eq!(meter.held_db, 0.0);
        for _ in 0..130 {
            meter.hear(Level::default(), 0.01);
        }
        assert!(
            (meter.held_db + 20.0 * 1.0 / 1.7).abs() < 0.2,
            "{}",
            meter.held_db
        );
        assert_eq!(meter.max_text(), "+0.0");
    }

    #[test]
    fn a_sine_settles_three_decibels_below_its_peak_and_silence_ends_all_movement() {
        let mut meter = LevelMeter::default();
        for _ in 0..300 {
            meter.hear(level(0.5), 0.01);
        }
        assert!(
            (meter.rms_db() - (-6.02 - 3.01)).abs() < 0.02,
            "{}",
            meter.rms_db()
        );
        assert!(meter.is_moving() && !meter.has_clipped());
        for _ in 0..1000 {
            meter.hear(Level::default(), 0.01);
        }
        assert!(!meter.is_moving());
        meter.hear(level(1.2), 0.01);
        assert!(meter.has_clipped());
        meter.forget_max();
        assert!(!meter.has_clipped());
    }
}
