//! Whom the guard lets in, and whom nobody can get it to keep out.

use super::*;
use crate::means::Random;

const NOW: u32 = 1_000;
const OWNER: &str = "192.0.2.10:5060";

fn guard() -> Guard {
    Guard::new(GuardConfig::default(), Duration::from_secs(120), Fingerprints::new(&mut Random::new([7; 32])))
}

fn attempt<'a>(from: &str, username: &'a str) -> Attempt<'a> {
    Attempt { from: from.parse().unwrap(), org: OrgId(uuid::Uuid::from_u128(1)), username }
}

fn lets_in(guard: &Guard, now: u32, from: &str) -> bool {
    guard.lets_in(now, from.parse::<SocketAddr>().unwrap().ip(), || false)
}

/// Fails until it is told that this was enough; gives after how many times.
fn fail_until_locked(guard: &mut Guard, now: u32, from: &str, username: &str) -> u32 {
    (1..=1_000).find(|_| guard.failed(now, &attempt(from, username)) == Consequence::LockedOut).unwrap()
}

#[test]
fn a_stranger_is_locked_out_and_let_in_again_later() {
    let mut guard = guard();
    let from = "198.51.100.1:1024";
    assert_eq!(fail_until_locked(&mut guard, NOW, from, "1001"), 10);
    assert!(!lets_in(&guard, NOW, "198.51.100.1:9"), "whatever the port");
    assert!(lets_in(&guard, NOW, "198.51.100.2:1024"));
    assert!(!lets_in(&guard, NOW + 599, from) && lets_in(&guard, NOW + 600, from));
    // The next time takes as many, and lasts longer.
    assert_eq!(fail_until_locked(&mut guard, NOW + 700, from, "1001"), 10);
    assert!(!lets_in(&guard, NOW + 700 + 1_199, from) && lets_in(&guard, NOW + 700 + 1_200, from));
}

#[test]
fn a_phone_with_an_old_password_that_tries_once_a_minute_is_put_up_with() {
    let mut guard = guard();
    for minute in 0..600 {
        let consequence = guard.failed(NOW + minute * 60, &attempt(OWNER, "1001"));
        assert_ne!(consequence, Consequence::LockedOut, "minute {minute}");
    }
}

#[test]
fn an_ipv6_network_is_one_source() {
    let mut guard = guard();
    for host in 1..=10 {
        guard.failed(NOW, &attempt(&format!("[2001:db8::{host}]:5060"), "1001"));
    }
    assert!(!lets_in(&guard, NOW, "[2001:db8::ffff:1]:9"));
    assert!(lets_in(&guard, NOW, "[2001:db8:0:1::1]:9"));
}

#[test]
fn behind_a_shared_address_the_guesser_is_shut_out_and_the_phones_are_not() {
    let mut guard = guard();
    let (phone, other, guesser) = ("192.0.2.10:5060", "192.0.2.10:5062", "192.0.2.10:40000");
    guard.proven(NOW, &attempt(phone, "1001"));
    guard.proven(NOW, &attempt(other, "1002"));
    assert_eq!(fail_until_locked(&mut guard, NOW, guesser, "1001"), 10);
    assert!(lets_in(&guard, NOW, guesser), "the address as a whole is that of an office");
    assert!(guard.is_shut_to(NOW, &attempt(guesser, "1001")));
    assert!(!guard.is_shut_to(NOW, &attempt(phone, "1001")), "the device itself is still let in");
    assert!(!guard.is_shut_to(NOW, &attempt(other, "1002")));
    // Over all names, too.
    for name in 0..200 {
        guard.failed(NOW, &attempt(guesser, &format!("guess{name}")));
    }
    assert!(guard.is_shut_to(NOW, &attempt(guesser, "2001")), "a name that is not at home there");
    assert!(!guard.is_shut_to(NOW, &attempt(other, "1002")), "one that is");
}

