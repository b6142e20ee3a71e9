//! What a call weighs, in bytes of the heap: a switch that carries thousands of them must still fit.

use std::time::Duration;

use calls::SwitchboardConfig;

use crate::desk::{Caller, Desk};

/// Calls that are up at once.
const CALLS: i64 = 10;
/// All of a call that has just been answered: two sessions, their transactions, the descriptions of both sides.
const BYTES_MAX: i64 = 8 * 1024;
/// The transactions that absorb repeats are over by then (RFC 3261 17.1.1.2: Timer M, 32 s).
const SETTLED: Duration = Duration::from_secs(33);
/// The same call later.
const SETTLED_BYTES_MAX: i64 = 6 * 1024;

/// Bytes that the switchboard gives back when it is dropped, with so many calls that have been up for so long.
fn weight(calls: i64, age: Duration) -> i64 {
    let mut desk = Desk::with(SwitchboardConfig::default(), 64);
    let [sari, budi] = desk.two();
    for number in 0..calls {
        let mut caller = Caller::new(&sari, "1002");
        caller.call_id = format!("{number}@phone.example");
        let mut caller = desk.dial_as(caller, "", Some(&sari.sdp()));
        desk.expect(&sari, "SIP/2.0 100");
        let invite = desk.expect(&budi, "INVITE");
        desk.from(&budi, &budi.respond(&invite, 180, None));
        desk.expect(&sari, "SIP/2.0 180");
        desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
        desk.expect(&budi, "ACK");
        let ok = desk.expect(&sari, "SIP/2.0 200");
        let ack = caller.ack(&ok, None);
        desk.from(&sari, &ack);
    }
    desk.wait(age);
    let Desk { board, .. } = desk;
    -allocation_counter::measure(|| drop(board)).bytes_current
}

#[test]
fn a_call_weighs_little_and_less_once_its_transactions_are_over() {
    for (age, most) in [(Duration::ZERO, BYTES_MAX), (SETTLED, SETTLED_BYTES_MAX)] {
        let call = (weight(CALLS, age) - weight(0, age)) / CALLS;
        assert!(call <= most, "{call} bytes after {age:?}");
        assert!(call > 4_000, "{call} bytes: is there a call?");
    }
}
