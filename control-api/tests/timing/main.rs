//! Whether strangers learn by the clock which addresses there are (H-008): sign-ins, forgotten passwords and registrations with addresses
//! that are known and with others, in turns, and Welch's t over what they took, of all of them and of those that nothing
//! disturbed. Over 4.5 the two can be told apart, and this fails. Asked inside the process, where no network blurs it. It is timed, so it is
//! no part of `make test`: `cargo test -p sambung-api --test timing [PAIRS]`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stdout)]

use std::{
    io::Write as _,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::Request,
};
use migrations::Role;
use sambung::{postgres::Cluster, secret};
use sambung_api::{
    app::{self, App},
    database::{Database, Options},
    http::{layers::Limits, rate::Allowance},
    identity::{Proofs, password::Passwords},
};
use serde_json::{Value, json};
use sqlx::PgPool;
use tower::ServiceExt as _;

/// Of each, known and unknown.
const PAIRS: u32 = 2_000;
/// That are asked before it counts.
const WARM_UP: u32 = 100;
/// Where two are told apart (TVLA, ISO/IEC 17825).
const T_MAX: f64 = 4.5;

/// What is asked, and what it is answered whether the address is known or not.
const QUESTIONS: [(&str, &str, u16); 3] = [
    ("sign-in", "/api/identity/sign-ins", 401),
    ("forgotten password", "/api/identity/password-resets", 202),
    ("registration", "/api/identity/registrations", 202),
];

fn body(question: &str, email: &str) -> Value {
    match question {
        "sign-in" => json!({ "email": email, "password": "rahasia-2" }),
        "registration" => json!({ "email": email, "password": "rahasia-2", "name": "Sari" }),
        _ => json!({ "email": email }),
    }
}

/// The API, and `people` whose addresses are the even ones.
async fn stage(cluster: &Cluster, people: u32) -> Router {
    let admin = PgPool::connect(&cluster.create_database("timing").await.unwrap()).await.unwrap();
    migrations::run(&admin).await.unwrap();
    migrations::set_password(&admin, Role::Api, "secret").await.unwrap();
    let hash = Passwords::new().unwrap().hash("rahasia-1".to_owned()).await.unwrap();
    let query = sqlx::query(
        "with people as (
             insert into identity.users (id, name, email, email_verified_at)
             select gen_random_uuid(), 'Sari', format('%s@example.test', lpad((n * 2)::text, 6, '0')), now()
             from generate_series(0, $1 - 1) n returning id, email)
         insert into identity.auth_methods (provider, provider_user_id, user_id, password_hash)
         select 'password', email, id, $2 from people",
    );
    query.bind(i32::try_from(people).unwrap()).bind(hash).execute(&admin).await.unwrap();
    sqlx::query("analyze").execute(&admin).await.unwrap();
    let options = Options {
        url: cluster.url_as(Role::Api.as_str(), "secret", "timing"),
        connections_max: 2,
        acquire_timeout: Duration::from_secs(5),
        statement_timeout: Duration::from_secs(5),
    };
    let keys = tempfile::tempdir().unwrap();
    let proofs = Arc::new(Proofs::open(keys.path()).unwrap());
    let app = App::alone(Database::new(&options).unwrap(), proofs).unwrap();
    let once = Allowance { per_minute: NonZeroU32::MAX, burst: NonZeroU32::MAX };
    let limits = Limits {
        timeout: Duration::from_secs(10),
        body_bytes_max: 1_024,
        sources: once,
        actors: once,
        proxies: Vec::new(),
        origins: Vec::new(),
    };
    app::router(app, limits)
}

/// What it takes to ask about the `number`th address, in microseconds. Every question comes from a source of its own, so that none is
/// counted.
async fn ask(api: &Router, (question, path, status): (&str, &str, u16), number: u32) -> f64 {
    let source = IpAddr::from(Ipv4Addr::from_bits(0x0a00_0000 + number));
    let email = format!("{number:06}@example.test");
    let request = Request::post(path)
        .header("content-type", "application/json")
        .extension(ConnectInfo(SocketAddr::new(source, 1_024)))
        .body(Body::from(body(question, &email).to_string()))
        .unwrap();
    let begun = Instant::now();
    let answer = api.clone().oneshot(request).await.unwrap();
    let found = answer.status().as_u16();
    to_bytes(answer.into_body(), 4_096).await.unwrap();
    let took = begun.elapsed();
    assert_eq!(found, status, "{question}");
    took.as_secs_f64() * 1e6
}

/// Welch's t of two samples, and their means.
fn welch(samples: [&[f64]; 2]) -> (f64, [f64; 2]) {
    let count = |sample: &[f64]| f64::from(u32::try_from(sample.len()).unwrap());
    let mean = samples.map(|sample| sample.iter().sum::<f64>() / count(sample));
    let of_mean = |sample: &[f64], mean: f64| {
        let squares: f64 = sample.iter().map(|value| (value - mean).powi(2)).sum();
        squares / (count(sample) - 1.0) / count(sample)
    };
    let [known, unknown] = mean;
    let [first, second] = samples;
    ((known - unknown) / (of_mean(first, known) + of_mean(second, unknown)).sqrt(), mean)
}

/// Prints how far apart the two are; false: they can be told apart.
fn judge(question: &str, took: &[Vec<f64>; 2]) -> bool {
    let mut all: Vec<f64> = took.iter().flatten().copied().collect();
    all.sort_unstable_by(f64::total_cmp);
    let mut is_good = true;
    for (which, percent) in [("all", 100), ("the quickest 90 %", 90), ("the quickest half", 50)] {
        let limit = all.get((all.len() * percent / 100).saturating_sub(1)).copied().unwrap_or(f64::MAX);
        let within = took
            .each_ref()
            .map(|one| one.iter().copied().filter(|value| *value <= limit).collect::<Vec<f64>>());
        let (t, [known, unknown]) = welch([&within[0], &within[1]]);
        println!("{question}, {which}: known {known:.0} µs, unknown {unknown:.0} µs, t = {t:.2}");
        is_good &= t.abs() < T_MAX;
    }
    is_good
}

#[tokio::main]
async fn main() -> ExitCode {
    let pairs = std::env::args().nth(1).and_then(|pairs| pairs.parse().ok()).unwrap_or(PAIRS);
    let cluster = Cluster::throw_away().unwrap();
    let api = stage(&cluster, WARM_UP + pairs).await;
    let mut is_good = true;
    for question in QUESTIONS {
        let mut took = [Vec::new(), Vec::new()];
        for pair in 0..WARM_UP + pairs {
            let [coin] = secret::bytes::<1>().unwrap();
            let order = if coin % 2 == 0 { [0, 1] } else { [1, 0] };
            for which in order {
                let micros = ask(&api, question, pair * 2 + which).await;
                if pair >= WARM_UP
                    && let Some(sample) = took.get_mut(usize::try_from(which).unwrap())
                {
                    sample.push(micros);
                }
            }
        }
        is_good &= judge(question.0, &took);
        std::io::stdout().flush().unwrap();
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
