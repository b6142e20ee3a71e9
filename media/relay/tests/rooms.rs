//! Stories of rooms (decision 0043): who hears whom. Sockets are real; the room's own ticks are the pace, and what is heard is
//! decoded and measured.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]

mod copies;
mod keeper;
#[path = "../../streams/tests/sound/mod.rs"]
#[expect(dead_code, reason = "these stories need a part of the sounds")]
mod sound;
#[expect(dead_code, reason = "these stories need a part of the talk")]
mod talk;
#[expect(dead_code, reason = "these stories need a part of the world")]
mod world;

use std::sync::Arc;

use copies::next;
use relay::{Helpers, RelayConfig, Resumed};
use rtrb::RingBuffer;
use sound::amplitude;
use streams::{
    audio::library::Library,
    codec::Codec,
    conference::{HeardBy, MEMBERS_MAX, Place, RoomId, Sitting},
    media::{EventFormat, LegMedia, MediaCommand, PortLease, Side, SoundName, Tap, Voice, VoiceFormat},
};
use talk::{Heard, Talker, written};
use world::{Phone, World, config, rtcp_of, v4};

const ROOM: RoomId = RoomId(8_000);
const OTHER_ROOM: RoomId = RoomId(u128::MAX);
/// What who says; far from each other, and below what G.711 passes.
const TONES: [f64; 3] = [500.0, 1_100.0, 1_900.0];
/// Ticks until codecs, filters and buffers have settled.
const SETTLED: usize = 25;

struct Member {
    talker: Talker,
    lease: PortLease,
    hz: f64,
    said: Vec<Heard>,
}

impl Member {
    fn new(talker: Talker, lease: PortLease, hz: f64) -> Self {
        Self { talker, lease, hz, said: Vec::new() }
    }

    fn speaks(&mut self) {
        let packet = self.talker.tone(self.hz, false);
        self.talker.sends(&packet, &self.lease);
        self.said.push(packet);
    }
}

fn enter(world: &mut World, codec: (Codec, u8), hz: f64, room: RoomId) -> Member {
    let talker = Talker::new(Phone::new(v4()), codec.0, codec.1);
    let lease = world.open(talker.media());
    world.order(meet(&lease, room, false));
    Member::new(talker, lease, hz)
}

fn meet(lease: &PortLease, room: RoomId, is_muted: bool) -> MediaCommand {
    MediaCommand::Meet { lease: lease.id, room, sitting: Sitting::member(is_muted) }
}

/// Three with three codecs in one room.
fn three(world: &mut World) -> [Member; 3] {
    let codecs = [(Codec::Pcma, 8), (Codec::G722, 9), (Codec::Opus, 111)];
    std::array::from_fn(|n| enter(world, codecs[n], TONES[n], ROOM))
}

/// All say their tones for so many ticks, and hear what comes.
fn talk(members: &mut [Member], ticks: usize) {
    for member in members.iter_mut() {
        while !member.talker.phone.has_heard_nothing() {}
        member.talker.forget();
    }
    for _ in 0..ticks + SETTLED {
        members.iter_mut().for_each(Member::speaks);
        members.iter_mut().for_each(|member| drop(member.talker.hears()));
    }
}

/// Which of the tones somebody has heard.
fn heard(member: &Member) -> [bool; 3] {
    let rate = member.talker.codec.rate();
    let settled = &member.talker.heard[rate.samples(SETTLED * 20)..];
    TONES.map(|hz| match amplitude(settled, rate.hz(), hz) {
        level if level < 500.0 => false,
        level => {
            assert!((4_000.0..10_500.0).contains(&level), "{hz} Hz at a level of {level:.0} of 8,000");
            true
        }
    })
}

#[test]
fn three_with_three_codecs_hear_each_other_and_not_themselves() {
    let mut world = World::start(config(v4(), 47_000, 47_039));
    let mut members = three(&mut world);
    // What comes before a leg is open is from nobody.
    world.settle();
    talk(&mut members, 50);
    let others = [[false, true, true], [true, false, true], [true, true, false]];
    assert_eq!(members.each_ref().map(heard), others);
    for member in &members {
        member.talker.heard_one_stream();
        assert!(members.iter().all(|other| other.talker.phone.ssrc != member.talker.packets[0].ssrc));
    }
    let report = world.close(members[0].lease.id);
    assert!(report.packets_received >= 75 && report.packets_sent >= 75, "{report:?}");
}

