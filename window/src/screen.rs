//! What egui has drawn, on the screen with OpenGL. The crate's only unsafe code: OpenGL belongs to the window's
//! thread, and is current on it only in here.
//!
//! Pictures are painted on a canvas that keeps what was painted, and only where they differ from the last: where the
//! processor draws, what is painted is what it costs. From there all goes to the screen.
#![allow(unsafe_code)]

use std::sync::Arc;

use baseview::dpi::PhysicalSize;
use baseview::gl::GlContext;
use baseview::{HandlerError, WindowContext};
use egui::epaint::ClippedShape;
use egui::{Color32, Context, FullOutput, Rect, TextureId, pos2};
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
    canvas: Canvas,
    /// What the canvas shows, if it is whole.
    painted: Option<Painted>,
    /// Whether the screen shows the canvas.
    is_shown: bool,
}

/// Everything that a picture follows from, but for the textures.
struct Painted {
    shapes: Vec<ClippedShape>,
    size: [u32; 2],
    pixels_per_point: f32,
}

/// Pixels that stay.
struct Canvas {
    frame: glow::Framebuffer,
    pixels: glow::Renderbuffer,
    size: [u32; 2],
}

impl Screen {
    /// Takes up the window's OpenGL.
    pub fn new(window: &WindowContext, ground: Color32) -> Result<Self, HandlerError> {
        let context = window.gl_context().ok_or(ScreenError::NoContext)?;
        let (gl, painter, canvas) = current(&context, || {
            // SAFETY: the context is current, and stays what its functions were looked up in.
            let gl = unsafe {
                glow::Context::from_loader_function_cstr(|name| context.get_proc_address(name))
            };
            let gl = Arc::new(gl);
            // There are no gradients here, and dithering is half of the work where there is no graphics card.
            let painter = Painter::new(Arc::clone(&gl), "", None, false)
                .map_err(|error| ScreenError::Broken(error.to_string()))?;
            let canvas = Canvas::new(&gl).map_err(ScreenError::Broken)?;
            Ok::<_, ScreenError>((gl, painter, canvas))
        })??;
        Ok(Self {
            context,
            gl,
            painter,
            ground,
            canvas,
            painted: None,
            is_shown: false,
        })
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
        let area = self.area(&new, textures);
        if area.is_none() && self.is_shown && textures.is_empty() {
            return Ok(());
        }
        let primitives = area.map(|area| {
            let clipped = new.shapes.iter().filter_map(|shape| {
                let clip_rect = shape.clip_rect.intersect(area);
                clip_rect.is_positive().then(|| ClippedShape {
                    clip_rect,
                    ..shape.clone()
                })
            });
            ctx.tessellate(clipped.collect(), new.pixels_per_point)
        });
        let (gl, painter, canvas) = (&self.gl, &mut self.painter, &mut self.canvas);
        let ground = self.ground;
        current(&self.context, || {
            for (id, deltas) in textures.set.drain() {
                for delta in deltas {
                    painter.set_texture(id, &delta);
                }
            }
            if let (Some(area), Some(primitives)) = (area, &primitives) {
                canvas.begin(gl, new.size, ground, area * new.pixels_per_point);
                painter.paint_primitives(new.size, new.pixels_per_point, primitives);
            }
            for id in textures.free.drain() {
                painter.free_texture(id);
            }
            canvas.show(gl);
            self.context.swap_buffers()
        })??;
        self.painted = Some(new);
        self.is_shown = true;
        Ok(())
    }

