//! The multichannel Wiener filter that Open-Unmix refines its estimates with.
//!
//! Per window of frames, with the mix x and the sources y_j as vectors of two channels per bin, both divided
//! by `max(1, max |x| / 10)` before and multiplied by it after, ε = 1e−10; per iteration:
//!
//! 1. `v_j[t, f] = mean over channels of |y_j|²`
//! 2. `R_j[f] = Σ_t y_j y_jᴴ / (ε + Σ_t v_j)`
//! 3. `C[t, f] = √ε I + Σ_j v_j R_j`
//! 4. `y_j = v_j R_j C⁻¹ x`
//!
//! # Source
//! `openunmix.filtering.wiener` and `expectation_maximization` (1.3), in f64 where sums are long.

use realfft::num_complex::Complex;

use super::spectra::Spectra;

type C = Complex<f64>;

const EPSILON: f64 = 1e-10;
/// The loudest bin is brought down to this.
const LOUDEST: f32 = 10.0;

/// Settings, see [`crate::manifest::Filter`].
pub(super) struct Wiener {
    pub(super) iterations: usize,
    pub(super) frames: usize,
    pub(super) has_residual: bool,
    pub(super) num_bins: usize,
}

impl Wiener {
    /// Replaces the spectra of the sources with filtered ones.
    pub(super) fn refine(&self, mix: &Spectra, sources: &mut [Spectra]) {
        let num_frames = mix[0].len() / self.num_bins;
        for first in (0..num_frames).step_by(self.frames) {
            let end = num_frames.min(first + self.frames);
            let window = first * self.num_bins..end * self.num_bins;
            let x = mix.each_ref().map(|mix| &mix[window.clone()]);
            let loudest = x
                .iter()
                .flat_map(|x| x.iter())
                .map(|x| x.norm())
                .fold(0.0, f32::max);
            let scale = f64::from((loudest / LOUDEST).max(1.0));
            for bin in 0..self.num_bins {
                self.refine_bin(x, scale, bin, first, sources);
            }
        }
    }

    fn refine_bin(
        &self,
        mix: [&[Complex<f32>]; 2],
        scale: f64,
        bin: usize,
        first: usize,
        sources: &mut [Spectra],
    ) {
        let wide = |x: Complex<f32>| C::new(f64::from(x.re), f64::from(x.im)) / scale;
        let num_frames = mix[0].len() / self.num_bins;
        let at = |t: usize| t * self.num_bins + bin;
        let x: Vec<[C; 2]> = (0..num_frames)
            .map(|t| mix.map(|mix| wide(mix[at(t)])))
            .collect();
        let offset = first * self.num_bins;
        // [source][frame][channel]
        let mut y: Vec<Vec<[C; 2]>> = sources
            .iter()
            .map(|source| {
                (0..num_frames)
                    .map(|t| source.each_ref().map(|source| wide(source[offset + at(t)])))
                    .collect()
            })
            .collect();
        if self.has_residual {
            let rest = (0..num_frames).map(|t| {
                let sum = |channel: usize| y.iter().map(|y| y[t][channel]).sum::<C>();
                [x[t][0] - sum(0), x[t][1] - sum(1)]
            });
            y.push(rest.collect());
        }
        for _ in 0..self.iterations {
            let v: Vec<Vec<f64>> = y
                .iter()
                .map(|y| {
                    let energy = |y: &[C; 2]| (y[0].norm_sqr() + y[1].norm_sqr()) / 2.0;
                    y.iter().map(energy).collect()
                })
                .collect();
            let r: Vec<[[C; 2]; 2]> = y.iter().zip(&v).map(|(y, v)| covariance(y, v)).collect();
            for t in 0..num_frames {
                let mut c = [[C::default(); 2]; 2];
                (c[0][0], c[1][1]) = (EPSILON.sqrt().into(), EPSILON.sqrt().into());
                for (r, v) in r.iter().zip(&v) {
                    for (c, r) in c.iter_mut().flatten().zip(r.iter().flatten()) {
                        *c += r * v[t];
                    }
                }
                let z = solve(&c, &x[t]);
                for ((y, r), v) in y.iter_mut().zip(&r).zip(&v) {
                    y[t] = [
                        (r[0][0] * z[0] + r[0][1] * z[1]) * v[t],
                        (r[1][0] * z[0] + r[1][1] * z[1]) * v[t],
                    ];
                }
            }
        }
        for (source, y) in sources.iter_mut().zip(&y) {
            for (channel, source) in source.iter_mut().enumerate() {
                for (t, y) in y.iter().enumerate() {
                    source[offset + at(t)] = narrow(y[channel] * scale);
                }
            }
        }
    }
}

/// R of a source.
fn covariance(y: &[[C; 2]], v: &[f64]) -> [[C; 2]; 2] {
    let mut r = [[C::default(); 2]; 2];
    for y in y {
        for (row, r) in r.iter_mut().enumerate() {
            for (column, r) in r.iter_mut().enumerate() {
                *r += y[row] * y[column].conj();
            }
        }
    }
    let weight = EPSILON + v.iter().sum::<f64>();
    r.map(|row| row.map(|r| r / weight))
}

/// C⁻¹ x.
fn solve(c: &[[C; 2]; 2], x: &[C; 2]) -> [C; 2] {
    let determinant = c[0][0] * c[1][1] - c[0][1] * c[1][0];
    [
        (c[1][1] * x[0] - c[0][1] * x[1]) / determinant,
        (c[0][0] * x[1] - c[1][0] * x[0]) / determinant,
    ]
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "back to the spectra's own type"
)]
fn narrow(x: C) -> Complex<f32> {
    Complex::new(x.re as f32, x.im as f32)
}
