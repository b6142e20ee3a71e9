//! A call that rings at a colleague's and is answered from elsewhere, by a code or by order, with real phones.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tests::{
    phones::{Account, Baresip, PCMU, Phone, Transport},
    process::wait_until,
};

use crate::{
    operator::{rest, sambung},
    stage::{PLAIN, Stage},
    voices::{LEAST_MS, TONES_HZ, phone, uri},
};

const RINGING: &str = "select event_type from telephony.call_events where event_type = 'ringing'";

/// Budi's phone rings, his colleague dials the code, and it is she who talks.
#[test]
fn a_colleague_picks_up_what_rings_and_is_heard() -> Result<()> {
    picked_up_by(|relief, stage, account| {
        let code = stage.demo.field("/numbers/pickup")?.to_owned();
        relief.0.dial(&uri(&code, account))
    })
}

/// The same by order: her phone rings too, and she is the first to answer.
#[test]
fn somebody_whose_phone_rings_by_order_has_the_call_and_is_heard() -> Result<()> {
    picked_up_by(|relief, stage, _| {
        let call = stage.demo.live_calls()?.pop().context("a call")?;
        let refused = sambung(&stage.demo, &["pickup", &call, "--by", "1002"]).err();
        ensure!(refused.is_some_and(|error| error.to_string().contains("is in that call")));
        sambung(&stage.demo, &["pickup", &call, "--by", &relief.1.username, "--auto-answer"])?;
        Ok(())
    })
}

/// The same by order over HTTP.
#[test]
fn somebody_whose_phone_rings_by_order_over_http_has_the_call_and_is_heard() -> Result<()> {
    picked_up_by(|relief, stage, _| {
        let call = stage.demo.live_calls()?.pop().context("a call")?;
        let path = format!("/api/telephony/live-calls/{call}/pick-up");
        let refused = rest(&stage.demo, ("POST", &path), "", r#"{"by":"1002"}"#);
        ensure!(refused.is_err_and(|error| error.to_string().contains("409")), "they are in it");
        let body = format!(r#"{{"by":"{}","auto_answer":true}}"#, relief.1.username);
        rest(&stage.demo, ("POST", &path), "", &body).map(drop)
    })
}

/// The first of staff calls Budi, whose phone rings; the fourth comes into the call like this, and talks.
fn picked_up_by(how: impl Fn(&mut (Baresip, Account), &mut Stage, &Account) -> Result<()>) -> Result<()> {
    let mut stage = Stage::set(Transport::Udp)?;
    let before = stage.record.calls()?;
    let budi = stage.actor(1, "budi")?;
    budi.register()?;
    let ringing = budi.play("callee_rings", "1002", PLAIN)?;
    let (mut caller, account) = phone(&mut stage.demo, 0, PCMU, TONES_HZ[0])?;
    let mut relief = phone(&mut stage.demo, 3, PCMU, TONES_HZ[1])?;
    let outcome = (|| {
        caller.dial(&uri("1002", &account))?;
        wait_until(Duration::from_secs(20), "a phone that rings", || {
            Ok(!stage.record.texts(RINGING, None)?.is_empty())
        })?;
        how(&mut relief, &mut stage, &account)?;
        let relief = &mut relief.0;
        relief.talking().context("who picks up")?;
        caller.talking().context("the caller")?;
        ringing.finish().context("the phone that rang")?;
        caller.hears(TONES_HZ[1], TONES_HZ[0], LEAST_MS)?;
        relief.hears(TONES_HZ[0], TONES_HZ[1], LEAST_MS)?;
        relief.hang_up()?;
        relief.over()?;
        caller.over()
    })();
    outcome
        .with_context(|| format!("{}\n{}\n{}", caller.printed(), relief.0.printed(), stage.demo.logs()))?;
    let story = stage.record.next_story(&before)?;
    ensure!(story.participants == ["host user", "caller user", "recipient user"], "{story:#?}");
    ensure!(story.events == ["created 1 0", "ringing 1 0", "answered 1 0 3", "ended 1 0"], "{story:#?}");
    ensure!(story.reasons == ["picked_up", "callee_hung_up"], "{story:#?}");
    drop((caller, relief));
    stage.strike()
}
