//! Reports that pass, reports of our own, and what the far end's reports tell.

use std::net::SocketAddr;

use super::*;
use crate::{
    leg::{Channel, LegState, REPORT_BYTES_MAX},
    media::LegMedia,
    path::{Path, Step},
    rtcp::read,
};

const SECOND: u64 = 1_000_000;

fn at(last: u8, port: u16) -> SocketAddr {
    ([192, 0, 2, last], port).into()
}

/// Two phones in a call, each with a leg.
struct Story {
    a: LegState,
    b: LegState,
    now: u64,
    sequence: [u16; 2],
}

const PHONES: [u8; 2] = [1, 2];

fn time(micros: u64) -> ReportTime {
    // 2^32 / 10^6 in whole numbers: what the middle of NTP counts is 1/65,536 s.
    ReportTime { micros, ntp: (0xe000_0000 << 32) + ((u128::from(micros) << 32) / 1_000_000) as u64 }
}

impl Story {
    fn new() -> Self {
        let leg = |last| {
            LegState::new(LegMedia {
                remote: Some(at(last, 4_000)),
                remote_rtcp: Some(at(last, 4_001)),
                ..LegMedia::unknown(at(last, 0).ip())
            })
        };
        Self { a: leg(1), b: leg(2), now: 100 * SECOND, sequence: [0; 2] }
    }

    fn carry(&mut self, from: usize, channel: Channel, packet: &[u8]) -> Step {
        let port = if channel == Channel::Rtp { 4_000 } else { 4_001 };
        let (one, other) = if from == 0 { (&mut self.a, &mut self.b) } else { (&mut self.b, &mut self.a) };
        let mut room = packet.to_vec();
        room.resize(packet.len() + 20, 0);
        let step = Path::new(channel, one, Some(other)).carry(
            self.now,
            at(PHONES[from], port),
            &mut room,
            packet.len(),
        );
        if channel == Channel::Rtp && matches!(step, Step::Send(_)) {
            other.sent(1, packet.len() as u64);
        }
        step
    }

    /// Twenty milliseconds of speech from a phone; a lost packet only takes its number.
    fn says(&mut self, from: usize, is_lost: bool) {
        self.now += 20_000;
        let sequence = self.sequence[from];
        self.sequence[from] = sequence.wrapping_add(1);
        if is_lost {
            return;
        }
        let mut packet = vec![0x80, 8];
        packet.extend(sequence.to_be_bytes());
        packet.extend((u32::from(sequence) * 160).to_be_bytes());
        packet.extend(ssrc(from).to_be_bytes());
        packet.extend([0x2a; 160]);
        assert_eq!(self.carry(from, Channel::Rtp, &packet), Step::Send(172));
    }

    fn reports(&mut self, from: usize, sent: bool, block: Option<Report>) {
        let sent =
            sent.then_some(rtcp::Sent { ntp: time(self.now).ntp, timestamp: 0, packets: 1, octets: 160 });
        let compound =
            Compound { reporter: ssrc(from), sent, received: block, cname: b"phone", leaves: false };
        let mut room = [0; REPORT_BYTES_MAX];
        let len = compound.write(&mut room).unwrap();
        assert_eq!(
            self.carry(from, Channel::Rtcp, &room[..len]),
            Step::Send(len),
            "reports go from end to end"
        );
    }

    fn writes(&mut self, to: usize) -> Option<Vec<u8>> {
        let leg = if to == 0 { &mut self.a } else { &mut self.b };
        let mut room = [0; REPORT_BYTES_MAX];
        let len = leg.write_report(time(self.now), 7, &mut room)?;
        Some(room[..len].to_vec())
    }
}

fn ssrc(phone: usize) -> u32 {
    0xa000_0000 + phone as u32
}

fn block(of: usize, fraction_lost: u8, lsr: u32, dlsr: u32) -> Report {
    Report {
        ssrc: ssrc(of),
        fraction_lost,
        cumulative_lost: 9,
        highest: 1,
        jitter: 80,
        last_sender_report: lsr,
        delay_since: dlsr,
    }
}

#[test]
fn while_the_phones_report_to_each_other_nothing_is_added() {
    let mut story = Story::new();
    for _ in 0..10 {
        for _ in 0..200 {
            story.says(0, false);
            story.says(1, false);
        }
        story.reports(0, true, None);
        story.reports(1, true, None);
        assert_eq!((story.writes(0), story.writes(1)), (None, None));
    }
}

