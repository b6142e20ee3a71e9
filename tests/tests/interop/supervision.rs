//! A supervisor with real phones (decision 0049): two talk, a third one listens, whispers and barges in, and goes; tones tell who hears
//! whom, and the call goes on.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tests::{
    demo::Demo,
    phones::{Account, Baresip, PCMU, Phone},
    process::wait_until,
    record::Record,
};

use crate::{
    conferences::hears_together,
    operator::{rest, sambung},
    voices::{phone, uri},
};

/// What the supervisor, the one of theirs and the other one play, and speak.
const TONES_HZ: [u32; 3] = [1_700, 600, 1_000];
const CODECS: [&str; 3] = ["opus/48000/2", PCMU, PCMU];

/// From the switch to the database.
const DELIVERY_MAX: Duration = Duration::from_secs(10);

/// Makes whoever has that number the supervisor of the extension 200.
fn appoint(demo: &Demo, number: &str) -> Result<()> {
    let described = sambung(demo, &["describe", "demo.sambung.test"])?;
    let (before, rest) = described.split_once("number = \"200\"").context("the extension")?;
    let (head, after) = rest.split_once("staff = ").context("its staff")?;
    let (staff, after) = after.split_once('\n').context("its end")?;
    let text =
        format!("{before}number = \"200\"{head}staff = {staff}\nsupervisors = [\"{number}\"]\n{after}");
    let file = demo.folder().join("supervised.toml");
    std::fs::write(&file, &text)?;
    let told = sambung(demo, &["apply", file.to_str().context("a path")?])?;
    ensure!(told.contains("~ extension 200  supervisors"), "{told}");
    let described = sambung(demo, &["describe", "demo.sambung.test"])?;
    ensure!(described.contains(&format!("supervisors = [\"{number}\"]")), "{described}");
    Ok(())
}

/// Supervisor, staff and the other one, with how much each has heard so far.
struct Scene {
    phones: [(Baresip, Account); 3],
    from: [usize; 3],
}

impl Scene {
    /// What is heard from now on counts.
    fn listen(&mut self) -> Result<()> {
        for (from, (phone, _)) in self.from.iter_mut().zip(&self.phones) {
            *from = phone.recording()?.len();
        }
        Ok(())
    }

    /// Somebody hears these and not that one.
    fn hears(&self, who: usize, whom: &[usize], not: usize) -> Result<()> {
        let tones: Vec<u32> = whom.iter().map(|at| TONES_HZ[*at]).collect();
        hears_together(&self.phones[who].0, self.from[who], &tones, TONES_HZ[not])
            .with_context(|| format!("phone {who} hears {whom:?} and not {not}"))
    }

    /// The supervisor hears both; these two hear the supervisor besides each other, or do not.
    fn all_hear(&mut self, [staff, other]: [bool; 2]) -> Result<()> {
        self.listen()?;
        self.hears(0, &[1, 2], 0)?;
        for (who, peer, is_spoken_to) in [(1, 2, staff), (2, 1, other)] {
            match is_spoken_to {
                true => self.hears(who, &[peer, 0], who)?,
                false => self.hears(who, &[peer], 0)?,
            }
        }
        Ok(())
    }

    /// The other one calls the one of the staff.
    fn talk(&mut self) -> Result<()> {
        let [_, (budi, called), (dewi, caller)] = &mut self.phones;
        dewi.dial(&uri(&called.username, caller))?;
        budi.talking()?;
        dewi.talking()
    }

    /// The two talk on when the supervisor has gone, and hang up.
    fn part(&mut self) -> Result<()> {
        self.phones[0].0.over()?;
        self.listen()?;
        self.hears(1, &[2], 0)?;
        self.hears(2, &[1], 0)?;
        self.phones[2].0.hang_up()?;
        self.phones.iter_mut().skip(1).try_for_each(|(phone, _)| phone.over())
    }

    /// By order: the supervisor's own phone rings and answers.
    fn ordered(&mut self, demo: &Demo) -> Result<()> {
        self.talk()?;
        let subject = demo.live_calls()?.pop().context("a call")?;
        let by = self.phones[0].1.username.clone();
        let order = ["listen", &subject, "--by", &by, "--mode", "whisper", "--auto-answer"];
        let refused = sambung(demo, &order).err();
        ensure!(refused.is_some_and(|error| error.to_string().contains("they supervise neither of the two")));
        appoint(demo, &by)?;
        let said = sambung(demo, &order)?;
        let own = said.trim();
        self.phones[0].0.talking().context("the supervisor")?;
        self.all_hear([true, false]).context("whispering, as ordered")?;
        self.phones[0].0.press("6")?;
        self.all_hear([true, true]).context("barging in by a key")?;
        sambung(demo, &["supervise", own, "listen"])?;
        self.all_hear([false, false]).context("listening by order")?;
        let why = sambung(demo, &["why", own])?;
        ensure!(why.contains("is heard by whoever it listens to (ordered)"), "{why}");
        sambung(demo, &["hang-up", own])?;
        self.part()
    }

