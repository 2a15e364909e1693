//! The dry signal, as late as the stems.
//!
//! Read and written by positions, so its length is only a limit: another latency needs nothing but another
//! place to read from.

/// A stereo delay line addressed by position. What was never written since frame 0 is silence.
pub(super) struct Delay {
    /// `[channel][frame % capacity]`; the capacity is a power of two.
    channels: [Vec<f32>; 2],
    /// Capacity less 1.
    mask: u64,
}

impl Delay {
    /// Holds at least the last `capacity_frames`.
    pub(super) fn new(capacity_frames: usize) -> Self {
        let capacity = capacity_frames.next_power_of_two();
        Self {
            channels: [vec![0.0; capacity], vec![0.0; capacity]],
            mask: capacity as u64 - 1,
        }
    }

    /// How many of the newest frames it holds: at least what was asked for.
    pub(super) fn capacity_frames(&self) -> usize {
        self.channels[0].len()
    }

    /// Puts the mix from `frame` on; at most the capacity.
    pub(super) fn write(&mut self, frame: u64, mix: [&[f32]; 2]) {
        let start = self.index(frame);
        for (ring, samples) in self.channels.iter_mut().zip(mix) {
            let (head, tail) = samples.split_at(samples.len().min(ring.len() - start));
            ring[start..start + head.len()].copy_from_slice(head);
            ring[..tail.len()].copy_from_slice(tail);
        }
    }

    /// The mix from `frame` on, which may lie before frame 0.
    pub(super) fn read(&self, frame: i64, mix: [&mut [f32]; 2]) {
        for (ring, out) in self.channels.iter().zip(mix) {
            let num_silent = usize::try_from(-frame).unwrap_or(0).min(out.len());
            let (silent, out) = out.split_at_mut(num_silent);
            silent.fill(0.0);
            let start = self.index(u64::try_from(frame).unwrap_or(0));
            let (head, tail) = out.split_at_mut(out.len().min(ring.len() - start));
            head.copy_from_slice(&ring[start..start + head.len()]);
            tail.copy_from_slice(&ring[..tail.len()]);
        }
    }

    /// Where in the rings a frame lies.
    fn index(&self, frame: u64) -> usize {
        // The mask is below the length of a Vec.
        usize::try_from(frame & self.mask).unwrap_or(0)
    }
}
