//! Who hears whom: the media of a call that is up and still, followed from phone to phone through the relay.
//!
//! A phone knows only the addresses it was given. What it sends there has to come out at the other phone,
//! for every m-line, through leases of that call; the relay has to know who sends and who receives; and the
//! journal has to know who has put whom on hold.

use std::time::Duration;

use contract::{id::CallId, journal::ParticipantRole};
use streams::media::LeaseId;

use super::{
    Link, World,
    checker::about,
    failure::Fault,
    phone::call::{Call, Phase},
};

/// How long a call's signalling has been still before its media is looked at: repetitions are over by then.
const STILL_FOR: Duration = Duration::from_secs(9);

impl World {
    /// Checks a call in which two phones talk.
    pub(super) fn check_hearing(&self, call: CallId, link: &Link) -> Option<Fault> {
        let now = self.clock.now();
        let is_still =
            |of: &Call| of.phase == Phase::Talking && now.saturating_sub(of.touched_at) > STILL_FOR;
        let (_, caller) = self.sound(link.caller.as_ref()?)?;
        let mut talking =
            link.callees.iter().filter_map(|side| self.sound(side)).filter(|(_, of)| of.is_talking());
        let (_, callee) = talking.next()?;
        if !is_still(caller) || !is_still(callee) {
            return None;
        }
        if talking.next().is_some_and(|(_, other)| is_still(other)) {
            return Some(about(call, "two phones believe they have answered".to_owned()));
        }
        let verdict = self.comes_out(caller, callee).and_then(|()| self.comes_out(callee, caller));
        let verdict = verdict.and_then(|()| self.holds_as_written(call, caller, callee));
        verdict.err().map(|what| about(call, what))
    }

    /// What one phone sends, line by line, comes out at the other.
    fn comes_out(&self, from: &Call, to: &Call) -> Result<(), String> {
        let heard = from.media.heard().filter(|heard| heard.audio().is_some());
        let heard = heard
            .ok_or_else(|| format!("who talks to {} has no address to send to", from.number_or_caller))?;
        for line in heard.lines.iter().filter(|line| line.address.port() != 0) {
            let is_audio = line.kind == "audio";
            if !is_audio && from.media.video_address().is_none() {
                continue;
            }
            let wanted = if is_audio { Some(to.media.address) } else { to.media.video_address() };
            let lease = self.relay.lease_at(line.address);
            let arrives = lease.and_then(|lease| self.relay.comes_out_at(lease));
            if arrives != wanted {
                let (kind, sent_to) = (&line.kind, line.address);
                return Err(format!(
                    "{kind} sent to {sent_to} ({lease:?}) comes out at {arrives:?}, not {wanted:?}"
                ));
            }
            let told = lease.and_then(|lease| self.relay.open.get(&lease)).map(|open| &open.media);
            let agreed = from.media.agreed;
            let is_told = |media: &streams::media::LegMedia| {
                (media.sends, media.receives) == (agreed.sends(), agreed.receives())
            };
            if is_audio && !told.is_some_and(is_told) {
                return Err(format!("the phone's audio is {agreed:?}, the relay was told {told:?}"));
            }
            if is_audio {
                self.is_spoken_to(lease, from, to)?;
            }
        }
        Ok(())
    }

    /// Whoever waits and listens hears music, nobody else does, and all are spoken to in what they have.
    fn is_spoken_to(&self, lease: Option<LeaseId>, who: &Call, other: &Call) -> Result<(), String> {
        let Some(open) = lease.and_then(|lease| self.relay.open.get(&lease)) else { return Ok(()) };
        let waits = self.switch.speaks && other.holds && who.media.agreed.receives();
        if open.has_music != waits {
            return Err(format!("{lease:?} waits: {waits}; music is played: {}", open.has_music));
        }
        let spoken = open.media.voice.iter().flat_map(|voice| &voice.formats);
        let mut foreign = spoken.filter(|format| !who.media.speech.has(format.to_them, format.codec));
        match (&open.media.voice, foreign.next()) {
            (Some(_), None) => Ok(()),
            (voice, _) => Err(format!("{:?} is spoken to in {voice:?}", who.media.speech)),
        }
    }

    /// Who has the other on hold stands in the journal.
    fn holds_as_written(&self, call: CallId, caller: &Call, callee: &Call) -> Result<(), String> {
        let Some(record) = self.ledger.calls.get(&call) else { return Ok(()) };
        for (role, of) in [(ParticipantRole::Caller, caller), (ParticipantRole::Recipient, callee)] {
            let (written, holds) = (record.is_holding(role), of.holds);
            if written != holds {
                return Err(format!("{role:?} holds: {holds}; the journal says: {written}"));
            }
        }
        Ok(())
    }
}
