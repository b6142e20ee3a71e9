//! What a datagram of DTLS is made of (RFC 6347 §4.1 and §4.2.2), before the library sees it.
//!
//! The library believes the sizes in handshake messages that nobody has authenticated, puts fragments together by
//! recursion, and obeys alerts in clear. So a datagram whose records are not whole, whose messages are longer than any
//! handshake of ours has, or which come in crumbs, is not for it; and an alert in clear is told apart.

/// Longest handshake message: a certificate chain with room to spare.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1_024;
/// Shortest fragment of a message, except the last one. Networks of 576 bytes leave more room.
pub const FRAGMENT_BYTES_MIN: usize = 128;

/// Bytes of a record's head.
const RECORD_HEAD_BYTES: usize = 13;
/// Bytes of a handshake message's head.
const MESSAGE_HEAD_BYTES: usize = 12;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
/// From `change_cipher_spec` to `application_data`.
const KINDS: std::ops::RangeInclusive<u8> = 20..=23;

/// A record: its type, whether it is in clear (epoch 0), and its content.
struct Record<'a> {
    kind: u8,
    is_clear: bool,
    content: &'a [u8],
}

/// The records of a datagram; ends with `None` at the first one that is none.
fn records(mut datagram: &[u8]) -> impl Iterator<Item = Option<Record<'_>>> {
    std::iter::from_fn(move || {
        if datagram.is_empty() {
            return None;
        }
        let record = record(datagram);
        datagram = record.as_ref().map_or(&[][..], |(_, rest)| *rest);
        Some(record.map(|(record, _)| record))
    })
}

fn record(datagram: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let (head, rest) = datagram.split_first_chunk::<RECORD_HEAD_BYTES>()?;
    let &[kind, 0xfe, 0xff | 0xfd, e0, e1, _, _, _, _, _, _, a, b] = head else { return None };
    let (content, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([a, b])))?;
    KINDS.contains(&kind).then_some((Record { kind, is_clear: [e0, e1] == [0, 0], content }, rest))
}

/// A handshake message in clear, or a fragment of one: whether it is one that a library may be given, alone or with
/// others.
fn are_messages_sound(mut content: &[u8]) -> bool {
    let mut is_first = true;
    while let Some((head, rest)) = content.split_first_chunk::<MESSAGE_HEAD_BYTES>() {
        let &[_, l0, l1, l2, _, _, o0, o1, o2, f0, f1, f2] = head;
        let number = |a: u8, b: u8, c: u8| u32::from_be_bytes([0, a, b, c]) as usize;
        let (length, offset, fragment) = (number(l0, l1, l2), number(o0, o1, o2), number(f0, f1, f2));
        let is_whole = fragment == length && offset == 0;
        let is_last = offset + fragment == length;
        // A fragment stands alone in its record: the library takes what follows for more of it.
        let stands_well = is_whole || (is_first && fragment == rest.len());
        let is_big_enough = is_whole || fragment >= FRAGMENT_BYTES_MIN || (is_last && fragment > 0);
        if length > MESSAGE_BYTES_MAX || offset + fragment > length || !stands_well || !is_big_enough {
            return false;
        }
        let Some(after) = rest.get(fragment..) else { return false };
        (content, is_first) = (after, false);
    }
    content.is_empty() && !is_first
}

/// What a datagram is for a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Records that may be looked at.
    Sound,
    /// An alert that anybody could have written, with its description.
    ClearAlert(u8),
    /// No DTLS, or nothing that an honest far end sends.
    Nonsense,
}

/// Looks at everything that is in clear.
pub(super) fn content_of(datagram: &[u8]) -> Content {
    let mut alert = None;
    for record in records(datagram) {
        match record {
            None => return Content::Nonsense,
            Some(Record { kind: ALERT, is_clear: true, content: [_, description] }) => {
                alert = alert.or(Some(*description));
            }
            Some(Record { kind: ALERT, is_clear: true, .. }) => return Content::Nonsense,
            Some(Record { kind: HANDSHAKE, is_clear: true, content }) if !are_messages_sound(content) => {
                return Content::Nonsense;
            }
            Some(_) => {}
        }
    }
    match alert {
        Some(description) => Content::ClearAlert(description),
        None if datagram.is_empty() => Content::Nonsense,
        None => Content::Sound,
    }
}

