//! The door of one's own phone in a browser: `/api/telephony/browser-phone`.
//!
//! It is an account of the person's that is made when they first ask for it, so that nobody has to give them one. Its password is made again
//! each time it is asked for (decision 0061): all browsers of a person have the same, and none is kept in them.

use std::collections::BTreeSet;

use axum::extract::State;
use contract::id::OrgId;
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    model::{First, SipAccount},
    store::{self, Known},
};
use crate::{
    app::App,
    database::Scope,
    http::{
        actor::{Actor, Person},
        answer::Answer,
        error::{ApiError, Problem},
    },
    identifier,
    identity::signing::{Kind, Signing, Word},
    platform::{audit::Event, change::Done},
    telephony::{part::must_be, plan},
};

/// What a browser registers with.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BrowserPhone {
    /// The account, one of the person's.
    pub account_id: Uuid,
    /// What it registers by.
    #[schema(example = "web-01935f0c5b7a7c3e9d6f2b8a4e1c0d77")]
    pub username: String,
    /// And with what. It stays the same, and is not to be kept.
    pub password: String,
    /// The organisation's SIP domain, the realm of both.
    #[schema(example = "demo.sambung.test")]
    pub domain: String,
    /// Where the switch takes SIP over WebSocket (RFC 7118), the best first; none: it takes no browsers.
    #[schema(example = json!(["wss://pbx.example.com/sip"]))]
    pub websocket_urls: Vec<String>,
}

/// Why there is none, each with a word for the page that has to say so.
const NO_NUMBER: ApiError =
    ApiError::Coded("NO_NUMBER", "you have no number yet: who changes telephony gives you one");
const SUSPENDED: ApiError = ApiError::Coded("PHONE_SUSPENDED", "your phone in browsers is suspended");

/// The route.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(own))
}

/// My phone in this browser
///
/// Makes an account when there is none yet, which then answers with the revision that the configuration has become, once calls are decided by it.
#[utoipa::path(post, path = "/api/telephony/browser-phone", tag = "telephony",
    security(("sign_in" = [])),
    responses((status = 200, description = "Register with this", body = BrowserPhone),
        (status = 409, description = "There is none, and `code` says why: `NO_NUMBER`, `NO_SIP_DOMAIN` or `PHONE_SUSPENDED`",
            body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "No plan of calls can be made with it", body = Problem, content_type = "application/problem+json")))]
async fn own(State(app): State<App>, person: Person) -> Result<Answer, ApiError> {
    let place = (OrgId(person.acts()?), person.user);
    let scope = Scope::Organisation(place.0);
    let known =
        app.database.read(scope, move |c| Box::pin(store::of_browser(c, place, username(place.1)))).await?;
    let urls = app.web.websocket_urls.clone();
    if let Some(known) = known
        && let Some(password) = again(&app.proofs.signing, &known)
    {
        return Ok(Answer::done(&known.check()?.phone(password, urls)));
    }
    let (proofs, id) = (app.proofs.clone(), identifier::fresh()?);
    let actor = Actor::person(person.user, place.0, BTreeSet::new());
    let made = plan::change(&app, &actor, None, move |c| {
        Box::pin(async move {
            // Another browser may have been faster.
            let known = store::of_browser(c, place, username(place.1)).await?;
            let id = known.as_ref().map_or(id, |known| known.id);
            let password = proofs.signing.word(Kind::Password, id)?;
            let (known, event) = made(c, (place, id), known, &password).await?;
            Ok(Done { answer: Answer::done(&known.phone(password.text, urls)), events: vec![event] })
        })
    });
    let answer = made.await?;
    // A browser registers at once, and who is refused is counted as a stranger.
    if let Some(revision) = answer.revision() {
        plan::http::taken_up(&app, place.0, revision).await?;
    }
    Ok(answer)
}

/// Gives the person an account with that password, or theirs that password.
async fn made(
    c: &mut PgConnection,
    ((org, user), id): ((OrgId, Uuid), Uuid),
    known: Option<Known>,
    password: &Word,
) -> Result<(Known, Event), ApiError> {
    let event = match known.map(Known::check).transpose()? {
        Some(_) => {
            let old: SipAccount = must_be(c, (org, id)).await?;
            store::rotate(c, org, &old, password).await?;
            let new: SipAccount = must_be(c, (org, id)).await?;
            Event::of("sip_account.rotated", id, Some(&old), Some(&new))
        }
        None => {
            if !store::has_number(c, (org, user)).await? {
                return Err(NO_NUMBER);
            }
            let new = First { username: username(user), user_id: Some(user), is_active: true };
            store::insert(c, (org, id), &new, password).await?;
            let new: SipAccount = must_be(c, (org, id)).await?;
            Event::of("sip_account.created", id, None, Some(&new))
        }
    };
    let known = store::of_browser(c, (org, user), username(user)).await?.ok_or(ApiError::NotFound)?;
    Ok((known, event))
}

/// Nobody else's: it has the person in it.
fn username(user: Uuid) -> String {
    format!("web-{}", user.simple())
}

/// The password that it has; `None`: it was set elsewhere, or its key was taken away.
fn again(signing: &Signing, known: &Known) -> Option<String> {
    let made = known.password_key.as_deref().zip(known.password_no)?;
    signing.word_again(Kind::Password, known.id, made)
}

impl Known {
    /// Itself, if it may register.
    fn check(self) -> Result<Self, ApiError> {
        if self.is_active { Ok(self) } else { Err(SUSPENDED) }
    }

    fn phone(self, password: String, websocket_urls: Vec<String>) -> BrowserPhone {
        let Self { id, username, domain, .. } = self;
        BrowserPhone { account_id: id, username, password, domain, websocket_urls }
    }
}
