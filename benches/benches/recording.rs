//! What recording costs: the media thread's CPU for a packet of a tapped leg beside that of a leg which is not, in turns in
//! one run, and the recorder's own for a second of a call.
//!
//! The target of the first is 15 % more at most: it is what a relay with recorded calls has less to give to all calls. The
//! second is paid by a thread of normal priority, which may be late.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion writes its own items; a bench may stop")]

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::Duration,
};

use benches::{
    relaying::{Call, Thread, packet},
    speech::payloads,
};
use criterion::{Criterion, criterion_group, criterion_main};
use recorder::{
    About, Begin, Format, Order, Parts, Recorder, Spool, WAKE_EVERY,
    key::{Keys, PrivateKey},
};
use relay::{Helpers, TAP_RING_BYTES};
use rtrb::{Consumer, Producer, RingBuffer};
use streams::{
    codec::{Codec, opus::Parameters},
    media::{MediaCommand, Side, Tap},
    tap::{Content, Heard},
};

/// Packets that wait in one socket at the same time: 1 is calm traffic, 32 a full batch.
const BURSTS: [u64; 2] = [1, 32];
/// Turns of tapped and not tapped, and packets in each.
const TURNS: usize = 41;
const TURN_PACKETS: u64 = 2_000;

fn empty(ring: &mut Consumer<u8>) {
    let all = ring.slots();
    ring.read_chunk(all).unwrap().commit_all();
}

/// Whoever is tapped from now on, or nobody.
fn tap(call: &mut Call, recording: Option<u32>) {
    for (lease, side) in call.legs.each_ref().map(|leg| leg.id).into_iter().zip([Side::Left, Side::Right]) {
        let tap = recording.map(|recording| Tap { recording, side });
        call.relay.send(MediaCommand::Tap { lease, tap }).unwrap();
    }
    // The order is obeyed before what comes after it.
    call.carry(10, 1, || {});
}

fn media_thread(c: &mut Criterion) {
    let (ring, mut heard) = RingBuffer::new(TAP_RING_BYTES);
    let mut call = Call::begin(Helpers { recorder: Some(ring), ..Helpers::default() });
    for burst in BURSTS {
        for (name, recording) in [("untapped", None), ("tapped", Some(1))] {
            tap(&mut call, recording);
            c.bench_function(&format!("recording/worker_cpu_{name}_burst_{burst}"), |bench| {
                bench.iter_custom(|packets| call.carry(packets, burst, || empty(&mut heard)));
            });
        }
        let mut ratios: Vec<f64> = (0..TURNS)
            .map(|_| {
                let [without, with] = [None, Some(1)].map(|recording| {
                    tap(&mut call, recording);
                    call.carry(TURN_PACKETS, burst, || empty(&mut heard))
                });
                with.as_secs_f64() / without.as_secs_f64()
            })
            .collect();
        ratios.sort_by(f64::total_cmp);
        let [low, middle, high] = [TURNS / 4, TURNS / 2, TURNS * 3 / 4].map(|at| ratios[at]);
        let _ = writeln!(
            std::io::stderr(),
            "tapped : untapped, {burst} at once: {middle:.3} (the middle half of {TURNS} turns: {low:.3} to {high:.3})"
        );
    }
}

/// A recorder whose time is told.
struct Studio {
    recorder: Recorder,
    ring: Producer<u8>,
    clock: Arc<AtomicU64>,
    finished: mpsc::Receiver<()>,
    thread: Thread,
    now_micros: u64,
    number: u32,
    _folder: tempfile::TempDir,
}

impl Studio {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (ring, taken) = RingBuffer::new(TAP_RING_BYTES);
        let (tell, finished) = mpsc::channel();
        let (counters, clock) = (Arc::default(), Arc::<AtomicU64>::default());
        let time = Arc::clone(&clock);
        let key = PrivateKey::generate().unwrap().public();
        let parts = Parts {
            spool: Spool::open(folder.path(), u64::MAX, Arc::clone(&counters)).unwrap(),
            keys: Keys { calls: key.clone(), messages: key },
            ring: taken,
            clock: Box::new(move || time.load(SeqCst)),
            finished: Box::new(move || {
                let _ = tell.send(());
            }),
            counters,
        };
        let recorder = Recorder::start(parts, || {}).unwrap();
        recorder.send(Order::Settled).unwrap();
        finished.recv().unwrap();
        let thread = Thread::named("recorder");
        Self { recorder, ring, clock, finished, thread, now_micros: 0, number: 0, _folder: folder }
    }

    /// What a recording of so many seconds costs the recorder.
    fn record(&mut self, format: Format, sides: &[(Codec, Vec<Vec<u8>>); 2], seconds: u64) -> Duration {
        let before = self.thread.cpu();
        self.number += 1;
        let (number, recording) = (self.number, uuid::Uuid::from_u128(u128::from(self.number)));
        let id = uuid::Uuid::nil();
        let began_micros = self.now_micros;
        let about =
            About { number, recording, call: id, org: id, began_at: 0, began_micros, format, message: None };
        self.recorder.send(Order::Begin(Box::new(Begin { about, is_paused: false }))).unwrap();
        for frame in 0..seconds * 50 {
            for (side, (codec, payloads)) in [Side::Left, Side::Right].into_iter().zip(sides) {
                self.say(Tap { recording: number, side }, *codec, frame, payloads);
            }
            self.now_micros += 20_000;
            self.clock.store(self.now_micros, SeqCst);
        }
        self.recorder.send(Order::End { number, at_micros: self.now_micros }).unwrap();
        self.now_micros += 1_000_000;
        self.clock.store(self.now_micros, SeqCst);
        self.finished.recv().unwrap();
        let took = self.thread.cpu() - before;
        self.recorder.send(Order::Recorded(recording)).unwrap();
        took
    }

    fn say(&mut self, tap: Tap, codec: Codec, frame: u64, payloads: &[Vec<u8>]) {
        let at = usize::try_from(frame).unwrap();
        let head = packet(tap.recording, u16::try_from(frame % 65_536).unwrap());
        let mut said = head[..12].to_vec();
        let stamp = u32::try_from(frame * 20).unwrap().wrapping_mul(codec.clock_rate_hz() / 1_000);
        said[4..8].copy_from_slice(&stamp.to_be_bytes());
        said.extend_from_slice(&payloads[at % payloads.len()]);
        let heard = Heard::new(tap, self.now_micros, Content::Speech(codec), &said).unwrap();
        let whole = [&heard.head()[..], &said].concat();
        while self.ring.push_entire_slice(&whole).is_err() {
            thread::sleep(WAKE_EVERY / 10);
        }
    }
}

fn recorder_thread(c: &mut Criterion) {
    let mut group = c.benchmark_group("recording");
    group.sample_size(10);
    let of = |codec| (codec, payloads(codec, &Parameters::default()));
    let mut studio = Studio::open();
    for codec in [Codec::Pcma, Codec::Opus] {
        let sides = [of(codec), of(codec)];
        for format in [Format::Wav, Format::Opus] {
            let from = codec.rtpmap().0.to_lowercase();
            group.bench_function(format!("recorder_cpu_second_of_{from}_as_{}", format.as_str()), |bench| {
                bench.iter_custom(|seconds| studio.record(format, &sides, seconds));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, media_thread, recorder_thread);
criterion_main!(benches);
