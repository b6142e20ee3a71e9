//! Checks as browsers send them, as strangers do, and as RFC 5769 shows one.

use std::net::SocketAddr;

use super::{
    check::{Message, Request},
    *,
};

const OURS: &str = "VOkJxbRl1RmTxUk/WvJxBt";
const SECOND: u64 = 1_000_000;

/// RFC 5769 §2.1.
const SAMPLE: &[u8] = b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
    \x80\x22\x00\x10STUN test client\
    \x00\x24\x00\x04\x6e\x00\x01\xff\
    \x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\
    \x00\x06\x00\x09evtj:h6vY\x20\x20\x20\
    \x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\
    \x80\x28\x00\x04\xe5\x7a\x3b\xcf";

fn lease() -> LeaseId {
    LeaseId(0x0001_002a)
}

fn credentials(seed: u8) -> Credentials {
    Credentials::new(lease(), [seed; CREDENTIALS_RANDOM_BYTES])
}

fn terms(seed: u8) -> Terms {
    Terms { ours: credentials(seed), theirs: Some("browser".into()) }
}

fn route(last: u8) -> Route {
    Route { port: 0, remote: SocketAddr::from(([192, 0, 2, last], 50_000)) }
}

/// A check of a browser that knows our credentials.
fn good(seed: u8, more: &[Request]) -> Vec<u8> {
    let Credentials { ufrag, password } = credentials(seed);
    Message::request(&format!("{ufrag}:browser"), more, Some(&password)).unwrap().to_vec()
}

fn take(agent: &mut Agent, now: u64, from: Route, datagram: &[u8]) -> Checked {
    Check::read(datagram).map(|check| agent.take(now, from, &check)).unwrap_or_default()
}

/// The class and number of an error, or 0 of a success.
fn code(checked: &Checked) -> Option<u16> {
    let answer = checked.answer.as_ref()?;
    assert_eq!(usize::from(answer[3]) + 20, answer.len(), "{answer:02x?}");
    Some(if answer[1] == 1 { 0 } else { u16::from(answer[26]) * 100 + u16::from(answer[27]) })
}

#[test]
fn rfc_5769_2_1_the_sample_request_is_a_check_under_its_password() {
    let check = Check::read(SAMPLE).unwrap();
    assert!(check.is_for("evtj", Some("h6vY")) && check.is_for("evtj", None));
    assert!(!check.is_for("evtj", Some("h6v")) && !check.is_for("evt", None) && !check.is_for("h6vY", None));
    assert_eq!(check.is_under(OURS), Some(true));
    assert_eq!(check.is_under("VOkJxbRl1RmTxUk/WvJxBu"), Some(false));
    assert_eq!((check.nominates, check.is_controlled, check.asks_too_much()), (false, true, false));
    for at in 0..SAMPLE.len() {
        let mut changed = SAMPLE.to_vec();
        changed[at] ^= 1;
        assert_eq!(Check::read(&changed), None, "octet {at} is covered by the fingerprint");
        assert_eq!(Check::read(&SAMPLE[..at]), None);
    }
}

#[test]
fn a_source_that_knows_the_password_is_proven_and_chosen_when_it_says_so() {
    let mut agent = Agent::new(terms(1));
    assert_eq!(agent.stage(), Stage::Unchecked);
    let first = take(&mut agent, 0, route(1), &good(1, &[]));
    assert_eq!((code(&first), first.is_proven, first.is_moved), (Some(0), true, false));
    assert_eq!((agent.stage(), agent.chosen()), (Stage::Checked, None));
    assert!(agent.is_proven(route(1).remote) && !agent.is_proven(route(2).remote));
    let chosen = take(&mut agent, 0, route(1), &good(1, &[Request::UseCandidate]));
    assert_eq!((chosen.is_moved, agent.chosen(), agent.stage()), (true, Some(route(1)), Stage::Chosen));
    assert!(!take(&mut agent, 0, route(1), &good(1, &[Request::UseCandidate])).is_moved);
    assert!(take(&mut agent, 0, route(2), &good(1, &[Request::UseCandidate])).is_moved, "another network");
    assert_eq!(agent.chosen(), Some(route(2)));
}

