//! Calls of real phones are recorded: by order and by default, through pause, hold and the death of the switch, with and
//! without SRTP. What is heard came out of the store by the operator's own tool.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use sha2::{Digest as _, Sha256};
use tests::{
    audio,
    demo::Demo,
    phones::{Account, Baresip, Desk, PCMU, PORTS, Phone, Srtp, Transport},
    process::{self, wait_until},
    record::Record,
};

use crate::operator::rest;
use crate::voices::{LEAST_MS, phone, uri};

/// What the caller and the callee play.
const TONES_HZ: [u32; 2] = [600, 1_000];
/// Samples of a millisecond.
const PER_MS: usize = 8;
/// How long a fact takes to the database, and a recording to the store, on a busy machine.
const STORED_MAX: Duration = Duration::from_secs(30);
/// How long a switch takes to find that a recording's time is over: it looks every 30 s.
const DELETED_MAX: Duration = Duration::from_secs(90);

/// Dropped in this order: the phones end before the ports of their switch are free for another one.
struct Scene {
    caller: Baresip,
    callee: Baresip,
    record: Record,
    demo: Demo,
    number: String,
}

impl Scene {
    /// Two phones of a demo whose organisation has calls recorded as its row says.
    fn set(transport: Transport, srtp: Srtp, statement: Option<&'static str>) -> Result<Self> {
        Self::around(Demo::start()?, (transport, srtp), statement)
    }

    /// The same around another demo.
    fn around(
        mut demo: Demo,
        (transport, srtp): (Transport, Srtp),
        statement: Option<&'static str>,
    ) -> Result<Self> {
        let mut record = Record::open(demo.field("/database_url")?)?;
        if let Some(statement) = statement {
            let before = demo.figure("sambung_plan_revision")?;
            ensure!(record.execute(statement)? == 1, "{statement}");
            wait_until(STORED_MAX, "the new plan", || Ok(demo.figure("sambung_plan_revision")? > before))?;
        }
        let account = |staff| -> Result<Account> { Ok(Account { srtp, ..demo.account(staff, transport)? }) };
        let (ani, budi) = (account(0)?, account(1)?);
        let mut desk = |name: &str, tone_hz| -> Result<Desk> {
            let folder = demo.folder().join(name);
            fs::create_dir_all(&folder)?;
            Ok(Desk { folder, ports: demo.ports.take(PORTS), tone_hz, friend: None })
        };
        let desks = [desk("caller", TONES_HZ[0])?, desk("callee", TONES_HZ[1])?];
        let caller = Baresip::start(&ani, &desks[0])?;
        let callee = Baresip::start(&budi, &desks[1])?;
        let number = format!("sip:{}@{}", budi.username, budi.domain);
        Ok(Self { caller, callee, record, demo, number })
    }

    /// Plays a story once both phones are registered, and stops everything. A failure comes with what everybody has said.
    fn play(mut self, story: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let registered = self.caller.registered().and_then(|()| self.callee.registered());
        registered.and_then(|()| story(&mut self)).with_context(|| {
            format!("{}\n{}\n{}", self.caller.printed(), self.callee.printed(), self.demo.logs())
        })?;
        drop((self.caller, self.callee));
        self.demo.stop()
    }

    fn talk(&mut self) -> Result<String> {
        self.caller.dial(&self.number)?;
        self.caller.talking().context("the caller")?;
        self.callee.talking().context("the callee")?;
        self.demo.live_calls()?.pop().context("a call is up")
    }

    fn hang_up(&mut self) -> Result<()> {
        self.caller.hang_up()?;
        self.caller.over()?;
        self.callee.over()
    }

