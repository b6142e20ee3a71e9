//! "Why is there no audio?" with faults that are really there: phones with sockets do one thing wrong, and the relay says
//! what it is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[expect(dead_code, reason = "these stories need a part of the world")]
mod world;

use std::net::{IpAddr, SocketAddr, UdpSocket};

use relay::RelayConfig;
use streams::{
    audio::library::Library,
    codec::Codec,
    diagnosis::{Diagnosis, Obstacle},
    media::{LegMedia, LegReport, MediaCommand, PortLease, Protection, SoundName, Voice, VoiceFormat},
    rtcp::{Compound, Report},
    srtp::{MasterKey, Sealer, SrtpKeys, Suite},
};
use world::{DEADLINE, Phone, World, config, rtcp_of, v4};

const SUITE: Suite = Suite::AesCm128HmacSha1_80;
/// Sent at once; a socket's buffer holds more.
const BURST: usize = 25;

/// A call whose second phone does something wrong, or is treated so.
struct Fault {
    world: World,
    good: Phone,
    bad: Phone,
    leg: PortLease,
    /// Its leg, about which is asked.
    asked: PortLease,
    datagrams: u64,
}

impl Fault {
    /// `media` is what is known of the bad phone.
    fn new(first: u16, media: impl FnOnce(&Phone) -> LegMedia) -> Self {
        let mut world = World::start(config(v4(), first, first + 19));
        let (good, bad) = (Phone::new(v4()), Phone::new(v4()));
        let leg = world.open(good.media());
        let asked = world.open(media(&bad));
        world.order(MediaCommand::Join { a: leg.id, b: asked.id });
        world.settle();
        Self { world, good, bad, leg, asked, datagrams: 0 }
    }

    fn send(&mut self, socket: &UdpSocket, to: SocketAddr, packets: impl IntoIterator<Item = Vec<u8>>) {
        for (n, packet) in packets.into_iter().enumerate() {
            socket.send_to(&packet, to).unwrap();
            self.datagrams += 1;
            if n % BURST == BURST - 1 {
                self.world.counted("datagrams_received", self.datagrams);
            }
        }
        self.world.counted("datagrams_received", self.datagrams);
    }

    /// From the bad phone's own socket.
    fn sends(&mut self, packets: impl IntoIterator<Item = Vec<u8>>) {
        let (socket, to) = (self.bad.rtp.try_clone().unwrap(), self.asked.address);
        self.send(&socket, to, packets);
    }

    fn says(&mut self, sequences: std::ops::Range<u16>) {
        let packets: Vec<Vec<u8>> = sequences.map(|sequence| speech(&self.bad, sequence)).collect();
        self.sends(packets);
    }

    fn good_says(&mut self, sequences: std::ops::Range<u16>) {
        let packets: Vec<Vec<u8>> = sequences.map(|sequence| speech(&self.good, sequence)).collect();
        let (socket, to) = (self.good.rtp.try_clone().unwrap(), self.leg.address);
        self.send(&socket, to, packets);
    }

    fn reports(&mut self, received: Option<Report>) {
        let compound =
            Compound { reporter: self.bad.ssrc, sent: None, received, cname: b"phone", leaves: false };
        let mut room = [0; 128];
        let len = compound.write(&mut room).unwrap();
        let (socket, to) = (self.bad.rtcp.try_clone().unwrap(), rtcp_of(&self.asked));
        self.send(&socket, to, [room[..len].to_vec()]);
    }

    fn seen(&mut self) -> LegReport {
        self.world.look(self.asked.id)
    }

    /// What is told of it while the call goes on, and when it has ended: the good phone's leg is closed first.
    fn check(mut self, expected: Diagnosis) {
        assert_eq!(self.seen().judgement.diagnosis, Some(expected));
        self.world.close(self.leg.id);
        let last = self.world.close(self.asked.id);
        assert_eq!(last.judgement.diagnosis, Some(expected), "at the end");
    }
}

/// A packet with something in it.
fn speech(phone: &Phone, sequence: u16) -> Vec<u8> {
    let mut packet = phone.packet(sequence).to_vec();
    packet[20] = 0x2a;
    packet
}

