//! What the control plane costs with many tenants: authenticated reads over HTTP on one thread, how long all rows take from the
//! database to a plan, and a change of one organisation's rows among them. Prints figures and judges none.
//!
//! It has no place in Criterion: its world takes a while to make, and what counts is the hundredth slowest answer.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench may stop, and prints")]

use std::{
    net::SocketAddr,
    num::NonZeroU32,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use calls::{ClockMark, Input, Outputs, Switchboard, SwitchboardConfig};
use configuration::Secrets;
use contract::{id::OrgId, snapshot::Snapshot, time::Timestamp};
use dialplan::Plan;
use migrations::Role;
use reqwest::Client;
use rustix::time::{ClockId, clock_gettime};
use sambung::{postgres::Cluster, secret};
use sambung_api::{
    app::{self, App},
    database::{Database, Options},
    http::{layers, rate::Allowance},
    identity::Proofs,
    serve,
};
use sambungd::plan_watch::PlanWatch;
use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, PgConnection, PgPool};
use tokio::{net::TcpListener, runtime, sync::oneshot};
use uuid::Uuid;

/// Tenants that are read, and what each has.
const ORGANISATIONS: i32 = 1_000;
const EXTENSIONS: i32 = 50;
/// Small tenants that come besides, for the plan of ten thousand.
const MORE_ORGANISATIONS: i32 = 9_000;
const MORE_EXTENSIONS: i32 = 5;
/// Clients that ask one question after the other: one alone, which waits for nobody, a few, and so many that the machine has no rest.
const CLIENTS: [usize; 3] = [1, 4, 8];
const ASKED_FOR: Duration = Duration::from_secs(10);
/// Organisations that are changed, one after the other.
const CHANGES: usize = 200;
/// Long enough for that.
const FOLLOWED_FOR: Duration = Duration::from_secs(300);

/// Organisations numbered from `first`, each with so many `extensions` that each ring a person, who has a number and an account.
async fn fill(admin: &PgPool, (first, organisations, extensions): (i32, i32, i32)) {
    for statement in [
        "insert into identity.organisations (id, name, status)
         select md5('o' || n)::uuid, 'Organisation ' || n, 'approved' from generate_series($1, $1 + $2 - 1) n where $3 > 0",
        "insert into telephony.organisation_settings (org_id, sip_domain)
         select md5('o' || n)::uuid, 'o' || n || '.test' from generate_series($1, $1 + $2 - 1) n where $3 > 0",
        "insert into identity.users (id, name)
         select md5(n || '/' || e)::uuid, 'Sari ' || e from generate_series($1, $1 + $2 - 1) n, generate_series(1, $3) e",
        "insert into identity.memberships (id, org_id, user_id, email, role, status)
         select md5(n || '/' || e)::uuid, md5('o' || n)::uuid, md5(n || '/' || e)::uuid, n || '-' || e || '@example.test',
           'call_agent', 'active' from generate_series($1, $1 + $2 - 1) n, generate_series(1, $3) e",
        "insert into telephony.numbers (org_id, number, user_id)
         select md5('o' || n)::uuid, (2000 + e)::text, md5(n || '/' || e)::uuid
         from generate_series($1, $1 + $2 - 1) n, generate_series(1, $3) e",
        "insert into telephony.sip_accounts (id, org_id, user_id, username, ha1_md5, ha1_sha256)
         select md5(n || '/' || e)::uuid, md5('o' || n)::uuid, md5(n || '/' || e)::uuid, 'sari' || e, md5('x'),
           encode(sha256('x'), 'hex') from generate_series($1, $1 + $2 - 1) n, generate_series(1, $3) e",
        "insert into telephony.extensions (id, org_id, name)
         select md5('e' || n || '/' || e)::uuid, md5('o' || n)::uuid, 'Layanan ' || e
         from generate_series($1, $1 + $2 - 1) n, generate_series(1, $3) e",
        "insert into telephony.numbers (org_id, number, extension_id)
         select md5('o' || n)::uuid, (1000 + e)::text, md5('e' || n || '/' || e)::uuid
         from generate_series($1, $1 + $2 - 1) n, generate_series(1, $3) e",
        "insert into telephony.extension_assigned_staffs (org_id, extension_id, user_id)
         select md5('o' || n)::uuid, md5('e' || n || '/' || e)::uuid, md5(n || '/' || e)::uuid
         from generate_series($1, $1 + $2 - 1) n, generate_series(1, $3) e",
        "insert into telephony.did_numbers (id, org_id, number, extension_id)
         select md5('e' || n || '/' || e)::uuid, md5('o' || n)::uuid, '+6221' || (1000000 + n * 100 + e), md5('e' || n || '/' || e)::uuid
         from generate_series($1, $1 + $2 - 1) n, generate_series(1, $3) e",
    ] {
        sqlx::query(statement).bind(first).bind(organisations).bind(extensions).execute(admin).await.unwrap();
    }
    sqlx::query("analyze").execute(admin).await.unwrap();
}

