//! `[http]` of `api.toml`: limits on requests and on the socket, which proxies are believed, and whose pages may read answers; and
//! `[webhooks]`: where requests of ours may go; and `[web]`: the client for browsers.

use std::{num::NonZeroU32, path::Path};

use axum::http::HeaderValue;
use ipnet::IpNet;
use reqwest::Url;

use super::reader::Reader;
use crate::{
    config::Web,
    egress::Allowed,
    http::{layers, rate::Allowance},
    serve,
};

pub(super) fn http(root: &mut Reader) -> (layers::Limits, serve::Limits) {
    let mut table = root.table("http");
    let request = layers::Limits {
        timeout: table.seconds("request_timeout_secs", 15, 1..=300),
        body_bytes_max: table.number("body_bytes_max", 1 << 20, 1_024..=100 << 20),
        sources: Allowance {
            per_minute: positive(&mut table, "source_requests_per_minute", 6_000),
            burst: positive(&mut table, "source_burst", 600),
        },
        actors: Allowance {
            per_minute: positive(&mut table, "actor_requests_per_minute", 3_000),
            burst: positive(&mut table, "actor_burst", 300),
        },
        proxies: networks(&mut table, "trusted_proxies", &["127.0.0.0/8", "::1/128"]),
        origins: table.list(
            "cors_origins",
            &[],
            origin,
            "must be origins, such as https://console.example.com, without a path",
        ),
    };
    let socket = serve::Limits {
        connections_max: table.number("connections_max", 1_024, 1..=100_000),
        shutdown_max: table.seconds("shutdown_secs", 8, 0..=300),
    };
    root.absorb(table);
    (request, socket)
}

pub(super) fn webhooks(root: &mut Reader) -> Allowed {
    let mut table = root.table("webhooks");
    let allowed =
        Allowed { http: table.flag("allow_http"), networks: networks(&mut table, "allow_networks", &[]) };
    root.absorb(table);
    allowed
}

pub(super) fn web(root: &mut Reader, base: &Path) -> Web {
    let mut table = root.table("web");
    let web = Web {
        folder: base.join(table.text("folder", "/usr/share/sambung/web")),
        websocket_urls: table.list(
            "websocket_urls",
            &[],
            websocket,
            "must be addresses such as wss://pbx.example.com/sip",
        ),
    };
    root.absorb(table);
    web
}

/// It goes into a header, where a blank or a semicolon would be the end of it.
fn websocket(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_one_word = text.bytes().all(|byte| byte.is_ascii_graphic() && !b";,'\"".contains(&byte));
    (matches!(url.scheme(), "ws" | "wss") && url.has_host() && is_one_word).then(|| text.to_owned())
}

fn networks(table: &mut Reader, key: &str, default: &[&str]) -> Vec<IpNet> {
    table.list(key, default, |text| text.parse().ok(), "must be networks, such as 10.0.0.0/8")
}

fn positive(table: &mut Reader, key: &str, default: u32) -> NonZeroU32 {
    NonZeroU32::new(table.number(key, default, 1..=1_000_000)).unwrap_or(NonZeroU32::MIN)
}

/// As browsers send it: a page that is named another way would never be let in.
fn origin(text: &str) -> Option<HeaderValue> {
    let url = Url::parse(text).ok()?;
    let is_web = matches!(url.scheme(), "https" | "http");
    (is_web && url.origin().ascii_serialization() == text).then(|| HeaderValue::from_str(text).ok()).flatten()
}
