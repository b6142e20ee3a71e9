//! A call as clients see it, and what they may ask for.

use contract::journal::{self, EventKind};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema, openapi};
use uuid::Uuid;

use crate::{
    http::{error::ApiError, fields::Fields, page::Cursor},
    instant::Instant,
    telephony::feedback::model::Feedback,
};

/// Who calls whom, seen from the organisation (H-057).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Direction {
    /// Guest or trunk → extension.
    Inbound,
    /// Staff or extension → guest or trunk.
    Outbound,
    /// Between staff and extensions.
    Internal,
}

impl From<journal::Direction> for Direction {
    fn from(direction: journal::Direction) -> Self {
        match direction {
            journal::Direction::Inbound => Self::Inbound,
            journal::Direction::Outbound => Self::Outbound,
            journal::Direction::Internal => Self::Internal,
        }
    }
}

/// What can be asked of the list. Everything is optional.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CallsQuery {
    /// `inbound`, `outbound` or `internal`
    #[param(inline, value_type = Option<Direction>)]
    direction: Option<String>,
    /// Created at this instant or later
    #[param(inline, value_type = Option<Instant>, example = "2026-11-21T00:00:00+07:00")]
    from: Option<String>,
    /// Created before this instant
    #[param(inline, value_type = Option<Instant>, example = "2026-11-22T00:00:00+07:00")]
    to: Option<String>,
    /// Calls on a page
    #[param(inline, value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
}

/// The same, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    pub(super) direction: Option<Direction>,
    pub(super) from: Option<Instant>,
    pub(super) to: Option<Instant>,
    pub(super) limit: u16,
    pub(super) after: Option<Cursor>,
}

impl CallsQuery {
    /// Understands all of it, or says everything that is wrong with it.
    pub fn check(self) -> Result<Filter, ApiError> {
        const INSTANT: &str = "must be an RFC 3339 instant, such as 2026-11-21T00:00:00+07:00";
        let mut fields = Fields::default();
        let words = "must be inbound, outbound or internal";
        let cursor = "must be the next_cursor of a page before";
        let filter = Filter {
            direction: fields.read("direction", self.direction.as_deref(), direction, words),
            from: fields.read("from", self.from.as_deref(), Instant::parse, INSTANT),
            to: fields.read("to", self.to.as_deref(), Instant::parse, INSTANT),
            limit: fields.limit(self.limit.as_deref()),
            after: fields.read("cursor", self.cursor.as_deref(), Cursor::parse, cursor),
        };
        fields.done().map(|()| filter)
    }
}

fn direction(word: &str) -> Option<Direction> {
    match word {
        "inbound" => Some(Direction::Inbound),
        "outbound" => Some(Direction::Outbound),
        "internal" => Some(Direction::Internal),
        _ => None,
    }
}

/// A call in the list.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct Call {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// The short code that stands for it where people see it.
    #[schema(example = "iozudnuxps")]
    pub join_code: String,
    /// Who calls whom.
    pub direction: Direction,
    /// What was dialled.
    #[schema(example = "100")]
    pub dialled: String,
    /// When it began.
    pub created_at: Instant,
    /// When somebody first answered.
    pub answered_at: Option<Instant>,
    /// When it ended; null while it goes on.
    pub ended_at: Option<Instant>,
    /// How it went: `answered`, or the last event before `ended` (`missed`, `canceled`, `busy`, `rejected`,
    /// `failed`); null while it goes on unanswered.
    #[schema(schema_with = event_type)]
    pub outcome: Option<String>,
}

impl Call {
    /// Where the list goes on after this call.
    pub fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id }
    }
}

/// A call with all that is known of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CallDetail {
    /// The call as in the list.
    #[serde(flatten)]
    pub call: Call,
    /// Who took part, in order of joining (H-058).
    pub participants: Vec<Participant>,
    /// What happened, in order (H-059).
    pub events: Vec<Event>,
    /// Its sides, the caller's first; each appears when it is over.
    pub legs: Vec<Leg>,
    /// What the media of each leg was like; each appears when the media has been closed.
    pub quality: Vec<Quality>,
    /// What those who took part have said of it since.
    pub feedback: Vec<Feedback>,
}

/// Somebody in a call (H-058).
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct Participant {
    /// Position in the call, from 1.
    pub no: i32,
    /// `host` (what was called), `caller`, or `recipient` (who answered or refused).
    #[schema(example = "recipient")]
    pub role: String,
    /// `user`, `guest` or `extension`.
    #[schema(example = "user")]
    pub kind: String,
    /// The user's, guest's, extension's or bare SIP account's id.
    pub ref_id: Uuid,
    /// When they joined.
    pub created_at: Instant,
}

