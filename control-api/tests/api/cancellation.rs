//! Requests that nobody waits for any more leave nothing behind (sqlx #4393, RELIABILITY goal 51): no
//! connection inside a transaction, no other organisation's rows.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use migrations::Role;
use sambung::secret;
use sambung_api::database::{Database, DatabaseError, Scope};
use sqlx::{Connection as _, PgConnection};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    time::{Instant, sleep, timeout},
};

use crate::stage::{MIDNIGHT, Stage, uuid};

/// The URL of the API's role over a [`slow_wire`].
async fn over_slow_wire(stage: &Stage, delay: &Arc<AtomicU64>) -> String {
    let url = stage.url(Role::Api);
    let at = url.split('@').nth(1).unwrap().split('/').next().unwrap();
    let wire = slow_wire(at.parse().unwrap(), Arc::clone(delay)).await;
    url.replace(at, &wire.to_string())
}

/// A wire to `target` that holds back every answer for as many milliseconds as the counter says.
async fn slow_wire(target: SocketAddr, delay: Arc<AtomicU64>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let (near_read, near_write) = near.into_split();
            let (far_read, far_write) = TcpStream::connect(target).await.unwrap().into_split();
            tokio::spawn(carry(near_read, far_write, Arc::new(AtomicU64::new(0))));
            tokio::spawn(carry(far_read, near_write, Arc::clone(&delay)));
        }
    });
    address
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Arc<AtomicU64>) {
    let mut buffer = [0; 4_096];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        sleep(Duration::from_millis(delay.load(Ordering::Relaxed))).await;
        if to.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
}

