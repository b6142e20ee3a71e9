//! A relay by itself, for load generators: opens and joins N calls and prints where each phone has to send.
//!
//! `relay_bench CALLS A_BASE B_BASE FIRST_PORT LAST_PORT SECONDS FLOW_FILE [GATHER_MICROS [CORE]]`
//!
//! Phones of call i are expected at 127.0.0.1, ports A_BASE + 2i and B_BASE + 2i. FLOW_FILE gets one line for each
//! phone, `local_ip local_port remote_ip remote_port`. Prints `READY`, and the counters after SECONDS.

#![allow(clippy::print_stdout)]

use std::{
    error::Error,
    fmt::Write,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::mpsc,
    time::Duration,
};

use relay::{MediaAddress, PortRange, Relay, RelayConfig};
use streams::media::{LegMedia, MediaCommand, MediaEvent, PortLease};

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| arguments.next().ok_or(format!("missing {what}: see the head of this file"));
    let calls: u16 = next("CALLS")?.parse()?;
    let (a_base, b_base): (u16, u16) = (next("A_BASE")?.parse()?, next("B_BASE")?.parse()?);
    let ports = PortRange { first: next("FIRST_PORT")?.parse()?, last: next("LAST_PORT")?.parse()? };
    let seconds: u64 = next("SECONDS")?.parse()?;
    let file = next("FLOW_FILE")?;
    let gather = next("GATHER_MICROS").ok().map(|gather| gather.parse()).transpose()?;
    let gather = gather.filter(|gather| *gather > 0).map(Duration::from_micros);
    let core = next("CORE").ok().map(|core| core.parse()).transpose()?;

    let (wake, woken) = mpsc::channel();
    let addresses = vec![MediaAddress::direct(HOST)];
    let config = RelayConfig { addresses, ports, core, gather, ..RelayConfig::default() };
    let mut relay = Relay::start(config, move || {
        let _ = wake.send(());
    })?;
    let mut stock = Vec::new();
    let mut flows = String::new();
    for call in 0..calls {
        let mut legs = [None; 2];
        for (leg, base) in legs.iter_mut().zip([a_base, b_base]) {
            let lease = draw(&mut relay, &mut stock, &woken)?;
            let phone = SocketAddr::new(HOST, base + 2 * call);
            let media = LegMedia { remote: Some(phone), ..LegMedia::unknown(HOST) };
            relay.send(MediaCommand::Open { lease: lease.id, media })?;
            writeln!(flows, "{HOST} {} {HOST} {}", phone.port(), lease.address.port())?;
            *leg = Some(lease.id);
        }
        if let [Some(a), Some(b)] = legs {
            relay.send(MediaCommand::Join { a, b })?;
        }
    }
    std::fs::write(file, flows)?;
    println!("READY {}", std::process::id());
    std::thread::sleep(Duration::from_secs(seconds));
    for (name, value) in relay.counters().all() {
        println!("{name} {value}");
    }
    Ok(())
}

fn draw(
    relay: &mut Relay,
    stock: &mut Vec<PortLease>,
    woken: &mpsc::Receiver<()>,
) -> Result<PortLease, Box<dyn Error>> {
    loop {
        while let Some(event) = relay.receive() {
            if let MediaEvent::Stock(leases) = event {
                stock.extend(leases);
            }
        }
        if let Some(lease) = stock.pop() {
            return Ok(lease);
        }
        woken.recv_timeout(Duration::from_secs(10))?;
    }
}
