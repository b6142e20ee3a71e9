//! An organisation as clients see and describe it, and what can be made of how it stands. No I/O.

use contract::language::Language;
use serde::{Deserialize, Serialize};
use sqlx::{
    Decode, FromRow, Postgres, Type,
    error::BoxDynError,
    postgres::{PgTypeInfo, PgValueRef},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    http::{error::ApiError, fields::Fields, page::Cursor},
    instant::Instant,
};

/// Characters of a description.
const DESCRIPTION_CHARS_MAX: usize = 2_000;
/// Characters of an address.
const ADDRESS_CHARS_MAX: usize = 500;
/// Characters of a telephone number as people write it.
const PHONE_CHARS_MAX: usize = 50;
/// Characters of a number outside: a plus and 15 digits (E.164 §6).
const NUMBER_CHARS_MAX: usize = 16;
/// Characters of a note of the platform's staff.
const NOTE_CHARS_MAX: usize = 2_000;
/// Characters of what is said about a verdict.
const REASON_CHARS_MAX: usize = 1_000;

/// How an organisation stands (H-046, HX-6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OrganisationStatus)]
pub enum Status {
    /// It waits to be reviewed.
    Pending,
    /// It is live.
    Approved,
    /// It was reviewed, and is not to be.
    Rejected,
    /// Nothing can be done in it for now.
    Suspended,
}

/// What the platform's staff may order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::identity) enum Order {
    Approve,
    Reject,
    Suspend,
    Reactivate,
}

impl Status {
    /// Its word in the database.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Suspended => "suspended",
        }
    }

    fn of(word: &str) -> Option<Self> {
        [Self::Pending, Self::Approved, Self::Rejected, Self::Suspended]
            .into_iter()
            .find(|one| one.as_str() == word)
    }

    /// What it becomes by `order`, if it was `before` when it was suspended (H-017, HX-5), which may have been `with_owner`; why not.
    pub(super) fn after(
        self,
        order: Order,
        (before, with_owner): (Option<Self>, bool),
    ) -> Result<Self, &'static str> {
        match (order, self) {
            (Order::Approve, Self::Pending) => Ok(Self::Approved),
            (Order::Reject, Self::Pending) => Ok(Self::Rejected),
            (Order::Approve | Order::Reject, _) => Err("it does not wait to be reviewed"),
            // For itself, too: then it does not go on with its owner.
            (Order::Suspend, Self::Suspended) if !with_owner => Err("it is suspended already"),
            (Order::Suspend, _) => Ok(Self::Suspended),
            (Order::Reactivate, Self::Suspended) => Ok(before.unwrap_or(Self::Pending)),
            (Order::Reactivate, _) => Err("it is not suspended"),
        }
    }
}

impl Type<Postgres> for Status {
    fn type_info() -> PgTypeInfo {
        <str as Type<Postgres>>::type_info()
    }
}

impl<'r> Decode<'r, Postgres> for Status {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        let word = <&str as Decode<Postgres>>::decode(value)?;
        Self::of(word).ok_or_else(|| format!("a status of another release: {word}").into())
    }
}

impl Order {
    /// What an organisation is then, for letters.
    pub(super) const fn done(self) -> &'static str {
        match self {
            Self::Approve => "approved",
            Self::Reject => "rejected",
            Self::Suspend => "suspended",
            Self::Reactivate => "reactivated",
        }
    }

    /// For the record.
    pub(super) const fn action(self) -> &'static str {
        match self {
            Self::Approve => "organisation.approved",
            Self::Reject => "organisation.rejected",
            Self::Suspend => "organisation.suspended",
            Self::Reactivate => "organisation.reactivated",
        }
    }
}

