//! The request methods this switch knows by name (RFC 3261 §7.1 and the extensions it speaks).
//!
//! Method names are case-sensitive tokens: `invite` is an extension method, not INVITE. The text of an unknown
//! method stays in the message and is read with [`crate::Message::method_text`].

use std::fmt;

use serde::{Deserialize, Serialize};

/// A request method.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Method {
    /// RFC 3261 §13: opens a session.
    Invite,
    /// RFC 3261 §17.1.1.3: acknowledges a final response to INVITE.
    Ack,
    /// RFC 3261 §15: ends a session.
    Bye,
    /// RFC 3261 §9: takes back a pending request.
    Cancel,
    /// RFC 3261 §10: binds contacts to an address of record.
    Register,
    /// RFC 3261 §11: asks for capabilities.
    Options,
    /// RFC 6086: mid-session information.
    Info,
    /// RFC 3262: acknowledges a reliable provisional response.
    Prack,
    /// RFC 3311: changes a session before or after the answer.
    Update,
    /// RFC 6665: asks for notifications.
    Subscribe,
    /// RFC 6665: delivers a notification.
    Notify,
    /// RFC 3515: asks the peer to send a request.
    Refer,
    /// RFC 3428: an instant message.
    Message,
    /// RFC 3903: publishes event state.
    Publish,
    /// Any other token.
    Other,
}

impl Method {
    /// The method that `text` names, compared case-sensitively (RFC 3261 §7.1).
    #[must_use]
    pub fn of(text: &str) -> Self {
        match text {
            "INVITE" => Self::Invite,
            "ACK" => Self::Ack,
            "BYE" => Self::Bye,
            "CANCEL" => Self::Cancel,
            "REGISTER" => Self::Register,
            "OPTIONS" => Self::Options,
            "INFO" => Self::Info,
            "PRACK" => Self::Prack,
            "UPDATE" => Self::Update,
            "SUBSCRIBE" => Self::Subscribe,
            "NOTIFY" => Self::Notify,
            "REFER" => Self::Refer,
            "MESSAGE" => Self::Message,
            "PUBLISH" => Self::Publish,
            _ => Self::Other,
        }
    }

    /// The name on the wire; `"OTHER"` for [`Method::Other`], whose real name only the message knows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invite => "INVITE",
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Register => "REGISTER",
            Self::Options => "OPTIONS",
            Self::Info => "INFO",
            Self::Prack => "PRACK",
            Self::Update => "UPDATE",
            Self::Subscribe => "SUBSCRIBE",
            Self::Notify => "NOTIFY",
            Self::Refer => "REFER",
            Self::Message => "MESSAGE",
            Self::Publish => "PUBLISH",
            Self::Other => "OTHER",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_reads_back_and_case_counts() {
        use Method::*;
        for method in [
            Invite, Ack, Bye, Cancel, Register, Options, Info, Prack, Update, Subscribe, Notify, Refer,
            Message, Publish,
        ] {
            assert_eq!(Method::of(method.as_str()), method);
            assert_eq!(Method::of(&method.as_str().to_lowercase()), Other);
        }
    }
}
