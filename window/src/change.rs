//! What differs between two pictures, so that only that is painted.

use egui::epaint::ClippedShape;
use egui::{Rect, TextureId};

/// More pieces than this are painted as one: each has its own cost.
const MAX_PIECES: usize = 24;

/// Rectangles, in points, that don't touch each other and outside which a picture looks as the one before; `painted`
/// are textures that were painted on in between. None if nothing differs.
///
/// Shapes are compared in the order in which they were drawn: where one was added or is gone, all up to the next that
/// is the same counts as different.
pub fn changed(old: &[ClippedShape], new: &[ClippedShape], painted: &[TextureId]) -> Vec<Rect> {
    let is_same = |(old, new): (&ClippedShape, &ClippedShape)| {
        !painted.contains(&new.shape.texture_id()) && old == new
    };
    let mut pieces = Vec::new();
    let mut add = |shape: &ClippedShape| {
        let bounds = shape.transform_after_tessellation * shape.shape.visual_bounding_rect();
        let seen = bounds.intersect(shape.clip_rect);
        if seen.is_positive() {
            join(&mut pieces, seen);
        }
    };
    if old.len() == new.len() {
        for (old, new) in old.iter().zip(new) {
            if !is_same((old, new)) {
                add(old);
                add(new);
            }
        }
    } else {
        let least = old.len().min(new.len());
        let front = old
            .iter()
            .zip(new)
            .take_while(|pair| is_same(*pair))
            .count();
        let pairs = old.iter().rev().zip(new.iter().rev());
        let back = pairs.take_while(|pair| is_same(*pair)).count();
        let back = back.min(least - front);
        old[front..old.len() - back].iter().for_each(&mut add);
        new[front..new.len() - back].iter().for_each(&mut add);
    }
    if pieces.len() > MAX_PIECES {
        let all = pieces.iter().copied().reduce(Rect::union);
        pieces = all.into_iter().collect();
    }
    pieces
}

/// Adds a piece; those that it touches become one with it. A point is left between pieces, for soft edges.
fn join(pieces: &mut Vec<Rect>, mut piece: Rect) {
    while let Some(idx) = pieces
        .iter()
        .position(|other| other.expand(3.0).intersects(piece))
    {
        piece |= pieces.swap_remove(idx);
    }
    pieces.push(piece);
}

#[cfg(test)]
mod tests {
    use egui::emath::TSTransform;
    use egui::{Color32, CornerRadius, Shape, pos2};

    use super::*;

    fn square(x: f32, color: Color32) -> ClippedShape {
        let rect = Rect::from_min_max(pos2(x, 0.0), pos2(x + 10.0, 10.0));
        ClippedShape {
            clip_rect: Rect::EVERYTHING,
            shape: Shape::rect_filled(rect, CornerRadius::ZERO, color),
            transform_after_tessellation: TSTransform::IDENTITY,
        }
    }

    fn columns(pieces: Vec<Rect>) -> Vec<(f32, f32)> {
        let columns = pieces.iter().map(|piece| (piece.left(), piece.right()));
        columns.collect()
    }

    #[test]
    fn only_what_moved_or_changed_colour_differs() {
        let (red, blue) = (Color32::RED, Color32::BLUE);
        let old = [square(0.0, red), square(20.0, red), square(40.0, red)];
        assert_eq!(changed(&old, &old, &[]), []);
        let new = [square(0.0, red), square(20.0, blue), square(40.0, red)];
        assert_eq!(columns(changed(&old, &new, &[])), [(20.0, 30.0)]);
        let new = [square(0.0, red), square(20.0, red), square(60.0, red)];
        let pieces = columns(changed(&old, &new, &[]));
        assert_eq!(pieces, [(40.0, 50.0), (60.0, 70.0)], "apart");
        let new = [square(0.0, red), square(20.0, red), square(45.0, red)];
        assert_eq!(columns(changed(&old, &new, &[])), [(40.0, 55.0)], "as one");
    }

    #[test]
    fn what_is_added_or_gone_differs_and_nothing_around_it() {
        let red = Color32::RED;
        let three = [square(0.0, red), square(20.0, red), square(40.0, red)];
        let two = [square(0.0, red), square(40.0, red)];
        for (old, new) in [(&three[..], &two[..]), (&two[..], &three[..])] {
            assert_eq!(columns(changed(old, new, &[])), [(20.0, 30.0)]);
        }
        let pieces = columns(changed(&[], &two, &[]));
        assert_eq!(pieces, [(0.0, 10.0), (40.0, 50.0)]);
    }

    #[test]
    fn a_texture_that_was_painted_on_differs_where_it_is_shown() {
        let rect = Rect::from_min_max(pos2(5.0, 0.0), pos2(15.0, 10.0));
        let texture = TextureId::User(7);
        let image = ClippedShape {
            clip_rect: Rect::EVERYTHING,
            shape: Shape::image(texture, rect, rect, Color32::WHITE),
            transform_after_tessellation: TSTransform::IDENTITY,
        };
        let shapes = [square(40.0, Color32::RED), image];
        assert_eq!(changed(&shapes, &shapes, &[]), []);
        let pieces = changed(&shapes, &shapes, &[texture]);
        assert_eq!(columns(pieces), [(5.0, 15.0)]);
    }
}
