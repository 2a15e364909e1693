//! What the audio side costs per block, beside the time that the block lasts.
fn main() {}
