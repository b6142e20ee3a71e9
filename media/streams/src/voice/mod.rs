//! What a leg is sent where that is not simply what the joined leg sends: other payload types, another codec, sounds, or
//! its own voice back (decision 0024).
//!
//! [`Outgoing`] belongs to the leg that is sent to and exists only where it is needed: two legs that have agreed on the
//! same under the same numbers never meet any of this. All memory is taken when orders come; a packet and a tick take none.
//! There is no socket and no clock: packets are written to [`Made`], time is given, and [`Outgoing::due`] says when it is
//! wanted again.

mod carriage;
mod made;
mod own;
mod playing;
mod pressing;
mod share;
mod speech;
mod table;
mod written;

use crate::{audio::library::Library, keys::Key, leg::DropReason, media::Voice, rtp::Header};
use carriage::{Arrived, Carriage};
pub use made::{MADE_BYTES_MAX, MADE_PACKETS_MAX, Made};
pub use own::Own;
pub(crate) use playing::on_grid;
pub use playing::{LATE_MICROS_MAX, Programme, Ticked};
use playing::{Playing, Unplayable};
use pressing::Pressing;
use serde::{Deserialize, Serialize};
use share::Share;

/// What one leg is sent.
#[derive(Debug)]
pub struct Outgoing {
    own: Own,
    /// From the leg that it is joined to.
    carriage: Option<Carriage>,
    /// Of the room that it hears, in place of a joined leg.
    share: Option<Box<Share>>,
    /// Keys of the joined leg, said in another way than it has said them.
    pressing: Option<Box<Pressing>>,
    keys_lost: u64,
    show: Show,
    /// Something else was to be heard in place of the joined leg, whose numbers ran on meanwhile. From then on all is one stream
    /// of ours: one that goes on 2^15 numbers later cannot be told from one that has gone back (RFC 3711 §3.3.1).
    is_ours: bool,
}

/// What its far end hears.
#[derive(Debug, Default)]
enum Show {
    /// The leg that it is joined to, or its room.
    #[default]
    Joined,
    /// Sounds.
    Sounds(Box<Playing>),
    /// Sounds, as soon as a format is agreed on and the library is there.
    Waiting(Programme),
    /// Nothing, for good: sounds that cannot be played again and again.
    Nothing(Programme),
    /// Itself.
    Echo(Box<Carriage>),
}

/// What is known of it in another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutgoingImage {
    own: Own,
    is_ours: bool,
    doing: Doing,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Doing {
    Joined,
    Sounds(Programme),
    Echo,
}

/// How a packet goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// Where it lies.
    InPlace,
    /// As what was made of it.
    Made,
    /// Not at all.
    Kept,
}

impl Outgoing {
    /// Nothing yet. The seed decides by which numbers its packets are known, so nobody may know it.
    pub fn new(seed: u64) -> Self {
        Self {
            own: Own::new(seed),
            carriage: None,
            share: None,
            pressing: None,
            keys_lost: 0,
            show: Show::Joined,
            is_ours: false,
        }
    }

    /// Whether there is anything to do between these two legs that a packet does not do by itself.
    pub fn is_needed(from: Option<&Voice>, to: Option<&Voice>) -> bool {
        from.zip(to).is_some_and(|(from, to)| !table::Table::new(from, to).is_verbatim)
    }

    /// It is joined, parted, or one of the two has agreed on something else. What stays as it was goes on where it was.
    pub fn join(&mut self, from: Option<&Voice>, to: Option<&Voice>) {
        if let Some(share) = &mut self.share {
            share.join(from);
        }
        let is_ours = self.is_ours();
        let nothing = Voice::default();
        let (from, to) = match from.zip(to) {
            Some(both) => both,
            None if is_ours => (&nothing, &nothing),
            None => return self.carriage = None,
        };
        let is_good = |carriage: &Carriage| carriage.is_between(from, to) && (carriage.is_own() || !is_ours);
        if self.carriage.as_ref().is_some_and(is_good) {
            return;
        }
        // Without a codec's library nothing can be heard; what needs none still passes.
        self.carriage = Carriage::new(from, to, is_ours).unwrap_or_default();
    }