/// A key for each of the first hundred organisations.
async fn keys(admin: &PgPool) -> Vec<String> {
    let mut keys = Vec::new();
    for n in 0..100_u32 {
        let (id, half) = (Uuid::from_u128(u128::from(n) + 1), secret::bytes::<32>().unwrap());
        sqlx::query(
            "insert into identity.api_keys (id, org_id, name, key_hash, permissions)
             values ($1, md5('o' || $2)::uuid, 'bench', $3, '{telephony.read}')",
        )
        .bind(id)
        .bind(i32::try_from(n).unwrap() * ORGANISATIONS / 100)
        .bind(Sha256::digest(half).to_vec())
        .execute(admin)
        .await
        .unwrap();
        keys.push(format!("sambung_{}{}", id.simple(), secret::hex(&half)));
    }
    keys
}

/// An API that has one thread, which tells what it has worked when it is asked.
struct Api {
    address: SocketAddr,
    runtime: runtime::Handle,
}

impl Api {
    fn start(url: String) -> Self {
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let handle = runtime.handle().clone();
            runtime.block_on(async move {
                let folder = tempfile::tempdir().unwrap();
                let database = Database::new(&Options {
                    url,
                    connections_max: 8,
                    acquire_timeout: Duration::from_secs(5),
                    statement_timeout: Duration::from_secs(5),
                });
                let proofs = Arc::new(Proofs::open(folder.path()).unwrap());
                let app = App::alone(database.unwrap(), proofs).unwrap();
                let much = Allowance { per_minute: NonZeroU32::MAX, burst: NonZeroU32::MAX };
                let limits = layers::Limits {
                    timeout: Duration::from_secs(10),
                    body_bytes_max: 1_024,
                    sources: much,
                    actors: much,
                    proxies: Vec::new(),
                    origins: Vec::new(),
                };
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(Self { address: listener.local_addr().unwrap(), runtime: handle }).unwrap();
                let sockets = serve::Limits { connections_max: 64, shutdown_max: Duration::ZERO };
                serve::serve(listener, app::router(app, limits), sockets, std::future::pending::<()>()).await;
            });
        });
        told.recv().unwrap()
    }

    /// Processor time of its thread.
    async fn worked(&self) -> Duration {
        let asked = self.runtime.spawn(async { clock_gettime(ClockId::ThreadCPUTime) });
        asked.await.unwrap().try_into().unwrap()
    }
}

/// Has so many clients ask for `path` for a while, and prints what that took.
async fn read(api: &Api, keys: &[String], (path, many): (&'static str, usize)) {
    let (begun, worked) = (Instant::now(), api.worked().await);
    let clients = (0..many).map(|client| {
        let (url, keys) = (format!("http://{}{path}", api.address), keys.to_vec());
        tokio::spawn(async move {
            let http = Client::new();
            let mut took = Vec::new();
            for turn in 0_usize.. {
                let key = keys.get((client + turn * many) % keys.len()).unwrap();
                let asked = Instant::now();
                let answer = http.get(&url).bearer_auth(key).send().await.unwrap();
                assert_eq!(answer.status(), 200);
                answer.bytes().await.unwrap();
                took.push(asked.elapsed());
                if begun.elapsed() > ASKED_FOR {
                    break;
                }
            }
            took
        })
    });
    let mut took = Vec::new();
    for client in clients.collect::<Vec<_>>() {
        took.extend(client.await.unwrap());
    }
    let (elapsed, worked) = (begun.elapsed(), api.worked().await.saturating_sub(worked));
    let count = f64::from(u32::try_from(took.len()).unwrap());
    println!(
        "{path}, {many} clients: {:.0} requests a second, {:.0} for a second of the API's processor; p50 {:.2?}, p99 {:.2?}",
        count / elapsed.as_secs_f64(),
        count / worked.as_secs_f64(),
        of_hundred(&mut took, 50),
        of_hundred(&mut took, 99)
    );
}

/// The one that so many of a hundred are faster than.
fn of_hundred(took: &mut [Duration], percent: usize) -> Duration {
    took.sort_unstable();
    took.get(took.len() * percent / 100).copied().unwrap_or_default()
}

/// All rows from the database to a plan, as the switch does it at its start.
async fn load(url: &str) -> Plan {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let begun = Instant::now();
    let organisations = configuration::load(&mut connection, None, Secrets::Read).await.unwrap();
    let read = begun.elapsed();
    let plan = dialplan::compile(&Snapshot { revision: 1, organisations }).unwrap();
    println!(
        "{} organisations: read in {read:.2?}, read and compiled in {:.2?}",
        plan.organisations().count(),
        begun.elapsed()
    );
    plan
}

/// The rows of one organisation after the other from the database to a plan with all others; what each step takes.
async fn one_by_one(url: &str, mut plan: Plan) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let ids: Vec<OrgId> = plan.organisations().take(CHANGES).map(|one| one.id()).collect();
    let (mut read, mut compiled, mut with_number) = (Vec::new(), Vec::new(), Vec::new());
    for id in ids {
        let begun = Instant::now();
        let mut rows = configuration::load(&mut connection, Some(&[id]), Secrets::Read).await.unwrap();
        read.push(begun.elapsed());
        for (took, change) in [(&mut compiled, false), (&mut with_number, true)] {
            let row = rows.first_mut().unwrap();
            row.ring_timeout_secs += 1;
            if change {
                row.outside.dids.pop();
            }
            let begun = Instant::now();
            plan = plan.with(2, (&rows, &[])).unwrap();
            took.push(begun.elapsed());
        }
    }
    for (what, took) in [
        ("read", &mut read),
        ("compiled, in a plan with all others", &mut compiled),
        ("the same where a number of the telephone network has gone", &mut with_number),
    ] {
        println!(
            "one organisation, {what}: p50 {:.2?}, p99 {:.2?}",
            of_hundred(took, 50),
            of_hundred(took, 99)
        );
    }
}

