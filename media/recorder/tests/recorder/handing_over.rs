//! Finished recordings on their way to the store.

use std::{
    fs,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use recorder::{Format, HandOver, News, Order, Store, StoreConfig, Stored};
use sha2::{Digest as _, Sha256};
use streams::codec::Codec;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::studio::{CALLER_HZ, Studio, about, listen, purity, wait_for};

fn hand_over(studio: &Studio, store: Store) -> tokio::runtime::Runtime {
    hand_over_when(studio, store, Arc::default())
}

fn hand_over_when(studio: &Studio, store: Store, finished: Arc<Notify>) -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let task = HandOver {
        spool: studio.spool(),
        store,
        news: studio.recorder.news(),
        waker: Box::new(|| {}),
        finished,
        counters: studio.counters.clone(),
    };
    runtime.spawn(task.run());
    runtime
}

fn stored(studio: &Studio) -> Stored {
    match studio.news() {
        News::Stored(stored) => *stored,
        News::Failed { reason, .. } => panic!("failed: {reason:?}"),
    }
}

fn record(studio: &mut Studio, length_ms: u64) -> recorder::About {
    let about = about(Format::Wav, 0);
    studio.order(Order::Settled);
    studio.begin(&about);
    studio.talk(&about, [Codec::Pcma; 2], 0, length_ms);
    studio.end(&about, length_ms);
    studio.finished(&about);
    about
}

#[test]
fn what_is_stored_has_the_name_the_length_and_the_hash_that_are_told() {
    let mut studio = Studio::new();
    let folder = studio.folder.path().join("store");
    // Over eight mebibytes: it goes in parts.
    let about = record(&mut studio, 280_000);
    let runtime = hand_over(&studio, Store::open(&StoreConfig::Folder(folder.clone())).unwrap());
    let stored = stored(&studio);
    assert_eq!(stored.about, about);
    assert_eq!((stored.length_ms, stored.interruptions), (280_060, 0));
    assert_eq!(
        stored.key,
        "00000000-0000-0000-0000-000000000003/2026-11-18/00000000-0000-0000-0000-000000000002/\
         01930000-0000-7000-8000-000000000001.wav.sealed"
    );
    let object = fs::read(folder.join(&stored.key)).unwrap();
    let sha256: [u8; 32] = Sha256::digest(&object).into();
    assert_eq!((object.len() as u64, sha256), (stored.bytes, stored.sha256));
    assert!(object.len() > 8 << 20);
    let (_, file) = studio.open(&folder.join(&stored.key));
    let (left, _, hz) = listen(&file);
    assert!(purity(&left, hz, CALLER_HZ, 270_000, 271_000) > 0.95);
    // It is kept until that is written down somewhere.
    let waiting = studio.spool().done(about.recording);
    assert!(waiting.exists());
    studio.order(Order::Recorded(about.recording));
    wait_for(|| !waiting.exists());
    drop(runtime);
}

#[test]
fn a_recording_that_nobody_has_written_down_is_told_again_by_the_next_process() {
    let mut studio = Studio::new();
    let config = StoreConfig::Folder(studio.folder.path().join("store"));
    record(&mut studio, 1_000);
    let runtime = hand_over(&studio, Store::open(&config).unwrap());
    let first = stored(&studio);
    drop(runtime);
    let studio = studio.next_life();
    studio.order(Order::Settled);
    let runtime = hand_over(&studio, Store::open(&config).unwrap());
    assert_eq!(stored(&studio), first);
    drop(runtime);
}

