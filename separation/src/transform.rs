//! From samples to spectra and back: hop by hop, and of whole segments.

mod fourier;
pub(crate) mod settings;
pub(crate) mod spectrogram;
pub(crate) mod stft;
