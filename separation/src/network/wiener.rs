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
//! In steps 2 and 3 all frames of the window count, so what follows of a frame depends on the others: the
//! window is the model's ([`crate::model::manifest::Filter::Wiener`]), not the caller's.
//!
//! # Shape
//! Spectra are `[channel][frame · bin]`, all bins of the transform; the last window is as short as what is
//! left.
//!
//! # Source
//! `openunmix.filtering.wiener` and `expectation_maximization` (1.3), in f64 where sums are long. Here ε and √ε are
//! multiplied by the square of what the reference divides by, which comes to the same.

use realfft::num_complex::Complex;

use super::spectra::Spectra;

type C = Complex<f64>;

/// ε of a mix whose loudest bin is at most [`LOUDEST`].
const EPSILON: f64 = 1e-10;
/// The loudest bin is brought down to this.
const LOUDEST: f32 = 10.0;

/// Settings, see [`crate::model::manifest::Filter`].
///
/// Made for every segment: it holds nothing of the mix.
pub(super) struct Wiener {
    /// How often steps 1 to 4 are done; with 0, the sources stay as they are.
    pub(super) iterations: usize,
    /// Frames of a window.
    pub(super) frames: usize,
    /// Whether x − Σ y takes part as one more source, which is forgotten afterwards.
    pub(super) has_residual: bool,
    /// Bins of every frame.
    pub(super) num_bins: usize,
}

/// A Hermitian matrix: `left` and `right` on its diagonal, `across` in its first row, conjugate in its second.
#[derive(Debug, Clone, Copy, Default)]
struct Hermitian {
    left: f64,
    right: f64,
    across: C,
}

/// Work space, for every bin.
///
/// `r` is made anew once per iteration, `c` and `z` once per frame.
#[derive(Default)]
struct Work {
    /// R, `[source][bin]`.
    r: Vec<Vec<Hermitian>>,
    /// C of a frame.
    c: Vec<Hermitian>,
    /// C⁻¹ x of a frame.
    z: Vec<[C; 2]>,
}

impl Wiener {
    /// Replaces the spectra of the sources with filtered ones.
    pub(super) fn refine(&self, mix: &Spectra, sources: &mut [Spectra]) {
        let mut work = Work::default();
        let mut rest = Spectra::default();
        let num_frames = mix[0].len() / self.num_bins;
        for first in (0..num_frames).step_by(self.frames) {
            let end = num_frames.min(first + self.frames);
            let window = first * self.num_bins..end * self.num_bins;
            let x = mix.each_ref().map(|mix| &mix[window.clone()]);
            let mut y: Vec<[&mut [Complex<f32>]; 2]> = sources
                .iter_mut()
                .map(|source| source.each_mut().map(|source| &mut source[window.clone()]))
                .collect();
            if self.has_residual {
                for (channel, rest) in rest.iter_mut().enumerate() {
                    rest.clear();
                    rest.extend_from_slice(x[channel]);
                    for y in &y {
                        for (rest, y) in rest.iter_mut().zip(&*y[channel]) {
                            *rest -= y;
                        }
                    }
                }
                y.push(rest.each_mut().map(|rest| &mut rest[..]));
            }
            let loudest = x
                .iter()
                .flat_map(|x| x.iter())
                .map(Complex::norm_sqr)
                .fold(0.0, f32::max)
                .sqrt();
            let scale = f64::from((loudest / LOUDEST).max(1.0));
            for _ in 0..self.iterations {
                self.iterate(x, scale * scale, &mut y, &mut work);
            }
        }
    }

    /// One iteration, in the order in which spectra lie in memory: frame by frame.
    ///
    /// # Shape
    /// `x` and every `y` are `[channel][frame · bin]` of one window. `square` is the square of what the
    /// reference divides by.
    fn iterate(
        &self,
        x: [&[Complex<f32>]; 2],
        square: f64,
        y: &mut [[&mut [Complex<f32>]; 2]],
        work: &mut Work,
    ) {
        let num_bins = self.num_bins;
        let Work { r, c, z } = work;
        r.resize_with(y.len(), Vec::new);
        for (r, [left, right]) in r.iter_mut().zip(&*y) {
            covariance(left, right, EPSILON * square, num_bins, r);
        }
        let diagonal = EPSILON.sqrt() * square;
        let diagonal = Hermitian {
            left: diagonal,
            right: diagonal,
            across: C::default(),
        };
        for first in (0..x[0].len()).step_by(num_bins) {
            let frame = first..first + num_bins;
            c.clear();
            c.resize(num_bins, diagonal);
            for (r, [left, right]) in r.iter().zip(&*y) {
                let y = left[frame.clone()].iter().zip(&right[frame.clone()]);
                for ((c, r), (left, right)) in c.iter_mut().zip(r).zip(y) {
                    let v = energy(wide(*left), wide(*right));
                    c.left += v * r.left;
                    c.right += v * r.right;
                    c.across += r.across * v;
                }
            }
            z.clear();
            let x = x[0][frame.clone()].iter().zip(&x[1][frame.clone()]);
            z.extend(
                c.iter()
                    .zip(x)
                    .map(|(c, (left, right))| c.solve(wide(*left), wide(*right))),
            );
            for (r, [left, right]) in r.iter().zip(&mut *y) {
                let y = left[frame.clone()]
                    .iter_mut()
                    .zip(&mut right[frame.clone()]);
                for ((z, r), (left, right)) in z.iter().zip(r).zip(y) {
                    let v = energy(wide(*left), wide(*right));
                    *left = narrow((z[0] * r.left + r.across * z[1]) * v);
                    *right = narrow((r.across.conj() * z[0] + z[1] * r.right) * v);
                }
            }
        }
    }
}

impl Hermitian {
    /// Its inverse times a vector.
    ///
    /// Of a matrix that is positive definite, as C is by its √ε I.
    fn solve(&self, left: C, right: C) -> [C; 2] {
        let scale = 1.0 / (self.left * self.right - self.across.norm_sqr());
        [
            (left * self.right - self.across * right) * scale,
            (right * self.left - self.across.conj() * left) * scale,
        ]
    }
}

/// R of a source, per bin.
///
/// # Shape
/// `left` and `right` are `[frame · bin]`; `r` gets one matrix per bin. ε is already multiplied by the square.
fn covariance(
    left: &[Complex<f32>],
    right: &[Complex<f32>],
    epsilon: f64,
    num_bins: usize,
    r: &mut Vec<Hermitian>,
) {
    r.clear();
    r.resize(num_bins, Hermitian::default());
    for (left, right) in left
        .chunks_exact(num_bins)
        .zip(right.chunks_exact(num_bins))
    {
        for (r, (left, right)) in r.iter_mut().zip(left.iter().zip(right)) {
            let (left, right) = (wide(*left), wide(*right));
            r.left += left.norm_sqr();
            r.right += right.norm_sqr();
            r.across += left * right.conj();
        }
    }
    for r in r {
        // Σ v is half of what is on the diagonal.
        let scale = 1.0 / (epsilon + (r.left + r.right) / 2.0);
        r.left *= scale;
        r.right *= scale;
        r.across *= scale;
    }
}

/// v of a source.
fn energy(left: C, right: C) -> f64 {
    (left.norm_sqr() + right.norm_sqr()) / 2.0
}

fn wide(x: Complex<f32>) -> C {
    C::new(x.re.into(), x.im.into())
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "back to the spectra's own type"
)]
fn narrow(x: C) -> Complex<f32> {
    Complex::new(x.re as f32, x.im as f32)
}
