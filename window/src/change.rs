//! What differs between two pictures, so that only that is painted.

use egui::epaint::ClippedShape;
use egui::{Rect, TextureId};

/// The smallest rectangle, in points, outside which a picture looks as the one before; `painted` are textures that
/// were painted on in between. None if nothing differs.
///
/// Shapes are compared in the order in which they were drawn: where one was added or is gone, all up to the next that
/// is the same counts as different.
pub fn changed(old: &[ClippedShape], new: &[ClippedShape], painted: &[TextureId]) -> Option<Rect> {
    let is_same = |(old, new): (&ClippedShape, &ClippedShape)| {
        !painted.contains(&new.shape.texture_id()) && old == new
    };
    let mut area = Rect::NOTHING;
    let mut add = |shape: &ClippedShape| {
        let bounds = shape.transform_after_tessellation * shape.shape.visual_bounding_rect();
        let seen = bounds.intersect(shape.clip_rect);
        if seen.is_positive() {
            area |= seen;
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
    area.is_positive().then_some(area)
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

    fn columns(area: Option<Rect>) -> Option<(f32, f32)> {
        area.map(|area| (area.left(), area.right()))
    }

    #[test]
    fn only_what_moved_or_changed_colour_differs() {
        let (red, blue) = (Color32::RED, Color32::BLUE);
        let old = [square(0.0, red), square(20.0, red), square(40.0, red)];
        assert_eq!(changed(&old, &old, &[]), None);
        let new = [square(0.0, red), square(20.0, blue), square(40.0, red)];
        assert_eq!(columns(changed(&old, &new, &[])), Some((20.0, 30.0)));
        let new = [square(0.0, red), square(20.0, red), square(60.0, red)];
        assert_eq!(columns(changed(&old, &new, &[])), Some((40.0, 70.0)));
    }

    #[test]
    fn what_is_added_or_gone_differs_and_nothing_around_it() {
        let red = Color32::RED;
        let three = [square(0.0, red), square(20.0, red), square(40.0, red)];
        let two = [square(0.0, red), square(40.0, red)];
        for (old, new) in [(&three[..], &two[..]), (&two[..], &three[..])] {
            assert_eq!(columns(changed(old, new, &[])), Some((20.0, 30.0)));
        }
        assert_eq!(columns(changed(&[], &two, &[])), Some((0.0, 50.0)));
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
        assert_eq!(changed(&shapes, &shapes, &[]), None);
        let area = changed(&shapes, &shapes, &[texture]);
        assert_eq!(columns(area), Some((5.0, 15.0)));
    }
}
