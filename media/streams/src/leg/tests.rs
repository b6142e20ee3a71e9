//! Stories of learning (D6): who gets in, who does not, and what a re-INVITE changes.

use super::*;

const SECOND: u64 = 1_000_000;
const PTIME: u64 = 20_000;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The phone's SDP says 192.0.2.10:4000; its signalling comes from 203.0.113.7 (it is behind NAT).
const SDP: &str = "192.0.2.10:4000";
const SIGNALLING: &str = "203.0.113.7";
const NAT: &str = "203.0.113.7:61000";
const ATTACKER: &str = "198.51.100.66:4000";

fn media() -> LegMedia {
    LegMedia {
        remote: Some(at(SDP)),
        remote_rtcp: Some(at("192.0.2.10:4001")),
        ..LegMedia::unknown(SIGNALLING.parse().unwrap())
    }
}

fn rtp(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0xff; 160]);
    packet
}

const RECEIVER_REPORT: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 9];

/// A leg under test with a clock that moves one packet time with every packet.
struct Story {
    leg: LegState,
    now: u64,
}

const FOREIGN: Verdict = Verdict::Drop(DropReason::Foreign);
const PROBATION: Verdict = Verdict::Drop(DropReason::Probation);
const SSRC: Verdict = Verdict::Drop(DropReason::Ssrc);
const MALFORMED: Verdict = Verdict::Drop(DropReason::Malformed);
const FORWARD: Verdict = Verdict::Forward(172);
const FORWARD_RTCP: Verdict = Verdict::Forward(8);

impl Story {
    fn of(media: LegMedia) -> Self {
        Self { leg: LegState::new(media), now: 10 * SECOND }
    }

    fn hears(&mut self, source: &str, ssrc: u32, sequence: u16) -> Verdict {
        self.now += PTIME;
        self.leg.accept(self.now, Channel::Rtp, at(source), &mut rtp(ssrc, sequence))
    }

    fn hears_rtcp(&mut self, source: &str) -> Verdict {
        self.now += PTIME;
        self.leg.accept(self.now, Channel::Rtcp, at(source), &mut RECEIVER_REPORT.clone())
    }

    /// Hears packets one after the other and expects these verdicts.
    fn check(&mut self, source: &str, ssrc: u32, first: u16, expected: &[Verdict]) {
        for (n, want) in expected.iter().enumerate() {
            let sequence = first.wrapping_add(n as u16);
            assert_eq!(self.hears(source, ssrc, sequence), *want, "{source} ssrc {ssrc} seq {sequence}");
        }
    }

    fn configure(&mut self, media: LegMedia) {
        self.leg.configure(self.now, media);
    }
}

#[test]
fn the_exact_sdp_address_is_taken_from_its_first_packet() {
    let mut story = Story::of(media());
    assert_eq!(story.leg.destination(Channel::Rtp), Some(at(SDP)), "we send before we hear (RFC 3264 §5.1)");
    story.check(SDP, 1, 65_534, &[FORWARD; 5]);
    assert_eq!(story.leg.pinned(), Some(at(SDP)));
}

#[test]
fn a_phone_behind_nat_is_learnt_from_three_packets_in_sequence() {
    let mut story = Story::of(media());
    story.check(NAT, 1, 65_534, &[PROBATION, PROBATION, FORWARD, FORWARD]);
    assert_eq!(story.leg.destination(Channel::Rtp), Some(at(NAT)));
    assert_eq!(story.leg.report().packets_received, 2, "packets on probation are not passed, not counted");
    assert_eq!(story.leg.report().packets_foreign, 0);
}

#[test]
fn an_attacker_who_sprays_before_anything_is_pinned_gets_nothing() {
    let mut story = Story::of(media());
    story.check(ATTACKER, 9, 1, &[FOREIGN; 50]);
    assert_eq!(story.leg.pinned(), None);
    assert_eq!(story.leg.destination(Channel::Rtp), Some(at(SDP)), "and is sent nothing");
    story.check(SDP, 1, 1, &[FORWARD; 3]);
    assert_eq!(story.leg.report().packets_foreign, 50);
}

#[test]
fn an_attacker_on_the_sdp_host_with_another_port_is_foreign() {
    let mut story = Story::of(media());
    story.check("192.0.2.10:4002", 9, 1, &[FOREIGN; 10]);
    assert_eq!(story.leg.pinned(), None);
}

