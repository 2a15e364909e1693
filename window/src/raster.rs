//! Draws what egui gives with the processor alone: for displays without OpenGL, and for pictures that are the same on
//! every machine.

use std::collections::HashMap;

use egui::epaint::{ClippedPrimitive, ImageDelta, Mesh, Primitive, Vertex};
use egui::{Color32, ColorImage, ImageData, Pos2, Rect, Rgba, TextureId, TexturesDelta};

/// Triangles of premultiplied colours, blended as they are stored, with the nearest pixel of a texture.
#[derive(Default)]
pub struct Raster {
    textures: HashMap<TextureId, ColorImage>,
}

impl Raster {
    /// Takes up what is new of the textures.
    pub fn set_textures(&mut self, delta: &mut TexturesDelta) {
        for (id, deltas) in delta.set.drain() {
            for ImageDelta { image, pos, .. } in deltas {
                let ImageData::Color(image) = image;
                let Some([left, top]) = pos else {
                    self.textures.insert(id, ColorImage::clone(&image));
                    continue;
                };
                let Some(texture) = self.textures.get_mut(&id) else {
                    continue;
                };
                for y in 0..image.height() {
                    for x in 0..image.width() {
                        texture[(left + x, top + y)] = image[(x, y)];
                    }
                }
            }
        }
    }

    /// Gives up textures that nothing is drawn with any more.
    pub fn free_textures(&mut self, delta: &mut TexturesDelta) {
        for id in delta.free.drain() {
            self.textures.remove(&id);
        }
    }

    /// Paints these onto a picture, at so many pixels per point. Callbacks for shaders are left out.
    pub fn paint(&self, picture: &mut ColorImage, scale: f32, primitives: &[ClippedPrimitive]) {
        let [width, height] = picture.size.map(|side| side as f32);
        let whole = Rect::from_min_max(Pos2::ZERO, Pos2::new(width, height));
        for clipped in primitives {
            let Primitive::Mesh(mesh) = &clipped.primitive else {
                continue;
            };
            if let Some(texture) = self.textures.get(&mesh.texture_id) {
                let clip = (clipped.clip_rect * scale).intersect(whole);
                for corners in triangles(mesh, scale) {
                    fill(picture, clip, corners, texture);
                }
            }
        }
    }
}

fn triangles(mesh: &Mesh, scale: f32) -> impl Iterator<Item = [Vertex; 3]> {
    mesh.indices.chunks_exact(3).map(move |triangle| {
        [0, 1, 2].map(|corner| {
            let vertex = mesh.vertices[triangle[corner] as usize];
            let pos = (vertex.pos.to_vec2() * scale).to_pos2();
            Vertex { pos, ..vertex }
        })
    })
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
    let [first, second, third] = corners;
    let is_plain = first.uv == second.uv && second.uv == third.uv;
    let is_plain = is_plain && first.color == second.color && second.color == third.color;
    let plain = is_plain.then(|| stored(first.color) * stored(texel(texture, first.uv)));
    for y in middles(bounds.top(), bounds.bottom()) {
        let mut was_inside = false;
        for x in middles(bounds.left(), bounds.right()) {
            let middle = Pos2::new(x as f32 + 0.5, y as f32 + 0.5);
            let weights = sides.map(|(from, to)| area(from, to, middle));
            let is_inside = weights.iter().zip(&sides).all(|(weight, (from, to))| {
                let is_ours = to.y < from.y || (to.y == from.y && to.x > from.x);
                *weight > 0.0 || (*weight == 0.0 && is_ours)
            });
            if !is_inside {
                if was_inside {
                    // A triangle has no dents.
                    break;
                }
                continue;
            }
            was_inside = true;
            let color = plain.unwrap_or_else(|| {
                let mut color = Rgba::TRANSPARENT;
                let mut uv = egui::Vec2::ZERO;
                for (weight, corner) in weights.iter().zip(&corners) {
                    let share = weight / whole.abs();
                    color = color + stored(corner.color) * share;
                    uv += corner.uv.to_vec2() * share;
                }
                color * stored(texel(texture, uv.to_pos2()))
            });
            let pixel = &mut picture[(x, y)];
            let mixed = if color.a() < 1.0 {
                color + stored(*pixel) * (1.0 - color.a())
            } else {
                color
            };
            *pixel = Color32::from_rgb(byte(mixed.r()), byte(mixed.g()), byte(mixed.b()));
        }
    }
}

/// The nearest pixel of a texture.
fn texel(texture: &ColorImage, uv: Pos2) -> Color32 {
    let place = |share: f32, length: usize| index(share * length as f32).min(length - 1);
    texture[(place(uv.x, texture.width()), place(uv.y, texture.height()))]
}

/// Pixels whose middle lies between these.
fn middles(from: f32, to: f32) -> std::ops::Range<usize> {
    index((from - 0.5).ceil())..index((to + 0.5).floor())
}

/// The stored numbers, without a change of their meaning.
fn stored(color: Color32) -> Rgba {
    let [red, green, blue, alpha] = color.to_array().map(|byte| f32::from(byte) / 255.0);
    Rgba::from_rgba_premultiplied(red, green, blue, alpha)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, as it should"
)]
fn byte(share: f32) -> u8 {
    (share * 255.0).round() as u8
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates; places in a picture are small"
)]
fn index(place: f32) -> usize {
    place as usize
}
