//! A recorder with a ring that the test fills, and ears for what came out.

use std::{
    f64::consts::TAU,
    fs::File,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::SeqCst},
        mpsc::{self, Receiver},
    },
    time::{Duration, Instant},
};

use recorder::{
    About, Begin, Counters, Format, News, Order, Parts, Recorder, Spool,
    key::{Keys, PrivateKey, PublicKey},
    sealed::{self, Opened, Standing},
};
use rtrb::{Producer, RingBuffer};
use streams::{
    codec::{Codec, Encoder},
    media::{Side, Tap},
    tap::{Content, Heard},
};
use tempfile::TempDir;
use uuid::Uuid;

/// The caller's tone and the callee's.
pub const CALLER_HZ: f64 = 440.0;
pub const CALLEE_HZ: f64 = 1_000.0;
/// No answer takes longer; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A recorder and everything around it.
pub struct Studio {
    pub folder: TempDir,
    pub key: PrivateKey,
    pub counters: Arc<Counters>,
    /// Told of each recording that is finished.
    finished: Receiver<()>,
    pub recorder: Recorder,
    pub ring: Producer<u8>,
    /// Microseconds. It stands until all that came before has been told, so that minutes of a call are played at once.
    clock: Arc<AtomicU64>,
}

impl Studio {
    pub fn new() -> Self {
        Self::with_limit(u64::MAX)
    }

    pub fn with_limit(spool_bytes_max: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = PrivateKey::generate().unwrap();
        Self::over(folder, key, spool_bytes_max, Arc::default())
    }

    fn over(folder: TempDir, key: PrivateKey, spool_bytes_max: u64, clock: Arc<AtomicU64>) -> Self {
        let (ring, recorder, counters, finished) =
            start(&folder.path().join("spool"), key.public(), spool_bytes_max, {
                let clock = Arc::clone(&clock);
                move || clock.load(SeqCst)
            });
        Self { folder, key, counters, finished, recorder, ring, clock }
    }

    /// The process ends without a word to anybody and another one begins.
    pub fn next_life(self) -> Self {
        let Self { folder, key, recorder, clock, .. } = self;
        drop(recorder);
        Self::over(folder, key, u64::MAX, clock)
    }

    /// The same, and the next process has another key. The old one is put with the others.
    pub fn next_life_with(self, key: PrivateKey, old: &mut Vec<PrivateKey>) -> Self {
        let Self { folder, key: before, recorder, clock, .. } = self;
        drop(recorder);
        old.push(before);
        Self::over(folder, key, u64::MAX, clock)
    }

    pub fn spool(&self) -> Spool {
        Spool::open(&self.folder.path().join("spool"), u64::MAX, Arc::default()).unwrap()
    }

    pub fn order(&self, order: Order) {
        self.recorder.send(order).unwrap();
    }

    pub fn begin(&self, about: &About) {
        self.order(Order::Begin(Box::new(Begin { about: about.clone(), is_paused: false })));
    }

    pub fn end(&self, about: &About, at_ms: u64) {
        self.order(Order::End { number: about.number, at_micros: at_ms * 1_000 });
        self.clock.fetch_max(at_ms * 1_000 + 100_000, SeqCst);
    }

    /// Both sides' tones from one instant to another, packet by packet as they come.
    pub fn talk(&mut self, about: &About, codecs: [Codec; 2], from_ms: u64, to_ms: u64) {
        let mut voices = [Voice::new(codecs[0], CALLER_HZ, 1), Voice::new(codecs[1], CALLEE_HZ, 2)];
        for at_ms in (from_ms..to_ms).step_by(20) {
            for (side, voice) in [Side::Left, Side::Right].into_iter().zip(&mut voices) {
                let packet = voice.packet(at_ms);
                self.hear(Tap { recording: about.number, side }, at_ms * 1_000, voice.codec, &packet);
            }
            // The ring is not endless.
            self.clock.fetch_max(at_ms * 1_000, SeqCst);
        }
    }

