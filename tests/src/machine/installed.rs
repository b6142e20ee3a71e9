//! From a package to a switch that takes calls, by the commands that `docs/operating.md` gives.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};

use crate::{
    door,
    load::switch::{DOMAIN, NUMBER, ha1},
    process::wait_until,
    record::Record,
    world::phone::digest::Algorithm,
};

/// The switch's data folder by the package.
pub const DATA: &str = "/var/lib/sambung";
/// Where the package's configuration has it listen.
const SIP: &str = "127.0.0.1:5060";
/// How long services may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// An installed switch that runs.
#[derive(Debug)]
pub struct Installed {
    /// Where it listens, UDP and TCP.
    pub sip: SocketAddr,
    /// What its database holds.
    pub record: Record,
    /// The package that it came in.
    pub package: PathBuf,
}

/// Runs a program that must succeed, and gives what it says.
pub fn run(program: &str, arguments: &[&str]) -> Result<String> {
    let done = Command::new(program).args(arguments).output().with_context(|| program.to_owned())?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    ensure!(
        done.status.success(),
        "{program} {}: {}\n{said}{}",
        arguments.join(" "),
        done.status,
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(said)
}

/// A command of systemd's.
pub fn systemctl(arguments: &[&str]) -> Result<String> {
    run("systemctl", arguments)
}

/// What the services have logged, for people who look at a failure.
pub fn logs() -> String {
    let said = run("journalctl", &["--no-pager", "-o", "short-precise", "-u", "sambung*", "-n", "120"]);
    said.unwrap_or_else(|error| format!("{error:#}"))
}

/// The `number`-th block of commands of the chapter on installing, from 0.
pub fn documented(number: usize) -> Result<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operating.md");
    let text = std::fs::read_to_string(page)?;
    let (_, chapter) = text.split_once("\n## Install\n").context("a chapter on installing")?;
    let chapter = chapter.split("\n## ").next().unwrap_or_default();
    let block = chapter.split("```sh\n").nth(number + 1).context("a block of commands")?;
    Ok(block.split("```").next().unwrap_or_default().to_owned())
}

/// Has a shell do what the documentation says.
pub fn follow(number: usize) -> Result<String> {
    let commands = documented(number)?;
    run("bash", &["-euc", &commands]).with_context(|| format!("{commands}\n{}", logs()))
}

/// A database server as Debian makes it, empty and in memory like everything here.
fn make_database_server() -> Result<()> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").context("PostgreSQL is installed")?;
    let newest = versions.flatten().filter_map(|version| version.file_name().into_string().ok()).max();
    let version = newest.context("a version of PostgreSQL")?;
    for cluster in run("pg_lsclusters", &["-h"])?.lines() {
        let mut words = cluster.split_whitespace();
        if let (Some(version), Some(name)) = (words.next(), words.next()) {
            run("pg_dropcluster", &[version, name])?;
        }
    }
    run("pg_createcluster", &[&version, "main", "-o", "fsync=off"])?;
    systemctl(&["start", &format!("postgresql@{version}-main")])?;
    Ok(())
}

