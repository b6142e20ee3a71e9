//! Intercom with real phones: what asks a phone to answer by itself reaches it, and both talk. The phones answer every call at once,
//! as one does that allows intercom; none that is to be had here can be asked to.

use anyhow::{Context, Result, ensure};
use tests::{
    demo::Demo,
    phones::{PCMU, Phone, Transport},
};

use crate::{
    operator::sambung,
    voices::{LEAST_MS, TONES_HZ, phone, uri},
};

/// The first extension of the demo takes intercoms from now on: Sari's and Dewi's.
fn allow(demo: &Demo) -> Result<()> {
    let described = sambung(demo, &["describe", "demo.sambung.test"])?;
    let agreed = described.replacen("[[extension]]\n", "[[extension]]\nintercom = true\n", 1);
    let file = demo.folder().join("intercom.toml");
    std::fs::write(&file, agreed)?;
    let told = sambung(demo, &["apply", file.to_str().context("a path")?])?;
    ensure!(told.contains("intercom false → true"), "{told}");
    Ok(())
}

#[test]
fn an_intercom_reaches_whoever_has_agreed_to_it_and_both_talk() -> Result<()> {
    let mut demo = Demo::start_speaking()?;
    allow(&demo)?;
    let (mut sari, _) = phone(&mut demo, 0, PCMU, TONES_HZ[0])?;
    let (mut dewi, called) = phone(&mut demo, 2, PCMU, TONES_HZ[1])?;
    let other = demo.account(1, Transport::Udp)?;
    let outcome = (|| {
        sari.dial(&uri(&format!("*80{}", other.username), &other))?;
        sari.over().context("refused")?;
        let why = sambung(&demo, &["why", "last"])?;
        ensure!(why.contains("nobody there takes an intercom"), "{why}");
        sari.dial(&uri(&format!("*80{}", called.username), &called))?;
        sari.talking().context("Sari")?;
        dewi.talking().context("Dewi")?;
        sari.hears(TONES_HZ[1], TONES_HZ[0], LEAST_MS).context("Sari hears Dewi")?;
        dewi.hears(TONES_HZ[0], TONES_HZ[1], LEAST_MS).context("Dewi hears Sari")?;
        sari.hang_up()?;
        sari.over()?;
        dewi.over()
    })();
    outcome.with_context(|| {
        let why = sambung(&demo, &["why", "last"]).unwrap_or_default();
        format!("{why}\n{}\n{}\n{}", sari.printed(), dewi.printed(), demo.logs())
    })?;
    let why = sambung(&demo, &["why", "last", "--messages"])?;
    let asked = ["Answer-Mode: Auto", "answer-after=0", "info=alert-autoanswer"];
    ensure!(why.contains("*80 stands before a number for intercom"), "{why}");
    ensure!(asked.iter().all(|words| why.contains(words)), "{why}");
    drop((sari, dewi));
    demo.stop()
}