/// RFC 8489 §14.2, read as a browser would; and the answer is under our password.
#[test]
fn a_good_check_is_answered_with_where_it_came_from() {
    let mut agent = Agent::new(terms(1));
    let source: SocketAddr = "[2001:db8::9]:50001".parse().unwrap();
    let request = good(1, &[]);
    let answer = take(&mut agent, 0, Route { port: 1, remote: source }, &request).answer.unwrap();
    assert_eq!(answer[4..20], request[4..20]);
    assert_eq!(answer[20..24], [0, 0x20, 0, 20]);
    let octets: Vec<u8> =
        answer[28..44].iter().zip(&request[4..20]).map(|(octet, mask)| octet ^ mask).collect();
    assert_eq!(octets, "2001:db8::9".parse::<std::net::Ipv6Addr>().unwrap().octets());
    assert_eq!(u16::from_be_bytes([answer[26] ^ 0x21, answer[27] ^ 0x12]), 50_001);
    assert_eq!(Check::read(&answer), None, "answers are not answered");
    let mut again = answer.to_vec();
    again[0] = 0;
    again[1] = 1;
    assert_eq!(Check::read(&again), None, "the fingerprint covers the kind");
}

#[test]
fn whoever_has_no_password_changes_nothing() {
    let mut agent = Agent::new(terms(1));
    let name = format!("{}:browser", credentials(1).ufrag);
    let of = |name: &str, password| Message::request(name, &[Request::UseCandidate], password).unwrap();
    let checks = [
        (of(&name, Some("guessed")), Some(401)),
        (of(&name, None), Some(400)),
        (of("somebody:browser", Some(&credentials(1).password)), None),
        (of(&format!("{}:other", credentials(1).ufrag), Some(&credentials(1).password)), None),
        (of(&credentials(1).ufrag, Some(&credentials(1).password)), None),
        (of("", Some(&credentials(1).password)), None),
    ];
    for (datagram, expected) in checks {
        let checked = take(&mut agent, 0, route(66), &datagram);
        assert_eq!(code(&checked), expected);
        assert!(!checked.is_proven && !checked.is_moved);
    }
    assert_eq!((agent.stage(), agent.is_proven(route(66).remote)), (Stage::Unchecked, false));
}

#[test]
fn a_peer_that_asks_for_what_we_do_not_do_is_told_so_and_not_proven() {
    let mut agent = Agent::new(terms(1));
    let unknown = take(&mut agent, 0, route(1), &good(1, &[Request::Unknown]));
    assert_eq!((code(&unknown), unknown.is_proven), (Some(420), false));
    let conflict = take(&mut agent, 0, route(1), &good(1, &[Request::Controlled]));
    assert_eq!((code(&conflict), conflict.is_proven), (Some(487), false));
}

/// RFC 8445 §9: sound goes on where it went until another way is chosen.
#[test]
fn after_a_restart_the_old_way_is_good_until_a_new_one_is_chosen() {
    let mut agent = Agent::new(terms(1));
    take(&mut agent, 0, route(1), &good(1, &[Request::UseCandidate]));
    agent.configure(terms(2));
    assert_eq!(agent.chosen(), Some(route(1)));
    assert!(take(&mut agent, SECOND, route(1), &good(1, &[])).is_proven, "still checked");
    assert!(take(&mut agent, SECOND, route(2), &good(2, &[])).is_proven);
    assert_eq!((agent.chosen(), agent.forget_silent(SECOND)), (Some(route(1)), None));
    assert!(take(&mut agent, SECOND, route(2), &good(2, &[Request::UseCandidate])).is_moved);
    assert_eq!(agent.chosen(), Some(route(2)));
    assert_eq!(agent.forget_silent(SECOND), Some(route(1)));
    assert_eq!(agent.forget_silent(SECOND), None);
    assert!(
        !take(&mut agent, SECOND, route(1), &good(1, &[Request::UseCandidate])).is_proven,
        "an old password"
    );
    assert_eq!(agent.chosen(), Some(route(2)));
}

