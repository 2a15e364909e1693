//! The large weights of a graph, where they lie in the file.
//!
//! They are found without copying: names and bytes are borrowed from the file. Who wants them is
//! [`crate::runtime`], which gives them to all sessions of a graph.

use std::collections::BTreeSet;

use super::{take, varint};

/// Operators that multiply by weights.
const PRODUCTS: [&[u8]; 6] = [
    b"Conv",
    b"ConvTranspose",
    b"GRU",
    b"Gemm",
    b"LSTM",
    b"MatMul",
];

/// `TensorProto.DataType` of f32.
pub(super) const TENSOR_FLOAT: u64 = 1;
/// The same for whole numbers of 8 bits.
pub(super) const TENSOR_INT8: u64 = 3;
/// The same for 16 bits.
pub(super) const TENSOR_INT16: u64 = 5;
/// The same for 64 bits, as shapes are.
const TENSOR_INT64: u64 = 7;

/// A constant of a graph.
#[derive(Debug, PartialEq)]
pub(crate) struct Tensor<'a> {
    /// As the graph calls it.
    pub(crate) name: &'a str,
    /// Sizes, outermost first.
    pub(crate) shape: Vec<i64>,
    /// Of its values.
    pub(super) data_type: u64,
    /// The values, little endian; none if they lie outside.
    pub(crate) bytes: &'a [u8],
    /// Whether they lie outside of the graph's file.
    pub(super) is_external: bool,
}

/// Those of the main graph with at least `min_bytes` that are factors of products and nothing else; what is not
/// understood is left out.
///
/// ONNX Runtime moves transposes through sums and the like and then reshapes their constants, in the graph: one that was
/// given to the session by itself keeps its shape, and the graph fails or computes something else.
pub(crate) fn large_weights(file: &[u8], min_bytes: usize) -> Vec<Tensor<'_>> {
    let used = Used::by(file, &PRODUCTS);
    tensors(file)
        .into_iter()
        .filter(|tensor| tensor.data_type == TENSOR_FLOAT && tensor.bytes.len() >= min_bytes)
        .filter(|tensor| used.as_factor_alone(tensor.name))
        .collect()
}

/// What the nodes of a main graph take.
pub(super) struct Used<'a> {
    /// Names that nodes of these operators take.
    factors: BTreeSet<&'a [u8]>,
    /// Names that any other nodes take.
    others: BTreeSet<&'a [u8]>,
}

impl<'a> Used<'a> {
    /// Factors are what these operators take.
    pub(super) fn by(file: &'a [u8], operators: &[&[u8]]) -> Self {
        let (mut factors, mut others) = (BTreeSet::new(), BTreeSet::new());
        // ModelProto.graph, GraphProto.node
        for node in fields(file, 7).iter().flat_map(|graph| fields(graph, 1)) {
            // NodeProto.op_type, NodeProto.input
            let is_product = fields(node, 4)
                .iter()
                .any(|operator| operators.contains(operator));
            let used = if is_product {
                &mut factors
            } else {
                &mut others
            };
            used.extend(fields(node, 1));
        }
        Self { factors, others }
    }

    /// Whether a constant is used by these operators and by no others.
    pub(super) fn as_factor_alone(&self, name: &str) -> bool {
        let name = name.as_bytes();
        self.factors.contains(name) && !self.others.contains(name)
    }
}

/// The constants of the main graph that lie in its file as bytes, or outside; what is not understood is left out.
pub(super) fn tensors(file: &[u8]) -> Vec<Tensor<'_>> {
    // ModelProto.graph, GraphProto.initializer
    let graphs = fields(file, 7).into_iter();
    graphs
        .flat_map(|graph| fields(graph, 5))
        .filter_map(tensor)
        .collect()
}

