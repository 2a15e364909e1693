//! What must be known of an ONNX file before a runtime is given it: where its weights lie.
//!
//! Weights may be kept in other files, at a location that the graph names freely. A graph could so have
//! any file of the machine read, or be changed by exchanging a file that no checksum covers. Only files
//! that the manifest lists are allowed.
//!
//! An ONNX file is one protobuf message. This reader knows the few fields on the way to
//! `TensorProto.external_data` and skips all others; it copies nothing but the locations.
//!
//! Protobuf, as far as it matters here: a message is fields, each a number and a wire type in one varint, then
//! the value. Wire type 0 is a varint, 1 eight bytes, 2 a length and that many bytes (text, messages), 5 four
//! bytes.
//!
//! | message | field | holds |
//! |---|---|---|
//! | ModelProto | 7, 25 | graph, functions |
//! | GraphProto | 1, 5, 15 | nodes, constants, sparse constants |
//! | NodeProto | 5 | attributes, in which graphs and tensors may be |
//! | TensorProto | 13 | external_data: entries of key and value, `location` among them |
//!
//! # Source
//! `onnx/onnx.proto3` of ONNX 1.17, messages ModelProto, GraphProto, NodeProto, AttributeProto,
//! SparseTensorProto, TensorProto, FunctionProto, StringStringEntryProto.

pub(crate) mod lent;
pub(crate) mod weights;

/// Graphs nest in attributes of nodes (If, Loop); deeper than this is an attack on the stack.
const MAX_DEPTH: usize = 64;

/// Every location of external data in the file, in its order.
///
/// # Errors
/// What is wrong with the file, if it is no protobuf message or nests too deep.
pub fn external_locations(file: &[u8]) -> Result<Vec<String>, &'static str> {
    let mut locations = Vec::new();
    walk(file, Message::Model, 0, &mut locations)?;
    Ok(locations)
}

/// The messages that lie on the way to external data.
///
/// Which fields are followed depends on which of these it is.
#[derive(Clone, Copy)]
enum Message {
    Model,
    Graph,
    Function,
    Node,
    Attribute,
    SparseTensor,
    Tensor,
    Entry,
}

impl Message {
    /// What the field of this number holds, if it is on the way.
    fn field(self, number: u64) -> Option<Self> {
        match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) => Some(Self::Graph),
            (Self::Model, 25) => Some(Self::Function),
            (Self::Graph, 1) | (Self::Function, 7) => Some(Self::Node),
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::SparseTensor, 1 | 2) => {
                Some(Self::Tensor)
            }
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Some(Self::SparseTensor),
            // Default values of a function's attributes.
            (Self::Function, 11) | (Self::Node, 5) => Some(Self::Attribute),
            (Self::Tensor, 13) => Some(Self::Entry),
            _ => None,
        }
    }
}

/// Follows a message to all that is on the way, and adds what it finds.
///
/// # Errors
/// The message is cut short, is none, or nests deeper than [`MAX_DEPTH`].
fn walk(
    mut bytes: &[u8],
    message: Message,
    depth: usize,
    locations: &mut Vec<String>,
) -> Result<(), &'static str> {
    if depth > MAX_DEPTH {
        return Err("its graphs nest too deep");
    }
    // StringStringEntryProto: 1 is the key, 2 the value.
    let (mut is_location, mut value) = (false, None);
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let (number, wire_type) = (tag >> 3, tag & 7);
        match wire_type {
            0 => {
                varint(&mut bytes)?;
            }
            1 => {
                take(&mut bytes, 8)?;
            }
            2 => {
                let length = varint(&mut bytes)?;
                let content = take(&mut bytes, length)?;
                match (message, number) {
                    (Message::Entry, 1) => is_location = content == b"location",
                    (Message::Entry, 2) => value = Some(content),
                    _ => {
                        if let Some(inner) = message.field(number) {
                            walk(content, inner, depth + 1, locations)?;
                        }
                    }
                }
            }
            5 => {
                take(&mut bytes, 4)?;
            }
            _ => return Err("it is no ONNX file"),
        }
    }
    if let (true, Some(value)) = (is_location, value) {
        locations.push(String::from_utf8_lossy(value).into_owned());
    }
    Ok(())
}

/// A number of seven bits per byte, the lowest first; takes it off `bytes`.
fn varint(bytes: &mut &[u8]) -> Result<u64, &'static str> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let [byte] = *take(bytes, 1)? else {
            return Err("it is cut short");
        };
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("it is no ONNX file")
}

/// So many bytes, off the front.
fn take<'a>(bytes: &mut &'a [u8], length: u64) -> Result<&'a [u8], &'static str> {
    let length = usize::try_from(length).map_err(|_| "it is cut short")?;
    bytes.split_off(..length).ok_or("it is cut short")
}
