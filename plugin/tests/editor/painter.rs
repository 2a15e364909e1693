//! Draws what egui gives with the processor alone, as windows without OpenGL do, so that pictures are the same on every
//! machine.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pictures have few pixels"
)]

use egui::{Color32, ColorImage, Context, FullOutput, TexturesDelta};
use egui_kittest::TestRenderer;
use image::RgbaImage;
use unweave_window::raster::Raster;

#[derive(Default)]
pub struct Painter(Raster);

impl TestRenderer for Painter {
    fn handle_delta(&mut self, delta: &mut TexturesDelta) {
        self.0.set_textures(delta);
        self.0.free_textures(delta);
    }

    fn render(&mut self, ctx: &Context, output: &FullOutput) -> Result<RgbaImage, String> {
        let scale = ctx.pixels_per_point();
        let size = ctx.content_rect().size() * scale;
        let [width, height] = [size.x.round(), size.y.round()].map(|side| side as usize);
        // What the window is cleared with.
        let ground = ctx.global_style().visuals.panel_fill;
        let mut picture = ColorImage::filled([width, height], ground);
        let primitives = ctx.tessellate(output.shapes.clone(), scale);
        self.0.paint(&mut picture, scale, &primitives);
        let bytes = picture.pixels.iter().flat_map(Color32::to_array).collect();
        RgbaImage::from_raw(width as u32, height as u32, bytes).ok_or("too few pixels".to_owned())
    }
}