    pub fn hear(&mut self, tap: Tap, at_micros: u64, codec: Codec, packet: &[u8]) {
        hear(&mut self.ring, tap, at_micros, codec, packet);
    }

    /// Waits until the recording is finished, and where it then is.
    pub fn finished(&self, about: &About) -> PathBuf {
        let path = self.spool().done(about.recording);
        wait_for(|| path.exists());
        self.finished.recv_timeout(PATIENCE).expect("and whoever hands it over is told");
        path
    }

    pub fn news(&self) -> News {
        let mut news = None;
        wait_for(|| {
            news = self.recorder.receive();
            news.is_some()
        });
        news.unwrap()
    }

    /// Unlocks a file, for other programs to read.
    pub fn open(&self, sealed: &Path) -> (Opened, PathBuf) {
        open(sealed, &self.key, self.folder.path())
    }
}

pub fn start(
    spool: &Path,
    key: PublicKey,
    spool_bytes_max: u64,
    clock: impl Fn() -> u64 + Send + 'static,
) -> (Producer<u8>, Recorder, Arc<Counters>, Receiver<()>) {
    let (ring, taken) = RingBuffer::new(4 << 20);
    let (counters, (tell, finished)) = (Arc::<Counters>::default(), mpsc::channel());
    let spool = Spool::open(spool, spool_bytes_max, Arc::clone(&counters)).unwrap();
    let parts = Parts {
        spool,
        keys: Keys { calls: key, messages: messages_key().public() },
        ring: taken,
        clock: Box::new(clock),
        finished: Box::new(move || {
            let _ = tell.send(());
        }),
        counters: Arc::clone(&counters),
    };
    (ring, Recorder::start(parts, || {}).unwrap(), counters, finished)
}

pub fn open(sealed: &Path, key: &PrivateKey, folder: &Path) -> (Opened, PathBuf) {
    let standing = Standing::read(&mut File::open(sealed).unwrap()).unwrap();
    let out = folder.join(format!("open.{}", standing.about.format.as_str()));
    let mut file = File::create(&out).unwrap();
    (sealed::open(File::open(sealed).unwrap(), std::slice::from_ref(key), &mut file).unwrap(), out)
}

pub fn hear(ring: &mut Producer<u8>, tap: Tap, at_micros: u64, codec: Codec, packet: &[u8]) {
    let heard = Heard::new(tap, at_micros, Content::Speech(codec), packet).unwrap();
    let whole = [&heard.head()[..], packet].concat();
    wait_for(|| ring.push_entire_slice(&whole).is_ok());
}

pub fn wait_for(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "it never came");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A recording that begins at that instant.
pub fn about(format: Format, began_ms: u64) -> About {
    About {
        number: 7,
        recording: Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0001),
        call: Uuid::from_u128(2),
        org: Uuid::from_u128(3),
        began_at: 1_795_000_000_000_000,
        began_micros: began_ms * 1_000,
        format,
        message: None,
    }
}

/// What messages are locked with, in all lives.
pub fn messages_key() -> &'static PrivateKey {
    static KEY: OnceLock<PrivateKey> = OnceLock::new();
    KEY.get_or_init(|| PrivateKey::generate().unwrap())
}

/// A phone that sings one tone.
pub struct Voice {
    pub codec: Codec,
    encoder: Encoder,
    hz: f64,
    ssrc: u32,
}

impl Voice {
    pub fn new(codec: Codec, hz: f64, ssrc: u32) -> Self {
        let encoder = Encoder::new(codec, codec.rate(), &Default::default()).unwrap();
        Self { codec, encoder, hz, ssrc }
    }

