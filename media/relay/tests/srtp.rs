//! SRTP through real sockets: each leg has keys of its own, and a call goes on over the end of its relay with them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::cast_possible_truncation)]

mod keeper;
#[expect(dead_code, reason = "these stories need a part of the world")]
mod world;

use relay::RelayConfig;
use streams::{
    capture::{Capture, Captured, Course},
    leg::{Channel, DropReason},
    media::{LegMedia, MediaCommand, PortLease, Protection},
    srtp::{MasterKey, OVERHEAD_BYTES_MAX, Opener, Sealer, SrtpKeys, Suite},
};
use world::{Phone, World, config, v4};

/// A phone with keys, and its leg.
struct Secured {
    phone: Phone,
    keys: SrtpKeys,
    mouth: Sealer,
    ear: Opener,
    lease: PortLease,
}

impl Secured {
    fn new(world: &mut World, suite: Suite, seed: u8) -> Self {
        let master = |seed: u8| {
            let bytes: Vec<u8> = (0..suite.master_bytes()).map(|at| at as u8 ^ seed).collect();
            MasterKey::new(suite, &bytes).unwrap()
        };
        let keys = SrtpKeys { suite, send: master(seed), receive: master(seed + 1) };
        let phone = Phone::new(v4());
        let media = LegMedia { protection: Protection::Srtp(keys.clone()), ..phone.media() };
        let mouth = Sealer::new(suite, &keys.receive).unwrap();
        let ear = Opener::new(suite, &keys.send).unwrap();
        Self { lease: world.open(media), phone, keys, mouth, ear }
    }

    fn sealed(&mut self, sequence: u16) -> Vec<u8> {
        let mut room = self.phone.packet(sequence).to_vec();
        let len = room.len();
        room.resize(len + OVERHEAD_BYTES_MAX, 0);
        let len = self.mouth.seal_rtp(&mut room, len).unwrap();
        room.truncate(len);
        room
    }

    fn says(&mut self, sequence: u16) {
        let sealed = self.sealed(sequence);
        self.phone.rtp.send_to(&sealed, self.lease.address).unwrap();
    }

    fn hears(&mut self) -> Vec<u8> {
        let (from, mut packet) = self.phone.hears();
        assert_eq!(from, self.lease.address);
        let len = self.ear.open_rtp(&mut packet).expect("what is heard is under our key");
        packet.truncate(len);
        packet
    }
}

#[test]
fn two_phones_with_different_suites_hear_each_other_and_nobody_else() {
    let mut world = World::start(config(v4(), 43_200, 43_239));
    let mut ani = Secured::new(&mut world, Suite::AeadAes128Gcm, 1);
    let mut budi = Secured::new(&mut world, Suite::AesCm128HmacSha1_32, 11);
    world.order(MediaCommand::Join { a: ani.lease.id, b: budi.lease.id });
    world.settle();
    for sequence in 0..100 {
        ani.says(sequence);
        assert_eq!(budi.hears(), ani.phone.packet(sequence));
        budi.says(sequence);
        assert_eq!(ani.hears(), budi.phone.packet(sequence));
    }
    // Plain, replayed and foreign-keyed packets from the right address.
    let replayed = ani.sealed(100);
    ani.phone.rtp.send_to(&replayed, ani.lease.address).unwrap();
    assert_eq!(budi.hears(), ani.phone.packet(100));
    ani.phone.rtp.send_to(&replayed, ani.lease.address).unwrap();
    ani.phone.says(101, &ani.lease);
    ani.mouth = Sealer::new(ani.keys.suite, &ani.keys.send).unwrap();
    ani.says(102);
    world.counted("dropped_replayed", 1);
    world.counted("dropped_unauthentic", 2);
    assert!(budi.phone.has_heard_nothing());
    let report = world.close(ani.lease.id);
    assert_eq!((report.packets_received, report.packets_unauthentic), (101, 3));
}

/// RFC 3711 §9.1: whoever is plain may repeat a number; it is not sealed a second time.
#[test]
fn a_plain_phone_that_repeats_itself_is_not_sealed_twice() {
    let mut world = World::start(config(v4(), 43_240, 43_279));
    let mut ani = Secured::new(&mut world, Suite::AesCm128HmacSha1_80, 1);
    let budi = Phone::new(v4());
    let lease = world.open(budi.media());
    world.order(MediaCommand::Join { a: ani.lease.id, b: lease.id });
    world.settle();
    for sequence in [1, 2, 2, 1, 3] {
        budi.says(sequence, &lease);
    }
    for sequence in [1, 2, 3] {
        assert_eq!(ani.hears(), budi.packet(sequence));
    }
    world.counted("dropped_unsealed", 2);
}

/// A report goes with the keys of its leg, too.
#[test]
fn reports_are_opened_and_sealed() {
    let mut world = World::start(config(v4(), 43_280, 43_319));
    let mut ani = Secured::new(&mut world, Suite::AeadAes128Gcm, 1);
    let budi = Phone::new(v4());
    let lease = world.open(budi.media());
    world.order(MediaCommand::Join { a: ani.lease.id, b: lease.id });
    world.settle();
    let report = [0x80, 201, 0, 1, 0, 0, 0, 9];
    let mut room = [0; 64];
    room[..8].copy_from_slice(&report);
    let len = ani.mouth.seal_rtcp(&mut room, 8).unwrap();
    ani.phone.rtcp.send_to(&room[..len], world::rtcp_of(&ani.lease)).unwrap();
    let (len, _) = budi.rtcp.recv_from(&mut room).unwrap();
    assert_eq!(room[..len], report);
    budi.rtcp.send_to(&report, world::rtcp_of(&lease)).unwrap();
    let (len, _) = ani.phone.rtcp.recv_from(&mut room).unwrap();
    assert_eq!(len, 8 + 16 + 4);
    assert_eq!(ani.ear.open_rtcp(&mut room[..len]), Ok(8));
}

