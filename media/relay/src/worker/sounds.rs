//! What legs are sent where that is not simply what comes: made when orders come, and turns of their own while they want
//! any. How it sounds is decided in `streams::voice`.

use std::{hash::BuildHasher as _, sync::Arc};

use streams::{
    audio::library::Library,
    keys::Key,
    leg::Channel,
    media::{LeaseId, MediaEvent, SoundName},
    voice::{Outgoing, OutgoingImage, Programme, Ticked},
};

use super::Worker;
use crate::syscall::Batch;

/// Legs that are played to have their turns in so many groups …
const PHASES: u64 = 20;
/// … that are so far apart.
const PHASE_MICROS: u64 = 1_000;

/// Where a leg's turns lie.
pub(super) fn phase(at: usize) -> u64 {
    u64::try_from(at).unwrap_or(0) % PHASES * PHASE_MICROS
}

impl<W: Fn()> Worker<W> {
    /// The sounds, which somebody is to hear now. Where they have not been read, they are wanted from now on.
    pub(super) fn library(&self) -> Option<Arc<Library>> {
        if self.config.sounds.is_none() {
            // Full: they are wanted already.
            let _ = self.wanted.try_send(());
        }
        self.config.sounds.clone()
    }

    /// Numbers by which nobody can guess a stream of ours.
    pub(super) fn seed(&self, at: usize) -> u64 {
        self.random.hash_one((at, self.slots.lease(at).map(|lease| lease.0), self.started.elapsed()))
    }

    /// A leg that is sent something else than what comes, from now on if it has not been before.
    pub(super) fn outgoing(&mut self, at: usize) -> Option<&mut Outgoing> {
        let seed = self.seed(at);
        let leg = self.slots.leg(at)?;
        Some(leg.outgoing.get_or_insert_with(|| Box::new(Outgoing::new(seed))))
    }

    pub(super) fn play(
        &mut self,
        lease: LeaseId,
        sounds: Arc<[SoundName]>,
        repeat: bool,
        now: u64,
    ) -> Option<()> {
        let at = self.slots.find(lease)?;
        self.slots.leg(at)?;
        let programme = Programme::new(sounds, repeat);
        let library = self.library();
        let missing = library.as_ref().map_or(0, |library| programme.missing(library));
        self.tally.sounds_missing += missing as u64;
        self.outgoing(at)?;
        let leg = self.slots.leg(at)?;
        let (voice, outgoing) = (leg.state.voice(), leg.outgoing.as_deref_mut()?);
        if !outgoing.play(now, phase(at), programme, (voice, library.as_deref())) {
            self.tell(MediaEvent::Played { lease });
        }
        self.changed.push(at);
        self.retune(at);
        self.schedule(at);
        Some(())
    }

    /// A leg is sent a key, and from now on a stream of our own, which the key is a part of.
    pub(super) fn press(
        &mut self,
        lease: LeaseId,
        key: (Key, u16),
        unless_sent: bool,
        now: u64,
    ) -> Option<()> {
        let at = self.slots.find(lease)?;
        let (_, peer) = self.slots.leg_and_peer(at)?;
        if unless_sent && peer.is_some_and(|peer| peer.state.has_pressed()) {
            return Some(());
        }
        self.outgoing(at)?;
        let leg = self.slots.leg(at)?;
        let (voice, outgoing) = (leg.state.voice(), leg.outgoing.as_deref_mut()?);
        outgoing.press(now, key, voice);
        self.changed.push(at);
        self.retune(at);
        self.schedule(at);
        Some(())
    }

    pub(super) fn echo(&mut self, lease: LeaseId) -> Option<()> {
        let at = self.slots.find(lease)?;
        self.outgoing(at)?;
        let leg = self.slots.leg(at)?;
        leg.outgoing.as_deref_mut()?.echo(leg.state.voice());
        self.changed.push(at);
        self.retune(at);
        Some(())
    }

    pub(super) fn stop_sound(&mut self, lease: LeaseId) -> Option<()> {
        let at = self.slots.find(lease)?;
        let leg = self.slots.leg(at)?;
        if let Some(outgoing) = leg.outgoing.as_deref_mut() {
            outgoing.stop();
        }
        self.changed.push(at);
        self.retune(at);
        Some(())
    }

    /// Two legs have been joined: nobody hears himself any more.
    pub(super) fn end_echo(&mut self, at: usize) {
        let leg = self.slots.leg(at);
        if let Some(outgoing) = leg.and_then(|leg| leg.outgoing.as_deref_mut().filter(|o| o.is_echo())) {
            outgoing.stop();
        }
    }

    /// A far end has agreed on something else: what it is played goes on in that.
    pub(super) fn reconfigure(&mut self, at: usize, now: u64) {
        let library = self.config.sounds.clone();
        let lease = self.slots.lease(at);
        let Some(leg) = self.slots.leg(at) else { return };
        let (voice, outgoing) = (leg.state.voice(), leg.outgoing.as_deref_mut());
        if let Some(ear) = &mut leg.ear {
            ear.configure(voice);
        }
        let goes_on =
            outgoing.is_none_or(|outgoing| outgoing.configure(now, phase(at), voice, library.as_deref()));
        if let Some(lease) = lease.filter(|_| !goes_on) {
            self.tell(MediaEvent::Played { lease });
        }
        self.reseat(at);
        self.retune_pair(at);
        self.schedule(at);
    }

