//! Calls that are sent on, with real phones: who hears whom before, meanwhile and afterwards.

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

const PCMA: &str = "PCMA/8000/1";
/// What Sari, Budi and Dewi play.
const TONES_HZ: [u32; 3] = [600, 1_000, 800];

/// Sari has called Budi, who sends her on to Dewi, whose phone speaks another codec; and Dewi sends her on to Budi. H-060,
/// RFC 3515.
#[test]
fn a_call_is_sent_on_twice_and_everybody_hears_who_is_there() -> Result<()> {
    let mut demo = Demo::start_speaking()?;
    let mut record = Record::open(demo.field("/database_url")?)?;
    let (mut sari, _) = phone(&mut demo, 0, PCMU, TONES_HZ[0])?;
    let (mut budi, called) = phone(&mut demo, 1, PCMU, TONES_HZ[1])?;
    let (mut dewi, target) = phone(&mut demo, 2, PCMA, TONES_HZ[2])?;
    let before = record.calls()?;
    let outcome = (|| {
        sari.dial(&uri(&called.username, &called))?;
        sari.talking().context("Sari")?;
        budi.talking().context("Budi")?;
        sari.hears(TONES_HZ[1], TONES_HZ[2], LEAST_MS)?;
        budi.transfer(&uri(&target.username, &target))?;
        dewi.talking().context("Dewi")?;
        budi.over().context("Budi is let go")?;
        sari.hears(TONES_HZ[2], TONES_HZ[1], LEAST_MS)?;
        dewi.hears(TONES_HZ[0], TONES_HZ[1], LEAST_MS)?;
        dewi.transfer(&uri(&called.username, &called))?;
        budi.talking().context("Budi again")?;
        dewi.over().context("Dewi is let go")?;
        budi.hears(TONES_HZ[0], TONES_HZ[2], LEAST_MS)?;
        sari.hang_up()?;
        sari.over()?;
        budi.over()
    })();
    outcome.with_context(|| {
        let printed = [&sari, &budi, &dewi].map(|phone| phone.printed());
        let why = sambung(&demo, &["why", "last"]).unwrap_or_default();
        format!("{why}\n{}\n{}", printed.join("\n"), demo.logs())
    })?;
    let story = record.next_story(&before)?;
    let steps: Vec<&str> = story.events.iter().filter_map(|event| event.split(' ').next()).collect();
    let transfers: Vec<&str> =
        steps.iter().copied().filter(|step| !matches!(*step, "hold" | "unhold")).collect();
    let transfer = "transfer transfer_ringing transfer_answered";
    let expected = format!("created ringing answered {transfer} {transfer} ended");
    ensure!(transfers.join(" ") == expected, "{story:#?}");
    ensure!(
        story.participants
            == ["host user", "caller user", "recipient user", "recipient user", "recipient user"],
        "{story:#?}"
    );
    drop((sari, budi, dewi));
    demo.stop()
}