fn keys() -> SrtpKeys {
    let master = MasterKey::new(SUITE, &vec![7; SUITE.key_bytes() + SUITE.salt_bytes()]).unwrap();
    SrtpKeys { suite: SUITE, send: master.clone(), receive: master }
}

fn sealed(phone: &Phone, sequences: impl IntoIterator<Item = u16>) -> Vec<Vec<u8>> {
    let mut mouth = Sealer::new(SUITE, &keys().receive).unwrap();
    let seal = |sequence| {
        let mut room = speech(phone, sequence);
        let len = room.len();
        room.resize(len + 20, 0);
        let len = mouth.seal_rtp(&mut room, len).unwrap();
        room.truncate(len);
        room
    };
    sequences.into_iter().map(seal).collect()
}

fn secure(phone: &Phone) -> LegMedia {
    LegMedia { protection: Protection::Srtp(keys()), ..phone.media() }
}

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn nothing_is_wrong() {
    let mut fault = Fault::new(46_000, Phone::media);
    fault.says(0..100);
    fault.good_says(0..100);
    fault.check(Diagnosis::Good);
}

#[test]
fn the_phone_sends_nothing() {
    let mut fault = Fault::new(46_020, Phone::media);
    fault.good_says(0..100);
    fault.check(Diagnosis::NothingReceived);
}

#[test]
fn the_phone_names_a_private_address_and_no_packet_opens_its_nat() {
    let (stated, signalling) = (at("10.0.0.5:4000"), [203, 0, 113, 7].into());
    let fault = Fault::new(46_040, |_| LegMedia { remote: Some(stated), ..LegMedia::unknown(signalling) });
    fault.check(Diagnosis::PrivateAddress { stated, signalling });
}

#[test]
fn the_phone_names_an_address_where_nobody_can_send() {
    let stated = at("127.0.0.1:4000");
    let fault = Fault::new(46_060, |_| LegMedia {
        remote: Some(stated),
        ..LegMedia::unknown([203, 0, 113, 7].into())
    });
    fault.check(Diagnosis::UnusableAddress { stated });
}

#[test]
fn the_phone_has_named_no_address_and_sends_nothing() {
    let fault = Fault::new(46_080, |_| LegMedia::unknown([203, 0, 113, 7].into()));
    fault.check(Diagnosis::NoAddress);
}

#[test]
fn packets_come_from_another_address() {
    let mut fault = Fault::new(46_100, Phone::media);
    let elsewhere = UdpSocket::bind("127.0.0.2:0").unwrap();
    let (packets, to): (Vec<_>, _) = ((0..30).map(|n| speech(&fault.bad, n)).collect(), fault.asked.address);
    fault.send(&elsewhere, to, packets);
    let (expected, source) = (Some(fault.bad.address()), elsewhere.local_addr().unwrap());
    fault.check(Diagnosis::OtherAddress { expected, source });
}

#[test]
fn packets_come_from_another_port_in_the_middle_of_a_call() {
    let mut fault = Fault::new(46_120, Phone::media);
    fault.says(0..50);
    let rebound = UdpSocket::bind((v4(), 0)).unwrap();
    let (packets, to): (Vec<_>, _) = ((50..80).map(|n| speech(&fault.bad, n)).collect(), fault.asked.address);
    fault.send(&rebound, to, packets);
    let (expected, source) = (fault.bad.address(), rebound.local_addr().unwrap());
    fault.check(Diagnosis::OtherPort { expected, source });
}

/// A phone behind NAT: what it names is not where it sends from, and its signalling address is all that is known.
fn natted(_: &Phone) -> LegMedia {
    LegMedia { remote: Some(at("192.0.2.9:4000")), ..LegMedia::unknown(v4()) }
}

#[test]
fn too_few_packets_come_from_behind_a_nat() {
    let mut fault = Fault::new(46_140, natted);
    fault.says(0..2);
    let source = fault.bad.address();
    fault.check(Diagnosis::Unproven { source });
}