/// The answer to the first was lost on its way, or both ends have restarted at the same time.
#[test]
fn a_restart_that_comes_to_nothing_leaves_the_way_from_before_it_good() {
    let mut agent = Agent::new(terms(1));
    take(&mut agent, 0, route(1), &good(1, &[Request::UseCandidate]));
    for seed in 2..5 {
        agent.configure(terms(seed));
        let now = CONSENT_MICROS * u64::from(seed) / 2;
        assert!(take(&mut agent, now, route(1), &good(1, &[Request::UseCandidate])).is_proven, "{seed}");
        assert_eq!((agent.forget_silent(now), agent.chosen()), (None, Some(route(1))));
    }
    assert!(!take(&mut agent, 0, route(2), &good(3, &[Request::UseCandidate])).is_proven, "never used");
    assert!(take(&mut agent, CONSENT_MICROS * 2, route(2), &good(4, &[Request::UseCandidate])).is_moved);
    assert_eq!(agent.forget_silent(CONSENT_MICROS * 2), Some(route(1)));
    // From here on the next one's former way is this one.
    agent.configure(terms(5));
    assert!(take(&mut agent, CONSENT_MICROS * 2, route(2), &good(4, &[])).is_proven);
    assert!(!take(&mut agent, CONSENT_MICROS * 2, route(1), &good(1, &[])).is_proven);
}

#[test]
fn who_does_not_check_any_more_is_not_sent_to() {
    let mut agent = Agent::new(terms(1));
    take(&mut agent, 0, route(1), &good(1, &[Request::UseCandidate]));
    take(&mut agent, CONSENT_MICROS / 2, route(1), &good(1, &[]));
    assert_eq!(agent.forget_silent(CONSENT_MICROS), None);
    assert_eq!(agent.forget_silent(CONSENT_MICROS * 3 / 2), Some(route(1)));
    assert_eq!((agent.stage(), agent.chosen()), (Stage::Lost, None));
    assert!(take(&mut agent, CONSENT_MICROS * 2, route(1), &good(1, &[Request::UseCandidate])).is_moved);
    assert_eq!(agent.stage(), Stage::Chosen);
}

/// RFC 6544 §10.1: a connection that ends takes its pair with it, and no other.
#[test]
fn a_way_that_has_ended_is_not_sent_by_until_the_far_end_comes_by_another() {
    let mut agent = Agent::new(terms(1));
    take(&mut agent, 0, route(1), &good(1, &[]));
    take(&mut agent, 0, route(2), &good(1, &[Request::UseCandidate]));
    agent.forget(|other| other == route(1));
    assert_eq!((agent.chosen(), agent.routes().count()), (Some(route(2)), 1));
    agent.forget(|other| other == route(2));
    assert_eq!((agent.stage(), agent.chosen()), (Stage::Lost, None));
    assert!(!agent.is_proven(route(2).remote));
    assert!(take(&mut agent, SECOND, route(3), &good(1, &[Request::UseCandidate])).is_moved);
    assert_eq!(agent.stage(), Stage::Chosen);
}

#[test]
fn the_way_that_is_sent_by_is_not_pushed_out_by_others() {
    let mut agent = Agent::new(terms(1));
    take(&mut agent, 0, route(1), &good(1, &[Request::UseCandidate]));
    for n in 2..100 {
        let checked = take(&mut agent, u64::from(n), route(n), &good(1, &[]));
        let full = usize::from(n) > ROUTES_MAX;
        assert_eq!(checked.forgotten.is_some(), full, "{n}");
    }
    assert_eq!(agent.routes().count(), ROUTES_MAX);
    assert!(agent.is_proven(route(1).remote) && agent.is_proven(route(99).remote));
}

#[test]
fn a_user_fragment_names_its_lease_and_nobody_elses() {
    let ours = credentials(7);
    assert_eq!(lease_of(ours.ufrag.as_bytes()), Some(lease()));
    assert!(ours.ufrag.len() >= 4 && ours.password.len() >= 22, "RFC 8839 §5.4");
    assert!(!format!("{ours:?}").contains(&ours.password));
    for other in ["", "0001002", "0001002g", "+001002a", "evtj:h6vY"] {
        assert_eq!(lease_of(other.as_bytes()), None, "{other}");
    }
}