/// A plan, and whom to tell that it is in use.
type Installing = (Arc<Plan>, oneshot::Sender<()>);

/// A switchboard on a thread of its own, as the engine is; when it has taken a plan, and how long that took.
fn switchboard() -> (mpsc::Sender<Installing>, mpsc::Receiver<(Instant, Duration)>) {
    let (give, given) = mpsc::channel::<Installing>();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mark = ClockMark { instant: Instant::now(), unix: Timestamp(1_800_000_000_000_000) };
        let mut board = Switchboard::new(SwitchboardConfig::default(), Arc::default(), [7; 32], mark);
        let mut out = Outputs::new();
        while let Ok((plan, answer)) = given.recv() {
            let begun = Instant::now();
            board.handle(begun, Input::Plan(plan), &mut out);
            out.drain().for_each(drop);
            let _ = answer.send(());
            let _ = tell.send((Instant::now(), begun.elapsed()));
        }
    });
    (give, told)
}

/// From the end of a transaction that has changed one row to the moment at which calls are decided by it.
async fn follow(admin: &PgPool, url: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (give, told) = switchboard();
    let install = move |plan| {
        let (answer, answered) = oneshot::channel();
        let _ = give.send((plan, answer));
        answered
    };
    let watch =
        PlanWatch::new(url.parse().unwrap(), folder.path().join("plan.json"), install, Arc::default());
    let watch = thread::spawn(|| {
        let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async { tokio::time::timeout(FOLLOWED_FOR, watch.run()).await })
    });
    told.recv().unwrap();
    let (mut swapped, mut engine) = (Vec::new(), Vec::new());
    for n in 0..i32::try_from(CHANGES).unwrap() {
        // Applied is written, and the last change kept, before the next one comes.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let rename =
            "update telephony.extensions set name = name || '.' where id = md5('e' || $1 || '/7')::uuid";
        sqlx::query(rename).bind(n * 7 % ORGANISATIONS).execute(admin).await.unwrap();
        let changed = Instant::now();
        let (at, took) = told.recv().unwrap();
        swapped.push(at.saturating_duration_since(changed));
        engine.push(took);
    }
    let count: i64 =
        sqlx::query_scalar("select count(*) from identity.organisations").fetch_one(admin).await.unwrap();
    for (what, took) in [("changed to in use", &mut swapped), ("of that the engine's thread", &mut engine)] {
        let (half, most) = (of_hundred(took, 50), of_hundred(took, 99));
        println!("one of {count} organisations, {what}: p50 {half:.2?}, p99 {most:.2?}");
    }
    drop(watch);
}

async fn measure() {
    let cluster = Cluster::throw_away().unwrap();
    let admin = PgPool::connect(&cluster.create_database("bench").await.unwrap()).await.unwrap();
    migrations::run(&admin).await.unwrap();
    for role in Role::ALL {
        migrations::set_password(&admin, role, "secret").await.unwrap();
    }
    fill(&admin, (0, ORGANISATIONS, EXTENSIONS)).await;
    let switch = cluster.url_as(Role::Switch.as_str(), "secret", "bench");
    let plan = load(&switch).await;
    one_by_one(&switch, plan).await;
    follow(&admin, &switch).await;
    let api = Api::start(cluster.url_as(Role::Api.as_str(), "secret", "bench"));
    let keys = keys(&admin).await;
    for path in [
        "/api/telephony/settings",
        "/api/telephony/extensions?limit=20",
        "/api/telephony/extensions?number=1007",
    ] {
        for many in CLIENTS {
            read(&api, &keys, (path, many)).await;
        }
    }
    fill(&admin, (ORGANISATIONS, MORE_ORGANISATIONS, MORE_EXTENSIONS)).await;
    let plan = load(&switch).await;
    one_by_one(&switch, plan).await;
    follow(&admin, &switch).await;
}

fn main() {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(measure());
}
