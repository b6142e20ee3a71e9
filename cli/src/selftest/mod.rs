//! `sambung selftest`: proves a running switch from outside, as two phones see it, and with its records.
//!
//! Two built-in phones register, one calls the other, both hear the other's tone through the relay, one hangs up, and the
//! call's rows stand in the database; over UDP, over TCP and, where the switch takes it, over TLS. It leaves one organisation behind, "Self-test",
//! with a domain that nobody else can have; its accounts get new passwords for each run and are asleep between runs.

mod message;
mod phone;
mod sound;
mod store;
mod way;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context as _, ensure};
use sambung::secret;
use serde_json::Value;
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    Failure,
    database::{self, store::revisions},
    switch::{Place, Switch},
    terminal,
};
use phone::Phone;
use way::Way;

/// The demo's authority, in its folder.
const AUTHORITY: &str = "tls/ca.pem";
/// RFC 2606: a name that never is anybody's.
const DOMAIN: &str = "selftest.sambung.invalid";
const CALLER: &str = "selftest-1";
const CALLEE: &str = "selftest-2";
/// How long the switch may take to know the accounts.
const APPLIED_MAX: Duration = Duration::from_secs(20);
/// How long the whole of one call may take.
const CALL_MAX: Duration = Duration::from_secs(30);
/// How long a call's rows may take to reach the database.
const RECORDED_MAX: Duration = Duration::from_secs(20);
/// Tones of the two phones, in Hz: neither is a multiple of the other.
const TONES: (f64, f64) = (700.0, 1_100.0);

/// `sambung selftest …`
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    /// Where the switch takes SIP over UDP and TCP [default: that of demo.json beside the data folder, else 127.0.0.1:5060]
    #[arg(long, value_name = "ADDRESS")]
    sip: Option<SocketAddr>,
    /// Where it takes SIP over TLS [default: that of demo.json; without either TLS is left out]
    #[arg(long, value_name = "ADDRESS", requires = "tls_ca")]
    sips: Option<SocketAddr>,
    /// Authorities (PEM) that sign its certificate, which must be good for that address
    #[arg(long, value_name = "FILE", requires = "sips")]
    tls_ca: Option<PathBuf>,
    #[command(flatten)]
    database: database::Access,
}

/// What was found, a row for each check.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) has_failed: bool,
}

impl Report {
    fn add<T>(&mut self, what: &str, outcome: anyhow::Result<T>) -> Option<T> {
        let (word, value) = match outcome {
            Ok(value) => ("ok".to_owned(), Some(value)),
            Err(error) => (format!("FAILED: {error:#}"), None),
        };
        self.has_failed |= value.is_none();
        self.rows.push(vec![what.to_owned(), word]);
        value
    }
}

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let switch = arguments.place.find()?;
    let demo = database::demo(switch.folder());
    let url = arguments.database.url(&demo)?;
    let doors = Doors::find(&switch, arguments.sip, &demo)?;
    let doors = match (arguments.sips, &arguments.tls_ca) {
        (Some(sips), Some(authorities)) => Doors { tls: Some((sips, authorities.clone())), ..doors },
        _ => doors,
    };
    let report = prove(&switch, &url, &doors).await?;
    terminal::print(&terminal::columns(&report.rows))?;
    if report.has_failed { Err(anyhow::anyhow!("the self-test has failed").into()) } else { Ok(()) }
}

/// Where the switch takes SIP.
pub(crate) struct Doors {
    /// UDP and TCP.
    sip: SocketAddr,
    /// TLS, and whom its certificate is believed from.
    tls: Option<(SocketAddr, PathBuf)>,
}

