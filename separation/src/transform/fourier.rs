//! One real Fourier transform there and back, with its work space.
//!
//! The convention of all transforms here: `X[f] = Σ x[n] e^(−2πi f n / N)` forward, its conjugate backward, no
//! factor in either. Planning takes time and memory; running allocates nothing.

use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

/// Both plans of one length, unnormalised: there and back multiplies by the length.
///
/// # Shape
/// `frame` has N samples, `spectrum` ⌊N / 2⌋ + 1 bins. N is even wherever this is used.
pub(crate) struct Fourier {
    /// Samples to bins.
    forward: Arc<dyn RealToComplex<f32>>,
    /// Bins to samples, N times too large.
    backward: Arc<dyn ComplexToReal<f32>>,
    /// Samples; [`Fourier::forward`] leaves it in disorder.
    pub(crate) frame: Vec<f32>,
    /// Bins from 0 Hz to the Nyquist frequency; [`Fourier::backward`] leaves it in disorder.
    pub(crate) spectrum: Vec<Complex<f32>>,
    /// As much as the hungrier of both plans wants.
    scratch: Vec<Complex<f32>>,
}

impl Fourier {
    /// Plans of length N; everything is zero.
    pub(crate) fn new(n_fft: usize) -> Self {
        let mut planner = RealFftPlanner::new();
        let forward = planner.plan_fft_forward(n_fft);
        let backward = planner.plan_fft_inverse(n_fft);
        let scratch_len = forward.get_scratch_len().max(backward.get_scratch_len());
        Self {
            frame: forward.make_input_vec(),
            spectrum: forward.make_output_vec(),
            scratch: vec![Complex::default(); scratch_len],
            forward,
            backward,
        }
    }

    /// `spectrum` from `frame`.
    pub(crate) fn forward(&mut self) {
        self.forward
            .process_with_scratch(&mut self.frame, &mut self.spectrum, &mut self.scratch)
            .expect("all lengths are of one plan");
    }

    /// `frame` from `spectrum`, whose outer bins count with their real part: a mask may turn the phase of bins
    /// that a real signal has no phase in.
    pub(crate) fn backward(&mut self) {
        let nyquist = self.spectrum.len() - 1;
        self.spectrum[0].im = 0.0;
        self.spectrum[nyquist].im = 0.0;
        self.backward
            .process_with_scratch(&mut self.spectrum, &mut self.frame, &mut self.scratch)
            .expect("all lengths are of one plan, the outer bins are real");
    }
}
