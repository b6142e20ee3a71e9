//! What people have turned on and off for themselves, and whether queues ask them (decision 0046).
//!
//! It is nobody's configuration: a code dialled at a phone, an order or the switch itself changes it, and the switch
//! remembers it in rows that it writes. Each of the three is a row of its own, so that one that is not known does not
//! overwrite another.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    id::{AccountId, UserId},
    live::AgentPause,
    words::words,
};

/// Whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Person {
    /// A member of staff.
    User(UserId),
    /// A bare account, which is a person of its own.
    Account(AccountId),
}

impl Person {
    /// The id alone.
    pub const fn uuid(self) -> Uuid {
        match self {
            Self::User(user) => user.0,
            Self::Account(account) => account.0,
        }
    }

    /// The ids in rows: of a user, of an account.
    pub const fn row(self) -> (Option<Uuid>, Option<Uuid>) {
        match self {
            Self::User(user) => (Some(user.0), None),
            Self::Account(account) => (None, Some(account.0)),
        }
    }

    /// What a row says; `None`: not whose it is.
    pub fn of((user, account): (Option<Uuid>, Option<Uuid>)) -> Option<Self> {
        match (user, account) {
            (Some(user), None) => Some(Self::User(UserId(user))),
            (None, Some(account)) => Some(Self::Account(AccountId(account))),
            _ => None,
        }
    }
}

/// One thing that somebody has turned on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// Nothing of theirs rings. Off until they turn it on.
    DoNotDisturb(bool),
    /// A second call rings while they are in one. On until they turn it off.
    CallWaiting(bool),
    /// No queue asks them, and why.
    Pause(Option<AgentPause>),
}

words! {
    /// Which of the things somebody can turn on and off.
    Setting {
        /// [`Availability::DoNotDisturb`].
        DoNotDisturb = "do_not_disturb",
        /// [`Availability::CallWaiting`].
        CallWaiting = "call_waiting",
        /// [`Availability::Pause`].
        Pause = "pause",
    }
}

impl Availability {
    /// Which it is.
    pub const fn setting(self) -> Setting {
        match self {
            Self::DoNotDisturb(_) => Setting::DoNotDisturb,
            Self::CallWaiting(_) => Setting::CallWaiting,
            Self::Pause(_) => Setting::Pause,
        }
    }

    /// How it is for somebody who has never turned it on or off.
    pub const fn first(setting: Setting) -> Self {
        match setting {
            Setting::DoNotDisturb => Self::DoNotDisturb(false),
            Setting::CallWaiting => Self::CallWaiting(true),
            Setting::Pause => Self::Pause(None),
        }
    }

    /// The word in rows beside that of [`Self::setting`]: `on`, `off`, or why somebody is paused.
    pub const fn value(self) -> &'static str {
        match self {
            Self::DoNotDisturb(true) | Self::CallWaiting(true) => "on",
            Self::DoNotDisturb(false) | Self::CallWaiting(false) | Self::Pause(None) => "off",
            Self::Pause(Some(why)) => why.as_str(),
        }
    }

    /// What a row says; `None`: words of another release.
    pub fn of(setting: &str, value: &str) -> Option<Self> {
        let is_on = match value {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        };
        match Setting::of(setting)? {
            Setting::DoNotDisturb => is_on.map(Self::DoNotDisturb),
            Setting::CallWaiting => is_on.map(Self::CallWaiting),
            Setting::Pause if is_on == Some(false) => Some(Self::Pause(None)),
            Setting::Pause => AgentPause::of(value).map(|why| Self::Pause(Some(why))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        for is_on in [true, false] {
            for one in [Availability::DoNotDisturb(is_on), Availability::CallWaiting(is_on)] {
                assert_eq!(Availability::of(one.setting().as_str(), one.value()), Some(one));
            }
        }
        for why in [None, Some(AgentPause::Order), Some(AgentPause::Missed)] {
            let one = Availability::Pause(why);
            assert_eq!(Availability::of(one.setting().as_str(), one.value()), Some(one));
        }
        for (setting, value) in
            [("pause", "on"), ("do_not_disturb", "order"), ("call_waiting", ""), ("x", "on")]
        {
            assert_eq!(Availability::of(setting, value), None, "{setting} {value}");
        }
        for setting in Setting::ALL {
            assert_eq!(Availability::first(*setting).setting(), *setting);
        }
    }
}