/// Waits until no connection of ours is inside a transaction; whoever cares for it has `limit` to end it.
async fn must_come_to_rest(stage: &Stage, limit: Duration, after: &str) {
    let until = Instant::now() + limit;
    loop {
        let busy: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity
             where datname = $1 and application_name = 'sambung-api' and state <> 'idle'",
        )
        .bind(&stage.name)
        .fetch_one(&stage.admin)
        .await
        .unwrap();
        if busy == 0 {
            return;
        }
        assert!(Instant::now() < until, "{busy} connections are left inside a transaction after {after}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// What units of work are scoped by.
const SCOPES: [&str; 6] = ["app.org", "app.api_key", "app.sign_in", "app.letter", "app.person", "app.login"];
/// Requests that are given up.
const ABANDONED: u64 = 10_000;
/// Those who ask at the same time.
const CLIENTS: usize = 48;
/// Connections of the API to the database.
const CONNECTIONS: u32 = 16;

/// What a client that goes away has asked for: with and without a body, looking and changing, as a program and as a stranger, and one that
/// goes before it has said all.
fn requests(key: &str) -> Vec<Vec<u8>> {
    let request = |method: &str, path: &str, body: &str| {
        format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nif-match: \"1\"\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let (calls, extensions) = (request("GET", "/api/telephony/calls", ""), "/api/telephony/extensions");
    let one = format!("{extensions}/{}", uuid());
    let new = request("POST", extensions, r#"{"number":"100","name":"CS"}"#);
    let all = [
        calls.clone(),
        calls.repeat(3),
        request("GET", &one, ""),
        request("POST", "/api/identity/password-resets", r#"{"email":"nobody@example.test"}"#),
        new[..new.len() - 1].to_owned(),
        new,
        request("PUT", &one, r#"{"number":"100","name":"CS"}"#),
        request("DELETE", &one, ""),
    ];
    all.into_iter().map(String::into_bytes).collect()
}

/// Asks, and closes the connection at some moment; whether that was before the answer came.
async fn give_up(address: SocketAddr, request: &[u8], after: Duration) -> bool {
    let mut wire = TcpStream::connect(address).await.unwrap();
    wire.write_all(request).await.unwrap();
    timeout(after, wire.readable()).await.is_err()
}

/// Clients that ask and go away until so many have gone before their answer; how many got it.
async fn storm(address: SocketAddr, key: &str) -> u64 {
    let requests = Arc::new(requests(key));
    let (abandoned, answered) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let clients = (0..CLIENTS).map(|_| {
        let (requests, abandoned, answered) =
            (Arc::clone(&requests), Arc::clone(&abandoned), Arc::clone(&answered));
        tokio::spawn(async move {
            while abandoned.load(Ordering::Relaxed) < ABANDONED {
                let [which, moment] = secret::bytes::<2>().unwrap();
                let request = &requests[usize::from(which) % requests.len()];
                let is_early = give_up(address, request, Duration::from_micros(u64::from(moment) * 16)).await;
                (if is_early { &abandoned } else { &answered }).fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    answered.load(Ordering::Relaxed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_abandoned_requests_poison_no_connection() {
    let stage = Stage::new().await;
    for org in [stage.a, stage.b] {
        stage.settle(org).await;
    }
    let (own, _) =
        (stage.call(stage.a, "internal", MIDNIGHT).await, stage.call(stage.b, "internal", MIDNIGHT).await);
    let delay = Arc::new(AtomicU64::new(0));
    let api = stage.serve_from(&over_slow_wire(&stage, &delay).await, CONNECTIONS).await;
    let key = stage.key(stage.a, &["calls.read", "telephony.read", "telephony.write"]).await;
    let answered = storm(api.address, &key).await;
    assert!(
        answered > 100,
        "only {answered} were answered: the others may have come to nothing for another reason"
    );
    delay.store(0, Ordering::Relaxed);
    must_come_to_rest(&stage, Duration::from_secs(10), "the storm").await;
    assert_eq!(scopes_left(&api.database).await, "");
    for _ in 0..CONNECTIONS * 4 {
        let answer = api.get("/api/telephony/calls", &key).await;
        assert_eq!(answer.status, 200);
        let page = answer.json();
        assert_eq!(page["items"].as_array().unwrap().len(), 1);
        assert_eq!(page["items"][0]["id"], own.to_string());
    }
}

/// What is set on any connection before somebody has entered a scope.
async fn scopes_left(database: &Database) -> String {
    let looks = (0..CONNECTIONS * 4).map(|_| {
        let database = database.clone();
        tokio::spawn(async move {
            loop {
                let look = database.read(Scope::Nothing, |connection| {
                    let settings = "select string_agg(current_setting(name, true), '')
                                    from unnest($1::text[]) name, pg_sleep(0.02)";
                    Box::pin(
                        async move { sqlx::query_scalar(settings).bind(SCOPES).fetch_one(connection).await },
                    )
                });
                match look.await {
                    // Units that nobody waits for still wait for their turn.
                    Err(DatabaseError::Busy) => sleep(Duration::from_millis(20)).await,
                    left => break left.unwrap(),
                }
            }
        })
    });
    let mut left = String::new();
    for look in looks.collect::<Vec<_>>() {
        let found: Option<String> = look.await.unwrap();
        left.extend(found);
    }
    left
}

#[tokio::test]
async fn a_unit_dropped_after_any_number_of_polls_ends_by_itself() {
    let stage = Stage::new().await;
    let api = stage.serve_from(&stage.url(Role::Api), 1).await;
    for polls in 0..12 {
        let unit = api.database.read(Scope::Organisation(stage.a), |connection| {
            Box::pin(async move { sqlx::query("select pg_sleep(0.01)").execute(connection).await.map(drop) })
        });
        let mut unit = Box::pin(unit);
        for _ in 0..polls {
            let waker = std::task::Waker::noop();
            if unit.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_ready() {
                break;
            }
            sleep(Duration::from_millis(2)).await;
        }
        drop(unit);
        must_come_to_rest(&stage, Duration::from_secs(10), &format!("{polls} polls")).await;
        // There is one connection only: this is what the next request gets, in the scope it asks for.
        let seen: String = api
            .database
            .read(Scope::Organisation(stage.b), |connection| {
                Box::pin(async move {
                    sqlx::query_scalar("select current_setting('app.org')").fetch_one(connection).await
                })
            })
            .await
            .unwrap();
        assert_eq!(seen, stage.b.0.to_string(), "after {polls} polls");
    }
}

#[tokio::test]
async fn a_connection_in_good_order_serves_unit_after_unit() {
    let stage = Stage::new().await;
    let api = stage.serve_from(&stage.url(Role::Api), 1).await;
    let mut servers = std::collections::BTreeSet::new();
    for _ in 0..10 {
        let server = api.database.read(Scope::Nothing, |connection| {
            Box::pin(async move { sqlx::query_scalar("select pg_backend_pid()").fetch_one(connection).await })
        });
        let server: i32 = server.await.unwrap();
        servers.insert(server);
    }
    assert_eq!(servers.len(), 1, "a new connection for each unit");
}

/// The danger is real: sqlx's own `begin()`, dropped while its answer is on the way, leaves a connection
/// inside a transaction that the next user finds. If this ever fails, sqlx has been mended.
#[tokio::test]
async fn an_abandoned_begin_without_a_task_does_poison_its_connection() {
    let stage = Stage::new().await;
    let delay = Arc::new(AtomicU64::new(0));
    let mut connection = PgConnection::connect(&over_slow_wire(&stage, &delay).await).await.unwrap();
    delay.store(100, Ordering::Relaxed);
    assert!(timeout(Duration::from_millis(20), connection.begin()).await.is_err());
    sqlx::query("select set_config('app.org', $1, true)")
        .bind(stage.a.0.to_string())
        .execute(&mut connection)
        .await
        .unwrap();
    let left: String =
        sqlx::query_scalar("select current_setting('app.org')").fetch_one(&mut connection).await.unwrap();
    assert_eq!(left, stage.a.0.to_string());
}
