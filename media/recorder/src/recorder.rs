//! The thread that makes recordings: takes packets out of the ring, orders from their queue, and writes files.
//!
//! It wakes every [`WAKE_EVERY`] while anything is recorded. Nobody waits for it: where it is slow the ring fills and packets
//! are missing in recordings, nowhere else; where the disk refuses, a recording ends with a reason and its call goes on.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{Arc, atomic::Ordering::Relaxed},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use rtrb::Consumer;
use uuid::Uuid;

use crate::{
    Begin, News, Order, Reason,
    counters::Counters,
    form::{Form, Progress},
    key::Keys,
    ring::Ring,
    sealed::{About, SealedError, Writer},
    spool::Spool,
    take::Take,
    track::Mark,
};

/// How often packets are taken out of the ring while anything is recorded.
pub const WAKE_EVERY: Duration = Duration::from_millis(50);
/// What the media thread has stamped is in the ring at the latest so much later.
const RING_DELAY_MICROS: u64 = 20_000;
/// Recordings at the same time.
const RECORDINGS_MAX: usize = 8_192;
/// Frames of 20 ms of a message, at least: who hangs up sooner has only waited for the tone.
const MESSAGE_FRAMES_MIN: u32 = 2 * 50;
/// Orders that may wait for the thread, as long as its disk may hang.
const ORDERS_MAX: usize = 65_536;
/// News that may wait to be fetched; while there are more none is lost, but no further recording begins.
const NEWS_MAX: usize = 4_096;

/// What a recorder is made of.
pub struct Parts {
    /// Where recordings are made.
    pub spool: Spool,
    /// What they are locked with.
    pub keys: Keys,
    /// Packets of tapped legs.
    pub ring: Consumer<u8>,
    /// The time line of the legs: what the media thread would stamp now, in microseconds.
    pub clock: Box<dyn Fn() -> u64 + Send>,
    /// Called when a recording is finished; quick.
    pub finished: Box<dyn Fn() + Send>,
    /// Figures.
    pub counters: Arc<Counters>,
}

/// A running recorder. Dropping it writes out what there is and leaves the files to the next process.
pub struct Recorder {
    orders: Option<Sender<Order>>,
    news: Receiver<News>,
    news_sender: Sender<News>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Starts the thread. `waker` is called whenever [`Recorder::receive`] has something new.
    pub fn start(parts: Parts, waker: impl Fn() + Send + 'static) -> io::Result<Self> {
        let (orders, taken) = crossbeam_channel::bounded(ORDERS_MAX);
        let (news_sender, news) = crossbeam_channel::bounded(NEWS_MAX);
        let worker = Worker {
            spool: parts.spool,
            keys: parts.keys,
            ring: Some(Ring::new(parts.ring)),
            clock: parts.clock,
            finished: parts.finished,
            counters: parts.counters,
            orders: taken,
            news: news_sender.clone(),
            untold: VecDeque::new(),
            waker: Box::new(waker),
            takes: BTreeMap::new(),
            octets: Vec::new(),
            is_settled: false,
        };
        let thread = thread::Builder::new().name("recorder".into()).spawn(move || worker.run())?;
        Ok(Self { orders: Some(orders), news, news_sender, thread: Some(thread) })
    }

    /// Hands over an order without waiting. It comes back when there is no room.
    pub fn send(&self, order: Order) -> Result<(), Order> {
        let Some(orders) = &self.orders else { return Err(order) };
        orders.try_send(order).map_err(|error| match error {
            TrySendError::Full(order) | TrySendError::Disconnected(order) => order,
        })
    }

    /// The next news, if there is any.
    pub fn receive(&self) -> Option<News> {
        self.news.try_recv().ok()
    }

    /// The way for others to tell news.
    pub fn news(&self) -> Sender<News> {
        self.news_sender.clone()
    }

    /// Whether the thread still turns; false only if it hit a defect.
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been reported by the panic hook already.
            let _ = thread.join();
        }
    }
}

