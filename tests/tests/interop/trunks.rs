//! Calls from the telephone network, with real phones on both sides of the trunk.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context, Result, bail, ensure};
use tests::{
    phones::{Account, Baresip, Desk, PCMU, PORTS, Phone, Transport},
    process::wait_until,
    sipp::Actor,
};

use crate::{
    operator::sambung,
    stage::Stage,
    voices::{LEAST_MS, SOUNDS_MAX, TONES_HZ, phone, uri},
};

/// A phone outside, without an account, that the provider lets through: its calls come from the provider's address.
pub fn provider(stage: &mut Stage, number: &str, tone_hz: u32) -> Result<Baresip> {
    let desk = Desk {
        folder: stage.demo.folder().join("provider"),
        ports: stage.demo.ports.take(PORTS),
        tone_hz,
        friend: None,
    };
    std::fs::create_dir_all(&desk.folder)?;
    Baresip::start(&Account::of_nobody(number), &desk)
}

/// Somebody outside calls the desk; both hear each other.
fn talk(stage: &Stage, [outside, desk]: [&mut Baresip; 2], to: &str) -> Result<()> {
    let outcome = (|| {
        outside.dial(to)?;
        outside.talking().context("outside")?;
        desk.talking().context("the desk")?;
        outside.hears(TONES_HZ[1], TONES_HZ[0], LEAST_MS)?;
        desk.hears(TONES_HZ[0], TONES_HZ[1], LEAST_MS)?;
        outside.hang_up()?;
        outside.over()?;
        desk.over()
    })();
    outcome.with_context(|| {
        let why = sambung(&stage.demo, &["why", "last"]).unwrap_or_default();
        format!("{why}\n{}\n{}\n{}", outside.printed(), desk.printed(), stage.demo.logs())
    })
}

