//! `sambung up` in a folder of its own, as a newcomer runs it, and what it tells about itself in `demo.json`.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use anyhow::{Context, Result};
use sambung::ports::Ports;
use serde_json::Value;

use crate::{
    door,
    phones::{Account, PCMU, Srtp, Transport},
    process::{self, Running},
};

/// How long everything may take to start: initdb, migrations, two daemons, on a machine that does other things too.
const START_MAX: Duration = Duration::from_secs(90);
/// RTP and RTCP ports the switch gets: 24 calls.
const RTP_PORTS: u16 = 96;

/// The port above them, for browsers, and another one to keep the rest even.
const BROWSER_PORTS: u16 = 2;

/// What is left of a block of ports for media.
const RTP_PORTS_IN_BLOCK: u16 = 360;
/// Above every block; whoever asks the kernel for any port is given another one.
const RTP_FIRST: u16 = 34_000;

/// Phones and SIPp are to meet each other, and see every status as it comes.
const SILENT: [&str; 4] = ["--set", "calls.hold_music=false", "--set", "calls.announcements=false"];

/// A running demo; stopped when dropped.
#[derive(Debug)]
pub struct Demo {
    running: Running,
    folder: tempfile::TempDir,
    arguments: Vec<String>,
    description: Value,
    /// Ports of this test's own: the switch's come from here, phones may take more.
    pub ports: Ports,
}

/// Addresses for the switch and the API, as arguments of `sambung up`.
pub fn arguments(data: &Path, ports: &mut Ports) -> Vec<String> {
    let rtp = ports.take(RTP_PORTS + BROWSER_PORTS);
    arguments_with(data, ports, (rtp, RTP_PORTS))
}

fn arguments_with(data: &Path, ports: &mut Ports, (rtp, rtp_ports): (u16, u16)) -> Vec<String> {
    let (sip, ws, http) = (ports.take(2), ports.take(2), ports.take(2));
    let data = data.display();
    format!(
        "up --data {data} --sip 127.0.0.1:{sip} --sips 127.0.0.1:{} --ws 127.0.0.1:{ws} --wss 127.0.0.1:{} \
         --http 127.0.0.1:{http} --rtp {rtp}-{} --staff 8",
        sip + 1,
        ws + 1,
        rtp + (rtp_ports - 1)
    )
    .split(' ')
    .chain(SILENT)
    .map(str::to_owned)
    .collect()
}

fn launch(arguments: &[String], folder: &Path, url: Option<&str>) -> Result<Running> {
    let mut command = process::our("sambung", arguments)?;
    if let Some(url) = url {
        command.env("DATABASE_URL", url);
    }
    Running::start(&mut command, &folder.join("up.log"))
}

impl Demo {
    /// Starts one with a private Postgres and waits until it says `ready`.
    pub fn start() -> Result<Self> {
        Self::start_on(None)
    }

    /// Starts one on the database of `url` instead.
    pub fn start_on(url: Option<&str>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut ports = Ports::claim()?;
        let arguments = arguments(&folder.path().join("var"), &mut ports);
        let running = launch(&arguments, folder.path(), url)?;
        let mut demo = Self { running, folder, arguments, description: Value::Null, ports };
        demo.wait_until_ready()?;
        Ok(demo)
    }

    /// Starts one that answers holds with music and tells callers why they cannot be connected.
    pub fn start_speaking() -> Result<Self> {
        let speaking = ["--set", "calls.hold_music=true", "--set", "calls.announcements=true"];
        Self::start_with(&speaking, RTP_PORTS)
    }

