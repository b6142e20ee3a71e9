//! Who hears whom: the media of a call that is up and still, followed from phone to phone through the relay.
//!
//! A phone knows only the addresses it was given. What it sends there has to come out at the other phone,
//! for every m-line, through leases of that call; the relay has to know who sends and who receives; and the
//! journal has to know who has put whom on hold.

use std::time::Duration;

use contract::{
    id::CallId,
    journal::{EventKind, ParticipantRole},
};
use streams::media::LeaseId;

use super::{
    Link, Side, World,
    checker::about,
    failure::Fault,
    ledger::may_follow,
    organisation,
    phone::{
        Phone,
        call::{Call, Phase},
    },
};

/// How long a call's signalling has been still before its media is looked at: repetitions are over by then.
const STILL_FOR: Duration = Duration::from_secs(9);

/// Who talks, on which side, in which call of that phone.
type Talker<'a> = (Side, &'a Phone, &'a Call);

impl World {
    /// Checks a call in which two phones talk.
    pub(super) fn check_hearing(&self, call: CallId, link: &Link) -> Option<Fault> {
        // Whoever is sent on or put through waits for somebody; whoever pages speaks to many.
        let record = self.ledger.calls.get(&call)?;
        if !may_follow(record.last(), EventKind::Hold) || record.call.dialled == organisation::PAGE {
            return None;
        }
        let now = self.clock.now();
        let is_still =
            |of: &Call| of.phase == Phase::Talking && now.saturating_sub(of.touched_at) > STILL_FOR;
        let sound = |side: &Side| self.sound(side).map(|(phone, of)| (side.clone(), phone, of));
        let talking: Vec<Talker<'_>> =
            link.present().filter_map(sound).filter(|(_, _, of)| of.is_talking()).collect();
        if talking.iter().any(|(_, _, of)| !is_still(of)) {
            return None;
        }
        let [one, other] = talking.as_slice() else {
            let names: Vec<&str> = talking.iter().map(|(_, phone, _)| phone.name.as_str()).collect();
            let is_crowd = names.len() > 2;
            return is_crowd.then(|| about(call, format!("{names:?} all believe that they are in it")));
        };
        let verdict = self.comes_out(one.2, other.2).and_then(|()| self.comes_out(other.2, one.2));
        // Of one person with two phones the journal does not tell which of them it is.
        let are_two = one.1.login.username != other.1.login.username;
        let verdict = verdict.and_then(|()| {
            if !are_two {
                return Ok(());
            }
            [one, other].into_iter().try_for_each(|talker| self.holds_as_written(call, link, talker))
        });
        verdict.err().map(|what| about(call, what))
    }

    /// Whether what one phone hears now is what another one says: phones by name, in their latest talks.
    pub fn hears(&self, listener: &str, speaker: &str) -> Result<(), String> {
        let talk = |name: &str| {
            let phone = self.phones.iter().find(|phone| phone.name == name);
            let call = phone.and_then(|phone| phone.calls.get(&phone.talks_in()?));
            call.ok_or_else(|| format!("{name} talks to nobody"))
        };
        self.comes_out(talk(speaker)?, talk(listener)?)
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
    fn holds_as_written(
        &self,
        call: CallId,
        link: &Link,
        (side, phone, of): &Talker<'_>,
    ) -> Result<(), String> {
        let Some(record) = self.ledger.calls.get(&call) else { return Ok(()) };
        // Whoever was called back is the caller on another line.
        let is_caller = link.caller.as_ref().is_some_and(|caller| caller.phone == side.phone);
        let role = if is_caller { ParticipantRole::Caller } else { ParticipantRole::Recipient };
        let person = organisation::person(&self.snapshot, &phone.login);
        let participant = person.and_then(|person| record.participant(role, person));
        let written = participant.is_some_and(|one| record.is_holding(one.no));
        if written != of.holds {
            let (name, holds) = (&phone.name, of.holds);
            return Err(format!("{name}, {role:?}, holds: {holds}; the journal says: {written}"));
        }
        Ok(())
    }
}
