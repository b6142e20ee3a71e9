//! The request by which a browser makes an HTTP connection a WebSocket (RFC 6455 §4.2), for SIP at one place (RFC 7118 §4).
//!
//! There is nothing else to be had by HTTP here: whatever asks for something else is told so once, and sent away.

use bytes::Bytes;
use tungstenite::{
    Error,
    error::ProtocolError,
    handshake::{
        machine::TryParse as _,
        server::{Request, create_response, write_response},
    },
    http::{HeaderMap, HeaderValue},
};

use super::Origins;

/// The longest request.
pub(super) const REQUEST_BYTES_MAX: usize = 8 * 1024;
/// Where SIP is spoken.
const PATH: &str = "/sip";
/// What is spoken there.
const SUBPROTOCOL: &str = "sip";

/// Why a connection does not become a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wire) enum Refusal {
    /// What came is no HTTP.
    NoRequest,
    /// It is longer than [`REQUEST_BYTES_MAX`].
    TooLong,
    /// It wants to have something done that is not done here.
    Method,
    /// It wants something else than a WebSocket.
    NoUpgrade,
    /// It is for another place.
    Elsewhere,
    /// It does not offer the subprotocol.
    NoSip,
    /// The page is one that may not.
    Origin,
}

impl Refusal {
    /// What the peer is told.
    pub(super) fn answer(self) -> String {
        let (status, reason) = match self {
            Self::NoRequest => ("400 Bad Request", "This is no HTTP/1.1 request."),
            Self::TooLong => ("431 Request Header Fields Too Large", "The request is too long."),
            Self::Method => ("405 Method Not Allowed\r\nAllow: GET", "Only GET is understood here."),
            Self::NoUpgrade => (
                "426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13",
                "Only WebSocket, version 13, is spoken here.",
            ),
            Self::Elsewhere => {
                ("404 Not Found", "SIP over WebSocket is at /sip; there is nothing else here.")
            }
            Self::NoSip => ("400 Bad Request", "The WebSocket subprotocol must be \"sip\" (RFC 7118)."),
            Self::Origin => ("403 Forbidden", "Pages of this origin may not connect: see sip.ws_origins."),
        };
        let length = reason.len() + 1;
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{reason}\n"
        )
    }
}

/// Reads a request, if it is whole: how long it is, and the answer that makes the connection a WebSocket.
pub(super) fn judge(bytes: &[u8], origins: &Origins) -> Result<Option<(usize, Bytes)>, Refusal> {
    let found = Request::try_parse(bytes).map_err(|error| match error {
        Error::Protocol(ProtocolError::WrongHttpMethod) => Refusal::Method,
        _ => Refusal::NoRequest,
    })?;
    let Some((length, request)) = found.filter(|(length, _)| *length <= REQUEST_BYTES_MAX) else {
        return if bytes.len() > REQUEST_BYTES_MAX { Err(Refusal::TooLong) } else { Ok(None) };
    };
    if request.uri().path() != PATH {
        return Err(Refusal::Elsewhere);
    }
    let mut response = create_response(&request).map_err(|_| Refusal::NoUpgrade)?;
    if !offers_sip(request.headers()) {
        return Err(Refusal::NoSip);
    }
    let mut shown = request.headers().get_all("Origin").iter();
    if !shown.all(|origin| origin.to_str().is_ok_and(|origin| origins.allow(origin))) {
        return Err(Refusal::Origin);
    }
    response.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(SUBPROTOCOL));
    let mut answer = Vec::new();
    write_response(&mut answer, &response).map_err(|_| Refusal::NoRequest)?;
    Ok(Some((length, answer.into())))
}

fn offers_sip(headers: &HeaderMap) -> bool {
    let offered = headers.get_all("Sec-WebSocket-Protocol").iter().filter_map(|value| value.to_str().ok());
    offered.flat_map(|value| value.split(',')).any(|name| name.trim() == SUBPROTOCOL)
}