#[test]
fn an_attacker_who_sprays_after_the_pin_gets_nothing() {
    for pinned in [SDP, NAT] {
        let mut story = Story::of(media());
        story.check(pinned, 1, 1, &[PROBATION; 2][..if pinned == NAT { 2 } else { 0 }]);
        story.check(pinned, 1, 3, &[FORWARD; 3]);
        for n in 0..100 {
            assert_eq!(story.hears(ATTACKER, 1, 6 + n), FOREIGN, "even with the right SSRC and sequence");
            assert_eq!(story.hears(pinned, 1, 6 + n), FORWARD);
        }
        assert_eq!(story.leg.destination(Channel::Rtp), Some(at(pinned)));
        assert_eq!(story.leg.report().packets_lost, 0, "foreign packets leave the figures alone");
    }
}

#[test]
fn a_silent_phone_does_not_open_the_door() {
    let mut story = Story::of(media());
    story.check(SDP, 1, 1, &[FORWARD; 3]);
    story.now += 3_600 * SECOND;
    story.check(ATTACKER, 1, 4, &[FOREIGN; 10]);
    story.check(NAT, 1, 4, &[FOREIGN; 10]);
    story.check(SDP, 1, 4, &[FORWARD]);
}

#[test]
fn guesses_from_the_signalling_address_must_come_in_sequence() {
    let mut story = Story::of(media());
    for sequence in [5, 90, 7, 3_000, 8, 9, 11, 10] {
        assert_eq!(story.hears(NAT, 1, sequence), PROBATION, "{sequence}");
    }
    for ssrc in 100..130 {
        assert_eq!(story.hears(NAT, ssrc, 1), PROBATION, "one packet of each SSRC proves none");
    }
    assert_eq!(story.leg.pinned(), None);
}

#[test]
fn a_second_sender_behind_the_same_nat_cannot_hold_up_the_first() {
    let mut story = Story::of(media());
    for n in 0..2 {
        assert_eq!(story.hears(NAT, 1, n), PROBATION);
        for port in 0..3_u16 {
            let noise = format!("203.0.113.7:{}", 7_000 + port);
            assert_eq!(story.hears(&noise, 50, n * 500), PROBATION);
        }
    }
    assert_eq!(story.hears(NAT, 1, 2), FORWARD);
}

#[test]
fn the_exact_address_wins_over_a_learnt_one_in_its_first_second() {
    let mut story = Story::of(media());
    story.check(NAT, 1, 1, &[PROBATION, PROBATION, FORWARD, FORWARD]);
    story.check(SDP, 2, 700, &[FORWARD; 3]);
    assert_eq!(story.leg.pinned(), Some(at(SDP)));
    story.check(NAT, 1, 5, &[FOREIGN; 10]);
    assert_eq!(story.leg.report().packets_lost, 0, "the figures start anew with the new source");
}

#[test]
fn after_its_first_second_a_learnt_source_that_speaks_stays() {
    let mut story = Story::of(media());
    story.check(NAT, 1, 1, &[PROBATION, PROBATION]);
    story.check(NAT, 1, 3, &[FORWARD; 51]);
    story.check(SDP, 2, 1, &[FOREIGN; 3]);
    assert_eq!(story.leg.pinned(), Some(at(NAT)));
    story.now += SSRC_SILENCE_MICROS;
    story.check(SDP, 2, 4, &[FORWARD; 3]);
}

#[test]
fn another_ssrc_of_the_pinned_source_must_wait_for_silence() {
    let mut story = Story::of(media());
    story.check(SDP, 1, 1, &[FORWARD; 5]);
    story.check(SDP, 2, 900, &[SSRC, SSRC]);
    story.check(SDP, 1, 6, &[FORWARD; 2]);
    story.now += SSRC_SILENCE_MICROS;
    story.check(SDP, 2, 902, &[FORWARD; 3]);
    story.check(SDP, 1, 8, &[SSRC; 5]);
    assert_eq!(story.leg.report().packets_lost, 0, "each stream is counted by itself");
}

