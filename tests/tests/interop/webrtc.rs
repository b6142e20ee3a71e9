//! A real browser against the real switch: ICE, DTLS-SRTP and Opus on the port that browsers share.

use std::net::UdpSocket;

use anyhow::{Context, Result};
use tests::{
    demo::Demo,
    phones::{Chromium, PCMU, Phone as _, Transport},
};

use crate::voices::{LEAST_MS, TONES_HZ, phone};

const RTP_PORTS: u16 = 40;
/// Words of the page, five a second, in a row.
const TIMES: usize = 5;

/// Issue 7: a browser hears itself, then a phone with G.711 alone hears it and is heard, before and after a restart of ICE, while
/// somebody sends nonsense to its port.
#[test]
fn a_browser_calls_an_echo_and_a_phone() -> Result<()> {
    let mut demo = Demo::start_with(&[], RTP_PORTS)?;
    let (_, port) = demo.field("/sip/ws")?.trim_end_matches("/sip").rsplit_once(':').context("a port")?;
    let port: u16 = port.parse()?;
    let account = demo.account(0, Transport::Udp)?;
    let outcome = (|| {
        let mut chromium = Chromium::start(TONES_HZ[1])?;
        let told = chromium
            .dial("*43", &account)
            .and_then(|()| chromium.hears(TONES_HZ[1], TIMES))
            .and_then(|()| chromium.hang_up());
        told.with_context(|| chromium.printed())
    })();
    outcome.with_context(|| demo.logs())?;

    let (mut callee, called) = phone(&mut demo, 1, PCMU, TONES_HZ[0])?;
    let mut chromium = Chromium::start(TONES_HZ[1])?;
    let outcome = (|| {
        chromium.dial(&called.username, &account)?;
        callee.talking()?;
        chromium.hears(TONES_HZ[0], TIMES)?;
        callee.hears(TONES_HZ[1], TONES_HZ[0], LEAST_MS)?;
        let stranger = UdpSocket::bind("127.0.0.1:0")?;
        for _ in 0..1_000 {
            stranger.send_to(b"\x16\xfe\xff nobody asked for this", ("127.0.0.1", port))?;
        }
        chromium.restart()?;
        chromium.hears(TONES_HZ[0], TIMES)?;
        chromium.hang_up()?;
        callee.over()
    })();
    outcome.with_context(|| format!("{}\n{}\n{}", chromium.printed(), callee.printed(), demo.logs()))?;
    demo.stop()
}
