//! What the platform's staff say of an organisation reaches its phones and whoever has signed in.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{
    demo::Demo,
    phones::{Baresip, Desk, PORTS, Phone, Transport},
    process::wait_until,
};

use crate::{
    operator::{Reply, rest, rest_as},
    voices::uri,
};

/// How long the switch takes to let go of what a plan does not have any more, once that is in use.
const GONE_MAX: Duration = Duration::from_secs(1);

/// The access token of somebody of the demo.
pub(crate) fn sign_in(demo: &Demo, who: &str) -> Result<String> {
    let said = json!({ "email": demo.field(&format!("/{who}/email"))?, "password": demo.field(&format!("/{who}/password"))? });
    let tokens = rest(demo, ("POST", "/api/identity/sign-ins"), "", &said.to_string())?;
    Ok(tokens.json()?["access_token"].as_str().context("a token")?.to_owned())
}

#[test]
fn phones_and_sign_ins_of_an_organisation_end_when_it_is_suspended_and_phones_register_when_it_goes_on()
-> Result<()> {
    let mut demo = Demo::start()?;
    let (staff, owner) = (sign_in(&demo, "super_admin")?, sign_in(&demo, "owner")?);
    let all = rest_as(&demo, &staff, ("GET", "/api/platform/organisations"), "", "")?.json()?;
    let organisation = all["items"][0]["id"].as_str().context("the demo's organisation")?.to_owned();
    let order = |demo: &Demo, order: &str| -> Result<Reply> {
        let path = format!("/api/platform/organisations/{organisation}/{order}");
        rest_as(demo, &staff, ("POST", &path), "", "{}")
    };
    let (account, folder) = (demo.account(0, Transport::Udp)?, demo.folder().join("phone"));
    fs::create_dir_all(&folder)?;
    let desk = Desk { folder, ports: demo.ports.take(PORTS), tone_hz: 600, friend: None };
    let registrations = |demo: &Demo| demo.figure("sambung_registrations");
    let mut phone = Baresip::start(&account, &desk)?;
    phone.registered()?;
    ensure!(registrations(&demo)? == 1);
    let me = |demo: &Demo| rest_as(demo, &owner, ("GET", "/api/telephony/settings"), "", "");
    me(&demo)?;

    let suspended = order(&demo, "suspend")?;
    let ended = me(&demo).err().context("the owner is still signed in")?.to_string();
    ensure!(ended.contains(" 401 "), "{ended}");
    let revision: u64 = suspended.header("sambung-revision")?.parse()?;
    wait_until(Duration::from_secs(30), "the plan without it", || {
        Ok(demo.figure("sambung_plan_revision")? >= revision)
    })?;
    wait_until(GONE_MAX, "no registration", || Ok(registrations(&demo)? == 0))?;
    drop(phone);
    let mut phone = Baresip::start(&account, &desk)?;
    phone.refused("404 Not Found").with_context(|| demo.logs())?;
    drop(phone);

    let back: Value = order(&demo, "reactivate")?.json()?;
    ensure!(back["status"] == "approved", "{back}");
    let mut phone = Baresip::start(&account, &desk)?;
    phone.registered().with_context(|| format!("{}\n{}", phone.printed(), demo.logs()))?;
    drop(phone);
    demo.stop()
}

/// H-015: what is the owner's falls with them. That nothing lies between the verdict and the phones but the way of the plan is seen by the
/// figure that this prints; what is asserted is what comes after what, and that a call that goes on is nobody's to cut.
#[test]
fn sign_ins_and_registrations_of_an_organisation_end_with_its_owner_and_its_calls_go_on() -> Result<()> {
    let mut demo = Demo::start()?;
    let (staff, owner) = (sign_in(&demo, "super_admin")?, sign_in(&demo, "owner")?);
    let me = |demo: &Demo| rest_as(demo, &owner, ("GET", "/api/identity/me"), "", "");
    let person = me(&demo)?.json()?["person"]["id"].as_str().context("the owner's id")?.to_owned();
    let order = |demo: &Demo, order: &str| {
        let path = format!("/api/platform/people/{person}/{order}");
        rest_as(demo, &staff, ("POST", &path), "", "{}")
    };
    let (account, folder) = (demo.account(0, Transport::Udp)?, demo.folder().join("phone"));
    fs::create_dir_all(&folder)?;
    let desk = Desk { folder, ports: demo.ports.take(PORTS), tone_hz: 600, friend: None };
    let mut phone = Baresip::start(&account, &desk)?;
    phone.registered()?;
    phone.dial(&uri(demo.field("/numbers/echo")?, &account))?;
    phone.talking()?;

    let asked = Instant::now();
    order(&demo, "suspend")?;
    let answered = asked.elapsed();
    let ended = me(&demo).err().context("the owner is still signed in")?.to_string();
    ensure!(ended.contains(" 401 "), "{ended}");
    wait_until(
        Duration::from_secs(30),
        "no registration",
        || Ok(demo.figure("sambung_registrations")? == 0),
    )?;
    #[expect(clippy::print_stdout, reason = "a figure that the clock says, which judges nothing")]
    {
        println!("suspended: answered after {answered:?}, no registration after {:?}", asked.elapsed());
    }
    ensure!(demo.live_calls()?.len() == 1, "the call goes on");
    phone.hang_up()?;
    phone.over()?;
    drop(phone);
    let mut phone = Baresip::start(&account, &desk)?;
    phone.refused("404 Not Found").with_context(|| demo.logs())?;
    drop(phone);

    order(&demo, "reactivate")?;
    let mut phone = Baresip::start(&account, &desk)?;
    phone.registered().with_context(|| format!("{}\n{}", phone.printed(), demo.logs()))?;
    drop(phone);
    demo.stop()
}
