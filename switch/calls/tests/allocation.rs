//! What strangers send leaves nothing behind: every byte that a message made the switchboard take is given back with it
//! (DESIGN D8; RELIABILITY rows 17 and 18).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use calls::{ClockMark, Counts, Input, Output, Outputs, Switchboard, SwitchboardConfig};
use contract::{
    id::OrgId,
    language::Language,
    snapshot::{Organisation, Snapshot},
    time::Timestamp,
};
use sip::Flow;
use uuid::Uuid;

const DOMAIN: &str = "demo.sambung.test";
/// Enough that one byte kept for each would show, whatever the allocator rounds to.
const MESSAGES: u32 = 20_000;
const SOURCES: u32 = 65_000;
/// REGISTERs without credentials: two for each source. `bin/soak` sends half a million.
const REGISTERS: u32 = 130_000;
/// What the tables may take in all, and with them everything that strangers make the switchboard take.
const GROWTH_BYTES_MAX: u64 = 16 << 20;

fn switchboard(now: Instant) -> Switchboard {
    let organisation = Organisation {
        id: OrgId(Uuid::from_u128(1)),
        sip_domain: DOMAIN.into(),
        is_default: true,
        ring_timeout_secs: 60,
        language: Language::Id,
        has_announcements: true,
        recording: contract::snapshot::RecordingPolicy::Never,
        has_recording_notice: false,
        has_recording_keys: false,
        timezone: contract::snapshot::default_timezone(),
        holidays: Vec::new(),
        outside: Default::default(),
        staff: Vec::new(),
        extensions: Vec::new(),
        accounts: Vec::new(),
    };
    let plan = dialplan::compile(&Snapshot { revision: 1, organisations: vec![organisation] }).unwrap();
    let mark = ClockMark { instant: now, unix: Timestamp(1_800_000_000_000_000) };
    Switchboard::new(SwitchboardConfig::default(), Arc::new(plan), [7; 32], mark)
}

/// A stranger's message: requests without credentials, with invented ones, to others, responses, noise.
fn message(number: u32, from: SocketAddr) -> String {
    let method =
        ["REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "BYE", "ACK", "CANCEL"][(number / 2 % 7) as usize];
    let domain = if number.is_multiple_of(11) { "elsewhere.example" } else { DOMAIN };
    let credentials = if number.is_multiple_of(3) {
        format!(
            "Authorization: Digest username=\"u{number}\", realm=\"{DOMAIN}\", nonce=\"{number:048x}\", \
             uri=\"sip:{DOMAIN}\", response=\"{number:032x}\", qop=auth, nc=00000001, cnonce=\"c\"\r\n"
        )
    } else {
        String::new()
    };
    let line = if number.is_multiple_of(13) {
        String::from("SIP/2.0 200 OK")
    } else {
        format!("{method} sip:u@{domain} SIP/2.0")
    };
    format!(
        "{line}\r\nVia: SIP/2.0/UDP {from};rport;branch=z9hG4bKs{number}\r\nFrom: <sip:u@{DOMAIN}>;tag={number}\r\n\
         To: <sip:u@{DOMAIN}>\r\nCall-ID: {number}\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\n\
         Contact: <sip:u@{from}>\r\n{credentials}Content-Length: 0\r\n\r\n"
    )
}

fn source(number: u32) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::from(0x0b00_0000 + number % SOURCES).into(), 5060)
}

/// A message that has waited for so long. Gives how much followed from it.
fn receive(
    board: &mut Switchboard,
    now: Instant,
    from: SocketAddr,
    text: &str,
    queued: Duration,
    out: &mut Outputs,
) -> usize {
    let flow = Flow::udp("192.0.2.1:5060".parse().unwrap(), from);
    board.handle(now, Input::Received { flow, bytes: text.as_bytes(), queued }, out);
    std::iter::from_fn(|| out.pop()).filter(|output| matches!(output, Output::Send { .. })).count()
}

fn send(board: &mut Switchboard, now: Instant, number: u32, queued: Duration, out: &mut Outputs) {
    let from = source(number);
    receive(board, now, from, &message(number, from), queued, out);
}

/// Bytes that the switchboard holds more after so many messages, each a millisecond after the other, beside the tables that
/// have a limit.
fn growth(queued: Duration) -> i64 {
    #[expect(clippy::disallowed_methods, reason = "any beginning will do")]
    let begin = Instant::now();
    let mut board = switchboard(begin);
    let mut out = Outputs::new();
    let mut now = begin;
    // The buffers that the largest message needs.
    for number in 0..5_000 {
        now += Duration::from_millis(1);
        send(&mut board, now, number, queued, &mut out);
    }
    let tables = board.guard_bytes();
    let used = allocation_counter::measure(|| {
        for number in 5_000..5_000 + MESSAGES {
            now += Duration::from_millis(1);
            send(&mut board, now, number, queued, &mut out);
        }
    });
    assert_eq!(board.counts(), Counts::default());
    assert!(board.deadline().is_none());
    used.bytes_current - i64::try_from(board.guard_bytes() - tables).unwrap()
}

#[test]
fn nothing_is_kept_for_strangers() {
    assert_eq!(growth(Duration::ZERO), 0);
}

#[test]
fn nothing_is_kept_for_those_who_are_turned_away() {
    assert_eq!(growth(Duration::from_millis(50)), 0);
}

/// The message with another number, of the same length and without taking memory, so that it can be sent fast.
fn renumber(text: &mut String, at: &[usize], number: u32) {
    for at in at {
        text.replace_range(*at..*at + 7, std::str::from_utf8(&digits(number)).unwrap());
    }
}

fn digits(number: u32) -> [u8; 7] {
    let mut digits = [b'0'; 7];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap();
        rest /= 10;
    }
    digits
}

#[test]
fn registers_of_65000_strangers_grow_the_heap_by_no_more_than_the_tables_may_take() {
    #[expect(clippy::disallowed_methods, reason = "any beginning will do")]
    let mut now = Instant::now();
    let mut board = switchboard(now);
    let mut out = Outputs::new();
    let mut text = format!(
        "REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;rport;branch=z9hG4bK#######\r\n\
         From: <sip:u#######@{DOMAIN}>;tag=#######\r\nTo: <sip:u#######@{DOMAIN}>\r\nCall-ID: #######\r\n\
         CSeq: 1 REGISTER\r\nMax-Forwards: 70\r\nContact: <sip:u@10.0.0.1>\r\nContent-Length: 0\r\n\r\n"
    );
    let at: Vec<usize> = text.match_indices("#######").map(|(at, _)| at).collect();
    #[allow(clippy::disallowed_methods, reason = "how many is for who runs the test to say")]
    let registers = std::env::var("SAMBUNG_REGISTERS").map_or(REGISTERS, |count| count.parse().unwrap());
    let mut answered = 0;
    let used = allocation_counter::measure(|| {
        for number in 0..registers {
            now += Duration::from_micros(100);
            renumber(&mut text, &at, number);
            answered += receive(&mut board, now, source(number), &text, Duration::ZERO, &mut out);
        }
    });
    assert_eq!(answered, registers as usize, "each got its challenge");
    assert!(used.bytes_max <= GROWTH_BYTES_MAX, "{} bytes at the most", used.bytes_max);
    assert_eq!(board.counts(), Counts::default());
}
