//! What is there for everybody: front page, description, health, and errors that no handler made.

use std::sync::Arc;

use sambung::postgres::Cluster;

use crate::stage::Stage;

#[tokio::test]
async fn errors_are_problems_whatever_is_asked() {
    let stage = Stage::new().await;
    let api = stage.serve().await;
    api.get("/nowhere", "").await.must_be_problem(404, "not-found");
    api.get("/docs/nowhere.js", "").await.must_be_problem(404, "not-found");
    let deleted = api.send(api.client.delete(api.at("/api/telephony/calls"))).await;
    deleted.must_be_problem(405, "method-not-allowed");
    assert_eq!(deleted.headers["allow"], "GET,HEAD");
    let large = api.client.post(api.at("/api/telephony/calls")).body("x".repeat(2_000));
    api.send(large).await.must_be_problem(413, "payload-too-large");
}

#[tokio::test]
async fn the_description_is_openapi_3_1_and_its_page_needs_no_internet() {
    let stage = Stage::new().await;
    let api = stage.serve().await;
    let description = api.get("/api/openapi.json", "").await.json();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(description["components"]["securitySchemes"]["api_key"]["scheme"], "bearer");
    let paths = description["paths"].as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>();
    let expected = [
        "/api/platform/audit-events",
        "/api/telephony/calls",
        "/api/telephony/calls/{id}",
        "/api/telephony/extensions",
        "/api/telephony/extensions/{id}",
        "/api/telephony/revision",
        "/api/telephony/route",
        "/health",
        "/health/live",
    ];
    assert_eq!(paths, expected);
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
