//! A host's audio buffers, with whatever it left out filled in.

use crate::gaps::{Found, Gap};

/// One buffer per channel of a port.
type Port = Vec<*mut f32>;

/// Where a host has a channel's samples: by port and channel, null where there is none.
pub trait Given {
    /// Ports that the host gives.
    fn num_ports(&self) -> usize;
    /// Channels of one of them.
    fn num_channels(&self, port: usize) -> usize;
    /// The samples of one of these.
    fn channel(&self, port: usize, channel: usize) -> *mut f32;

    /// How many of a port's first channels there are samples of.
    fn count(&self, port: usize, num_channels: usize) -> usize {
        let is_given = |channel: &usize| !self.find(port, *channel).is_null();
        (0..num_channels).filter(is_given).count()
    }

    /// The samples of any channel of any port.
    fn find(&self, port: usize, channel: usize) -> *mut f32 {
        if port < self.num_ports() && channel < self.num_channels(port) {
            self.channel(port, channel)
        } else {
            std::ptr::null_mut()
        }
    }
}

/// Buffers for all channels that a plug-in has declared.
pub struct Ports {
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    max_frames: usize,
    /// Read where the host gives no input. Never written to.
    silence: Vec<f32>,
    /// Written where the host gives no output: one per output channel, so that no two share memory.
    discarded: Vec<Vec<f32>>,
    /// The outputs of the host that have been handed on in this block.
    taken: Vec<*mut f32>,
}

// SAFETY: the pointers are those of the block that is being processed, by whoever holds this.
unsafe impl Send for Ports {}

impl Ports {
    /// For these numbers of channels, one per port, and blocks of up to so many frames.
    pub fn new(inputs: &[u32], outputs: &[u32], max_frames: usize) -> Self {
        let port = |num_channels: &u32| vec![std::ptr::null_mut(); *num_channels as usize];
        let num_outputs = outputs.iter().map(|count| *count as usize).sum();
        Self {
            inputs: inputs.iter().map(port).collect(),
            outputs: outputs.iter().map(port).collect(),
            max_frames,
            silence: vec![0.0; max_frames],
            discarded: vec![vec![0.0; max_frames]; num_outputs],
            taken: Vec::with_capacity(num_outputs),
        }
    }

    /// The longest block that can be filled.
    pub fn max_frames(&self) -> usize {
        self.max_frames
    }

    /// Takes over what the host gives, and says what that lacks.
    ///
    /// A channel that is missing beside one that isn't hears that one; without any there is silence. A
    /// missing output is discarded, and so is one in the memory of another.
    ///
    /// # Realtime safety
    /// Neither allocates nor waits.
    pub fn fill(&mut self, inputs: &impl Given, outputs: &impl Given) -> Found {
        let mut found = Found::default();
        let silence = self.silence.as_mut_ptr();
        for (port, channels) in self.inputs.iter_mut().enumerate() {
            let first = inputs.find(port, 0);
            let stand_in = if first.is_null() { silence } else { first };
            let num_given = inputs.count(port, channels.len());
            found = found.with(Gap::Input, port == 0 && num_given == 0).with(
                Gap::InputChannel,
                port == 0 && (1..channels.len()).contains(&num_given),
            );
            for (channel, pointer) in channels.iter_mut().enumerate() {
                let given = inputs.find(port, channel);
                *pointer = if given.is_null() { stand_in } else { given };
            }
        }
        self.taken.clear();
        let mut discarded = self.discarded.iter_mut();
        let mut has_others = self.outputs.len() < 2;
        for (port, channels) in self.outputs.iter_mut().enumerate() {
            let num_given = outputs.count(port, channels.len());
            found = found.with(Gap::Output, port == 0 && num_given == 0).with(
                Gap::OutputChannel,
                port == 0 && (1..channels.len()).contains(&num_given),
            );
            has_others |= port > 0 && num_given > 0;
            for (channel, pointer) in channels.iter_mut().enumerate() {
                let given = outputs.find(port, channel);
                let stand_in = discarded.next().map(|buffer| buffer.as_mut_ptr());
                let is_free = !given.is_null() && !self.taken.contains(&given);
                if is_free {
                    self.taken.push(given);
                }
                // There is one for every output channel.
                *pointer = if is_free {
                    given
                } else {
                    stand_in.unwrap_or(given)
                };
            }
        }
        found.with(Gap::OtherOutputs, !has_others)
    }

