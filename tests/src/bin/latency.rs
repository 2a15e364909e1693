//! The latency of the built-in model's live modes, as hosts are told it.
//!
//! ```sh
//! cargo run --package unweave-tests --bin latency
//! ```
//!
//! Prints a Markdown table. Nothing is measured here: that what is told is what there is, is tested.

use unweave_live::{LatencyPlan, Timing};
use unweave_separation::{Error, Mode, Model, Purpose, loading};

/// The model's own, and the usual ones.
const SAMPLE_RATES: [u32; 3] = [44_100, 48_000, 96_000];

/// All blocks up to this have the same latency.
const BLOCK_FRAMES: usize = unweave_live::MIN_ALLOWANCE_FRAMES;

fn main() -> Result<(), Error> {
    let model = Model::built_in()?;
    let rates = SAMPLE_RATES.map(|rate| format!("{} kHz", f64::from(rate) / 1e3));
    println!("| mode | computes every | {} |", rates.join(" | "));
    println!("|{}", "---|".repeat(SAMPLE_RATES.len() + 2));
    for mode in Mode::ALL {
        let shape = loading::shape(&model, Purpose::Live(mode))?;
        let milliseconds = |frames: usize, rate: u32| frames as f64 * 1e3 / f64::from(rate);
        let mut cells = vec![
            mode.name().to_owned(),
            format!(
                "{:.0} ms",
                milliseconds(shape.hop_frames, shape.sample_rate)
            ),
        ];
        for rate in SAMPLE_RATES {
            let plan = LatencyPlan::new(Timing::of(&shape, rate)?, rate, BLOCK_FRAMES);
            let frames = plan
                .expect("the budget is less than a hop")
                .latency_frames();
            cells.push(format!("{:.0} ms", milliseconds(frames, rate)));
        }
        println!("| {} |", cells.join(" | "));
    }
    Ok(())
}
