//! What egui has drawn, on the screen with OpenGL. The crate's only unsafe code: OpenGL belongs to the window's
//! thread, and is current on it only in here.
#![allow(unsafe_code)]

use std::sync::Arc;

use baseview::dpi::PhysicalSize;
use baseview::gl::GlContext;
use baseview::{HandlerError, WindowContext};
use egui::epaint::ClippedShape;
use egui::{Color32, Context, FullOutput};
use egui_glow::{Painter, glow};

/// Why a window can't be drawn.
#[derive(Debug, thiserror::Error)]
pub enum ScreenError {
    /// The window was made without OpenGL.
    #[error("this display has no OpenGL")]
    NoContext,
    /// It is too old, or its driver is broken.
    #[error("OpenGL can't be used: {0}")]
    Painter(String),
}

/// The window's pixels.
pub struct Screen {
    context: GlContext,
    gl: Arc<glow::Context>,
    painter: Painter,
    ground: Color32,
    /// What the window shows, if it is whole.
    shown: Option<Shown>,
}

/// Everything that a picture follows from, but for the textures.
#[derive(PartialEq)]
struct Shown {
    shapes: Vec<ClippedShape>,
    size: PhysicalSize<u32>,
    pixels_per_point: f32,
}

impl Screen {
    /// Takes up the window's OpenGL.
    pub fn new(window: &WindowContext, ground: Color32) -> Result<Self, HandlerError> {
        let context = window.gl_context().ok_or(ScreenError::NoContext)?;
        let (gl, painter) = current(&context, || {
            // SAFETY: the context is current, and stays what its functions were looked up in.
            let gl = unsafe {
                glow::Context::from_loader_function_cstr(|name| context.get_proc_address(name))
            };
            let gl = Arc::new(gl);
            // There are no gradients here, and dithering is half of the work where there is no graphics card.
            let painter = Painter::new(Arc::clone(&gl), "", None, false)
                .map_err(|error| ScreenError::Painter(error.to_string()))?;
            Ok::<_, ScreenError>((gl, painter))
        })??;
        Ok(Self {
            context,
            gl,
            painter,
            ground,
            shown: None,
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
            self.forget();
        }
    }

    /// The window no longer shows what was painted.
    pub fn forget(&mut self) {
        self.shown = None;
    }

    /// Shows what was drawn; takes shapes and textures out of it. Does nothing if that is there already.
    pub fn paint(
        &mut self,
        ctx: &Context,
        output: &mut FullOutput,
        size: PhysicalSize<u32>,
    ) -> Result<(), HandlerError> {
        let new = Shown {
            shapes: std::mem::take(&mut output.shapes),
            size,
            pixels_per_point: output.pixels_per_point,
        };
        let textures = &mut output.textures_delta;
        if textures.is_empty() && self.shown.as_ref() == Some(&new) {
            return Ok(());
        }
        let primitives = ctx.tessellate(new.shapes.clone(), new.pixels_per_point);
        let pixels = [size.width, size.height];
        let (gl, painter) = (&self.gl, &mut self.painter);
        let ground = self.ground.to_normalized_gamma_f32();
        current(&self.context, || {
            egui_glow::painter::clear(gl, pixels, ground);
            for (id, deltas) in textures.set.drain() {
                for delta in deltas {
                    painter.set_texture(id, &delta);
                }
            }
            painter.paint_primitives(pixels, new.pixels_per_point, &primitives);
            for id in textures.free.drain() {
                painter.free_texture(id);
            }
            self.context.swap_buffers()
        })??;
        self.shown = Some(new);
        Ok(())
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
