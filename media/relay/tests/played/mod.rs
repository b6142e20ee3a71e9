//! Two who talk, and what they may be played.

use std::sync::Arc;

use relay::RelayConfig;
use streams::{
    audio::{Rate, library::Library, player::Clip},
    codec::Codec,
    media::{MediaCommand, PortLease, SoundName},
    srtp::{MasterKey, SrtpKeys, Suite},
};

use crate::{
    sound::{self, amplitude, purity_db},
    talk::Talker,
    world::{Phone, World, config, v4},
};

pub struct Pair {
    pub a: Talker,
    pub b: Talker,
    pub leg_a: PortLease,
    pub leg_b: PortLease,
}

pub fn joined(world: &mut World, a: (Codec, u8), b: (Codec, u8)) -> Pair {
    let [a, b] = [a, b].map(|(codec, number)| Talker::new(Phone::new(v4()), codec, number));
    let (leg_a, leg_b) = (world.open(a.media()), world.open(b.media()));
    world.order(MediaCommand::Join { a: leg_a.id, b: leg_b.id });
    world.settle();
    Pair { a, b, leg_a, leg_b }
}

pub fn library() -> Arc<Library> {
    let mut library = Library::default();
    let tone = sound::tone(16_000, 700.0, 8_000.0, 16_000 / 5);
    library.add(SoundName::new("id/short"), &Clip::new(tone.into(), Rate::Wide)).unwrap();
    library.into()
}

pub fn with_sounds(first: u16) -> RelayConfig {
    RelayConfig { sounds: Some(library()), ..config(v4(), first, first + 39) }
}

pub fn play(lease: &PortLease, names: &[&str], repeat: bool) -> MediaCommand {
    let sounds = names.iter().map(|name| SoundName::new(name)).collect();
    MediaCommand::Play { lease: lease.id, sounds, repeat }
}

pub fn keys(suite: Suite, seed: u8) -> SrtpKeys {
    let master = |seed: u8| {
        let bytes: Vec<u8> = (0..suite.master_bytes()).map(|at| at as u8 ^ seed).collect();
        MasterKey::new(suite, &bytes).unwrap()
    };
    SrtpKeys { suite, send: master(seed), receive: master(seed + 1) }
}

pub fn is_tone(heard: &[i16], codec: Codec, hz: f64, what: &str) {
    let rate = codec.rate();
    let settled = &heard[rate.samples(300)..];
    let level = amplitude(settled, rate.hz(), hz);
    assert!((5_500.0..10_500.0).contains(&level), "{what}: level {level:.0} of 8,000");
    let purity = purity_db(settled, rate.hz(), hz);
    assert!(purity > 12.0, "{what}: {purity:.1} dB above all else");
}
