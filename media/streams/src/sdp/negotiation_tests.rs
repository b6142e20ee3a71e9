//! Golden tables of what a called phone is offered, what the caller is answered, and what both legs speak then.
//!
//! A line is written `number=name`: `8=PCMA 101=te8`. A phone takes what it knows of an offer, in its own order and under
//! the offer's numbers, as phones do.

use super::{Description, Spoken};
use crate::{
    codec::{Codec, LinearRate},
    media::Voice,
};

/// Short names with their rtpmaps.
const NAMES: [(&str, &str); 12] = [
    ("PCMU", "PCMU/8000"),
    ("PCMA", "PCMA/8000"),
    ("G722", "G722/8000"),
    ("opus", "opus/48000/2"),
    ("L16", "L16/16000"),
    ("G729", "G729/8000"),
    ("G726", "G726-32/8000"),
    ("te8", "telephone-event/8000"),
    ("te48", "telephone-event/48000"),
    ("CN", "CN/8000"),
    ("red", "red/48000/2"),
    ("H264", "H264/90000"),
];

const DEFAULT: &[Codec] = &[Codec::Opus, Codec::G722, Codec::Pcma, Codec::Pcmu];

fn sdp(kind: &str, line: &str, more: &str) -> Description {
    let formats: Vec<(&str, &str)> = line.split(' ').map(|one| one.split_once('=').unwrap()).collect();
    let numbers: Vec<&str> = formats.iter().map(|(number, _)| *number).collect();
    let mut text = format!(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm={kind} 4000 RTP/AVP {}\r\n",
        numbers.join(" ")
    );
    for (number, name) in formats {
        let rtpmap = NAMES.iter().find(|(short, _)| *short == name).unwrap().1;
        text.push_str(&format!("a=rtpmap:{number} {rtpmap}\r\n"));
        if name.starts_with("te") {
            text.push_str(&format!("a=fmtp:{number} 0-16\r\n"));
        }
    }
    Description::parse((text + more).as_bytes()).unwrap()
}

fn audio(line: &str) -> Description {
    sdp("audio", line, "")
}

/// The first line as it is written in the tables.
fn line(description: &Description) -> String {
    let stream = description.streams().next().unwrap();
    let short = |format: &super::Format| {
        let channels = if format.channels == 1 { String::new() } else { format!("/{}", format.channels) };
        let rtpmap = format!("{format}{channels}");
        let name = NAMES.iter().find(|(_, long)| long.eq_ignore_ascii_case(&rtpmap)).map(|(short, _)| *short);
        format!("{}={}", format.payload_type, name.unwrap_or(&rtpmap))
    };
    stream.formats.iter().map(short).collect::<Vec<_>>().join(" ")
}

/// What a phone that knows these formats answers.
fn answer_of(knows: &str, offer: &Description) -> Description {
    let offered = line(offer);
    let number = |name: &str| {
        let found = offered.split(' ').find(|one| one.split_once('=').unwrap().1 == name)?;
        Some(found.to_owned())
    };
    let taken: Vec<String> = knows.split(' ').filter_map(number).collect();
    assert!(!taken.is_empty(), "{knows} can do nothing with {offered}");
    audio(&taken.join(" "))
}

/// `codec to/from`, events as `te8 to/from`, noise as `CN`.
fn shown(voice: Option<Voice>) -> String {
    let Some(voice) = voice else { return "-".into() };
    let name = |codec: Codec| {
        let (name, clock, channels) = codec.rtpmap();
        let rtpmap = if channels == 1 { format!("{name}/{clock}") } else { format!("{name}/{clock}/2") };
        NAMES.iter().find(|(_, long)| **long == rtpmap).unwrap().0
    };
    let speech =
        voice.formats.iter().map(|one| format!("{} {}/{}", name(one.codec), one.to_them, one.from_them));
    let events = voice
        .events
        .iter()
        .map(|one| format!("te{} {}/{}", one.clock_rate_hz / 1_000, one.to_them, one.from_them));
    let noise = voice.noise.map(|_| "CN".to_owned());
    speech.chain(events).chain(noise).collect::<Vec<_>>().join(", ")
}