#[test]
fn who_is_muted_hears_and_is_not_heard() {
    let mut world = World::start(config(v4(), 47_040, 47_079));
    let mut members = three(&mut world);
    world.order(meet(&members[1].lease, ROOM, true));
    world.settle();
    talk(&mut members, 25);
    let muted = [[false, false, true], [true, false, true], [true, false, false]];
    assert_eq!(members.each_ref().map(heard), muted);
    world.order(meet(&members[1].lease, ROOM, false));
    world.settle();
    talk(&mut members, 25);
    assert_eq!(heard(&members[0]), [false, true, true]);
}

#[test]
fn who_has_left_is_heard_no_more_and_another_room_is_another_room() {
    let mut world = World::start(config(v4(), 47_080, 47_119));
    let mut members = three(&mut world);
    world.order(meet(&members[2].lease, OTHER_ROOM, false));
    world.settle();
    talk(&mut members, 25);
    assert_eq!(members.each_ref().map(heard), [[false, true, false], [true, false, false], [false; 3]]);
    // Parted from their room two hear nothing, joined they hear each other.
    world.order(MediaCommand::Part { lease: members[0].lease.id });
    world.settle();
    while !members[0].talker.phone.has_heard_nothing() {}
    members[0].talker.forget();
    talk(&mut members[1..], 10);
    assert_eq!(heard(&members[1]), [false; 3]);
    assert!(members[0].talker.phone.has_heard_nothing());
    world.order(MediaCommand::Join { a: members[0].lease.id, b: members[1].lease.id });
    world.settle();
    talk(&mut members[..2], 25);
    assert_eq!(heard(&members[1]), [true, false, false]);
    // A closed one leaves nothing behind.
    world.close(members[2].lease.id);
    let mut late = enter(&mut world, (Codec::Pcmu, 0), TONES[2], OTHER_ROOM);
    world.settle();
    talk(std::slice::from_mut(&mut late), 5);
    assert_eq!(heard(&late), [false; 3]);
}

#[test]
fn sounds_are_announced_besides_the_others_and_said_to_one_in_their_place() {
    let sounds = Some(Arc::new(Library::of_tones()));
    let mut world = World::start(RelayConfig { sounds, ..config(v4(), 47_120, 47_159) });
    let mut members = three(&mut world);
    let name = |name: &str| -> Arc<[SoundName]> { [SoundName::new(name)].into() };
    talk(&mut members, 5);
    for member in &mut members {
        while !member.talker.phone.has_heard_nothing() {}
        member.talker.forget();
    }
    world.order(MediaCommand::Announce { room: ROOM, sounds: name("tone/special-information") });
    world.order(MediaCommand::Announce { room: OTHER_ROOM, sounds: name("tone/busy") });
    for _ in 0..50 {
        members.iter_mut().for_each(Member::speaks);
        members.iter_mut().for_each(|member| drop(member.talker.hears()));
    }
    for member in &members {
        let rate = member.talker.codec.rate();
        // The second of its three tones is between 330 and 660 ms.
        let piece = &member.talker.heard[rate.samples(450)..rate.samples(600)];
        assert!(amplitude(piece, rate.hz(), 1_400.0) > 3_000.0, "all hear it");
        let beside = TONES.iter().filter(|hz| amplitude(piece, rate.hz(), **hz) > 4_000.0).count();
        assert_eq!(beside, 2, "and each other");
    }
    // What one is played is heard in place of the room, by that one alone; then it is back.
    world.order(MediaCommand::Play { lease: members[0].lease.id, sounds: name("tone/dial"), repeat: true });
    world.settle();
    talk(&mut members, 25);
    assert_eq!(members.each_ref().map(heard)[..2], [[false; 3], [true, false, true]]);
    let rate = members[0].talker.codec.rate();
    assert!(amplitude(&members[0].talker.heard, rate.hz(), 425.0) > 3_000.0);
    world.order(MediaCommand::Stop { lease: members[0].lease.id });
    world.settle();
    talk(&mut members, 25);
    assert_eq!(heard(&members[0]), [false, true, true]);
    let name = members[0].talker.packets[0].ssrc;
    assert!(members[0].talker.packets.iter().all(|packet| packet.ssrc == name), "one source all the time");
}

