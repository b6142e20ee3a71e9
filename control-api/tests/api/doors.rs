//! What is there for everybody: front page, description, health, and errors that no handler made.

use std::{num::NonZeroU32, sync::Arc};

use sambung::postgres::Cluster;

use sambung_api::http::{layers, rate::Allowance};

use crate::stage::{Answer, Served, Stage, limits};

#[tokio::test]
async fn errors_are_problems_whatever_is_asked() {
    let stage = Stage::new().await;
    let api = stage.serve().await;
    api.get("/nowhere", "").await.must_be_problem(404, "not-found");
    api.get("/docs/nowhere.js", "").await.must_be_problem(404, "not-found");
    let deleted = api.send(api.client.delete(api.at("/api/telephony/route"))).await;
    deleted.must_be_problem(405, "method-not-allowed");
    assert_eq!(deleted.headers["allow"], "GET,HEAD");
    let key = stage.key(stage.a, &["telephony.write"]).await;
    let large = api.client.post(api.at("/api/telephony/extensions")).body("x".repeat(2_000));
    api.send(large.bearer_auth(&key)).await.must_be_problem(413, "payload-too-large");
    let form = api.client.post(api.at("/api/telephony/extensions")).body("number=100");
    api.send(form.bearer_auth(&key)).await.must_be_problem(415, "unsupported-media-type");
    for query in ["?limit=x", "?limit=1&limit=2", "?nobody=1", "?cursor=%ff"] {
        let key = stage.key(stage.a, &["telephony.read"]).await;
        let answer = api.get(&format!("/api/telephony/extensions{query}"), &key).await;
        answer.must_be_problem(400, "bad-request");
    }
}

/// So many a minute, and at once.
fn allowance(many: u32) -> Allowance {
    let many = NonZeroU32::new(many).unwrap();
    Allowance { per_minute: NonZeroU32::MIN, burst: many }
}

async fn from(api: &Served, address: &str, key: &str) -> Answer {
    let request = api.client.get(api.at("/api/telephony/extensions")).header("x-forwarded-for", address);
    api.send(if key.is_empty() { request } else { request.bearer_auth(key) }).await
}

#[tokio::test]
async fn whoever_asks_too_often_is_told_when_to_come_back_and_nobody_else_is() {
    let stage = Stage::new().await;
    let api = stage.serve_limited(layers::Limits { sources: allowance(3), actors: allowance(2), ..limits() });
    let api = api.await;
    let key = stage.key(stage.a, &["telephony.read"]).await;
    for left in ["2", "1", "0"] {
        let answer = from(&api, "192.0.2.1", "").await;
        answer.must_be_problem(401, "unauthorized");
        assert_eq!(answer.headers["ratelimit-policy"], "\"source\";q=3;w=180");
        assert!(
            answer.headers["ratelimit"].to_str().unwrap().starts_with(&format!("\"source\";r={left};t="))
        );
    }
    // Not even a valid key is looked at.
    let refused = from(&api, "192.0.2.1", &key).await;
    refused.must_be_problem(429, "too-many-requests");
    let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    // A key is one, wherever it is used.
    for (source, status) in [("192.0.2.2", 200), ("192.0.2.3", 200), ("192.0.2.4", 429)] {
        let answer = from(&api, source, &key).await;
        assert_eq!(answer.status, status, "{source}");
        let said: Vec<_> = answer.headers.get_all("ratelimit").iter().collect();
        assert_eq!(said.len(), 2, "{said:?}");
    }
    let other = stage.key(stage.a, &["telephony.read"]).await;
    assert_eq!(from(&api, "192.0.2.4", &other).await.status, 200);
}

#[tokio::test]
async fn pages_of_named_servers_alone_may_read_answers() {
    let stage = Stage::new().await;
    let origins = vec!["https://console.example.test".parse().unwrap()];
    let api = stage.serve_limited(layers::Limits { origins, sources: allowance(4), ..limits() }).await;
    let preflight = |origin: &'static str| {
        let request = api.client.request(reqwest::Method::OPTIONS, api.at("/api/telephony/extensions"));
        let request = request.header("access-control-request-method", "PUT");
        api.send(request.header("origin", origin).header("access-control-request-headers", "if-match"))
    };
    let named = preflight("https://console.example.test").await;
    assert_eq!(named.status, 200);
    assert_eq!(named.headers["access-control-allow-origin"], "https://console.example.test");
    for (header, word) in [("methods", "PUT"), ("headers", "if-match"), ("headers", "idempotency-key")] {
        let said = named.headers[format!("access-control-allow-{header}")].to_str().unwrap();
        assert!(said.contains(word), "{said}");
    }
    assert!(!named.headers.contains_key("access-control-allow-credentials"));
    for origin in ["https://evil.example.test", "null"] {
        let headers = preflight(origin).await.headers;
        assert!(!headers.contains_key("access-control-allow-origin"), "{origin}");
    }
    // Such a page can also read why it was refused, and when to come back.
    let ask = || api.client.get(api.at("/health/live")).header("origin", "https://console.example.test");
    let mut answer = api.send(ask()).await;
    for _ in 0..4 {
        answer = api.send(ask()).await;
    }
    assert_eq!(answer.status, 429);
    assert_eq!(answer.headers["access-control-allow-origin"], "https://console.example.test");
    let shown = answer.headers["access-control-expose-headers"].to_str().unwrap();
    assert!(shown.contains("retry-after") && shown.contains("etag"), "{shown}");
}

