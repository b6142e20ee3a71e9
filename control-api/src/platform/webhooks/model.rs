//! A webhook and a delivery as clients see them, and what they may say of one.

use std::collections::BTreeSet;

use base64ct::{Base64, Encoding as _};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    egress::Egress,
    http::{error::ApiError, fields::Fields, page::Cursor},
    identifier,
    instant::Instant,
    platform::jobs::model::State,
};

/// Characters of a description.
const DESCRIPTION_CHARS_MAX: usize = 200;
/// Kinds that one webhook wants.
const KINDS_MAX: usize = 50;
/// Characters of a kind.
const KIND_CHARS_MAX: usize = 64;
/// Random octets of a secret (Standard Webhooks: 24 … 64).
const SECRET_BYTES: usize = 32;

/// Where events are sent.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct Webhook {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// Where to, by POST.
    #[schema(example = "https://example.com/hook")]
    pub url: String,
    /// For people.
    pub description: String,
    /// Which events: a kind, or `call.*` for all of them.
    #[schema(example = json!(["call.*", "extension.changed"]))]
    pub kinds: Vec<String>,
    /// Whether anything is sent.
    pub is_active: bool,
    /// Until when deliveries are signed with the secret before this one, too.
    pub previous_expires_at: Option<Instant>,
    /// Since when nothing was taken; null: the latest delivery was.
    pub failing_since: Option<Instant>,
    /// When it was turned off because nothing came of it.
    pub disabled_at: Option<Instant>,
    /// Why: `gone` (it answered 410), `failing` (nothing was taken for five days), `overflow` (too much waits).
    #[schema(example = "gone")]
    pub disabled_reason: Option<String>,
    /// When it was made.
    pub created_at: Instant,
    /// When it has become as it is.
    pub updated_at: Instant,
    /// Its version; also the ETag.
    pub version: i32,
}

impl Webhook {
    /// Where the list goes on after this one.
    pub fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id }
    }
}

/// What deliveries are signed with.
#[derive(Clone)]
pub(super) struct Secret(pub(super) [u8; SECRET_BYTES]);

impl Secret {
    /// One that nobody has.
    pub(super) fn fresh() -> Result<Self, ApiError> {
        identifier::random().map(Self)
    }
}

/// A webhook with its secret, which is shown once.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WithSecret {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: Webhook,
    /// The secret for its receiver. It is not shown again, nor kept for the same request (`Idempotency-Key`): then it is null.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub secret: Option<String>,
}

impl WithSecret {
    /// For whoever asks first, and for the same request again.
    pub(super) fn of(webhook: Webhook, secret: &Secret) -> [Self; 2] {
        let shown = Some(format!("whsec_{}", Base64::encode_string(&secret.0)));
        [Self { webhook: webhook.clone(), secret: shown }, Self { webhook, secret: None }]
    }
}

/// All that can be said of a webhook. What is left out is as for a new one, also in a change.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookDescription {
    /// Where to, by POST. HTTPS, and no address of a private network
    #[schema(example = "https://example.com/hook", max_length = 2048)]
    pub url: String,
    /// For people
    #[serde(default)]
    #[schema(max_length = 200)]
    pub description: String,
    /// Which events: a kind, or `call.*` for all of them. Only such as you may read yourself
    #[schema(min_items = 1, max_items = 50)]
    pub kinds: Vec<String>,
    /// Whether anything is sent
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub is_active: bool,
}

const fn yes() -> bool {
    true
}

impl WebhookDescription {
    /// Itself, or everything that is wrong with it.
    pub(super) fn check(self, egress: &Egress) -> Result<Self, ApiError> {
        let mut fields = Fields::default();
        if let Err(reason) = egress.check(&self.url) {
            fields.must(false, "url", reason);
        }
        let is_text = self.description.chars().count() <= DESCRIPTION_CHARS_MAX
            && !self.description.chars().any(char::is_control);
        fields.must(is_text, "description", "must be 200 printable characters at most");
        let are_kinds =
            (1..=KINDS_MAX).contains(&self.kinds.len()) && self.kinds.iter().all(|kind| is_kind(kind));
        fields.must(are_kinds, "kinds", "must be 1 … 50 kinds, such as call.ended or call.*");
        let is_once = self.kinds.iter().collect::<BTreeSet<_>>().len() == self.kinds.len();
        fields.must(is_once, "kinds", "must name none twice");
        fields.done().map(|()| self)
    }
}

/// `call.ended`, or `call.*`.
fn is_kind(text: &str) -> bool {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    text.len() <= KIND_CHARS_MAX
        && text.split_once('.').is_some_and(|(thing, word)| is_word(thing) && (word == "*" || is_word(word)))
}

/// What the job of a delivery carries.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Order {
    pub(super) webhook_id: Uuid,
    pub(super) seq: i64,
}

/// One event on its way to one webhook.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub struct WebhookDelivery {
    /// Its id; the receiver has it as `webhook-id`, and `/api/platform/jobs` too.
    pub id: Uuid,
    /// The event's number.
    pub seq: i64,
    /// The event's kind.
    pub kind: String,
    /// How it is with it: it waits for its next attempt, it was taken (`done`), or it is given up (`dead`).
    pub state: State,
    /// Attempts that have been made.
    pub attempts: i32,
    /// What came of the last one, as a word for programs, unless it was taken.
    #[schema(example = "status_500")]
    pub reason: Option<String>,
    /// When it was ordered.
    pub created_at: Instant,
    /// When it is tried next, if it waits.
    pub due_at: Instant,
}

impl WebhookDelivery {
    /// Where the list goes on after this one.
    pub fn cursor(&self) -> Cursor {
        Cursor { at: self.created_at, id: self.id }
    }
}