#[test]
fn an_account_under_attack_from_everywhere_is_closed_to_strangers_only() {
    let mut guard = guard();
    guard.proven(NOW, &attempt(OWNER, "1001"));
    let outcomes: Vec<Consequence> =
        (0..60).map(|bot| guard.failed(NOW, &attempt(&format!("198.51.100.{bot}:5060"), "1001"))).collect();
    assert_eq!(outcomes.iter().filter(|one| **one == Consequence::AccountClosed).count(), 1);
    assert!(guard.is_closed_to(NOW, &attempt("203.0.113.5:5060", "1001")));
    assert!(!guard.is_closed_to(NOW, &attempt("203.0.113.5:5060", "1002")), "another account");
    assert!(!guard.is_closed_to(NOW, &attempt("192.0.2.10:9999", "1001")), "its owner, from another port");
    assert!(!guard.is_closed_to(NOW + 600, &attempt("203.0.113.5:5060", "1001")), "it passes");
    // The same for a name that does not exist.
    for bot in 0..60 {
        guard.failed(NOW, &attempt(&format!("198.51.100.{}:5060", 100 + bot), "nobody"));
    }
    assert!(guard.is_closed_to(NOW, &attempt("203.0.113.5:5060", "nobody")));
}

#[test]
fn no_number_of_other_offenders_ends_a_lock_out() {
    let mut guard = guard();
    fail_until_locked(&mut guard, NOW, "198.51.100.1:5060", "1001");
    for other in 0..100_000_u32 {
        let address = std::net::Ipv4Addr::from(0x0b00_0000 + other);
        let from = SocketAddr::new(address.into(), 5060);
        guard.failed(NOW, &Attempt { from, ..attempt(OWNER, "1002") });
        guard.may_be_challenged(NOW, from.ip());
    }
    assert!(!lets_in(&guard, NOW, "198.51.100.1:5060"));
}

#[test]
fn asking_without_proof_is_answered_up_to_a_measure_and_locks_nobody_out() {
    let mut guard = guard();
    let address: IpAddr = "198.51.100.1".parse().unwrap();
    let answered = (0..5_000).filter(|_| guard.may_be_challenged(NOW, address)).count();
    assert_eq!(answered, 1_000);
    assert!(guard.may_be_challenged(NOW + 1, address), "it fades");
    let answered = (0..100).filter(|_| guard.may_be_a_nuisance(NOW + 2, address)).count();
    assert_eq!(answered, 20);
    assert!(
        guard.lets_in(NOW + 2, address, || false),
        "anybody could have written that address on a datagram"
    );
    guard.proven(NOW + 2, &attempt("198.51.100.1:5060", "1001"));
    assert!((0..5_000).all(|_| guard.may_be_challenged(NOW + 2, address)), "a proof lifts it");
}

#[test]
fn lists_come_first() {
    let nets = |text: &str| vec![text.parse().unwrap()];
    let access = AccessList::new(&nets("203.0.113.0/24"), &nets("198.51.100.0/24"));
    let config = GuardConfig { access, ..GuardConfig::default() };
    let mut guard =
        Guard::new(config, Duration::from_secs(120), Fingerprints::new(&mut Random::new([7; 32])));
    assert!(!lets_in(&guard, NOW, "198.51.100.1:5060"));
    for _ in 0..100 {
        assert_ne!(guard.failed(NOW, &attempt("203.0.113.1:5060", "1001")), Consequence::LockedOut);
    }
    assert!(lets_in(&guard, NOW, "203.0.113.1:5060"));
}

#[test]
fn scanners_are_known_by_their_names() {
    let guard = guard();
    for name in ["friendly-scanner", "SIPVicious 0.3", "sipcli/v1.8", "VaxSIPUserAgent/3.1"] {
        assert!(guard.is_scanner(name), "{name}");
    }
    for name in ["Yealink SIP-T46S", "Linphone/5.0 (sipcli)", "", "baresip v1.0.0", "é"] {
        assert!(!guard.is_scanner(name), "{name}");
    }
}

#[test]
fn credentials_are_good_once() {
    let mut guard = guard();
    let owner = attempt(OWNER, "1001");
    assert!(guard.is_first_use(NOW, &owner, "nonce", 1));
    assert!(!guard.is_first_use(NOW, &owner, "nonce", 1));
    assert!(guard.is_first_use(NOW, &owner, "nonce", 2) && guard.is_first_use(NOW, &owner, "other", 1));
}
