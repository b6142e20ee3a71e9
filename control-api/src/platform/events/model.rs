//! An event as clients read it, where they go on, and which ones they may see.

use std::{collections::BTreeSet, fmt::Write as _};

use contract::id::OrgId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    http::{actor::Actor, error::ApiError, fields::Fields},
    identity::{guests::Guest, permission::Permission},
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

/// What a guest is told of their own call.
const GUEST_KINDS: [&str; 14] = [
    "call.created",
    "call.queued",
    "call.queue_updated",
    "call.ringing",
    "call.answered",
    "call.hold",
    "call.unhold",
    "call.rejected",
    "call.busy",
    "call.timeout",
    "call.missed",
    "call.canceled",
    "call.failed",
    "call.ended",
];

/// Who follows.
#[derive(Clone, Debug)]
pub(super) enum Viewer {
    /// An actor, with the extensions whose staff it is (H-023, H-026).
    Actor { actor: Actor, about: BTreeSet<Uuid> },
    /// A guest.
    Guest(Guest),
}

impl Viewer {
    /// In which organisation.
    pub(super) const fn org(&self) -> OrgId {
        match self {
            Self::Actor { actor, .. } => actor.org,
            Self::Guest(guest) => guest.org,
        }
    }

    /// What it is told of an event. An actor sees all of the kinds that it may read, and what is about itself and its extensions; a
    /// guest how their own call goes and where in the queue it is, and nothing of whoever else is in it.
    pub(super) fn told(&self, event: &Event) -> Option<Event> {
        match self {
            Self::Actor { actor, about } => {
                let sees = actor.must(permission(&event.kind)).is_ok()
                    || event.audience.iter().any(|one| about.contains(one));
                sees.then(|| event.clone())
            }
            Self::Guest(guest) => {
                let sees = GUEST_KINDS.contains(&event.kind.as_str()) && event.audience.contains(&guest.user);
                let data =
                    json!({ "queue_count": event.data.as_ref().and_then(|data| data.get("queue_count")) });
                sees.then(|| Event { data: Some(data), ..event.clone() })
            }
        }
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
    use contract::time::Timestamp;

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
            Viewer::Actor { actor, about: [mine].into() }.told(&event).is_some()
        };
        assert!(check(&[Permission::CallsRead], "call.ringing", &[other]));
        assert!(!check(&[Permission::CallsRead], "extension.changed", &[other]));
        assert!(check(&[Permission::TelephonyRead], "extension.changed", &[]));
        assert!(check(&[Permission::AuditRead], "whatever.happened", &[]));
        assert!(!check(&[Permission::CallsRead, Permission::TelephonyRead], "whatever.happened", &[]));
        assert!(check(&[], "call.ringing", &[other, mine]));
        assert!(!check(&[], "call.ringing", &[other]));
    }

    #[test]
    fn a_guest_is_told_how_their_own_call_goes_and_of_nobody_else() {
        let (me, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let guest = Guest { org: OrgId(Uuid::nil()), user: me, name: String::new(), session: Uuid::nil() };
        let told = |kind: &str, audience: &[Uuid]| {
            let event = Event {
                seq: 1,
                kind: kind.to_owned(),
                subject_id: Uuid::nil(),
                occurred_at: Instant(Timestamp(0)),
                data: Some(
                    json!({ "queue_count": 3, "participant": 2, "detail": { "number": "+62215550100" } }),
                ),
                audience: audience.to_vec(),
            };
            Viewer::Guest(guest.clone()).told(&event).map(|event| event.data)
        };
        assert_eq!(told("call.queue_updated", &[other, me]), Some(Some(json!({ "queue_count": 3 }))));
        for (kind, audience) in [
            ("call.queue_updated", vec![other]),
            ("call.queue_updated", vec![]),
            ("call.participant", vec![me]),
            ("call.recording", vec![me]),
            ("call.feedback", vec![me]),
            ("extension.changed", vec![me]),
        ] {
            assert_eq!(told(kind, &audience), None, "{kind}");
        }
    }
}