/// A.3 by hand: of 100 packets 25 did not come, that is 64/256.
#[test]
fn a_phone_that_nobody_reports_to_gets_reports_from_us() {
    let mut story = Story::new();
    story.says(0, false);
    story.says(1, false);
    assert_eq!(story.writes(0), None, "the phones have not had the time to report");
    for n in 0..100 {
        story.says(0, n % 4 == 2);
    }
    let first = read(&story.writes(0).unwrap()).unwrap();
    let report = first.report.unwrap();
    assert_eq!((report.ssrc, report.fraction_lost, report.cumulative_lost), (ssrc(0), 63, 25));
    assert_eq!(report.highest, 100);
    assert_eq!(
        first.sender,
        ssrc(1),
        "it hears the other phone's stream, so that is whose sender report it gets"
    );
    assert!(first.sender_report.is_some());
    let silent = read(&story.writes(0).unwrap()).unwrap();
    assert_eq!(silent.report, None, "nothing has come since the last report");
    story.now += 60 * SECOND;
    story.says(0, false);
    let alone = read(&story.writes(0).unwrap()).unwrap();
    assert_eq!(alone.sender_report, None, "and nothing goes to it any more");
    assert!(alone.sender != ssrc(1) && alone.sender != ssrc(0), "a name of our own");
    assert_eq!(alone.report.unwrap().fraction_lost, 0);
}

#[test]
fn the_sender_report_counts_what_this_stream_has_sent() {
    let mut story = Story::new();
    for _ in 0..51 {
        story.says(1, false);
    }
    assert_eq!(story.writes(0), None);
    let bytes = story.writes(0).unwrap();
    let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!(word(16), 50 * 160, "RTP time of this instant, which is that of the last packet");
    assert_eq!((word(20), word(24)), (51, 51 * 160), "packets, and octets without their headers");
    story.now += SECOND;
    let bytes = story.writes(0).unwrap();
    assert_eq!(u32::from_be_bytes(bytes[16..20].try_into().unwrap()), 50 * 160 + 8_000, "a second later");
}

#[test]
fn what_the_phones_say_of_each_other_tells_each_leg_its_round_trip() {
    let mut story = Story::new();
    story.says(0, false);
    story.says(1, false);
    // A's sender report goes to B at this instant; B keeps it for 2 s, and its mention is back 60 ms later.
    let middle = ((time(story.now).ntp >> 16) & 0xffff_ffff) as u32;
    story.reports(0, true, None);
    story.now += 2_060_000;
    story.reports(1, false, Some(block(0, 26, middle, 2 << 16)));
    let seen = story.b.seen(story.now, None, false).judgement;
    assert_eq!(seen.rtt_micros, Some(60_000));
    let far = seen.far.unwrap();
    assert_eq!((far.loss_percent, far.packets_lost, far.jitter_micros), (10, 9, 10_000));
    assert_eq!(
        story.a.seen(story.now, None, false).judgement.rtt_micros,
        None,
        "B has sent no sender report"
    );
    // Minus one, of 24 bits: a packet has come twice.
    story.reports(1, false, Some(Report { cumulative_lost: 0xff_ffff, ..block(0, 0, 0, 0) }));
    let far = story.b.seen(story.now, None, false).judgement.far.unwrap();
    assert_eq!(far.packets_lost, 0, "less than none is none");
}

/// RFC 5506 lets a phone send them without a report.
#[test]
fn feedback_and_a_goodbye_alone_are_no_reports_that_the_phone_hears_nothing() {
    let mut story = Story::new();
    story.says(0, false);
    let picture_loss =
        [[0x81, 206, 0, 2].as_slice(), &ssrc(1).to_be_bytes(), &ssrc(0).to_be_bytes()].concat();
    let goodbye = [[0x81, 203, 0, 1].as_slice(), &ssrc(1).to_be_bytes()].concat();
    for packet in [&picture_loss, &picture_loss, &goodbye] {
        assert_eq!(story.carry(1, Channel::Rtcp, packet), Step::Send(packet.len()));
    }
    assert!(!story.b.reports.far_hears_nothing());
    story.reports(1, false, None);
    assert!(!story.b.reports.far_hears_nothing(), "once may be too early");
    story.reports(1, false, None);
    assert!(story.b.reports.far_hears_nothing());
}