fn spoken(told: &Description, said: &Description) -> String {
    shown(Spoken::of(&told.streams().next().unwrap()).agreed(&said.streams().next().unwrap()))
}

/// Caller's offer, what the called phone knows, our codecs: what that phone is offered, what the caller is answered, and
/// what the two legs speak.
#[track_caller]
fn check(caller: &str, knows: &str, codecs: &[Codec], expected: [&str; 4]) {
    let offer = audio(caller);
    let to_device = offer.widened(codecs, None);
    let answer = answer_of(knows, &to_device);
    assert!(answer.answers(&offer));
    let to_caller = answer.narrowed(&offer, codecs);
    let found = [line(&to_device), line(&to_caller), spoken(&to_caller, &offer), spoken(&to_device, &answer)];
    assert_eq!(found.each_ref().map(String::as_str), expected, "{caller} to a phone with {knows}");
}

#[test]
fn rfc_3264_6_a_common_format_is_taken_and_nothing_is_transcoded() {
    check(
        "0=PCMU 8=PCMA 101=te8",
        "PCMA te8",
        DEFAULT,
        [
            "0=PCMU 8=PCMA 101=te8 111=opus 9=G722 96=te48",
            "8=PCMA 101=te8",
            "PCMA 8/8, te8 101/101",
            "PCMA 8/8, te8 101/101",
        ],
    );
    // Of events for two clocks those of the speech are taken.
    check(
        "111=opus 8=PCMA 110=te48 101=te8",
        "PCMA",
        DEFAULT,
        [
            "111=opus 8=PCMA 110=te48 101=te8 9=G722 0=PCMU",
            "8=PCMA 101=te8",
            "PCMA 8/8, te8 101/101",
            "PCMA 8/8",
        ],
    );
    // The phone keeps one more than the caller has: the caller is not told.
    check(
        "8=PCMA",
        "opus PCMA",
        DEFAULT,
        ["8=PCMA 111=opus 9=G722 0=PCMU 101=te8 96=te48", "8=PCMA", "PCMA 8/8", "opus 111/111, PCMA 8/8"],
    );
    // The phone's order is passed on.
    check(
        "9=G722 8=PCMA 13=CN",
        "CN PCMA G722",
        DEFAULT,
        [
            "9=G722 8=PCMA 13=CN 111=opus 0=PCMU 101=te8 96=te48",
            "13=CN 8=PCMA 9=G722",
            "G722 9/9, PCMA 8/8, CN",
            "PCMA 8/8, G722 9/9, CN",
        ],
    );
}

#[test]
fn phones_with_nothing_in_common_are_both_spoken_to_as_they_speak() {
    check(
        "111=opus 110=te48",
        "PCMA te8",
        DEFAULT,
        [
            "111=opus 110=te48 9=G722 8=PCMA 0=PCMU 101=te8",
            "111=opus 110=te48",
            "opus 111/111, te48 110/110",
            "PCMA 8/8, te8 101/101",
        ],
    );
    check(
        "8=PCMA 101=te8",
        "opus te48 te8",
        DEFAULT,
        [
            "8=PCMA 101=te8 111=opus 9=G722 0=PCMU 96=te48",
            "8=PCMA 101=te8",
            "PCMA 8/8, te8 101/101",
            "opus 111/111, te48 96/96, te8 101/101",
        ],
    );
    // Events of ours where the caller has none, and the caller's where the phone has none: keys are said in another way.
    check(
        "0=PCMU",
        "opus te48",
        DEFAULT,
        ["0=PCMU 111=opus 9=G722 8=PCMA 101=te8 96=te48", "0=PCMU", "PCMU 0/0", "opus 111/111, te48 96/96"],
    );
    for (knows, first, speaks) in [("PCMA", "8=PCMA", "PCMA 8/8"), ("opus", "8=PCMA", "opus 111/111")] {
        check(
            "8=PCMA 101=te8",
            knows,
            DEFAULT,
            [
                "8=PCMA 101=te8 111=opus 9=G722 0=PCMU 96=te48",
                &format!("{first} 101=te8"),
                "PCMA 8/8, te8 101/101",
                speaks,
            ],
        );
    }
}

