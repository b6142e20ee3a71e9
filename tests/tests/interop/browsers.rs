//! Browsers at the switch as built: SIP over WebSocket, by a client that keeps to RFC 6455, in clear and under TLS.

use anyhow::{Context, Result, ensure};
use tests::{
    demo::Demo,
    phones::{Transport, browser, browser::Browser},
};

/// RFC 7118, RFC 5626: two browsers talk; one of them loses its connection, comes back, and hears the end.
#[test]
fn browsers_register_call_each_other_and_come_back_on_another_connection() -> Result<()> {
    let mut demo = Demo::start()?;
    let outcome = talk(&mut demo);
    outcome.with_context(|| demo.logs())?;
    demo.stop()
}

fn talk(demo: &mut Demo) -> Result<()> {
    let (ws, wss) = (demo.field("/sip/ws")?.to_owned(), demo.field("/sip/wss")?.to_owned());
    let authority = demo.data().join("tls/ca.pem");
    for url in [&ws, &wss] {
        let refused = browser::refusal(url, "https://evil.example", &authority)?;
        ensure!(refused == Some(403), "{refused:?} at {url}");
        let console = demo.field("/http")?;
        ensure!(browser::refusal(url, console, &authority)?.is_none(), "{console} at {url}");
    }
    let [ani, budi] = [demo.account(0, Transport::Udp)?, demo.account(1, Transport::Udp)?];
    let number = budi.username.clone();
    let mut ani = Browser::connect(&ws, &authority, &ani)?;
    let mut budi = Browser::connect(&wss, &authority, &budi)?;
    ani.registers().context("the caller")?;
    budi.registers().context("the callee")?;
    let call = ani.dials(&number, &browser::silent_sdp("actpass"))?;
    let invite = budi.hears("INVITE")?;
    ensure!(
        invite.view().request_uri().ends_with(".invalid;transport=ws"),
        "{}",
        invite.view().request_uri()
    );
    budi.answers(&invite, Some(&browser::silent_sdp("active")))?;
    budi.hears("ACK")?;
    let bye = ani.is_answered(&call)?.bye;

    budi.reconnect(&wss, &authority)?;
    budi.registers().context("on its second connection")?;
    ani.ends(&bye)?;
    let bye = budi.hears("BYE").context("the end on the second connection")?;
    budi.answers(&bye, None)?;
    let opened = demo.figure("sambung_ws_opened_total")?;
    ensure!(opened == 5, "{opened} WebSockets");
    let refused = demo.figure("sambung_tcp_ended_total{why=\"ws_refused\"}")?;
    ensure!(refused == 2, "{refused} refused");
    Ok(())
}