    /// Whether its far end has heard a stream of ours, or is to: then there is no way back to the joined leg's.
    fn is_ours(&self) -> bool {
        self.is_ours || self.own.ssrc().is_some()
    }

    /// What the joined leg sends cannot go on under its own numbers: from the next [`Self::join`] on it goes on under ours.
    pub fn take_over(&mut self) {
        self.is_ours = true;
    }

    /// Its far end is sent a key, after those that it is being sent, in place of the joined leg, or of its room; if it hears
    /// nothing else now and has agreed on something that a key can be said in. A key has the source of the speech around it
    /// (RFC 4733 §2.1), so all of it is ours from then on.
    pub fn press(&mut self, now_micros: u64, (key, ms): (Key, u16), voice: Option<&Voice>) {
        let is_shown = matches!(self.show, Show::Joined);
        if self.pressing.is_none() {
            self.pressing = voice.and_then(Pressing::new).map(Box::new);
        }
        let pressing = self.pressing.as_mut().filter(|_| is_shown);
        let is_said = pressing.is_some_and(|pressing| pressing.add(now_micros, key, ms));
        self.keys_lost += u64::from(!is_said);
        self.is_ours |= is_said;
    }

    /// How many keys it was not sent, or not to their end, since this was asked last.
    pub fn take_keys_lost(&mut self) -> u64 {
        std::mem::take(&mut self.keys_lost)
    }

    /// Its far end hears these sounds from now on. False: there is nothing to play, which has ended already.
    pub fn play(
        &mut self,
        now_micros: u64,
        phase_micros: u64,
        programme: Programme,
        (voice, library): (Option<&Voice>, Option<&Library>),
    ) -> bool {
        let Some((voice, library)) = voice.zip(library) else {
            self.show(Show::Waiting(programme));
            return true;
        };
        let is_endless = programme.repeat;
        let playing = Playing::new(now_micros, phase_micros, programme.clone(), voice, library);
        self.show(match playing {
            Ok(playing) => Show::Sounds(Box::new(playing)),
            Err(Unplayable::Missing | Unplayable::Voiceless) if is_endless => Show::Nothing(programme),
            Err(Unplayable::Missing | Unplayable::Voiceless) => Show::Joined,
        });
        !self.is_nothing()
    }

    fn show(&mut self, show: Show) {
        self.interrupt();
        self.show = show;
        self.is_ours |= !self.is_nothing();
    }

    /// Its far end hears itself from now on.
    pub fn echo(&mut self, voice: Option<&Voice>) {
        self.show(Show::Echo(Box::new(Carriage::echo(&voice.cloned().unwrap_or_default()))));
    }

    /// It hears a room, or has agreed on something else in it. Without a format that we can write it hears nothing.
    pub fn sit(&mut self, voice: Option<&Voice>) {
        let is_same = voice.is_some_and(|voice| self.share.as_ref().is_some_and(|share| share.is_of(voice)));
        if !is_same {
            self.interrupt();
            self.share = voice.and_then(Share::new).map(Box::new);
            self.is_ours |= self.share.is_some();
        }
    }

    /// It hears no room any more.
    pub fn stand_up(&mut self) {
        self.share = None;
    }

    /// Whether it hears its room now, and nothing else in its place.
    pub fn shows_room(&mut self) -> bool {
        let Some(share) = &mut self.share else { return false };
        let is_shown = matches!(self.show, Show::Joined);
        if !is_shown {
            share.pause();
        }
        is_shown
    }