#[test]
fn the_caller_is_answered_one_codec_of_the_same_width_and_then_the_most_wanted() {
    // Narrow sound gains nothing by Opus.
    check(
        "111=opus 0=PCMU",
        "PCMA",
        DEFAULT,
        ["111=opus 0=PCMU 9=G722 8=PCMA 101=te8 96=te48", "0=PCMU", "PCMU 0/0", "PCMA 8/8"],
    );
    check(
        "111=opus 9=G722 0=PCMU",
        "L16",
        &[Codec::Opus, Codec::Pcmu, Codec::G722, Codec::L16(LinearRate::Wide)],
        [
            "111=opus 9=G722 0=PCMU 96=L16 101=te8 97=telephone-event/16000 98=te48",
            "9=G722",
            "G722 9/9",
            "L16 96/96",
        ],
    );
    check(
        "0=PCMU 9=G722",
        "opus",
        DEFAULT,
        ["0=PCMU 9=G722 111=opus 8=PCMA 101=te8 96=te48", "9=G722", "G722 9/9", "opus 111/111"],
    );
}

#[test]
fn what_cannot_be_decoded_passes_as_it_is() {
    check("18=G729 101=te8", "G729 te8", DEFAULT, ["18=G729 101=te8", "18=G729 101=te8", "-", "-"]);
    // In company it is offered on, and is common if both have it.
    check(
        "18=G729 8=PCMA",
        "G729",
        DEFAULT,
        ["18=G729 8=PCMA 111=opus 9=G722 0=PCMU 101=te8 96=te48", "18=G729", "-", "-"],
    );
    check(
        "18=G729 8=PCMA",
        "opus",
        DEFAULT,
        ["18=G729 8=PCMA 111=opus 9=G722 0=PCMU 101=te8 96=te48", "8=PCMA", "PCMA 8/8", "opus 111/111"],
    );
    let video = sdp("video", "96=H264", "a=fmtp:96 packetization-mode=1\r\na=rtcp-fb:96 nack\r\n");
    assert_eq!(video.widened(DEFAULT, None), video);
    assert_eq!(video.narrowed(&video, DEFAULT), video);
}

#[test]
fn without_codecs_of_ours_every_description_passes_as_it_is() {
    check(
        "8=PCMA 101=te8",
        "te8 PCMA",
        &[],
        ["8=PCMA 101=te8", "101=te8 8=PCMA", "PCMA 8/8, te8 101/101", "PCMA 8/8, te8 101/101"],
    );
    // A codec that is not ours is neither offered nor made.
    check(
        "111=opus 8=PCMA",
        "PCMU",
        &[Codec::Pcma, Codec::Pcmu],
        ["111=opus 8=PCMA 0=PCMU 101=te8 96=te48", "8=PCMA", "PCMA 8/8", "PCMU 0/0"],
    );
    check("111=opus", "opus", &[Codec::Pcma], ["111=opus", "111=opus", "opus 111/111", "opus 111/111"]);
}

#[test]
fn rfc_3264_8_3_2_numbers_do_not_collide_and_a_codec_keeps_its_own() {
    // 111 and 101 are taken by something else.
    check(
        "8=PCMA 111=G726 101=te48",
        "opus te8",
        DEFAULT,
        [
            "8=PCMA 111=G726 101=te48 96=opus 9=G722 0=PCMU 97=te8",
            "8=PCMA 101=te48",
            "PCMA 8/8, te48 101/101",
            "opus 96/96, te8 97/97",
        ],
    );
    // One who has used a number before is offered the codec under it again.
    let known = audio("107=opus 126=te48 8=PCMA");
    let again = audio("0=PCMU 101=te8").widened(DEFAULT, Some(&known));
    assert_eq!(line(&again), "0=PCMU 101=te8 107=opus 9=G722 8=PCMA 126=te48");
    let taken = audio("0=PCMU 107=te8").widened(DEFAULT, Some(&known));
    assert_eq!(line(&taken), "0=PCMU 107=te8 111=opus 9=G722 8=PCMA 126=te48");
}

