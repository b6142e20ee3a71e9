//! Rooms: who sits in which, and their ticks. How it sounds is decided in `streams::conference`.
//!
//! All legs are on this one thread, so a room needs no lock and no way between threads. A room is there for as long as
//! anybody sits in it.

use std::sync::Arc;

use streams::{
    audio::mix::{Audience, Seat},
    conference::{HeardBy, Member, Place, Room, RoomId, Sitting},
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
    pub(crate) sitting: Sitting,
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
    pub(super) fn meet(&mut self, lease: LeaseId, (id, sitting): (RoomId, Sitting), now: u64) -> Option<()> {
        let at = self.slots.find(lease)?;
        if sitting.place == Place::Inside {
            if self.slots.peer(at).is_some() {
                self.part(at);
            }
            self.end_echo(at);
        }
        let is_there = self.slots.leg(at)?.seated.as_ref().is_some_and(|seated| seated.id == id);
        if !is_there {
            self.stand_up(at);
            self.sit_down(at, (id, sitting), now)?;
        } else if let Some(seated) = self.slots.leg(at)?.seated.as_deref_mut() {
            seated.sitting = sitting;
            let room = seated.room;
            self.listen_to_room(at);
            self.arrange(room);
        }
        self.changed.push(at);
        Some(())
    }

    /// A leg takes a seat.
    pub(super) fn sit_down(&mut self, at: usize, (id, sitting): (RoomId, Sitting), now: u64) -> Option<()> {
        let seed = self.seed(at);
        let leg = self.slots.leg(at)?;
        let room = self.rooms.open(id, now);
        let meeting = self.rooms.get(room)?;
        let seat = meeting.room.join()?;
        meeting.members.push(at);
        let member = Member::new(leg.state.voice(), seed);
        leg.seated = Some(Box::new(Seated { id, sitting, member, seat, room }));
        self.listen_to_room(at);
        self.arrange(room);
        Some(())
    }

    /// What its far end hears from now on: the room, or no longer.
    fn listen_to_room(&mut self, at: usize) {
        let Some(leg) = self.slots.leg(at) else { return };
        if leg.seated.as_ref().is_some_and(|seated| seated.sitting.place.hears_room()) {
            self.outgoing(at);
            if let Some(leg) = self.slots.leg(at)
                && let Some(outgoing) = leg.outgoing.as_deref_mut()
            {
                outgoing.sit(leg.state.voice());
            }
            self.retune(at);
        } else if let Some(outgoing) = leg.outgoing.as_deref_mut() {
            outgoing.stand_up();
            if outgoing.is_idle() {
                leg.outgoing = None;
            }
        }
    }

    /// Finds who is heard by whom in a room.
    fn arrange(&mut self, n: usize) {
        let Some(mut meeting) = self.rooms.rooms.get_mut(n).and_then(Option::take) else { return };
        for at in &meeting.members {
            let seated = self.slots.leg(*at).and_then(|leg| leg.seated.as_deref());
            let Some((seat, heard_by)) = seated.map(|seated| (seated.seat, seated.sitting.heard_by)) else {
                continue;
            };
            let audience = match heard_by {
                HeardBy::Everyone => Audience::Everyone,
                HeardBy::Nobody => Audience::Nobody,
                HeardBy::Only(lease) => {
                    let other = self.slots.find(lease).and_then(|at| self.slots.leg(at));
                    let other = other.and_then(|leg| leg.seated.as_deref().filter(|other| other.room == n));
                    other.map_or(Audience::Nobody, |other| Audience::Only(other.seat))
                }
            };
            meeting.room.set_audience(seat, audience);
        }
        if let Some(place) = self.rooms.rooms.get_mut(n) {
            *place = Some(meeting);
        }
    }

    /// A leg sits in no room any more.
    pub(super) fn stand_up(&mut self, at: usize) {
        let Some(leg) = self.slots.leg(at) else { return };
        let Some(seated) = leg.seated.take() else { return };
        self.listen_to_room(at);
        self.rooms.leave(at, &seated);
    }

    /// A leg is joined to another one than before, if `is_other`, or to none: it sits in no room any more, where it sat in
    /// one in place of a peer, or beside the peer that it had.
    pub(super) fn leave_peer(&mut self, at: usize, is_other: bool) {
        let place = self.slots.leg(at).and_then(|leg| Some(leg.seated.as_ref()?.sitting.place));
        if is_other || place == Some(Place::Inside) {
            self.stand_up(at);
        }
    }

    /// Who sits in a room has agreed on something else.
    pub(super) fn reseat(&mut self, at: usize) {
        let Some(leg) = self.slots.leg(at) else { return };
        let Some(seated) = leg.seated.as_deref_mut() else { return };
        seated.member.configure(leg.state.voice());
        self.listen_to_room(at);
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
