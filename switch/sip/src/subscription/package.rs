//! The headers of RFC 6665: `Event`, and `Subscription-State` with its reasons.

use std::fmt;

use crate::header::HeaderName;
use crate::message::Message;
use crate::message::fields::Params;
use crate::parse::token::is_token;

/// What is subscribed to: an event package, and the id that tells two subscriptions of one dialog apart
/// (RFC 6665 8.2.1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct EventPackage {
    /// `dialog`, `reg`, `presence.winfo`, … Compared byte by byte.
    pub name: String,
    /// The `id` parameter.
    pub id: Option<String>,
}

impl EventPackage {
    /// A package without an id.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), id: None }
    }

    /// The `Event` header of a message; `None` when there is none or it cannot be read.
    #[must_use]
    pub fn of(message: &Message<'_>) -> Option<Self> {
        let value = message.first(HeaderName::Event)?;
        let (name, params) = value.split_once(';').unwrap_or((value, ""));
        let name = name.trim();
        let id = Params::new(params).get("id");
        let is_readable = is_token(name.as_bytes()) && id.is_none_or(|id| is_token(id.as_bytes()));
        is_readable.then(|| Self { name: name.to_owned(), id: id.map(str::to_owned) })
    }
}

impl fmt::Display for EventPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.id {
            Some(id) => write!(f, ";id={id}"),
            None => Ok(()),
        }
    }
}

/// Why a subscription is ended, and what the subscriber is to make of it (RFC 6665 4.1.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Termination {
    /// Subscribe anew at once, it may be served elsewhere.
    Deactivated,
    /// Try again later.
    Probation {
        /// Seconds to wait.
        retry_after_secs: u32,
    },
    /// No longer allowed. Do not try again.
    Rejected,
    /// Not refreshed in time, unsubscribed, or fetched.
    Timeout,
    /// Authorisation could not be settled.
    Giveup {
        /// Seconds to wait.
        retry_after_secs: u32,
    },
    /// What was watched is gone. Do not try again.
    NoResource,
    /// It will never change. Do not try again.
    Invariant,
}

impl Termination {
    /// The word of the `reason` parameter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deactivated => "deactivated",
            Self::Probation { .. } => "probation",
            Self::Rejected => "rejected",
            Self::Timeout => "timeout",
            Self::Giveup { .. } => "giveup",
            Self::NoResource => "noresource",
            Self::Invariant => "invariant",
        }
    }
}

/// The value of `Subscription-State`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SubscriptionState {
    /// It is accepted.
    Active {
        /// Seconds left.
        expires_secs: u32,
    },
    /// It is not decided yet.
    Pending {
        /// Seconds left.
        expires_secs: u32,
    },
    /// It is over. `None`: no reason was given, or an unknown one; subscribe anew if it is still wanted.
    Terminated(Option<Termination>),
}

impl SubscriptionState {
    /// The `Subscription-State` of a NOTIFY; `None` when there is none or it cannot be read. An unknown state is
    /// no state that can be acted on.
    #[must_use]
    pub fn of(message: &Message<'_>) -> Option<Self> {
        let value = message.first(HeaderName::SubscriptionState)?;
        let (word, params) = value.split_once(';').unwrap_or((value, ""));
        let params = Params::new(params);
        let number = |name| params.get(name).and_then(|text| text.parse().ok());
        let expires_secs = number("expires").unwrap_or(0);
        let retry_after_secs = number("retry-after").unwrap_or(0);
        let is = |text: &str| word.trim().eq_ignore_ascii_case(text);
        if is("active") {
            return Some(Self::Active { expires_secs });
        }
        if is("pending") {
            return Some(Self::Pending { expires_secs });
        }
        let known = [
            Termination::Deactivated,
            Termination::Probation { retry_after_secs },
            Termination::Rejected,
            Termination::Timeout,
            Termination::Giveup { retry_after_secs },
            Termination::NoResource,
            Termination::Invariant,
        ];
        let reason = params.get("reason").unwrap_or("");
        let why = known.into_iter().find(|why| why.as_str().eq_ignore_ascii_case(reason));
        is("terminated").then_some(Self::Terminated(why))
    }
}

impl fmt::Display for SubscriptionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Active { expires_secs } => write!(f, "active;expires={expires_secs}"),
            Self::Pending { expires_secs } => write!(f, "pending;expires={expires_secs}"),
            Self::Terminated(None) => f.write_str("terminated"),
            Self::Terminated(Some(why)) => {
                write!(f, "terminated;reason={}", why.as_str())?;
                match why {
                    Termination::Probation { retry_after_secs }
                    | Termination::Giveup { retry_after_secs } => {
                        write!(f, ";retry-after={retry_after_secs}")
                    }
                    Termination::Deactivated
                    | Termination::Rejected
                    | Termination::Timeout
                    | Termination::NoResource
                    | Termination::Invariant => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OwnedMessage;

    fn message(header: &str) -> OwnedMessage {
        OwnedMessage::parse(format!("NOTIFY sip:a@b SIP/2.0\r\n{header}\r\n\r\n").as_bytes()).unwrap()
    }

    #[test]
    fn rfc_6665_8_2_1_an_event_is_read_as_it_was_written() {
        for (value, name, id) in [
            ("dialog", "dialog", None),
            ("presence.winfo ; id=7", "presence.winfo", Some("7")),
            ("dialog;sla;ID=a-1", "dialog", Some("a-1")),
        ] {
            let read = EventPackage::of(&message(&format!("o: {value}")).view()).unwrap();
            assert_eq!((read.name.as_str(), read.id.as_deref()), (name, id));
            assert_eq!(EventPackage::of(&message(&format!("Event: {read}")).view()), Some(read));
        }
        for value in ["Event: ", "Event: ;id=1", "Event: a b", "Event: a;id=\"x\"", "X: dialog"] {
            assert_eq!(EventPackage::of(&message(value).view()), None, "{value}");
        }
    }

    #[test]
    fn rfc_6665_8_2_3_a_subscription_state_is_read_as_it_was_written() {
        let retry_after_secs = 30;
        let mut states = vec![
            SubscriptionState::Active { expires_secs: 60 },
            SubscriptionState::Pending { expires_secs: 0 },
            SubscriptionState::Terminated(None),
        ];
        states.extend(
            [
                Termination::Deactivated,
                Termination::Probation { retry_after_secs },
                Termination::Rejected,
                Termination::Timeout,
                Termination::Giveup { retry_after_secs },
                Termination::NoResource,
                Termination::Invariant,
            ]
            .map(|why| SubscriptionState::Terminated(Some(why))),
        );
        for state in states {
            let header = message(&format!("Subscription-State: {state}"));
            assert_eq!(SubscriptionState::of(&header.view()), Some(state), "{state}");
        }
        let odd = message("Subscription-State: TERMINATED;Reason=moved;retry-after=x");
        assert_eq!(SubscriptionState::of(&odd.view()), Some(SubscriptionState::Terminated(None)));
        for value in ["Subscription-State: waiting", "Subscription-State: ", "X: active"] {
            assert_eq!(SubscriptionState::of(&message(value).view()), None, "{value}");
        }
    }
}
