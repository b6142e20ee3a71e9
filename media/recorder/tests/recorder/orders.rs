//! Pause and resume, limits, and what may come in a bad moment.

use std::fs;

use recorder::{Format, News, Order, Reason};
use streams::{
    codec::Codec,
    media::{Side, Tap},
};

use crate::studio::{CALLER_HZ, Studio, Voice, about, listen, peak, purity, wait_for};

const PHONES: [Codec; 2] = [Codec::Pcma; 2];

/// PCI DSS 3.3.1: what must not be kept is not kept for a moment.
#[test]
fn nothing_of_a_pause_is_in_the_file_and_it_stays_as_long_as_it_was() {
    for format in [Format::Wav, Format::Opus] {
        let mut studio = Studio::new();
        let about = about(format, 0);
        let number = about.number;
        studio.order(Order::Settled);
        studio.begin(&about);
        studio.order(Order::Pause { number, at_micros: 1_000_000 });
        studio.order(Order::Resume { number, at_micros: 3_000_000 });
        // The same call all the time, but what is said in the pause is another tone.
        studio.talk(&about, PHONES, 0, 1_000);
        let mut secret = Voice::new(Codec::Pcma, 2_000.0, 1);
        for at_ms in (1_000..3_000).step_by(20) {
            let packet = secret.packet(at_ms);
            for side in [Side::Left, Side::Right] {
                let tap = Tap { recording: number, side };
                studio.hear(tap, at_ms * 1_000, Codec::Pcma, &packet);
            }
        }
        studio.talk(&about, PHONES, 3_000, 4_000);
        // The end comes last: with it the clock goes on, and what is heard behind it comes too late.
        studio.end(&about, 4_000);
        let (opened, file) = studio.open(&studio.finished(&about));
        assert_eq!(opened.progress.frames, 203);
        let (left, right, hz) = listen(&file);
        // Opus rings for some milliseconds.
        let loudest = if format == Format::Wav { 0.0 } else { 40.0 };
        for sound in [&left, &right] {
            assert!(peak(sound, hz, 1_060, 3_000) <= loudest, "{}", peak(sound, hz, 1_060, 3_000));
            for from_ms in (0..3_900).step_by(100) {
                let secret = purity(sound, hz, 2_000.0, from_ms, from_ms + 100);
                assert!(secret < 0.05, "{format:?} at {from_ms} ms: {secret}");
            }
        }
        assert!(
            purity(&left, hz, CALLER_HZ, 200, 950) > 0.95
                && purity(&left, hz, CALLER_HZ, 3_200, 3_950) > 0.95
        );
    }
}

#[test]
fn a_codec_may_change_with_any_packet() {
    let mut studio = Studio::new();
    let about = about(Format::Wav, 0);
    studio.order(Order::Settled);
    studio.begin(&about);
    for (n, codec) in [Codec::Pcma, Codec::G722, Codec::Opus, Codec::Pcmu].into_iter().enumerate() {
        let from_ms = n as u64 * 1_000;
        studio.talk(&about, [codec; 2], from_ms, from_ms + 1_000);
    }
    studio.end(&about, 4_000);
    let (_, file) = studio.open(&studio.finished(&about));
    let (left, _, hz) = listen(&file);
    for second in 0..4 {
        let tone = purity(&left, hz, CALLER_HZ, second * 1_000 + 250, second * 1_000 + 950);
        assert!(tone > 0.95, "second {second}: {tone}");
    }
}

#[test]
fn packets_of_no_recording_and_what_is_no_rtp_do_no_harm() {
    let mut studio = Studio::new();
    let about = about(Format::Wav, 0);
    studio.order(Order::Settled);
    studio.begin(&about);
    let tap = |recording| Tap { recording, side: Side::Left };
    studio.hear(tap(99), 0, Codec::Pcma, &[0x80; 172]);
    studio.hear(tap(about.number), 0, Codec::Opus, &[0x80; 11]);
    studio.hear(tap(about.number), 0, Codec::Opus, &[]);
    studio.talk(&about, PHONES, 0, 1_000);
    studio.end(&about, 1_000);
    let (_, file) = studio.open(&studio.finished(&about));
    let (left, _, hz) = listen(&file);
    assert!(purity(&left, hz, CALLER_HZ, 200, 950) > 0.95);
    assert_eq!(studio.counters.strays.load(std::sync::atomic::Ordering::Relaxed), 1);
}

