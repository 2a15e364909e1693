//! A block of audio on its way from a CLAP host to the framework.

use std::sync::Arc;

use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::plugin::clap_plugin;
use clap_sys::process::{
    CLAP_PROCESS_CONTINUE, CLAP_PROCESS_ERROR, clap_process, clap_process_status,
};

use super::events::{InputEvents, Owed};
use crate::gaps::{Found, Gap, Gaps};
use crate::ports::{Given, Ports, pass_on};

/// What only one thread may use at a time.
pub struct Audio {
    /// While the plug-in is active.
    ports: Option<Buffers>,
    /// Events that the host hasn't been told of.
    pub owed: Owed,
    gaps: Arc<Gaps>,
}

/// The ports in the shape that CLAP has for them.
struct Buffers {
    ports: Ports,
    inputs: Vec<clap_audio_buffer>,
    outputs: Vec<clap_audio_buffer>,
}

/// A host's ports of one direction.
struct HostBuffers<'a>(&'a [clap_audio_buffer]);

impl HostBuffers<'_> {
    /// # Safety
    /// `first` is null or the first of so many, which outlive this.
    unsafe fn new(first: *const clap_audio_buffer, count: u32) -> Self {
        if first.is_null() {
            Self(&[])
        } else {
            // SAFETY: as the caller promises.
            Self(unsafe { std::slice::from_raw_parts(first, count as usize) })
        }
    }
}

impl Given for HostBuffers<'_> {
    fn num_ports(&self) -> usize {
        self.0.len()
    }

    fn num_channels(&self, port: usize) -> usize {
        let port = &self.0[port];
        if port.data32.is_null() {
            0
        } else {
            port.channel_count as usize
        }
    }

    fn channel(&self, port: usize, channel: usize) -> *mut f32 {
        // SAFETY: the array isn't null and has so many channels, as the host says.
        unsafe { *self.0[port].data32.add(channel) }
    }
}

impl Audio {
    /// Not active. What the host leaves out is told here.
    pub fn new(gaps: Arc<Gaps>) -> Self {
        Self {
            ports: None,
            owed: Owed::default(),
            gaps,
        }
    }

    /// From now on blocks of up to so many frames, for ports of these numbers of channels.
    pub fn activate(&mut self, inputs: &[u32], outputs: &[u32], max_frames: usize) {
        let empty = clap_audio_buffer {
            data32: std::ptr::null_mut(),
            data64: std::ptr::null_mut(),
            channel_count: 0,
            latency: 0,
            constant_mask: 0,
        };
        self.ports = Some(Buffers {
            ports: Ports::new(inputs, outputs, max_frames),
            inputs: vec![empty; inputs.len()],
            outputs: vec![empty; outputs.len()],
        });
    }

    /// From now on the input is passed on as it is.
    pub fn deactivate(&mut self) {
        self.ports = None;
    }

    /// Has the framework process a block of the host's.
    ///
    /// # Safety
    /// `plugin` is the framework's, or has its data. What isn't null in `block` is what CLAP says.
    ///
    /// # Realtime safety
    /// Neither allocates nor waits.
    pub unsafe fn process(
        &mut self,
        plugin: *const clap_plugin,
        process: unsafe extern "C" fn(
            *const clap_plugin,
            *const clap_process,
        ) -> clap_process_status,
        block: &clap_process,
    ) -> clap_process_status {
        let num_frames = block.frames_count as usize;
        let buffers = match &mut self.ports {
            Some(buffers) if num_frames <= buffers.ports.max_frames() => buffers,
            is_active => {
                let found = Found::default().with(Gap::LongBlock, is_active.is_some());
                self.gaps.tell(found);
                // SAFETY: as the caller promises.
                return unsafe { pass_block_on(block) };
            }
        };
        // SAFETY: the host's arrays outlive the block.
        let found = unsafe {
            buffers.ports.fill(
                &HostBuffers::new(block.audio_inputs, block.audio_inputs_count),
                &HostBuffers::new(block.audio_outputs, block.audio_outputs_count),
            )
        };
        self.gaps.tell(found);
        show(buffers.ports.inputs(), &mut buffers.inputs);
        show(buffers.ports.outputs(), &mut buffers.outputs);
        // SAFETY: the host's list outlives the block.
        let events = unsafe { InputEvents::new(block.in_events, block.frames_count) };
        // SAFETY: null, or the host's list.
        let takes_events =
            unsafe { block.out_events.as_ref() }.is_some_and(|list| list.try_push.is_some());
        let whole = clap_process {
            audio_inputs: buffers.inputs.as_ptr(),
            audio_outputs: buffers.outputs.as_mut_ptr(),
            audio_inputs_count: count(&buffers.inputs),
            audio_outputs_count: count(&buffers.outputs),
            in_events: events.shown(),
            out_events: if takes_events {
                block.out_events
            } else {
                std::ptr::null()
            },
            ..*block
        };
        // SAFETY: everything that was declared is there now.
        let status = unsafe {
            self.owed.hand_over(whole.out_events);
            process(plugin, &raw const whole)
        };
        if status == CLAP_PROCESS_ERROR {
            // SAFETY: as the caller promises.
            return unsafe { pass_block_on(block) };
        }
        status
    }
}

/// Leaves the host's input as it is.
///
/// # Safety
/// What isn't null in `block` is what CLAP says.
///
/// # Realtime safety
/// Neither allocates nor waits.
pub unsafe fn pass_block_on(block: &clap_process) -> clap_process_status {
    // SAFETY: as the caller promises.
    unsafe {
        pass_on(
            block.frames_count as usize,
            &HostBuffers::new(block.audio_inputs, block.audio_inputs_count),
            &HostBuffers::new(block.audio_outputs, block.audio_outputs_count),
        );
    }
    CLAP_PROCESS_CONTINUE
}

fn show(ports: &mut [Vec<*mut f32>], buffers: &mut [clap_audio_buffer]) {
    for (port, buffer) in ports.iter_mut().zip(buffers) {
        buffer.data32 = port.as_mut_ptr();
        buffer.channel_count = u32::try_from(port.len()).unwrap_or(0);
        buffer.constant_mask = 0;
    }
}

fn count(buffers: &[clap_audio_buffer]) -> u32 {
    u32::try_from(buffers.len()).unwrap_or(0)
}

// SAFETY: the pointers are those of the block that is being processed, by whoever holds this.
unsafe impl Send for Buffers {}
