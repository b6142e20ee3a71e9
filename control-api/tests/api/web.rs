//! The web client as a browser is served it: its page where it has views, its files for ever, and nothing else of the API's addresses.

use std::fs;

use tempfile::TempDir;

use crate::stage::Stage;

/// A client that was built: a page, a script, and the script as Brotli has packed it.
fn built() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("assets")).unwrap();
    fs::write(folder.path().join("index.html"), "<!doctype html><title>sambung</title>").unwrap();
    fs::write(folder.path().join("assets/index-1a2b.js"), "let plain").unwrap();
    fs::write(folder.path().join("assets/index-1a2b.js.br"), "packed").unwrap();
    folder
}

#[tokio::test]
async fn every_view_of_the_client_has_its_page_and_a_policy_of_its_own() {
    let (mut stage, folder) = (Stage::new().await, built());
    stage.web.folder = folder.path().to_owned();
    let api = stage.serve().await;
    for path in [
        "/",
        "/sign-in",
        "/sign-in/google?state=x&code=y",
        "/reset-password",
        "/phone",
        "/guest",
        "/g/abcdefghij",
    ] {
        let page = api.get(path, "").await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.body.contains("<title>sambung</title>"), "{path}");
        assert_eq!(page.header("cache-control"), "no-cache", "{path}");
        let policy = page.header("content-security-policy");
        for part in
            ["default-src 'none'", "connect-src 'self' wss://pbx.example.test/sip;", "script-src 'self';"]
        {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(page.header("permissions-policy").contains("microphone=(self)"), "{path}");
    }
    for path in ["/nowhere", "/g", "/phone/settings", "/api/nowhere", "/index.html"] {
        api.get(path, "").await.must_be_problem(404, "not-found");
    }
    assert_eq!(api.get("/docs/", "").await.status, 200);
    assert_eq!(api.get("/health", "").await.status, 200);
}

#[tokio::test]
async fn files_of_the_client_are_kept_by_browsers_and_sent_packed() {
    let (mut stage, folder) = (Stage::new().await, built());
    stage.web.folder = folder.path().to_owned();
    let api = stage.serve().await;
    let plain = api.get("/assets/index-1a2b.js", "").await;
    assert_eq!((plain.status, plain.body.as_str()), (200, "let plain"));
    assert_eq!(plain.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(plain.header("content-type"), "text/javascript");
    let asked = api.client.get(api.at("/assets/index-1a2b.js")).header("accept-encoding", "br");
    let packed = api.send(asked).await;
    assert_eq!((packed.header("content-encoding"), packed.body.as_str()), ("br", "packed"));
    for path in ["/assets/index-9z.js", "/assets/../index.html", "/assets/%2e%2e/index.html", "/assets/"] {
        let none = api.get(path, "").await;
        assert_eq!(none.status, 404, "{path}");
        assert_eq!(none.header("cache-control"), "no-store", "{path}");
    }
}