#[test]
fn who_holds_is_not_heard_and_another_codec_is_heard_as_well() {
    let mut world = World::start(config(v4(), 47_160, 47_199));
    let mut members = three(&mut world);
    let silent = LegMedia { sends: false, ..members[0].talker.media() };
    world.order(MediaCommand::Configure { lease: members[0].lease.id, media: silent });
    let before = &members[1].talker.phone;
    let other =
        Phone { rtp: before.rtp.try_clone().unwrap(), rtcp: before.rtcp.try_clone().unwrap(), ..*before };
    members[1].talker = Talker::new(other, Codec::Pcmu, 0);
    let media = members[1].talker.media();
    world.order(MediaCommand::Configure { lease: members[1].lease.id, media });
    world.settle();
    talk(&mut members, 25);
    assert_eq!(
        members.each_ref().map(heard),
        [[false, true, true], [false, false, true], [false, true, false]]
    );
}

#[test]
fn a_room_is_full_at_its_limit() {
    let mut world = World::start(RelayConfig { stock_target: 48, ..config(v4(), 47_200, 47_299) });
    let mut members: Vec<Member> =
        (0..=MEMBERS_MAX).map(|_| enter(&mut world, (Codec::Pcma, 8), 500.0, ROOM)).collect();
    world.settle();
    world.counted("commands_stale", 1);
    let one_too_many = members.pop().unwrap();
    talk(&mut members, 2);
    assert!(one_too_many.talker.phone.has_heard_nothing());
    world.close(members[7].lease.id);
    world.order(meet(&one_too_many.lease, ROOM, false));
    world.settle();
    talk(&mut [one_too_many], 2);
}

/// Whom a supervisor is heard by (decision 0049).
#[derive(Clone, Copy)]
enum Mode {
    Listen,
    Whisper,
    Barge,
}

/// Of whom, and what each hears: the first two talk, and the third is with the first.
const MODES: [(Mode, [[bool; 3]; 3]); 3] = [
    (Mode::Listen, [[false, true, false], [true, false, false], [true, true, false]]),
    (Mode::Whisper, [[false, true, true], [true, false, false], [true, true, false]]),
    (Mode::Barge, [[false, true, true], [true, false, true], [true, true, false]]),
];

/// Two talk, and a third one is about to listen.
fn call(world: &mut World) -> [Member; 3] {
    let codecs = [(Codec::Pcma, 8), (Codec::Pcma, 8), (Codec::Opus, 111)];
    let members: [Member; 3] = std::array::from_fn(|n| {
        let talker = Talker::new(Phone::new(v4()), codecs[n].0, codecs[n].1);
        let lease = world.open(talker.media());
        Member::new(talker, lease, TONES[n])
    });
    world.order(MediaCommand::Join { a: members[0].lease.id, b: members[1].lease.id });
    members
}

fn supervise(world: &mut World, members: &[Member; 3], mode: Mode) {
    let [staff, other, supervisor] = [0, 1, 2].map(|at: usize| members[at].lease.id);
    let beside = |hears_room| Sitting { heard_by: HeardBy::Everyone, place: Place::Beside { hears_room } };
    let heard_by = match mode {
        Mode::Listen => HeardBy::Nobody,
        Mode::Whisper => HeardBy::Only(staff),
        Mode::Barge => HeardBy::Everyone,
    };
    for (lease, sitting) in [
        (supervisor, Sitting { heard_by, place: Place::Inside }),
        (staff, beside(!matches!(mode, Mode::Listen))),
        (other, beside(matches!(mode, Mode::Barge))),
    ] {
        world.order(MediaCommand::Meet { lease, room: ROOM, sitting });
    }
    world.settle();
}

/// What everybody has heard last came from this source.
fn sources(members: &[Member; 3]) -> [u32; 2] {
    [0, 1].map(|at: usize| members[at].talker.packets.last().expect("it has heard something").ssrc)
}

