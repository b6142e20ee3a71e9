//! A question as clients ask it, and the answer as they see it.

use contract::{
    id::OrgId,
    route::{RouteAnswer, RouteMistake, RouteNext, RouteQuestion, RouteThen, Routed},
    rules::Condition,
    trace::RouteStep,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema, openapi};

use crate::{
    http::error::{ApiError, FieldError},
    instant::Instant,
};

/// What can be asked.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RouteQuery {
    /// Who calls: the number of a person, the username of an account, or for a call from outside the name of a trunk
    #[param(example = "1001")]
    from: String,
    /// What is dialled
    #[param(example = "100")]
    to: String,
    /// When, by the organisation's clock (`2026-12-25T19:00`) or anybody's (`2026-12-25T12:00Z`); now without it
    #[param(example = "2026-12-25T19:00")]
    at: Option<String>,
}

impl RouteQuery {
    /// The same of one organisation.
    pub fn of(self, org: OrgId) -> RouteQuestion {
        let Self { from, to, at } = self;
        RouteQuestion { org: Some(org), from, to, at }
    }
}

/// What a call would come to, and why. Whose phone is registered, who does not want to be disturbed and what budgets have been
/// used for is not asked.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Route {
    /// Revision of the configuration that the switch works with.
    pub revision: i64,
    /// The SIP domain of the organisation.
    #[schema(example = "demo.sambung.test")]
    pub organisation: String,
    /// Who calls, as it was asked.
    pub from: String,
    /// What is dialled; from outside by E.164.
    pub to: String,
    /// When.
    pub at: Instant,
    /// What the clock on the organisation's walls shows then, with its zone.
    #[schema(example = "Fri 2026-12-25 19:00 Asia/Jakarta")]
    pub local: String,
    /// What is done with the call: one of `ring`, `intercom`, `queue`, `feature`, `announce`, `voicemail`, `menu`, `conference`,
    /// `page` and `refuse`, with what belongs to it.
    #[schema(value_type = Object, example = json!({ "ring": { "number": "100", "name": "Reception", "ring_timeout_secs": 60,
        "is_outside": false } }))]
    pub route: Routed,
    /// Why, in order: each has its word in `step`.
    #[schema(value_type = Vec<Object>, example = json!([{ "step": "no_number" }]))]
    pub steps: Vec<RouteStep>,
    /// What follows if everything that rings comes to the same; only what anything follows.
    pub then: Vec<Then>,
}

/// What follows.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Then {
    /// If all that rings comes to this.
    #[schema(schema_with = condition)]
    pub condition: Condition,
    /// One after the other; the call ends after the last.
    pub decisions: Vec<Next>,
}

/// One decision after the first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Next {
    /// What is done with the call, as before.
    #[schema(value_type = Object)]
    pub route: Routed,
    /// Why, as before.
    #[schema(value_type = Vec<Object>)]
    pub steps: Vec<RouteStep>,
}

impl TryFrom<RouteAnswer> for Route {
    type Error = ApiError;

    fn try_from(answer: RouteAnswer) -> Result<Self, ApiError> {
        let RouteAnswer { revision, organisation, from, to, at, local, route, steps, then } = answer;
        let far = || ApiError::Invalid(vec![FieldError::new("at", "must be in the years 1 … 9999")]);
        let at = Instant::from_micros(at.0).ok_or_else(far)?;
        let then = then.into_iter().map(Then::from).collect();
        Ok(Self { revision, organisation, from, to, at, local, route, steps, then })
    }
}

impl From<RouteThen> for Then {
    fn from(RouteThen { condition, decisions }: RouteThen) -> Self {
        let next = |RouteNext { route, steps }| Next { route, steps };
        Self { condition, decisions: decisions.into_iter().map(next).collect() }
    }
}

/// What the switch does not answer is the client's mistake, but for the organisation, which no client names.
pub fn refused(mistakes: Vec<RouteMistake>) -> ApiError {
    if mistakes.iter().any(|wrong| wrong.field == "org") {
        return ApiError::SwitchUnavailable("the switch has no plan with your organisation");
    }
    ApiError::Invalid(mistakes.into_iter().map(|wrong| FieldError::new(wrong.field, wrong.reason)).collect())
}

/// The words, from the one place where they stand.
fn condition() -> openapi::schema::Object {
    openapi::ObjectBuilder::new()
        .schema_type(openapi::schema::Type::String)
        .enum_values(Some(Condition::ALL.iter().map(|condition| condition.as_str())))
        .build()
}
