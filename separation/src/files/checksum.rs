//! SHA-256 as manifests and reports write it.

use sha2::{Digest, Sha256};

/// The SHA-256 of these bytes, in lower-case hexadecimal digits.
///
/// # Example
/// ```
/// use unweave_separation::files::checksum::sha256;
///
/// // FIPS 180-2, appendix B.1.
/// let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
/// assert_eq!(sha256(b"abc"), abc);
/// ```
pub fn sha256(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