#[test]
fn a_store_that_is_away_is_waited_for_and_nothing_is_lost() {
    let mut studio = Studio::new();
    let folder = studio.folder.path().join("store");
    let store = Store::open(&StoreConfig::Folder(folder.clone())).unwrap();
    fs::remove_dir(&folder).unwrap();
    // A file in the place of the folder: nobody may put anything there, not even root.
    fs::write(&folder, b"").unwrap();
    let about = record(&mut studio, 1_000);
    let runtime = hand_over(&studio, store);
    wait_for(|| studio.counters.store_failures.load(Relaxed) > 0);
    fs::remove_file(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    assert_eq!(stored(&studio).about, about);
    drop(runtime);
}

#[test]
fn a_file_in_the_spool_that_is_no_recording_holds_up_no_other() {
    let mut studio = Studio::new();
    let stray = studio.spool().done(Uuid::from_u128(1));
    fs::write(&stray, b"not a recording").unwrap();
    let about = record(&mut studio, 1_000);
    let store = Store::open(&StoreConfig::Folder(studio.folder.path().join("store"))).unwrap();
    let runtime = hand_over(&studio, store);
    assert_eq!(stored(&studio).about, about);
    assert!(!stray.exists() && stray.with_extension("unreadable").exists(), "and it is kept for people");
    drop(runtime);
}

/// A bad sector, say: the disk does not give one file. The others do not wait for it, now or later.
#[test]
fn a_recording_that_the_disk_does_not_give_holds_up_no_other_and_is_not_put_aside() {
    let mut studio = Studio::new();
    // Whoever reads a folder as a file gets an error, root too.
    let bad = studio.spool().done(Uuid::from_u128(1));
    fs::create_dir(&bad).unwrap();
    let first = record(&mut studio, 1_000);
    let store = Store::open(&StoreConfig::Folder(studio.folder.path().join("store"))).unwrap();
    let finished = Arc::<Notify>::default();
    let runtime = hand_over_when(&studio, store, Arc::clone(&finished));
    assert_eq!(stored(&studio).about, first);
    let failures = || studio.counters.store_failures.load(Relaxed);
    assert!(failures() > 0 && bad.exists(), "it is tried again");
    // The disk has thought better of it.
    fs::remove_dir(&bad).unwrap();
    fs::rename(studio.spool().done(first.recording), &bad).unwrap();
    finished.notify_one();
    assert_eq!(stored(&studio).about, first);
    drop(runtime);
}

#[test]
fn a_spool_that_cannot_be_read_now_is_not_an_empty_one() {
    let mut studio = Studio::new();
    let first = record(&mut studio, 1_000);
    let store = Store::open(&StoreConfig::Folder(studio.folder.path().join("store"))).unwrap();
    let finished = Arc::<Notify>::default();
    let runtime = hand_over_when(&studio, store, Arc::clone(&finished));
    assert_eq!(stored(&studio).about, first);
    let (spool, away) = (studio.folder.path().join("spool"), studio.folder.path().join("away"));
    fs::rename(&spool, &away).unwrap();
    finished.notify_one();
    wait_for(|| studio.counters.store_failures.load(Relaxed) > 0);
    assert_eq!(studio.counters.waiting.load(Relaxed), 1, "as it was last known");
    fs::rename(&away, &spool).unwrap();
    // It is looked through again by itself, and nobody is told twice what the store has.
    let second =
        recorder::About { number: 8, recording: Uuid::from_u128(8 << 120), ..about(Format::Wav, 2_000) };
    studio.begin(&second);
    studio.talk(&second, [Codec::Pcma; 2], 2_000, 3_000);
    studio.end(&second, 3_000);
    studio.finished(&second);
    assert_eq!(stored(&studio).about, second);
    drop(runtime);
}

/// S3 as far as one small object needs it (PUT, HEAD), by a server of a few lines.
#[cfg(feature = "s3")]
#[test]
fn a_bucket_is_spoken_to_in_s3_with_signed_requests() {
    let mut studio = Studio::new();
    let about = record(&mut studio, 1_000);
    let sealed = fs::read(studio.spool().done(about.recording)).unwrap();
    let (address, objects) = bucket::serve();
    let config = StoreConfig::S3 {
        url: String::from("s3://calls/recordings"),
        endpoint: Some(format!("http://{address}")),
        region: Some(String::from("ap-southeast-3")),
    };
    let store = Store::open_with(&config, [("aws_access_key_id", "id"), ("aws_secret_access_key", "secret")])
        .unwrap();
    let runtime = hand_over(&studio, store);
    let stored = stored(&studio);
    let objects: std::collections::BTreeMap<String, (String, Vec<u8>)> = objects.lock().unwrap().clone();
    let (authorization, object) = &objects[&format!("/calls/recordings/{}", stored.key)];
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=id/"), "{authorization}");
    assert!(authorization.contains("/ap-southeast-3/s3/aws4_request"), "{authorization}");
    assert_eq!(*object, sealed);
    drop(runtime);
}

#[cfg(feature = "s3")]
mod bucket {
    //! A server that keeps what is put there.

    use std::{
        collections::BTreeMap,
        io::{BufRead, BufReader, Read as _, Write as _},
        net::{SocketAddr, TcpListener, TcpStream},
        sync::{Arc, Mutex},
        thread,
    };

    type Objects = Arc<Mutex<BTreeMap<String, (String, Vec<u8>)>>>;

    pub fn serve() -> (SocketAddr, Objects) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let objects = Objects::default();
        let kept = Arc::clone(&objects);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || while answer(&stream, &kept).is_some() {});
            }
        });
        (address, objects)
    }

    fn answer(mut stream: &TcpStream, objects: &Objects) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let mut words = line.split(' ');
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let (mut length, mut authorization) = (0, String::new());
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            let Some((name, value)) = header.split_once(": ") else { break };
            match name.to_lowercase().as_str() {
                "content-length" => length = value.trim().parse().ok()?,
                "authorization" => authorization = value.trim().to_owned(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let mut objects = objects.lock().unwrap();
        let answer = match (method.as_str(), objects.get(&path)) {
            ("PUT", _) => {
                objects.insert(path, (authorization, body));
                String::from("HTTP/1.1 200 OK\r\netag: \"1\"\r\ncontent-length: 0\r\n\r\n")
            }
            ("HEAD", Some((_, object))) => format!(
                "HTTP/1.1 200 OK\r\netag: \"1\"\r\nlast-modified: Sat, 21 Nov 2026 10:00:00 GMT\r\n\
                 content-length: {}\r\n\r\n",
                object.len()
            ),
            _ => String::from("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"),
        };
        stream.write_all(answer.as_bytes()).ok()
    }
}
