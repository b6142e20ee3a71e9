//! The doors: `/api/identity/invitations`, and the two that a letter's token opens.

use std::{collections::BTreeSet, time::Duration};

use axum::{Json, extract::State, http::StatusCode};
use contract::id::OrgId;
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    INVITATIONS_A_DAY_MAX,
    model::{Acceptance, Invitation, Rejection},
    store,
};
use crate::{
    app::App,
    database::{Scope, Work, enter, enter_login},
    http::{
        actor::Actor,
        answer::Answer,
        error::ApiError,
        extract::{Change, Path, Query},
        page::{ListQuery, Page},
    },
    identifier,
    identity::{
        accounts::store::{self as accounts, Account},
        letters::{self, Kind, NOT_GOOD, New, store::Invited},
        members::{
            self,
            model::Member,
            store::{Standing, hold, one, remove},
        },
        permission::Permission,
    },
    platform::{audit::Event, change::Done},
    telephony::plan,
};

/// How long whoever has sent as many as may be is to wait.
const PAUSE: Duration = Duration::from_secs(3_600);

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, invite))
        .routes(routes!(withdraw))
        .routes(routes!(accept))
        .routes(routes!(reject))
}

/// Who was invited and has not accepted, newest first
#[utoipa::path(get, path = "/api/identity/invitations", tag = "identity",
    security(("api_key" = ["members.read"])),
    params(ListQuery),
    responses((status = 200, description = "A page of invitations", body = Page<Member>)))]
async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Member>>, ApiError> {
    actor.must(Permission::MembersRead)?;
    members::page(&app, &actor, &query, Standing::Invited).await
}

/// Invite somebody by a letter
///
/// Its token is good for seven days. To have it sent again, withdraw the invitation and invite anew.
#[utoipa::path(post, path = "/api/identity/invitations", tag = "identity",
    security(("api_key" = ["members.write"])),
    request_body = Invitation,
    responses((status = 201, description = "A letter is on its way", body = Member)))]
async fn invite(State(app): State<App>, actor: Actor, asked: Change) -> Result<Answer, ApiError> {
    actor.must(Permission::MembersWrite)?;
    let (org, new) = (actor.org, asked.body::<Invitation>()?.check()?);
    actor.may_give(&new.reach())?;
    let (id, letter) = (identifier::fresh()?, identifier::fresh()?);
    plan::change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            store::add(c, (org, id), &new).await?;
            if store::sent_lately(c, org).await? > INVITATIONS_A_DAY_MAX {
                return Err(ApiError::TooMany(PAUSE));
            }
            let made = one(c, (org, id), Standing::Invited).await?;
            let kind = Kind::Invite { org, member: id, organisation: store::name_of(c, org).await? };
            enter_login(c, &new.email).await?;
            let letter = New { id: letter, address: new.email, language: new.language, kind };
            letters::store::write(c, &letter).await?;
            let events = vec![Event::of("invitation.sent", id, None, Some(&made))];
            let answer = Answer::created(format!("/api/identity/invitations/{id}"), made.version, &made);
            Ok(Done { answer, events })
        })
    })
    .await
}

/// Withdraw an invitation
///
/// Its letter is good no more.
#[utoipa::path(delete, path = "/api/identity/invitations/{id}", tag = "identity",
    security(("api_key" = ["members.write"])),
    params(("id" = Uuid, Path, description = "The invitation")),
    responses((status = 204, description = "It is there no more")))]
async fn withdraw(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::MembersWrite)?;
    let (key, version) = ((actor.org, id), asked.version()?);
    let giver = actor.clone();
    plan::change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let old = hold(c, key, Standing::Invited, version).await?;
            giver.may_give(&old.reach())?;
            remove(c, key).await?;
            let events = vec![Event::of("invitation.withdrawn", id, Some(&old), None)];
            Ok(Done { answer: Answer::gone(), events })
        })
    })
    .await
}

/// Become the member that one was invited to be
///
/// Whoever has no account of that address yet gets one, and says name and password; of anybody else they are not looked at.
#[utoipa::path(post, path = "/api/identity/invitations/accept", tag = "identity",
    request_body = Acceptance,
    responses((status = 204, description = "You are a member"),
        (status = 409, description = "You are one already", body = crate::http::error::Problem, content_type = "application/problem+json")))]
async fn accept(State(app): State<App>, asked: Change) -> Result<StatusCode, ApiError> {
    let asked = asked.body::<Acceptance>()?;
    let letter = letters::presented(&app, &asked.token)?;
    let invited = invited(&app, letter).await?;
    let address = invited.address.clone();
    let known = app
        .database
        .read(Scope::Nothing, move |c| Box::pin(async move { accounts::account_of(c, &address).await }))
        .await?;
    let (user, account) = match known {
        Some(Account { user, is_active: true, .. }) => (user, None),
        Some(_) => return Err(NOT_GOOD),
        None => {
            let (name, password) = asked.account()?;
            (identifier::fresh()?, Some((name, app.proofs.passwords.hash(password).await?)))
        }
    };
    let key = (OrgId(invited.org_id), invited.membership_id);
    answer(&app, (letter, key), user, move |c| {
        Box::pin(async move {
            if let Some((name, hash)) = account {
                accounts::add(c, user, (&name, &invited.address), &hash).await?;
            }
            let id = store::accept(c, key, user).await?;
            let made = one(c, (key.0, id), Standing::Member).await?;
            Ok(Event::of("member.joined", id, None, Some(&made)))
        })
    })
    .await
}

/// Become no member
#[utoipa::path(post, path = "/api/identity/invitations/reject", tag = "identity",
    request_body = Rejection,
    responses((status = 204, description = "Whoever has invited you sees it")))]
async fn reject(State(app): State<App>, asked: Change) -> Result<StatusCode, ApiError> {
    let letter = letters::presented(&app, &asked.body::<Rejection>()?.token)?;
    let invited = invited(&app, letter).await?;
    let key = (OrgId(invited.org_id), invited.membership_id);
    // Who says no need not be anybody yet: the record names what they might have been.
    answer(&app, (letter, key), key.1, move |c| {
        Box::pin(async move {
            store::reject(c, key).await?;
            let made = one(c, key, Standing::Invited).await?;
            Ok(Event::of("invitation.rejected", key.1, None, Some(&made)))
        })
    })
    .await
}

/// To what the letter invites.
async fn invited(app: &App, letter: Uuid) -> Result<Invited, ApiError> {
    let scope = Scope::Letter(letter);
    let found = app.database.read(scope, move |c| Box::pin(letters::store::invited(c, letter))).await?;
    found.ok_or(NOT_GOOD)
}

/// What `who` has made of an invitation, whose letter is good no more from then on.
async fn answer<W>(
    app: &App,
    (letter, (org, _)): (Uuid, (OrgId, Uuid)),
    who: Uuid,
    work: W,
) -> Result<StatusCode, ApiError>
where
    W: for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, Event, ApiError> + Send + 'static,
{
    let actor = Actor::person(who, org, BTreeSet::new());
    plan::change(app, &actor, None, move |c| {
        Box::pin(async move {
            enter(c, Scope::Letter(letter)).await?;
            letters::store::spend(c, letter).await?.ok_or(NOT_GOOD)?;
            let events = vec![work(c).await?];
            Ok(Done { answer: Answer::gone(), events })
        })
    })
    .await
    .map(|_| StatusCode::NO_CONTENT)
}