/// An organisation.
#[derive(Clone, Debug, Serialize, ToSchema, FromRow)]
pub struct Organisation {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What it is, in words.
    pub description: Option<String>,
    /// Where it is.
    pub address: Option<String>,
    /// The same in degrees, north positive (WGS 84).
    pub latitude: Option<f64>,
    /// East positive.
    pub longitude: Option<f64>,
    /// Whom to ask for.
    pub contact_name: Option<String>,
    /// And to call.
    pub contact_phone: Option<String>,
    /// The one of its numbers outside that it is best called at.
    #[schema(example = "+62215550100")]
    pub primary_did: Option<String>,
    /// The language of letters about it.
    #[schema(example = "id")]
    pub language: String,
    /// How it stands.
    pub status: Status,
    /// Why, in words of the platform's staff.
    pub reason: Option<String>,
    /// What it was before it was suspended.
    pub suspended_from: Option<Status>,
    /// Whether it is suspended because an owner is; it goes on with them.
    pub is_suspended_with_owner: bool,
    /// Members that may act for it (HX-19).
    pub total_members: i64,
    /// Who has registered it.
    pub created_by: Option<Uuid>,
    /// When.
    pub created_at: Instant,
    /// When it was changed last.
    pub updated_at: Instant,
    /// Its version; also the ETag.
    pub version: i32,
}

impl Organisation {
    /// Where the list goes on after this one.
    pub(super) fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id }
    }
}

/// All that its people can say of one. What is left out is not known.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OrganisationDescription)]
pub struct Description {
    /// Its name
    #[schema(example = "Hailoka", min_length = 1, max_length = 100)]
    pub name: String,
    /// What it is, in words
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub description: Option<String>,
    /// Where it is
    #[serde(default)]
    #[schema(example = "Jl. Sudirman 1, Jakarta", max_length = 500)]
    pub address: Option<String>,
    /// The same in degrees, north positive (WGS 84); together with `longitude`
    #[serde(default)]
    #[schema(minimum = -90, maximum = 90)]
    pub latitude: Option<f64>,
    /// East positive
    #[serde(default)]
    #[schema(minimum = -180, maximum = 180)]
    pub longitude: Option<f64>,
    /// Whom to ask for
    #[serde(default)]
    #[schema(example = "Sari Dewi", max_length = 100)]
    pub contact_name: Option<String>,
    /// And to call
    #[serde(default)]
    #[schema(example = "+62 21 555 0100", max_length = 50)]
    pub contact_phone: Option<String>,
    /// The one of its numbers outside that it is best called at; it has none before it is approved
    #[serde(default)]
    #[schema(example = "+62215550100", max_length = 16)]
    pub primary_did: Option<String>,
    /// The language of letters about it: `id` or `en`
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "id")]
    pub language: Language,
}

impl Description {
    /// Itself, or everything that is wrong with it.
    pub(super) fn check(self) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        fields.name("name", &self.name);
        text(&mut fields, "description", self.description.as_deref(), DESCRIPTION_CHARS_MAX);
        text(&mut fields, "address", self.address.as_deref(), ADDRESS_CHARS_MAX);
        for (field, degrees, range) in
            [("latitude", self.latitude, -90.0..=90.0), ("longitude", self.longitude, -180.0..=180.0)]
        {
            if let Some(degrees) = degrees {
                fields.within(field, &degrees, &range);
            }
        }
        let is_place = self.latitude.is_some() == self.longitude.is_some();
        fields.must(is_place, "longitude", "must be there if latitude is, and only then");
        if let Some(name) = &self.contact_name {
            fields.name("contact_name", name);
        }
        text(&mut fields, "contact_phone", self.contact_phone.as_deref(), PHONE_CHARS_MAX);
        text(&mut fields, "primary_did", self.primary_did.as_deref(), NUMBER_CHARS_MAX);
        fields.done().map(|()| self)
    }
}

/// Text of several lines must be there if it is said to be, and not too long.
fn text(fields: &mut Fields, field: &str, text: Option<&str>, most: usize) {
    let is_text = |text: &str| {
        !text.trim().is_empty()
            && text.chars().count() <= most
            && !text.chars().any(|character| character.is_control() && character != '\n')
    };
    fields.must(text.is_none_or(is_text), field, format!("must be 1 … {most} printable characters"));
}

/// What is said about a verdict must be text.
pub(in crate::identity) fn reason(fields: &mut Fields, said: Option<&str>) {
    text(fields, "reason", said, REASON_CHARS_MAX);
}