/// Who has never heard a supervisor is sent what the other one sends; who has, one stream of ours from then on. What is
/// recorded is what the two have sent, and nothing else.
#[test]
fn a_supervisor_listens_whispers_and_barges_in_and_the_two_talk_as_before() {
    let (ring, mut copied) = RingBuffer::new(1 << 20);
    let helpers = Helpers { recorder: Some(ring), ..Helpers::default() };
    let mut world = World::helped(config(v4(), 47_340, 47_379), Resumed::default(), helpers);
    let mut members = call(&mut world);
    for (member, side) in members.iter().zip([Side::Left, Side::Right]) {
        world.order(MediaCommand::Tap { lease: member.lease.id, tap: Some(Tap { recording: 1, side }) });
    }
    let mut known = [members[1].talker.phone.ssrc, members[0].talker.phone.ssrc];
    let each_other = known;
    let back = [MODES[0], MODES[1], MODES[0]];
    let is_joined = [[true, true], [false, true], [false, false]].into_iter().chain([[false, false]; 3]);
    for ((mode, who_hears_whom), is_joined) in MODES.into_iter().chain(back).zip(is_joined) {
        supervise(&mut world, &members, mode);
        talk(&mut members, 25);
        assert_eq!(members.each_ref().map(heard), who_hears_whom);
        for (at, heard) in sources(&members).into_iter().enumerate() {
            assert_eq!(heard == each_other[at], is_joined[at]);
            assert!(known[at] == each_other[at] || heard == known[at], "one stream of ours");
            known[at] = heard;
        }
    }
    supervise(&mut world, &members, Mode::Barge);
    talk(&mut members, 5);
    for member in &members[..2] {
        world.order(MediaCommand::Leave { lease: member.lease.id });
    }
    world.close(members[2].lease.id);
    talk(&mut members[..2], 25);
    assert_eq!([heard(&members[0]), heard(&members[1])], [[false, true, false], [true, false, false]]);
    assert_eq!(sources(&members), known);
    let mut copies = [Vec::new(), Vec::new()];
    while let Some((head, packet)) = next(&mut copied) {
        copies[usize::from(head.side == Side::Right)].push(packet);
    }
    let said = [0, 1].map(|at: usize| members[at].said.iter().map(written).collect::<Vec<_>>());
    assert!(copies == said, "nothing that a supervisor says");
}

/// RFC 4733: nobody can hear an event, so it goes between what is heard of the room.
#[test]
fn keys_pass_between_two_while_somebody_speaks_to_both() {
    let mut world = World::start(config(v4(), 47_500, 47_539));
    let members = call(&mut world);
    keys_pass(&mut world, members, (101, [5, 10, 1, 224]));
}

/// The room is heard in the first format that a phone has agreed on, whatever else it has; so are the keys.
#[test]
fn keys_pass_in_a_room_to_who_has_agreed_on_speech_of_two_clocks() {
    let mut world = World::start(config(v4(), 47_540, 47_579));
    let narrow = EventFormat::new(101, 8_000);
    for (events, expected) in [
        (vec![EventFormat::new(96, 48_000), narrow], (96, [5, 10, 11, 64])),
        (vec![narrow], (101, [5, 10, 1, 224])),
    ] {
        let mut members = call(&mut world);
        let staff = Talker::new(Phone::new(v4()), Codec::Opus, 111);
        let formats = vec![VoiceFormat::new(Codec::Opus, 111), VoiceFormat::new(Codec::Pcma, 8)];
        let media =
            LegMedia { voice: Some(Voice { formats, events, ..Voice::default() }), ..staff.phone.media() };
        world.order(MediaCommand::Configure { lease: members[0].lease.id, media });
        members[0].talker = staff;
        keys_pass(&mut world, members, expected);
    }
}

fn keys_pass(world: &mut World, mut members: [Member; 3], (number, last): (u8, [u8; 4])) {
    supervise(world, &members, Mode::Barge);
    talk(&mut members, 5);
    let [staff, other, _] = &mut members;
    let said = other.talker.tone(TONES[1], true);
    for duration in [160_u16, 320, 480] {
        let [high, low] = duration.to_be_bytes();
        let (sequence, payload) = (said.sequence + duration / 160 - 1, vec![5, 10, high, low]);
        let event = Heard { payload_type: 101, sequence, payload, ..said.clone() };
        other.talker.sends(&event, &other.lease);
    }
    let mut heard: Vec<Heard> = Vec::new();
    while heard.iter().filter(|heard| heard.payload_type == number).count() < 3 {
        heard.push(staff.talker.hears());
        assert!(heard.len() < 100, "no key");
    }
    assert!(heard.windows(2).all(|two| two[1].sequence == two[0].sequence.wrapping_add(1)));
    assert!(heard.iter().all(|one| one.ssrc == heard[0].ssrc && one.ssrc != other.talker.phone.ssrc));
    heard.retain(|heard| heard.payload_type == number);
    assert!(heard.iter().all(|event| event.timestamp == heard[0].timestamp), "one event");
    assert_eq!(heard[2].payload, last);
    for member in members {
        world.close(member.lease.id);
    }
}