    /// The same over HTTP.
    fn ordered_over_http(&mut self, demo: &Demo) -> Result<()> {
        self.talk()?;
        let subject = demo.live_calls()?.pop().context("a call")?;
        let by = self.phones[0].1.username.clone();
        appoint(demo, &by)?;
        let post = |path: String, body: &str| rest(demo, ("POST", &path), "", body);
        let body = format!(r#"{{"by":"{by}","mode":"whisper","auto_answer":true}}"#);
        let answer = post(format!("/api/telephony/live-calls/{subject}/listen"), &body)?;
        let made: serde_json::Value = serde_json::from_slice(&answer.body)?;
        let own = made["call_id"].as_str().context("the supervisor's call")?;
        self.phones[0].0.talking().context("the supervisor")?;
        self.all_hear([true, false]).context("whispering, as ordered")?;
        post(format!("/api/telephony/live-calls/{own}/supervise"), r#"{"mode":"listen"}"#)?;
        self.all_hear([false, false]).context("listening by order")?;
        post(format!("/api/telephony/live-calls/{own}/hang-up"), "")?;
        self.part()
    }

    fn told(&mut self, demo: &Demo) -> Result<()> {
        self.talk()?;
        let [(sari, account), (_, called), _] = &mut self.phones;
        let code = uri(&format!("*33{}", called.username), account);
        sari.dial(&code)?;
        sari.over().context("nobody may listen who is not named")?;
        ensure!(sambung(demo, &["why", "last"])?.contains("may not listen"), "why not");
        appoint(demo, &account.username)?;
        sari.dial(&code)?;
        sari.talking().context("the supervisor")?;
        self.all_hear([false, false]).context("listening")?;
        let own = demo.live_calls()?.pop().context("a call")?;
        self.phones[0].0.press("5")?;
        self.all_hear([true, false]).context("whispering")?;
        self.phones[0].0.press("6")?;
        self.all_hear([true, true]).context("barging in")?;
        self.phones[0].0.press("4")?;
        self.all_hear([false, false]).context("listening again")?;
        sambung(demo, &["supervise", &own, "whisper"])?;
        self.all_hear([true, false]).context("by order")?;
        let why = sambung(demo, &["why", &own])?;
        ensure!(why.contains("is heard by whoever it listens to (command)"), "{why}");
        self.phones[0].0.hang_up()?;
        self.part()
    }
}

#[test]
fn a_supervisor_listens_whispers_and_barges_in_and_the_call_goes_on() -> Result<()> {
    let expected =
        ["listen dialled", "whisper key", "barge key", "listen key", "whisper command", "ended hung_up"];
    play(Scene::told, &expected)
}

#[test]
fn a_supervisor_whose_phone_rings_by_order_hears_both_and_is_heard_as_ordered() -> Result<()> {
    play(Scene::ordered, &["whisper ordered", "barge key", "listen command", "ended operator"])
}

#[test]
fn a_supervisor_whose_phone_rings_by_order_over_http_hears_both_and_is_heard_as_ordered() -> Result<()> {
    play(Scene::ordered_over_http, &["whisper ordered", "listen command", "ended operator"])
}

/// Three phones, and the steps of who listens that must be written.
fn play(tell: impl Fn(&mut Scene, &Demo) -> Result<()>, expected: &[&str]) -> Result<()> {
    let mut demo = Demo::start_speaking()?;
    let mut start = |at: usize| phone(&mut demo, at, CODECS[at], TONES_HZ[at]);
    let phones = [start(0)?, start(1)?, start(2)?];
    let mut scene = Scene { phones, from: [0; 3] };
    tell(&mut scene, &demo).with_context(|| {
        let printed: Vec<String> = scene.phones.iter().map(|(phone, _)| phone.printed()).collect();
        let why = sambung(&demo, &["why", "last"]).unwrap_or_default();
        format!("{why}\n{}\n{}", printed.join("\n"), demo.logs())
    })?;
    let mut record = Record::open(demo.field("/database_url")?)?;
    let mut steps = Vec::new();
    wait_until(DELIVERY_MAX, "the steps", || {
        steps = record
            .texts("select step || ' ' || reason from telephony.supervision_steps order by no", None)?;
        Ok(steps.last().is_some_and(|step| step.starts_with("ended")))
    })?;
    ensure!(steps == expected, "{steps:?}");
    drop(scene);
    demo.stop()
}