    /// Starts one with further arguments and another number of media ports: from the block when they fit in it,
    /// otherwise from [`RTP_FIRST`], for one at a time on a machine.
    pub fn start_with(further: &[&str], rtp_ports: u16) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut ports = Ports::claim()?;
        let rtp =
            if rtp_ports <= RTP_PORTS_IN_BLOCK { ports.take(rtp_ports + BROWSER_PORTS) } else { RTP_FIRST };
        let mut arguments = arguments_with(&folder.path().join("var"), &mut ports, (rtp, rtp_ports));
        arguments.extend(further.iter().map(|word| (*word).to_owned()));
        let running = launch(&arguments, folder.path(), None)?;
        let mut demo = Self { running, folder, arguments, description: Value::Null, ports };
        demo.wait_until_ready()?;
        Ok(demo)
    }

    /// Stops it as Ctrl-C does and starts it again; says how it ended.
    pub fn restart(&mut self) -> Result<ExitStatus> {
        let status = self.running.interrupt()?;
        self.start_again()?;
        Ok(status)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Starts it again in the same folder, after its end.
    pub fn start_again(&mut self) -> Result<()> {
        self.running = launch(&self.arguments, self.folder.path(), None)?;
        self.wait_until_ready()
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        self.running.wait_for("\nready\n", START_MAX)?;
        self.description = serde_json::from_slice(&std::fs::read(self.data().join("demo.json"))?)?;
        Ok(())
    }

    /// Waits until it ends by itself.
    pub fn wait_for_end(&mut self) -> Result<ExitStatus> {
        self.running.wait(START_MAX)
    }

    /// As [`Demo::wait_for_end`], but not for so long.
    pub fn wait_for_end_within(&mut self, within: Duration) -> Result<ExitStatus> {
        self.running.wait(within)
    }

    /// The switch's figures, as Prometheus reads them.
    pub fn metrics(&self) -> Result<String> {
        self.ask_switch("GET", "/metrics", "")
    }

    /// Ids of the calls that are up.
    pub fn live_calls(&self) -> Result<Vec<String>> {
        let answer = self.ask_switch("GET", "/v1/calls", "")?;
        let (_, body) = answer.split_once("\r\n\r\n").context("an answer has a body")?;
        let calls: Value = serde_json::from_str(body).with_context(|| answer.clone())?;
        let ids = calls.as_array().into_iter().flatten().filter_map(|call| call.get("call")?.as_str());
        Ok(ids.map(str::to_owned).collect())
    }

    /// The operator ends a call; one that is over already is no mistake.
    pub fn hang_up(&self, call: &str) -> Result<()> {
        let command = contract::command::Command::HangUp { call: contract::id::CallId(call.parse()?) };
        self.ask_switch("POST", "/v1/commands", &serde_json::to_string(&command)?).map(drop)
    }

    fn ask_switch(&self, method: &str, path: &str, body: &str) -> Result<String> {
        door::ask(&self.data().join("switch"), method, path, body)
    }

    /// One of the switch's figures.
    pub fn figure(&self, name: &str) -> Result<u64> {
        door::figure(&self.data().join("switch"), name)
    }

    /// A folder for whatever the test needs, gone with the demo.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder given to `sambung up`.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("var")
    }

    /// A field of `demo.json`, such as `/sip/udp`.
    pub fn field(&self, pointer: &str) -> Result<&str> {
        self.description
            .pointer(pointer)
            .and_then(Value::as_str)
            .with_context(|| format!("demo.json has {pointer}"))
    }

    /// Where the switch listens.
    pub fn sip(&self, transport: Transport) -> Result<SocketAddr> {
        Ok(self.field(&format!("/sip/{}", transport.as_str()))?.parse()?)
    }

    /// The account of the staff member with this place in `demo.json`, from 0.
    pub fn account(&self, staff: usize, transport: Transport) -> Result<Account> {
        Ok(Account {
            username: self.field(&format!("/staff/{staff}/sip_username"))?.to_owned(),
            password: self.field(&format!("/staff/{staff}/sip_password"))?.to_owned(),
            domain: self.field("/sip/domain")?.to_owned(),
            switch: Some(self.sip(transport)?),
            transport,
            authority: (transport == Transport::Tls).then(|| self.data().join("tls/ca.pem")),
            srtp: Srtp::Off,
            codec: PCMU,
        })
    }

    /// The process ids of one of its daemons: `sambungd`, `sambung-api`, `postgres`.
    pub fn daemons(&self, name: &str) -> Vec<u32> {
        process::children(self.running.pid(), name)
    }

    /// What its programs have logged, for people who look at a failure.
    pub fn logs(&self) -> String {
        let mut text = self.running.printed();
        for name in ["sambungd", "sambung-api", "postgres"] {
            let log =
                std::fs::read_to_string(self.data().join(format!("log/{name}.log"))).unwrap_or_default();
            let from = log.lines().count().saturating_sub(60);
            let end: Vec<&str> = log.lines().skip(from).collect();
            text += &format!("\n--- {name}, last lines\n{}\n", end.join("\n"));
        }
        text
    }

    /// Stops it as Ctrl-C does; it must end by itself and well.
    pub fn stop(mut self) -> Result<()> {
        let status = self.running.interrupt()?;
        anyhow::ensure!(status.success(), "{status}\n{}", self.logs());
        Ok(())
    }
}
