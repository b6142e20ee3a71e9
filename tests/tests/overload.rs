//! More than the switch as built can do, over real sockets: new calls are refused, what runs goes on, and when it is over
//! everything is as before (RFC 7339). In a small size, and how much is still done is not judged, since other tests share the
//! machine and this build is slow: `admission/lanes.rs` proves that in simulation, and `bin/overload` measures it in full size.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use tests::load::{
    lamps::{Floor, lamps},
    stories::{Size, flood, storm, strangers},
};

/// Three for each source, all of which arrive; `bin/overload` sends ten million.
const STRANGERS: u64 = 200_000;

#[test]
fn ten_times_the_peak_is_refused_and_what_runs_goes_on() {
    flood(Size {
        first_rate: 60,
        try_for: Duration::from_secs(1),
        flood_for: Duration::from_secs(3),
        running: 4,
    });
}

#[test]
fn strangers_from_65000_addresses_grow_memory_by_no_more_than_16_mib() {
    let (grown, report) = strangers(STRANGERS);
    assert!(grown <= 16 << 20, "{report}");
}

#[test]
fn a_thousand_phones_that_register_at_once_are_all_registered() {
    storm(1_000);
}

#[test]
fn every_lamp_of_a_floor_of_desks_is_told_of_every_change() {
    let lit = lamps(Floor { phones: 40, keys: 20, per_second: 4, span: Duration::from_secs(4) });
    assert!(lit.calls > 0 && lit.calls + lit.refused == 16, "{}", lit.report);
    // Two numbers, each in three states, each on twenty lamps.
    assert_eq!((lit.wanted, lit.told), (lit.calls * 120, lit.calls * 120), "{}", lit.report);
}