/// Whether a datagram may be the first of a client.
pub fn is_client_hello(datagram: &[u8]) -> bool {
    let first = records(datagram).next().flatten();
    let is_hello = |record: &Record<'_>| {
        record.kind == HANDSHAKE && record.is_clear && record.content.first() == Some(&CLIENT_HELLO)
    };
    first.as_ref().is_some_and(is_hello) && content_of(datagram) == Content::Sound
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u8, epoch: u8, content: &[u8]) -> Vec<u8> {
        let head =
            [kind, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 1, (content.len() >> 8) as u8, content.len() as u8];
        [&head, content].concat()
    }

    fn message(kind: u8, length: usize, offset: usize, fragment: usize) -> Vec<u8> {
        let [n, l, o, f] = [0, length, offset, fragment].map(|n: usize| (n as u32).to_be_bytes());
        let mut bytes = vec![kind, l[1], l[2], l[3], n[2], n[3], o[1], o[2], o[3], f[1], f[2], f[3]];
        bytes.resize(MESSAGE_HEAD_BYTES + fragment, 7);
        bytes
    }

    #[test]
    fn what_honest_ends_send_is_sound() {
        let hello = message(1, 200, 0, 200);
        let flight =
            [record(HANDSHAKE, 0, &message(2, 80, 0, 80)), record(HANDSHAKE, 0, &message(14, 0, 0, 0))];
        for sound in [
            record(HANDSHAKE, 0, &hello),
            flight.concat(),
            record(HANDSHAKE, 0, &[message(2, 80, 0, 80), message(14, 0, 0, 0)].concat()),
            record(HANDSHAKE, 0, &message(11, 3_000, 0, 1_100)),
            record(HANDSHAKE, 0, &message(11, 3_000, 2_999, 1)),
            [record(20, 0, &[1]), record(HANDSHAKE, 1, &[9; 40])].concat(),
            record(ALERT, 1, &[9; 20]),
        ] {
            assert_eq!(content_of(&sound), Content::Sound, "{sound:?}");
        }
        assert!(is_client_hello(&record(HANDSHAKE, 0, &hello)));
        assert!(!is_client_hello(&record(HANDSHAKE, 1, &hello)), "under a key");
        assert!(!is_client_hello(&flight.concat()), "a server's");
        assert!(!is_client_hello(&[]));
    }

    #[test]
    fn nothing_else_reaches_the_library() {
        let hello = record(HANDSHAKE, 0, &message(1, 200, 0, 200));
        for len in 0..hello.len() {
            assert_eq!(content_of(&hello[..len]), Content::Nonsense, "cut off at {len}");
        }
        for nonsense in [
            [hello.clone(), vec![22]].concat(),
            record(HANDSHAKE, 0, &message(11, MESSAGE_BYTES_MAX + 1, 0, 200)),
            record(HANDSHAKE, 0, &message(11, 1_000, 500, FRAGMENT_BYTES_MIN - 1)),
            record(HANDSHAKE, 0, &message(11, 1_000, 500, 0)),
            record(HANDSHAKE, 0, &message(11, 1_000, 1_000, 0)),
            record(HANDSHAKE, 0, &message(11, 1_000, 900, 200)),
            record(HANDSHAKE, 0, &[message(11, 1_000, 0, 200), message(14, 0, 0, 0)].concat()),
            record(HANDSHAKE, 0, &[message(14, 0, 0, 0), message(11, 1_000, 0, 200)].concat()),
            record(HANDSHAKE, 0, &[]),
            record(HANDSHAKE, 0, &[1; 5]),
            record(25, 0, &[1; 50]),
            record(ALERT, 0, &[2]),
        ] {
            assert_eq!(content_of(&nonsense), Content::Nonsense, "{nonsense:?}");
        }
        let mut other_version = hello.clone();
        other_version[1] = 3;
        assert_eq!(content_of(&other_version), Content::Nonsense);
        assert_eq!(content_of(&record(ALERT, 0, &[2, 40])), Content::ClearAlert(40));
        assert_eq!(content_of(&[hello, record(ALERT, 0, &[2, 40])].concat()), Content::ClearAlert(40));
    }
}