#[test]
fn packets_from_behind_a_nat_change_their_ssrc() {
    let mut fault = Fault::new(46_160, natted);
    let packets: Vec<Vec<u8>> = (0..30_u16)
        .map(|n| {
            let mut packet = speech(&fault.bad, n);
            packet[8..12].copy_from_slice(&u32::from(n).to_be_bytes());
            packet
        })
        .collect();
    fault.sends(packets);
    let source = fault.bad.address();
    fault.check(Diagnosis::Unsteady { source });
}

#[test]
fn the_phone_speaks_with_another_ssrc_without_a_pause() {
    let mut fault = Fault::new(46_180, Phone::media);
    let mut packets = Vec::new();
    for n in 0..20 {
        packets.push(speech(&fault.bad, n));
    }
    for n in 20..60 {
        let mut other = speech(&fault.bad, n);
        other[8] ^= 0x80;
        packets.push(other);
    }
    let (socket, to) = (fault.bad.rtp.try_clone().unwrap(), fault.asked.address);
    // All of them wait when the thread goes on, and are read in one turn, at one instant: two hundred milliseconds without
    // the first SSRC would make the second its successor.
    let gate = fault.world.gate();
    let stopped = fault.world.stop(&gate);
    for packet in &packets {
        socket.send_to(packet, to).unwrap();
    }
    drop(stopped);
    fault.world.counted("datagrams_received", 60);
    fault.check(Diagnosis::OtherSsrc);
}

#[test]
fn what_the_phone_sends_is_no_rtp() {
    let mut fault = Fault::new(46_200, Phone::media);
    fault.sends((0..30).map(|_| b"\x16\xfe\xfd and no RTP".to_vec()));
    let source = fault.bad.address();
    fault.check(Diagnosis::NotRtp { source });
}

#[test]
fn packets_are_too_long() {
    let mut fault = Fault::new(46_220, Phone::media);
    fault.sends((0..30).map(|_| vec![0x80; 4_000]));
    fault.check(Diagnosis::TooLong);
}

#[test]
fn keys_have_not_come() {
    let mut fault = Fault::new(46_240, |phone| LegMedia { protection: Protection::Unkeyed, ..phone.media() });
    fault.says(0..30);
    fault.check(Diagnosis::KeysMissing);
}

#[test]
fn a_phone_that_agreed_on_srtp_sends_plain_rtp() {
    let mut fault = Fault::new(46_260, secure);
    fault.says(0..30);
    fault.check(Diagnosis::Unauthentic);
}

#[test]
fn a_phone_begins_to_count_anew_under_the_same_key() {
    let mut fault = Fault::new(46_280, secure);
    let first = sealed(&fault.bad, 0..40);
    fault.sends(first.clone());
    fault.sends(first);
    fault.check(Diagnosis::Replayed);
}

#[test]
fn what_the_other_side_repeats_cannot_be_encrypted() {
    let mut fault = Fault::new(46_300, secure);
    let packets = sealed(&fault.bad, 0..40);
    fault.sends(packets);
    fault.good_says(0..40);
    fault.good_says(0..40);
    fault.check(Diagnosis::Unsealed);
}

#[test]
fn the_phone_holds() {
    let mut fault = Fault::new(46_320, |phone| LegMedia { receives: false, ..phone.media() });
    fault.says(0..30);
    fault.check(Diagnosis::Holds);
}

#[test]
fn the_other_phone_holds() {
    let mut fault = Fault::new(46_340, Phone::media);
    fault.says(0..30);
    let held = LegMedia { receives: false, ..fault.good.media() };
    fault.world.order(MediaCommand::Configure { lease: fault.leg.id, media: held });
    fault.world.settle();
    fault.check(Diagnosis::Held);
}

#[test]
fn the_phone_only_listens() {
    let fault = Fault::new(46_360, |phone| LegMedia { sends: false, ..phone.media() });
    fault.check(Diagnosis::OnlyListens);
}

#[test]
fn nobody_is_connected() {
    let mut world = World::start(config(v4(), 46_380, 46_399));
    let lease = world.open(Phone::new(v4()).media());
    assert_eq!(world.look(lease.id).judgement.diagnosis, Some(Diagnosis::NotConnected));
    assert_eq!(world.close(lease.id).judgement.diagnosis, Some(Diagnosis::NotConnected));
}