/// Statements of the server's owner.
fn in_database(database: &str, statements: &str) -> Result<()> {
    let psql =
        ["-u", "postgres", "--", "psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statements];
    run("runuser", &psql).map(drop)
}

/// Accounts for the lean phones of [`crate::load`].
fn make_accounts() -> Result<()> {
    let sha256 = |name: &str| Algorithm::Sha256.ha1(name, DOMAIN, crate::load::switch::PASSWORD);
    // Ids that are always the same, from names.
    let id = |name: &str| format!("'{}'", uuid::Builder::from_sha1_bytes(bytes_of(name)).into_uuid());
    let (organisation, user) = (id("organisation"), id("user"));
    let account = |name: &str, user: &str| {
        format!(
            "insert into telephony.sip_accounts (id, org_id, user_id, username, ha1_md5, ha1_sha256)
             values ({}, {organisation}, {user}, '{name}', '{}', '{}');",
            id(name),
            ha1(name),
            sha256(name)
        )
    };
    let statements = format!(
        "insert into identity.organisations (id, name, status) values ({organisation}, 'Load', 'approved');
         insert into telephony.organisation_settings (org_id, sip_domain, is_default)
             values ({organisation}, '{DOMAIN}', true);
         insert into identity.users (id, name, email) values ({user}, 'Callee', 'callee@{DOMAIN}');
         insert into identity.memberships (id, org_id, user_id, email, role, status)
             values ({}, {organisation}, {user}, 'callee@{DOMAIN}', 'call_agent', 'active');
         insert into telephony.numbers (org_id, number, user_id) values ({organisation}, '{NUMBER}', {user});
         {}
         {}",
        id("membership"),
        account("u0", "null"),
        account("callee", &user),
    );
    in_database("sambung", &statements)
}

fn bytes_of(name: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(name)[..16]);
    bytes
}

impl Installed {
    /// Installs the package beside an empty database server, sets it up as documented, and makes accounts.
    pub fn from_package(package: &Path) -> Result<Self> {
        make_database_server()?;
        let path = package.to_str().context("a path of text")?;
        run("dpkg", &["--force-unsafe-io", "-i", path])?;
        ensure!(!is_active("sambungd"), "it has no database yet, and must wait for one");
        follow(1)?;
        in_database("postgres", "create role looker superuser login password 'looker'")?;
        make_accounts()?;
        let record = Record::open("postgres://looker:looker@127.0.0.1/sambung")?;
        let mut installed = Self { sip: SIP.parse()?, record, package: package.to_owned() };
        installed.wait_for_accounts().with_context(logs)?;
        Ok(installed)
    }

    fn wait_for_accounts(&mut self) -> Result<()> {
        wait_until(PATIENCE, "the switch knows the accounts", || {
            let query = "select (applied >= revision)::text from telephony.revisions";
            Ok(self.record.texts(query, None)? == ["true"])
        })
    }

    /// The switch's process.
    pub fn pid(&self) -> Result<u32> {
        Ok(property("sambungd", "MainPID")?.parse()?)
    }

    /// One of its figures.
    pub fn figure(&self, name: &str) -> Result<u64> {
        door::figure(Path::new(DATA), name)
    }

    /// Waits until another process than `before` takes calls.
    pub fn wait_for_next_life(&self, before: u32) -> Result<u32> {
        wait_until(PATIENCE, "another life of the switch", || {
            let is_new = self.pid().is_ok_and(|pid| pid != before && pid != 0);
            Ok(is_new && is_active("sambungd") && self.figure("sambung_calls_live").is_ok())
        })
        .with_context(logs)?;
        self.pid()
    }

    /// Waits until so many calls have ended by the record, and checks that each has a whole one.
    pub fn check_record(&mut self, calls: u64) -> Result<()> {
        wait_until(PATIENCE, "all records", || {
            let ended = "select count(*)::text from telephony.call_events where event_type = 'ended'";
            Ok(self.record.texts(ended, None)? == [calls.to_string()])
        })
        .with_context(logs)?;
        let odd = "select concat_ws(' ', call_id, string_agg(event_type || seq, ',' order by seq))
                   from telephony.call_events group by call_id
                   having string_agg(event_type, ',' order by seq) not in
                       ('created,ringing,answered,ended', 'created,answered,ended')
                       or max(seq) <> count(*)";
        let odd = self.record.texts(odd, None)?;
        ensure!(odd.is_empty(), "{odd:#?}\n{}", logs());
        Ok(())
    }
}

/// Whether a unit is up.
pub fn is_active(unit: &str) -> bool {
    systemctl(&["is-active", unit]).is_ok()
}

/// What systemd knows of a unit.
pub fn property(unit: &str, name: &str) -> Result<String> {
    Ok(systemctl(&["show", "--value", "-p", name, unit])?.trim().to_owned())
}