#[test]
fn a_sender_that_switches_ssrc_without_a_word_is_heard_again_after_200_ms() {
    let mut story = Story::of(media());
    story.check(SDP, 1, 1, &[FORWARD; 5]);
    // The tenth packet of the new stream comes 200 ms after the last one of the old.
    story.check(SDP, 2, 900, &[SSRC; 9]);
    story.check(SDP, 2, 909, &[FORWARD; 5]);
}

#[test]
fn a_re_invite_lets_the_pinned_source_change_its_ssrc_once() {
    let mut story = Story::of(media());
    story.check(SDP, 1, 1, &[FORWARD; 5]);
    story.configure(media());
    story.check(SDP, 1, 6, &[FORWARD; 5]);
    story.check(SDP, 2, 900, &[FORWARD; 5]);
    story.check(SDP, 3, 1, &[SSRC; 2]);
    story.check(ATTACKER, 4, 1, &[FOREIGN]);
}

#[test]
fn a_re_invite_to_another_address_learns_anew() {
    let new = "192.0.2.99:7000";
    let mut story = Story::of(media());
    story.check(SDP, 1, 1, &[FORWARD; 5]);
    story.configure(LegMedia { remote: Some(at(new)), ..media() });
    assert_eq!(story.leg.destination(Channel::Rtp), Some(at(new)), "we send to the new place at once");
    story.check(SDP, 1, 6, &[FOREIGN; 3]);
    story.check(new, 1, 9, &[FORWARD; 3]);
    assert_eq!(story.leg.report().packets_received, 8, "figures run on over the change");
}

#[test]
fn a_re_invite_with_the_same_address_keeps_the_source() {
    let mut story = Story::of(media());
    story.check(NAT, 1, 1, &[PROBATION, PROBATION, FORWARD]);
    story.configure(media());
    assert_eq!(story.leg.destination(Channel::Rtp), Some(at(NAT)));
    story.check(NAT, 1, 4, &[FORWARD; 3]);
}

#[test]
fn a_phone_whose_signalling_moves_is_learnt_anew() {
    let mut story = Story::of(media());
    story.check(NAT, 1, 1, &[PROBATION, PROBATION, FORWARD]);
    story.configure(LegMedia { signalling: "203.0.113.200".parse().unwrap(), ..media() });
    story.check(NAT, 1, 4, &[FOREIGN; 3]);
    story.check("203.0.113.200:5000", 1, 7, &[PROBATION, PROBATION, FORWARD]);
}

#[test]
fn early_media_before_the_answer_is_kept_by_the_answer() {
    let signalling = SIGNALLING.parse().unwrap();
    for source in [SDP, NAT] {
        let unknown = LegMedia::unknown(at(source).ip());
        let mut story = Story::of(unknown);
        assert_eq!(story.leg.destination(Channel::Rtp), None);
        story.check(source, 1, 1, &[PROBATION, PROBATION, FORWARD]);
        story.now += 30 * SECOND;
        let signalling = if source == SDP { at(SDP).ip() } else { signalling };
        story.configure(LegMedia { signalling, ..media() });
        story.check(source, 1, 4, &[FORWARD; 3]);
        if source == NAT {
            story.check(SDP, 2, 1, &[FORWARD; 2]);
            assert_eq!(story.leg.pinned(), Some(at(SDP)), "the answer's address may still overrule it");
        } else {
            story.check(NAT, 2, 1, &[FOREIGN]);
        }
    }
}

#[test]
fn hold_with_an_unspecified_address_and_back_keeps_the_source() {
    for source in [SDP, NAT] {
        let mut story = Story::of(media());
        story.check(source, 1, 1, &[PROBATION; 2][..if source == NAT { 2 } else { 0 }]);
        story.check(source, 1, 3, &[FORWARD; 60]);
        story.configure(LegMedia { remote: None, receives: false, ..media() });
        assert_eq!(story.leg.destination(Channel::Rtp), None, "a held leg is sent no RTP");
        story.now += 60 * SECOND;
        story.configure(media());
        story.check(source, 1, 63, &[FORWARD; 3]);
        assert_eq!(story.leg.destination(Channel::Rtp), Some(at(source)));
    }
}

