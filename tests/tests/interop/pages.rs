//! A page with real phones: two of different makes of codec hear the one who speaks and not each other, and nobody hears them.

use anyhow::{Context, Result, ensure};
use tests::{
    audio,
    demo::Demo,
    phones::{PCMU, Phone},
    record::Record,
};

use crate::{
    operator::sambung,
    voices::{LEAST_MS, phone, uri},
};

/// What the speaker and the listeners play.
const TONES_HZ: [u32; 3] = [600, 1_000, 1_700];
const CODECS: [&str; 3] = [PCMU, "opus/48000/2", "PCMA/8000/1"];
const GROUP: &str = "8500";

/// The second and the third of the demo's people are a page group.
fn make_group(demo: &Demo) -> Result<()> {
    let described = sambung(demo, &["describe", "demo.sambung.test"])?;
    let group = format!(
        "\n[[extension]]\nnumber = \"{GROUP}\"\nname = \"Panggilan\"\nstaff = [\"1002\", \"1003\"]\n\
         [[page_group]]\nextension = \"{GROUP}\"\n"
    );
    let file = demo.folder().join("group.toml");
    std::fs::write(&file, described + &group)?;
    let told = sambung(demo, &["apply", file.to_str().context("a path")?])?;
    ensure!(told.contains("+ page_group 8500"), "{told}");
    Ok(())
}

#[test]
fn two_phones_hear_whoever_pages_them_and_are_not_heard() -> Result<()> {
    let mut demo = Demo::start_speaking()?;
    let mut record = Record::open(demo.field("/database_url")?)?;
    make_group(&demo)?;
    let mut phones = Vec::new();
    for (staff, (codec, hz)) in CODECS.into_iter().zip(TONES_HZ).enumerate() {
        phones.push(phone(&mut demo, staff, codec, hz)?);
    }
    let before = record.calls()?;
    let outcome = (|| {
        let (speaker, account) = &mut phones[0];
        speaker.dial(&uri(GROUP, account))?;
        speaker.talking().context("the speaker")?;
        for (at, other) in [(1, 2), (2, 1)] {
            let (listener, _) = &mut phones[at];
            listener.talking().context("a listener")?;
            listener.hears(TONES_HZ[0], TONES_HZ[other], LEAST_MS).with_context(|| format!("phone {at}"))?;
        }
        phones[0].0.hang_up()?;
        for (phone, _) in &mut phones {
            phone.over()?;
        }
        for (at, own, other) in [(1, 1, 2), (2, 2, 1)] {
            let heard = audio::listen(&phones[at].0.recording()?, TONES_HZ[0], TONES_HZ[other]);
            ensure!(heard.other_ms == 0, "phone {at} hears another listener: {heard:?}");
            let heard = audio::listen(&phones[0].0.recording()?, TONES_HZ[own], TONES_HZ[other]);
            ensure!(heard.tone_ms == 0 && heard.other_ms == 0, "the speaker hears {at}: {heard:?}");
        }
        Ok(())
    })();
    outcome.with_context(|| {
        let printed: Vec<String> = phones.iter().map(|(phone, _)| phone.printed()).collect();
        let why = sambung(&demo, &["why", "last"]).unwrap_or_default();
        format!("{why}\n{}\n{}", printed.join("\n"), demo.logs())
    })?;
    let story = record.next_story(&before)?;
    let people = ["host extension", "caller user", "recipient user", "recipient user"];
    ensure!(story.participants == people, "{story:#?}");
    let why = sambung(&demo, &["why", "last"])?;
    ensure!(why.contains("the phones of 2 people at 8500 answer by themselves"), "{why}");
    drop(phones);
    demo.stop()
}
