//! Draws what egui gives with the processor alone: for displays without a graphics card, and for pictures that are the
//! same on every machine.

use std::collections::HashMap;
use std::ops::Range;

use egui::epaint::{ClippedPrimitive, ImageDelta, Mesh, Primitive, Vertex};
use egui::{
    Color32, ColorImage, ImageData, Pos2, Rect, TextureId, TexturesDelta, Vec2, pos2, vec2,
};

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

    /// Paints these onto an opaque picture, at so many pixels per point. Callbacks for shaders are left out.
    pub fn paint(&self, picture: &mut ColorImage, scale: f32, primitives: &[ClippedPrimitive]) {
        let [width, height] = picture.size.map(|side| side as f32);
        let whole = Rect::from_min_max(Pos2::ZERO, pos2(width, height));
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
    let bounds = Rect::from_points(&[a, b, c]).intersect(clip);
    let columns = middles(bounds.left(), bounds.right());
    let shape = Shape::new(corners.map(|corner| corner.pos));
    let [first, second, third] = corners;
    let is_one_color = first.color == second.color && second.color == third.color;
    let is_one_place = first.uv == second.uv && second.uv == third.uv;
    let shades = Shades::new(&corners, whole.abs(), texture);
    let width = picture.width();
    for y in middles(bounds.top(), bounds.bottom()) {
        let span = shape.span(y, columns.clone());
        if span.is_empty() {
            continue;
        }
        let row = &mut picture.pixels[y * width..][span.clone()];
        let begin = pos2(middle(span.start), middle(y));
        match (is_one_color, is_one_place) {
            (true, true) => fill_plain(row, times(first.color, texel(texture, first.uv))),
            (true, false) => shades.copy(row, begin, first.color),
            (false, _) => shades.mix(row, begin),
        }
    }
}

/// Which pixels are in a triangle that goes clockwise.
struct Shape([(Pos2, Pos2); 3]);

impl Shape {
    fn new(pos: [Pos2; 3]) -> Self {
        Self([(1, 2), (2, 0), (0, 1)].map(|(from, to)| (pos[from], pos[to])))
    }

    fn contains(&self, x: usize, y: usize) -> bool {
        self.0.iter().all(|&(from, to)| {
            let weight = area(from, to, pos2(middle(x), middle(y)));
            let is_ours = to.y < from.y || (to.y == from.y && to.x > from.x);
            weight > 0.0 || (weight == 0.0 && is_ours)
        })
    }

    /// Those of a row, among these columns.
    fn span(&self, y: usize, columns: Range<usize>) -> Range<usize> {
        let (mut left, mut right) = (columns.start as f32, columns.end as f32);
        for &(from, to) in &self.0 {
            // Where the row meets the edge: edges that go up have the triangle on their right.
            let rise = to.y - from.y;
            if rise == 0.0 {
                continue;
            }
            let x = from.x + (middle(y) - from.y) * (to.x - from.x) / rise;
            if rise < 0.0 {
                left = left.max(x - 0.5);
            } else {
                right = right.min(x + 0.5);
            }
        }
        // Rounding may be a pixel off on either side: which are in it is decided for each.
        let mut start = index(left - 1.0).clamp(columns.start, columns.end);
        let mut end = index(right + 1.0).clamp(start, columns.end);
        while start < end && !self.contains(start, y) {
            start += 1;
        }
        while start < end && !self.contains(end - 1, y) {
            end -= 1;
        }
        start..end
    }
}

/// What changes evenly over a triangle.
struct Shades<'t> {
    texture: &'t ColorImage,
    /// A point, and what is there.
    origin: Pos2,
    color: Color,
    place: Vec2,
    /// How much more there is a pixel to the right, and below.
    color_steps: [Color; 2],
    place_steps: [Vec2; 2],
}

/// Red, green, blue and alpha, of 255.
type Color = [f32; 4];

impl<'t> Shades<'t> {
    fn new(corners: &[Vertex; 3], whole: f32, texture: &'t ColorImage) -> Self {
        let [a, b, c] = corners.each_ref();
        let size = vec2(texture.width() as f32, texture.height() as f32);
        // The rates at which the shares of the second and the third corner grow to the right and below.
        let (ab, ac) = (b.pos - a.pos, c.pos - a.pos);
        let rates = [[ac.y / whole, -ab.y / whole], [-ac.x / whole, ab.x / whole]];
        let colors = [a, b, c].map(|corner| numbers(corner.color));
        let places = [a, b, c].map(|corner| corner.uv.to_vec2() * size);
        Self {
            texture,
            origin: a.pos,
            color: colors[0],
            place: places[0],
            color_steps: rates.map(|[second, third]| {
                std::array::from_fn(|idx| {
                    (colors[1][idx] - colors[0][idx]) * second
                        + (colors[2][idx] - colors[0][idx]) * third
                })
            }),
            place_steps: rates.map(|[second, third]| {
                (places[1] - places[0]) * second + (places[2] - places[0]) * third
            }),
        }
    }