    /// Another 20 ms of its room, due at that instant.
    pub fn hear_room(&mut self, due_micros: u64, frame: &[i16], is_heard: bool, made: &mut Made) {
        let is_pressed = self.pressing.as_ref().is_some_and(|pressing| pressing.sounds());
        match &mut self.share {
            Some(share) if is_pressed => share.pause(),
            Some(share) => share.hear((due_micros, frame), is_heard, &mut self.own, made),
            None => {}
        }
    }

    /// Its far end hears the joined leg from now on, or its room.
    pub fn stop(&mut self) {
        self.show(Show::Joined);
    }

    fn interrupt(&mut self) {
        if let Some(carriage) = &mut self.carriage {
            carriage.interrupt();
        }
        if let Some(pressing) = &mut self.pressing {
            self.keys_lost += pressing.clear();
        }
    }

    /// Its far end has agreed on something else: what is played or echoed goes on in that. False: it has ended for that.
    pub fn configure(
        &mut self,
        now: u64,
        phase: u64,
        voice: Option<&Voice>,
        library: Option<&Library>,
    ) -> bool {
        let is_good = |pressing: &Pressing| voice.is_some_and(|voice| pressing.is_of(voice));
        if let Some(mut former) = self.pressing.take_if(|pressing| !is_good(pressing)) {
            self.keys_lost += former.clear();
            self.pressing = voice.and_then(Pressing::new).map(Box::new);
        }
        let programme = match std::mem::take(&mut self.show) {
            Show::Joined => return true,
            Show::Echo(_) => {
                self.echo(voice);
                return true;
            }
            Show::Sounds(playing) => playing.programme(),
            Show::Waiting(programme) | Show::Nothing(programme) => programme,
        };
        self.play(now, phase, programme, (voice, library))
    }

    /// Whether it would play if there were a format, or a library.
    pub fn is_waiting(&self) -> bool {
        matches!(self.show, Show::Waiting(_))
    }

    /// Whether it adds nothing to what the joined leg sends.
    pub fn is_nothing(&self) -> bool {
        matches!(self.show, Show::Joined)
    }

    /// Whether what its far end sends comes back to it.
    pub fn is_echo(&self) -> bool {
        matches!(self.show, Show::Echo(_))
    }

    /// Whether the far end knows the joined leg's own stream: reports about it are of use to both.
    pub fn shows_joined(&self) -> bool {
        matches!(self.show, Show::Joined)
            && self.share.is_none()
            && !self.carriage.as_ref().is_some_and(Carriage::is_own)
    }

    /// Whether it may be forgotten: nothing is different from a leg that has none, or ever was.
    pub fn is_idle(&self) -> bool {
        matches!(self.show, Show::Joined)
            && self.carriage.is_none()
            && self.share.is_none()
            && self.pressing.is_none()
            && !self.is_ours()
    }

    /// Whether it is heard at all: a stream of our own, of this source.
    pub fn own_ssrc(&self) -> Option<u32> {
        self.own.ssrc()
    }

    /// A packet of the joined leg, or of the leg itself if that is echoed: plain and well formed.
    pub fn pass_on(
        &mut self,
        now_micros: u64,
        packet: &mut [u8],
        made: &mut Made,
    ) -> Result<Passed, DropReason> {
        let carriage = match (&mut self.show, &mut self.carriage) {
            (Show::Joined, _) if self.share.is_some() => return self.pass_key(packet, made),
            (Show::Joined, _) if self.pressing.as_ref().is_some_and(|pressing| pressing.sounds()) => {
                return Ok(Passed::Kept);
            }
            (Show::Joined, None) => return Ok(Passed::InPlace),
            (Show::Joined, Some(carriage)) => carriage,
            (Show::Echo(carriage), _) => carriage.as_mut(),
            (Show::Sounds(_) | Show::Waiting(_) | Show::Nothing(_), _) => return Ok(Passed::Kept),
        };
        let (header, payload) = Header::locate(packet).map_err(|_| DropReason::Malformed)?;
        if !carriage.is_own() {
            return carriage.rename(packet, &header, payload.start).map(|()| Passed::InPlace);
        }
        let payload = packet.get(payload).unwrap_or_default();
        carriage.carry(now_micros, Arrived { header, payload }, &mut self.own, made)?;
        Ok(Passed::Made)
    }

