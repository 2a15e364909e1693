//! Without OpenGL: remote desktops, virtual machines, broken drivers.

use std::num::NonZeroU32;

use baseview::{HandlerError, WindowContext};
use egui::{Color32, ColorImage, Rect, TexturesDelta};
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
    /// On a window without OpenGL.
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
        for piece in frame.pieces {
            self.clear(*piece * frame.pixels_per_point, frame.ground);
            let primitives = (frame.primitives)(*piece);
            self.raster
                .paint(&mut self.picture, frame.pixels_per_point, &primitives);
        }
        self.raster.free_textures(textures);
        self.show(frame.size).map_err(NoPictures)?;
        Ok(())
    }

    fn clear(&mut self, area: Rect, ground: Color32) {
        let [width, height] = self.picture.size;
        let columns = index(area.left()).min(width)..index(area.right()).min(width);
        for y in index(area.top()).min(height)..index(area.bottom()).min(height) {
            let row = y * width;
            self.picture.pixels[row + columns.start..row + columns.end].fill(ground);
        }
    }

    /// All of it: what a system keeps of the last picture differs from one to the other.
    fn show(&mut self, [width, height]: [u32; 2]) -> Result<(), SoftBufferError> {
        let (Some(width), Some(height)) = (NonZeroU32::new(width), NonZeroU32::new(height)) else {
            return Ok(());
        };
        self.surface.resize(width, height)?;
        let mut buffer = self.surface.buffer_mut()?;
        for (shown, pixel) in buffer.iter_mut().zip(&self.picture.pixels) {
            let [red, green, blue, _] = pixel.to_array();
            *shown = u32::from_be_bytes([0xff, red, green, blue]);
        }
        buffer.present()
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
