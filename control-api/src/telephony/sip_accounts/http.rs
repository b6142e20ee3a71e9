//! The door: `/api/telephony/sip-accounts`.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    browser,
    model::{Description, First, NewSipAccount, SipAccount},
    store,
};
use crate::{
    app::App,
    http::{
        actor::Actor,
        answer::Answer,
        error::ApiError,
        extract::{Change, Path},
    },
    identifier,
    identity::{
        permission::Permission,
        signing::{Kind, Word},
    },
    platform::{audit::Event, change::Done},
    telephony::{
        doors::{list_door, remove_door, replace_door, show_door},
        part::{described, must_be},
        plan,
    },
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, put, remove))
        .routes(routes!(rotate))
        .merge(browser::routes())
}

list_door!(part, SipAccount, "/api/telephony/sip-accounts", "SIP accounts, newest first");
show_door!(part, SipAccount, "/api/telephony/sip-accounts/{id}", "One SIP account", "The account");
replace_door!(
    part,
    SipAccount,
    Description,
    "/api/telephony/sip-accounts/{id}",
    "Another owner of a SIP account, or its suspension",
    "The account"
);
remove_door!(part, SipAccount, "/api/telephony/sip-accounts/{id}", "No SIP account any more", "The account");

/// A new SIP account, with the password that is shown this once
#[utoipa::path(post, path = "/api/telephony/sip-accounts", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    request_body = First,
    responses((status = 201, description = "It is there", body = NewSipAccount)))]
async fn create(State(app): State<App>, actor: Actor, asked: Change) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    let (new, id) = (described::<First>(&asked)?, identifier::fresh()?);
    let (place, password) = ((actor.org, id), app.proofs.signing.word(Kind::Password, id)?);
    plan::change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            store::insert(c, place, &new, &password).await?;
            let account: SipAccount = must_be(c, place).await?;
            let events = vec![Event::of("sip_account.created", id, None, Some(&account))];
            let location = format!("/api/telephony/sip-accounts/{id}");
            let (first, again) = shown(account, password);
            let answer = Answer::created(location, again.account.version, &again).once(&first);
            Ok(Done { answer, events })
        })
    })
    .await
}

/// Another password of a SIP account, shown this once. The one before is good until the switch runs the revision that is answered
#[utoipa::path(post, path = "/api/telephony/sip-accounts/{id}/rotate-password", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    params(("id" = Uuid, Path, description = "The account")),
    responses((status = 200, description = "It is so now", body = NewSipAccount)))]
async fn rotate(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    let (place, password) = ((actor.org, id), app.proofs.signing.word(Kind::Password, id)?);
    plan::change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let old: SipAccount = must_be(c, place).await?;
            store::rotate(c, place.0, &old, &password).await?;
            let account: SipAccount = must_be(c, place).await?;
            let events = vec![Event::of("sip_account.rotated", id, Some(&old), Some(&account))];
            let (first, again) = shown(account, password);
            let answer = Answer::found(again.account.version, &again).once(&first);
            Ok(Done { answer, events })
        })
    })
    .await
}

/// What is told to whoever asks first, and to whoever asks the same again.
fn shown(account: SipAccount, password: Word) -> (NewSipAccount, NewSipAccount) {
    let first = NewSipAccount { account: account.clone(), password: Some(password.text) };
    (first, NewSipAccount { account, password: None })
}