    /// A packet of the joined leg, whose speech is heard in the room.
    fn pass_key(&mut self, packet: &[u8], made: &mut Made) -> Result<Passed, DropReason> {
        let (header, payload) = Header::locate(packet).map_err(|_| DropReason::Malformed)?;
        let payload = packet.get(payload).unwrap_or_default();
        let share = self.share.as_deref_mut();
        let is_sent = share.is_some_and(|share| share.key(Arrived { header, payload }, &mut self.own, made));
        Ok(if is_sent { Passed::Made } else { Passed::Kept })
    }

    /// When [`Self::tick`] is wanted.
    pub fn due(&self) -> Option<u64> {
        match &self.show {
            Show::Sounds(playing) => Some(playing.due()),
            Show::Joined => {
                let pressing = self.pressing.as_ref().and_then(|pressing| pressing.due());
                let carriage = self.carriage.as_ref().filter(|_| self.share.is_none());
                let carriage = carriage.and_then(Carriage::due);
                pressing.into_iter().chain(carriage).min()
            }
            Show::Waiting(_) | Show::Nothing(_) | Show::Echo(_) => None,
        }
    }

    /// Makes what is due now. After the last sound the far end hears the joined leg again.
    pub fn tick(&mut self, now_micros: u64, is_heard: bool, made: &mut Made) -> Ticked {
        match &mut self.show {
            Show::Sounds(playing) => {
                let ticked = playing.tick(now_micros, is_heard, &mut self.own, made);
                if ticked == Ticked::Ended {
                    self.stop();
                }
                return ticked;
            }
            Show::Joined => self.tick_joined(now_micros, is_heard, made),
            Show::Waiting(_) | Show::Nothing(_) | Show::Echo(_) => {}
        }
        Ticked::More
    }

    fn tick_joined(&mut self, now_micros: u64, is_heard: bool, made: &mut Made) {
        let Self { own, carriage, pressing, .. } = self;
        if let Some(pressing) = pressing {
            let has_said = pressing.tick(now_micros, is_heard, own, made);
            // What comes around a key begins at its own time.
            if let Some(carriage) = carriage.as_mut().filter(|_| has_said) {
                carriage.interrupt();
            }
            if pressing.sounds() {
                return;
            }
        }
        if let Some(carriage) = carriage {
            carriage.tick(now_micros, own, made);
        }
    }

    /// For another process.
    pub fn image(&self) -> OutgoingImage {
        let doing = match &self.show {
            Show::Joined => Doing::Joined,
            Show::Echo(_) => Doing::Echo,
            Show::Sounds(playing) => Doing::Sounds(playing.programme()),
            Show::Waiting(programme) | Show::Nothing(programme) => Doing::Sounds(programme.clone()),
        };
        OutgoingImage { own: self.own.clone(), is_ours: self.is_ours(), doing }
    }

    /// From another process. Where it is not known what has been sent since, the stream is a new one of another seed: no
    /// number of it can have been used. False: what was to be played cannot be, and has ended.
    pub fn resume(
        image: OutgoingImage,
        fresh_seed: Option<u64>,
        (now_micros, phase_micros): (u64, u64),
        (voice, library): (Option<&Voice>, Option<&Library>),
    ) -> (Self, bool) {
        let mut outgoing = Self { is_ours: image.is_ours, ..Self::new(0) };
        outgoing.own = fresh_seed.map_or(image.own, Own::new);
        let goes_on = match image.doing {
            Doing::Joined => true,
            Doing::Echo => {
                outgoing.echo(voice);
                true
            }
            Doing::Sounds(programme) => outgoing.play(now_micros, phase_micros, programme, (voice, library)),
        };
        (outgoing, goes_on)
    }
}