    /// What has to be painted, in points, along pixels; none if the canvas has all of it.
    fn area(&self, new: &Painted, textures: &egui::TexturesDelta) -> Option<Rect> {
        let [width, height] = new.size.map(|side| side as f32 / new.pixels_per_point);
        let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(width, height));
        let Some(old) = self
            .painted
            .as_ref()
            .filter(|old| old.size == new.size && old.pixels_per_point == new.pixels_per_point)
        else {
            return Some(whole);
        };
        // All letters are somewhere else now.
        let letters = textures.set.get(&TextureId::default());
        if letters.is_some_and(|deltas| deltas.iter().any(|delta| delta.pos.is_none())) {
            return Some(whole);
        }
        let painted: Vec<TextureId> = textures.set.keys().copied().collect();
        // New letters change none that were there.
        let painted: Vec<TextureId> = painted
            .into_iter()
            .filter(|id| *id != TextureId::default())
            .collect();
        let area = changed(&old.shapes, &new.shapes, &painted)?;
        let scale = new.pixels_per_point;
        // A pixel more on each side, for soft edges.
        let area = Rect::from_min_max(
            ((area.min * scale).floor() - egui::vec2(1.0, 1.0)) / scale,
            ((area.max * scale).ceil() + egui::vec2(1.0, 1.0)) / scale,
        );
        Some(area.intersect(whole)).filter(|area| area.is_positive())
    }
}

impl Canvas {
    fn new(gl: &glow::Context) -> Result<Self, String> {
        // SAFETY: a context is current; both names are deleted in `destroy`.
        unsafe {
            Ok(Self {
                frame: gl.create_framebuffer()?,
                pixels: gl.create_renderbuffer()?,
                size: [0, 0],
            })
        }
    }

    /// What is painted from now on goes here; clears an area, in pixels from the upper left.
    fn begin(&mut self, gl: &glow::Context, size: [u32; 2], ground: Color32, area: Rect) {
        let [width, height] = size.map(side);
        let [red, green, blue, alpha] = ground.to_normalized_gamma_f32();
        let (left, right) = (whole(area.left()), whole(area.right()));
        let (top, bottom) = (whole(area.top()), whole(area.bottom()));
        // SAFETY: a context is current, and the names are its own.
        unsafe {
            if self.size != size {
                self.size = size;
                gl.bind_renderbuffer(glow::RENDERBUFFER, Some(self.pixels));
                gl.renderbuffer_storage(glow::RENDERBUFFER, glow::RGBA8, width, height);
                gl.bind_framebuffer(glow::FRAMEBUFFER, Some(self.frame));
                gl.framebuffer_renderbuffer(
                    glow::FRAMEBUFFER,
                    glow::COLOR_ATTACHMENT0,
                    glow::RENDERBUFFER,
                    Some(self.pixels),
                );
            }
            gl.bind_framebuffer(glow::FRAMEBUFFER, Some(self.frame));
            gl.enable(glow::SCISSOR_TEST);
            gl.scissor(left, height - bottom, right - left, bottom - top);
            gl.clear_color(red, green, blue, alpha);
            gl.clear(glow::COLOR_BUFFER_BIT);
        }
    }

    /// All of it, onto the screen that is about to be shown.
    fn show(&self, gl: &glow::Context) {
        let [width, height] = self.size.map(side);
        // SAFETY: a context is current, and the name is its own; both sides are as large as the window.
        unsafe {
            gl.disable(glow::SCISSOR_TEST);
            gl.bind_framebuffer(glow::READ_FRAMEBUFFER, Some(self.frame));
            gl.bind_framebuffer(glow::DRAW_FRAMEBUFFER, None);
            gl.blit_framebuffer(
                0,
                0,
                width,
                height,
                0,
                0,
                width,
                height,
                glow::COLOR_BUFFER_BIT,
                glow::NEAREST,
            );
            gl.bind_framebuffer(glow::FRAMEBUFFER, None);
        }
    }

    fn destroy(&self, gl: &glow::Context) {
        // SAFETY: a context is current, and the names are its own.
        unsafe {
            gl.delete_framebuffer(self.frame);
            gl.delete_renderbuffer(self.pixels);
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let (gl, painter, canvas) = (&self.gl, &mut self.painter, &self.canvas);
        // Without its context there is nothing left to destroy.
        let _ = current(&self.context, || {
            canvas.destroy(gl);
            painter.destroy();
        });
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
