//! Links by which recordings, and messages in mailboxes, are heard for some minutes without a key (decision 0057): made, and used. Who may
//! make one stands with what is heard.

use axum::http::{HeaderMap, HeaderValue, header};
use contract::id::OrgId;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    app::App,
    database::Scope,
    http::{answer::Answer, error::ApiError, fields::Fields},
    identifier,
    instant::Instant,
    platform::{
        audit::{Actor, Event},
        change::{Done, tell},
    },
};

mod store;

/// Seconds that a link is good for, unless asked otherwise.
const LINK_SECONDS: u16 = 300;
/// Seconds that a link is good for at least and at most.
const LINK_SECONDS_RANGE: std::ops::RangeInclusive<u16> = 10..=900;
/// What the record holds of the part that somebody asks for.
const RANGE_CHARS_MAX: usize = 64;

/// What is heard by links.
pub(in crate::telephony) struct Heard {
    /// Where all of them are.
    at: &'static str,
    linked: &'static str,
    heard: &'static str,
    is_message: bool,
}

/// Recordings of calls.
pub(in crate::telephony) const RECORDINGS: Heard = Heard {
    at: "/api/telephony/recordings",
    linked: "recording.linked",
    heard: "recording.heard",
    is_message: false,
};
/// Messages in mailboxes.
pub(in crate::telephony) const MESSAGES: Heard = Heard {
    at: "/api/telephony/voicemail-messages",
    linked: "voicemail_message.linked",
    heard: "voicemail_message.heard",
    is_message: true,
};

/// What a link is to be.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkOrder {
    /// Seconds that it is good for
    #[serde(default = "link_seconds")]
    #[schema(minimum = 10, maximum = 900, default = 300)]
    pub seconds: u16,
}

const fn link_seconds() -> u16 {
    LINK_SECONDS
}

impl LinkOrder {
    /// With a secret of its own, or what is wrong with what was asked for.
    pub(in crate::telephony) fn fresh(self) -> Result<Fresh, ApiError> {
        let mut fields = Fields::default();
        fields.within("seconds", &self.seconds, &LINK_SECONDS_RANGE);
        fields.done()?;
        let secret = identifier::random::<32>()?.iter().map(|octet| format!("{octet:02x}")).collect();
        Ok(Fresh { secret, seconds: self.seconds })
    }
}

/// A link that the database does not know yet.
pub(in crate::telephony) struct Fresh {
    /// What makes it good: 32 random octets in hexadecimal, of which the database holds the SHA-256.
    secret: String,
    seconds: u16,
}

/// A way to the sound of a recording that needs no key.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Link {
    /// Where the sound is, seen from here: whoever has it hears the recording.
    #[schema(example = "/api/telephony/recordings/…/sound?org=…&link=…")]
    pub url: String,
    /// Until when.
    pub expires_at: Instant,
}

/// What the record says of a link.
#[derive(Clone, Copy, Debug, Serialize)]
struct LinkTold {
    expires_at: Instant,
}

/// What the record says of somebody who listens.
#[derive(Clone, Copy, Debug, Serialize)]
struct HeardTold<'a> {
    /// The part of the sound that was asked for.
    range: Option<&'a str>,
}

/// What stands in a link.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LinkQuery {
    /// Whose recording it is
    pub org: Uuid,
    /// What makes it good
    pub link: String,
}

/// What a good link leads to.
pub(in crate::telephony) struct Linked {
    /// Who has made it.
    maker: Actor,
    id: Uuid,
    /// The name of the object in the store.
    pub(in crate::telephony) key: String,
    format: String,
}

impl Linked {
    /// What players want to know, and that nobody on the way keeps it.
    pub(in crate::telephony) fn headers(&self) -> HeaderMap {
        let media_type = if self.format == "opus" { "audio/ogg" } else { "audio/wav" };
        let all = [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "private, no-store")];
        all.map(|(name, value)| (name, HeaderValue::from_static(value))).into_iter().collect()
    }
}

impl Heard {
    /// Makes a link to the one `id`, which is there, in the name of `maker`.
    pub(in crate::telephony) async fn link(
        &self,
        c: &mut PgConnection,
        (org, id): (OrgId, Uuid),
        fresh: &Fresh,
        maker: Actor,
    ) -> Result<Done, ApiError> {
        let expires_at = store::add(c, (org, id), fresh, maker).await?;
        let events = vec![Event::of(self.linked, id, None, Some(&LinkTold { expires_at }))];
        let url = format!("{}/{id}/sound?org={org}&link={}", self.at, fresh.secret);
        Ok(Done { answer: Answer::done(&Link { url, expires_at }), events })
    }

    /// What the link to the one `id` leads to.
    ///
    /// # Errors
    ///
    /// Not found if it is not good, or no more, or nobody may hear that one any more.
    pub(in crate::telephony) async fn find(
        &self,
        app: &App,
        id: Uuid,
        link: LinkQuery,
    ) -> Result<Linked, ApiError> {
        let (org, hash, is_message) = (OrgId(link.org), hash_of(&link.link), self.is_message);
        let scope = Scope::Organisation(org);
        let found = app
            .database
            .read(scope, move |c| Box::pin(store::linked(c, (org, id), (hash, is_message))))
            .await?;
        found.ok_or(ApiError::NotFound)
    }

    /// Tells that somebody listens, before anything is heard, in the name of whoever has made the link. Of what a stranger asks for no
    /// more than a range needs.
    pub(in crate::telephony) async fn tell(
        &self,
        app: &App,
        linked: &Linked,
        range: Option<&HeaderValue>,
    ) -> Result<(), ApiError> {
        let range = range.and_then(|range| range.to_str().ok());
        let told = HeardTold { range: range.map(|range| range.get(..RANGE_CHARS_MAX).unwrap_or(range)) };
        tell(app, linked.maker, vec![Event::of(self.heard, linked.id, None, Some(&told))]).await
    }
}

/// What the database knows a link by.
fn hash_of(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}
