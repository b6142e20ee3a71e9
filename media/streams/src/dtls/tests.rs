//! Handshakes over networks that lose, repeat and turn round, and with those who have no business in them.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use proptest::prelude::*;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384};

use super::{attempt::srtp_keys, *};
use crate::{
    leg::Channel,
    srtp::{SrtpKeys, Suite},
};

#[expect(clippy::disallowed_methods, reason = "an instant to count from; what it is does not matter")]
fn origin() -> Instant {
    Instant::now()
}

fn identity() -> Arc<Identity> {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
    Arc::new(Identity::new(certificate.der().to_vec(), key.serialize_der()).unwrap())
}

fn address(port: u16) -> std::net::SocketAddr {
    ([192, 0, 2, 1], port).into()
}

/// One end with what it has come to.
struct End {
    handshakes: Handshakes,
    at: std::net::SocketAddr,
    keys: Option<SrtpKeys>,
}

/// Two ends, the first one active, and what is on its way to each.
struct World {
    now: u64,
    ends: [End; 2],
    flying: [VecDeque<Vec<u8>>; 2],
}

impl World {
    fn new(identities: [&Arc<Identity>; 2], told: [&Fingerprint; 2]) -> Self {
        let origin = origin();
        let end = |identity: &Arc<Identity>, role, theirs: &Fingerprint, port| End {
            handshakes: Handshakes::new(
                identity.clone(),
                origin,
                Terms { association: 1, role, fingerprints: vec![theirs.clone()] },
                &[],
            ),
            at: address(port),
            keys: None,
        };
        let ends = [
            end(identities[0], Role::Active, told[1], 1_000),
            end(identities[1], Role::Passive, told[0], 2_000),
        ];
        Self { now: 1_000_000, ends, flying: Default::default() }
    }

    fn honest() -> Self {
        let (one, other) = (identity(), identity());
        Self::new([&one, &other], [one.fingerprint(), other.fingerprint()])
    }

    fn take(&mut self, who: usize, out: Outputs) {
        for datagram in out.datagrams {
            assert_eq!(datagram.channel, Channel::Rtp);
            if datagram.to == self.ends[1 - who].at {
                self.flying[1 - who].push_back(datagram.bytes);
            }
        }
        for (_, keys) in out.keys {
            assert_eq!(self.ends[who].keys.replace(keys), None, "keys come once");
        }
    }

    fn begin(&mut self) {
        let (mut out, to) = (Outputs::default(), self.ends[1].at);
        self.ends[0].handshakes.begin(self.now, Some(to), None, &mut out);
        self.take(0, out);
    }

    fn deliver(&mut self, who: usize, source: std::net::SocketAddr, datagram: &[u8]) -> usize {
        let (mut out, stated) = (Outputs::default(), Some(self.ends[1 - who].at));
        let end = &mut self.ends[who].handshakes;
        end.handle(self.now, Channel::Rtp, source, stated, datagram, &mut out);
        let sent = out.datagrams.iter().map(|datagram| datagram.bytes.len()).sum();
        self.take(who, out);
        sent
    }

    /// Goes to the next deadline of either.
    fn wait(&mut self) -> bool {
        let deadline = self.ends.iter().filter_map(|end| end.handshakes.deadline()).min();
        let Some(deadline) = deadline else { return false };
        self.now = self.now.max(deadline);
        for who in 0..2 {
            let mut out = Outputs::default();
            self.ends[who].handshakes.advance(self.now, &mut out);
            self.take(who, out);
        }
        true
    }

    /// Everything that flies arrives, and again, until nothing does.
    fn settle(&mut self) {
        while let Some(who) = (0..2).find(|who| !self.flying[*who].is_empty()) {
            let datagram = self.flying[who].pop_front().unwrap();
            self.deliver(who, self.ends[1 - who].at, &datagram);
        }
    }

    fn assert_agreed(&self) {
        let [one, other] = self.ends.each_ref().map(|end| end.keys.as_ref().expect("no keys"));
        assert_eq!(one.suite, other.suite);
        assert_eq!((&one.send, &one.receive), (&other.receive, &other.send));
        assert_ne!(one.send, one.receive);
        assert_eq!(self.ends.each_ref().map(|end| end.handshakes.stage()), [Stage::Done; 2]);
    }
}

#[test]
fn both_ends_come_to_the_same_keys() {
    let mut world = World::honest();
    assert_eq!(world.ends[1].handshakes.stage(), Stage::Waiting);
    world.begin();
    world.settle();
    world.assert_agreed();
    assert_eq!(world.ends[0].keys.as_ref().unwrap().suite, Suite::AeadAes128Gcm, "what we like best");
}

