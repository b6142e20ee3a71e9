//! What descriptions say and what the relay was told: who sends where and who hears whom.

use sip::OwnedMessage;
use streams::media::{LeaseId, LegMedia, MediaCommand, SoundName, VoiceFormat};

use super::{Desk, body};

/// Port of the audio m-line and the connection address of a description.
pub fn audio(message: &OwnedMessage) -> String {
    let text = body(message);
    let port = text.lines().find_map(|line| line.strip_prefix("m=audio ")).expect("an audio m-line");
    let host = text.lines().find_map(|line| line.strip_prefix("c=IN IP4 ")).expect("a connection line");
    format!("{host}:{}", port.split(' ').next().unwrap())
}

pub fn direction(message: &OwnedMessage) -> String {
    let text = body(message);
    let words = ["a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"];
    text.lines().find(|line| words.contains(line)).expect("a direction")[2..].to_owned()
}

/// The latest that the relay was told of a lease.
pub fn media_of(desk: &Desk, lease: u32) -> LegMedia {
    let told = |command: &MediaCommand| match command {
        MediaCommand::Open { lease: of, media } | MediaCommand::Configure { lease: of, media } => {
            (*of == LeaseId(lease)).then_some(media.clone())
        }
        _ => None,
    };
    desk.media.iter().rev().find_map(told).expect("the lease is open")
}

pub fn is_joined(desk: &Desk, a: u32, b: u32) -> bool {
    desk.media.contains(&MediaCommand::Join { a: LeaseId(a), b: LeaseId(b) })
}

/// What the far end of a lease is played now: `*name` repeats, `echo` is itself, nothing is what it is joined to.
pub fn heard(desk: &Desk, lease: u32) -> String {
    let told = |command: &MediaCommand| match command {
        MediaCommand::Play { lease: of, sounds, repeat } if *of == LeaseId(lease) => {
            let names: Vec<&str> = sounds.iter().map(SoundName::as_str).collect();
            let own = names.join(" ").replace("@00000000-0000-0000-0000-000000000001/", "");
            Some(format!("{}{own}", if *repeat { "*" } else { "" }))
        }
        MediaCommand::Echo { lease: of } if *of == LeaseId(lease) => Some("echo".into()),
        MediaCommand::Stop { lease: of } | MediaCommand::Close { lease: of } if *of == LeaseId(lease) => {
            Some(String::new())
        }
        _ => None,
    };
    desk.media.iter().rev().find_map(told).unwrap_or_default()
}

/// What a lease's speech is written in, `CODEC to/from`.
pub fn voice(desk: &Desk, lease: u32) -> String {
    let Some(voice) = media_of(desk, lease).voice else { return "-".into() };
    let one = |format: &VoiceFormat| format!("{:?} {}/{}", format.codec, format.to_them, format.from_them);
    voice.formats.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The payload types of a description's audio line.
pub fn formats(message: &OwnedMessage) -> String {
    let text = body(message);
    let line = text.lines().find_map(|line| line.strip_prefix("m=audio ")).expect("an audio m-line");
    line.split(' ').skip(2).collect::<Vec<_>>().join(" ")
}