impl Doors {
    /// `sip`, or what the demo says. Whoever names one switch does not mean the demo's TLS.
    pub(crate) fn find(switch: &Switch, sip: Option<SocketAddr>, demo: &Value) -> anyhow::Result<Self> {
        if let Some(sip) = sip {
            return Ok(Self { sip, tls: None });
        }
        let address = |name: &str| -> anyhow::Result<Option<SocketAddr>> {
            let text = demo["sip"][name].as_str();
            text.map(|text| text.parse().with_context(|| format!("demo.json's sip.{name}"))).transpose()
        };
        let sip = address("udp")?.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 5060)));
        let authority = switch.folder().join("..").join(AUTHORITY);
        Ok(Self { sip, tls: address("tls")?.map(|tls| (tls, authority)) })
    }

    /// What calls are made over.
    fn ways(&self) -> anyhow::Result<Vec<Way>> {
        let tls = self.tls.as_ref().map(|(address, authorities)| Way::tls(*address, authorities));
        Ok([Way::udp(self.sip), Way::tcp(self.sip)].into_iter().chain(tls.transpose()?).collect())
    }
}

/// The whole of it.
pub(crate) async fn prove(switch: &Switch, url: &str, doors: &Doors) -> anyhow::Result<Report> {
    let ways = doors.ways()?;
    let pool = PgPoolOptions::new().max_connections(2).connect(url).await.context("the database")?;
    let mut report = Report::default();
    report.add("the switch is ready", switch.get::<Value>("/health").await);
    let passwords = (secret::password(24)?, secret::password(24)?);
    let organisation =
        store::prepare(&pool, DOMAIN, [(CALLER, &passwords.0), (CALLEE, &passwords.1)]).await?;
    report.add("it has taken over the accounts", applied(&pool).await);
    for way in &ways {
        let before = store::calls(&pool, organisation).await?;
        let name = way.name();
        let called = timeout(CALL_MAX, call(way, (&passwords.0, &passwords.1), &mut report)).await;
        match called {
            Ok(true) => {
                let rows = recorded(&pool, organisation, before).await;
                report.add(&format!("{name}: the call's records are in the database"), rows);
            }
            // There are no rows of a call that was none.
            Ok(false) => {}
            Err(_) => drop(report.add::<()>(name, Err(anyhow::anyhow!("not done after {CALL_MAX:?}")))),
        }
    }
    let asleep = store::put_to_sleep(&pool, organisation).await;
    report.add("the accounts are asleep again", asleep.map_err(Into::into));
    pool.close().await;
    Ok(report)
}

async fn applied(pool: &PgPool) -> anyhow::Result<()> {
    let until = Instant::now() + APPLIED_MAX;
    while !revisions(&mut *pool.acquire().await?).await?.is_applied() {
        ensure!(
            Instant::now() < until,
            "not within {} s: does the log say that the rows do not compile?",
            APPLIED_MAX.as_secs()
        );
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// One call more than before, with all its events.
async fn recorded(pool: &PgPool, organisation: uuid::Uuid, before: i64) -> anyhow::Result<()> {
    let until = Instant::now() + RECORDED_MAX;
    loop {
        let events = store::last_events(pool, organisation).await?;
        let is_new = store::calls(pool, organisation).await? == before + 1;
        if is_new && events == ["created", "ringing", "answered", "ended"] {
            return Ok(());
        }
        ensure!(Instant::now() < until, "new call: {is_new}, its events: {events:?}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// One call from registration to farewell; false when there was none.
async fn call(way: &Way, passwords: (&str, &str), report: &mut Report) -> bool {
    let name = way.name();
    let phones = tokio::try_join!(
        Phone::register(way, DOMAIN, CALLER, passwords.0),
        Phone::register(way, DOMAIN, CALLEE, passwords.1),
    );
    let Some((mut caller, mut callee)) = report.add(&format!("{name}: two phones register"), phones) else {
        return false;
    };
    let talk = tokio::try_join!(caller.call(CALLEE), callee.be_called());
    let is_up = report.add(&format!("{name}: one calls the other"), talk).is_some();
    if is_up {
        let heard = tokio::try_join!(caller.talk(TONES.0, TONES.1), callee.talk(TONES.1, TONES.0));
        report.add(&format!("{name}: both hear the other's tone"), heard);
        let farewell = tokio::try_join!(caller.hang_up(), callee.be_hung_up());
        report.add(&format!("{name}: one hangs up, and the other notices"), farewell);
    }
    let gone = tokio::try_join!(caller.unregister(), callee.unregister());
    report.add(&format!("{name}: the phones take their registrations back"), gone);
    is_up
}
