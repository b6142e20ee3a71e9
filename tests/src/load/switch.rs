//! `sambungd` alone, with accounts `u0` … and `callee`, on a loopback address of its own.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use anyhow::{Context as _, Result};
use contract::{
    id::{AccountId, OrgId, UserId},
    language::Language,
    snapshot::{Account, Organisation, Snapshot, Staff},
};
use uuid::Uuid;

use crate::{
    door, phones,
    process::{self, Running},
    world::phone::digest::Algorithm,
};

/// The domain of the organisation.
pub const DOMAIN: &str = "load.sambung.test";
/// The password of every account.
pub const PASSWORD: &str = "rahasia";
/// Dialling it rings the account `callee`.
pub const NUMBER: &str = "9000";
/// How long the switch may take to start or to answer on its own door.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of a page of memory.
const PAGE_BYTES: u64 = 4_096;

/// A running switch.
#[derive(Debug)]
pub struct Switch {
    running: Running,
    folder: tempfile::TempDir,
    /// Where it listens, UDP and TCP.
    pub sip: SocketAddr,
    /// Where browsers come in.
    pub ws: SocketAddr,
    /// Where browsers' media comes in.
    pub browsers: SocketAddr,
}

/// H(A1) of an account.
pub fn ha1(username: &str) -> String {
    Algorithm::Md5.ha1(username, DOMAIN, PASSWORD)
}

fn account(number: u128, username: &str, user: Option<UserId>) -> Account {
    Account {
        id: AccountId(Uuid::from_u128((4 << 64) | number)),
        user,
        username: username.to_owned(),
        ha1_md5: ha1(username),
        ha1_sha256: Algorithm::Sha256.ha1(username, DOMAIN, PASSWORD),
        is_active: true,
    }
}

/// The number of the person of account `u0`, `u1` … where they have people.
pub fn number_of(account: u32) -> u32 {
    1_000 + account
}

fn rows(accounts: u32, have_numbers: bool) -> Snapshot {
    let person = |one: u32| have_numbers.then(|| UserId(Uuid::from_u128((5 << 64) | u128::from(one))));
    let mut all: Vec<Account> =
        (0..accounts).map(|one| account(u128::from(one), &format!("u{one}"), person(one))).collect();
    let callee = UserId(Uuid::from_u128(7));
    all.push(account(1 << 40, "callee", Some(callee)));
    let somebody =
        |user, name: String, number: String| Staff { user, name, number, is_active: true, mailbox: None };
    let mut staff = vec![somebody(callee, "Callee".into(), NUMBER.into())];
    staff.extend(
        (0..accounts).filter_map(|one| {
            Some(somebody(person(one)?, format!("Desk {one}"), number_of(one).to_string()))
        }),
    );
    let organisation = Organisation {
        id: OrgId(Uuid::from_u128(10)),
        sip_domain: DOMAIN.into(),
        is_default: true,
        ring_timeout_secs: 30,
        language: Language::Id,
        has_announcements: true,
        recording: contract::snapshot::RecordingPolicy::Never,
        has_recording_notice: false,
        has_recording_keys: false,
        timezone: contract::snapshot::default_timezone(),
        holidays: Vec::new(),
        outside: Default::default(),
        staff,
        extensions: Vec::new(),
        accounts: all,
    };
    Snapshot { revision: 1, organisations: vec![organisation] }
}

/// An address that no other switch of this machine is likely to have, from 127.64.0.0 to 127.127.255.255.
fn address() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let id = (std::process::id() << 4) + (NEXT.fetch_add(1, Relaxed) & 15);
    Ipv4Addr::from(0x7f40_0000 | (id & 0x003f_ffff))
}

impl Switch {
    /// Starts it with accounts that call and have no number, and waits until calls can be made.
    pub fn start(accounts: u32) -> Result<Self> {
        Self::start_on(&rows(accounts, false))
    }

    /// The same with a person and a number for each account ([`number_of`]).
    pub fn start_with_numbers(accounts: u32) -> Result<Self> {
        Self::start_on(&rows(accounts, true))
    }

