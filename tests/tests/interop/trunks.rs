//! Calls from the telephone network, with real phones on both sides of the trunk.

use anyhow::{Context, Result, ensure};
use tests::phones::{Account, Baresip, Desk, PCMU, PORTS, Phone, Srtp, Transport};

use crate::{
    operator::sambung,
    stage::Stage,
    voices::{LEAST_MS, TONES_HZ, phone},
};

/// A phone outside, without an account, that the provider lets through: its calls come from the provider's address.
fn provider(stage: &mut Stage, number: &str, tone_hz: u32) -> Result<Baresip> {
    let desk = Desk {
        folder: stage.demo.folder().join("provider"),
        ports: stage.demo.ports.take(PORTS),
        tone_hz,
        friend: None,
    };
    std::fs::create_dir_all(&desk.folder)?;
    let account = Account {
        username: number.to_owned(),
        password: String::new(),
        domain: "127.0.0.1".to_owned(),
        switch: None,
        transport: Transport::Udp,
        authority: None,
        srtp: Srtp::Off,
        codec: PCMU,
    };
    Baresip::start(&account, &desk)
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
    let outcome = (|| {
        outside.dial(&format!("sip:62215550100@{switch}"))?;
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
    })?;
    let story = stage.record.next_story(&before)?;
    ensure!(story.direction == "inbound", "{story:#?}");
    ensure!(story.participants == ["host extension", "caller guest", "recipient user"], "{story:#?}");
    ensure!(story.events == ["created 1 0", "ringing 1 0", "answered 1 0 3", "ended 1 0"], "{story:#?}");
    ensure!(story.numbers == ["+628123456789"], "{story:#?}");
    drop((desk, outside));
    stage.strike()
}
