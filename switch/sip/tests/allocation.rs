//! Parsing with a warm index allocates nothing, and neither do the typed reads a request needs on its way in.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use sip::{HeaderName, Index, MessageWriter, Uri, parse};

/// What a phone sends: 15 headers and an SDP offer.
const INVITE: &str = include_str!("../../../benches/fixtures/invite.sip");

fn allocations(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).count_total
}

#[test]
fn the_hot_path_does_not_allocate() {
    let bytes = INVITE.replace('\n', "\r\n").into_bytes();
    let mut index = Index::new();
    assert!(
        allocations(|| assert!(parse(&bytes, &mut index).is_ok())) > 0,
        "the first message grows the index"
    );
    let warm = allocations(|| {
        let message = parse(&bytes, &mut index).unwrap();
        message.require_valid().unwrap();
        assert_eq!(message.headers().count(), 15);
        assert!(message.via().unwrap().branch().is_some());
        assert!(message.from().unwrap().tag().is_some() && message.to().unwrap().tag().is_none());
        assert_eq!(message.values(HeaderName::Route).count(), 2);
        assert!(
            Uri::parse(message.request_uri())
                .unwrap()
                .is_equivalent(&Uri::parse(message.to().unwrap().uri).unwrap())
        );
        assert!(message.named("X-Unknown").is_none() && !message.body().is_empty());
    });
    assert_eq!(warm, 0);
}

/// The rare path keeps its scratch text too.
#[test]
fn folded_messages_do_not_allocate_either_once_warm() {
    let bytes = INVITE.replace("User-Agent: ", "User-Agent:\n ").replace('\n', "\r\n").into_bytes();
    let mut index = Index::new();
    assert!(parse(&bytes, &mut index).is_ok());
    assert_eq!(allocations(|| assert!(parse(&bytes, &mut index).is_ok())), 0);
}

/// A usual message leaves in one buffer, with one more for its body.
#[test]
fn writing_a_response_costs_one_buffer() {
    let bytes = INVITE.replace('\n', "\r\n").into_bytes();
    let mut index = Index::new();
    let message = parse(&bytes, &mut index).unwrap();
    let used = allocations(|| {
        let mut writer = MessageWriter::response(180, "Ringing");
        for (name, known, value) in message.headers() {
            if matches!(
                known,
                HeaderName::Via | HeaderName::From | HeaderName::To | HeaderName::CallId | HeaderName::CSeq
            ) {
                writer.header(name, value);
            }
        }
        assert!(writer.finish().is_ok());
    });
    assert!(used <= 2, "{used}: the buffer, and the count that makes it shareable");
}
