//! What must hold for any datagram of STUN (RFC 8489).

use sip::{Index, parse};

/// A datagram of STUN: it is answered or not, what is answered says where it came from and to what, and SIP it is not.
pub fn stun(data: &[u8]) {
    let (first, datagram) = data.split_first().unwrap_or((&0, &[]));
    let source: std::net::SocketAddr = match first & 1 {
        0 => ([192, 0, 2, *first], 40_000 + u16::from(*first)).into(),
        _ => ([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(*first)], 5_060).into(),
    };
    let Some(answer) = sip::stun::answer(datagram, source) else { return };
    assert!(sip::stun::is_stun(datagram) && sip::stun::is_stun(&answer));
    assert_eq!(answer.get(..2), Some(&[1, 1][..]), "a success response");
    assert_eq!(answer.get(4..20), datagram.get(4..20), "to that request");
    let length = u16::from_be_bytes([answer[2], answer[3]]);
    assert_eq!(usize::from(length) + 20, answer.len());
    let port = u16::from_be_bytes([answer[26] ^ datagram[4], answer[27] ^ datagram[5]]);
    assert_eq!(port, source.port(), "where the datagram came from");
    assert_eq!(
        sip::stun::answer(&answer, source),
        None,
        "answers are not answered: nobody can make two of us talk"
    );
    let mut index = Index::new();
    assert!(parse(datagram, &mut index).is_err(), "a datagram is STUN or SIP");
}
