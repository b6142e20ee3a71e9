//! The front page: where a newcomer learns what this is, where the API's description is and how a phone is
//! registered. Static text in Indonesian and English; no script, nothing from elsewhere.

use axum::{extract::State, response::Html};

use crate::app::App;

const PAGE: &str = include_str!("index.html");

/// `/`
pub(crate) async fn page(State(app): State<App>) -> Html<String> {
    let server = escape(&app.phones.server);
    let domain = escape(&app.phones.domain);
    Html(PAGE.replace("{server}", &server).replace("{domain}", &domain))
}

/// The values are the operator's, not a stranger's; they are text all the same.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
