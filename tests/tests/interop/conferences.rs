//! A conference with real phones: each hears the others and not itself, by three codecs; who mutes is not heard, and who does not
//! know the PIN is not let in.

use anyhow::{Context, Result, ensure};
use tests::{
    audio,
    demo::Demo,
    phones::{Baresip, PCMU, Phone},
    process::wait_until,
};

use crate::{
    operator::sambung,
    voices::{LEAST_MS, SOUNDS_MAX, phone, uri},
};

/// What Sari, Budi and Dewi play.
const TONES_HZ: [u32; 3] = [600, 1_000, 1_700];
const CODECS: [&str; 3] = [PCMU, "opus/48000/2", "PCMA/8000/1"];
/// So much of a prompt has been heard when keys are pressed into it.
const PROMPT_MS: usize = 300;

/// Waits until somebody has heard these tones together for so long from that sample on, and not the other one with them.
pub fn hears_together(phone: &Baresip, from: usize, tones_hz: &[u32], other_hz: u32) -> Result<()> {
    let mut heard = 0;
    wait_until(SOUNDS_MAX, "the tones", || {
        let all = phone.recording()?;
        heard = audio::together_ms(all.get(from..).unwrap_or_default(), tones_hz, other_hz);
        Ok(heard >= LEAST_MS)
    })
    .with_context(|| format!("{tones_hz:?} Hz for {heard} ms"))
}

/// The call of who shows this number, as an operator sees it in the conference.
fn call_of(demo: &Demo, number: &str) -> Result<String> {
    let shown = sambung(demo, &["conference"])?;
    let line = shown.lines().find(|line| line.trim_start().starts_with(number));
    let call = line.and_then(|line| line.rsplit(' ').next()).with_context(|| shown.clone())?;
    Ok(call.to_owned())
}

#[test]
fn three_phones_hear_each_other_until_one_mutes() -> Result<()> {
    let mut demo = Demo::start_speaking()?;
    let room = demo.field("/numbers/conference")?.to_owned();
    let mut phones = Vec::new();
    for (staff, (codec, hz)) in CODECS.into_iter().zip(TONES_HZ).enumerate() {
        phones.push(phone(&mut demo, staff, codec, hz)?);
    }
    let outcome = (|| {
        for (phone, account) in &mut phones {
            phone.dial(&uri(&room, account))?;
            phone.talking().context("the conference answers")?;
        }
        for (at, others) in [(0, [1, 2]), (1, [0, 2]), (2, [0, 1])] {
            let others = others.map(|other| TONES_HZ[other]);
            hears_together(&phones[at].0, 0, &others, TONES_HZ[at]).with_context(|| format!("phone {at}"))?;
        }
        ensure!(sambung(&demo, &["conference"])?.contains("3 of 32"), "an operator sees three");
        phones[1].0.press("*6")?;
        wait_until(
            SOUNDS_MAX,
            "a muted member",
            || Ok(sambung(&demo, &["conference"])?.contains(", muted")),
        )?;
        let from = [0, 2].map(|at| phones[at].0.recording().map(|all| all.len()));
        for (at, from, hz) in [(0, &from[0], TONES_HZ[2]), (2, &from[1], TONES_HZ[0])] {
            let from = *from.as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
            hears_together(&phones[at].0, from, &[hz], TONES_HZ[1]).context("without who has muted")?;
        }
        let (from, call) = (phones[0].0.recording()?.len(), call_of(&demo, &phones[1].1.username)?);
        sambung(&demo, &["conference", "unmute", &call])?;
        hears_together(&phones[0].0, from, &[TONES_HZ[1], TONES_HZ[2]], TONES_HZ[0])
            .context("heard again")?;
        sambung(&demo, &["conference", "kick", &call])?;
        phones[1].0.over().context("who is to leave")?;
        for at in [0, 2] {
            phones[at].0.hang_up()?;
            phones[at].0.over()?;
        }
        ensure!(sambung(&demo, &["conference"])?.contains("0 of 32"), "nobody is left");
        Ok(())
    })();
    outcome.with_context(|| {
        let printed: Vec<String> = phones.iter().map(|(phone, _)| phone.printed()).collect();
        let why = sambung(&demo, &["why", "last"]).unwrap_or_default();
        format!("{why}\n{}\n{}", printed.join("\n"), demo.logs())
    })?;
    let why = sambung(&demo, &["why", "last"])?;
    ensure!(why.contains("the conference of 8000 takes up to 32"), "{why}");
    drop(phones);
    demo.stop()
}

/// Gives the conference of the demo a PIN.
fn close(demo: &Demo) -> Result<()> {
    let open = "[[conference]]\nextension = \"8000\"\n";
    let described = sambung(demo, &["describe", "demo.sambung.test"])?;
    ensure!(described.contains(open), "{described}");
    std::fs::write(demo.folder().join("pin"), "4711\n")?;
    std::fs::set_permissions(demo.folder().join("pin"), std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let file = demo.folder().join("room.toml");
    std::fs::write(&file, described.replace(open, &format!("{open}pin_file = \"pin\"\n")))?;
    let told = sambung(demo, &["apply", file.to_str().context("a path")?])?;
    ensure!(told.contains("~ conference 8000  pin") && !told.contains("4711"), "{told}");
    Ok(())
}

/// Says the keys of a PIN into the prompt that is heard.
fn press(phone: &mut Baresip, keys: &str) -> Result<()> {
    wait_until(SOUNDS_MAX, "a prompt", || Ok(audio::sound_ms(&phone.recording()?) >= PROMPT_MS))?;
    phone.press(keys)
}

#[test]
fn who_presses_the_pin_is_let_in_and_who_presses_another_is_asked_again() -> Result<()> {
    let mut demo = Demo::start_speaking()?;
    let room = demo.field("/numbers/conference")?.to_owned();
    close(&demo)?;
    let (mut sari, account) = phone(&mut demo, 0, PCMU, TONES_HZ[0])?;
    let (mut budi, _) = phone(&mut demo, 1, PCMU, TONES_HZ[1])?;
    let outcome = (|| {
        for phone in [&mut sari, &mut budi] {
            phone.dial(&uri(&room, &account))?;
            phone.talking().context("the conference answers")?;
        }
        press(&mut sari, "4711#")?;
        press(&mut budi, "1234#")?;
        wait_until(SOUNDS_MAX, "one member", || Ok(sambung(&demo, &["conference"])?.contains("1 of 32")))?;
        press(&mut budi, "4711#")?;
        hears_together(&sari, 0, &[TONES_HZ[1]], TONES_HZ[0])?;
        hears_together(&budi, 0, &[TONES_HZ[0]], TONES_HZ[1])?;
        let seen = sambung(&demo, &["why", "last", "--messages"])?;
        // As a word: numbers of sessions may hold the same digits.
        let mut words = seen.split(|sign: char| !sign.is_alphanumeric());
        ensure!(seen.contains("by a PIN") && !words.any(|word| word == "4711"), "{seen}");
        for phone in [&mut sari, &mut budi] {
            phone.hang_up()?;
            phone.over()?;
        }
        Ok(())
    })();
    outcome.with_context(|| {
        let why = sambung(&demo, &["why", "last"]).unwrap_or_default();
        format!("{why}\n{}\n{}\n{}", sari.printed(), budi.printed(), demo.logs())
    })?;
    drop((sari, budi));
    demo.stop()
}