/// What `sambung` says, asked until it says this.
fn says(stage: &Stage, arguments: &[&str], expected: impl Fn(&str) -> bool) -> Result<String> {
    let mut said = String::new();
    for _ in 0..150 {
        said = sambung(&stage.demo, arguments)?;
        if expected(&said) {
            return Ok(said);
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    bail!("{arguments:?} says\n{said}\n{}", stage.demo.logs())
}

/// Adds this to the organisation's description and applies it.
fn describe(stage: &Stage, more: &str) -> Result<String> {
    let described = sambung(&stage.demo, &["describe", "demo.sambung.test"])?;
    let file = stage.demo.folder().join("more.toml");
    std::fs::write(&file, format!("{described}\n{more}"))?;
    sambung(&stage.demo, &["apply", file.to_str().context("a path")?])
}

/// A password in a file of its own, closed to others.
fn password(stage: &Stage, name: &str) -> Result<()> {
    let file = stage.demo.folder().join(name);
    std::fs::write(&file, "correct horse battery staple\n")?;
    Ok(std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?)
}

/// RFC 3261 §10.2, RFC 7616: another switch is the provider, a registrar that verifies passwords. A call for the number that it
/// has given us comes to the contact that we have registered, and rings the desk; after a restart the trunk registers anew; without
/// the trunk it is registered no more.
#[test]
fn a_trunk_registers_with_its_provider_and_takes_the_calls_that_come_there() -> Result<()> {
    let mut provider = Stage::set(Transport::Udp)?;
    let mut stage = Stage::set(Transport::Udp)?;
    password(&provider, "provider-password")?;
    password(&stage, "provider-password")?;
    let account = "[[account]]\nusername = \"62215550100\"\npassword_file = \"provider-password\"\n";
    describe(&provider, account)?;
    let at = provider.demo.sip(Transport::Udp)?;
    let trunk = format!(
        "[[trunk]]\nname = \"provider\"\ntargets = [\"sip:{at}\"]\nauth_username = \"62215550100\"\n\
         auth_password_file = \"provider-password\"\nregister = true\noptions_interval_secs = 10\nchannels_max = 2\n\n\
         [[did]]\nnumber = \"+62215550100\"\nextension = \"100\"\n"
    );
    let without = sambung(&stage.demo, &["describe", "demo.sambung.test"])?;
    let changes = describe(&stage, &trunk)?;
    ensure!(changes.contains("+ trunk provider") && !changes.contains("battery"), "{changes}");
    let is_there = |said: &str| said.contains(" registered ") && said.contains(&format!("sip:{at} up, 200"));
    says(&stage, &["trunks"], is_there)?;
    says(&provider, &["registrations"], |said| said.contains("62215550100"))?;
    // They are written down now and then.
    wait_until(SOUNDS_MAX, "a trunk in the metrics", || {
        Ok(stage.demo.metrics()?.contains("sambung_trunks{state=\"registered\"} 1"))
    })?;

    let (mut desk, _) = phone(&mut stage.demo, 0, PCMU, TONES_HZ[1])?;
    let (mut outside, account) = phone(&mut provider.demo, 0, PCMU, TONES_HZ[0])?;
    let before = stage.record.calls()?;
    talk(&stage, [&mut outside, &mut desk], &uri("62215550100", &account))?;
    let story = stage.record.next_story(&before)?;
    ensure!(story.direction == "inbound", "{story:#?}");
    ensure!(story.participants == ["host extension", "caller guest", "recipient user"], "{story:#?}");

    stage.demo.restart()?;
    says(&stage, &["trunks"], is_there)?;
    ensure!(!stage.demo.logs().contains("battery"), "a password is in the log");
    let file = stage.demo.folder().join("without.toml");
    std::fs::write(&file, without)?;
    sambung(&stage.demo, &["apply", file.to_str().context("a path")?])?;
    says(&provider, &["registrations"], |said| !said.contains("62215550100"))?;
    drop((desk, outside));
    stage.strike()?;
    provider.strike()
}

/// RFC 7616: SIPp's own reckoning of the digest agrees with ours, and the REGISTERs of a trunk are one series, from the first to the
/// one that ends it.
#[test]
fn sipp_as_a_registrar_verifies_a_trunk() -> Result<()> {
    let mut stage = Stage::set(Transport::Udp)?;
    password(&stage, "provider-password")?;
    let account = Account {
        username: "62215550100".to_owned(),
        password: "correct horse battery staple".to_owned(),
        ..stage.demo.account(0, Transport::Udp)?
    };
    let provider =
        Actor { folder: stage.demo.folder().join("sipp"), account, port: stage.demo.ports.take(4) };
    let registrar = provider.play("callee_registrar", "62215550100", &[])?;
    let without = sambung(&stage.demo, &["describe", "demo.sambung.test"])?;
    let trunk = format!(
        "[[trunk]]\nname = \"provider\"\ntargets = [\"sip:127.0.0.1:{}\"]\nauth_username = \"62215550100\"\n\
         auth_password_file = \"provider-password\"\nauth_realm = \"provider.example\"\nregister = true\nchannels_max = 2\n",
        provider.port
    );
    describe(&stage, &trunk)?;
    let told = says(&stage, &["trunks"], |said| said.contains(" registered "));
    let told = told.with_context(|| registrar.messages());
    let file = stage.demo.folder().join("without.toml");
    std::fs::write(&file, without)?;
    sambung(&stage.demo, &["apply", file.to_str().context("a path")?])?;
    told?;
    registrar.finish()?;
    stage.strike()
}

/// H-057, H-066: whoever dials the organisation's number is heard by the desk that it stands for, and hears it; the record
/// has the call as inbound, with the number to call back.
#[test]
fn a_call_from_outside_reaches_the_desk_and_both_hear_each_other() -> Result<()> {
    let mut stage = Stage::set(Transport::Udp)?;
    let described = sambung(&stage.demo, &["describe", "demo.sambung.test"])?;
    let trunk = "[[trunk]]\nname = \"provider\"\nsources = [\"127.0.0.1\"]\nchannels_max = 2\n\n\
                 [[did]]\nnumber = \"+62215550100\"\nextension = \"100\"\n";
    let file = stage.demo.folder().join("outside.toml");
    std::fs::write(&file, format!("{described}\n{trunk}"))?;
    let path = file.to_str().context("a path")?;
    let changes = sambung(&stage.demo, &["apply", path])?;
    ensure!(changes.contains("+ trunk provider") && changes.contains("+ did +62215550100"), "{changes}");
    let again = sambung(&stage.demo, &["diff", path])?;
    ensure!(again.contains("0 to add, 0 to change, 0 to remove"), "{again}");
    let route = sambung(&stage.demo, &["route", "provider", "021-5550100"])?;
    ensure!(
        route.contains("+62215550100 is a number of the organisation") && route.contains("→ rings 100"),
        "{route}"
    );
    let before = stage.record.calls()?;

    let (mut desk, account) = phone(&mut stage.demo, 0, PCMU, TONES_HZ[1])?;
    let mut outside = provider(&mut stage, "08123456789", TONES_HZ[0])?;
    let switch = account.switch.context("a switch")?;
    talk(&stage, [&mut outside, &mut desk], &format!("sip:62215550100@{switch}"))?;
    let story = stage.record.next_story(&before)?;
    ensure!(story.direction == "inbound", "{story:#?}");
    ensure!(story.participants == ["host extension", "caller guest", "recipient user"], "{story:#?}");
    ensure!(story.events == ["created 1 0", "ringing 1 0", "answered 1 0 3", "ended 1 0"], "{story:#?}");
    ensure!(story.numbers == ["+628123456789"], "{story:#?}");
    drop((desk, outside));
    stage.strike()
}