#[test]
fn rfc_5764_4_2_keys_are_cut_out_of_the_material_in_order() {
    for suite in Suite::ALL {
        let (key, salt) = (suite.key_bytes(), suite.salt_bytes());
        let part = |byte: u8, len| vec![byte; len];
        let material = [part(1, key), part(2, key), part(3, salt), part(4, salt)].concat();
        let master = |of_key: u8, of_salt: u8| {
            crate::srtp::MasterKey::new(suite, &[part(of_key, key), part(of_salt, salt)].concat()).unwrap()
        };
        let client = srtp_keys(suite, &material, true).unwrap();
        assert_eq!(client, SrtpKeys { suite, send: master(1, 3), receive: master(2, 4) });
        let server = srtp_keys(suite, &material, false).unwrap();
        assert_eq!((server.send, server.receive), (client.receive, client.send));
        assert_eq!(srtp_keys(suite, &material[1..], true), None, "{suite:?} from too little");
    }
}

#[test]
fn rfc_5763_5_another_certificate_than_the_told_one_gives_no_keys() {
    let (one, other, told) = (identity(), identity(), identity());
    for wrong in 0..2 {
        let mut told_by = [one.fingerprint(), other.fingerprint()];
        told_by[wrong] = told.fingerprint();
        let mut world = World::new([&one, &other], told_by);
        world.begin();
        world.settle();
        let deceived = &world.ends[1 - wrong];
        assert_eq!(deceived.keys, None);
        assert_eq!(deceived.handshakes.stage(), Stage::Failed(Failure::Fingerprint));
    }
}