    fn sambung(&self, arguments: &[&str]) -> Result<String> {
        let mut command = process::our("sambung", arguments)?;
        let output = command.arg("--switch").arg(self.demo.data().join("switch")).output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "sambung {arguments:?}: {said}");
        Ok(String::from_utf8(output.stdout)?)
    }

    fn steps(&mut self, call: &str) -> Result<Vec<String>> {
        self.record.texts(
            "select string_agg(step || ' ' || reason, ', ' order by no) from telephony.recording_steps \
             where call_id = $1::uuid group by recording_id",
            Some(call),
        )
    }

    /// The only recording of a call, by a link: whole, and its first octets alone.
    fn hear(&mut self, call: &str) -> Result<[Vec<i16>; 2]> {
        let query = "select id::text from telephony.recordings where call_id = $1::uuid";
        let mut found = Vec::new();
        wait_until(STORED_MAX, "a stored recording", || {
            found = self.record.texts(query, Some(call))?;
            Ok(!found.is_empty())
        })?;
        let path = format!("/api/telephony/recordings/{}/link", found.first().context("one")?);
        let link: serde_json::Value =
            serde_json::from_slice(&rest(&self.demo, ("POST", &path), "", "{}")?.body)?;
        let url = link["url"].as_str().context("a link")?;
        let part = rest(&self.demo, ("GET", url), "Range: bytes=0-3\r\n", "")?;
        ensure!((&*part.body, part.header("content-type")?) == (b"RIFF", "audio/wav"), "{part:?}");
        let file = self.demo.folder().join("heard.wav");
        fs::write(&file, rest(&self.demo, ("GET", url), "", "")?.body)?;
        read_stereo(&file)
    }

    /// The only recording of a call, out of the store and unlocked: left and right.
    fn fetch(&mut self, call: &str) -> Result<[Vec<i16>; 2]> {
        let query = "select storage_key || ' ' || bytes || ' ' || sha256 || ' ' || length_ms \
                     from telephony.recordings where call_id = $1::uuid";
        let mut found = Vec::new();
        wait_until(STORED_MAX, "a stored recording", || {
            found = self.record.texts(query, Some(call))?;
            Ok(!found.is_empty())
        })?;
        let words: Vec<&str> = found.first().context("one")?.split(' ').collect();
        let [key, bytes, sha256, length_ms] = words[..] else { anyhow::bail!("{found:?}") };
        let object = fs::read(self.demo.data().join("switch/recordings/store").join(key))?;
        let hash: String = Sha256::digest(&object).iter().map(|octet| format!("{octet:02x}")).collect();
        ensure!((object.len().to_string(), hash.as_str()) == (bytes.to_owned(), sha256), "{found:?}");
        ensure!(!object.windows(4).any(|part| part == b"RIFF"), "it is locked");
        let file = self.demo.folder().join("fetched.wav");
        self.sambung(&["recording", "fetch", call, "-o", file.to_str().context("a path")?])?;
        let sides = read_stereo(&file)?;
        ensure!((sides[0].len() / PER_MS).to_string() == length_ms, "{length_ms} ms are told");
        Ok(sides)
    }
}

fn read_stereo(path: &Path) -> Result<[Vec<i16>; 2]> {
    let mut reader = hound::WavReader::open(path)?;
    let spec = reader.spec();
    ensure!((spec.channels, spec.sample_rate, spec.bits_per_sample) == (2, 8_000, 16), "{spec:?}");
    let samples = reader.samples::<i16>().collect::<Result<Vec<_>, _>>()?;
    let side = |which: usize| samples.iter().skip(which).step_by(2).copied().collect();
    Ok([side(0), side(1)])
}

/// Each side holds its own tone for so long, and nothing of the other's.
fn hold_their_own(sides: &[Vec<i16>; 2], at_least_ms: usize) -> Result<()> {
    for (side, hz, other_hz) in [(&sides[0], TONES_HZ[0], TONES_HZ[1]), (&sides[1], TONES_HZ[1], TONES_HZ[0])]
    {
        let heard = audio::listen(side, hz, other_hz);
        ensure!(heard.tone_ms >= at_least_ms && heard.other_ms == 0, "{hz} Hz: {heard:?}");
    }
    Ok(())
}

/// The longest stretch in which no side holds anything at all.
fn longest_silence_ms(sides: &[Vec<i16>; 2]) -> usize {
    let (mut longest, mut now) = (0, 0);
    for (left, right) in sides[0].iter().zip(&sides[1]) {
        now = if (*left, *right) == (0, 0) { now + 1 } else { 0 };
        longest = longest.max(now);
    }
    longest / PER_MS
}

