//! What egui has drawn, on the screen with OpenGL. The crate's only unsafe code: OpenGL belongs to the window's
//! thread, and is current on it only in here.
//!
//! A graphics card paints every picture anew. Where the processor draws, what is painted is what it costs: there only
//! what differs from the last picture is painted, onto that, where the system still has it. Whether it has is not tried
//! out: to read the window's pixels back ends the process if the host has just closed or shrunk its own window.
#![allow(unsafe_code)]

use std::sync::Arc;

use baseview::dpi::PhysicalSize;
use baseview::gl::GlContext;
use baseview::{HandlerError, WindowContext};
use egui::epaint::ClippedShape;
use egui::{Color32, Context, FullOutput, Rect, TextureId, pos2, vec2};
use egui_glow::Painter;
use egui_glow::glow::{self, HasContext as _};

use crate::change::changed;

/// Why a window can't be drawn.
#[derive(Debug, thiserror::Error)]
pub enum ScreenError {
    /// The window was made without OpenGL.
    #[error("this display has no OpenGL")]
    NoContext,
    /// It is too old, or its driver is broken.
    #[error("OpenGL can't be used: {0}")]
    Broken(String),
}

/// The window's pixels.
pub struct Screen {
    context: GlContext,
    gl: Arc<glow::Context>,
    painter: Painter,
    ground: Color32,
    is_software: bool,
    /// Whether what was painted is still there to be painted on after it was shown.
    keeps: bool,
    /// What was painted last.
    painted: Option<Painted>,
    /// Whether the screen shows that.
    is_shown: bool,
}

/// Everything that a picture follows from, but for the textures.
struct Painted {
    shapes: Vec<ClippedShape>,
    size: [u32; 2],
    pixels_per_point: f32,
}

impl Screen {
    /// Takes up the window's OpenGL.
    pub fn new(window: &WindowContext, ground: Color32) -> Result<Self, HandlerError> {
        let context = window.gl_context().ok_or(ScreenError::NoContext)?;
        let (gl, painter, renderer) = current(&context, || {
            // SAFETY: the context is current, and stays what its functions were looked up in.
            let gl = unsafe {
                glow::Context::from_loader_function_cstr(|name| context.get_proc_address(name))
            };
            let gl = Arc::new(gl);
            // There are no gradients here, and dithering is half of the work where there is no graphics card.
            let painter = Painter::new(Arc::clone(&gl), "", None, false)
                .map_err(|error| ScreenError::Broken(error.to_string()))?;
            // SAFETY: the context is current.
            let renderer = unsafe { gl.get_parameter_string(glow::RENDERER) };
            Ok::<_, ScreenError>((gl, painter, renderer))
        })??;
        Ok(Self {
            context,
            gl,
            painter,
            ground,
            is_software: is_software(&renderer),
            keeps: keeps(&renderer),
            painted: None,
            is_shown: false,
        })
    }

    /// Whether the processor draws, so that every frame costs what it computes with.
    pub fn is_software(&self) -> bool {
        self.is_software
    }

    /// Pixels of the longest side that a texture may have.
    pub fn max_texture_side(&self) -> usize {
        self.painter.max_texture_side()
    }

    /// From now on the window is cleared with this.
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
        let (gl, painter) = (&self.gl, &mut self.painter);
        let ground = self.ground;
        current(&self.context, || {
            for (id, deltas) in textures.set.drain() {
                for delta in deltas {
                    painter.set_texture(id, &delta);
                }
            }
            for piece in pieces {
                clear(gl, new.size, ground, piece * new.pixels_per_point);
                painter.paint_primitives(new.size, new.pixels_per_point, &tessellate(piece));
            }
            for id in textures.free.drain() {
                painter.free_texture(id);
            }
            self.context.swap_buffers()
        })??;
        self.painted = Some(new);
        self.is_shown = true;
        Ok(())
    }

    /// What has to be painted, in points, along pixels; nothing if all of it is there.
    fn pieces(&self, new: &Painted, textures: &egui::TexturesDelta) -> Vec<Rect> {
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
        if !self.keeps {
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

impl Drop for Screen {
    fn drop(&mut self) {
        // Without its context there is nothing left to destroy.
        let _ = current(&self.context, || self.painter.destroy());
    }
}

/// Does this while the window's OpenGL is current on this thread: hosts and other plug-ins may have their own on it.
fn current<T>(context: &GlContext, act: impl FnOnce() -> T) -> Result<T, baseview::Error> {
    // SAFETY: a context is used by its window's thread alone: it is not Send.
    unsafe { context.make_current() }?;
    let done = act();
    // SAFETY: as above.
    unsafe { context.make_not_current() }?;
    Ok(done)
}

/// Mesa's ways to draw with the processor.
const MESA: [&str; 3] = ["llvmpipe", "softpipe", "SWR"];

/// Whether the processor draws: Mesa's, or that of Windows.
fn is_software(renderer: &str) -> bool {
    let windows = ["GDI Generic", "Basic Render"];
    MESA.iter()
        .chain(&windows)
        .any(|software| renderer.contains(software))
}

/// Whether what was painted outlives its being shown. Under X11, Mesa's processors copy it to the window (`drisw.c`).
/// By way of Vulkan (zink) the names are the same, but pictures take turns.
fn keeps(renderer: &str) -> bool {
    cfg!(target_os = "linux") && MESA.iter().any(|software| renderer.starts_with(software))
}

/// Clears an area, in pixels from the upper left.
fn clear(gl: &glow::Context, size: [u32; 2], ground: Color32, area: Rect) {
    let [red, green, blue, alpha] = ground.to_normalized_gamma_f32();
    let (left, right) = (whole(area.left()), whole(area.right()));
    let (top, bottom) = (whole(area.top()), whole(area.bottom()));
    // SAFETY: a context is current.
    unsafe {
        gl.enable(glow::SCISSOR_TEST);
        gl.scissor(left, side(size[1]) - bottom, right - left, bottom - top);
        gl.clear_color(red, green, blue, alpha);
        gl.clear(glow::COLOR_BUFFER_BIT);
    }
}

fn side(pixels: u32) -> i32 {
    i32::try_from(pixels).unwrap_or(i32::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "places on a screen are small"
)]
fn whole(pixels: f32) -> i32 {
    pixels.round() as i32
}