/// Plays a call over the end of its relay, past a rollover of the sequence number.
fn goes_on(config: &RelayConfig, suites: [Suite; 2]) {
    let (mut world, keeper) = World::kept(config);
    let mut ani = Secured::new(&mut world, suites[0], 1);
    let mut budi = Secured::new(&mut world, suites[1], 11);
    world.order(MediaCommand::Join { a: ani.lease.id, b: budi.lease.id });
    world.settle();
    let talk = |from: &mut Secured, to: &mut Secured, sequences: std::ops::Range<u32>| {
        for sequence in sequences {
            from.says(sequence as u16);
            assert_eq!(to.hears(), from.phone.packet(sequence as u16), "{sequence}");
        }
    };
    talk(&mut ani, &mut budi, 65_500..65_560);
    talk(&mut budi, &mut ani, 10..20);
    let left = world.ends(&keeper, true);
    let mut world = World::resume(config.clone(), left, Some(Box::new(keeper)));
    talk(&mut ani, &mut budi, 65_560..65_600);
    talk(&mut budi, &mut ani, 20..30);
    assert_eq!(world.close(ani.lease.id).packets_unauthentic, 0);
}

#[test]
fn an_encrypted_call_goes_on_over_a_planned_stop() {
    goes_on(&config(v4(), 43_320, 43_359), [Suite::AeadAes128Gcm, Suite::AesCm128HmacSha1_80]);
    goes_on(&config(v4(), 43_360, 43_399), [Suite::AesCm128HmacSha1_32, Suite::AeadAes128Gcm]);
}

fn capture(world: &mut World, lease: &PortLease) -> Option<Box<Capture>> {
    let at = |world: &World| world.captured.iter().position(|(captured, _)| *captured == lease.id);
    world.until("the capture", |world| at(world).is_some());
    let at = at(world).unwrap();
    world.captured.swap_remove(at).1
}

/// What came and went by RTP that way, and where from or to it did.
fn kept(capture: &Capture, wanted: Course, remote: &Phone) -> Vec<Vec<u8>> {
    let packets = capture.packets().filter(|packet| packet.channel == Channel::Rtp);
    let of_course = packets.filter(|packet| packet.course == wanted);
    of_course
        .inspect(|packet| assert_eq!(packet.remote, remote.address()))
        .map(|packet| packet.bytes.into())
        .collect()
}

#[test]
fn an_operators_capture_holds_what_comes_and_goes_in_the_clear_until_its_time_is_over() {
    let mut world = World::start(config(v4(), 43_320, 43_359));
    let mut ani = Secured::new(&mut world, Suite::AeadAes128Gcm, 1);
    let mut budi = Secured::new(&mut world, Suite::AesCm128HmacSha1_80, 11);
    world.order(MediaCommand::Join { a: ani.lease.id, b: budi.lease.id });
    let talk = |ani: &mut Secured, budi: &mut Secured, sequences: std::ops::Range<u16>| {
        for sequence in sequences {
            ani.says(sequence);
            assert_eq!(budi.hears(), ani.phone.packet(sequence));
            budi.says(sequence);
            assert_eq!(ani.hears(), budi.phone.packet(sequence));
        }
    };
    world.settle();
    talk(&mut ani, &mut budi, 0..10);
    world.order(MediaCommand::Capture { lease: ani.lease.id, secs: 60 });
    // Long enough for all that is said.
    world.order(MediaCommand::Capture { lease: budi.lease.id, secs: 4 });
    world.settle();
    talk(&mut ani, &mut budi, 10..30);
    let stranger = Phone::new(v4());
    stranger.says(7, &ani.lease);
    world.counted("dropped_foreign", 1);
    let said = |secured: &Secured, sequences: std::ops::Range<u16>| -> Vec<Vec<u8>> {
        sequences.map(|sequence| secured.phone.packet(sequence).to_vec()).collect()
    };

    let of_budi = capture(&mut world, &budi.lease).expect("its seconds are over");
    assert_eq!(kept(&of_budi, Course::Taken, &budi.phone), said(&budi, 10..30));
    assert_eq!(kept(&of_budi, Course::Sent, &budi.phone), said(&ani, 10..30));
    talk(&mut ani, &mut budi, 30..35);
    world.close(ani.lease.id);
    let of_ani = capture(&mut world, &ani.lease).expect("it is closed");
    assert_eq!(kept(&of_ani, Course::Taken, &ani.phone), said(&ani, 10..35));
    assert_eq!(kept(&of_ani, Course::Sent, &ani.phone), said(&budi, 10..35));
    let refused = kept(&of_ani, Course::Refused(DropReason::Foreign), &stranger);
    assert_eq!(refused, [stranger.packet(7)]);
    let instants: Vec<u64> = of_ani.packets().map(|Captured { at_micros, .. }| at_micros).collect();
    assert!(instants.is_sorted() && of_ani.left_out() == 0);

    world.order(MediaCommand::Capture { lease: ani.lease.id, secs: 1 });
    assert_eq!(capture(&mut world, &ani.lease), None, "it is closed");
    // The next one ends the one before.
    for _ in 0..2 {
        world.order(MediaCommand::Capture { lease: budi.lease.id, secs: 60 });
    }
    let first = capture(&mut world, &budi.lease).expect("the first of two");
    assert_eq!(first.packets().count(), 0);
}
