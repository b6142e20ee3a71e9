//! Reading and writing an INVITE of 15 headers with SDP (targets: parse within 1 µs, without allocation; the
//! latter is proved by `switch/sip/tests/allocation.rs`).
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion writes its own items; a bench may stop")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use sip::{HeaderName, Index, Message, MessageWriter, StreamFramer, Uri, parse};

const INVITE: &str = include_str!("../fixtures/invite.sip");

/// What the endpoint looks at before it decides anything.
fn read(message: Message<'_>) -> usize {
    let via = message.via().unwrap();
    let (from, to) = (message.from().unwrap(), message.to().unwrap());
    let uri = Uri::parse(message.request_uri()).unwrap();
    black_box((via, from.tag(), to.tag(), uri, message.call_id().unwrap(), message.cseq().unwrap()));
    message.values(HeaderName::Route).count()
}

/// The same INVITE on its other side.
fn write(message: Message<'_>) -> usize {
    let mut writer = MessageWriter::request(message.method_text(), message.request_uri());
    for (name, known, value) in message.headers() {
        if !matches!(known, HeaderName::ContentType | HeaderName::ContentLength) {
            writer.header(name, value);
        }
    }
    writer.body("application/sdp", message.body());
    writer.finish().unwrap().len()
}

fn sip_parse(criterion: &mut Criterion) {
    let bytes = INVITE.replace('\n', "\r\n").into_bytes();
    let folded = INVITE.replace("User-Agent: ", "User-Agent:\n ").replace('\n', "\r\n").into_bytes();
    let mut index = Index::new();
    criterion.bench_function("sip/parse", |bencher| {
        bencher.iter(|| parse(black_box(&bytes), &mut index).unwrap().headers().count());
    });
    criterion.bench_function("sip/parse, typed fields", |bencher| {
        bencher.iter(|| read(parse(black_box(&bytes), &mut index).unwrap()));
    });
    criterion.bench_function("sip/parse, require_valid", |bencher| {
        bencher.iter(|| parse(black_box(&bytes), &mut index).unwrap().require_valid().unwrap());
    });
    criterion.bench_function("sip/parse, folded", |bencher| {
        bencher.iter(|| parse(black_box(&folded), &mut index).unwrap().headers().count());
    });
    criterion.bench_function("sip/frame and parse", |bencher| {
        let mut framer = StreamFramer::new();
        bencher.iter(|| {
            framer.push(black_box(&bytes));
            framer.next().unwrap()
        });
    });
    let mut own = Index::new();
    let message = parse(&bytes, &mut own).unwrap();
    criterion.bench_function("sip/write", |bencher| bencher.iter(|| write(black_box(message))));
}

criterion_group!(benches, sip_parse);
criterion_main!(benches);