    /// The sounds have been read: who has waited for them hears them.
    pub(super) fn take_library(&mut self, now: u64) {
        let Ok(library) = self.libraries.pop() else { return };
        self.config.sounds = Some(library);
        for at in 0..self.slots.len() {
            let leg = self.slots.leg(at);
            if leg.is_some_and(|leg| leg.outgoing.as_ref().is_some_and(|outgoing| outgoing.is_waiting())) {
                self.reconfigure(at, now);
            }
        }
    }

    /// What a leg and its peer are sent is derived anew.
    pub(super) fn retune_pair(&mut self, at: usize) {
        self.retune(at);
        if let Some(peer) = self.slots.peer(at) {
            self.retune(peer);
        }
    }

    /// What a leg is sent of its peer's cannot go on as it comes.
    pub(super) fn take_over(&mut self, at: usize) {
        if let Some(outgoing) = self.outgoing(at) {
            outgoing.take_over();
            self.changed.push(at);
            self.retune(at);
        }
    }

    /// What a leg is sent of its peer's is derived anew from what both have agreed on.
    pub(super) fn retune(&mut self, at: usize) {
        let seed = self.seed(at);
        let Some((leg, peer)) = self.slots.leg_and_peer(at) else { return };
        let from = peer.as_ref().and_then(|peer| peer.state.voice());
        if leg.outgoing.is_none() && Outgoing::is_needed(from, leg.state.voice()) {
            leg.outgoing = Some(Box::new(Outgoing::new(seed)));
        }
        if let Some(outgoing) = leg.outgoing.as_deref_mut() {
            outgoing.join(from, leg.state.voice());
            self.tally.keys_lost += outgoing.take_keys_lost();
            if outgoing.is_idle() {
                leg.outgoing = None;
            }
        }
    }

    /// What a leg was sent in a former life.
    pub(super) fn resume_outgoing(&mut self, at: usize, image: OutgoingImage, is_exact: bool) {
        let (now, seed) = (self.now_micros(), self.seed(at));
        let library = self.library();
        let Some(leg) = self.slots.leg(at) else { return };
        let fresh = (!is_exact).then_some(seed);
        let voice = (leg.state.voice(), library.as_deref());
        let (outgoing, goes_on) = Outgoing::resume(image, fresh, (now, phase(at)), voice);
        leg.outgoing = Some(Box::new(outgoing));
        if let Some(lease) = self.slots.lease(at).filter(|_| !goes_on) {
            self.tell(MediaEvent::Played { lease });
        }
        self.schedule(at);
    }

    /// Puts a leg on the agenda for when it wants to be.
    pub(super) fn schedule(&mut self, at: usize) {
        let Some(leg) = self.slots.leg(at) else { return };
        let Some(due) = leg.outgoing.as_ref().and_then(|outgoing| outgoing.due()) else { return };
        if leg.due_micros.is_none_or(|before| due < before) {
            leg.due_micros = Some(due);
            self.agenda.add(due, at);
        }
    }

    /// Everybody who is due.
    pub(super) fn tick(&mut self, batch: &mut Batch, now: u64) {
        while let Some((due, at)) = self.agenda.next(now) {
            let Some(leg) = self.slots.leg(at).filter(|leg| leg.due_micros == Some(due)) else { continue };
            leg.due_micros = None;
            self.tick_leg(batch, at, now);
            self.schedule(at);
        }
    }

    fn tick_leg(&mut self, batch: &mut Batch, at: usize, now: u64) {
        self.mind_image(at, now);
        let Some(leg) = self.slots.leg(at) else { return };
        let Some(outgoing) = leg.outgoing.as_deref_mut() else { return };
        let is_heard = leg.state.destination(Channel::Rtp).is_some();
        let ticked = outgoing.tick(now, is_heard, &mut self.made);
        self.send_made(batch, at, now);
        if ticked == Ticked::Ended {
            self.changed.push(at);
            if let Some(lease) = self.slots.lease(at) {
                self.tell(MediaEvent::Played { lease });
            }
        }
    }

    /// What was made for a leg leaves, if there is anywhere to send it to.
    pub(super) fn send_made(&mut self, batch: &mut Batch, at: usize, now: u64) {
        let Some(leg) = self.slots.leg(at) else { return };
        match leg.state.destination(Channel::Rtp) {
            Some(destination) if !self.made.is_empty() => {
                self.tally.dropped_unsealed += leg.state.seal_made(now, &mut self.made) as u64;
                let sent = leg.way(Channel::Rtp).send_made(batch, &mut self.made, destination);
                leg.sent(sent, now);
                self.tally.sent(sent);
            }
            _ => self.made.clear(),
        }
    }
}
