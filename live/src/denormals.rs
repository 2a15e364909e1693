//! Rounds denormals to zero: numbers so small that processors compute many times slower with them; every decay ends
//! in some.

/// Works with zero in their place, on this thread; afterwards they are there again.
#[expect(unsafe_code, reason = "the processor's flag has no safe way to it")]
pub(crate) fn flushed<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: Rust assumes that the flags of floating point are at their default, so that what it computes at
    // compile time is what the processor would: with the flag, results that differ are zero instead of a number
    // below 1.2e-38. No code here or in what it calls tells these apart, and the flags of other threads stay.
    unsafe { no_denormals::no_denormals(work) }
}

/// A denormal as zero of its sign, everything else as it is: also where nothing is computed with it.
pub(crate) fn normal_or_zero(sample: f32) -> f32 {
    match sample.abs() < f32::MIN_POSITIVE {
        true => 0.0_f32.copysign(sample),
        false => sample,
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    fn half_of_the_smallest() -> f32 {
        black_box(f32::MIN_POSITIVE) * black_box(0.5)
    }

    #[test]
    fn they_are_zero_within_and_back_afterwards() {
        assert_ne!(half_of_the_smallest(), 0.0);
        assert_eq!(flushed(half_of_the_smallest), 0.0);
        assert_ne!(half_of_the_smallest(), 0.0);
        let panicked = std::panic::catch_unwind(|| flushed(|| panic!("on purpose")));
        assert!(panicked.is_err());
        assert_ne!(half_of_the_smallest(), 0.0);
    }

    #[test]
    fn all_other_numbers_stay_as_they_are() {
        let same = [0.0, -0.0, 1.0, f32::MIN_POSITIVE, -f32::MAX, f32::INFINITY];
        for number in same {
            assert_eq!(normal_or_zero(number).to_bits(), number.to_bits());
        }
        assert!(normal_or_zero(f32::NAN).is_nan());
        for denormal in [1e-45, f32::MIN_POSITIVE / 2.0] {
            assert_eq!(normal_or_zero(denormal).to_bits(), 0);
            assert_eq!(normal_or_zero(-denormal).to_bits(), (-0.0_f32).to_bits());
        }
    }
}
