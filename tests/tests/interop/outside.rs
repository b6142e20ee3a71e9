//! Calls to the telephone network: SIPp is a provider that cannot take them, a real phone is somebody behind another one.

use anyhow::{Context, Result, ensure};
use tests::phones::{PCMU, Phone, Transport};

use crate::{
    operator::sambung,
    stage::Stage,
    trunks::provider,
    voices::{LEAST_MS, TONES_HZ, phone, uri},
};

/// H-057, decision 0040: somebody dials a mobile number; the first provider says 503, the call goes by the second, and both hear
/// each other. Then a desk sends its calls to that number, and that is heard too. The caller's money pays one minute and no second call.
#[test]
fn a_call_leaves_by_the_provider_that_can_take_it_and_both_hear_each_other() -> Result<()> {
    let mut stage = Stage::set(Transport::Udp)?;
    let mut outside = provider(&mut stage, "08123456789", TONES_HZ[1])?;
    let place = outside.direct_uri().rsplit('@').next().context("a place")?.to_owned();
    let busy = stage.actor(1, "busy")?;
    let described = sambung(&stage.demo, &["describe", "demo.sambung.test"])?;
    let trunk = |name: &str, place: &str| {
        format!(
            "\n[[trunk]]\nname = \"{name}\"\ntargets = [\"sip:{place}\"]\nnumber_format = \"national\"\n\
             from_number = \"+62215550100\"\n"
        )
    };
    let rows = format!(
        "{}{}\n[[outbound_route]]\nname = \"all\"\nprefix = \"0\"\ntrunks = [\"busy\", \"good\"]\n\n\
         [[rule]]\nextension = \"200\"\naction = \"forward_number\"\ntarget = \"+628123456789\"\n\n\
         [[budget]]\ndestinations = [\"national\"]\ncalls_at_once_max = 1\nrupiah_per_day_max = 900\n\n\
         [[price]]\nprefix = \"+628\"\nrupiah_per_minute = 500\n",
        trunk("busy", &format!("127.0.0.1:{}", busy.port)),
        trunk("good", &place)
    );
    let file = stage.demo.folder().join("outside.toml");
    std::fs::write(&file, format!("{described}\n{rows}"))?;
    let path = file.to_str().context("a path")?;
    let changes = sambung(&stage.demo, &["apply", path])?;
    for change in
        ["+ trunk good", "+ outbound_route all", "+ budget everybody", "+ rule 200/01", "+ price +628"]
    {
        ensure!(changes.contains(change), "{changes}");
    }
    let again = sambung(&stage.demo, &["diff", path])?;
    ensure!(again.contains("0 to add, 0 to change, 0 to remove"), "{again}");
    let route = sambung(&stage.demo, &["route", "1001", "0812-3456789"])?;
    ensure!(route.contains("leaves by the route “all”: busy, then good"), "{route}");
    let abroad = sambung(&stage.demo, &["route", "1001", "006581234567"]);
    ensure!(abroad.is_err(), "{abroad:?}");

    let (mut inside, account) = phone(&mut stage.demo, 0, PCMU, TONES_HZ[0])?;
    for (number, numbers) in [("08123456789", &[][..]), ("200", &["+628123456789"])] {
        let before = stage.record.calls()?;
        let refusing = busy.play("provider_refuses", "", &[("status", "503"), ("reason", "No Channel")])?;
        let outcome = (|| {
            inside.dial(&uri(number, &account))?;
            inside.talking().context("inside")?;
            outside.talking().context("outside")?;
            refusing.finish().context("the provider that cannot")?;
            inside.hears(TONES_HZ[1], TONES_HZ[0], LEAST_MS)?;
            outside.hears(TONES_HZ[0], TONES_HZ[1], LEAST_MS)?;
            inside.hang_up()?;
            inside.over()?;
            outside.over()
        })();
        outcome.with_context(|| {
            let why = sambung(&stage.demo, &["why", "last"]).unwrap_or_default();
            format!("{number}\n{why}\n{}\n{}\n{}", inside.printed(), outside.printed(), stage.demo.logs())
        })?;
        let story = stage.record.next_story(&before)?;
        let is_forwarded = !numbers.is_empty();
        ensure!(story.direction == if is_forwarded { "internal" } else { "outbound" }, "{story:#?}");
        ensure!(story.numbers == numbers, "{story:#?}");
        ensure!(story.participants.last().is_some_and(|last| last == "recipient guest"), "{story:#?}");
        ensure!(story.legs.iter().filter(|status| **status == 503).count() == 1, "{story:#?}");
    }
    inside.dial(&uri("08123456789", &account))?;
    inside.over()?;
    let why = sambung(&stage.demo, &["why", "last"])?;
    ensure!(why.contains("the money that the budget allows within a day was used up"), "{why}");
    drop((inside, outside));
    stage.strike()
}
