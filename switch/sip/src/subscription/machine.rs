//! The notifier of one subscription as a machine: RFC 6665 4.2, with one NOTIFY open at a time.
//!
//! ```text
//!            Changed, Refreshed             Written                Delivered
//! Quiet ───────────────────────────► Asked ─────────► Open ──────────────────► Quiet (or Asked, when there is news)
//!   │ End                              │ End            │ End      Delivered
//!   └───────────► AskedLast ◄──────────┘                └► OpenLast ─────────┐
//!                    │  ▲                                                    │
//!                    │  └────────────────────────────────────────────────────┘
//!                    └── Written ──► Last ── Delivered, Failed ──► Over
//! ```
//!
//! State is pulled, not pushed: the owner is asked when a NOTIFY can leave, so what it writes is the newest there
//! is, and ten changes during one slow NOTIFY make one more, not ten.

use arrayvec::ArrayVec;

use super::Termination;

/// States of the machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Notifier {
    /// The subscriber knows the newest state.
    Quiet,
    /// The owner was asked for the state.
    Asked {
        /// What has changed since it was asked.
        news: Option<News>,
    },
    /// A NOTIFY is open.
    Open {
        /// What has changed since it was written.
        news: Option<News>,
    },
    /// A NOTIFY is open; when it is answered the last one follows.
    OpenLast(Termination),
    /// The owner was asked for the last state.
    AskedLast(Termination),
    /// The last NOTIFY is open.
    Last(Termination),
    /// Over.
    Over,
}

/// What the owner is to write.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum News {
    /// What has changed since the last NOTIFY.
    Change,
    /// Everything: the subscriber has (re)subscribed (RFC 6665 4.2.2).
    Full,
}

/// What happens to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// The state that it tells of has changed.
    Changed,
    /// The subscriber has subscribed or refreshed.
    Refreshed,
    /// It is to end.
    End(Termination),
    /// The owner has written what it was asked for.
    Written,
    /// The open NOTIFY was answered 2xx.
    Delivered,
    /// The open NOTIFY was refused with this status, or nothing could be heard of it.
    Failed(u16),
}

/// What it wants done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// Ask the owner for the state.
    Ask(News),
    /// Send what was written; with a reason it is the last (RFC 6665 4.1.3).
    Send(Option<Termination>),
    /// Tell the owner that it is over.
    Tell(End),
}

/// How a subscription ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// By a last NOTIFY with this reason.
    Told(Termination),
    /// A NOTIFY was answered with this status, or 408 (no answer) or 503 (unreachable) made here.
    Refused(u16),
}

/// The most actions one event can ask for.
const ACTIONS_MAX: usize = 2;

/// The actions of one event, in order.
pub(crate) type Actions = ArrayVec<Action, ACTIONS_MAX>;

impl Notifier {
    /// Whether the subscriber can still refresh it.
    pub(crate) fn is_ending(&self) -> bool {
        matches!(self, Self::OpenLast(_) | Self::AskedLast(_) | Self::Last(_) | Self::Over)
    }

    /// One step of the figure.
    pub(crate) fn on(self, event: Event, actions: &mut Actions) -> Self {
        match (self, event) {
            (Self::Quiet, Event::Changed) => ask(News::Change, actions),
            (Self::Quiet, Event::Refreshed) => ask(News::Full, actions),
            (Self::Quiet, Event::End(why)) => ask_last(why, actions),
            (Self::Asked { news }, event @ (Event::Changed | Event::Refreshed)) => {
                // The owner may have begun to write already.
                Self::Asked { news: news.max(Some(news_of(event))) }
            }
            // What it has been asked for becomes the last.
            (Self::Asked { .. }, Event::End(why)) => Self::AskedLast(why),
            (Self::Asked { news }, Event::Written) => {
                actions.push(Action::Send(None));
                Self::Open { news }
            }
            (Self::Open { news }, event @ (Event::Changed | Event::Refreshed)) => {
                Self::Open { news: news.max(Some(news_of(event))) }
            }
            (Self::Open { .. }, Event::End(why)) => Self::OpenLast(why),
            (Self::Open { news: None }, Event::Delivered) => Self::Quiet,
            (Self::Open { news: Some(news) }, Event::Delivered) => ask(news, actions),
            (Self::OpenLast(why), Event::Delivered) => ask_last(why, actions),
            // RFC 6665 4.2.2: whoever does not take a NOTIFY is not subscribed.
            (Self::Open { .. } | Self::OpenLast(_), Event::Failed(status)) => {
                actions.push(Action::Tell(End::Refused(status)));
                Self::Over
            }
            (Self::AskedLast(why), Event::Written) => {
                actions.push(Action::Send(Some(why)));
                Self::Last(why)
            }
            (Self::Last(why), Event::Delivered | Event::Failed(_)) => {
                actions.push(Action::Tell(End::Told(why)));
                Self::Over
            }
            (
                state @ (Self::Quiet
                | Self::Asked { .. }
                | Self::Open { .. }
                | Self::OpenLast(_)
                | Self::AskedLast(_)
                | Self::Last(_)
                | Self::Over),
                _,
            ) => state,
        }
    }
}

