//! Browsers against the real switch, a real one and many without a window: ICE, DTLS-SRTP and codecs on the port that they share.

use std::{
    io::Write as _,
    net::{TcpStream, UdpSocket},
};

use anyhow::{Context, Result, ensure};
use tests::{
    demo::Demo,
    load::browsers::{Kind, held},
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
    let port = browser_port(&demo)?;
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
        ensure!(
            chromium.transport() == "udp",
            "what is better where it is to be had: {}",
            chromium.transport()
        );
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

/// Issue 7: where no UDP gets through, the same over TCP (RFC 6544), while others connect and say nothing that helps them.
#[test]
fn a_browser_without_udp_calls_an_echo_and_a_phone() -> Result<()> {
    let mut demo = Demo::start_with(&[], RTP_PORTS)?;
    let port = browser_port(&demo)?;
    let account = demo.account(0, Transport::Udp)?;
    let mut chromium = Chromium::start_without_udp(TONES_HZ[1])?;
    let outcome = (|| {
        chromium.dial("*43", &account)?;
        chromium.hears(TONES_HZ[1], TIMES)?;
        ensure!(chromium.transport() == "tcp", "by {}", chromium.transport());
        chromium.hang_up()
    })();
    outcome.with_context(|| format!("{}\n{}", chromium.printed(), demo.logs()))?;

    let (mut callee, called) = phone(&mut demo, 1, PCMU, TONES_HZ[0])?;
    let mut chromium = Chromium::start_without_udp(TONES_HZ[1])?;
    let outcome = (|| {
        chromium.dial(&called.username, &account)?;
        callee.talking()?;
        chromium.hears(TONES_HZ[0], TIMES)?;
        callee.hears(TONES_HZ[1], TONES_HZ[0], LEAST_MS)?;
        let strangers = (0..100).map(|_| TcpStream::connect(("127.0.0.1", port)));
        let mut strangers = strangers.collect::<std::io::Result<Vec<_>>>()?;
        for stranger in &mut strangers {
            // Whoever has been turned away already cannot say any more.
            let _ = stranger.write_all(b"\x00\x1a\x16\xfe\xff nobody asked for this");
        }
        chromium.restart()?;
        chromium.hears(TONES_HZ[0], TIMES)?;
        ensure!(chromium.transport() == "tcp", "by {}", chromium.transport());
        chromium.hang_up()?;
        callee.over()
    })();
    outcome.with_context(|| format!("{}\n{}\n{}", chromium.printed(), callee.printed(), demo.logs()))?;
    demo.stop()
}

/// Packets that everybody hears before all hang up: five seconds of speech.
const HEARD: u64 = 250;

/// Issue 7: with checks, handshakes and packets that the switch has no hand in.
#[test]
fn fifty_browsers_talk_in_pairs_at_the_same_time_and_leave_nothing_behind() -> Result<()> {
    held(Kind::Browsers, 25, HEARD)
}

#[test]
fn fifty_browsers_talk_with_fifty_phones_at_the_same_time_and_leave_nothing_behind() -> Result<()> {
    held(Kind::BrowserAndPhone, 50, HEARD)
}

/// Where browsers' media comes to: above the ports for audio, of which calls have the first ones.
fn browser_port(demo: &Demo) -> Result<u16> {
    let text = std::fs::read_to_string(demo.data().join("conf/sambung.toml"))?;
    let config: toml::Table = text.parse()?;
    let port =
        config.get("media").and_then(|media| media.get("browser_port")).and_then(toml::Value::as_integer);
    Ok(u16::try_from(port.context("media.browser_port")?)?)
}
