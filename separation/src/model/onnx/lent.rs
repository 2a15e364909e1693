//! Weights that a graph has from another graph.
//!
//! Two graphs of one network need their weights once in the model's folder: one file holds them, the other names the
//! same tensors and says that they lie in that file, as external data. Which bytes they are there can't be said, for
//! weights may be stored small: as whole numbers [group, row, column], a step per group and column, and the shape
//! (NAME.whole, NAME.step and NAME.shape, see `small` in `models/export/spleeter_graph.py`).

use std::collections::BTreeMap;

use super::weights::{TENSOR_FLOAT, TENSOR_INT8, TENSOR_INT16, Tensor, Used, tensors};

/// A constant of type f32 that a graph has from another.
pub(crate) struct Lent<'a> {
    /// As both graphs call it.
    pub(crate) name: &'a str,
    /// Sizes, outermost first.
    pub(crate) shape: Vec<i64>,
    /// As many as the shape multiplies to.
    pub(crate) values: Vec<f32>,
    /// Whether it is only a factor of matrices, which sessions can have in common. What convolutions take, the runtime
    /// puts in another order for each session.
    pub(crate) is_shareable: bool,
}

/// What `graph` has from `source`: all that is external.
///
/// # Errors
/// What `source` doesn't have by that name, in that shape.
pub(crate) fn lent<'a>(graph: &'a [u8], source: &[u8]) -> Result<Vec<Lent<'a>>, String> {
    let known: BTreeMap<&str, Tensor<'_>> = tensors(source)
        .into_iter()
        .map(|tensor| (tensor.name, tensor))
        .collect();
    let used = Used::by(graph, &[b"MatMul"]);
    let external = tensors(graph)
        .into_iter()
        .filter(|tensor| tensor.is_external);
    external
        .map(|tensor| {
            let Tensor { name, shape, .. } = tensor;
            let values = values_of(&known, name, &shape).ok_or_else(|| {
                format!("it has {name:?} of shape {shape:?} from another graph, which lacks it")
            })?;
            Ok(Lent {
                is_shareable: used.as_factor_alone(name),
                name,
                shape,
                values,
            })
        })
        .collect()
}

/// Weights that are stored plainly or small.
///
/// Small ones are `whole[group, row, column] · step[group, column]`, whole numbers of 8 or 16 bits; none if
/// something is missing or of another size.
fn values_of(known: &BTreeMap<&str, Tensor<'_>>, name: &str, shape: &[i64]) -> Option<Vec<f32>> {
    if let Some(tensor) = known.get(name) {
        let is_it = tensor.data_type == TENSOR_FLOAT && tensor.shape == shape;
        return is_it.then(|| floats(tensor.bytes));
    }
    let part = |part: &str| known.get(format!("{name}.{part}").as_str());
    let (whole, step) = (part("whole")?, part("step")?);
    let [_, rows, columns] = whole.shape[..] else {
        return None;
    };
    let is_it = shape.iter().product::<i64>() == whole.shape.iter().product::<i64>();
    let (rows, columns) = (usize::try_from(rows).ok()?, usize::try_from(columns).ok()?);
    if !is_it || rows == 0 || columns == 0 {
        return None;
    }
    let mut values: Vec<f32> = match whole.data_type {
        TENSOR_INT8 => {
            let values = whole.bytes.iter();
            values.map(|byte| f32::from(byte.cast_signed())).collect()
        }
        TENSOR_INT16 => {
            let (values, _) = whole.bytes.as_chunks::<2>();
            let values = values.iter().copied().map(i16::from_le_bytes);
            values.map(f32::from).collect()
        }
        _ => return None,
    };
    let steps = floats(step.bytes);
    let groups = values.chunks_exact_mut(rows * columns);
    if groups.len() * columns != steps.len() {
        return None;
    }
    for (group, steps) in groups.zip(steps.chunks_exact(columns)) {
        for row in group.chunks_exact_mut(columns) {
            for (value, step) in row.iter_mut().zip(steps) {
                *value *= step;
            }
        }
    }
    Some(values)
}

/// Little-endian f32.
fn floats(bytes: &[u8]) -> Vec<f32> {
    let (values, _) = bytes.as_chunks::<4>();
    values.iter().copied().map(f32::from_le_bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: &[u8] = include_bytes!("../../../../models/builtin/accompaniment-live.onnx");
    const LENDER: &[u8] = include_bytes!("../../../../models/builtin/accompaniment.onnx");

    #[test]
    fn every_weight_has_its_shape_and_only_matrices_are_shared() {
        let lent = lent(LIVE, LENDER).unwrap();
        for weights in &lent {
            let count: i64 = weights.shape.iter().product();
            assert_eq!(usize::try_from(count).unwrap(), weights.values.len());
            assert_eq!(weights.is_shareable, weights.name.contains(".row"));
        }
        let shared = lent.iter().filter(|weights| weights.is_shareable);
        let values: usize = shared.map(|weights| weights.values.len()).sum();
        // Rows 1 and 2 of the five of down6 and up1, all of up2.
        assert_eq!(
            values,
            2 * 5 * 256 * 512 + 2 * 5 * 512 * 256 + 25 * 512 * 128
        );
    }

    #[test]
    fn files_cut_anywhere_are_an_error_at_most() {
        for end in 0..LIVE.len() {
            drop(lent(&LIVE[..end], &[]));
        }
        for end in (0..LENDER.len()).step_by(LENDER.len() / 50) {
            assert!(lent(LIVE, &LENDER[..end]).is_err());
        }
    }
}