fn ask(news: News, actions: &mut Actions) -> Notifier {
    actions.push(Action::Ask(news));
    Notifier::Asked { news: None }
}

fn ask_last(why: Termination, actions: &mut Actions) -> Notifier {
    actions.push(Action::Ask(News::Full));
    Notifier::AskedLast(why)
}

fn news_of(event: Event) -> News {
    if event == Event::Refreshed { News::Full } else { News::Change }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Action::*;
    use Notifier::*;

    const GONE: Termination = Termination::NoResource;
    const LATE: Termination = Termination::Timeout;

    fn check(from: Notifier, event: Event, to: Notifier, expected: &[Action]) {
        let mut actions = Actions::new();
        let label = format!("{from:?} on {event:?}");
        let state = from.on(event, &mut actions);
        assert_eq!((state, actions.as_slice()), (to, expected), "{label}");
    }

    fn all_states() -> Vec<Notifier> {
        let news = [None, Some(News::Change), Some(News::Full)];
        let mut states = vec![Quiet, OpenLast(GONE), AskedLast(GONE), Last(GONE), Over];
        states.extend(news.map(|news| Asked { news }));
        states.extend(news.map(|news| Open { news }));
        states
    }

    /// The pairs that change something: state, event, next state, actions.
    fn table() -> Vec<(Notifier, Event, Notifier, Vec<Action>)> {
        let (change, full) = (Some(News::Change), Some(News::Full));
        let mut rows = vec![
            (Quiet, Event::Changed, Asked { news: None }, vec![Ask(News::Change)]),
            (Quiet, Event::Refreshed, Asked { news: None }, vec![Ask(News::Full)]),
            (Quiet, Event::End(LATE), AskedLast(LATE), vec![Ask(News::Full)]),
            (Open { news: None }, Event::Delivered, Quiet, vec![]),
            (Open { news: change }, Event::Delivered, Asked { news: None }, vec![Ask(News::Change)]),
            (Open { news: full }, Event::Delivered, Asked { news: None }, vec![Ask(News::Full)]),
            (OpenLast(GONE), Event::Delivered, AskedLast(GONE), vec![Ask(News::Full)]),
            (OpenLast(GONE), Event::Failed(481), Over, vec![Tell(End::Refused(481))]),
            (AskedLast(GONE), Event::Written, Last(GONE), vec![Send(Some(GONE))]),
            (Last(GONE), Event::Delivered, Over, vec![Tell(End::Told(GONE))]),
            (Last(GONE), Event::Failed(481), Over, vec![Tell(End::Told(GONE))]),
        ];
        for news in [None, change, full] {
            rows.extend([
                (Asked { news }, Event::Refreshed, Asked { news: full }, vec![]),
                (Asked { news }, Event::End(LATE), AskedLast(LATE), vec![]),
                (Asked { news }, Event::Written, Open { news }, vec![Send(None)]),
                (Open { news }, Event::Refreshed, Open { news: full }, vec![]),
                (Open { news }, Event::End(LATE), OpenLast(LATE), vec![]),
                (Open { news }, Event::Failed(481), Over, vec![Tell(End::Refused(481))]),
            ]);
        }
        for (news, after) in [(None, change), (change, change), (full, full)] {
            rows.push((Asked { news }, Event::Changed, Asked { news: after }, vec![]));
            rows.push((Open { news }, Event::Changed, Open { news: after }, vec![]));
        }
        rows
    }

    #[test]
    fn rfc_6665_4_2_every_state_and_event() {
        let rows = table();
        for state in all_states() {
            for event in [
                Event::Changed,
                Event::Refreshed,
                Event::End(LATE),
                Event::Written,
                Event::Delivered,
                Event::Failed(481),
            ] {
                match rows.iter().find(|(from, on, _, _)| *from == state && *on == event) {
                    Some((_, _, to, actions)) => check(state.clone(), event, to.clone(), actions),
                    None => check(state.clone(), event, state.clone(), &[]),
                }
            }
        }
    }

    #[test]
    fn what_is_ending_cannot_be_refreshed() {
        let ending: Vec<Notifier> = all_states().into_iter().filter(Notifier::is_ending).collect();
        assert_eq!(ending, [OpenLast(GONE), AskedLast(GONE), Last(GONE), Over]);
    }
}
