//! From what each device answered to what the call came to. Pure folding, no signalling.
//!
//! Devices belong to persons; a person who declines on one device has declined. Among persons a timeout beats
//! busy, busy beats declined, declined beats what never reached a person.

use contract::journal::EventKind;
use dialplan::{Barred, PersonKey};
use serde::{Deserialize, Serialize};
use sip::{Cause, Reason};

/// How one device's INVITE failed, the weightiest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum LegResult {
    /// It could not be reached, or knows nobody of that name.
    Unreachable,
    /// The telephone network has no such number.
    NoSuchNumber,
    /// We had no ports or transactions left for it.
    Congested,
    /// It is there and refused for a reason of its own.
    Refused,
    /// The budget of whoever pays does not allow the call.
    Barred(Barred),
    /// It says that its person is elsewhere, and that led nowhere.
    Redirected,
    /// It can do nothing with the media offered.
    MediaRefused,
    /// The person declined.
    Declined,
    /// The person does not want to be disturbed, and was not rung.
    DoNotDisturb,
    /// The person is busy.
    Busy,
    /// It rang until it gave up.
    NoAnswer,
}

impl LegResult {
    /// Reads the final status of a device's INVITE (RFC 3261 §21.4 … §21.6).
    pub(crate) fn of(status: u16, cause: Cause, has_rung: bool) -> Self {
        match (cause, status) {
            (Cause::Timeout, _) if has_rung => Self::NoAnswer,
            (Cause::Timeout | Cause::Unreachable, _) => Self::Unreachable,
            (_, 486 | 600) => Self::Busy,
            (_, 603 | 607 | 608) => Self::Declined,
            (_, 300..=399) => Self::Redirected,
            (_, 415 | 488 | 606) => Self::MediaRefused,
            (_, 408 | 487) if has_rung => Self::NoAnswer,
            (_, 404 | 408 | 410 | 480 | 484 | 485 | 487 | 502..=504 | 604) => Self::Unreachable,
            _ => Self::Refused,
        }
    }

    /// Whether the status speaks for all devices of the person (RFC 3261 §21.6).
    pub(crate) fn is_final_for_person(status: u16) -> bool {
        (600..700).contains(&status)
    }

    /// The status that the caller gets.
    pub(crate) fn caller_status(self) -> u16 {
        match self {
            Self::Unreachable | Self::Refused | Self::Redirected | Self::NoAnswer => 480,
            Self::NoSuchNumber => 404,
            Self::Barred(_) => 403,
            Self::Congested => 503,
            Self::MediaRefused => 488,
            Self::Declined => 603,
            Self::Busy | Self::DoNotDisturb => 486,
        }
    }

    /// The events that tell it, before `ended`. Each person's `rejected` has been told when it came.
    pub(crate) fn events(self) -> &'static [EventKind] {
        match self {
            Self::NoAnswer => &[EventKind::Timeout, EventKind::Missed],
            Self::Busy | Self::DoNotDisturb => &[EventKind::Busy],
            Self::Declined => &[],
            Self::MediaRefused
            | Self::Redirected
            | Self::Refused
            | Self::Barred(_)
            | Self::Congested
            | Self::NoSuchNumber
            | Self::Unreachable => &[EventKind::Failed],
        }
    }

    /// What it is for a call that was sent on.
    pub(crate) fn of_transfer(self) -> EventKind {
        match self {
            Self::NoAnswer => EventKind::TransferNoAnswer,
            Self::Busy | Self::DoNotDisturb | Self::Declined => EventKind::TransferBusy,
            _ => EventKind::TransferFailed,
        }
    }

    /// The stable word for programs.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::NoSuchNumber => "no_such_number",
            Self::Barred(why) => why.reason(),
            Self::Congested => "congestion",
            Self::Refused => "refused",
            Self::Redirected => "redirected",
            Self::MediaRefused => "media_refused",
            Self::Declined => "declined",
            Self::DoNotDisturb => "do_not_disturb",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
        }
    }
}

/// What has become of the devices so far.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tally {
    declined: Vec<PersonKey>,
    /// The weightiest result with what brought it.
    weightiest: Option<(LegResult, Words)>,
}

