//! What happens to an installed switch: its package comes, is renewed and goes; it is restarted, killed, and hangs
//! (issue 3 §6 and §8).

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;

use super::{
    hang::hang,
    installed::{DATA, Installed, follow, is_active, logs, property, run, systemctl},
};
use crate::{
    load::{
        callee::Callee,
        callers::{Callers, Offer, Outcome},
        media::{Heard, Streams},
        stories::running_calls,
    },
    process::{self, wait_until},
};

/// How long a service that was told to stop may take.
const STOP_MAX: Duration = Duration::from_secs(30);
/// Where the package puts the switch.
const PROGRAM: &str = "/usr/bin/sambungd";
const CONFIG: &str = "/etc/sambung/sambung.toml";
/// Between two blows: new calls come, media flows.
const REST: Duration = Duration::from_secs(2);
/// How long it may take until everybody is heard again. How long it takes is printed; what is promised is measured by
/// `bin/bench survival`, because a machine that does other things too says nothing about it.
const HEARD_MAX: Duration = Duration::from_secs(30);

/// Calls that are up, with media both ways, on an installed switch.
struct Talk {
    callers: Callers,
    streams: Streams,
    calls: u16,
    callee: Callee,
}

impl Talk {
    fn begin(installed: &Installed, calls: u16) -> Result<Self> {
        let callee = Callee::start(installed.sip).with_context(logs)?;
        let (callers, streams) = running_calls(installed.sip, &callee, calls);
        thread::sleep(REST);
        let live = installed.figure("sambung_calls_live")?;
        ensure!(live == u64::from(calls), "{live} calls are up instead of {calls}");
        streams.silences();
        Ok(Self { callers, streams, calls, callee })
    }

    /// Waits until everybody is heard again, and gives the longest silence.
    fn silence(&self) -> Result<Duration> {
        let now = Instant::now();
        wait_until(HEARD_MAX, "media of all calls", || Ok(self.streams.are_heard_since(now)))
            .with_context(logs)?;
        thread::sleep(REST);
        Ok(self.streams.silences().into_iter().max().unwrap_or_default())
    }

    /// Everybody hangs up, and everybody is told that it is so.
    fn end(mut self) -> Result<Heard> {
        let heard = self.streams.end();
        let ended = self.callers.end_all();
        ensure!(ended.completed == u64::from(self.calls), "{}\n{}", described(&ended), logs());
        Ok(heard)
    }
}

fn described(outcome: &Outcome) -> String {
    format!(
        "offered {} completed {} refused {} failed {} {:?} unanswered BYEs {}",
        outcome.offered,
        outcome.completed,
        outcome.refused,
        outcome.failed,
        outcome.statuses,
        outcome.byes_unanswered
    )
}

/// Installs the package, sets it up as documented and proves it; renews it while people talk; removes it and brings it
/// back with its data; purges it.
pub fn package(package: &Path) -> Result<String> {
    let mut report = String::new();
    let mut installed = Installed::from_package(package)?;
    report += &follow(2)?;
    let before = installed.record.calls()?.len() as u64;
    run("dpkg", &["--verify", "sambung"])?;
    run("systemd-analyze", &["verify", "sambung.target"])?;
    for unit in ["sambung.target", "sambungd", "sambung-api"] {
        ensure!(systemctl(&["is-enabled", unit]).is_ok(), "{unit} comes with the machine");
        ensure!(is_active(unit), "{unit}\n{}", logs());
    }
    let api = std::net::TcpStream::connect("127.0.0.1:8080");
    ensure!(api.is_ok(), "the API listens\n{}", logs());

    let talk = Talk::begin(&installed, 5)?;
    let life = installed.pid()?;
    reinstall(&installed)?;
    ensure!(installed.wait_for_next_life(life)? != life, "the new program runs");
    let silence = talk.silence()?;
    let heard = talk.end()?;
    let _ = writeln!(report, "an upgrade under 5 calls: {silence:?} of silence, {heard:?}");
    ensure!(heard.arrived == heard.sent, "an upgrade loses no packet: {heard:?}");
    installed.check_record(before + 5)?;

    run("dpkg", &["-r", "sambung"])?;
    ensure!(!is_active("sambungd") && !is_active("sambung-api"), "what is removed does not run");
    ensure!(Path::new(DATA).join("journal").exists(), "its data stays");
    reinstall(&installed)?;
    wait_until(STOP_MAX, "it starts by itself", || Ok(installed.figure("sambung_calls_live").is_ok()))
        .with_context(logs)?;
    follow(2)?;

    run("dpkg", &["-P", "sambung"])?;
    for gone in [DATA, "/etc/sambung", PROGRAM] {
        ensure!(!Path::new(gone).exists(), "{gone} is still there");
    }
    ensure!(!installed.record.calls()?.is_empty(), "the database is not the package's");
    Ok(report)
}

fn reinstall(installed: &Installed) -> Result<()> {
    let path = installed.package.to_str().context("a path of text")?;
    run("dpkg", &["--force-unsafe-io", "-i", path]).map(drop)
}

