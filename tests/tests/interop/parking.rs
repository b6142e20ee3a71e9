//! A call that is parked and taken from elsewhere, with real phones.

use anyhow::{Context, Result, ensure};
use tests::{
    demo::Demo,
    phones::{PCMU, Phone},
    record::Record,
};

use crate::{
    operator::sambung,
    voices::{LEAST_MS, phone, uri},
};

/// What Sari, Budi and Dewi play.
const TONES_HZ: [u32; 3] = [600, 1_000, 800];

/// Sari has called Budi, who parks her; Dewi dials the slot, and the two hear each other.
#[test]
fn a_parked_call_is_heard_where_it_is_taken() -> Result<()> {
    let mut demo = Demo::start_speaking()?;
    let mut record = Record::open(demo.field("/database_url")?)?;
    let park = demo.field("/numbers/park")?.to_owned();
    let (mut sari, _) = phone(&mut demo, 0, PCMU, TONES_HZ[0])?;
    let (mut budi, called) = phone(&mut demo, 1, PCMU, TONES_HZ[1])?;
    let (mut dewi, account) = phone(&mut demo, 2, PCMU, TONES_HZ[2])?;
    let before = record.calls()?;
    let outcome = (|| {
        sari.dial(&uri(&called.username, &called))?;
        sari.talking().context("Sari")?;
        budi.talking().context("Budi")?;
        sari.hears(TONES_HZ[1], TONES_HZ[2], LEAST_MS)?;
        budi.transfer(&uri(&park, &called))?;
        budi.over().context("Budi is let go")?;
        dewi.dial(&uri("701", &account))?;
        dewi.talking().context("Dewi")?;
        sari.hears(TONES_HZ[2], TONES_HZ[1], LEAST_MS)?;
        dewi.hears(TONES_HZ[0], TONES_HZ[1], LEAST_MS)?;
        dewi.hang_up()?;
        dewi.over()?;
        sari.over()
    })();
    outcome.with_context(|| {
        let printed = [&sari, &budi, &dewi].map(|phone| phone.printed());
        let why = sambung(&demo, &["why", "last"]).unwrap_or_default();
        format!("{why}\n{}\n{}", printed.join("\n"), demo.logs())
    })?;
    let story = record.next_story(&before)?;
    let steps: Vec<&str> = story.events.iter().filter_map(|event| event.split(' ').next()).collect();
    ensure!(
        steps == ["created", "ringing", "answered", "transfer", "transfer_answered", "ended"],
        "{story:#?}"
    );
    drop((sari, budi, dewi));
    demo.stop()
}