    /// The packet of these 20 ms.
    pub fn packet(&mut self, at_ms: u64) -> Vec<u8> {
        let rate = self.codec.rate();
        let first = at_ms as usize * rate.per_ms();
        let sample =
            |at: usize| (8_000.0 * (TAU * self.hz * at as f64 / f64::from(rate.hz())).sin()).round() as i16;
        let samples: Vec<i16> = (first..first + rate.frame()).map(sample).collect();
        let mut payload = [0; 1_500];
        let length = self.encoder.encode(&samples, &mut payload).unwrap();
        let sequence = (at_ms / 20) as u16;
        let timestamp = (at_ms as u32).wrapping_mul(self.codec.clock_rate_hz() / 1_000);
        let mut packet = vec![0x80, 0];
        packet.extend_from_slice(&sequence.to_be_bytes());
        packet.extend_from_slice(&timestamp.to_be_bytes());
        packet.extend_from_slice(&self.ssrc.to_be_bytes());
        packet.extend_from_slice(&payload[..length]);
        packet
    }
}

/// Both channels of a file, as sox (WAV) or opusdec (Opus) read it, at this rate.
pub fn listen(file: &Path) -> (Vec<f64>, Vec<f64>, f64) {
    let raw = file.with_extension("raw");
    let is_opus = file.extension().unwrap() == "opus";
    let (hz, mut reader) =
        if is_opus { (48_000.0, Command::new("opusdec")) } else { (8_000.0, Command::new("sox")) };
    if is_opus {
        reader
            .args(["--quiet", "--rate", "48000", "--force-stereo"])
            .arg(file)
            .arg(file.with_extension("wav"));
        assert!(reader.status().unwrap().success(), "opusdec reads it");
        reader = Command::new("sox");
        reader.arg(file.with_extension("wav"));
    } else {
        reader.arg(file);
    }
    let said = reader.args(["-t", "raw", "-e", "signed", "-b", "16", "-L"]).arg(&raw).output().unwrap();
    assert!(said.status.success(), "sox reads it");
    assert_eq!(String::from_utf8_lossy(&said.stderr), "", "without a complaint");
    let octets = std::fs::read(&raw).unwrap();
    let samples: Vec<f64> =
        octets.as_chunks::<2>().0.iter().map(|pair| f64::from(i16::from_le_bytes(*pair))).collect();
    let channel = |which: usize| samples.iter().skip(which).step_by(2).copied().collect();
    (channel(0), channel(1), hz)
}

/// How much of the power of this part of a second is that tone: near 1 when it is nothing else, 0 in silence.
pub fn purity(sound: &[f64], rate_hz: f64, tone_hz: f64, from_ms: usize, to_ms: usize) -> f64 {
    let at = |ms: usize| (ms as f64 * rate_hz / 1_000.0) as usize;
    let part = &sound[at(from_ms)..at(to_ms)];
    let power: f64 = part.iter().map(|sample| sample * sample).sum();
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (n, sample) in part.iter().enumerate() {
        let phase = TAU * tone_hz * n as f64 / rate_hz;
        real += sample * phase.cos();
        imaginary += sample * phase.sin();
    }
    if power < 1.0 { 0.0 } else { 2.0 * (real * real + imaginary * imaginary) / part.len() as f64 / power }
}

/// How many of the tenths of a second of a part hold that tone and little else. Where packets come unevenly single
/// periods are left out or repeated, which a longer look would take for another tone.
pub fn tenths(sound: &[f64], rate_hz: f64, tone_hz: f64, from_ms: usize, to_ms: usize) -> (usize, usize) {
    let starts: Vec<usize> = (from_ms..to_ms.saturating_sub(99)).step_by(100).collect();
    let good = starts.iter().filter(|at| purity(sound, rate_hz, tone_hz, **at, **at + 100) > 0.9);
    (good.count(), starts.len())
}

/// The loudest sample of a part.
pub fn peak(sound: &[f64], rate_hz: f64, from_ms: usize, to_ms: usize) -> f64 {
    let at = |ms: usize| (ms as f64 * rate_hz / 1_000.0) as usize;
    sound[at(from_ms)..at(to_ms)].iter().fold(0.0, |peak, sample| peak.max(sample.abs()))
}