    /// A row from a point on, of the texture in one colour.
    fn copy(&self, row: &mut [Color32], begin: Pos2, color: Color32) {
        let mut place = self.place_at(begin);
        let put = |pixel: &mut Color32, texel: Color32| {
            if texel != Color32::TRANSPARENT {
                let color = match color {
                    Color32::WHITE => texel,
                    color => times(color, texel),
                };
                *pixel = over(color, *pixel);
            }
        };
        if let Some(texels) = self.pixel_for_pixel(place, row.len()) {
            for (pixel, texel) in row.iter_mut().zip(texels) {
                put(pixel, *texel);
            }
            return;
        }
        for pixel in row {
            put(pixel, self.texel(place));
            place += self.place_steps[0];
        }
    }

    /// What lies in the texture from a place on, if each pixel of a row has the next of it.
    fn pixel_for_pixel(&self, place: Vec2, num_pixels: usize) -> Option<&[Color32]> {
        let off = (self.place_steps[0] - vec2(1.0, 0.0)).abs() * num_pixels as f32;
        let [width, height] = self.texture.size;
        let first = index(place.x);
        let is_even = off.max_elem() < 0.01 && place.min_elem() >= 0.0;
        if !is_even || first + num_pixels > width || index(place.y) >= height {
            return None;
        }
        let first = index(place.y) * width + first;
        self.texture.pixels.get(first..first + num_pixels)
    }

    /// A row from a point on, in changing colours.
    fn mix(&self, row: &mut [Color32], begin: Pos2) {
        let mut place = self.place_at(begin);
        let away = begin - self.origin;
        let [right, below] = &self.color_steps;
        let mut color: Color =
            std::array::from_fn(|idx| self.color[idx] + right[idx] * away.x + below[idx] * away.y);
        for pixel in row {
            let [red, green, blue, alpha] = color.map(byte);
            let here = Color32::from_rgba_premultiplied(red, green, blue, alpha);
            *pixel = over(times(here, self.texel(place)), *pixel);
            place += self.place_steps[0];
            for (color, step) in color.iter_mut().zip(right) {
                *color += step;
            }
        }
    }

    /// In pixels of the texture.
    fn place_at(&self, point: Pos2) -> Vec2 {
        let away = point - self.origin;
        self.place + self.place_steps[0] * away.x + self.place_steps[1] * away.y
    }

    fn texel(&self, place: Vec2) -> Color32 {
        let [width, height] = self.texture.size;
        let (x, y) = (
            index(place.x).min(width - 1),
            index(place.y).min(height - 1),
        );
        self.texture.pixels[y * width + x]
    }
}

fn fill_plain(row: &mut [Color32], color: Color32) {
    if color.a() == 255 {
        row.fill(color);
    } else {
        for pixel in row {
            *pixel = over(color, *pixel);
        }
    }
}

/// The nearest pixel of a texture.
fn texel(texture: &ColorImage, uv: Pos2) -> Color32 {
    let place = |share: f32, length: usize| index(share * length as f32).min(length - 1);
    texture[(place(uv.x, texture.width()), place(uv.y, texture.height()))]
}

/// Both multiplied, each of 255.
fn times(a: Color32, b: Color32) -> Color32 {
    let (a, b) = (a.to_array(), b.to_array());
    let [red, green, blue, alpha] = std::array::from_fn(|idx| part(a[idx], b[idx]));
    Color32::from_rgba_premultiplied(red, green, blue, alpha)
}

/// A premultiplied colour on an opaque one.
fn over(color: Color32, ground: Color32) -> Color32 {
    let rest = 255 - color.a();
    if rest == 0 {
        return color;
    }
    let ([red, green, blue, _], ground) = (color.to_array(), ground.to_array());
    let channel = |color: u8, ground: u8| color.saturating_add(part(ground, rest));
    Color32::from_rgb(
        channel(red, ground[0]),
        channel(green, ground[1]),
        channel(blue, ground[2]),
    )
}

/// The product of two shares of 255, to the nearest.
fn part(a: u8, b: u8) -> u8 {
    let product = u16::from(a) * u16::from(b) + 127;
    // Never more than 255.
    u8::try_from(product / 255).unwrap_or(u8::MAX)
}

fn middle(pixel: usize) -> f32 {
    pixel as f32 + 0.5
}

/// Pixels whose middle lies between these.
fn middles(from: f32, to: f32) -> Range<usize> {
    let first = index((from - 0.5).ceil());
    first..index((to + 0.5).floor()).max(first)
}