    fn start_on(rows: &Snapshot) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let sip = SocketAddr::new(address().into(), 5060);
        let (ws, browsers) = (SocketAddr::new(sip.ip(), 5066), SocketAddr::new(sip.ip(), 36_000));
        let data = folder.path().join("data");
        std::fs::create_dir(&data)?;
        std::fs::write(data.join("plan.json"), serde_json::to_vec(rows)?)?;
        let config = folder.path().join("sambung.toml");
        std::fs::write(
            &config,
            format!(
                "data_dir = 'data'\n[sip]\nudp = ['{sip}']\ntcp = ['{sip}']\nws = ['{ws}']\n\
                 tcp_connections_per_source_max = 4096\n[media]\naddresses = ['{}']\nports = '20000-35999'\n\
                 browser_port = {}\nport_quarantine_secs = 0\n[limits]\ncalls_max = 4000\n\
                 transactions_max = 1000000\n",
                sip.ip(),
                browsers.port()
            ),
        )?;
        let mut command = process::our("sambungd", ["--config".as_ref(), config.as_os_str()])?;
        // Nobody listens on port 1: the rows on disk are all there is.
        command.env("DATABASE_URL", "postgres://sambung_switch:x@127.0.0.1:1/sambung");
        command.env_remove("CREDENTIALS_DIRECTORY");
        let running = Running::start(&mut command, &folder.path().join("log"))?;
        let switch = Self { running, folder, sip, ws, browsers };
        process::wait_until(PATIENCE, "the switch takes calls", || {
            Ok(door::ask(&data, "GET", "/health", "").is_ok())
        })
        .with_context(|| switch.log())?;
        Ok(switch)
    }

    /// One of its accounts, for a phone of its own.
    pub fn account(&self, account: u32) -> phones::Account {
        phones::Account {
            username: format!("u{account}"),
            password: PASSWORD.to_owned(),
            domain: DOMAIN.to_owned(),
            switch: Some(self.sip),
            ..phones::Account::of_nobody("")
        }
    }

    /// One of its figures, such as `sambung_notices_total{kind="shed"}`.
    pub fn figure(&self, name: &str) -> Result<u64> {
        door::figure(&self.folder.path().join("data"), name)
    }

    /// Bytes of memory that it has now.
    pub fn resident_bytes(&self) -> Result<u64> {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.running.pid()))?;
        Ok(statm.split(' ').nth(1).context("statm")?.parse::<u64>()? * PAGE_BYTES)
    }

    /// Bytes of memory that are its alone.
    pub fn private_bytes(&self) -> Result<u64> {
        let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.running.pid()))?;
        let lines = rollup.lines().filter_map(|line| line.strip_prefix("Private_")?.split_once(':'));
        let kilobytes = lines.map(|(_, value)| Ok(value.trim().trim_end_matches(" kB").parse::<u64>()?));
        Ok(kilobytes.sum::<Result<u64>>()? * 1_024)
    }

    /// The processor time that it has used.
    pub fn processor_time(&self) -> Result<Duration> {
        Ok(self.processor_times()?.values().sum())
    }

    /// The processor time that each of its threads has used, by the thread's name; those of one name together.
    pub fn processor_times(&self) -> Result<BTreeMap<String, Duration>> {
        let mut times = BTreeMap::new();
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.running.pid()))? {
            // A thread may have ended since the list was made.
            let Ok(stat) = std::fs::read_to_string(thread?.path().join("stat")) else { continue };
            let (name, rest) = stat.rsplit_once(") ").context("stat")?;
            let fields: Vec<&str> = rest.split(' ').collect();
            let ticks =
                |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
            let name = name.split_once('(').map_or(name, |(_, name)| name);
            // utime and stime, in hundredths of a second.
            *times.entry(name.to_owned()).or_default() += Duration::from_millis((ticks(11) + ticks(12)) * 10);
        }
        Ok(times)
    }

    /// What it has logged, for people who look at a failure.
    pub fn log(&self) -> String {
        self.running.printed()
    }
}
