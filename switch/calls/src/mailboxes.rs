//! What is in everybody's mailbox: the messages by the database's word, and what has become of them here that the database
//! does not show yet.
//!
//! The journal carries what happens here to the database, which tells all there is whenever anything has changed there.
//! Nothing is kept of mailboxes across lives but that. Whoever watches a mailbox is told by `presence`.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    id::{CallId, OrgId, RecordingId, UserId},
    time::Timestamp,
};

/// Messages that the database does not show as they are here, at most; what is beyond is not counted until it does.
const UNWRITTEN_MAX: usize = 10_000;

/// A message in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredMessage {
    /// The recording that it is.
    pub recording: RecordingId,
    /// Of which call.
    pub call: CallId,
    /// The organisation.
    pub org: OrgId,
    /// Whose mailbox it is in.
    pub user: UserId,
    /// The caller's number, if it wanted it shown.
    pub caller: Option<String>,
    /// When its recording began.
    pub left_at: Timestamp,
    /// How long it lasts, in milliseconds.
    pub length_ms: u64,
    /// The object in the store.
    pub key: String,
    /// The owner has heard it.
    pub is_heard: bool,
}

type Owner = (OrgId, UserId);

/// How many messages there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Not heard yet.
    pub(crate) new: usize,
    /// Heard and kept.
    pub(crate) old: usize,
}

/// All mailboxes.
#[derive(Debug, Default)]
pub(crate) struct Mailboxes {
    messages: BTreeMap<Owner, BTreeMap<RecordingId, StoredMessage>>,
    unwritten: BTreeMap<RecordingId, StoredMessage>,
    /// Whose have changed since somebody has asked.
    touched: BTreeSet<Owner>,
}

impl Mailboxes {
    /// The database's word.
    pub(crate) fn adopt(&mut self, all: Vec<StoredMessage>) {
        let before = std::mem::take(&mut self.messages);
        for message in all {
            self.unwritten.remove(&message.recording);
            self.put(message);
        }
        for message in self.unwritten.clone().into_values() {
            self.put(message);
        }
        let owners: BTreeSet<Owner> = before.keys().chain(self.messages.keys()).copied().collect();
        let count = |messages: &BTreeMap<Owner, _>, owner: &Owner| messages.get(owner).map(count_of);
        let changed = owners.into_iter().filter(|one| count(&before, one) != count(&self.messages, one));
        let changed: Vec<Owner> = changed.collect();
        self.touched.extend(changed);
    }

    /// The store has a message that was just left.
    pub(crate) fn left(&mut self, message: StoredMessage) {
        if self.unwritten.len() >= UNWRITTEN_MAX || self.holds(&message) {
            return;
        }
        self.touched.insert((message.org, message.user));
        self.unwritten.insert(message.recording, message.clone());
        self.put(message);
    }

    fn holds(&self, message: &StoredMessage) -> bool {
        let own = self.messages.get(&(message.org, message.user));
        own.is_some_and(|own| own.contains_key(&message.recording))
    }

    fn put(&mut self, message: StoredMessage) {
        let owner = (message.org, message.user);
        self.messages.entry(owner).or_default().insert(message.recording, message);
    }

    /// Messages of a mailbox.
    pub(crate) fn len(&self, org: OrgId, user: UserId) -> usize {
        self.messages.get(&(org, user)).map_or(0, BTreeMap::len)
    }

    /// The same, by whether they were heard.
    pub(crate) fn count(&self, org: OrgId, user: UserId) -> Count {
        self.messages.get(&(org, user)).map(count_of).unwrap_or_default()
    }

    /// Whose mailboxes have changed.
    pub(crate) fn take_touched(&mut self) -> BTreeSet<Owner> {
        std::mem::take(&mut self.touched)
    }
}

fn count_of(messages: &BTreeMap<RecordingId, StoredMessage>) -> Count {
    let old = messages.values().filter(|message| message.is_heard).count();
    Count { new: messages.len() - old, old }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn message(n: u128, is_heard: bool) -> StoredMessage {
        let id = Uuid::from_u128;
        StoredMessage {
            recording: RecordingId(id(n)),
            call: CallId(id(n)),
            org: OrgId(id(1)),
            user: UserId(id(11)),
            caller: None,
            left_at: Timestamp(0),
            length_ms: 3_000,
            key: String::new(),
            is_heard,
        }
    }

    fn check(boxes: &mut Mailboxes, (new, old): (usize, usize), is_news: bool) {
        let (org, user) = (OrgId(Uuid::from_u128(1)), UserId(Uuid::from_u128(11)));
        assert_eq!(boxes.count(org, user), Count { new, old });
        assert_eq!(boxes.len(org, user), new + old);
        assert_eq!(
            boxes.take_touched().into_iter().collect::<Vec<_>>(),
            if is_news { vec![(org, user)] } else { vec![] }
        );
    }

    #[test]
    fn a_message_counts_from_when_the_store_has_it_and_once() {
        let mut boxes = Mailboxes::default();
        check(&mut boxes, (0, 0), false);
        boxes.adopt(vec![message(1, true)]);
        check(&mut boxes, (0, 1), true);
        boxes.left(message(2, false));
        check(&mut boxes, (1, 1), true);
        // The store was given it once more after a crash.
        boxes.left(message(2, false));
        check(&mut boxes, (1, 1), false);
        // What the database says came before it was told of this one.
        boxes.adopt(vec![message(1, true)]);
        check(&mut boxes, (1, 1), false);
        boxes.adopt(vec![message(1, true), message(2, false)]);
        check(&mut boxes, (1, 1), false);
        // From now on its word counts.
        boxes.adopt(vec![message(2, true)]);
        check(&mut boxes, (0, 1), true);
        boxes.adopt(vec![]);
        check(&mut boxes, (0, 0), true);
    }
}
