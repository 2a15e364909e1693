//! What egui has drawn, on the screen: with OpenGL where there is a graphics card, else with the processor.
//!
//! A graphics card paints every picture anew. Where the processor draws, what is painted is what it costs: there only
//! what differs from the last picture is painted, onto that, and copied to the window. OpenGL by the processor could do
//! less: it copies all of every picture, and what it keeps can't be asked, since to read the window's pixels back ends
//! the process if the host has just closed or shrunk its own window.

mod open_gl;
mod plain;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use baseview::dpi::PhysicalSize;
use baseview::{HandlerError, WindowContext};
use egui::epaint::{ClippedPrimitive, ClippedShape};
use egui::{Color32, Context, FullOutput, Rect, TextureId, TexturesDelta, pos2, vec2};

use crate::change::changed;
use open_gl::OpenGl;
use plain::Plain;

/// In the environment of a program that wants OpenGL also where the processor computes it: tests of it.
const ANY_OPENGL: &str = "UNWEAVE_OPENGL";

/// Whether a window of this process has found that OpenGL is computed by the processor.
static IS_SOFTWARE: AtomicBool = AtomicBool::new(false);

/// Whether a window is to have OpenGL: not where it is known beforehand that there is no graphics card. Mesa alone has
/// some 80 MB, and under Wine 2.5 MB stay of each window that had it.
pub fn wants_opengl() -> bool {
    if IS_SOFTWARE.load(Ordering::Relaxed) {
        return false;
    }
    // What drivers of Linux give their cards, and Windows the Linux in it.
    let cards = ["/dev/dri", "/dev/nvidiactl", "/dev/dxg"];
    let has_card = cards.iter().any(|card| Path::new(card).exists());
    has_card || !cfg!(target_os = "linux") || takes_any_opengl()
}

fn takes_any_opengl() -> bool {
    std::env::var_os(ANY_OPENGL).is_some()
}

/// The window's pixels.
pub struct Screen {
    canvas: Canvas,
    ground: Color32,
    /// What was painted last.
    painted: Option<Painted>,
    /// Whether the screen shows that.
    is_shown: bool,
}

/// What paints.
enum Canvas {
    OpenGl(Box<OpenGl>),
    Plain(Plain),
}

/// A picture, of which some pieces are to be painted.
struct Frame<'a> {
    /// In pixels.
    size: [u32; 2],
    pixels_per_point: f32,
    ground: Color32,
    /// In points, along pixels.
    pieces: &'a [Rect],
    /// The screen doesn't show what was painted before.
    is_lost: bool,
    /// What lies in a piece.
    primitives: &'a dyn Fn(Rect) -> Vec<ClippedPrimitive>,
}

/// Everything that a picture follows from, but for the textures.
struct Painted {
    shapes: Vec<ClippedShape>,
    size: [u32; 2],
    pixels_per_point: f32,
}

impl Screen {
    /// Takes up the window's OpenGL, if it was made with any and a graphics card is behind it.
    pub fn new(window: &WindowContext) -> Result<Self, HandlerError> {
        let takes_any = takes_any_opengl();
        let canvas = match window.gl_context().map(OpenGl::new).transpose() {
            Ok(Some(open_gl)) if takes_any || !open_gl.is_software() => {
                Canvas::OpenGl(Box::new(open_gl))
            }
            // Windows that take no other pictures still have that.
            Ok(Some(open_gl)) => match Plain::new(window) {
                Ok(plain) => {
                    IS_SOFTWARE.store(true, Ordering::Relaxed);
                    Canvas::Plain(plain)
                }
                Err(_) => Canvas::OpenGl(Box::new(open_gl)),
            },
            Ok(None) | Err(_) => Canvas::Plain(Plain::new(window)?),
        };
        Ok(Self {
            canvas,
            ground: Color32::BLACK,
            painted: None,
            is_shown: false,
        })
    }

    /// Whether the processor draws, so that every frame costs what it computes with.
    pub fn is_software(&self) -> bool {
        match &self.canvas {
            Canvas::OpenGl(canvas) => canvas.is_software(),
            Canvas::Plain(_) => true,
        }
    }

