//! An event as clients read it, where they go on, and which ones they may see.

use std::{collections::BTreeSet, fmt::Write as _};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    http::{actor::Actor, error::ApiError, fields::Fields},
    identity::permission::Permission,
    instant::Instant,
};

/// Something that has happened in the organisation.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
#[schema(as = OrganisationEvent)]
pub struct Event {
    /// Its number in the organisation, also its `id` in the stream.
    pub seq: i64,
    /// What, to what kind of thing, also its name in the stream.
    #[schema(example = "call.ringing")]
    pub kind: String,
    /// To which one.
    pub subject_id: Uuid,
    /// When it became true.
    pub occurred_at: Instant,
    /// What there is to know: of a change how the thing is since (null where it is there no more), of a call the fact.
    pub data: Option<Value>,
    /// Whom it is about.
    #[serde(skip)]
    pub audience: Vec<Uuid>,
}

impl Event {
    /// Writes it as a server-sent event.
    pub(super) fn tell(&self, text: &mut String) {
        let Ok(json) = serde_json::to_string(self) else { return };
        // Writing to a String cannot fail. A kind is a word, and JSON has no line breaks.
        let _ = write!(text, "id: {}\nevent: {}\ndata: {json}\n\n", self.seq, self.kind);
    }
}

/// What permits to see all events of a kind. Of what is not named here the record's own permission.
pub(super) fn permission(kind: &str) -> Permission {
    match kind.split('.').next().unwrap_or_default() {
        "call" => Permission::CallsRead,
        "extension" => Permission::TelephonyRead,
        "webhook" => Permission::WebhooksRead,
        "job" => Permission::JobsRead,
        "invitation" | "member" => Permission::MembersRead,
        "organisation" => Permission::OrganisationRead,
        _ => Permission::AuditRead,
    }
}

/// Who follows: an actor, with the extensions whose staff it is (H-023, H-026).
#[derive(Clone, Debug)]
pub(super) struct Viewer {
    pub(super) actor: Actor,
    pub(super) about: BTreeSet<Uuid>,
}

impl Viewer {
    /// What it may see: all of the kind, or what is about itself and its extensions.
    pub(super) fn sees(&self, event: &Event) -> bool {
        self.actor.must(permission(&event.kind)).is_ok()
            || event.audience.iter().any(|one| self.about.contains(one))
    }
}

/// Where to go on.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// The `id` of the last event that was seen, or 0 for all that are kept; the header `Last-Event-ID` goes before. Without either only
    /// what is new is told.
    #[param(inline, value_type = Option<i64>, minimum = 0)]
    after: Option<String>,
}

impl EventsQuery {
    /// After which number.
    pub(super) fn check(self, last_event_id: Option<&str>) -> Result<Option<i64>, ApiError> {
        let mut fields = Fields::default();
        let (name, text) = match last_event_id {
            Some(text) => ("Last-Event-ID", Some(text)),
            None => ("after", self.after.as_deref()),
        };
        let read = |text: &str| text.parse().ok().filter(|seq: &i64| *seq >= 0);
        let after = fields.read(name, text, read, "must be the id of an event, or 0");
        fields.done().map(|()| after)
    }
}

#[cfg(test)]
mod tests {
    use contract::{id::OrgId, time::Timestamp};

    use super::*;

    #[test]
    fn a_viewer_sees_the_kinds_that_it_may_read_and_what_is_about_it() {
        let (mine, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let check = |permissions: &[Permission], kind: &str, audience: &[Uuid]| {
            let actor = Actor::key(Uuid::nil(), OrgId(Uuid::nil()), permissions.iter().copied().collect());
            let event = Event {
                seq: 1,
                kind: kind.to_owned(),
                subject_id: Uuid::nil(),
                occurred_at: Instant(Timestamp(0)),
                data: None,
                audience: audience.to_vec(),
            };
            Viewer { actor, about: [mine].into() }.sees(&event)
        };
        assert!(check(&[Permission::CallsRead], "call.ringing", &[other]));
        assert!(!check(&[Permission::CallsRead], "extension.changed", &[other]));
        assert!(check(&[Permission::TelephonyRead], "extension.changed", &[]));
        assert!(check(&[Permission::AuditRead], "whatever.happened", &[]));
        assert!(!check(&[Permission::CallsRead, Permission::TelephonyRead], "whatever.happened", &[]));
        assert!(check(&[], "call.ringing", &[other, mine]));
        assert!(!check(&[], "call.ringing", &[other]));
    }
}