#[test]
fn the_phone_sends_a_codec_that_was_not_agreed() {
    let mut fault = Fault::new(46_400, |phone| {
        let voice = Voice { formats: vec![VoiceFormat::new(Codec::Pcmu, 0)], ..Voice::default() };
        LegMedia { voice: Some(voice), ..phone.media() }
    });
    fault.says(0..30);
    fault.check(Diagnosis::OtherFormat { payload_type: 8 });
}

#[test]
fn the_phone_is_muted() {
    let mut fault = Fault::new(46_420, Phone::media);
    let packets: Vec<Vec<u8>> = (0..600).map(|n| fault.bad.packet(n).to_vec()).collect();
    fault.sends(packets);
    fault.check(Diagnosis::Silence);
}

#[test]
fn the_phone_says_that_it_receives_at_the_port_it_sends_to() {
    let mut fault = Fault::new(46_440, Phone::media);
    let ours = LegMedia { remote: Some(fault.leg.address), ..fault.bad.media() };
    fault.world.order(MediaCommand::Configure { lease: fault.asked.id, media: ours });
    fault.world.settle();
    fault.good_says(0..30);
    fault.check(Diagnosis::Loop);
}

fn block(fault: &Fault, fraction_lost: u8) -> Report {
    Report {
        ssrc: fault.good.ssrc,
        fraction_lost,
        cumulative_lost: 20,
        highest: 100,
        jitter: 8,
        last_sender_report: 0,
        delay_since: 0,
    }
}

#[test]
fn the_phone_reports_and_has_never_received_anything() {
    let mut fault = Fault::new(46_460, Phone::media);
    fault.says(0..30);
    fault.good_says(0..120);
    fault.reports(None);
    fault.reports(None);
    fault.check(Diagnosis::HearsNothing);
}

#[test]
fn the_phone_reports_that_much_is_lost_on_the_way_to_it() {
    let mut fault = Fault::new(46_480, Phone::media);
    fault.says(0..30);
    fault.good_says(0..120);
    let report = block(&fault, 51);
    fault.reports(Some(report));
    fault.check(Diagnosis::HearsWithLoss { percent: 20 });
}

/// A period of some seconds ends with the leg, so this one is told at the end only.
#[test]
fn much_is_lost_of_what_the_phone_sends() {
    let mut fault = Fault::new(46_500, Phone::media);
    let packets: Vec<Vec<u8>> =
        (0..200).filter(|n| n % 5 != 3).map(|sequence| speech(&fault.bad, sequence)).collect();
    fault.sends(packets);
    fault.world.close(fault.leg.id);
    let last = fault.world.close(fault.asked.id);
    let Some(Diagnosis::Poor { percent: 20, mos: Some(mos) }) = last.judgement.diagnosis else {
        panic!("{:?}", last.judgement)
    };
    assert!(mos.hundredths() < 310 && last.judgement.mos == Some(mos), "{mos:?}");
}

/// Reports of a phone that nobody reports to come from us, and so does the goodbye.
#[test]
fn a_phone_whose_other_side_sends_no_rtcp_hears_reports_and_a_goodbye_from_us() {
    let mut fault = Fault::new(46_520, Phone::media);
    fault.bad.rtcp.set_read_timeout(Some(DEADLINE)).unwrap();
    fault.says(0..50);
    let mut bytes = [0; 256];
    let hear = |fault: &Fault, bytes: &mut [u8]| {
        let (len, from) = fault.bad.rtcp.recv_from(bytes).expect("a report comes");
        assert_eq!(from, rtcp_of(&fault.asked));
        streams::rtcp::read(&bytes[..len]).unwrap()
    };
    let first = hear(&fault, &mut bytes);
    let report = first.report.expect("it was heard");
    assert_eq!((report.ssrc, report.cumulative_lost, report.highest), (fault.bad.ssrc, 0, 49));
    assert!(!first.leaves && first.sender != fault.bad.ssrc && first.sender != fault.good.ssrc);
    fault.world.close(fault.asked.id);
    let mut last = hear(&fault, &mut bytes);
    while !last.leaves {
        last = hear(&fault, &mut bytes);
    }
    assert_eq!(last.sender, first.sender, "the same name says goodbye");
}

