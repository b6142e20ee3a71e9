//! Who of a queue's free people is asked next. Chance is drawn by the caller, so that this decides nothing by itself.

use std::collections::BTreeSet;

use contract::queues::Strategy;
use dialplan::PersonKey;

use crate::clock::Moment;

/// Somebody who could be asked now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) person: PersonKey,
    /// Their place in the queue's order.
    pub(super) place: usize,
    /// At least 1.
    pub(super) weight: u16,
    /// Since when they have had no call of a queue.
    pub(super) idle_since: Moment,
    /// Calls of this queue that they have taken.
    pub(super) taken: u32,
}

/// Whom `strategy` asks: nobody only where there is nobody. `last` is the place after which `round_robin` goes on, `chance`
/// any number.
pub(super) fn choose(
    strategy: Strategy,
    candidates: &[Candidate],
    last: Option<usize>,
    chance: u64,
) -> BTreeSet<PersonKey> {
    let first = |key: &dyn Fn(&Candidate) -> (u64, usize)| candidates.iter().min_by_key(|one| key(one));
    let chosen = match strategy {
        Strategy::RingAll => return candidates.iter().map(|one| one.person).collect(),
        Strategy::LongestIdle => candidates.iter().min_by_key(|one| (one.idle_since, one.place)),
        Strategy::FewestCalls => candidates.iter().min_by_key(|one| (one.taken, one.idle_since, one.place)),
        Strategy::Linear => first(&|one| (0, one.place)),
        // Those behind the last one, then those before it, itself the last of all.
        Strategy::RoundRobin => {
            first(&|one| (u64::from(last.is_some_and(|last| one.place <= last)), one.place))
        }
        Strategy::Random => drawn(candidates, |_| 1, chance),
        Strategy::Weighted => drawn(candidates, |one| u64::from(one.weight.max(1)), chance),
    };
    chosen.map(|one| one.person).into_iter().collect()
}

fn drawn(candidates: &[Candidate], weight: impl Fn(&Candidate) -> u64, chance: u64) -> Option<&Candidate> {
    let all: u64 = candidates.iter().map(&weight).sum();
    let mut rest = chance.checked_rem(all)?;
    candidates.iter().find(|one| {
        let weight = weight(one);
        let is_it = rest < weight;
        rest = rest.saturating_sub(weight);
        is_it
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use contract::id::UserId;
    use uuid::Uuid;

    use super::*;

    type People<'a> = &'a [(u128, u16, u64, u32)];

    /// People as (number, weight, idle since, taken), and who is asked.
    fn check(
        strategy: Strategy,
        (people, last, chance): (People<'_>, Option<usize>, u64),
        expected: &[u128],
    ) {
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        let origin = Instant::now();
        let candidate = |(person, weight, since, taken): &(u128, u16, u64, u32)| Candidate {
            person: PersonKey::User(UserId(Uuid::from_u128(*person))),
            place: usize::try_from(*person).unwrap(),
            weight: *weight,
            idle_since: Moment::of(origin + Duration::from_secs(*since), origin),
            taken: *taken,
        };
        let candidates: Vec<Candidate> = people.iter().map(candidate).collect();
        let asked: Vec<u128> = choose(strategy, &candidates, last, chance)
            .into_iter()
            .map(|person| match person {
                PersonKey::User(user) => user.0.as_u128(),
                person => panic!("{person:?}"),
            })
            .collect();
        assert_eq!(asked, expected, "{strategy:?} {people:?} after {last:?} by {chance}");
    }

    const PEOPLE: People<'static> = &[(1, 1, 30, 2), (2, 3, 10, 5), (3, 1, 20, 1)];

    #[test]
    fn nobody_is_asked_only_where_there_is_nobody() {
        for strategy in Strategy::ALL {
            check(*strategy, (&[], Some(1), 7), &[]);
            check(*strategy, (&PEOPLE[..1], Some(1), 7), &[1]);
        }
    }

    #[test]
    fn ring_all_asks_everybody_and_linear_the_first() {
        check(Strategy::RingAll, (PEOPLE, None, 0), &[1, 2, 3]);
        check(Strategy::Linear, (PEOPLE, Some(1), 9), &[1]);
        check(Strategy::Linear, (&PEOPLE[1..], None, 0), &[2]);
    }

    #[test]
    fn longest_idle_asks_who_has_had_no_call_for_longest_and_of_the_same_the_first() {
        check(Strategy::LongestIdle, (PEOPLE, None, 0), &[2]);
        check(Strategy::LongestIdle, (&[(1, 1, 5, 0), (2, 1, 5, 0)], None, 1), &[1]);
    }

    #[test]
    fn fewest_calls_asks_who_has_had_the_fewest_and_of_the_same_the_longest_idle() {
        check(Strategy::FewestCalls, (PEOPLE, None, 0), &[3]);
        check(Strategy::FewestCalls, (&[(1, 1, 9, 4), (2, 1, 5, 4)], None, 0), &[2]);
    }

    #[test]
    fn round_robin_goes_on_after_the_last_one_and_begins_again() {
        check(Strategy::RoundRobin, (PEOPLE, None, 0), &[1]);
        check(Strategy::RoundRobin, (PEOPLE, Some(1), 0), &[2]);
        check(Strategy::RoundRobin, (PEOPLE, Some(3), 0), &[1]);
        check(Strategy::RoundRobin, (&[PEOPLE[0], PEOPLE[2]], Some(2), 0), &[3]);
        check(Strategy::RoundRobin, (&PEOPLE[1..2], Some(2), 0), &[2]);
    }

    #[test]
    fn random_is_the_chance_and_weighted_is_the_chance_with_weights() {
        for (chance, expected) in [(0, 1), (1, 2), (2, 3), (3, 1)] {
            check(Strategy::Random, (PEOPLE, None, chance), &[expected]);
        }
        for (chance, expected) in [(0, 1), (1, 2), (3, 2), (4, 3), (5, 1)] {
            check(Strategy::Weighted, (PEOPLE, None, chance), &[expected]);
        }
    }
}