#[test]
fn numbers_may_differ_each_way() {
    let told = audio("107=opus 8=PCMA 100=te48");
    let said = audio("8=PCMA 111=opus 101=te48 102=te8");
    assert_eq!(spoken(&told, &said), "PCMA 8/8, opus 111/107, te48 101/100");
    assert_eq!(spoken(&told, &audio("0=PCMU")), "-");
}

#[test]
fn rfc_7587_7_what_each_end_asks_for_stays_at_that_end() {
    let offer = sdp("audio", "111=opus", "a=fmtp:111 maxplaybackrate=16000;usedtx=1\r\na=ptime:40\r\n");
    let to_device = offer.widened(DEFAULT, None);
    let answer = answer_of("PCMA", &to_device);
    let to_caller = answer.narrowed(&offer, DEFAULT);
    let text = String::from_utf8(to_caller.to_bytes()).unwrap();
    assert!(text.contains("a=fmtp:111 useinbandfec=1\r\n"), "what we ask, not what it asked: {text}");
    let voice =
        Spoken::of(&to_caller.streams().next().unwrap()).agreed(&offer.streams().next().unwrap()).unwrap();
    let wanted = voice.formats[0].wanted;
    assert_eq!((wanted.max_playback_rate_hz, wanted.dtx, voice.packet_ms), (16_000, true, 40));
    // Both have it: what they ask of each other passes between them.
    let answer = sdp("audio", "111=opus", "a=fmtp:111 stereo=1\r\n");
    let text = String::from_utf8(answer.narrowed(&offer, DEFAULT).to_bytes()).unwrap();
    assert!(text.contains("a=fmtp:111 stereo=1\r\n"), "{text}");
}

#[test]
fn attributes_of_formats_that_are_left_out_are_left_out() {
    let offer = audio("8=PCMA 101=te8");
    let answer = sdp(
        "audio",
        "111=opus 8=PCMA 101=te8",
        "a=fmtp:111 usedtx=1\r\na=rtcp-fb:111 nack\r\na=rtcp-fb:* nack\r\na=ptime:20\r\n",
    );
    let text = String::from_utf8(answer.narrowed(&offer, DEFAULT).to_bytes()).unwrap();
    assert!(!text.contains("111"), "{text}");
    for kept in ["a=rtcp-fb:* nack", "a=ptime:20", "a=rtpmap:8 PCMA/8000", "a=fmtp:101 0-16"] {
        assert!(text.contains(kept), "{kept} in {text}");
    }
}

#[test]
fn repetitions_are_no_speech_that_two_can_have_in_common() {
    let offer = audio("111=opus 63=red");
    let answer = audio("63=red 8=PCMA");
    assert_eq!(line(&answer.narrowed(&offer, DEFAULT)), "111=opus");
}

#[test]
fn who_is_heard_early_by_one_who_was_told_another_answer() {
    let held = sdp("audio", "8=PCMA", "a=sendonly\r\n");
    let video = sdp("video", "96=H264", "");
    for (told, said, meet) in [
        (&audio("8=PCMA"), &audio("111=opus"), true),
        (&audio("8=PCMA"), &audio("18=G729"), false),
        (&audio("18=G729"), &audio("18=G729"), true),
        (&audio("8=PCMA"), &held, false),
        (&audio("8=PCMA"), &video, false),
    ] {
        assert_eq!(said.meets(told, DEFAULT), meet, "{said:?} {told:?}");
    }
    assert!(audio("111=opus").shares_speech(&audio("8=PCMA 107=opus")));
    assert!(!audio("111=opus 101=te8").shares_speech(&audio("8=PCMA 101=te8")));
    let offer = audio("111=opus 0=PCMU 8=PCMA");
    for (said, as_told) in
        [("0=PCMU", true), ("0=PCMU 8=PCMA", true), ("8=PCMA 0=PCMU", false), ("9=G722", true)]
    {
        assert_eq!(audio(said).speaks_as_told(&offer, &audio("0=PCMU")), as_told, "{said}");
    }
}