/// A phone that hangs up refuses for a moment, too; so it has to last.
fn refused(mut fault: Fault, before: Diagnosis, expected: Diagnosis) -> Fault {
    let end = std::time::Instant::now() + DEADLINE;
    for sequence in (0..u16::MAX).cycle() {
        fault.good_says(sequence..sequence + 1);
        let told = fault.seen().judgement.diagnosis;
        if told == Some(expected) {
            break;
        }
        assert_eq!(told, Some(before), "a moment is not enough");
        assert!(std::time::Instant::now() < end, "it never lasts long enough");
    }
    fault
}

#[test]
fn what_the_phone_should_hear_cannot_be_sent_there() {
    let address = at("[2001:db8::1]:4000");
    let fault = Fault::new(46_540, |phone| LegMedia {
        remote: Some(address),
        ..LegMedia::unknown(phone.address().ip())
    });
    let expected = Diagnosis::Unreachable { address, obstacle: Obstacle::Here };
    refused(fault, Diagnosis::NothingReceived, expected).check(expected);
}

/// With nobody at the other side whose packets would be sent there.
#[test]
fn what_is_played_cannot_be_sent_to_the_phone() {
    let sounds = Some(Library::of_tones().into());
    let mut world = World::start(RelayConfig { sounds, ..config(v4(), 46_600, 46_619) });
    let address = at("[2001:db8::1]:4000");
    let voice = Voice { formats: vec![VoiceFormat::new(Codec::Pcma, 8)], ..Voice::default() };
    let lease = world.open(LegMedia { remote: Some(address), voice: Some(voice), ..LegMedia::unknown(v4()) });
    let dial_tone = [SoundName::new("tone/dial")].into();
    world.order(MediaCommand::Play { lease: lease.id, sounds: dial_tone, repeat: true });
    let expected = Some(Diagnosis::Unreachable { address, obstacle: Obstacle::Here });
    let end = std::time::Instant::now() + DEADLINE;
    while world.look(lease.id).judgement.diagnosis != expected {
        assert!(std::time::Instant::now() < end, "{:?}", world.look(lease.id).judgement);
    }
}

#[test]
fn nothing_listens_where_the_phone_says_that_it_receives() {
    // No other test is at this address.
    let address = at("127.0.8.2:4000");
    let fault = Fault::new(46_560, |_| LegMedia { remote: Some(address), ..LegMedia::unknown(v4()) });
    let expected = Diagnosis::Unreachable { address, obstacle: Obstacle::Port };
    refused(fault, Diagnosis::NothingReceived, expected).check(expected);
}

/// Its host answers each packet. Another call on the same thread loses nothing meanwhile; the phone that is back hears the
/// first packet that it is sent, and when all is well that is what is told.
#[test]
fn the_phones_program_ends_in_the_middle_of_a_call_and_another_takes_its_port() {
    let ip = IpAddr::from([127, 0, 8, 3]);
    let mut fault = Fault::new(46_580, |_| LegMedia::unknown(ip));
    let other = fault.world.call(v4());
    fault.bad = Phone::new(ip);
    fault.says(0..50);
    let address = fault.bad.address();
    // Its port is closed, RTCP and all.
    fault.bad = Phone::new(v4());
    let expected = Diagnosis::Unreachable { address, obstacle: Obstacle::Port };
    let mut fault = refused(fault, Diagnosis::Good, expected);
    assert!(fault.world.value("refusals_heard") >= 2);
    for sequence in 0..100 {
        fault.good_says(sequence..sequence + 1);
        other.a.says(sequence, &other.leg_a);
        assert_eq!(other.b.hears().1, other.a.packet(sequence));
        fault.datagrams += 1;
    }
    let back = UdpSocket::bind(address).unwrap();
    back.set_read_timeout(Some(DEADLINE)).unwrap();
    fault.good_says(100..101);
    let mut heard = [0; 256];
    let len = back.recv(&mut heard).expect("nothing is lost for what was refused before");
    assert_eq!(heard[..len], speech(&fault.good, 100));
    assert_eq!((fault.world.value("send_errors"), fault.world.value("send_blocked")), (0, 0));
}
