//! The web client (`web/`): its one page at every address that it has a view for, and its files. What is asked for elsewhere is the API's to
//! answer, so that a wrong address stays a 404. It is built beforehand; nothing is rendered here.

use std::path::Path;

use axum::{
    Router,
    http::{HeaderValue, header},
    response::Response,
};
use tower_http::{
    services::{ServeDir, ServeFile},
    set_header::SetResponseHeaderLayer,
};

use crate::config;

/// Addresses that the client has views for, the same as in `web/src/app.tsx`.
pub const VIEWS: &[&str] = &[
    "/",
    "/guest",
    "/g/{code}",
    "/sign-in",
    "/sign-in/google",
    "/register",
    "/confirm",
    "/forgot-password",
    "/reset-password",
    "/invitation",
    "/phone",
    "/settings",
];

/// The names of files change with what is in them, so a browser need never ask again.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The routes, if the client is there; `None` leaves `/` to the front page.
pub(crate) fn routes(web: &config::Web) -> Option<Router> {
    let page = web.folder.join("index.html");
    if !page.is_file() {
        tracing::info!(folder = %web.folder.display(), "no web client: the front page is served instead");
        return None;
    }
    let policy = HeaderValue::from_str(&policy(&web.websocket_urls)).ok()?;
    let page = ServeFile::new(page).precompressed_br().precompressed_gzip();
    let mut views = Router::new();
    for view in VIEWS {
        views = views.route_service(view, page.clone());
    }
    let views =
        views.layer(SetResponseHeaderLayer::overriding(header::CONTENT_SECURITY_POLICY, policy)).layer(
            SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        );
    Some(views.merge(files(&web.folder)))
}

fn files(folder: &Path) -> Router {
    let files = ServeDir::new(folder.join("assets")).precompressed_br().precompressed_gzip();
    let forever = |response: &Response| response.status().is_success().then_some(FOREVER);
    let forever = SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, forever);
    Router::new().nest_service("/assets", files).layer(forever)
}

/// Everything from this server, and connections to the switch besides: a page of ours says nothing to anybody else.
fn policy(switch: &[String]) -> String {
    let mut connect = vec!["'self'"];
    connect.extend(switch.iter().map(String::as_str));
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
         media-src 'self' blob:; connect-src {}; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
        connect.join(" ")
    )
}