struct Worker {
    spool: Spool,
    keys: Keys,
    /// Taken out while packets are.
    ring: Option<Ring>,
    clock: Box<dyn Fn() -> u64 + Send>,
    finished: Box<dyn Fn() + Send>,
    counters: Arc<Counters>,
    orders: Receiver<Order>,
    news: Sender<News>,
    /// News that found no room.
    untold: VecDeque<News>,
    waker: Box<dyn Fn() + Send>,
    takes: BTreeMap<u32, Take>,
    octets: Vec<u8>,
    /// It is known which of the recordings that a former process has left go on.
    is_settled: bool,
}

impl Worker {
    fn run(mut self) {
        let mut wake_at = Instant::now();
        loop {
            match self.next_order(wake_at) {
                Ok(order) => {
                    self.obey(order);
                    if Instant::now() < wake_at {
                        continue;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            wake_at = Instant::now() + WAKE_EVERY;
            let now = (self.clock)();
            // A pause or an end that was ordered before counts, however long this thread had to wait for its turn.
            self.obey_all();
            self.turn(now.saturating_sub(RING_DELAY_MICROS), false);
        }
        // The media thread has ended before: everything there was is in the ring.
        self.turn((self.clock)(), true);
    }

    fn next_order(&mut self, wake_at: Instant) -> Result<Order, RecvTimeoutError> {
        if self.takes.is_empty() && self.untold.is_empty() {
            return self.orders.recv().map_err(|_| RecvTimeoutError::Disconnected);
        }
        self.orders.recv_deadline(wake_at)
    }

    /// Everything that was heard, and what it makes of the files up to that instant.
    fn turn(&mut self, to_micros: u64, is_last: bool) {
        if !self.is_settled {
            return;
        }
        self.listen();
        let running: Vec<u32> = self.takes.keys().copied().collect();
        for number in running {
            let Some(take) = self.takes.get_mut(&number) else { continue };
            take.advance(to_micros);
            let written = take.write(is_last, &mut self.octets, &self.spool);
            let (is_over, is_too_long) = (take.is_over(), take.is_too_long());
            match written {
                Err(error) => self.fail(number, Reason::of(&error)),
                Ok(()) if is_over => self.finish(number),
                Ok(()) if is_too_long => self.fail(number, Reason::TooLong),
                Ok(()) if self.spool.is_full() => self.fail(number, Reason::SpoolFull),
                Ok(()) => {}
            }
        }
        self.tell_untold();
    }

    fn listen(&mut self) {
        let Some(mut ring) = self.ring.take() else { return };
        while let Some((heard, packet)) = ring.next() {
            self.counters.packets.fetch_add(1, Relaxed);
            if !self.takes.contains_key(&heard.recording) {
                // A recording is ordered before its legs are tapped, but perhaps after orders were looked at last.
                self.obey_all();
            }
            let Some(take) = self.takes.get_mut(&heard.recording) else {
                Counters::add(&self.counters.strays, 1);
                continue;
            };
            take.hear(&heard, packet);
            // At once, not when the ring is empty: after a disk has hung there are minutes in it.
            if let Err(error) = take.write(false, &mut self.octets, &self.spool) {
                self.fail(heard.recording, Reason::of(&error));
            }
        }
        self.ring = Some(ring);
    }

    /// What has been ordered so far.
    fn obey_all(&mut self) {
        while let Ok(order) = self.orders.try_recv() {
            self.obey(order);
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Begin(begin) => self.begin(*begin),
            Order::Pause { number, at_micros } => self.mark(number, at_micros, Mark::Pause),
            Order::Resume { number, at_micros } => self.mark(number, at_micros, Mark::Resume),
            Order::End { number, at_micros } => self.mark(number, at_micros, Mark::End),
            Order::Recorded(recording) => self.spool.remove(&self.spool.done(recording)),
            Order::Settled => self.settle(),
        }
    }

    fn mark(&mut self, number: u32, at_micros: u64, mark: Mark) {
        // One that has failed may still be paused or ended by its call.
        if let Some(take) = self.takes.get_mut(&number) {
            take.mark(at_micros, mark);
        }
    }

    fn begin(&mut self, begin: Begin) {
        let refusal = if self.takes.len() >= RECORDINGS_MAX || self.untold.len() >= NEWS_MAX {
            Some(Reason::TooMany)
        } else if self.takes.contains_key(&begin.about.number) {
            Some(Reason::NumberTaken)
        } else if self.spool.done(begin.about.recording).exists() {
            // A second file of its id would take the place of the first.
            Some(Reason::Ended)
        } else {
            self.spool.is_full().then_some(Reason::SpoolFull)
        };
        let begun = match refusal {
            Some(reason) => Err(reason),
            None => Take::begin(&begin, &self.spool, &self.keys).map_err(|error| Reason::of(&error)),
        };
        match begun {
            Ok(take) => {
                Counters::add(&self.counters.begun, 1);
                self.takes.insert(begin.about.number, take);
                self.count();
            }
            Err(reason) => self.failed(begin.about, reason),
        }
    }

    fn count(&self) {
        self.counters.running.store(self.takes.len() as u64, Relaxed);
    }

    fn finish(&mut self, number: u32) {
        let Some(take) = self.takes.remove(&number) else { return };
        self.count();
        let (about, progress) = (take.about.clone(), take.progress());
        if let Err(error) = take.end(&self.spool) {
            tracing::warn!(recording = %about.recording, %error, "the end of a recording could not be written");
        }
        self.hand_over(&about, progress);
    }

    /// Ends a recording before its time. What there is of it is kept.
    fn fail(&mut self, number: u32, reason: Reason) {
        let Some(take) = self.takes.remove(&number) else { return };
        self.count();
        let (about, progress) = (take.about.clone(), take.progress());
        match reason {
            Reason::TooLong | Reason::SpoolFull => drop(take.end(&self.spool)),
            _ => drop(take),
        }
        self.hand_over(&about, progress);
        self.failed(about, reason);
    }

    fn failed(&mut self, about: About, reason: Reason) {
        Counters::add(&self.counters.failed, 1);
        tracing::warn!(recording = %about.recording, call = %about.call, reason = reason.as_str(), "a recording has failed; its call goes on");
        self.untold.push_back(News::Failed { about, reason });
        self.tell_untold();
    }

    fn hand_over(&self, about: &About, progress: Progress) {
        let part = self.spool.part(about.recording);
        let least = if about.message.is_some() { MESSAGE_FRAMES_MIN } else { 1 };
        if progress.frames < least {
            self.spool.remove(&part);
        } else if let Err(error) = self.spool.finish(about.recording) {
            tracing::error!(recording = %about.recording, %error, "a finished recording could not be renamed; the next start takes care of it");
        } else {
            (self.finished)();
        }
    }

    /// Whatever was left and does not go on is brought to its end.
    fn settle(&mut self) {
        self.is_settled = true;
        let running: Vec<Uuid> = self.takes.values().map(|take| take.about.recording).collect();
        let left = self.spool.parts().unwrap_or_default();
        for recording in left.into_iter().filter(|recording| !running.contains(recording)) {
            match self.bring_to_its_end(recording) {
                Ok((about, progress)) => {
                    Counters::add(&self.counters.left_over, 1);
                    self.hand_over(&about, progress);
                }
                Err(error) => {
                    tracing::error!(%recording, %error, "a recording that was left over cannot be read; it is put aside");
                    self.spool.put_aside(&self.spool.part(recording));
                }
            }
        }
        (self.finished)();
    }

    fn bring_to_its_end(&self, recording: Uuid) -> Result<(About, Progress), SealedError> {
        let (mut writer, standing) = Writer::go_on(&self.spool.part(recording), &self.keys)?;
        let (about, mut progress, mut octets) = (standing.about, standing.progress, Vec::new());
        // The page that ends the stream wants the number by which it was begun.
        let mut form = Form::new(about.format, about.number).map_err(|_| SealedError::Locking)?;
        form.flush(true, &mut progress, &mut octets);
        if !octets.is_empty() && progress.frames > 0 {
            writer.append(&octets, progress)?;
        }
        self.spool.grew(writer.end(progress)?.saturating_sub(standing.good_bytes));
        Ok((about, progress))
    }

    fn tell_untold(&mut self) {
        let mut is_told = false;
        while let Some(news) = self.untold.pop_front() {
            if let Err(TrySendError::Full(news)) = self.news.try_send(news) {
                self.untold.push_front(news);
                break;
            }
            is_told = true;
        }
        if is_told {
            (self.waker)();
        }
    }
}
