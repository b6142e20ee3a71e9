//! Who has changed what, and when: appended in the unit of work of the change itself, and never altered (S-009, H-044, H-049).
//! Every event carries the hash of the one before it in its organisation, so that one which was altered or taken out by whoever
//! can is found; that the last ones were cut off is not.

pub mod http;
pub mod model;
mod store;

use contract::id::OrgId;
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::events;

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// In which organisation.
    pub org: OrgId,
    /// `api_key` or `person`
    pub kind: &'static str,
    /// Which one.
    pub id: Uuid,
}

impl Actor {
    /// Not a program.
    pub(super) fn is_person(&self) -> bool {
        self.kind == "person"
    }
}

/// What was done to one thing.
#[derive(Clone, Debug)]
pub struct Event {
    action: &'static str,
    subject: Uuid,
    before: Option<Value>,
    after: Option<Value>,
    is_news: bool,
}

impl Event {
    /// `action` (`extension.changed`) has made `after` of `before`; neither holds a secret.
    pub fn of<T: Serialize>(
        action: &'static str,
        subject: Uuid,
        before: Option<&T>,
        after: Option<&T>,
    ) -> Self {
        let value = |view: Option<&T>| view.and_then(|view| serde_json::to_value(view).ok());
        Self { action, subject, before: value(before), after: value(after), is_news: true }
    }

    /// An order to the switch: for the record alone, because what it comes to is told by the switch.
    pub fn order<T: Serialize>(action: &'static str, subject: Uuid, told: &T) -> Self {
        Self { is_news: false, ..Self::of(action, subject, None, Some(told)) }
    }

    /// The same for whoever follows what happens.
    pub(super) fn news(&self) -> Option<events::New> {
        let (kind, data) = (self.action.to_owned(), self.after.clone());
        let new = events::New { kind, subject: self.subject, at: None, data, audience: Vec::new() };
        self.is_news.then_some(new)
    }
}

/// Adds to the record, in the unit of work that does what it tells of.
pub(super) async fn append(c: &mut PgConnection, actor: Actor, events: &[Event]) -> Result<(), sqlx::Error> {
    for event in events {
        store::append(c, actor, event).await?;
    }
    Ok(())
}
