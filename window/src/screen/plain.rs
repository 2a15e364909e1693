//! With the processor: remote desktops, virtual machines, broken drivers.

use std::num::NonZeroU32;
use std::ops::Range;

use baseview::{HandlerError, WindowContext};
use egui::{ColorImage, Rect, TexturesDelta};
use softbuffer::{Context, SoftBufferError, Surface};

use super::Frame;
use crate::raster::Raster;

/// As large as any picture here needs.
pub const MAX_TEXTURE_SIDE: usize = 8192;

/// The window can't be painted on.
#[derive(Debug, thiserror::Error)]
#[error("this display takes no pictures: {0}")]
struct NoPictures(#[from] SoftBufferError);

/// Pixels in memory, which the system copies to the window.
pub struct Plain {
    surface: Surface<WindowContext, WindowContext>,
    raster: Raster,
    picture: ColorImage,
}

impl Plain {
    /// On a window of any kind.
    pub fn new(window: &WindowContext) -> Result<Self, HandlerError> {
        let surface = || Surface::new(&Context::new(window.clone())?, window.clone());
        Ok(Self {
            surface: surface().map_err(NoPictures)?,
            raster: Raster::default(),
            picture: ColorImage::default(),
        })
    }

    /// Paints a frame's pieces and shows it.
    pub fn paint(
        &mut self,
        frame: &Frame<'_>,
        textures: &mut TexturesDelta,
    ) -> Result<(), HandlerError> {
        self.raster.set_textures(textures);
        let size = frame.size.map(|side| side as usize);
        if self.picture.size != size {
            self.picture = ColorImage::filled(size, frame.ground);
        }
        let scale = frame.pixels_per_point;
        for piece in frame.pieces {
            let area = Area::of(*piece * scale, size);
            for y in area.rows.clone() {
                self.picture.pixels[y * size[0]..][area.columns.clone()].fill(frame.ground);
            }
            let primitives = (frame.primitives)(*piece);
            self.raster.paint(&mut self.picture, scale, &primitives);
        }
        self.raster.free_textures(textures);
        self.show(frame).map_err(NoPictures)?;
        Ok(())
    }

    /// What was painted; all of it where the screen or its buffer has lost the rest.
    fn show(&mut self, frame: &Frame<'_>) -> Result<(), SoftBufferError> {
        let [width, height] = frame.size;
        let (Some(width), Some(height)) = (NonZeroU32::new(width), NonZeroU32::new(height)) else {
            return Ok(());
        };
        self.surface.resize(width, height)?;
        let mut buffer = self.surface.buffer_mut()?;
        let size = self.picture.size;
        let areas: Vec<Area> = if frame.is_lost || buffer.age() != 1 {
            vec![Area::whole(size)]
        } else {
            let pieces = frame.pieces.iter();
            pieces
                .map(|piece| Area::of(*piece * frame.pixels_per_point, size))
                .collect()
        };
        for area in &areas {
            for y in area.rows.clone() {
                let shown = &mut buffer[y * size[0]..][area.columns.clone()];
                let painted = &self.picture.pixels[y * size[0]..][area.columns.clone()];
                for (shown, pixel) in shown.iter_mut().zip(painted) {
                    let [red, green, blue, _] = pixel.to_array();
                    *shown = u32::from_be_bytes([0xff, red, green, blue]);
                }
            }
        }
        let damage: Vec<softbuffer::Rect> = areas.iter().filter_map(Area::damage).collect();
        buffer.present_with_damage(&damage)
    }
}

/// Some of a picture's pixels.
struct Area {
    columns: Range<usize>,
    rows: Range<usize>,
}

impl Area {
    /// A rectangle in pixels, as far as the picture has them.
    fn of(rect: Rect, [width, height]: [usize; 2]) -> Self {
        let range = |from, to, length: usize| {
            let end = index(to).min(length);
            index(from).min(end)..end
        };
        Self {
            columns: range(rect.left(), rect.right(), width),
            rows: range(rect.top(), rect.bottom(), height),
        }
    }

    fn whole([width, height]: [usize; 2]) -> Self {
        Self {
            columns: 0..width,
            rows: 0..height,
        }
    }

    /// As the system counts it; none if it is empty.
    fn damage(&self) -> Option<softbuffer::Rect> {
        let number = |length: usize| u32::try_from(length).ok();
        Some(softbuffer::Rect {
            x: number(self.columns.start)?,
            y: number(self.rows.start)?,
            width: NonZeroU32::new(number(self.columns.len())?)?,
            height: NonZeroU32::new(number(self.rows.len())?)?,
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates; along pixels, and small"
)]
fn index(place: f32) -> usize {
    place.round() as usize
}
