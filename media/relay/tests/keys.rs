//! Keys that phones press, by events and by tones, told once and over the end of a relay (RFC 4733, ITU-T Q.24).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]

mod keeper;
#[expect(dead_code, reason = "these stories need a part of the talk")]
mod talk;
#[expect(dead_code, reason = "these stories need a part of the world")]
mod world;

use std::net::{IpAddr, Ipv4Addr};

use keeper::Keeper;
use relay::Resumed;
use streams::{
    codec::Codec,
    media::{LegMedia, MediaCommand, PortLease, Voice},
};
use talk::{Heard, Talker, voice};
use world::{Phone, World, config};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

impl Talker {
    /// The nth packet of a key that began at this time; the last one says that it was the end.
    fn key(&mut self, code: u8, began: u32, n: u16) -> Heard {
        let [high, low] = (n * 160).to_be_bytes();
        let end = if n == 4 { 0x80 } else { 0 };
        let packet = Heard {
            marker: n == 1,
            payload_type: 101,
            sequence: self.sequence,
            timestamp: began,
            ssrc: self.phone.ssrc,
            payload: vec![code, end | 10, high, low],
        };
        self.sequence += 1;
        packet
    }

    fn presses(&mut self, code: u8, began: u32, to: &PortLease) {
        for n in [1, 2, 3, 4, 4, 4] {
            let packet = self.key(code, began, n);
            self.sends(&packet, to);
        }
    }
}

fn listen(lease: &PortLease, is_on: bool) -> MediaCommand {
    MediaCommand::Listen { lease: lease.id, is_on }
}

fn keys(world: &World) -> String {
    world.keys.iter().map(|(_, key)| key).collect()
}

#[test]
fn keys_are_told_where_somebody_listens_and_nowhere_else() {
    let mut world = World::start(config(V4, 45_000, 45_039));
    let mut a = Talker::new(Phone::new(V4), Codec::Pcmu, 0);
    let mut b = Talker::new(Phone::new(V4), Codec::Pcmu, 0);
    let legs = [world.open(a.media()), world.open(b.media())];
    world.order(MediaCommand::Join { a: legs[0].id, b: legs[1].id });
    world.order(listen(&legs[0], true));
    world.settle();
    b.presses(7, 90_000, &legs[1]);
    a.presses(5, 80_000, &legs[0]);
    a.presses(11, 81_000, &legs[0]);
    world.until("two keys", |w| w.keys.len() >= 2);
    assert_eq!(world.keys, [(legs[0].id, '5'), (legs[0].id, '#')]);
    // The other leg is sent the events all the same.
    for _ in 0..12 {
        assert_eq!(b.hears().payload_type, 101);
    }
    world.order(listen(&legs[0], false));
    world.settle();
    a.presses(6, 82_000, &legs[0]);
    for _ in 0..6 {
        b.hears();
    }
    world.settle();
    assert_eq!(keys(&world), "5#");
}

/// 80 ms of a key, as sound of this codec.
fn says_key(talker: &mut Talker, tones: [f64; 2], to: &PortLease) {
    let mut made: Vec<Heard> = Vec::new();
    for n in 0..4 {
        let mut packet = talker.tone(tones[0], n == 0);
        let other = talker.tone(tones[1], false);
        talker.sequence -= 1;
        talker.timestamp -= 160;
        // Two sines at once: G.711 is no sum of octets, so they are added as samples.
        let law = streams::codec::g711::Law::Mu;
        let (mut one, mut two) = (vec![0; 160], vec![0; 160]);
        law.decode(&packet.payload, &mut one);
        law.decode(&other.payload, &mut two);
        let sum: Vec<i16> = one.iter().zip(&two).map(|(one, two)| one / 2 + two / 2).collect();
        law.encode(&sum, &mut packet.payload);
        made.push(packet);
    }
    for packet in &made {
        talker.sends(packet, to);
    }
}

#[test]
fn q_24_who_has_no_events_presses_keys_by_tones() {
    let mut world = World::start(config(V4, 45_040, 45_079));
    let mut a = Talker::new(Phone::new(V4), Codec::Pcmu, 0);
    let toneless = Voice { events: Vec::new(), ..voice(Codec::Pcmu, 0) };
    let lease = world.open(LegMedia { voice: Some(toneless), ..a.media() });
    world.order(listen(&lease, true));
    world.settle();
    says_key(&mut a, [770.0, 1_336.0], &lease);
    world.until("a five", |w| !w.keys.is_empty());
    // By a new description it has events, and its tones are speech.
    world.order(MediaCommand::Configure { lease: lease.id, media: a.media() });
    world.settle();
    a.sequence += 50;
    says_key(&mut a, [941.0, 1_477.0], &lease);
    a.presses(1, 500_000, &lease);
    world.until("a one", |w| w.keys.len() >= 2);
    assert_eq!(keys(&world), "51");
}

#[test]
fn a_key_that_outlives_its_relay_is_told_once() {
    let keeper = Keeper::default();
    let ports = config(V4, 45_080, 45_119);
    let mut world = World::resume(ports.clone(), Resumed::default(), Some(Box::new(keeper.clone())));
    let mut a = Talker::new(Phone::new(V4), Codec::Pcmu, 0);
    let lease = world.open(a.media());
    world.order(listen(&lease, true));
    let first = a.key(5, 80_000, 1);
    world.settle();
    a.sends(&first, &lease);
    world.until("a key", |w| !w.keys.is_empty());
    let crashed = keeper.left();
    drop(world);
    let mut world = World::resume(ports, crashed, Some(Box::new(keeper)));
    for n in 2..5 {
        let packet = a.key(5, 80_000, n);
        a.sends(&packet, &lease);
    }
    a.presses(6, 90_000, &lease);
    world.until("the next key", |w| !w.keys.is_empty());
    assert_eq!(keys(&world), "6");
}