#[tokio::test]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let stage = Stage::new().await;
    let api = stage.serve().await;
    for (path, policy) in [
        ("/", "default-src 'self'"),
        ("/docs/", "default-src 'self'"),
        ("/health/live", "default-src 'none'"),
        ("/nowhere", "default-src 'none'"),
    ] {
        let answer = api.get(path, "").await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(answer.headers[name], value, "{path}");
        }
        let said = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(said.starts_with(policy) && said.contains("frame-ancestors 'none'"), "{path}: {said}");
        assert!(!answer.headers.contains_key("strict-transport-security"), "{path}");
    }
    let proxied = |name, value| api.send(api.client.get(api.at("/health/live")).header(name, value));
    let secure = proxied("x-forwarded-proto", "https").await;
    assert!(secure.headers["strict-transport-security"].to_str().unwrap().starts_with("max-age="));
    assert_eq!(proxied("x-request-id", "from-the-proxy").await.headers["x-request-id"], "from-the-proxy");
}

#[tokio::test]
async fn the_description_is_openapi_3_1_and_its_page_needs_no_internet() {
    let stage = Stage::new().await;
    let api = stage.serve().await;
    let description = api.get("/api/openapi.json", "").await.json();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(description["components"]["securitySchemes"]["api_key"]["scheme"], "bearer");
    let words = &description["components"]["schemas"]["Event"]["properties"]["event_type"]["enum"];
    assert_eq!(words.as_array().unwrap().len(), 31);
    let page = api.get("/docs/", "").await;
    assert_eq!(page.status, 200);
    assert!(!page.body.contains("//"), "{}", page.body);
    for file in ["swagger-ui-bundle.js", "swagger-ui.css", "swagger-initializer.js"] {
        assert_eq!(api.get(&format!("/docs/{file}"), "").await.status, 200, "{file}");
    }
    let start = api.get("/docs/swagger-initializer.js", "").await.body;
    assert!(start.contains("/api/openapi.json") && !start.contains("petstore"), "{start}");
}

#[tokio::test]
async fn the_front_page_says_how_to_register_a_phone_in_both_languages() {
    let stage = Stage::new().await;
    let page = stage.serve().await.get("/", "").await;
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    for text in
        ["Menyambungkan telepon", "Connecting a phone", "href=\"/docs\"", "127.0.0.1:5060", "a&lt;b&gt;.test"]
    {
        assert!(page.body.contains(text), "{text}");
    }
    assert!(!page.body.contains("<script") && !page.body.contains("://"));
    assert!(page.headers["content-security-policy"].to_str().unwrap().contains("default-src 'self'"));
}

#[tokio::test]
async fn health_follows_the_database_and_the_api_recovers_by_itself() {
    let stage = Stage::on(Arc::new(Cluster::throw_away().unwrap())).await;
    let (api, key) = (stage.serve().await, stage.key(stage.a, &["calls.read"]).await);
    assert_eq!(api.get("/health", "").await.json()["ready"], true);
    stage.admin.close().await;
    let Stage { cluster, .. } = stage;
    let mut cluster = Arc::into_inner(cluster).unwrap();
    cluster.stop();
    api.get("/health", "").await.must_be_problem(503, "service-unavailable");
    let refused = api.get("/api/telephony/calls", &key).await;
    refused.must_be_problem(503, "service-unavailable");
    assert_eq!(refused.headers["retry-after"], "2");
    assert_eq!(api.get("/health/live", "").await.status, 200);
    cluster.start().unwrap();
    assert_eq!(api.get("/health", "").await.status, 200);
    assert_eq!(api.get("/api/telephony/calls", &key).await.status, 200);
}
