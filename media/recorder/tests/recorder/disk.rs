//! A disk that is really full while calls are recorded (RELIABILITY 9).

use std::{
    env,
    fs::{self, File},
    io::{Cursor, Write as _, stderr},
    path::Path,
    process::Command,
};

use recorder::{About, Format, News, Order, Reason, sealed};
use streams::codec::Codec;
use uuid::Uuid;

use crate::studio::{Studio, about, wait_for};

const PHONES: [Codec; 2] = [Codec::Pcma; 2];
/// Says to a child that it has a disk of its own, which holds nine seconds of WAV.
const HAS_OWN_DISK: &str = "SAMBUNG_TEST_OWN_DISK";
const DISK: &str =
    "mount -t tmpfs -o size=300k none \"$TMPDIR\" && exec \"$0\" --exact disk::on_a_small_disk --nocapture";

fn reason(studio: &Studio) -> Reason {
    match studio.news() {
        News::Failed { reason, .. } => reason,
        News::Stored(_) => panic!("nobody stores anything"),
    }
}

/// A file unlocked, and what is in it.
fn open(studio: &Studio, path: &Path) -> (sealed::Opened, Vec<u8>) {
    let mut sound = Cursor::new(Vec::new());
    let opened =
        sealed::open(File::open(path).unwrap(), std::slice::from_ref(&studio.key), &mut sound).unwrap();
    (opened, sound.into_inner())
}

/// Not a test of its own but what is done on a small disk by the process that has one; without it it does nothing.
#[test]
fn on_a_small_disk() {
    if env::var_os(HAS_OWN_DISK).is_none() {
        return;
    }
    let mut studio = Studio::new();
    let first = about(Format::Wav, 0);
    studio.order(Order::Settled);
    studio.begin(&first);
    studio.talk(&first, PHONES, 0, 20_000);
    assert_eq!(reason(&studio), Reason::DiskFull);
    let kept = studio.finished(&first);
    let (opened, sound) = open(&studio, &kept);
    assert!(!opened.is_ended && opened.progress.frames > 200, "what there was room for is kept: {opened:?}");
    // What is begun on a full disk does not last, and costs nothing that is there.
    let second =
        About { number: 8, recording: Uuid::from_u128(8), began_micros: 20_000_000, ..first.clone() };
    studio.begin(&second);
    studio.talk(&second, PHONES, 20_000, 22_000);
    assert_eq!(reason(&studio), Reason::DiskFull);
    assert!(!studio.spool().part(second.recording).exists(), "not even an empty file");
    assert!(sound == open(&studio, &kept).1);
    // There is room again: recordings are as ever.
    studio.order(Order::Recorded(first.recording));
    wait_for(|| !kept.exists());
    let third = About { number: 9, recording: Uuid::from_u128(9), began_micros: 22_000_000, ..first };
    studio.begin(&third);
    studio.talk(&third, PHONES, 22_000, 24_000);
    studio.end(&third, 24_000);
    let path = studio.spool().done(third.recording);
    wait_for(|| path.exists());
    let (opened, _) = open(&studio, &path);
    assert!(opened.is_ended && opened.progress.frames == 103, "{opened:?}");
}

#[test]
fn a_full_disk_ends_recordings_with_that_reason_and_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    // Without privileges only where users may have namespaces of their own.
    let unshared = |words: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount"]).args(words);
        command.env("TMPDIR", &disk).env(HAS_OWN_DISK, "yes").output()
    };
    let can_mount =
        unshared(&["sh", "-c", "mount -t tmpfs none \"$TMPDIR\""]).is_ok_and(|made| made.status.success());
    if !can_mount {
        let _ = writeln!(stderr(), "NOT PROVEN HERE: a full disk; no file system can be mounted");
        return;
    }
    let program = env::current_exe().unwrap();
    let done = unshared(&["sh", "-c", DISK, program.to_str().unwrap()]).unwrap();
    let said = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
}