/// What a device has said when it failed, for the caller to hear.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Words {
    pub(crate) status: Option<u16>,
    /// Its `Reason` (RFC 3326): a gateway's Q.850 cause says more than any status.
    pub(crate) reason: Option<Reason>,
    /// When it may be called again, in seconds.
    pub(crate) retry_after: Option<u32>,
}

impl Tally {
    /// Takes a result; true when it is the first by which this person declines.
    pub(crate) fn add(&mut self, person: PersonKey, result: LegResult, words: Words) -> bool {
        if self.weightiest.as_ref().is_none_or(|(weightiest, _)| result > *weightiest) {
            self.weightiest = Some((result, words));
        }
        let declines = result == LegResult::Declined && !self.declined.contains(&person);
        if declines {
            self.declined.push(person);
        }
        declines
    }

    /// What the call comes to when no device is left, and what brought it. Without any device at all nobody could
    /// be reached.
    pub(crate) fn outcome(&self) -> (LegResult, Words) {
        self.weightiest.clone().unwrap_or((LegResult::Unreachable, Words::default()))
    }
}

#[cfg(test)]
mod tests {
    use contract::id::UserId;
    use uuid::Uuid;

    use super::*;

    fn of(status: u16) -> Words {
        Words { status: Some(status), ..Words::default() }
    }

    /// Devices as (person, status, rang) and what the caller hears.
    fn check(devices: &[(u128, u16, bool)], expected: (u16, &[EventKind], &str)) {
        let mut tally = Tally::default();
        for (person, status, has_rung) in devices {
            let result = LegResult::of(*status, Cause::Response, *has_rung);
            tally.add(PersonKey::User(UserId(Uuid::from_u128(*person))), result, of(*status));
        }
        let (outcome, _) = tally.outcome();
        assert_eq!((outcome.caller_status(), outcome.events(), outcome.reason()), expected, "{devices:?}");
    }

    #[test]
    fn one_device_alone_decides() {
        check(&[], (480, &[EventKind::Failed], "unreachable"));
        check(&[(1, 486, true)], (486, &[EventKind::Busy], "busy"));
        check(&[(1, 600, true)], (486, &[EventKind::Busy], "busy"));
        check(&[(1, 603, true)], (603, &[], "declined"));
        check(&[(1, 480, true)], (480, &[EventKind::Failed], "unreachable"));
        check(&[(1, 408, true)], (480, &[EventKind::Timeout, EventKind::Missed], "no_answer"));
        check(&[(1, 408, false)], (480, &[EventKind::Failed], "unreachable"));
        check(&[(1, 488, false)], (488, &[EventKind::Failed], "media_refused"));
        check(&[(1, 401, false)], (480, &[EventKind::Failed], "refused"));
        check(&[(1, 302, false)], (480, &[EventKind::Failed], "redirected"));
    }

    #[test]
    fn timeout_beats_busy_beats_declined_beats_the_rest_in_any_order() {
        check(&[(1, 603, true), (2, 486, true)], (486, &[EventKind::Busy], "busy"));
        check(&[(2, 486, true), (1, 603, true)], (486, &[EventKind::Busy], "busy"));
        check(&[(1, 603, true), (2, 480, false)], (603, &[], "declined"));
        check(&[(1, 603, true), (2, 488, false)], (603, &[], "declined"));
        check(
            &[(1, 486, true), (2, 408, true)],
            (480, &[EventKind::Timeout, EventKind::Missed], "no_answer"),
        );
        check(&[(1, 404, false), (1, 488, false)], (488, &[EventKind::Failed], "media_refused"));
    }

    #[test]
    fn a_person_declines_once_however_many_devices_say_so() {
        let mut tally = Tally::default();
        let [one, two] = [1, 2].map(|n| PersonKey::User(UserId(Uuid::from_u128(n))));
        assert!(tally.add(one, LegResult::Declined, of(603)));
        assert!(!tally.add(one, LegResult::Declined, of(603)));
        assert!(!tally.add(two, LegResult::Busy, of(486)));
        assert!(tally.add(two, LegResult::Declined, of(603)));
    }

    #[test]
    fn rfc_3261_21_6_global_failures_speak_for_all_devices_of_a_person() {
        assert!(LegResult::is_final_for_person(600) && LegResult::is_final_for_person(603));
        assert!(!LegResult::is_final_for_person(486) && !LegResult::is_final_for_person(488));
    }
}
