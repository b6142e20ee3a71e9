//! A database with two organisations, a served API, and a client that reads problems.

use std::{
    fs,
    net::SocketAddr,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use axum::Router;
use contract::{guests::Secret, id::OrgId, join_code::join_code};
use migrations::Role;
use sambung::{postgres::Cluster, secret};
use sambung_api::{
    app::{self, App},
    config::{Phones, Web},
    database::{Database, Options},
    egress::{Allowed, Egress},
    http::{layers, rate::Allowance},
    identity::{Proofs, password::Passwords},
    openid,
    platform::{events::feed::Feed, notices::Notices},
    serve,
    switch::Switch,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    sync::{oneshot, watch},
};
use uuid::Uuid;

/// 2026-11-21T00:00:00Z
pub const MIDNIGHT: i64 = 1_795_219_200_000_000;

/// Of everybody who signs in.
pub const PASSWORD: &str = "rahasia-1";

/// One server for all tests that run at the same time, gone with the last of them.
static SERVER: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());

fn server() -> Arc<Cluster> {
    let mut shared = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let fresh = Arc::new(Cluster::throw_away().unwrap());
        *shared = Arc::downgrade(&fresh);
        fresh
    })
}

/// A migrated database with the organisations A and B.
pub struct Stage {
    pub cluster: Arc<Cluster>,
    pub name: String,
    /// Everything is allowed to this one.
    pub admin: PgPool,
    pub a: OrgId,
    pub b: OrgId,
    /// Where clients of what is served may have events sent.
    pub egress: Allowed,
    /// The web client of what is served.
    pub web: Web,
    /// Whom people sign in by besides passwords.
    pub openid: Option<openid::Provider>,
}

impl Stage {
    pub async fn new() -> Self {
        Self::on(server()).await
    }

    pub async fn on(cluster: Arc<Cluster>) -> Self {
        let name = format!("db_{}", secret::hex(&secret::bytes::<8>().unwrap()));
        let url = cluster.create_database(&name).await.unwrap();
        let admin = PgPool::connect(&url).await.unwrap();
        migrations::run(&admin).await.unwrap();
        for role in Role::ALL {
            migrations::set_password(&admin, role, "secret").await.unwrap();
        }
        let (a, b) = (OrgId(uuid()), OrgId(uuid()));
        let websocket_urls = vec!["wss://pbx.example.test/sip".to_owned()];
        let web = Web { websocket_urls, ..Web::default() };
        let stage = Self { cluster, name, admin, a, b, egress: Allowed::default(), web, openid: None };
        for (org, name) in [(stage.a, "A"), (stage.b, "B")] {
            let query = sqlx::query(
                "insert into identity.organisations (id, name, status) values ($1, $2, 'approved')",
            );
            query.bind(org.0).bind(name).execute(&stage.admin).await.unwrap();
        }
        stage
    }

    pub fn url(&self, role: Role) -> String {
        self.cluster.url_as(role.as_str(), "secret", &self.name)
    }

    pub async fn pool(&self, role: Role) -> PgPool {
        PgPool::connect(&self.url(role)).await.unwrap()
    }

    /// A key of `org`, as a client holds it.
    pub async fn key(&self, org: OrgId, permissions: &[&str]) -> String {
        let (id, key_secret) = (uuid(), secret::bytes::<32>().unwrap());
        sqlx::query("insert into identity.api_keys (id, org_id, name, key_hash, permissions) values ($1, $2, 'test', $3, $4)")
            .bind(id)
            .bind(org.0)
            .bind(Sha256::digest(key_secret).to_vec())
            .bind(permissions)
            .execute(&self.admin)
            .await
            .unwrap();
        format!("sambung_{}{}", id.simple(), secret::hex(&key_secret))
    }

    /// Settings of `org`, without which it has no place in the plan.
    pub async fn settle(&self, org: OrgId) {
        let query =
            sqlx::query("insert into telephony.organisation_settings (org_id, sip_domain) values ($1, $2)");
        query.bind(org.0).bind(format!("{}.test", org.0)).execute(&self.admin).await.unwrap();
    }

