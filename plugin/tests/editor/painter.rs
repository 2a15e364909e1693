//! Draws what egui gives with the processor alone, so that pictures are the same on every machine.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "pictures have few pixels"
)]

use std::collections::HashMap;

use egui::epaint::{ImageDelta, Primitive, Vertex};
use egui::{Color32, ColorImage, Context, FullOutput, ImageData, Pos2, Rect, Rgba, TextureId};
use egui_kittest::TestRenderer;
use image::RgbaImage;
use unweave_plugin::editor::theme;

/// Triangles of premultiplied colours, blended as they are stored, with the nearest pixel of a texture.
#[derive(Default)]
pub struct Painter {
    textures: HashMap<TextureId, ColorImage>,
}

impl TestRenderer for Painter {
    fn handle_delta(&mut self, delta: &mut egui::TexturesDelta) {
        for (id, deltas) in delta.set.drain() {
            for ImageDelta { image, pos, .. } in deltas {
                let ImageData::Color(image) = image;
                let Some([left, top]) = pos else {
                    self.textures.insert(id, ColorImage::clone(&image));
                    continue;
                };
                let texture = self.textures.get_mut(&id).unwrap();
                for y in 0..image.height() {
                    for x in 0..image.width() {
                        texture[(left + x, top + y)] = image[(x, y)];
                    }
                }
            }
        }
        for id in delta.free.drain() {
            self.textures.remove(&id);
        }
    }

    fn render(&mut self, ctx: &Context, output: &FullOutput) -> Result<RgbaImage, String> {
        let scale = ctx.pixels_per_point();
        let size = ctx.content_rect().size() * scale;
        let [width, height] = [size.x.round() as usize, size.y.round() as usize];
        // What the window is cleared with.
        let mut picture = ColorImage::filled([width, height], theme::BACKGROUND);
        for clipped in ctx.tessellate(output.shapes.clone(), scale) {
            let Primitive::Mesh(mesh) = clipped.primitive else {
                return Err("there are no shaders".to_owned());
            };
            let whole = Rect::from_min_max(Pos2::ZERO, Pos2::new(width as f32, height as f32));
            let clip = (clipped.clip_rect * scale).intersect(whole);
            let texture = &self.textures[&mesh.texture_id];
            for triangle in mesh.indices.chunks_exact(3) {
                let corners = [0, 1, 2].map(|corner| {
                    let vertex = mesh.vertices[triangle[corner] as usize];
                    let pos = (vertex.pos.to_vec2() * scale).to_pos2();
                    Vertex { pos, ..vertex }
                });
                fill(&mut picture, clip, corners, texture);
            }
        }
        let bytes = picture.pixels.iter().flat_map(Color32::to_array).collect();
        RgbaImage::from_raw(width as u32, height as u32, bytes).ok_or("too few pixels".to_owned())
    }
}

/// Twice the area of the triangle, positive if it goes clockwise on the screen.
fn area(a: Pos2, b: Pos2, c: Pos2) -> f32 {
    (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
}

/// Pixels whose middle is inside; those on an edge belong to the triangle to the right of or below it.
fn fill(picture: &mut ColorImage, clip: Rect, mut corners: [Vertex; 3], texture: &ColorImage) {
    let [a, b, c] = corners.map(|corner| corner.pos);
    let whole = area(a, b, c);
    if whole == 0.0 {
        return;
    }
    if whole < 0.0 {
        corners.swap(1, 2);
    }
    let pos = corners.map(|corner| corner.pos);
    let sides = [(1, 2), (2, 0), (0, 1)].map(|(from, to)| (pos[from], pos[to]));
    let bounds = Rect::from_points(&pos).intersect(clip);
    let middles = |from: f32, to: f32| (from - 0.5).ceil() as usize..(to + 0.5).floor() as usize;
    for y in middles(bounds.top(), bounds.bottom()) {
        for x in middles(bounds.left(), bounds.right()) {
            let middle = Pos2::new(x as f32 + 0.5, y as f32 + 0.5);
            let weights = sides.map(|(from, to)| area(from, to, middle));
            let is_inside = weights.iter().zip(&sides).all(|(weight, (from, to))| {
                let is_ours = to.y < from.y || (to.y == from.y && to.x > from.x);
                *weight > 0.0 || (*weight == 0.0 && is_ours)
            });
            if !is_inside {
                continue;
            }
            let mut color = Rgba::TRANSPARENT;
            let mut uv = egui::Vec2::ZERO;
            for (weight, corner) in weights.iter().zip(&corners) {
                let share = weight / whole.abs();
                color = color + stored(corner.color) * share;
                uv += corner.uv.to_vec2() * share;
            }
            let place =
                |share: f32, length: usize| ((share * length as f32) as usize).min(length - 1);
            let texel = texture[(place(uv.x, texture.width()), place(uv.y, texture.height()))];
            let color = color * stored(texel);
            let pixel = &mut picture[(x, y)];
            let mixed = color + stored(*pixel) * (1.0 - color.a());
            let byte = |share: f32| (share * 255.0).round() as u8;
            *pixel = Color32::from_rgb(byte(mixed.r()), byte(mixed.g()), byte(mixed.b()));
        }
    }
}

/// The stored numbers, without a change of their meaning.
fn stored(color: Color32) -> Rgba {
    let [red, green, blue, alpha] = color.to_array().map(|byte| f32::from(byte) / 255.0);
    Rgba::from_rgba_premultiplied(red, green, blue, alpha)
}