/// The stored numbers, without a change of their meaning.
fn numbers(color: Color32) -> Color {
    color.to_array().map(f32::from)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, as it should"
)]
fn byte(number: f32) -> u8 {
    (number + 0.5) as u8
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates; places in a picture are small"
)]
fn index(place: f32) -> usize {
    place as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers from 0 to 1, the same every time.
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> f32 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005) + 1;
            (self.0 >> 40) as f32 / (1u64 << 24) as f32
        }

        fn color(&mut self) -> Color32 {
            let [red, green, blue, alpha] = [(); 4].map(|()| byte(self.next() * 255.0));
            Color32::from_rgba_unmultiplied(red, green, blue, alpha)
        }
    }

    /// Pixel by pixel, by the definition: what each corner's share of a place is follows from areas.
    fn expected(
        picture: &ColorImage,
        clip: Rect,
        corners: [Vertex; 3],
        texture: &ColorImage,
    ) -> Vec<Option<Color>> {
        let [a, b, c] = corners.map(|corner| corner.pos);
        let whole = area(a, b, c);
        let colored = |x: usize, y: usize| {
            let place = pos2(middle(x), middle(y));
            let shares = [(b, c), (c, a), (a, b)].map(|(from, to)| area(from, to, place) / whole);
            if !clip.contains(place) || shares.iter().any(|share| *share < 0.0) {
                return None;
            }
            let (mut color, mut uv) = ([0.0; 4], Vec2::ZERO);
            for (share, corner) in shares.iter().zip(&corners) {
                let own = numbers(corner.color);
                color = std::array::from_fn(|idx| color[idx] + share * own[idx] / 255.0);
                uv += corner.uv.to_vec2() * *share;
            }
            let texel = numbers(texel(texture, uv.to_pos2()));
            let color: Color = std::array::from_fn(|idx| color[idx] * texel[idx]);
            let ground = numbers(picture[(x, y)]);
            let rest = 1.0 - color[3] / 255.0;
            Some(std::array::from_fn(|idx| color[idx] + ground[idx] * rest))
        };
        let [width, height] = picture.size;
        let all = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        all.map(|(x, y)| colored(x, y)).collect()
    }

    #[test]
    fn triangles_are_filled_as_they_are_defined() {
        let mut random = Random(1);
        // Even, so that a place next to another has nearly its colour.
        let shade = |x: usize, y: usize| {
            let [x, y] = [x, y].map(|at| u8::try_from(2 * at).unwrap());
            Color32::from_rgba_premultiplied(x, y, 100, 200)
        };
        let pixels = (0..40).flat_map(|y| (0..50).map(move |x| shade(x, y)));
        let texture = ColorImage::new([50, 40], pixels.collect());
        let mut num_filled = 0;
        for round in 0..600 {
            let ground = Color32::from_rgb(30, 200, 90);
            let mut picture = ColorImage::filled([60, 45], ground);
            let clip = Rect::from_min_max(pos2(3.0, 2.0), pos2(57.0, 41.0));
            let first = random.color();
            let uv = pos2(random.next(), random.next());
            let corners = [(); 3].map(|()| Vertex {
                pos: pos2(random.next() * 80.0 - 10.0, random.next() * 60.0 - 8.0),
                // In one place, in one colour of the texture, and in all ways at once.
                uv: if round % 3 == 0 {
                    uv
                } else {
                    pos2(random.next(), random.next())
                },
                color: match round % 3 {
                    2 => random.color(),
                    _ => first,
                },
            });
            let expected = expected(&picture, clip, corners, &texture);
            fill(&mut picture, clip, corners, &texture);
            let mut num_wrong = 0;
            for (pixel, expected) in picture.pixels.iter().zip(&expected) {
                let wanted = expected.unwrap_or_else(|| numbers(ground));
                let differences = numbers(*pixel).into_iter().zip(wanted);
                // What lies on an edge or between two pixels of the texture may be either.
                let is_near = differences
                    .take(3)
                    .all(|(is, wanted)| (is - wanted).abs() <= 4.0);
                num_wrong += usize::from(!is_near);
                num_filled += usize::from(expected.is_some());
            }
            assert!(num_wrong <= 2, "{round}: {num_wrong} pixels");
        }
        assert!(num_filled > 50_000, "{num_filled}");
    }

    #[test]
    fn two_triangles_with_a_common_edge_leave_no_pixel_out_and_fill_none_twice() {
        let texture = ColorImage::filled([1, 1], Color32::WHITE);
        let half = Color32::from_rgba_premultiplied(0, 0, 0, 128);
        let mut random = Random(2);
        for _ in 0..200 {
            let mut picture = ColorImage::filled([40, 40], Color32::WHITE);
            let whole = Rect::from_min_max(Pos2::ZERO, pos2(40.0, 40.0));
            let mut place = || (random.next() * 40.0).round();
            let (left, top) = (place(), place());
            let rect = Rect::from_min_max(pos2(left, top), pos2(left + place(), top + place()));
            let corner = |pos| Vertex {
                pos,
                uv: Pos2::ZERO,
                color: half,
            };
            let [a, b, c, d] = [
                rect.left_top(),
                rect.right_top(),
                rect.right_bottom(),
                rect.left_bottom(),
            ];
            fill(&mut picture, whole, [a, b, c].map(corner), &texture);
            fill(&mut picture, whole, [a, c, d].map(corner), &texture);
            for y in 0..40 {
                for x in 0..40 {
                    let is_in = rect.contains(pos2(middle(x), middle(y)));
                    let wanted = if is_in { 127 } else { 255 };
                    assert_eq!(picture[(x, y)].r(), wanted, "{x}, {y} of {rect:?}");
                }
            }
        }
    }
}
