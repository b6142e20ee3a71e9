//! `sambung up` in a folder of its own, as a newcomer runs it, and what it tells about itself in `demo.json`.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{
    phones::{Account, Transport},
    ports::Ports,
    process::{self, Running},
};

/// How long everything may take to start: initdb, migrations, two daemons, on a machine that does other things too.
const START_MAX: Duration = Duration::from_secs(90);
/// RTP and RTCP ports the switch gets: 24 calls.
const RTP_PORTS: u16 = 96;

/// A running demo; stopped when dropped.
#[derive(Debug)]
pub struct Demo {
    running: Running,
    folder: tempfile::TempDir,
    description: Value,
    /// Ports of this test's own: the switch's come from here, phones may take more.
    pub ports: Ports,
}

/// Addresses for the switch and the API, as arguments of `sambung up`.
pub fn arguments(data: &Path, ports: &mut Ports) -> Vec<String> {
    let (sip, http, rtp) = (ports.take(2), ports.take(2), ports.take(RTP_PORTS));
    let data = data.display();
    format!(
        "up --data {data} --sip 127.0.0.1:{sip} --http 127.0.0.1:{http} --rtp {rtp}-{} --staff 8",
        rtp + RTP_PORTS - 1
    )
    .split(' ')
    .map(str::to_owned)
    .collect()
}

impl Demo {
    /// Starts one and waits until it says `ready`.
    pub fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut ports = Ports::claim()?;
        let data = folder.path().join("var");
        let mut command = process::our("sambung", arguments(&data, &mut ports))?;
        let mut running = Running::start(&mut command, &folder.path().join("up.log"))?;
        running.wait_for("\nready\n", START_MAX)?;
        let description = serde_json::from_slice(&std::fs::read(data.join("demo.json"))?)?;
        Ok(Self { running, folder, description, ports })
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
