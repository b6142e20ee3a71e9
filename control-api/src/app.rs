//! Everything put together: the state that handlers share, and the one router.

use std::sync::Arc;

use axum::Router;
use contract::guests::Secret;
use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    config::{Phones, Web},
    database::Database,
    egress::{Allowed, Egress},
    http::{error::ApiError, health, index, layers, web},
    identity, openapi, openid,
    platform::{self, events::feed::Feed},
    switch::Switch,
    telephony,
};

/// What handlers share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// The only way to a row.
    pub database: Database,
    /// What people prove themselves by.
    pub proofs: Arc<identity::Proofs>,
    /// Where people reach the console, without a path.
    pub public_url: Arc<str>,
    /// What the front page tells about phones.
    pub phones: Arc<Phones>,
    /// Where the web client lies, and where it reaches the switch.
    pub web: Arc<Web>,
    /// What passes of guests are proven by; without it guests cannot call.
    pub pass_secret: Option<Secret>,
    /// The switch's own door, if there is one to ask.
    pub switch: Option<Switch>,
    /// Who follows what happens.
    pub feed: Feed,
    /// The way to where clients want events sent.
    pub egress: Egress,
    /// Whom people sign in by besides passwords, if there is one.
    pub openid: Option<openid::Provider>,
}

impl App {
    /// One with its database and nothing around it: no switch, no client for browsers, nobody else to sign in by.
    ///
    /// # Errors
    /// No HTTP client could be made.
    pub fn alone(database: Database, proofs: Arc<identity::Proofs>) -> Result<Self, reqwest::Error> {
        Ok(Self {
            database,
            proofs,
            public_url: "".into(),
            phones: Arc::default(),
            web: Arc::default(),
            pass_secret: None,
            switch: None,
            feed: Feed::default(),
            egress: Egress::new(Allowed::default())?,
            openid: None,
        })
    }

    /// The switch's own door, for what only the switch can answer.
    pub fn switch(&self) -> Result<&Switch, ApiError> {
        let none = "no switch is configured: [switch] of api.toml says where it is";
        self.switch.as_ref().ok_or(ApiError::SwitchUnavailable(none))
    }
}

/// The description of the API, also without one that runs.
pub fn description() -> utoipa::openapi::OpenApi {
    openapi::completed(operations().into_openapi())
}

/// All routes with all layers.
pub fn router(app: App, limits: layers::Limits) -> Router {
    let (router, description) = operations().split_for_parts();
    let front = web::routes(&app.web).unwrap_or_else(|| front_page(app.clone()));
    let router = router.with_state(app).merge(front);
    layers::apply(router.merge(openapi::ui(openapi::completed(description))), limits)
}

fn front_page(app: App) -> Router {
    Router::new().route("/", axum::routing::get(index::page)).with_state(app)
}

fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::Description::openapi())
        .routes(routes!(health::ready))
        .routes(routes!(health::live))
        .merge(identity::accounts::http::routes())
        .merge(identity::api_keys::http::routes())
        .merge(identity::google::http::routes())
        .merge(identity::guests::http::routes())
        .merge(identity::invitations::http::routes())
        .merge(identity::members::http::routes())
        .merge(identity::organisations::http::routes())
        .merge(identity::organisations::review::routes())
        .merge(identity::figures::http::routes())
        .merge(identity::people::http::routes())
        .merge(identity::person_events::routes())
        .merge(identity::second_factors::http::routes())
        .merge(identity::qr_codes::http::routes())
        .merge(identity::sign_ins::http::routes())
        .merge(telephony::availability::http::routes())
        .merge(telephony::calls::http::routes())
        .merge(telephony::feedback::http::routes())
        .merge(telephony::guest_calls::http::routes())
        .merge(telephony::live::http::routes())
        .merge(telephony::orders::http::routes())
        .merge(telephony::recordings::http::routes())
        .merge(telephony::divisions::http::routes())
        .merge(telephony::extensions::http::routes())
        .merge(telephony::open_extensions::http::routes())
        .merge(telephony::trunks::http::routes())
        .merge(telephony::did_numbers::http::routes())
        .merge(telephony::outbound_routes::http::routes())
        .merge(telephony::outbound_prices::http::routes())
        .merge(telephony::outside_budgets::http::routes())
        .merge(telephony::settings::http::routes())
        .merge(telephony::holidays::http::routes())
        .merge(telephony::hours::http::routes())
        .merge(telephony::rules::http::routes())
        .merge(telephony::queues::http::routes())
        .merge(telephony::menus::http::routes())
        .merge(telephony::conferences::http::routes())
        .merge(telephony::page_groups::http::routes())
        .merge(telephony::numbers::http::routes())
        .merge(telephony::mailboxes::http::routes())
        .merge(telephony::messages::http::routes())
        .merge(telephony::sip_accounts::http::routes())
        .merge(telephony::sounds::http::routes())
        .merge(telephony::devices::http::routes())
        .merge(telephony::devices::fetch::routes())
        .merge(telephony::plan::http::routes())
        .merge(platform::audit::http::routes())
        .merge(platform::events::http::routes())
        .merge(platform::jobs::http::routes())
        .merge(platform::webhooks::http::routes())
        .merge(telephony::route::http::routes())
}