/// `systemctl restart` three times while fifty calls a second are begun: each of them is made, held and ended as if
/// nothing had happened.
pub fn restart(package: &Path) -> Result<String> {
    let mut installed = Installed::from_package(package)?;
    // How fast a busy machine is, is not the question: nobody is to be turned away for that.
    let config = fs::read_to_string(CONFIG)?;
    let patient = config.replace("queue_delay_target_millis = 2\n", "queue_delay_target_millis = 1000\n");
    ensure!(patient != config, "{CONFIG} has another target");
    fs::write(CONFIG, patient)?;
    let life = installed.pid()?;
    systemctl(&["restart", "sambungd"])?;
    installed.wait_for_next_life(life)?;
    let _callee = Callee::start(installed.sip)?;
    let mut callers = Callers::new(installed.sip, "load")?;
    let hold = Some(Duration::from_millis(700));
    let offer = Offer { per_second: 50, span: Duration::from_secs(12), hold, first_media_port: 0 };
    let calling = thread::spawn(move || callers.run(offer));
    let mut report = String::new();
    for _ in 0..3 {
        thread::sleep(REST);
        let (life, asked) = (installed.pid()?, Instant::now());
        systemctl(&["restart", "sambungd"])?;
        let took = asked.elapsed();
        installed.wait_for_next_life(life)?;
        let _ = writeln!(report, "systemctl restart took {} ms", took.as_millis());
    }
    let outcome = calling.join().map_err(|_| anyhow::anyhow!("the callers"))?;
    let _ = writeln!(report, "50 calls a second: {}", described(&outcome));
    ensure!(outcome.offered == 600 && outcome.completed == outcome.offered, "{report}\n{}", logs());
    installed.check_record(outcome.offered)?;
    Ok(report)
}

/// `kill -9` under calls: systemd starts the switch again, media flows on, and all calls end with an answered BYE and a
/// whole record.
pub fn crash(package: &Path) -> Result<String> {
    let mut installed = Installed::from_package(package)?;
    let mut report = String::new();
    let talk = Talk::begin(&installed, 20)?;
    for kill in 1..=3 {
        let life = installed.pid()?;
        process::signal(life, Signal::KILL)?;
        installed.wait_for_next_life(life)?;
        let silence = talk.silence()?;
        let _ = writeln!(report, "kill {kill}: at most {silence:?} of silence");
        let restarts = property("sambungd", "NRestarts")?;
        ensure!(restarts == kill.to_string(), "systemd has started it again {restarts} times");
    }
    let _ = writeln!(report, "media of 20 calls: {:?}", talk.end()?);
    installed.check_record(20)?;
    Ok(report)
}

/// One thread of the switch hangs while all others go on: the watchdog notices, and the next life has the calls.
pub fn hanging(package: &Path) -> Result<String> {
    let mut installed = Installed::from_package(package)?;
    let mut report = String::new();
    let talk = Talk::begin(&installed, 5)?;
    for thread in ["engine", "media-0"] {
        let life = installed.pid()?;
        hang(life, thread)?;
        installed.wait_for_next_life(life)?;
        let silence = talk.silence()?;
        let _ = writeln!(report, "{thread} hung: at most {silence:?} of silence");
    }
    let noticed = logs().matches("Watchdog timeout").count();
    ensure!(noticed == 2, "the watchdog noticed {noticed} times\n{}", logs());
    talk.end()?;
    installed.check_record(5)?;
    Ok(report)
}

/// A release that cannot read this one's calls stands in the place of the program when it is restarted: the calls are
/// ended with a BYE by the one that can, and what comes then works.
pub fn heirless(package: &Path) -> Result<String> {
    let mut installed = Installed::from_package(package)?;
    let Talk { mut callers, streams, calls, callee } = Talk::begin(&installed, 5)?;
    fs::rename(PROGRAM, format!("{PROGRAM}.this"))?;
    let next =
        format!("#!/bin/sh\ncase \"$*\" in *--reads-images*) exit 1 ;; esac\nexec {PROGRAM}.this \"$@\"\n");
    fs::write(PROGRAM, next)?;
    fs::set_permissions(PROGRAM, fs::Permissions::from_mode(0o755))?;
    let life = installed.pid()?;
    let none = Offer { per_second: 0, span: Duration::from_secs(5), hold: None, first_media_port: 0 };
    let answering = thread::spawn(move || callers.run(none));
    systemctl(&["restart", "sambungd"])?;
    installed.wait_for_next_life(life)?;
    let byes = callee.seen.byes.load(Ordering::Relaxed);
    ensure!(byes >= u64::from(calls), "{byes} BYEs for {calls} calls\n{}", logs());
    ensure!(installed.figure("sambung_calls_live")? == 0, "{}", logs());
    ensure!(logs().contains("cannot go on with the calls"), "{}", logs());
    installed.check_record(u64::from(calls))?;
    answering.join().map_err(|_| anyhow::anyhow!("the callers"))?;
    streams.end();
    follow(2)
}

/// The figure that is promised: how long nobody hears anything when the switch is killed under so many calls.
pub fn survival(package: &Path, calls: u16, kills: usize) -> Result<String> {
    let mut installed = Installed::from_package(package)?;
    let talk = Talk::begin(&installed, calls)?;
    let mut silences = Vec::new();
    let mut report = String::from("| kill | silence p50 ms | max ms |\n|---|---|---|\n");
    for kill in 1..=kills {
        let life = installed.pid()?;
        process::signal(life, Signal::KILL)?;
        installed.wait_for_next_life(life)?;
        thread::sleep(REST);
        let mut of_streams: Vec<u128> = talk.streams.silences().iter().map(Duration::as_millis).collect();
        of_streams.sort_unstable();
        let (p50, max) = (of_streams[of_streams.len() / 2], *of_streams.last().context("a stream")?);
        let _ = writeln!(report, "| {kill} | {p50} | {max} |");
        silences.extend(of_streams);
    }
    silences.sort_unstable();
    let at = |part: usize| silences[(silences.len() * part / 100).min(silences.len() - 1)];
    let heard = talk.end()?;
    let _ = writeln!(
        report,
        "{calls} calls, {kills} kills, each of {} streams: silence p50 {} p99 {} max {} ms; {} of {} packets arrived",
        2 * calls,
        at(50),
        at(99),
        at(100),
        heard.arrived,
        heard.sent
    );
    installed.check_record(u64::from(calls))?;
    Ok(report)
}
