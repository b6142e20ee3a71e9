//! The soak of `bin/soak` in small: the switch as built, phones on real sockets, a bad network, and nothing left.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test says what is wrong by stopping")]

use std::time::Duration;

use tests::soak::{Plan, run};

#[test]
fn after_twenty_seconds_of_calls_nothing_is_left() {
    let plan = Plan {
        duration: Duration::from_secs(20),
        phones: 24,
        calls_per_sec: 5,
        seed: 7,
        rtp_ports: 320,
        has_warm_up: false,
    };
    let mut table = Vec::new();
    let outcome = run(plan, &mut table).unwrap_or_else(|error| panic!("{error:#}"));
    let table = String::from_utf8_lossy(&table);
    assert!(outcome.verdict.leaks().is_empty(), "{table}");
    assert!(outcome.complaints.is_empty(), "{:#?}", outcome.complaints);
    assert!(outcome.calls > 40 && outcome.answered * 10 > outcome.calls, "{outcome:?}");
    let (sent, received) = outcome.packets;
    assert!(sent > 500 && received * 3 > sent, "RTP went through: {outcome:?}");
}
