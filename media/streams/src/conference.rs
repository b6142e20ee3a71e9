//! A room: several legs who hear each other, and never themselves (decision 0043).
//!
//! ```text
//! packets ──▶ Member ── 20 ms ──▶ Room (mixer) ── all but the own ──▶ voice::Outgoing ──▶ packets
//! ```
//!
//! What each member sends goes through its jitter buffer and decoder; a tick of the room every 20 ms takes a frame of each,
//! and gives each what the others have said. Who is in which room, and who is heard by whom, says call control. All memory is
//! taken when somebody sits down or agrees on something else; a packet and a tick take none.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    audio::{
        FRAME_MS, Rate,
        hearing::Hearing,
        library::Library,
        mix::{Audience, Mixer, Seat},
        player::{Clip, Played, Player, Repeat},
    },
    media::{LeaseId, SoundName, Voice},
    rtp::Header,
    tap::Content,
    voice::{LATE_MICROS_MAX, on_grid},
};

/// Legs in one room. Their encoders work in one turn of the media thread, and Opus takes 0.1 ms for each.
pub const MEMBERS_MAX: usize = 32;
/// What is mixed. Narrow voices gain nothing by it and lose nothing.
pub const RATE: Rate = Rate::Wide;
/// A silence, as comfort noise says it (RFC 3389 §3.1).
const SILENCE: [u8; 1] = [127];
/// A room's step.
const STEP_MICROS: u64 = FRAME_MS as u64 * 1_000;

/// Names a room, among all organisations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RoomId(pub u128);

/// How a leg sits in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sitting {
    /// Who there hears what its far end says.
    pub heard_by: HeardBy,
    /// What it is sent.
    pub place: Place,
}

impl Sitting {
    /// Like everybody in a conference: all hear it, or nobody does.
    pub const fn member(is_muted: bool) -> Self {
        let heard_by = if is_muted { HeardBy::Nobody } else { HeardBy::Everyone };
        Self { heard_by, place: Place::Inside }
    }
}

/// Who in a room hears somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeardBy {
    /// All others.
    Everyone,
    /// One other leg, while it sits there.
    Only(LeaseId),
    /// Nobody.
    Nobody,
}

/// Where somebody sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// In the room, in place of whatever it was joined to.
    Inside,
    /// Beside the leg that it stays joined to: what it sends is heard in the room too. It goes when that leg does.
    Beside {
        /// Its far end hears the room in place of the joined leg, which sits there as well.
        hears_room: bool,
    },
}

impl Place {
    /// Whether its far end hears the room.
    pub const fn hears_room(self) -> bool {
        matches!(self, Self::Inside | Self::Beside { hears_room: true })
    }
}

/// What one leg says to its room.
#[derive(Debug)]
pub struct Member {
    voice: Voice,
    hearing: Hearing,
}

impl Member {
    /// With what its two ends have agreed on. The seed is that of its comfort noise.
    pub fn new(voice: Option<&Voice>, seed: u64) -> Self {
        let mut member = Self { voice: Voice::default(), hearing: Hearing::new(RATE, seed) };
        member.configure(voice);
        member
    }

    /// They have agreed on something else.
    pub fn configure(&mut self, voice: Option<&Voice>) {
        self.voice = voice.cloned().unwrap_or_default();
        for format in &self.voice.formats {
            self.hearing.expect(format.codec);
        }
    }

    /// A packet that its leg has accepted, plain. What nobody has agreed on is not heard; in place of speech that goes no further
    /// (`is_kept`) there is silence, where a loss would be made up.
    pub fn take(&mut self, now_micros: u64, packet: &[u8], is_kept: bool) {
        let Ok((header, payload)) = Header::locate(packet) else { return };
        let payload = packet.get(payload).unwrap_or_default();
        let (content, payload) = match Content::of(Some(&self.voice), header.payload_type) {
            Content::Speech(_) if is_kept => (Content::Noise, &SILENCE[..]),
            content => (content, payload),
        };
        self.hearing.push(now_micros, content, &header, payload);
    }
}

/// What is said in one room, 20 ms after 20 ms.
#[derive(Debug)]
pub struct Room {
    mixer: Mixer,
    /// What is announced to all, and where it sits.
    announced: Option<(Player, Seat)>,
    due_micros: u64,
    frame: Box<[i16]>,
}

impl Room {
    /// Without anybody. Its ticks are this far behind whole steps.
    pub fn new(now_micros: u64, phase_micros: u64) -> Self {
        Self {
            // One seat more, for what is announced.
            mixer: Mixer::new(RATE, MEMBERS_MAX + 1),
            announced: None,
            due_micros: on_grid(now_micros, STEP_MICROS, phase_micros),
            frame: vec![0; RATE.frame()].into_boxed_slice(),
        }
    }

    /// Somebody sits down, and is heard by nobody yet. `None`: there are [`MEMBERS_MAX`] already.
    pub fn join(&mut self) -> Option<Seat> {
        if self.members() >= MEMBERS_MAX {
            return None;
        }
        self.mixer.join(Audience::Nobody)
    }

    /// From the next tick on, who hears somebody.
    pub fn set_audience(&mut self, seat: Seat, audience: Audience) {
        self.mixer.set_audience(seat, audience);
    }

    /// Somebody leaves.
    pub fn leave(&mut self, seat: Seat) {
        self.mixer.leave(seat);
    }

    /// Who sits there.
    pub fn members(&self) -> usize {
        self.mixer.seated() as usize - usize::from(self.announced.is_some())
    }

    /// All hear these sounds besides each other, in place of what was announced before. Returns how many are not there.
    pub fn announce(&mut self, sounds: &[SoundName], library: &Library) -> usize {
        let clips: Arc<[Clip]> = sounds.iter().filter_map(|name| library.find(name, RATE)).collect();
        let missing = sounds.len() - clips.len();
        self.end_announcement();
        if let Ok(player) = Player::new(clips, RATE, Repeat::Times(1)) {
            self.announced = self.mixer.join(Audience::Everyone).map(|seat| (player, seat));
        }
        missing
    }

    fn end_announcement(&mut self) {
        if let Some((_, seat)) = self.announced.take() {
            self.mixer.leave(seat);
        }
    }

    /// When its next tick is.
    pub fn due_micros(&self) -> u64 {
        self.due_micros
    }

    /// Begins the next tick that is due and returns its instant; what is late by too much is left out.
    pub fn begin(&mut self, now_micros: u64) -> Option<u64> {
        if now_micros.saturating_sub(self.due_micros) > LATE_MICROS_MAX {
            self.due_micros = on_grid(now_micros, STEP_MICROS, self.due_micros % STEP_MICROS);
        }
        let due = self.due_micros;
        if due > now_micros {
            return None;
        }
        self.due_micros = due.saturating_add(STEP_MICROS);
        self.mixer.begin();
        if let Some((player, seat)) = &mut self.announced {
            let played = player.frame(&mut self.frame);
            self.mixer.speak(*seat, &self.frame);
            if played == Played::Ended(0) {
                self.end_announcement();
            }
        }
        Some(due)
    }

    /// What a member says in this tick.
    pub fn speak(&mut self, due_micros: u64, seat: Seat, member: &mut Member) {
        if member.hearing.tick(due_micros, &mut self.frame) {
            self.mixer.speak(seat, &self.frame);
        }
    }

    /// What a member hears in this tick.
    pub fn listen(&mut self, seat: Seat) -> &[i16] {
        self.mixer.listen(seat, &mut self.frame);
        &self.frame
    }
}