    /// The channels' buffers, one list per input port.
    pub fn inputs(&mut self) -> &mut [Port] {
        &mut self.inputs
    }

    /// The channels' buffers, one list per output port.
    pub fn outputs(&mut self) -> &mut [Port] {
        &mut self.outputs
    }
}

/// Hands the first port's input on as it is, and silences all other outputs.
///
/// # Safety
/// Every pointer that isn't null holds so many frames, and nothing else uses them meanwhile.
///
/// # Realtime safety
/// Neither allocates nor waits.
pub unsafe fn pass_on(num_frames: usize, inputs: &impl Given, outputs: &impl Given) {
    for port in 0..outputs.num_ports() {
        for channel in 0..outputs.num_channels(port) {
            let output = outputs.find(port, channel);
            if output.is_null() {
                continue;
            }
            let input = match port {
                0 => inputs.find(0, channel),
                _ => std::ptr::null_mut(),
            };
            // SAFETY: as the caller promises; the two may be the same memory.
            unsafe {
                if input.is_null() {
                    output.write_bytes(0, num_frames);
                } else {
                    output.copy_from(input, num_frames);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Lists(Vec<Vec<*mut f32>>);

    impl Given for Lists {
        fn num_ports(&self) -> usize {
            self.0.len()
        }
        fn num_channels(&self, port: usize) -> usize {
            self.0[port].len()
        }
        fn channel(&self, port: usize, channel: usize) -> *mut f32 {
            self.0[port][channel]
        }
    }

    #[test]
    fn what_is_given_is_handed_on_and_what_is_not_is_filled_in() {
        let mut memory = [[1.0_f32; 4], [2.0; 4], [3.0; 4], [4.0; 4]];
        let [left_in, right_in, left, right] = memory.each_mut().map(|frames| frames.as_mut_ptr());
        let null = std::ptr::null_mut();
        let mut ports = Ports::new(&[2], &[2, 2], 4);

        let found = ports.fill(
            &Lists(vec![vec![left_in, right_in]]),
            &Lists(vec![vec![left, right]]),
        );
        assert_eq!(found, Found::default().with(Gap::OtherOutputs, true));
        assert_eq!(ports.inputs[0], [left_in, right_in]);
        assert_eq!(ports.outputs[0], [left, right]);
        assert!(!ports.outputs[1].contains(&null));
        assert_ne!(ports.outputs[1][0], ports.outputs[1][1]);

        // Mono, one null, and two outputs in the same memory, of more channels than there are.
        let found = ports.fill(
            &Lists(vec![vec![left_in]]),
            &Lists(vec![vec![left, null, right], vec![left]]),
        );
        let expected = Found::default().with(Gap::InputChannel, true);
        assert_eq!(found, expected.with(Gap::OutputChannel, true));
        assert_eq!(ports.inputs[0], [left_in, left_in]);
        assert_eq!(ports.outputs[0][0], left);
        assert_eq!(ports.taken, [left]);
        assert!(!ports.outputs.concat().contains(&null));

        // Nothing at all.
        let found = ports.fill(&Lists(vec![]), &Lists(vec![]));
        let expected = Found::default()
            .with(Gap::Input, true)
            .with(Gap::Output, true);
        assert_eq!(found, expected.with(Gap::OtherOutputs, true));
        let silence = ports.silence.as_mut_ptr();
        assert_eq!(ports.inputs[0], [silence, silence]);
    }

    #[test]
    fn the_input_passes_to_the_main_output_alone() {
        let mut memory = [[1.0_f32; 4], [2.0; 4], [3.0; 4], [4.0; 4]];
        let [input, left, right, stem] = memory.each_mut().map(|frames| frames.as_mut_ptr());
        let null = std::ptr::null_mut();
        // SAFETY: all point at four frames, or at none.
        unsafe {
            pass_on(
                4,
                &Lists(vec![vec![input]]),
                &Lists(vec![vec![left, right], vec![stem, null]]),
            );
        }
        assert_eq!(memory, [[1.0; 4], [1.0; 4], [0.0; 4], [0.0; 4]]);
    }
}
