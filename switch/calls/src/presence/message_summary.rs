//! The `message-summary` package (RFC 3842): how many messages wait in a person's mailbox, told to the person's own devices.

use std::fmt::Write as _;

use contract::id::UserId;
use sip::Body;

use crate::mailboxes::Count;

pub(super) const CONTENT_TYPE: &str = "application/simple-message-summary";

/// One watcher's mailbox.
#[derive(Debug)]
pub(super) struct MessageSummary {
    pub(super) user: UserId,
    /// Where its messages are heard.
    account: String,
}

impl MessageSummary {
    pub(super) fn new(user: UserId, account: String) -> Self {
        Self { user, account }
    }

    /// RFC 3842 §5.2. Urgent messages there are none.
    pub(super) fn body(&self, Count { new, old }: Count) -> Body {
        let waiting = if new > 0 { "yes" } else { "no" };
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "Messages-Waiting: {waiting}\r\nMessage-Account: {}\r\nVoice-Message: {new}/{old} (0/0)\r\n",
            self.account
        );
        Body::new(CONTENT_TYPE, text.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn rfc_3842_5_2_the_light_is_lit_by_new_messages_alone() {
        let summary = MessageSummary::new(UserId(Uuid::nil()), "sip:1001@x".into());
        let text = |count| String::from_utf8(summary.body(count).bytes.to_vec()).unwrap();
        assert_eq!(
            text(Count { new: 2, old: 8 }),
            "Messages-Waiting: yes\r\nMessage-Account: sip:1001@x\r\nVoice-Message: 2/8 (0/0)\r\n"
        );
        assert!(text(Count { new: 0, old: 8 }).starts_with("Messages-Waiting: no\r\n"));
    }
}
