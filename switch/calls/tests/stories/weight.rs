//! What a call and a registration weigh, in bytes of the heap: a switch that carries thousands of them must still fit.

use std::time::Duration;

use calls::{Input, Switchboard, SwitchboardConfig};
use contract::{id::AccountId, snapshot::Account};
use sip::digest::{Algorithm, ha1};

use crate::desk::{Caller, DOMAIN, Desk, Phone, id, plan, rows};

/// Calls that are up at once.
const CALLS: i64 = 10;
/// All of a call that has just been answered: two sessions, their transactions, the descriptions of both sides.
const BYTES_MAX: i64 = 8 * 1024;
/// The transactions that absorb repeats are over by then (RFC 3261 17.1.1.2: Timer M, 32 s).
const SETTLED: Duration = Duration::from_secs(33);
/// The same call later.
const SETTLED_BYTES_MAX: i64 = 6 * 1024;

/// Bytes of all that it holds but its tables of proofs, strangers and nonces.
fn weight_of(board: Switchboard) -> i64 {
    let tables = i64::try_from(board.guard_bytes()).unwrap();
    -allocation_counter::measure(|| drop(board)).bytes_current - tables
}

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
    weight_of(desk.board)
}

#[test]
fn a_call_weighs_little_and_less_once_its_transactions_are_over() {
    for (age, most) in [(Duration::ZERO, BYTES_MAX), (SETTLED, SETTLED_BYTES_MAX)] {
        let call = (weight(CALLS, age) - weight(0, age)) / CALLS;
        assert!(call <= most, "{call} bytes after {age:?}");
        assert!(call > 4_000, "{call} bytes: is there a call?");
    }
}

/// Accounts that register.
const REGISTRATIONS: i64 = 200;
/// A contact that has just been made, with the transaction that absorbs repeats of its REGISTER.
const REGISTRATION_BYTES_MAX: i64 = 1_600;
/// The contact alone: the transaction is over after 32 s (RFC 3261 17.2.2: Timer J).
const SETTLED_REGISTRATION_BYTES_MAX: i64 = 700;

/// Bytes that the switchboard gives back with so many registrations of such an age.
fn weight_of_registrations(registrations: i64, age: Duration) -> i64 {
    let mut desk = Desk::new();
    let account = |number: i64| {
        let username = format!("phone{number}");
        Account {
            id: AccountId(id(1_000 + u128::try_from(number).unwrap())),
            user: None,
            ha1_md5: ha1(Algorithm::Md5, &username, DOMAIN, "secret"),
            ha1_sha256: ha1(Algorithm::Sha256, &username, DOMAIN, "secret"),
            username,
            is_active: true,
        }
    };
    let mut rows = rows();
    rows.organisations[0].accounts.extend((0..REGISTRATIONS).map(account));
    desk.tell(Input::Plan(plan(&rows)));
    for number in 0..registrations {
        let phone = Phone::new(&format!("phone{number}"), &format!("198.51.100.{number}:5060"));
        desk.register(&phone, 1);
    }
    desk.wait(age);
    // They are shared with the board.
    desk.bindings.clear();
    weight_of(desk.board)
}

#[test]
fn a_registration_weighs_little_and_less_once_its_transaction_is_over() {
    let ages = [(Duration::ZERO, REGISTRATION_BYTES_MAX), (SETTLED, SETTLED_REGISTRATION_BYTES_MAX)];
    for (age, most) in ages {
        let made = weight_of_registrations(REGISTRATIONS, age) - weight_of_registrations(0, age);
        let registration = made / REGISTRATIONS;
        assert!(registration <= most, "{registration} bytes after {age:?}");
        assert!(registration > 300, "{registration} bytes: is there a registration?");
    }
}