#[test]
fn hold_and_return_to_another_address_learns_anew() {
    let mut story = Story::of(media());
    story.check(NAT, 1, 1, &[PROBATION, PROBATION, FORWARD]);
    story.configure(LegMedia { remote: None, receives: false, ..media() });
    story.configure(LegMedia { remote: Some(at("192.0.2.10:9000")), ..media() });
    story.check(NAT, 1, 4, &[PROBATION]);
}

#[test]
fn a_leg_that_only_receives_is_heard_but_not_passed_on() {
    let mut story = Story::of(LegMedia { sends: false, ..media() });
    story.check(SDP, 1, 1, &[Verdict::Keep(172); 3]);
    assert_eq!(story.hears_rtcp("192.0.2.10:4001"), FORWARD_RTCP, "RTCP goes on (RFC 3264 §8.4)");
    assert_eq!(story.leg.report().packets_received, 3);
}

#[test]
fn rtcp_is_taken_from_the_sdp_or_from_the_pinned_host() {
    let mut story = Story::of(media());
    assert_eq!(story.hears_rtcp(ATTACKER), FOREIGN);
    assert_eq!(story.hears_rtcp("203.0.113.7:61001"), FOREIGN, "nothing is pinned yet");
    assert_eq!(story.hears_rtcp("192.0.2.10:4001"), FORWARD_RTCP, "the address of the SDP");
    story.check(NAT, 1, 1, &[PROBATION, PROBATION, FORWARD]);
    assert_eq!(story.leg.destination(Channel::Rtcp), Some(at("192.0.2.10:4001")));
    assert_eq!(story.hears_rtcp("203.0.113.7:61001"), FORWARD_RTCP);
    assert_eq!(story.leg.destination(Channel::Rtcp), Some(at("203.0.113.7:61001")));
    assert_eq!(story.hears_rtcp("203.0.113.7:7"), FOREIGN, "a second port of the pinned host");
    assert_eq!(story.hears_rtcp(ATTACKER), FOREIGN);
    assert_eq!(story.leg.report().rtcp_received, 2);
    assert_eq!(story.leg.report().packets_foreign, 4);
}

#[test]
fn what_is_not_rtp_is_not_learnt_from() {
    let mut story = Story::of(media());
    let now = story.now;
    let stun = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let dtls = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let sender_report = [0x80, 200, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for junk in [&stun[..], &dtls[..], &sender_report[..], &[0x80, 0, 0][..], &[][..]] {
        assert_eq!(story.leg.accept(now, Channel::Rtp, at(SDP), &mut junk.to_vec()), MALFORMED);
    }
    assert_eq!(story.leg.accept(now, Channel::Rtcp, at("192.0.2.10:4001"), &mut rtp(1, 1)), MALFORMED);
    assert_eq!(story.leg.pinned(), None);
    assert_eq!(story.leg.report(), LegReport::default());
}

#[test]
fn a_description_cannot_point_us_at_our_own_host() {
    for (named, believed_from_afar) in [
        ("127.0.0.1:5432", false),
        ("169.254.169.254:80", false),
        ("[::1]:5432", false),
        ("[fe80::1]:4000", false),
        ("255.255.255.255:4000", false),
        ("224.0.0.1:4000", false),
        ("0.0.0.0:4000", false),
        ("192.0.2.1:0", false),
        ("10.0.0.1:4000", true),
        ("[2001:db8::1]:4000", true),
    ] {
        let leg = LegState::new(LegMedia { remote: Some(at(named)), ..media() });
        assert_eq!(leg.destination(Channel::Rtp).is_some(), believed_from_afar, "{named}");
    }
    let local = LegMedia { remote: Some(at("127.0.0.1:4000")), ..LegMedia::unknown([127, 0, 0, 1].into()) };
    assert!(LegState::new(local).destination(Channel::Rtp).is_some(), "one machine, all of it");
}

#[test]
fn the_report_counts_both_ways() {
    let mut story = Story::of(media());
    for sequence in [1, 2, 4, 5] {
        story.hears(SDP, 1, sequence);
    }
    story.leg.sent(3, 516);
    let report = story.leg.report();
    assert_eq!((report.packets_received, report.bytes_received), (4, 4 * 172));
    assert_eq!((report.packets_sent, report.bytes_sent), (3, 516));
    assert_eq!(report.packets_lost, 1);
    assert!(report.jitter_micros > 0, "packet 4 came 20 ms early against its timestamp");
}
