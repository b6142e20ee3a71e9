//! Every limit of the wire in one place, with its unit in the name.
//!
//! A message, list or buffer that reaches a limit is refused with an error of its own; nothing is cut off
//! silently. The values leave room above anything a phone, browser or trunk sends in practice.

/// Bytes of a whole message, head and body: what an IPv4 datagram can carry (RFC 3261 §18.1.1).
pub const MESSAGE_BYTES_MAX: usize = 65_535;

/// Header lines in one message (folded lines count once).
pub const HEADERS_MAX: usize = 128;

/// Bytes of a Request-URI; longer is answered 414 (RFC 3261 §21.4.12).
pub const URI_BYTES_MAX: usize = 2_048;

/// Bytes a stream connection may have buffered: one message being received and one read behind it.
pub const STREAM_BUFFER_BYTES_MAX: usize = 2 * MESSAGE_BYTES_MAX;

/// Bytes of the values in an `Authorization` header that a digest is computed over.
pub const CREDENTIALS_BYTES_MAX: usize = 2_048;
