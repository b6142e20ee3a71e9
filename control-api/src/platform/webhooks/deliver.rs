//! Delivers: one attempt is one request, signed anew (Standard Webhooks 1.0: `webhook-id`, `webhook-timestamp`, `webhook-signature`, HMAC-SHA256
//! by every secret that is in use). The id stays the same, so a receiver knows what it has had already.

use std::pin::Pin;

use base64ct::{Base64, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use sha2::Sha256;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{model::Order, store};
use crate::{
    database::{Database, Scope, Work},
    egress::Egress,
    platform::{
        events::{self, New},
        jobs::runner::{Claimed, Outcome, Settled, Worker},
    },
};

/// The job; also in migration 47.
pub(super) const KIND: &str = "webhook.deliver";
/// Pauses between attempts, seconds: 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
const PAUSES_SECS: &[i32] = &[5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// Webhook or event are there no more, which is no fault of the receiver's.
const FORGOTTEN: &str = "forgotten";
/// The webhook does not want this kind any more, nor is that the receiver's fault.
const UNWANTED: &str = "unwanted";

/// Where an event goes.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Target {
    url: String,
    is_active: bool,
    /// Whether it wants the event now, whatever it wanted when that happened.
    is_wanted: bool,
    secrets: Vec<Vec<u8>>,
}

/// The worker.
#[derive(Clone, Debug)]
pub struct Courier {
    /// Where webhooks and events are.
    pub database: Database,
    /// The way out.
    pub egress: Egress,
}

impl Courier {
    async fn deliver(&self, job: &Claimed) -> Outcome {
        let forgotten = || Outcome::Hopeless(FORGOTTEN.to_owned());
        let (org, Ok(order)) = (job.org, serde_json::from_value::<Order>(job.payload.clone())) else {
            return forgotten();
        };
        let found = self.database.read(Scope::Organisation(org), move |c| {
            Box::pin(async move {
                let target = store::target(c, org, &order).await?;
                Ok(target.zip(events::one(c, org, order.seq).await?))
            })
        });
        let (target, event) = match found.await {
            Ok(Some(found)) => found,
            Ok(None) => return forgotten(),
            Err(_) => return Outcome::Failed("database_away".to_owned()),
        };
        if !target.is_active {
            return Outcome::Hopeless("turned_off".to_owned());
        }
        if !target.is_wanted {
            return Outcome::Hopeless(UNWANTED.to_owned());
        }
        let body = json!({ "type": event.kind, "timestamp": event.occurred_at, "data": event }).to_string();
        let Some(headers) = headers(job.id, &target.secrets, &body) else {
            return Outcome::Hopeless("unsigned".to_owned());
        };
        match self.egress.post(&target.url, headers, body).await {
            Ok(200..=299) => Outcome::Done,
            Ok(410) => Outcome::Hopeless(store::GONE.to_owned()),
            Ok(status) => Outcome::Failed(format!("status_{status}")),
            Err(reason) => Outcome::Failed(reason.to_owned()),
        }
    }
}

fn headers(id: Uuid, secrets: &[Vec<u8>], body: &str) -> Option<HeaderMap> {
    let (id, seconds) = (id.to_string(), jiff::Timestamp::now().as_second());
    let signed = format!("{id}.{seconds}.{body}");
    let sign = |secret: &Vec<u8>| {
        let mac = Hmac::<Sha256>::new_from_slice(secret).ok()?.chain_update(&signed).finalize();
        Some(format!("v1,{}", Base64::encode_string(&mac.into_bytes())))
    };
    let signatures = secrets.iter().map(sign).collect::<Option<Vec<_>>>()?.join(" ");
    let texts =
        [("webhook-id", id), ("webhook-timestamp", seconds.to_string()), ("webhook-signature", signatures)];
    let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    for (name, text) in texts {
        headers.insert(HeaderName::from_static(name), HeaderValue::try_from(text).ok()?);
    }
    Some(headers)
}

impl Worker for Courier {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn pauses_secs(&self) -> &'static [i32] {
        PAUSES_SECS
    }

    fn attempt<'a>(&'a self, job: &'a Claimed) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>> {
        Box::pin(self.deliver(job))
    }

    fn settle<'c>(&'c self, c: &'c mut PgConnection, job: &'c Claimed, settled: &'c Settled) -> Work<'c, ()> {
        Box::pin(async move {
            let reason = settled.outcome.reason();
            let Ok(order) = serde_json::from_value::<Order>(job.payload.clone()) else { return Ok(()) };
            let key = (job.org, order.webhook_id);
            store::forget(c, key).await?;
            if matches!(reason, Some(FORGOTTEN | UNWANTED)) {
                return Ok(());
            }
            let Some(disabled) = store::settle(c, key, reason).await? else { return Ok(()) };
            let why = disabled.disabled_reason.as_deref();
            tracing::warn!(org = %job.org.0, webhook = %disabled.id, why, "a webhook was turned off");
            let (kind, data) = ("webhook.disabled".to_owned(), serde_json::to_value(&disabled).ok());
            let new = New { kind, subject: disabled.id, at: None, data, audience: Vec::new() };
            events::publish(c, job.org, &[new]).await
        })
    }
}