    /// A member of `org`, with `number` if they can be called.
    pub async fn member(&self, org: OrgId, number: Option<&str>) -> Uuid {
        let user = uuid();
        let query = sqlx::query("insert into identity.users (id, name) values ($1, 'Sari')").bind(user);
        query.execute(&self.admin).await.unwrap();
        let query = sqlx::query(
            "insert into identity.memberships (id, org_id, user_id, email, role, status)
             values ($1, $2, $1, $3, 'call_agent', 'active')",
        );
        let email = format!("{user}@example.test");
        query.bind(user).bind(org.0).bind(email).execute(&self.admin).await.unwrap();
        if let Some(number) = number {
            let query =
                sqlx::query("insert into telephony.numbers (org_id, number, user_id) values ($1, $2, $3)");
            query.bind(org.0).bind(number).bind(user).execute(&self.admin).await.unwrap();
        }
        user
    }

    /// Somebody in `org` who may sign in with [`PASSWORD`], and their e-mail address.
    pub async fn person(&self, org: OrgId, role: &str) -> (Uuid, String) {
        let user = self.member(org, None).await;
        let email = format!("{user}@example.test");
        let statement = "update identity.memberships set role = $2 where user_id = $1";
        sqlx::query(statement).bind(user).bind(role).execute(&self.admin).await.unwrap();
        let statement = "update identity.users set email = $2, email_verified_at = now() where id = $1";
        sqlx::query(statement).bind(user).bind(&email).execute(&self.admin).await.unwrap();
        let hash = Passwords::new().unwrap().hash(PASSWORD.to_owned()).await.unwrap();
        sqlx::query(
            "insert into identity.auth_methods (provider, provider_user_id, user_id, password_hash)
             values ('password', $1, $2, $3)",
        )
        .bind(&email)
        .bind(user)
        .bind(hash)
        .execute(&self.admin)
        .await
        .unwrap();
        (user, email)
    }

    /// Runs one statement about `user` ($1).
    pub async fn about(&self, user: Uuid, statement: &'static str) {
        let done = sqlx::query(statement).bind(user).execute(&self.admin).await.unwrap();
        assert!(done.rows_affected() > 0, "{statement}");
    }

    /// A call of `org` with nothing but its row.
    pub async fn call(&self, org: OrgId, direction: &str, created_at: i64) -> Uuid {
        let id = uuid();
        sqlx::query(
            "insert into telephony.calls (id, org_id, join_code, direction, dialled, created_at)
             values ($1, $2, $3, $4, '100', timestamptz 'epoch' + $5 * interval '1 microsecond')",
        )
        .bind(id)
        .bind(org.0)
        .bind(join_code(contract::id::CallId(id), 0))
        .bind(direction)
        .bind(created_at)
        .execute(&self.admin)
        .await
        .unwrap();
        id
    }

    pub async fn run(&self, statement: &'static str, org: OrgId, call: Uuid) {
        sqlx::query(statement).bind(org.0).bind(call).execute(&self.admin).await.unwrap();
    }

    pub async fn serve(&self) -> Served {
        self.serve_from(&self.url(Role::Api), 4).await
    }

    /// The same beside a switch.
    pub async fn serve_with(&self, switch: Switch) -> Served {
        self.serve_app(&self.url(Role::Api), 4, Some(switch), limits()).await
    }

    /// The API on a port of its own, reading from `url`.
    pub async fn serve_from(&self, url: &str, connections_max: u32) -> Served {
        self.serve_app(url, connections_max, None, limits()).await
    }

    /// The same with other limits.
    pub async fn serve_limited(&self, limits: layers::Limits) -> Served {
        self.serve_app(&self.url(Role::Api), 4, None, limits).await
    }

