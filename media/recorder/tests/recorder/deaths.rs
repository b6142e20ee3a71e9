//! Processes that die while they record, at whatever moment.

use std::{
    env,
    fs::File,
    io::{BufRead, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use recorder::{
    Begin, Format, News, Order, Reason,
    key::{PrivateKey, PublicKey},
    sealed::{self, SealedError, Standing},
};
use streams::{
    codec::Codec,
    media::{Side, Tap},
};

use crate::studio::{
    self, CALLEE_HZ, CALLER_HZ, Studio, Voice, about, hear, listen, purity, tenths, wait_for,
};

/// Names the folder to a child, and the format.
const FOLDER: &str = "SAMBUNG_TEST_RECORDER_FOLDER";
const FORMAT: &str = "SAMBUNG_TEST_RECORDER_FORMAT";
/// What may be lost, by the requirement.
const LOST_FRAMES_MAX: u64 = 10;

fn format_named(name: &str) -> Format {
    if name == "opus" { Format::Opus } else { Format::Wav }
}

/// Not a test of its own but the process that another one kills: without the folder it does nothing. It records both tones
/// for ever, and says after each packet of the caller's how many there have been.
#[test]
fn a_process_that_records() {
    let Ok(folder) = env::var(FOLDER) else { return };
    let folder = Path::new(&folder);
    let about = about(format_named(&env::var(FORMAT).unwrap()), 0);
    let key = PublicKey::read(&folder.join("public")).unwrap();
    let origin = Instant::now();
    let (mut ring, recorder, ..) = studio::start(&folder.join("spool"), key, u64::MAX, move || {
        u64::try_from(origin.elapsed().as_micros()).unwrap()
    });
    recorder.send(Order::Begin(Box::new(Begin { about: about.clone(), is_paused: false }))).unwrap();
    recorder.send(Order::Settled).unwrap();
    let mut voices = [Voice::new(Codec::Pcma, CALLER_HZ, 1), Voice::new(Codec::Pcma, CALLEE_HZ, 2)];
    for n in 0_u64.. {
        let due = origin + Duration::from_millis(n * 20);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        for (side, voice) in [Side::Left, Side::Right].into_iter().zip(&mut voices) {
            let packet = voice.packet(n * 20);
            let at_micros = u64::try_from(origin.elapsed().as_micros()).unwrap();
            hear(&mut ring, Tap { recording: about.number, side }, at_micros, voice.codec, &packet);
        }
        let mut out = std::io::stdout().lock();
        writeln!(out, "heard {n}").unwrap();
        out.flush().unwrap();
    }
}

fn child(folder: &Path, format: Format) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "deaths::a_process_that_records", "--nocapture"])
        .env(FOLDER, folder)
        .env(FORMAT, format.as_str())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Kills a process that has heard so many frames; how many it had heard by its own word.