/// Reads a TensorProto.
///
/// None if it is of another type, its values aren't in `raw_data`, or they are more or fewer than the shape
/// says.
fn tensor(mut tensor: &[u8]) -> Option<Tensor<'_>> {
    let (mut name, mut bytes, mut data_type, mut shape) = ("", None, 0, Vec::new());
    let mut is_external = false;
    while !tensor.is_empty() {
        let tag = varint(&mut tensor).ok()?;
        match (tag >> 3, tag & 7) {
            // dims, one by one or packed
            (1, 0) => shape.push(i64::try_from(varint(&mut tensor).ok()?).ok()?),
            (1, 2) => {
                let mut dims = delimited(&mut tensor)?;
                while !dims.is_empty() {
                    shape.push(i64::try_from(varint(&mut dims).ok()?).ok()?);
                }
            }
            (2, 0) => data_type = varint(&mut tensor).ok()?,
            (8, 2) => name = str::from_utf8(delimited(&mut tensor)?).ok()?,
            (9, 2) => bytes = Some(delimited(&mut tensor)?),
            // TensorProto.DataLocation
            (14, 0) => is_external = varint(&mut tensor).ok()? == 1,
            (_, wire_type) => skip(&mut tensor, wire_type)?,
        }
    }
    if is_external {
        bytes = Some(&[][..]);
    }
    let bytes = bytes?;
    let size = match data_type {
        TENSOR_FLOAT => 4,
        TENSOR_INT8 => 1,
        TENSOR_INT16 => 2,
        TENSOR_INT64 => 8,
        _ => return None,
    };
    let count = shape.iter().try_fold(size, |product: usize, size| {
        product.checked_mul(usize::try_from(*size).ok()?)
    })?;
    (is_external || count == bytes.len()).then_some(Tensor {
        name,
        shape,
        data_type,
        bytes,
        is_external,
    })
}

/// Contents of the fields of this number: messages or strings.
pub(super) fn fields(mut message: &[u8], number: u64) -> Vec<&[u8]> {
    let mut contents = Vec::new();
    while !message.is_empty() {
        let Ok(tag) = varint(&mut message) else { break };
        if tag & 7 == 2 {
            let Some(content) = delimited(&mut message) else {
                break;
            };
            if tag >> 3 == number {
                contents.push(content);
            }
        } else if skip(&mut message, tag & 7).is_none() {
            break;
        }
    }
    contents
}

/// A value of wire type 2.
fn delimited<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = varint(bytes).ok()?;
    take(bytes, length).ok()
}

fn skip(bytes: &mut &[u8], wire_type: u64) -> Option<()> {
    match wire_type {
        0 => varint(bytes).ok().map(drop),
        1 => take(bytes, 8).ok().map(drop),
        2 => delimited(bytes).map(drop),
        5 => take(bytes, 4).ok().map(drop),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_weights_are_the_matrices_and_not_the_vectors_as_large() {
        let file = include_bytes!("../../../tests/kinds/openunmix/vocals.onnx");
        let weights = large_weights(file, 4096);
        // Into four hidden values from both channels' 1,487 bins, and out of them to 2,049 bins; scales and
        // normalisation have vectors of that length, which are factors of no product.
        let shapes: Vec<_> = weights.iter().map(|weights| &weights.shape[..]).collect();
        assert!(shapes.contains(&&[2 * 1_487, 4][..]), "{shapes:?}");
        assert!(shapes.contains(&&[4, 2 * 2_049][..]), "{shapes:?}");
        assert_eq!(shapes.len(), 2, "{shapes:?}");
        for weights in &weights {
            let count: i64 = weights.shape.iter().product();
            assert_eq!(usize::try_from(count).unwrap() * 4, weights.bytes.len());
            assert!(!weights.name.is_empty());
        }
        assert!(large_weights(file, usize::MAX).is_empty());
    }

    #[test]
    fn what_is_added_stays_in_the_graph() {
        let file = include_bytes!("../../../tests/fixtures/moved.onnx");
        let names: Vec<_> = large_weights(file, 1)
            .iter()
            .map(|weights| weights.name)
            .collect();
        assert_eq!(names, ["factor"]);
    }

    #[test]
    fn files_cut_anywhere_are_no_reason_to_stop() {
        let file = include_bytes!("../../../tests/fixtures/fading.onnx");
        for end in 0..file.len() {
            large_weights(&file[..end], 1);
        }
    }
}