#[test]
fn a_certificate_and_the_key_of_another_are_no_identity() {
    let (one, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let certificate = CertificateParams::new(Vec::new()).unwrap().self_signed(&one).unwrap();
    let made = |key: Vec<u8>| Identity::new(certificate.der().to_vec(), key).map(drop);
    assert_eq!(made(one.serialize_der()), Ok(()));
    assert_eq!(made(other.serialize_der()), Err(BadIdentity));
    assert_eq!(made(Vec::new()), Err(BadIdentity));
    let longer = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let certificate = CertificateParams::new(Vec::new()).unwrap().self_signed(&longer).unwrap();
    assert!(Identity::new(certificate.der().to_vec(), longer.serialize_der()).is_err());
}

/// Alert "handshake failure", in clear: anybody can send it.
const ALERT: [u8; 15] = [21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40];

#[test]
fn an_alert_that_anybody_can_write_ends_no_handshake() {
    let mut world = World::honest();
    world.begin();
    while let Some(who) = (0..2).find(|who| !world.flying[*who].is_empty()) {
        let datagram = world.flying[who].pop_front().unwrap();
        let source = world.ends[1 - who].at;
        world.deliver(who, source, &ALERT);
        world.deliver(who, source, &datagram);
        // Nor behind the other's own words.
        world.deliver(who, source, &[datagram.as_slice(), &ALERT].concat());
    }
    world.assert_agreed();
}

#[test]
fn an_alert_is_the_reason_if_nothing_comes_after_it() {
    let mut world = World::honest();
    world.begin();
    let source = world.ends[1].at;
    world.deliver(0, source, &ALERT);
    assert_eq!(world.ends[0].handshakes.stage(), Stage::Going);
    world.flying = Default::default();
    while world.ends[0].handshakes.deadline().is_some() {
        world.wait();
        world.flying = Default::default();
    }
    assert_eq!(world.ends[0].handshakes.stage(), Stage::Failed(Failure::Alert(40)));
}

#[test]
fn who_gets_no_answer_asks_a_bounded_number_of_times_and_says_so() {
    let mut world = World::honest();
    world.begin();
    let from = world.now;
    let mut sent = 0;
    while world.ends[0].handshakes.deadline().is_some() {
        sent += world.flying[1].len();
        world.flying = Default::default();
        world.wait();
    }
    assert!((2..=9).contains(&sent), "{sent} datagrams");
    assert!(world.now - from <= HANDSHAKE_SECS_MAX * 1_000_000 + 1);
    assert_eq!(world.ends[0].handshakes.stage(), Stage::Failed(Failure::Silence));
}

#[test]
fn the_last_flight_is_sent_again_to_who_asks_for_it() {
    let mut world = World::honest();
    world.begin();
    while world.ends[1].keys.is_none() {
        let who = (0..2).find(|who| !world.flying[*who].is_empty()).unwrap();
        let datagram = world.flying[who].pop_front().unwrap();
        world.deliver(who, world.ends[1 - who].at, &datagram);
    }
    // The server is done; what it said last gets lost.
    world.flying[0].clear();
    assert_eq!(world.ends[0].keys, None);
    while world.ends[0].keys.is_none() {
        assert!(world.wait(), "nobody asks again");
        world.settle();
    }
    world.assert_agreed();
    while world.wait() {}
    assert!(world.ends.iter().all(|end| end.handshakes.deadline().is_none()), "nothing is kept for ever");
}

#[test]
fn whoever_shares_the_address_does_not_hold_up_the_one_with_the_certificate() {
    let mut world = World::honest();
    let stranger = identity();
    // More of them than are tried at once.
    let mut hellos = Vec::new();
    for _ in 0..2 * ATTEMPTS_AT_ONCE_MAX {
        let mut other = World::new([&stranger, &stranger], [stranger.fingerprint(); 2]);
        other.begin();
        hellos.push(other.flying[1].pop_front().unwrap());
    }
    for (port, hello) in (3_000..).zip(&hellos) {
        world.deliver(1, address(port), hello);
    }
    world.begin();
    world.settle();
    world.assert_agreed();
}

#[test]
fn little_is_answered_to_whoever_has_not_shown_that_it_can_hear() {
    let mut asker = World::honest();
    asker.begin();
    let hello = asker.flying[1].pop_front().unwrap();
    let mut world = World::honest();
    let (mut asked, mut answered) = (0, 0);
    for port in 1..=5_000 {
        asked += hello.len();
        answered += world.deliver(1, address(port), &hello);
    }
    assert!(answered <= asked / 100, "{answered} bytes for {asked}: what may begin is bounded");
    // Even for the one that is answered it is less than it has sent.
    let mut world = World::honest();
    let sent = world.deliver(1, address(1), &hello);
    assert!(sent > 0 && sent <= hello.len(), "{sent} bytes for {}", hello.len());
}

#[test]
fn nonsense_is_not_answered_and_ends_nothing() {
    let mut world = World::honest();
    world.begin();
    let hello = world.flying[1].front().unwrap().clone();
    let source = world.ends[0].at;
    let mut seed = 7_u32;
    let mut random = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as usize
    };
    for n in 0..150 {
        let mut datagram = hello.clone();
        for _ in 0..=n % 5 {
            let at = 11 + random() % (datagram.len() - 11);
            datagram[at] = random() as u8;
        }
        datagram.truncate(13 + random() % datagram.len());
        let sent = world.deliver(1, address(9_000), &datagram);
        assert!(sent <= hello.len());
        world.deliver(0, address(2_000), &datagram[..12.min(datagram.len())]);
    }
    world.flying[0].clear();
    world.deliver(1, source, &hello);
    for _ in 0..50 {
        world.settle();
        if world.ends[0].keys.is_some() {
            break;
        }
        world.wait();
    }
    world.assert_agreed();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn keys_come_over_networks_that_lose_repeat_and_turn_round(
        fates in prop::collection::vec(0..10_u8, 200),
    ) {
        let mut world = World::honest();
        world.begin();
        let mut fates = fates.into_iter();
        for _ in 0..400 {
            if world.ends.iter().all(|end| end.keys.is_some()) {
                break;
            }
            let Some(who) = (0..2).find(|who| !world.flying[*who].is_empty()) else {
                if world.wait() {
                    continue;
                }
                break;
            };
            let datagram = world.flying[who].pop_front().unwrap();
            let source = world.ends[1 - who].at;
            match fates.next().unwrap_or(9) {
                0 | 1 => {}
                2 => {
                    world.deliver(who, source, &datagram);
                    world.deliver(who, source, &datagram);
                }
                3 if !world.flying[who].is_empty() => world.flying[who].push_back(datagram),
                _ => { world.deliver(who, source, &datagram); }
            }
        }
        // An unlucky handshake may fail. It never ends with different keys, and only the network is the reason.
        match [world.ends[0].keys.is_some(), world.ends[1].keys.is_some()] {
            [true, true] => world.assert_agreed(),
            _ => for end in &world.ends {
                let stage = end.handshakes.stage();
                prop_assert!(
                    matches!(stage, Stage::Failed(Failure::Silence) | Stage::Done | Stage::Waiting | Stage::Going),
                    "{stage:?}"
                );
            }
        }
    }
}