    /// Whether what was painted is still there to be painted on after it was shown.
    fn keeps(&self) -> bool {
        matches!(self.canvas, Canvas::Plain(_))
    }

    /// Pixels of the longest side that a texture may have.
    pub fn max_texture_side(&self) -> usize {
        match &self.canvas {
            Canvas::OpenGl(canvas) => canvas.max_texture_side(),
            Canvas::Plain(_) => plain::MAX_TEXTURE_SIDE,
        }
    }

    /// What the window is cleared with.
    pub fn set_ground(&mut self, ground: Color32) {
        if ground != self.ground {
            self.ground = ground;
            self.painted = None;
        }
    }

    /// The screen no longer shows what was painted.
    pub fn forget(&mut self) {
        self.is_shown = false;
    }

    /// Shows what was drawn; takes shapes and textures out of it. Does nothing if that is there already.
    pub fn paint(
        &mut self,
        ctx: &Context,
        output: &mut FullOutput,
        size: PhysicalSize<u32>,
    ) -> Result<(), HandlerError> {
        let new = Painted {
            shapes: std::mem::take(&mut output.shapes),
            size: [size.width, size.height],
            pixels_per_point: output.pixels_per_point,
        };
        let textures = &mut output.textures_delta;
        let pieces = self.pieces(&new, textures);
        if pieces.is_empty() && self.is_shown && textures.is_empty() {
            return Ok(());
        }
        let tessellate = |area: Rect| {
            let clipped = new.shapes.iter().filter_map(|shape| {
                let clip_rect = shape.clip_rect.intersect(area);
                clip_rect.is_positive().then(|| ClippedShape {
                    clip_rect,
                    ..shape.clone()
                })
            });
            ctx.tessellate(clipped.collect(), new.pixels_per_point)
        };
        let frame = Frame {
            size: new.size,
            pixels_per_point: new.pixels_per_point,
            ground: self.ground,
            pieces: &pieces,
            is_lost: !self.is_shown,
            primitives: &tessellate,
        };
        match &mut self.canvas {
            Canvas::OpenGl(canvas) => canvas.paint(&frame, textures)?,
            Canvas::Plain(canvas) => canvas.paint(&frame, textures)?,
        }
        self.painted = Some(new);
        self.is_shown = true;
        Ok(())
    }

    /// What has to be painted, in points, along pixels; nothing if all of it is there.
    fn pieces(&self, new: &Painted, textures: &TexturesDelta) -> Vec<Rect> {
        let scale = new.pixels_per_point;
        let [width, height] = new.size.map(|side| side as f32 / scale);
        let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(width, height));
        let is_same_window = |old: &&Painted| old.size == new.size && old.pixels_per_point == scale;
        let Some(old) = self.painted.as_ref().filter(is_same_window) else {
            return vec![whole];
        };
        // All letters may be somewhere else now. New ones change none that were there.
        let letters = textures.set.get(&TextureId::default());
        if letters.is_some_and(|deltas| deltas.iter().any(|delta| delta.pos.is_none())) {
            return vec![whole];
        }
        let painted = textures.set.keys().copied();
        let painted: Vec<TextureId> = painted.filter(|id| *id != TextureId::default()).collect();
        let pieces = changed(&old.shapes, &new.shapes, &painted);
        if !self.keeps() {
            // To be shown once more, all of it has to be there.
            let is_needed = !pieces.is_empty() || !self.is_shown;
            return is_needed.then_some(whole).into_iter().collect();
        }
        // A pixel more on each side, for soft edges.
        let along_pixels = |piece: Rect| {
            let min = (piece.min * scale).floor() - vec2(1.0, 1.0);
            let max = (piece.max * scale).ceil() + vec2(1.0, 1.0);
            Rect::from_min_max(min / scale, max / scale).intersect(whole)
        };
        let pieces = pieces.into_iter().map(along_pixels);
        pieces.filter(|piece| piece.is_positive()).collect()
    }
}
