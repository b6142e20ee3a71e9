//! Messages that were left for somebody: locked for the switch itself, worth keeping only if something was said.

use std::fs::File;

use recorder::{About, Format, Message, Order, sealed::Standing};
use streams::codec::Codec;
use uuid::Uuid;

use crate::studio::{Studio, about, messages_key, open, wait_for};

const CODECS: [Codec; 2] = [Codec::Pcma, Codec::Pcma];

fn message(number: u32) -> About {
    let message = Message { user: Uuid::from_u128(9), caller: Some("1001".into()) };
    let recording = Uuid::from_u128(u128::from(number));
    About { number, recording, message: Some(Box::new(message)), ..about(Format::Wav, 0) }
}

fn settled() -> Studio {
    let studio = Studio::new();
    studio.order(Order::Settled);
    studio
}

#[test]
fn a_message_is_locked_for_the_switch_and_says_whose_it_is() {
    let mut studio = settled();
    let told = message(7);
    studio.begin(&told);
    studio.talk(&told, CODECS, 0, 3_000);
    studio.end(&told, 3_000);
    let path = studio.finished(&told);
    let (opened, _) = open(&path, messages_key(), studio.folder.path());
    assert_eq!((opened.about.message, opened.is_ended), (told.message, true));
    assert!(opened.progress.frames >= 150, "{:?} of 3 s", opened.progress);
    let mut out = File::create(studio.folder.path().join("no")).unwrap();
    let keys = std::slice::from_ref(&studio.key);
    let refused = recorder::sealed::open(File::open(&path).unwrap(), keys, &mut out);
    assert!(refused.is_err(), "the key of recordings does not open it");
}

/// What was said before the process died is kept, by the same key.
#[test]
fn a_message_that_its_process_left_is_brought_to_its_end() {
    let mut studio = settled();
    let told = message(7);
    studio.begin(&told);
    studio.talk(&told, CODECS, 0, 4_000);
    let part = studio.spool().part(told.recording);
    let frames = || File::open(&part).ok().and_then(|mut file| Standing::read(&mut file).ok());
    wait_for(|| frames().is_some_and(|standing| standing.progress.frames >= 150));
    let studio = studio.next_life();
    studio.order(Order::Settled);
    let path = studio.finished(&told);
    let (opened, _) = open(&path, messages_key(), studio.folder.path());
    assert_eq!((opened.about.message, opened.is_ended), (told.message, true));
}

#[test]
fn who_hangs_up_at_once_leaves_no_message() {
    let mut studio = settled();
    let short = message(7);
    studio.begin(&short);
    studio.talk(&short, CODECS, 0, 1_000);
    studio.end(&short, 1_000);
    let spool = studio.spool();
    wait_for(|| !spool.part(short.recording).exists());
    assert!(!spool.done(short.recording).exists());
}