/// One step of a call (H-059).
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct Event {
    /// Position among the call's events, from 1, without holes.
    pub seq: i32,
    /// Which step.
    #[schema(schema_with = event_type)]
    pub event_type: String,
    /// `no` of the participant whose step it was, if it was somebody's.
    pub participant_no: Option<i32>,
    /// The how-manieth attempt to reach somebody.
    pub attempt_count: i32,
    /// Position in a queue; 0 outside one.
    pub queue_count: i32,
    /// Why and where: `leg`, `sip_status`, `reason`, each where it says something.
    #[schema(value_type = Object)]
    pub detail: serde_json::Value,
    /// When it was.
    pub created_at: Instant,
}

/// One side of a call, as it was.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct Leg {
    /// Position in the call, from 1; the caller's leg is 1.
    pub no: i32,
    /// `no` of the participant on it, when that is known.
    pub participant_no: Option<i32>,
    /// `udp`, `tcp` …
    #[schema(example = "udp")]
    pub transport: String,
    /// When it was created.
    pub created_at: Instant,
    /// When it was answered, if it was.
    pub answered_at: Option<Instant>,
    /// When it was over.
    pub ended_at: Instant,
    /// The final SIP status of its INVITE; null when none came.
    #[schema(example = 200)]
    pub sip_status: Option<i32>,
}

/// What the media of one leg was like, as the switch saw it.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct Quality {
    /// `no` of the leg.
    pub leg_no: i32,
    /// RTP packets received and accepted.
    pub packets_received: i64,
    /// Their bytes, headers included.
    pub bytes_received: i64,
    /// RTP packets sent.
    pub packets_sent: i64,
    /// Their bytes, headers included.
    pub bytes_sent: i64,
    /// Packets missing by sequence number (RFC 3550 A.3); duplicates can make it negative.
    pub packets_lost: i64,
    /// Interarrival jitter (RFC 3550 §6.4.1) in microseconds, at the end.
    pub jitter_micros: i64,
    /// Packets dropped because their source was not proven.
    pub packets_foreign: i64,
    /// RTCP packets received and accepted.
    pub rtcp_received: i64,
    /// Packets from its own address that were not under its SRTP key, or had come before.
    pub packets_unauthentic: i64,
    /// Round trip between the switch and the phone in microseconds, at the end; null when the phone's reports do not tell.
    pub rtt_micros: Option<i64>,
    /// What was received was worth (MOS by ITU-T G.107): the mean of periods of some seconds; null for formats without
    /// a score.
    #[schema(example = 4.41)]
    pub mos: Option<f64>,
    /// The worst of those periods.
    #[schema(example = 4.02)]
    pub mos_lowest: Option<f64>,
    /// What the phone reported to have lost of what it was sent last.
    pub far_packets_lost: Option<i64>,
    /// With this jitter, in microseconds.
    pub far_jitter_micros: Option<i64>,
    /// What was wrong with it at its end, as one stable word: `good`, `nothing_received`, `other_address` …
    #[schema(example = "good")]
    pub diagnosis: Option<String>,
}

/// The 31 words of H-060, from the one place where they stand.
fn event_type() -> openapi::schema::Object {
    openapi::ObjectBuilder::new()
        .schema_type(openapi::schema::Type::String)
        .enum_values(Some(EventKind::ALL.map(EventKind::as_str)))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&str, &str)]) -> CallsQuery {
        let value = |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        CallsQuery {
            direction: value("direction"),
            from: value("from"),
            to: value("to"),
            limit: value("limit"),
            cursor: value("cursor"),
        }
    }

    #[test]
    fn nothing_asked_is_the_newest_fifty() {
        let filter = query(&[]).check().unwrap();
        let plain = Filter { direction: None, from: None, to: None, limit: 50, after: None };
        assert_eq!(filter, plain);
    }

    #[test]
    fn every_mistake_is_named() {
        let wrong = [("direction", "up"), ("from", "noon"), ("to", "2026-02-30T00:00:00Z"), ("limit", "201")];
        let Err(ApiError::Invalid(errors)) = query(&wrong).check() else { panic!("accepted") };
        assert_eq!(
            errors.iter().map(|e| e.field.as_str()).collect::<Vec<_>>(),
            ["direction", "from", "to", "limit"]
        );
        assert!(query(&[("limit", "0")]).check().is_err());
        assert!(query(&[("cursor", "1")]).check().is_err());
    }
}