    async fn serve_app(
        &self,
        url: &str,
        connections_max: u32,
        switch: Option<Switch>,
        limits: layers::Limits,
    ) -> Served {
        let database = Database::new(&options(url, connections_max)).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let phones = Phones {
            server: "127.0.0.1:5060".to_owned(),
            domain: "a<b>.test".to_owned(),
            tls_server: String::new(),
            provisioning_url: Some("https://pbx.example.test".to_owned()),
        };
        let keys = tempfile::tempdir().unwrap();
        let proofs = Arc::new(Proofs::open(keys.path()).unwrap());
        let notices = Notices { feed: Feed::with_patience(Duration::from_millis(300)), ..Notices::default() };
        let app = App {
            database: database.clone(),
            proofs: Arc::clone(&proofs),
            public_url: "https://pbx.example.test".into(),
            phones: Arc::new(phones),
            web: Arc::new(self.web.clone()),
            pass_secret: Secret::of_digits(&"5a".repeat(32)),
            switch,
            feed: notices.feed.clone(),
            egress: Egress::new(self.egress.clone()).unwrap(),
            openid: self.openid.clone(),
        };
        let (goes_on, stopped_too) = watch::channel(());
        tokio::spawn(notices.clone().run(database.clone(), stopped_too));
        let (stop, stopped) = oneshot::channel::<()>();
        let socket = serve::Limits { connections_max: 512, shutdown_max: Duration::from_secs(5) };
        let router = app::router(app, limits);
        tokio::spawn(serve::serve(listener, router, socket, async { drop(stopped.await) }));
        Served { address, database, proofs, keys, client: client(), notices, goes_on, _stop: stop }
    }
}

/// A few connections to the database at `url`.
pub fn options(url: &str, connections_max: u32) -> Options {
    Options {
        url: url.to_owned(),
        connections_max,
        acquire_timeout: Duration::from_secs(5),
        statement_timeout: Duration::from_secs(5),
    }
}

/// Enough of everything for a test.
pub fn limits() -> layers::Limits {
    let much = NonZeroU32::new(100_000).unwrap();
    let much = Allowance { per_minute: much, burst: much };
    layers::Limits {
        timeout: Duration::from_secs(10),
        body_bytes_max: 1_024,
        sources: much,
        actors: much,
        proxies: vec!["127.0.0.1/32".parse().unwrap()],
        origins: Vec::new(),
    }
}

/// The way to a switch's door with the token `secret`.
pub async fn reached(folder: &TempDir, router: Router) -> Switch {
    let token = folder.path().join("token");
    fs::write(&token, "secret\n").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Switch::new(url, token).unwrap()
}

/// A client for HTTP. Built beside a switch it has the TLS that buckets want, which asks for this.
pub fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// A running API.
pub struct Served {
    pub address: SocketAddr,
    pub database: Database,
    pub proofs: Arc<Proofs>,
    /// Where the keys of tokens lie.
    pub keys: TempDir,
    pub client: reqwest::Client,
    /// What it hears of the database.
    pub notices: Notices,
    /// Dropped, it stops listening, and followers of events are sent away.
    pub goes_on: watch::Sender<()>,
    _stop: oneshot::Sender<()>,
}

/// What `problem` says of its fields.
pub fn fields(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect()
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The header `name`; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that it is the problem `name` with all that belongs to one.
    pub fn must_be_problem(&self, status: u16, name: &str) -> Value {
        let problem = self.json();
        assert_eq!(self.status, status, "{problem}");
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("urn:sambung:problem:{name}"));
        assert_eq!(problem["request_id"].as_str(), self.headers["x-request-id"].to_str().ok());
        problem
    }
}

impl Served {
    pub fn at(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn get(&self, path: &str, key: &str) -> Answer {
        self.send(self.client.get(self.at(path)).bearer_auth(key)).await
    }

    pub async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.send(self.client.post(self.at(path)).bearer_auth(token).json(body)).await
    }

    pub async fn delete(&self, path: &str, token: &str) -> Answer {
        self.send(self.client.delete(self.at(path)).bearer_auth(token)).await
    }

    /// What comes of a sign-in.
    pub async fn sign_in(&self, email: &str) -> Value {
        let body = serde_json::json!({ "email": email, "password": PASSWORD });
        let answer = self.post("/api/identity/sign-ins", "", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.json()
    }

    /// Says that `version` was read.
    pub async fn put(&self, path: &str, key: &str, (version, body): (i32, &Value)) -> Answer {
        let request = self.client.put(self.at(path)).bearer_auth(key).json(body);
        self.send(request.header("if-match", format!("\"{version}\""))).await
    }

    /// Says that `version` was read.
    pub async fn take_away(&self, path: &str, key: &str, version: i32) -> Answer {
        let request = self.client.delete(self.at(path)).bearer_auth(key);
        self.send(request.header("if-match", format!("\"{version}\""))).await
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.text().await.unwrap() }
    }
}

pub fn uuid() -> Uuid {
    uuid::Builder::from_random_bytes(secret::bytes().unwrap()).into_uuid()
}
