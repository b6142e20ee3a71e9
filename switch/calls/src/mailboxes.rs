//! What is in everybody's mailbox: the messages by the database's word, and what has become of them here that the database
//! does not show yet.
//!
//! The journal carries what happens here to the database, which tells all there is whenever anything has changed there.
//! Nothing is kept of mailboxes across lives but that. Whoever watches a mailbox is told by `presence`.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    id::{CallId, OrgId, RecordingId, UserId},
    journal::MessageStep,
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

/// A message that is not in the database as it is here.
#[derive(Debug)]
struct Unwritten {
    message: StoredMessage,
    /// The database has shown it.
    is_known: bool,
    is_deleted: bool,
}

/// All mailboxes.
#[derive(Debug, Default)]
pub(crate) struct Mailboxes {
    messages: BTreeMap<Owner, BTreeMap<RecordingId, StoredMessage>>,
    unwritten: BTreeMap<RecordingId, Unwritten>,
    /// Whose have changed since somebody has asked.
    touched: BTreeSet<Owner>,
}

impl Mailboxes {
    /// The database's word.
    pub(crate) fn adopt(&mut self, all: Vec<StoredMessage>) {
        let before = std::mem::take(&mut self.messages);
        let rows: BTreeMap<RecordingId, StoredMessage> =
            all.into_iter().map(|message| (message.recording, message)).collect();
        self.unwritten.retain(|recording, here| match rows.get(recording) {
            Some(row) => {
                here.is_known = true;
                here.is_deleted || here.message.is_heard && !row.is_heard
            }
            None => !here.is_known && !here.is_deleted,
        });
        let here: Vec<(StoredMessage, bool)> =
            self.unwritten.values().map(|here| (here.message.clone(), here.is_deleted)).collect();
        let rows = rows.into_values().map(|row| (row, false));
        for (message, is_deleted) in rows.chain(here) {
            match is_deleted {
                true => self.take(&message),
                false => self.put(message),
            }
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
        let here = Unwritten { message: message.clone(), is_known: false, is_deleted: false };
        self.unwritten.insert(message.recording, here);
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

    fn take(&mut self, message: &StoredMessage) {
        if let Some(own) = self.messages.get_mut(&(message.org, message.user)) {
            own.remove(&message.recording);
        }
    }

    /// Something has become of a message here; false when it is so already, or there is none.
    pub(crate) fn mark(&mut self, owner: Owner, recording: RecordingId, step: MessageStep) -> bool {
        let Some(message) = self.messages.get_mut(&owner).and_then(|own| own.get_mut(&recording)) else {
            return false;
        };
        let is_deleted = step == MessageStep::Deleted;
        if message.is_heard && !is_deleted {
            return false;
        }
        message.is_heard = true;
        let message = message.clone();
        if is_deleted {
            self.take(&message);
        }
        self.touched.insert(owner);
        let is_known = self.unwritten.get(&recording).is_none_or(|here| here.is_known);
        if self.unwritten.len() < UNWRITTEN_MAX {
            self.unwritten.insert(recording, Unwritten { message, is_known, is_deleted });
        }
        true
    }

    /// A message of a mailbox.
    pub(crate) fn message(&self, org: OrgId, user: UserId, recording: RecordingId) -> Option<&StoredMessage> {
        self.messages.get(&(org, user))?.get(&recording)
    }

    /// The messages of a mailbox as they are heard: new ones first, the oldest of them first.
    pub(crate) fn in_order(&self, org: OrgId, user: UserId) -> impl Iterator<Item = RecordingId> + '_ {
        let of = move |is_heard| {
            let own = self.messages.get(&(org, user)).into_iter().flat_map(BTreeMap::values);
            own.filter(move |message| message.is_heard == is_heard).map(|message| message.recording)
        };
        of(false).chain(of(true))
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

    #[test]
    fn what_its_owner_has_done_holds_until_the_database_shows_it() {
        let (owner, mut boxes) =
            ((OrgId(Uuid::from_u128(1)), UserId(Uuid::from_u128(11))), Mailboxes::default());
        boxes.adopt(vec![message(1, false), message(2, true), message(3, false)]);
        check(&mut boxes, (2, 1), true);
        let order: Vec<u128> = boxes.in_order(owner.0, owner.1).map(|one| one.0.as_u128()).collect();
        assert_eq!(order, [1, 3, 2]);
        let id = |n| RecordingId(Uuid::from_u128(n));
        assert!(boxes.mark(owner, id(1), MessageStep::Heard));
        assert!(!boxes.mark(owner, id(1), MessageStep::Heard), "once");
        assert!(boxes.mark(owner, id(2), MessageStep::Deleted));
        assert!(!boxes.mark(owner, id(9), MessageStep::Deleted), "there is none");
        check(&mut boxes, (1, 1), true);
        boxes.adopt(vec![message(1, false), message(2, true), message(3, false)]);
        check(&mut boxes, (1, 1), false);
        boxes.adopt(vec![message(1, true), message(3, false)]);
        check(&mut boxes, (1, 1), false);
        assert!(boxes.unwritten.is_empty());
    }
}