/// Whatever kept the recorder from its ring: the sound of minutes is more than one piece of the file may hold.
#[test]
fn minutes_that_waited_in_the_ring_are_recorded_whole() {
    let mut studio = Studio::new();
    let about = about(Format::Wav, 0);
    studio.begin(&about);
    // Nothing is heard before it is settled.
    studio.talk(&about, PHONES, 0, 150_000);
    studio.order(Order::Settled);
    studio.end(&about, 150_000);
    let (opened, file) = studio.open(&studio.finished(&about));
    assert_eq!((opened.progress.frames, studio.recorder.receive()), (7_503, None));
    let (left, _, hz) = listen(&file);
    assert!(purity(&left, hz, CALLER_HZ, 140_000, 149_900) > 0.95);
}

#[test]
fn a_full_spool_ends_recordings_and_begins_none_and_what_was_recorded_is_kept() {
    let mut studio = Studio::with_limit(100_000);
    let about = about(Format::Wav, 0);
    studio.order(Order::Settled);
    studio.begin(&about);
    studio.talk(&about, PHONES, 0, 10_000);
    let News::Failed { about: failed, reason } = studio.news() else { panic!("it was not stored") };
    assert_eq!((failed.recording, reason), (about.recording, Reason::SpoolFull));
    let sealed = studio.finished(&about);
    let (opened, file) = studio.open(&sealed);
    assert!(opened.is_ended && opened.progress.frames > 100, "{opened:?}");
    let (left, _, hz) = listen(&file);
    assert!(purity(&left, hz, CALLER_HZ, 200, 1_900) > 0.95);
    let mut next = about.clone();
    (next.number, next.recording) = (8, uuid::Uuid::from_u128(8));
    studio.begin(&next);
    let News::Failed { reason, .. } = studio.news() else { panic!("it was not stored") };
    assert_eq!(reason, Reason::SpoolFull);
    // The store has it: there is room again.
    studio.order(Order::Recorded(about.recording));
    wait_for(|| !sealed.exists());
    (next.number, next.recording) = (9, uuid::Uuid::from_u128(9));
    studio.begin(&next);
    studio.talk(&next, PHONES, 0, 100);
    studio.end(&next, 100);
    studio.finished(&next);
}

#[test]
fn two_recordings_with_one_number_are_never_mixed() {
    let mut studio = Studio::new();
    let about = about(Format::Wav, 0);
    let other = recorder::About { recording: uuid::Uuid::from_u128(9), ..about.clone() };
    studio.order(Order::Settled);
    studio.begin(&about);
    studio.begin(&other);
    let News::Failed { about: failed, reason } = studio.news() else { panic!("it was not stored") };
    assert_eq!((failed.recording, reason), (other.recording, Reason::NumberTaken));
    studio.talk(&about, PHONES, 0, 100);
    studio.end(&about, 100);
    studio.finished(&about);
    assert!(!studio.spool().done(other.recording).exists());
}

/// RELIABILITY 63: nothing of a call stands on the disk as it was said.
#[test]
fn no_file_of_the_spool_holds_sound_in_the_clear() {
    let mut studio = Studio::new();
    let about = about(Format::Wav, 0);
    studio.order(Order::Settled);
    studio.begin(&about);
    studio.talk(&about, PHONES, 0, 2_000);
    studio.end(&about, 2_000);
    let sealed = studio.finished(&about);
    let locked = fs::read(&sealed).unwrap();
    let (_, file) = studio.open(&sealed);
    let sound = fs::read(&file).unwrap();
    let silence = [0_u8; 32];
    let tone = &sound[20_000..20_032];
    for known in [&silence[..], tone, b"RIFF", b"WAVE"] {
        assert!(!locked.windows(known.len()).any(|part| part == known), "{known:02x?}");
    }
    assert!(sound.windows(32).any(|part| part == silence), "which the recording itself has");
}