#[test]
fn our_own_sender_report_tells_the_round_trip_too() {
    let mut story = Story::new();
    story.says(1, false);
    assert_eq!(story.writes(0), None);
    let ours = read(&story.writes(0).unwrap()).unwrap();
    story.now += 1_040_000;
    let mut packet = [0; REPORT_BYTES_MAX];
    let mention = block(1, 0, ours.sender_report.unwrap(), 1 << 16);
    let compound =
        Compound { reporter: ssrc(0), sent: None, received: Some(mention), cname: b"a", leaves: false };
    let len = compound.write(&mut packet).unwrap();
    let _ = story.carry(0, Channel::Rtcp, &packet[..len]);
    assert_eq!(story.a.seen(story.now, None, false).judgement.rtt_micros, Some(40_000));
}

#[test]
fn the_round_trip_of_rfc_3550_figure_2() {
    // The report comes at 46,864.500 s; LSR = 46,853.125 s, DLSR = 5.250 s: 6.125 s.
    let sent = 46_853_125_000;
    let mark = Mark { middle: 0xb705_2000, at_micros: sent };
    let reports = Reports { sent: [Some(mark), None], ..Reports::default() };
    let mention = block(0, 0, 0xb705_2000, 0x0005_4000);
    assert_eq!(reports.round_trip(46_864_500_000, &mention), Some(6_125_000));
    assert_eq!(reports.round_trip(sent, &mention), None, "less than nothing");
    let none = Report { last_sender_report: 0, ..mention };
    assert_eq!(reports.round_trip(46_864_500_000, &none), None, "no sender report yet");
}

#[test]
fn a_mention_of_what_was_never_sent_tells_nothing() {
    let mut story = Story::new();
    story.says(0, false);
    story.reports(0, true, None);
    story.now += SECOND;
    for (lsr, dlsr) in [(0, 0), (0x1234_5678, 0), (u32::MAX, u32::MAX)] {
        story.reports(1, false, Some(block(0, 0, lsr, dlsr)));
        assert_eq!(story.b.seen(story.now, None, false).judgement.rtt_micros, None);
    }
}

#[test]
fn a_phone_that_has_heard_from_us_gets_a_goodbye_from_us() {
    let mut story = Story::new();
    let mut room = [0; REPORT_BYTES_MAX];
    story.says(0, false);
    assert_eq!(story.a.write_goodbye(0, &mut room), None, "it has never heard of us");
    assert_eq!(story.writes(0), None);
    story.says(0, false);
    assert!(story.writes(0).is_some());
    let len = story.a.write_goodbye(0, &mut room).unwrap();
    let summary = read(&room[..len]).unwrap();
    assert!(summary.leaves && summary.report.is_none());
    story.says(1, false);
    assert!(story.writes(1).is_none());
    story.says(0, false);
    assert!(story.writes(1).is_some());
    assert_eq!(story.b.write_goodbye(0, &mut room), None, "goodbye in a phone's name is the phone's to say");
}

#[test]
fn a_stream_of_ours_is_reported_though_the_phones_report_to_each_other() {
    let mut story = Story::new();
    story.says(0, false);
    story.reports(1, true, None);
    let mut packet = [0; 172];
    packet[8..12].copy_from_slice(&0x5555_u32.to_be_bytes());
    story.a.speak(story.now, &packet, true);
    let ours = read(&story.writes(0).unwrap()).unwrap();
    assert_eq!((ours.sender, ours.sender_report.is_some()), (0x5555, true));
    let mut room = [0; REPORT_BYTES_MAX];
    let len = story.a.write_goodbye(0, &mut room).unwrap();
    assert_eq!(read(&room[..len]).unwrap().sender, 0x5555);
}

#[test]
fn nothing_is_reported_to_a_leg_that_never_had_sound() {
    let mut story = Story::new();
    for _ in 0..3 {
        assert_eq!(story.writes(0), None);
    }
}

#[test]
fn intervals_are_spread_around_five_seconds_over_e_minus_three_halves() {
    let all: Vec<u64> = (0..2_000).map(report_interval_micros).collect();
    let (least, most) = (2_500_000 * 100_000 / 121_828, 7_500_000 * 100_000 / 121_828);
    assert!(all.iter().all(|micros| (least..=most).contains(micros)));
    let mean = all.iter().sum::<u64>() / all.len() as u64;
    assert!((4_000_000..4_200_000).contains(&mean), "{mean}");
    assert!(all.iter().min().unwrap() < &(least + 100_000) && all.iter().max().unwrap() > &(most - 100_000));
}
