//! Rooms: who sits in which, and their ticks. How it sounds is decided in `streams::conference`.
//!
//! All legs are on this one thread, so a room needs no lock and no way between threads. A room is there for as long as
//! anybody sits in it.

use std::sync::Arc;

use streams::{
    audio::mix::Seat,
    conference::{Member, Room, RoomId},
    leg::Channel,
    media::{LeaseId, SoundName},
};

use super::{Worker, agenda::Agenda, sounds::phase};
use crate::syscall::Batch;

/// All rooms that somebody sits in: no more than there are legs.
#[derive(Debug)]
pub(super) struct Rooms {
    rooms: Vec<Option<Box<Meeting>>>,
    agenda: Agenda,
}

/// A room and who sits there, by slot.
#[derive(Debug)]
struct Meeting {
    id: RoomId,
    room: Room,
    members: Vec<usize>,
}

/// A leg in its room.
#[derive(Debug)]
pub(crate) struct Seated {
    pub(crate) id: RoomId,
    pub(crate) is_muted: bool,
    pub(crate) member: Member,
    seat: Seat,
    /// Where the room is among the others.
    room: usize,
}

impl Rooms {
    pub(super) fn new(slots: usize) -> Self {
        Self { rooms: Vec::new(), agenda: Agenda::new(slots) }
    }

    pub(super) fn deadline_micros(&self) -> Option<u64> {
        self.agenda.deadline_micros()
    }

    fn get(&mut self, n: usize) -> Option<&mut Meeting> {
        self.rooms.get_mut(n)?.as_deref_mut()
    }

    fn find(&self, id: RoomId) -> Option<usize> {
        self.rooms.iter().position(|meeting| meeting.as_ref().is_some_and(|meeting| meeting.id == id))
    }

    /// The room of that name, from now on if it has not been there before.
    fn open(&mut self, id: RoomId, now: u64) -> usize {
        if let Some(n) = self.find(id) {
            return n;
        }
        let n = self.rooms.iter().position(Option::is_none).unwrap_or(self.rooms.len());
        if n == self.rooms.len() {
            self.rooms.push(None);
        }
        let room = Room::new(now, phase(n));
        self.agenda.add(room.due_micros(), n);
        if let Some(place) = self.rooms.get_mut(n) {
            *place = Some(Box::new(Meeting { id, room, members: Vec::new() }));
        }
        n
    }

    /// Somebody leaves; who is the last one closes the room.
    fn leave(&mut self, at: usize, seated: &Seated) {
        let Some(meeting) = self.get(seated.room) else { return };
        meeting.room.leave(seated.seat);
        meeting.members.retain(|member| *member != at);
        if meeting.members.is_empty()
            && let Some(place) = self.rooms.get_mut(seated.room)
        {
            *place = None;
        }
    }
}

impl<W: Fn()> Worker<W> {
    /// A leg sits in a room, if there is a seat left.
    pub(super) fn meet(&mut self, lease: LeaseId, id: RoomId, is_muted: bool, now: u64) -> Option<()> {
        let at = self.slots.find(lease)?;
        let leg = self.slots.leg(at)?;
        match &mut leg.seated {
            Some(seated) if seated.id == id => {
                seated.is_muted = is_muted;
                let (room, seat) = (seated.room, seated.seat);
                self.rooms.get(room)?.room.mute(seat, is_muted);
            }
            _ => {
                self.part(at);
                self.end_echo(at);
                self.sit_down(at, (id, is_muted), now)?;
            }
        }
        self.changed.push(at);
        Some(())
    }

    /// A leg that is joined to nobody takes a seat.
    pub(super) fn sit_down(&mut self, at: usize, (id, is_muted): (RoomId, bool), now: u64) -> Option<()> {
        let seed = self.seed(at);
        self.outgoing(at)?;
        let leg = self.slots.leg(at)?;
        let room = self.rooms.open(id, now);
        let meeting = self.rooms.get(room)?;
        let seat = meeting.room.join(is_muted)?;
        meeting.members.push(at);
        let member = Member::new(leg.state.voice(), seed);
        leg.seated = Some(Box::new(Seated { id, is_muted, member, seat, room }));
        leg.outgoing.as_deref_mut()?.sit(leg.state.voice());
        Some(())
    }

    /// A leg sits in no room any more.
    pub(super) fn stand_up(&mut self, at: usize) {
        let Some(leg) = self.slots.leg(at) else { return };
        let Some(seated) = leg.seated.take() else { return };
        if let Some(outgoing) = leg.outgoing.as_deref_mut() {
            outgoing.stand_up();
        }
        self.rooms.leave(at, &seated);
    }

    /// Who sits in a room has agreed on something else.
    pub(super) fn reseat(&mut self, at: usize) {
        let Some(leg) = self.slots.leg(at) else { return };
        let Some(seated) = leg.seated.as_deref_mut() else { return };
        seated.member.configure(leg.state.voice());
        if let Some(outgoing) = leg.outgoing.as_deref_mut() {
            outgoing.sit(leg.state.voice());
        }
    }

    /// All in a room hear this. Where the sounds have not been read yet it is not announced: it would be old by then.
    pub(super) fn announce(&mut self, id: RoomId, sounds: &Arc<[SoundName]>) -> Option<()> {
        let room = self.rooms.find(id)?;
        if let Some(library) = self.library() {
            let missing = self.rooms.get(room)?.room.announce(sounds, &library);
            self.tally.sounds_missing += missing as u64;
        }
        Some(())
    }

    /// Every room that is due.
    pub(super) fn tick_rooms(&mut self, batch: &mut Batch, now: u64) {
        while let Some((due, n)) = self.rooms.agenda.next(now) {
            let Some(mut meeting) = self.rooms.rooms.get_mut(n).and_then(Option::take) else { continue };
            if meeting.room.due_micros() == due {
                while let Some(due) = meeting.room.begin(now) {
                    self.tick_room(batch, &mut meeting, (due, now));
                }
                self.rooms.agenda.add(meeting.room.due_micros(), n);
            }
            if let Some(place) = self.rooms.rooms.get_mut(n) {
                *place = Some(meeting);
            }
        }
    }

    fn tick_room(&mut self, batch: &mut Batch, meeting: &mut Meeting, (due, now): (u64, u64)) {
        let Meeting { room, members, .. } = meeting;
        for at in members.iter() {
            if let Some(seated) = self.slots.leg(*at).and_then(|leg| leg.seated.as_deref_mut()) {
                room.speak(due, seated.seat, &mut seated.member);
            }
        }
        for at in members.iter() {
            self.mind_image(*at, now);
            let Some(leg) = self.slots.leg(*at) else { continue };
            let (Some(seated), Some(outgoing)) = (&leg.seated, leg.outgoing.as_deref_mut()) else { continue };
            if outgoing.shows_room() {
                let is_heard = leg.state.destination(Channel::Rtp).is_some();
                outgoing.hear_room(due, room.listen(seated.seat), is_heard, &mut self.made);
                self.send_made(batch, *at, now);
            }
        }
    }
}
