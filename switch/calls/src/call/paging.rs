//! Devices that are asked to answer by themselves for whoever dials (decision 0047), and whom nobody breaks in on. How they are asked
//! stands in `invitation`; one that knows none of it rings as ever, and whoever lifts it answers.

use dialplan::{Ring, Trail};

use super::{
    dial::{Opening, ringing},
    events::Record,
    leg::Leg,
    outcome::{LegResult, Tally, Words},
    state::{Head, State},
};
use crate::{call::lamps::Watched, means::Means};

/// Who of those who would answer is in no call. The others are busy.
pub(super) fn idle(ring: &Ring, tally: &mut Tally, means: &Means<'_>) -> Ring {
    let (idle, busy): (Vec<_>, Vec<_>) = ring
        .targets
        .iter()
        .cloned()
        .partition(|target| means.presence.is_idle(Watched::Person(target.person)));
    for target in busy {
        tally.add(target.person, LegResult::Busy, Words::default());
    }
    Ring { targets: idle, ..ring.clone() }
}

/// Phones answer by themselves, and the first one is talked to.
pub(super) fn intercom(
    opening: &Opening<'_>,
    ring: &Ring,
    on_line: (Record, Leg),
    head: &mut Head,
    means: &mut Means<'_>,
) -> State {
    match ringing(opening, Trail::default(), on_line, head, means) {
        Err(refused) => refused,
        Ok(mut ringing) => {
            ringing.invitation.answer_at_once();
            let ring = idle(ring, &mut ringing.tally, means);
            ringing.begin(&ring, head, means)
        }
    }
}