fn sleep_ms(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

#[test]
fn a_call_is_recorded_by_order_through_pause_hold_and_kill_9() -> Result<()> {
    Scene::set(Transport::Udp, Srtp::Off, None)?.play(|scene| {
        let call = scene.talk()?;
        scene.sambung(&["record", &call, "start"])?;
        sleep_ms(1_500);
        scene.sambung(&["record", &call, "pause"])?;
        // Longer than any restart, so that this silence is told from that.
        sleep_ms(6_000);
        scene.sambung(&["record", &call, "resume"])?;
        sleep_ms(1_500);
        let before = scene.demo.daemons("sambungd");
        before.iter().try_for_each(|switch| process::signal(*switch, rustix::process::Signal::KILL))?;
        wait_until(Duration::from_secs(20), "another life of the switch", || {
            Ok(scene.demo.daemons("sambungd") != before && scene.demo.metrics().is_ok())
        })?;
        sleep_ms(1_500);
        scene.caller.hold(true)?;
        sleep_ms(500);
        scene.caller.hold(false)?;
        sleep_ms(1_500);
        scene.hang_up()?;
        let sides = scene.fetch(&call)?;
        let steps = scene.steps(&call)?;
        ensure!(
            steps == ["started command, paused command, resumed command, stopped call_ended"],
            "{steps:?}"
        );
        hold_their_own(&sides, 3_000)?;
        let silence = longest_silence_ms(&sides);
        ensure!(silence >= 5_500, "nothing of the pause is in it: {silence} ms of silence");
        Ok(())
    })
}

/// `*1` twice: a pause that is heard by nobody afterwards, though both have gone on talking.
#[test]
fn whoever_talks_pauses_the_recording_by_keys() -> Result<()> {
    let keys =
        "update telephony.organisation_settings set is_record_a_call = true, has_recording_keys = true";
    Scene::set(Transport::Udp, Srtp::Off, Some(keys))?.play(|scene| {
        let call = scene.talk()?;
        sleep_ms(1_500);
        scene.callee.press("*")?;
        scene.callee.press("1")?;
        sleep_ms(6_000);
        scene.callee.press("*")?;
        scene.callee.press("1")?;
        sleep_ms(1_500);
        scene.caller.hears(TONES_HZ[1], TONES_HZ[0], 6_000)?;
        scene.hang_up()?;
        let sides = scene.fetch(&call)?;
        let steps = scene.steps(&call)?;
        ensure!(steps == ["started policy, paused keys, resumed keys, stopped call_ended"], "{steps:?}");
        hold_their_own(&sides, 2_000)?;
        let silence = longest_silence_ms(&sides);
        ensure!(silence >= 5_000, "nothing of the pause is in it: {silence} ms of silence");
        Ok(())
    })
}

/// `sambung call`: the caller's phone rings, answers, and has called; what is heard and kept is the same as of any call.
#[test]
fn a_call_that_is_ordered_is_heard_and_recorded_as_one_that_was_dialled() -> Result<()> {
    let always = "update telephony.organisation_settings set is_record_a_call = true";
    Scene::set(Transport::Udp, Srtp::Off, Some(always))?.play(|scene| {
        let said = scene.sambung(&["call", "1001", "1002", "--auto-answer"])?;
        let call = said.trim();
        scene.caller.talking().context("the caller")?;
        scene.callee.talking().context("the callee")?;
        scene.caller.hears(TONES_HZ[1], TONES_HZ[0], LEAST_MS)?;
        scene.callee.hears(TONES_HZ[0], TONES_HZ[1], LEAST_MS)?;
        scene.hang_up()?;
        hold_their_own(&scene.fetch(call)?, LEAST_MS)?;
        let query = "select string_agg(event_type, ' ' order by seq) from telephony.call_events \
                     where call_id = $1::uuid";
        let events = scene.record.texts(query, Some(call))?;
        ensure!(events == ["created dial_attempt ringing answered ended"], "{events:?}");
        let why = scene.sambung(&["why", call])?;
        ensure!(why.contains("answered; they talked for"), "{why}");
        let refused = scene.sambung(&["call", "1001", "4711"]).err();
        ensure!(refused.is_some_and(|error| error.to_string().contains("nothing has that number")));
        Ok(())
    })
}

/// A call that a program orders, holds, sends on and ends over HTTP, and hears again by a link that needs no key.
#[test]
fn a_call_is_ordered_held_sent_on_ended_and_heard_again_over_http() -> Result<()> {
    let always = "update telephony.organisation_settings set is_record_a_call = true";
    let demo = Demo::start_speaking()?;
    Scene::around(demo, (Transport::Udp, Srtp::Off), Some(always))?.play(|scene| {
        let order = |demo: &Demo, path: &str, body: &str| -> Result<serde_json::Value> {
            Ok(serde_json::from_slice(&rest(demo, ("POST", path), "", body)?.body)?)
        };
        let call = r#"{"from":"1001","to":"1002","auto_answer":true}"#;
        let call = order(&scene.demo, "/api/telephony/calls", call)?["call_id"]
            .as_str()
            .context("an id")?
            .to_owned();
        scene.caller.talking().context("the caller")?;
        scene.callee.talking().context("the callee")?;
        scene.caller.hears(TONES_HZ[1], TONES_HZ[0], LEAST_MS)?;
        scene.callee.hears(TONES_HZ[0], TONES_HZ[1], LEAST_MS)?;
        let of_call = |word: &str| format!("/api/telephony/live-calls/{call}/{word}");
        for is_on in [true, false] {
            let body = format!(r#"{{"is_on":{is_on}}}"#);
            ensure!(order(&scene.demo, &of_call("hold"), &body)?["outcome"] == "done");
            sleep_ms(500);
        }
        // Whoever was called leaves; the caller is in the conference of the demo, alone.
        ensure!(order(&scene.demo, &of_call("transfer"), r#"{"to":"8000"}"#)?["outcome"] == "done");
        scene.callee.over().context("the callee")?;
        ensure!(scene.demo.live_calls()? == [call.as_str()]);
        ensure!(order(&scene.demo, &of_call("hang-up"), "")?["outcome"] == "done");
        scene.caller.over().context("the caller")?;
        let sides = scene.hear(&call)?;
        for (side, hz, other_hz) in [(0, TONES_HZ[0], TONES_HZ[1]), (1, TONES_HZ[1], TONES_HZ[0])] {
            let heard = audio::listen(&sides[side], hz, other_hz);
            ensure!(heard.tone_ms >= LEAST_MS, "{hz} Hz: {heard:?}");
        }
        Ok(())
    })
}

#[test]
fn all_calls_of_an_organisation_are_recorded_though_they_are_encrypted() -> Result<()> {
    let always = "update telephony.organisation_settings set is_record_a_call = true";
    Scene::set(Transport::Tls, Srtp::Mandatory, Some(always))?.play(|scene| {
        let call = scene.talk()?;
        sleep_ms(5_000);
        scene.hang_up()?;
        let sides = scene.fetch(&call)?;
        hold_their_own(&sides, 1_500)?;
        let steps = scene.steps(&call)?;
        ensure!(steps == ["started policy, stopped call_ended"], "{steps:?}");
        Ok(())
    })
}

/// What baresip has heard before the answer and after it, which it keeps apart.
fn before_and_after(folder: &Path) -> Result<[Vec<i16>; 2]> {
    let mut heard = Vec::new();
    wait_until(STORED_MAX, "two recordings", || {
        let files = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
        let mut files: Vec<_> = files.filter(|path| path.to_string_lossy().ends_with("-dec.wav")).collect();
        files.sort_unstable();
        heard = files.iter().map(|path| audio::read(path)).collect::<Result<Vec<_>>>()?;
        Ok(heard.len() == 2 && heard.iter().all(|samples| !samples.is_empty()))
    })?;
    <[Vec<i16>; 2]>::try_from(heard).map_err(|heard| anyhow::anyhow!("{} recordings", heard.len()))
}

/// HX-22: what is heard before anybody rings is neither phone's tone.
#[test]
fn a_caller_hears_that_it_will_be_recorded_before_anybody_rings() -> Result<()> {
    Scene::set(Transport::Udp, Srtp::Off, None)?.play(|scene| {
        let described = scene.sambung(&["describe", scene.demo.field("/sip/domain")?])?;
        let ordered = "recording = \"on_demand\"\nrecording_notice = false\n";
        ensure!(described.contains(ordered), "{described}");
        let file = scene.demo.folder().join("told.toml");
        fs::write(&file, described.replace(ordered, "recording = \"always\"\nrecording_notice = true\n"))?;
        scene.sambung(&["apply", file.to_str().context("a path")?])?;

        scene.caller.dial(&scene.number)?;
        // The first sound of a switch has to be decoded before it is heard.
        scene.caller.talking().or_else(|_| scene.caller.talking())?;
        let call = scene.demo.live_calls()?.pop().context("a call is up")?;
        sleep_ms(5_000);
        scene.hang_up()?;
        let [before, after] = before_and_after(&scene.demo.folder().join("caller"))?;
        let notice_ms = audio::sound_ms(&before);
        let [early, tone] = [&before, &after].map(|heard| audio::listen(heard, TONES_HZ[1], TONES_HZ[0]));
        ensure!(notice_ms >= 1_500 && early.tone_ms * 10 < notice_ms, "{notice_ms} ms of notice, {early:?}");
        ensure!(tone.tone_ms >= 1_500 && tone.other_ms == 0, "{tone:?}");
        let sides = scene.fetch(&call)?;
        hold_their_own(&sides, 1_500)?;
        let steps = scene.steps(&call)?;
        ensure!(steps == ["started policy_after_notice, stopped call_ended"], "{steps:?}");
        let waited = "select (extract(epoch from max(created_at) - min(created_at)) * 1000)::int8::text \
                      from telephony.call_events where call_id = $1::uuid and event_type in ('created', 'answered')";
        let waited_ms: usize = scene.record.texts(waited, Some(&call))?.concat().parse()?;
        ensure!(waited_ms >= notice_ms, "answered after {waited_ms} ms, {notice_ms} ms of notice");
        Ok(())
    })
}

/// HX-22: of a call that was sent on there is what was said at the desk that has its calls recorded and nothing of the one
/// that does not, and when its time is over there is nothing.
#[test]
fn a_recording_ends_where_the_call_goes_to_a_desk_that_forbids_it_and_is_deleted_when_its_time_is_over()
-> Result<()> {
    const DEWI_HZ: u32 = 800;
    Scene::set(Transport::Udp, Srtp::Off, None)?.play(|scene| {
        let mut described = scene.sambung(&["describe", scene.demo.field("/sip/domain")?])?;
        for (number, recording) in [("100", "never"), ("200", "always")] {
            let key = format!("\n[[extension]]\nnumber = \"{number}\"\n");
            ensure!(described.contains(&key), "{described}");
            described = described.replace(&key, &format!("{key}recording = \"{recording}\"\n"));
        }
        let noticed = "recording_notice = false\n";
        described = described.replace(noticed, &format!("{noticed}recording_retention_days = 2\n"));
        let file = scene.demo.folder().join("desks.toml");
        fs::write(&file, described)?;
        scene.sambung(&["apply", file.to_str().context("a path")?])?;

        // Who calls is of 100 as well, and is left out.
        let (mut dewi, account) = phone(&mut scene.demo, 2, PCMU, DEWI_HZ)?;
        scene.number = uri("200", &account);
        let call = scene.talk()?;
        scene.caller.hears(TONES_HZ[1], TONES_HZ[0], LEAST_MS)?;
        scene.callee.transfer(&uri("100", &account))?;
        dewi.talking().context("the other desk")?;
        scene.callee.over()?;
        scene.caller.hears(DEWI_HZ, TONES_HZ[1], LEAST_MS)?;
        let refused = scene.sambung(&["record", &call, "start"]).map_err(|error| error.to_string());
        ensure!(refused.as_ref().is_err_and(|said| said.contains("neither its extension")), "{refused:?}");
        scene.caller.hang_up()?;
        scene.caller.over()?;
        dewi.over()?;
        let sides = scene.fetch(&call)?;
        hold_their_own(&sides, 1_000)?;
        let heard = audio::listen(&sides[1], DEWI_HZ, TONES_HZ[0]);
        ensure!(heard.tone_ms == 0, "{heard:?}");
        let steps = scene.steps(&call)?;
        ensure!(steps == ["started policy, stopped forbidden"], "{steps:?}");

        let key = scene.record.texts("select storage_key from telephony.recordings", None)?.concat();
        let object = scene.demo.data().join("switch/recordings/store").join(key);
        ensure!(object.exists());
        scene
            .record
            .execute("update telephony.recordings set started_at = started_at - interval '49 hours'")?;
        wait_until(DELETED_MAX, "a deleted recording", || {
            Ok(scene.sambung(&["recording", "list", &call])?.contains(" retention"))
        })?;
        ensure!(!object.exists(), "{} is there", object.display());
        let path = scene.demo.folder().join("late.wav");
        let late = scene.sambung(&["recording", "fetch", &call, "-o", path.to_str().context("a path")?]);
        ensure!(late.is_err_and(|said| said.to_string().contains("it was deleted")));
        Ok(())
    })
}
