//! Images of calls: what the next process needs to go on with a call, in whatever state it is (decision 0014).
//!
//! A call is put out again whenever it, or a transaction of its sessions, has changed, and before anything of that
//! change is sent. The image is the call's own structs by derive, in the format of `postcard`; it is for the same
//! release only: whatever does not read back to the same bytes is refused, and its call then ends in the journal.
//! Challenges that phones have in hand stay good, because their keys are passed on with the origin of time.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use bytes::Bytes;
use contract::{id::CallId, time::Timestamp};
use sip::SessionsImage;
use uuid::Uuid;

use crate::{
    authentication::Authenticator,
    call::Call,
    means::Random,
    output::{ImageChange, Notice, Output, Outputs},
    switchboard::Switchboard,
};

/// Raised when the meaning of an image changes and its shape does not.
const VERSION: u16 = 39;
/// What belongs to no call: SIP, and the passes of guests that have been used.
type Rest = (u16, SessionsImage, BTreeMap<Uuid, Timestamp>);
/// More than the image of a plain call takes.
const IMAGE_BYTES: usize = 8 * 1024;

/// What lives of one shard have in common.
#[derive(Clone, Copy, Debug)]
pub struct Continuity {
    /// Where the switch's time line begins: the same real instant for every life.
    pub origin: Instant,
    /// Keys of nonces and of stateless tags come from these. Random, and known to nobody else.
    pub secrets: [u8; 32],
}

/// A call that was put out before a restart.
#[derive(Clone, Debug)]
pub struct CallImage {
    /// Which.
    pub call: CallId,
    /// Its image.
    pub image: Bytes,
    /// The number of its latest event in the journal; `None`: by the journal it has ended.
    pub events: Option<u32>,
}

/// Whether this release can go on with the call of an image.
pub fn is_image_readable(image: &[u8]) -> bool {
    read(image).is_some()
}

fn read(image: &[u8]) -> Option<(Call, SessionsImage)> {
    let (version, call, sessions): (u16, Call, SessionsImage) = postcard::from_bytes(image).ok()?;
    // A layout that happens to be readable by another release does not come out as it went in.
    let is_ours = version == VERSION && postcard::to_allocvec(&(version, &call, &sessions)).ok()? == image;
    is_ours.then_some((call, sessions))
}

impl Switchboard {
    /// Makes this one of several lives: calls are put out as [`Output::Image`] and taken back by
    /// [`crate::Input::Resume`].
    #[must_use]
    pub fn with_images(mut self, continuity: Continuity) -> Self {
        let mut keys = Random::new(continuity.secrets);
        self.endpoint = self.endpoint.with_secret(keys.bytes());
        self.authenticator = Authenticator::new(&self.config, &mut keys);
        self.origin = continuity.origin;
        self.wire = sip::Outputs::noting_sessions();
        self.changed = Some(BTreeSet::new());
        self
    }

    /// Everything of SIP that belongs to no call: transactions of requests outside any call, and those of calls
    /// that are over; and which passes of guests have been used. Only a planned restart has the time to ask.
    #[must_use]
    pub fn image_of_rest(&self) -> Bytes {
        let rest = self.endpoint.image_of_rest(|session| self.sessions.contains_key(&session), self.origin);
        postcard::to_allocvec(&(VERSION, rest, self.guests.used())).map(Bytes::from).unwrap_or_default()
    }

    /// Puts out what has changed during this input.
    pub(crate) fn put_out_images(&mut self, out: &mut Outputs) {
        let Some(mut changed) = self.changed.take() else { return };
        while let Some(session) = self.wire.pop_touched() {
            changed.extend(self.sessions.get(&session));
        }
        while let Some(id) = changed.pop_first() {
            let image = self.calls.get(&id).and_then(|call| self.image(call));
            out.push(Output::Image(match image {
                Some(image) => ImageChange::Put { call: id, image },
                None => ImageChange::Remove(id),
            }));
        }
        self.changed = Some(changed);
    }

    fn image(&self, call: &Call) -> Option<Bytes> {
        let sessions = self.endpoint.image(&call.sessions(), self.origin);
        // Room at once: grown step by step, it would be copied as often.
        let room = Vec::with_capacity(IMAGE_BYTES);
        postcard::to_extend(&(VERSION, call, sessions), room).ok().map(Bytes::from)
    }

    /// Goes on with calls of a former life, and with the rest of its SIP. What cannot be read is put out as removed.
    pub(crate) fn resume(&mut self, calls: Vec<CallImage>, rest: &[u8], out: &mut Outputs) {
        for CallImage { call: id, image, events } in calls {
            if self.resume_call(id, &image, events, out).is_none() {
                out.notice(Notice::ImageUnreadable(id));
                out.push(Output::Image(ImageChange::Remove(id)));
            }
        }
        if let Ok((VERSION, rest, used)) = postcard::from_bytes::<Rest>(rest) {
            self.endpoint.resume(rest, self.origin);
            self.guests.take_up(used);
        }
    }

    fn resume_call(
        &mut self,
        id: CallId,
        image: &[u8],
        events: Option<u32>,
        out: &mut Outputs,
    ) -> Option<()> {
        let (mut call, sessions) = read(image).filter(|_| !self.calls.contains_key(&id))?;
        match events {
            Some(latest) => call.skip_events(latest),
            // It died between the word of its end and the image that shows it.
            None if !call.is_over() => return None,
            None => {}
        }
        self.endpoint.resume(sessions, self.origin);
        self.sessions.extend(call.open_sessions().map(|session| (session, id)));
        self.stock.hold(call.leases(), id);
        out.extend(call.shown().map(Output::Live));
        out.extend(call.recording_order().map(Output::Recording));
        self.fraud.resume(&call.outside_legs());
        self.guests.resume(&call);
        self.keep(id, call, None);
        Some(())
    }
}
