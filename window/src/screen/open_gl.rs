//! With OpenGL. Unsafe code: OpenGL belongs to the window's thread, and is current on it only in here.
#![allow(unsafe_code)]

use std::sync::Arc;

use baseview::HandlerError;
use baseview::gl::GlContext;
use egui::{Color32, Rect, TexturesDelta};
use egui_glow::Painter;
use egui_glow::glow::{self, HasContext as _};

use super::Frame;

/// It is too old, or its driver is broken.
#[derive(Debug, thiserror::Error)]
#[error("OpenGL can't be used: {0}")]
struct Broken(String);

/// The window's OpenGL.
pub struct OpenGl {
    context: GlContext,
    gl: Arc<glow::Context>,
    painter: Painter,
    is_software: bool,
}

impl OpenGl {
    /// Takes it up.
    pub fn new(context: GlContext) -> Result<Self, HandlerError> {
        let (gl, painter, renderer) = current(&context, || {
            // SAFETY: the context is current, and stays what its functions were looked up in.
            let gl = unsafe {
                glow::Context::from_loader_function_cstr(|name| context.get_proc_address(name))
            };
            let gl = Arc::new(gl);
            // There are no gradients here, and dithering is half of the work where there is no graphics card.
            let painter = Painter::new(Arc::clone(&gl), "", None, false)
                .map_err(|error| Broken(error.to_string()))?;
            // SAFETY: the context is current.
            let renderer = unsafe { gl.get_parameter_string(glow::RENDERER) };
            Ok::<_, Broken>((gl, painter, renderer))
        })??;
        Ok(Self {
            context,
            gl,
            painter,
            is_software: is_software(&renderer),
        })
    }

    /// Whether the processor draws.
    pub fn is_software(&self) -> bool {
        self.is_software
    }

    /// Pixels of the longest side that a texture may have.
    pub fn max_texture_side(&self) -> usize {
        self.painter.max_texture_side()
    }

    /// Paints a frame's pieces and shows it.
    pub fn paint(
        &mut self,
        frame: &Frame<'_>,
        textures: &mut TexturesDelta,
    ) -> Result<(), HandlerError> {
        let (gl, painter) = (&self.gl, &mut self.painter);
        let scale = frame.pixels_per_point;
        current(&self.context, || {
            for (id, deltas) in textures.set.drain() {
                for delta in deltas {
                    painter.set_texture(id, &delta);
                }
            }
            for piece in frame.pieces {
                clear(gl, frame.size, frame.ground, *piece * scale);
                painter.paint_primitives(frame.size, scale, &(frame.primitives)(*piece));
            }
            for id in textures.free.drain() {
                painter.free_texture(id);
            }
            self.context.swap_buffers()
        })??;
        Ok(())
    }
}

impl Drop for OpenGl {
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

/// Whether the processor draws: Mesa's ways to do so, and those of Windows.
fn is_software(renderer: &str) -> bool {
    let all = ["llvmpipe", "softpipe", "SWR", "GDI Generic", "Basic Render"];
    all.iter().any(|software| renderer.contains(software))
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
