//! A hold that the switch answers by itself, and the music for whoever waits.
//!
//! When a side stops to receive, the other one is told nothing: it goes on as before and hears music in place of the side
//! that holds. What that side had said before the hold stays what the other one is told of it, so that nothing has to be
//! agreed anew when the call is taken back. While a side holds here, offers of either are answered here as long as the
//! lines stay the same and the speech of both can be turned into each other; everything else is passed on as ever
//! (`exchange`), and music is played then too, to whoever has been put on hold and listens.
//!
//! What a phone that holds sends by itself (`sendonly`) is not heard ([decision 0025]). With `hold_music` off every hold is
//! passed on and nothing is played.
//!
//! [decision 0025]: ../../../../docs/decisions/0025-the-switch-as-the-other-side.md

use contract::command::Outcome;
use sip::Body;
use streams::{
    media::{LeaseId, MediaCommand},
    sdp::Description,
};

use super::state::{Side, Talking};
use crate::means::Means;

/// What the sound is called that a held side hears.
pub(super) const MUSIC: &str = "music/default";

impl Talking {
    /// The answer to an offer that is nothing to the other side: a hold, its end, or anything while somebody holds here.
    /// `None`: it has to be passed on.
    pub(super) fn answer_here(
        &mut self,
        by: Side,
        offer: &Description,
        means: &mut Means<'_>,
    ) -> Option<Body> {
        let (asker, other) = (&self.leg(by).streams, &self.leg(by.other()).streams);
        let is_about_hold = offer.is_held() || asker.is_holding_here() || other.is_holding_here();
        if !means.config.hold_music || !is_about_hold || other.voice_line().is_none() {
            return None;
        }
        let is_same = asker.said().is_some_and(|said| offer.has_streams_of(&said));
        let answer = other.said().filter(|_| is_same)?.stand_in_answer(offer);
        if !answer.can_be_told(offer, &means.config.codecs) {
            return None;
        }
        let asker = &mut self.leg_mut(by).streams;
        asker.reserve(offer, true, means).ok()?;
        let body = asker.answer(&answer, offer, means);
        asker.agree_here(offer, means);
        Some(body)
    }

    /// Somebody orders a hold in the name of a side, or its end. What a phone has said of itself stays.
    pub(super) fn order_hold(&mut self, by: Side, is_on: bool, means: &mut Means<'_>) -> Outcome {
        if !means.config.hold_music {
            return Outcome::NotNow;
        }
        if self.is_held.is_ordered(by) == is_on {
            return Outcome::AlreadySo;
        }
        let before = self.is_held.by(by);
        self.is_held.order(by, is_on);
        self.write_hold(by, before, means);
        self.play_music(means);
        Outcome::Done
    }

    /// Plays music to whoever waits, and to nobody else.
    pub(super) fn play_music(&mut self, means: &mut Means<'_>) {
        for side in [Side::Caller, Side::Callee] {
            // By order nobody's phone has said so: the holder is to hear nobody either.
            let is_held = self.is_held.by(side.other()) || self.is_held.is_ordered(side);
            let waits = means.config.hold_music && is_held;
            let wanted = self.leg(side).streams.listening_line().filter(|_| waits);
            let leases: Vec<LeaseId> = self.leg(side).streams.lease_ids().collect();
            let playing = self.music.of(side);
            if *playing == wanted {
                continue;
            }
            let before = std::mem::replace(playing, wanted);
            match (before, wanted) {
                (_, Some(lease)) => self.record.play(lease, MUSIC, means),
                // One that is closed plays no longer.
                (Some(lease), None) if leases.contains(&lease) => means.media(MediaCommand::Stop { lease }),
                _ => {}
            }
        }
    }
}