/// RFC 3550 §6: reports pass until one of the two hears a stream of ours.
#[test]
fn reports_of_a_call_that_is_listened_to_pass() {
    let mut world = World::start(config(v4(), 47_380, 47_419));
    let mut members = call(&mut world);
    let mut sent = 0;
    for (mode, passes) in [(Mode::Listen, true), (Mode::Whisper, false), (Mode::Listen, false)] {
        supervise(&mut world, &members, mode);
        talk(&mut members, 5);
        let [staff, other, _] = &members;
        let mut report = [0x80, 201, 0, 1, 0, 0, 0, 0];
        report[4..].copy_from_slice(&other.talker.phone.ssrc.to_be_bytes());
        other.talker.phone.rtcp.send_to(&report, rtcp_of(&other.lease)).unwrap();
        sent += 1;
        while world.look(other.lease.id).rtcp_received < sent {}
        let mut buffer = [0; 64];
        staff.talker.phone.rtcp.set_nonblocking(!passes).unwrap();
        let came = staff.talker.phone.rtcp.recv_from(&mut buffer).ok();
        assert_eq!(came.is_some_and(|(length, _)| buffer[..length] == report), passes);
    }
}

/// Who sits beside a call goes with it: what is heard of a next one is another order's business.
#[test]
fn who_is_joined_to_somebody_else_is_overheard_no_more() {
    let mut world = World::start(config(v4(), 47_420, 47_459));
    let mut members = call(&mut world);
    supervise(&mut world, &members, Mode::Barge);
    // Joined to the same one again nothing changes.
    world.order(MediaCommand::Join { a: members[1].lease.id, b: members[0].lease.id });
    world.settle();
    talk(&mut members, 25);
    assert_eq!(members.each_ref().map(heard), MODES[2].1);
    world.order(MediaCommand::Part { lease: members[1].lease.id });
    world.settle();
    for member in &mut members[..2] {
        while !member.talker.phone.has_heard_nothing() {}
        member.talker.forget();
        let lease = member.lease;
        member.talker.says(member.hz, &lease);
    }
    talk(&mut members[2..], 5);
    assert_eq!(heard(&members[2]), [false; 3]);
    assert!(members[..2].iter().all(|member| member.talker.phone.has_heard_nothing()));
    world.order(MediaCommand::Join { a: members[0].lease.id, b: members[1].lease.id });
    world.settle();
    talk(&mut members, 25);
    assert_eq!(members.each_ref().map(heard), [[false, true, false], [true, false, false], [false; 3]]);
}

/// Decision 0014: who is whispered to hears it in the next life, and the other one does not.
#[test]
fn a_whisper_goes_on_after_a_crash() {
    let config = config(v4(), 47_460, 47_499);
    let (mut world, keeper) = World::kept(&config);
    let mut members = call(&mut world);
    supervise(&mut world, &members, Mode::Whisper);
    talk(&mut members, 10);
    let left = world.ends(&keeper, false);
    let mut world = World::resume(config, left, Some(Box::new(keeper)));
    world.settle();
    talk(&mut members, 25);
    assert_eq!(members.each_ref().map(heard), MODES[1].1);
}

/// Decision 0014: whoever sits in a room does so in the next life, muted or not.
#[test]
fn rooms_go_on_after_a_crash() {
    let config = config(v4(), 47_300, 47_339);
    let (mut world, keeper) = World::kept(&config);
    let mut members = three(&mut world);
    world.order(meet(&members[2].lease, ROOM, true));
    world.settle();
    talk(&mut members, 10);
    let left = world.ends(&keeper, false);
    let mut world = World::resume(config, left, Some(Box::new(keeper)));
    world.settle();
    talk(&mut members, 25);
    assert_eq!(
        members.each_ref().map(heard),
        [[false, true, false], [true, false, false], [true, true, false]]
    );
    assert_eq!(world.played, [], "nobody is told to hear nothing");
}
