//! What descriptions say and what the relay was told: who sends where and who hears whom.

use sip::OwnedMessage;
use streams::media::{LeaseId, LegMedia, MediaCommand};

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