/// What the platform's staff have written down about an organisation, for each other (H-042 `internal_notes`).
#[derive(Clone, Debug, Serialize, ToSchema, FromRow)]
#[schema(as = OrganisationNote)]
pub struct Note {
    /// Its id.
    pub id: Uuid,
    /// What it says.
    pub text: String,
    /// Who has written it.
    pub written_by: Uuid,
    /// When.
    pub created_at: Instant,
}

impl Note {
    /// Where the list goes on after this one.
    pub(super) fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id }
    }
}

/// A new note.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OrganisationNoteDescription)]
pub struct NewNote {
    /// What it says
    #[schema(min_length = 1, max_length = 2000)]
    pub text: String,
}

impl NewNote {
    /// Itself, if it can be written down.
    pub(super) fn check(self) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        text(&mut fields, "text", Some(&self.text), NOTE_CHARS_MAX);
        fields.done().map(|()| self)
    }
}

/// What is said about a verdict.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Why, for the organisation's people
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
    /// Of one that is approved for the first time: the SIP domain of its phones
    #[serde(default)]
    #[schema(example = "hailoka.example.com", max_length = 253)]
    pub sip_domain: Option<String>,
}

impl Verdict {
    /// Itself, if it says all that `order` needs.
    pub(super) fn check(self, order: Order) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        reason(&mut fields, self.reason.as_deref());
        let needs_none = order != Order::Reject || self.reason.is_some();
        fields.must(needs_none, "reason", "must say why");
        let is_place = order == Order::Approve || self.sip_domain.is_none();
        fields.must(is_place, "sip_domain", "is for one that is approved");
        let is_domain = |domain: &str| {
            domain.len() <= 253
                && domain.bytes().all(|byte| {
                    byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-')
                })
                && !domain.starts_with(['.', '-'])
                && !domain.ends_with(['.', '-'])
                && !domain.is_empty()
        };
        let reason = "must be a domain of lower-case letters, digits, dots and dashes";
        fields.must(self.sip_domain.as_deref().is_none_or(is_domain), "sip_domain", reason);
        fields.done().map(|()| self)
    }
}

/// What can be asked of the list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OrganisationsQuery {
    /// Only those that stand so
    #[param(inline, value_type = Option<String>)]
    status: Option<String>,
    /// Organisations on a page
    #[param(inline, value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<String>,
    /// `next_cursor` of the page before
    cursor: Option<String>,
}

/// The same, understood.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filter {
    pub(super) status: Option<Status>,
    pub(super) limit: u16,
    pub(super) after: Option<Cursor>,
}

impl OrganisationsQuery {
    /// Understands all of it, or says everything that is wrong with it.
    pub(super) fn check(&self) -> Result<Filter, ApiError> {
        let mut fields = Fields::default();
        let cursor = "must be the next_cursor of a page before";
        let words = "must be pending, approved, rejected or suspended";
        let filter = Filter {
            status: fields.read("status", self.status.as_deref(), Status::of, words),
            limit: fields.limit(self.limit.as_deref()),
            after: fields.read("cursor", self.cursor.as_deref(), Cursor::parse, cursor),
        };
        fields.done().map(|()| filter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_that_waits_is_reviewed_and_a_suspended_one_becomes_what_it_was() {
        let check = |status: Status, order, before, expected: Option<Status>| {
            assert_eq!(
                status.after(order, (before, false)).ok(),
                expected,
                "{status:?} {order:?} {before:?}"
            );
        };
        use Status as S;
        for status in [S::Pending, S::Approved, S::Rejected, S::Suspended] {
            let waits = status == S::Pending;
            check(status, Order::Approve, None, waits.then_some(S::Approved));
            check(status, Order::Reject, None, waits.then_some(S::Rejected));
            check(status, Order::Suspend, None, (status != S::Suspended).then_some(S::Suspended));
            let before = Some(S::Approved);
            check(status, Order::Reactivate, before, (status == S::Suspended).then_some(S::Approved));
        }
        check(S::Suspended, Order::Reactivate, Some(S::Pending), Some(S::Pending));
        check(S::Suspended, Order::Reactivate, None, Some(S::Pending));
        assert_eq!(S::Suspended.after(Order::Suspend, (Some(S::Approved), true)), Ok(S::Suspended));
    }
}
