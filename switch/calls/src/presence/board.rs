//! All lamps of all calls, by call and by who is watched, so that a change finds its watchers and a new watcher finds
//! its calls without a look at any other.

use std::collections::BTreeMap;

use contract::id::CallId;

use crate::call::lamps::{Lamp, Lamps, Watched};

/// What all calls show now. Nothing is kept of a call that has ended.
#[derive(Debug, Default)]
pub(super) struct LampBoard {
    calls: BTreeMap<CallId, Lamps>,
    watched: BTreeMap<Watched, BTreeMap<CallId, Lamp>>,
}

impl LampBoard {
    /// Takes what a call shows now; whose lamps have changed by it.
    pub(super) fn saw(&mut self, call: CallId, now: Lamps) -> Vec<Watched> {
        let before = self.calls.get(&call);
        if before.map_or(now.is_empty(), |before| *before == now) {
            return Vec::new();
        }
        let before = self.calls.remove(&call).unwrap_or_default();
        let mut changed = Vec::new();
        for watched in before.keys().filter(|watched| !now.contains_key(watched)) {
            changed.push(*watched);
            if let Some(lamps) = self.watched.get_mut(watched) {
                lamps.remove(&call);
                if lamps.is_empty() {
                    self.watched.remove(watched);
                }
            }
        }
        for (watched, lamp) in &now {
            if before.get(watched) != Some(lamp) {
                changed.push(*watched);
                self.watched.entry(*watched).or_default().insert(call, *lamp);
            }
        }
        if !now.is_empty() {
            self.calls.insert(call, now);
        }
        changed
    }

    /// The calls somebody is in, oldest first.
    pub(super) fn of(&self, watched: Watched) -> impl Iterator<Item = (CallId, Lamp)> + '_ {
        self.watched.get(&watched).into_iter().flatten().map(|(call, lamp)| (*call, *lamp))
    }

    /// Calls that show something.
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }
}

#[cfg(test)]
mod tests {
    use contract::id::{ExtensionId, UserId};
    use dialplan::PersonKey;
    use uuid::Uuid;

    use super::*;
    use crate::call::lamps::{Direction, Stage};

    #[test]
    fn a_change_tells_whose_lamp_it_is_and_an_end_leaves_nothing() {
        let call = CallId(Uuid::from_u128(7));
        let person = Watched::Person(PersonKey::User(UserId(Uuid::from_u128(1))));
        let team = Watched::Extension(ExtensionId(Uuid::from_u128(2)));
        let lamp = |stage| Lamp { direction: Direction::Recipient, stage };
        let mut board = LampBoard::default();
        assert!(board.saw(call, Lamps::new()).is_empty());
        let early = Lamps::from([(person, lamp(Stage::Early)), (team, lamp(Stage::Early))]);
        assert_eq!(board.saw(call, early.clone()), [person, team]);
        assert!(board.saw(call, early).is_empty(), "nothing has changed");
        let later = Lamps::from([(person, lamp(Stage::Confirmed)), (team, lamp(Stage::Early))]);
        assert_eq!(board.saw(call, later), [person]);
        assert_eq!(board.of(person).collect::<Vec<_>>(), [(call, lamp(Stage::Confirmed))]);
        assert_eq!(board.saw(call, Lamps::new()), [person, team]);
        assert_eq!((board.len(), board.watched.len()), (0, 0));
    }
}