fn kill_after(frames: u64, folder: &Path, format: Format) -> u64 {
    let mut child = child(folder, format);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut heard = 0;
    for line in lines.map_while(Result::ok) {
        let Some(n) = line.rsplit_once("heard ").and_then(|(_, n)| n.parse().ok()) else { continue };
        heard = n;
        if heard == frames {
            // SIGKILL
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    heard
}

fn part(folder: &Path) -> PathBuf {
    folder.join("spool").join(format!("{}.part", about(Format::Wav, 0).recording))
}

/// RELIABILITY 11: the file plays, and at most 200 ms of what was heard are not in it. A busy machine may be late
/// once; one that is late every time writes too seldom.
#[test]
fn a_killed_process_leaves_a_file_that_plays_and_lacks_a_fifth_of_a_second_at_most() {
    for format in [Format::Wav, Format::Opus] {
        let mut lost = Vec::new();
        for frames in [51, 63, 74] {
            let studio = Studio::new();
            let folder = studio.folder.path();
            std::fs::write(folder.join("public"), studio.key.public().to_text()).unwrap();
            let heard = kill_after(frames, folder, format);
            let (opened, file) = studio.open(&part(folder));
            assert!(!opened.is_ended, "nobody has said that this was all");
            lost.push((heard + 1).saturating_sub(u64::from(opened.progress.frames)));
            let (left, right, hz) = listen(&file);
            let length_ms = (left.len() as f64 / hz * 1_000.0) as usize;
            for (sound, tone) in [(&left, CALLER_HZ), (&right, CALLEE_HZ)] {
                let (good, all) = tenths(sound, hz, tone, 100, length_ms - 20);
                assert!(all >= 5 && good * 10 >= all * 7, "{format:?}, {tone} Hz: {good} of {all}");
            }
        }
        assert!(
            lost.iter().any(|frames| *frames <= LOST_FRAMES_MAX),
            "{format:?}: {lost:?} frames were lost"
        );
    }
}

#[test]
fn the_next_process_goes_on_in_the_same_file_and_the_time_between_is_silence() {
    for format in [Format::Wav, Format::Opus] {
        let mut studio = Studio::new();
        let about = about(format, 0);
        studio.order(Order::Settled);
        studio.begin(&about);
        studio.talk(&about, [Codec::Pcma; 2], 0, 1_000);
        let path = studio.spool().part(about.recording);
        let mut studio = studio.next_life();
        let before = Standing::read(&mut File::open(&path).unwrap()).unwrap();
        assert!(!before.is_ended && before.progress.frames >= 50, "{before:?}");
        studio.begin(&about);
        studio.order(Order::Settled);
        let now_ms = u64::from(before.progress.frames) * 20 + 1_000;
        studio.talk(&about, [Codec::Pcma; 2], now_ms, now_ms + 1_000);
        studio.end(&about, now_ms + 1_000);
        let sealed = studio.finished(&about);
        let after = Standing::read(&mut File::open(&sealed).unwrap()).unwrap();
        assert_eq!((after.segments, after.is_ended), (2, true));
        let (opened, file) = studio.open(&sealed);
        assert_eq!(opened.progress, after.progress);
        let (left, right, hz) = listen(&file);
        let now_ms = now_ms as usize;
        for (sound, tone) in [(&left, CALLER_HZ), (&right, CALLEE_HZ)] {
            assert!(purity(sound, hz, tone, 200, 950) > 0.95);
            assert!(purity(sound, hz, tone, now_ms + 200, now_ms + 950) > 0.95);
            assert!(studio::peak(sound, hz, now_ms - 900, now_ms - 100) <= 40.0);
        }
    }
}

#[test]
fn a_recording_whose_call_has_died_too_is_brought_to_its_end() {
    for format in [Format::Wav, Format::Opus] {
        let mut studio = Studio::new();
        let about = about(format, 0);
        studio.order(Order::Settled);
        studio.begin(&about);
        studio.talk(&about, [Codec::Pcma; 2], 0, 1_000);
        let studio = studio.next_life();
        studio.order(Order::Settled);
        let (opened, file) = studio.open(&studio.finished(&about));
        assert!(opened.is_ended);
        let (left, _, hz) = listen(&file);
        assert!(purity(&left, hz, CALLER_HZ, 200, 950) > 0.95);
    }
}

/// Its call has not heard that it has ended: what there is of it is not written over by the next life's.
#[test]
fn a_recording_that_had_ended_before_the_process_died_is_not_begun_again() {
    let mut studio = Studio::with_limit(100_000);
    let about = about(Format::Wav, 0);
    studio.order(Order::Settled);
    studio.begin(&about);
    studio.talk(&about, [Codec::Pcma; 2], 0, 10_000);
    let kept = studio.finished(&about);
    let sealed = std::fs::read(&kept).unwrap();
    let mut studio = studio.next_life();
    studio.begin(&about);
    studio.order(Order::Settled);
    let News::Failed { about: failed, reason } = studio.news() else { panic!("nobody stores anything") };
    assert_eq!((failed.recording, reason), (about.recording, Reason::Ended));
    // The call goes on and ends, and others are recorded.
    studio.talk(&about, [Codec::Pcma; 2], 10_000, 11_000);
    studio.end(&about, 11_000);
    let other = recorder::About { number: 8, recording: uuid::Uuid::from_u128(8), ..about };
    studio.begin(&other);
    studio.talk(&other, [Codec::Pcma; 2], 11_000, 11_500);
    studio.end(&other, 11_500);
    studio.finished(&other);
    assert!(std::fs::read(&kept).unwrap() == sealed, "it is as it was");
}

/// Whatever the last write has left behind, what was written before it is heard; and the file goes on from there.
#[test]
fn a_file_that_is_cut_anywhere_is_good_up_to_its_last_whole_piece() {
    let mut studio = Studio::new();
    let about = about(Format::Wav, 0);
    studio.order(Order::Settled);
    studio.begin(&about);
    let part = part(studio.folder.path());
    let written = || std::fs::metadata(&part).map_or(0, |about| about.len());
    for from_ms in (0..800).step_by(100) {
        let before = written();
        studio.talk(&about, [Codec::Pcma; 2], from_ms, from_ms + 120);
        wait_for(|| written() > before);
    }
    studio.end(&about, 900);
    let whole = std::fs::read(studio.finished(&about)).unwrap();
    let cut = studio.folder.path().join("cut");
    let (mut frames, mut cuts) = (0, 0);
    for length in (0..whole.len()).step_by(97) {
        std::fs::write(&cut, &whole[..length]).unwrap();
        match Standing::read(&mut File::open(&cut).unwrap()) {
            Err(SealedError::NotOurs) => assert!(length < 200, "the beginning is not whole"),
            Err(error) => panic!("{length} bytes: {error}"),
            Ok(standing) => {
                assert!(standing.good_bytes <= length as u64 && !standing.is_ended);
                assert!(standing.progress.frames >= frames, "longer files hold no less");
                frames = standing.progress.frames;
                let (opened, _) = studio.open(&cut);
                assert_eq!(opened.progress, standing.progress, "{length} bytes");
                cuts += 1;
            }
        }
    }
    assert!(cuts > 50 && frames > 10, "{cuts} cuts, {frames} frames in the last");
}

#[test]
fn a_file_that_was_changed_anywhere_is_found_out() {
    let mut studio = Studio::new();
    let about = about(Format::Wav, 0);
    studio.order(Order::Settled);
    studio.begin(&about);
    studio.talk(&about, [Codec::Pcma; 2], 0, 200);
    studio.end(&about, 200);
    let sealed = studio.finished(&about);
    let (whole, file) = studio.open(&sealed);
    let sound = std::fs::read(&file).unwrap();
    let octets = std::fs::read(&sealed).unwrap();
    let changed = studio.folder.path().join("changed");
    for at in (0..octets.len()).step_by(31) {
        let mut other = octets.clone();
        other[at] ^= 0x10;
        std::fs::write(&changed, &other).unwrap();
        let mut out = File::create(studio.folder.path().join("out")).unwrap();
        let outcome =
            sealed::open(File::open(&changed).unwrap(), std::slice::from_ref(&studio.key), &mut out);
        // A length or a kind that was changed looks like a file that was cut; it is not taken for whole.
        let is_whole = outcome.is_ok_and(|opened| opened.is_ended && opened.about == whole.about);
        assert!(!is_whole, "a changed octet {at} of {}", octets.len());
    }
    assert!(sound.len() > 6_000);
}

/// The keys were changed while it was made: what each process has locked wants the key that it had.
#[test]
fn a_recording_is_opened_by_the_keys_that_it_was_locked_for_and_says_which_it_wants() {
    let mut studio = Studio::new();
    let about = about(Format::Wav, 0);
    studio.order(Order::Settled);
    studio.begin(&about);
    studio.talk(&about, [Codec::Pcma; 2], 0, 1_000);
    let (old, new) = (studio.key.public().name_text(), PrivateKey::generate().unwrap());
    let mut keys = vec![];
    let mut studio = studio.next_life_with(new, &mut keys);
    studio.begin(&about);
    studio.order(Order::Settled);
    studio.talk(&about, [Codec::Pcma; 2], 1_000, 2_000);
    studio.end(&about, 2_000);
    let sealed = studio.finished(&about);
    let new = studio.key.public().name_text();
    let out = studio.folder.path().join("out");
    let open = |keys: &[PrivateKey]| {
        sealed::open(File::open(&sealed).unwrap(), keys, &mut File::create(&out).unwrap())
    };
    let refused = open(std::slice::from_ref(&studio.key)).unwrap_err().to_string();
    assert_eq!(refused, format!("is locked for the key {old}; given was {new}"));
    let refused = open(&keys).unwrap_err().to_string();
    assert_eq!(refused, format!("is locked for the key {new}; given was {old}"));
    assert!(old.len() == 16 && old != new);
    keys.push(studio.key);
    assert!(open(&keys).unwrap().is_ended);
}
