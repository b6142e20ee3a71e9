//! The engine: one thread that owns all calls of a shard (HOUSE §4a).
//!
//! It pulls messages from the wire, news from the relay and orders from other threads, hands each to the
//! [`Switchboard`] with one `now` per turn, and carries the outputs out in their order through three doors: the wire,
//! the relay, the journal. It decides nothing and never waits but in its poll; every queue into it is bounded.

mod delays;
mod facts;
mod lives;
mod notices;
mod recording;
mod security_log;
mod settings;
mod sights;
mod taking;
mod tap;
mod trunks;

use std::{
    collections::VecDeque,
    io::{self, ErrorKind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use calls::{
    Binding, BindingChange, ClockMark, Command, Input, Notice, Outcome, Output, Outputs, OutsideUse,
    StoredAvailability, StoredMessage, Switchboard,
};
use contract::{
    id::{CallId, RecordingId},
    media::MediaView,
};
use crossbeam_channel::{Receiver, Sender};
use dialplan::Plan;
use mio::{Events, Poll, Token, Waker};
use relay::{Full, Relay};
use sip::{
    Flow,
    locate::{Choice, Target},
};
use streams::media::{MediaCommand, MediaEvent};
use tokio::sync::oneshot;

use crate::{
    bindings::Bindings,
    clock,
    config::{Config, Mistake},
    hep,
    journal::{Journal, OpenCalls},
    live::Live,
    recordings::{self, Desk},
    survival::{FormerLife, Survival},
    trace::{self, Recorder},
    wire::{DATAGRAM_BYTES_MAX, FOREIGN_TOKENS, Wire},
};
pub use delays::Delays;
pub use facts::Facts;
use notices::NoticeLog;
pub use notices::Notices;
use security_log::SecurityLog;
use sights::Asked;
pub use sights::{CapturedStream, Sights};
use taking::Waiting;
use tap::Tap;
pub use trunks::Trunks;

const WAKER: Token = Token(FOREIGN_TOKENS);
/// Orders from other threads that may wait.
const CONTROLS_MAX: usize = 64;
/// Relay events taken in one turn.
const MEDIA_PER_TURN: usize = 256;
/// The clock mark is renewed, and the heart beats, this often.
const TICK_EVERY: Duration = Duration::from_secs(1);
/// While something waits for room elsewhere it is tried again after this.
const RETRY_AFTER: Duration = Duration::from_millis(2);
/// Orders to the relay that may wait for room in its ring. A call needs about eight in its life.
const MEDIA_WAITING_MAX: usize = 262_144;
/// A stopping switch that had calls stays for the first repeat of a BYE that was lost (RFC 3261 §17.1.2.2: T1).
const DRAIN_MIN: Duration = Duration::from_millis(700);
/// A stopping switch waits this long for its calls' goodbyes.
const DRAIN_MAX: Duration = Duration::from_secs(4);
/// A stopping switch waits this long for the disk.
const CLOSE_MAX: Duration = Duration::from_secs(2);

/// What the engine counts.
#[derive(Debug, Default)]
pub struct Counters {
    /// Turns of the loop; it stands still only if the engine does.
    pub turns: AtomicU64,
    /// Calls begun.
    pub calls: AtomicU64,
    /// SIP transactions now.
    pub transactions: AtomicU64,
    /// INVITE sessions now.
    pub sessions: AtomicU64,
    /// Timers of SIP and of calls now.
    pub timers: AtomicU64,
    /// Legs of calls now, leaving ones included.
    pub legs: AtomicU64,
    /// Pairs of media ports in the hands of calls now.
    pub leases: AtomicU64,
    /// Orders to the relay lost for want of room. Anything but 0 is an incident.
    pub media_lost: AtomicU64,
    /// How often a name that the operator trusts was found at other places than before.
    pub located: AtomicU64,
    /// New calls are being refused because the journal cannot keep up.
    pub journal_pressure: AtomicBool,
    /// The switch is stopping.
    pub draining: AtomicBool,
    /// What the switchboard notices, by kind.
    pub notices: Notices,
    /// What the facts of calls add up to.
    pub facts: Facts,
    /// How trunks stand.
    pub trunks: Trunks,
    /// How long messages have waited to be taken.
    pub delays: Delays,
    /// When the engine last looked at the clock, unix microseconds; once a second.
    pub ticked_at: AtomicI64,
    /// When it last found that the media thread had turned since the time before.
    pub media_turned_at: AtomicI64,
}

/// A look at what only the engine's thread may see. It is brief: calls wait meanwhile.
type Look = Box<dyn FnOnce(&Recorder, &Switchboard) + Send>;

/// An order from another thread.
enum Control {
    Plan(Arc<Plan>, oneshot::Sender<()>),
    Command(Command, oneshot::Sender<Outcome>),
    Look(Look),
    Media(Vec<CallId>, oneshot::Sender<Sights>),
    Capture(CallId, u16, oneshot::Sender<Vec<(CallId, CapturedStream)>>),
    Located(Target, Vec<Choice>),
    Mailboxes(Vec<StoredMessage>),
    Availability(Vec<StoredAvailability>),
    OutsideUsed(Vec<OutsideUse>),
    MessageReady(CallId, RecordingId, bool),
    Drain,
    HandOver,
}

/// The way into a running engine. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    controls: Sender<Control>,
    waker: Arc<Waker>,
}

impl Handle {
    /// Gives the engine a plan. The answer comes when it is in use, or fails when there is no engine any more.
    pub fn install(&self, plan: Arc<Plan>) -> oneshot::Receiver<()> {
        let (answer, answered) = oneshot::channel();
        self.send(Control::Plan(plan, answer));
        answered
    }

    /// Has a command carried out. The answer fails when the engine is gone or too busy.
    pub fn command(&self, command: Command) -> oneshot::Receiver<Outcome> {
        let (answer, answered) = oneshot::channel();
        if self.controls.try_send(Control::Command(command, answer)).is_ok() {
            let _ = self.waker.wake();
        }
        answered
    }

    /// Has a look taken between two turns. The answer fails when the engine is gone or too busy.
    pub fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Recorder, &Switchboard) -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (answer, answered) = oneshot::channel();
        let look: Look =
            Box::new(move |recorder, switchboard| drop(answer.send(look(recorder, switchboard))));
        if self.controls.try_send(Control::Look(look)).is_ok() {
            let _ = self.waker.wake();
        }
        answered
    }

    /// Tells where a name leads now; nowhere when it is not looked for any more. False: the engine is too busy, or gone.
    pub fn located(&self, target: Target, choices: Vec<Choice>) -> bool {
        self.try_send(Control::Located(target, choices))
    }

    fn try_send(&self, control: Control) -> bool {
        let is_told = self.controls.try_send(control).is_ok();
        if is_told {
            let _ = self.waker.wake();
        }
        is_told
    }

    /// Ends all calls and then the engine.
    pub fn drain(&self) {
        self.send(Control::Drain);
    }

    /// Ends the engine at once and leaves all calls to the next life.
    pub fn hand_over(&self) {
        self.send(Control::HandOver);
    }

    fn send(&self, control: Control) {
        // A queue that stays full for so long means an engine that hangs, which the watchdog sees.
        if self.controls.send_timeout(control, TICK_EVERY).is_ok() {
            let _ = self.waker.wake();
        }
    }
}

/// What an engine is made of. Everything is open already, so that nothing can fail once it runs.
pub struct Parts {
    /// Bound sockets, registered with `poll`.
    pub wire: Wire,
    /// The engine's poll.
    pub poll: Poll,
    /// A running relay that wakes `waker`.
    pub relay: Relay,
    /// The engine's end of the journal.
    pub journal: Journal,
    /// The registrar's log.
    pub bindings: Bindings,
    /// The way to the recorder.
    pub recordings: Desk,
    /// What that log held.
    pub restored: Vec<Arc<Binding>>,
    /// The last good plan, if there is one.
    pub plan: Option<Arc<Plan>>,
    /// See [`waker`].
    pub waker: Arc<Waker>,
    /// What outlives the process; `None` where there is nobody to keep it.
    pub survival: Option<Survival>,
    /// What the former life has left.
    pub former: FormerLife,
    /// The journal's calls of the former life that are to go on.
    pub open_calls: OpenCalls,
}

/// The waker of an engine's poll; its own threads and the relay's use it.
pub fn waker(poll: &Poll) -> io::Result<Arc<Waker>> {
    Waker::new(poll.registry(), WAKER).map(Arc::new)
}

/// The engine, until [`Engine::run`] takes its thread.
pub struct Engine {
    wire: Wire,
    poll: Poll,
    relay: Relay,
    journal: Journal,
    bindings: Bindings,
    recordings: Desk,
    switchboard: Switchboard,
    controls: Receiver<Control>,
    lanes: Waiting,
    /// Under pressure: the processor time of this thread when it was last looked at.
    pressed_at: Option<Duration>,
    live: Arc<Live>,
    counters: Arc<Counters>,
    out: Outputs,
    tap: Tap,
    hep_counters: Arc<hep::Counters>,
    /// Who waits for the outcome of the command that is being handled.
    asker: Option<oneshot::Sender<Outcome>>,
    /// Who wants to know how media is.
    asked: Asked<MediaView>,
    /// Who wants to have it.
    capturing: Asked<CapturedStream>,
    media_waiting: VecDeque<MediaCommand>,
    /// The relay has been given something in this turn, and has not been woken for it.
    is_relay_due: bool,
    has_more_media: bool,
    /// How often the media thread had turned at the last tick.
    media_wakeups: u64,
    /// Contacts of a former life that wait for the first plan: without one their accounts would seem unknown.
    restored: Vec<Arc<Binding>>,
    notice_log: NoticeLog,
    security_log: SecurityLog,
    tick_at: Instant,
    draining: Option<Draining>,
    survival: Option<Survival>,
    is_handing_over: bool,
    /// A thread that must not end and has.
    defect: Option<&'static str>,
    pressure: bool,
}

#[derive(Clone, Copy)]
struct Draining {
    not_before: Instant,
    not_after: Instant,
}

impl Engine {
    /// Builds the engine and restores the registrations.
    pub fn new(config: &Config, parts: Parts) -> Result<(Self, Handle), Vec<Mistake>> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| vec![Mistake::new("randomness", error)])?;
        let now = Instant::now();
        let mark = ClockMark { instant: now, unix: clock::unix_now() };
        let first_plan = parts.plan.clone().unwrap_or_default();
        let settings = settings::switchboard(config, parts.former.identity.as_deref())?;
        let mut switchboard = Switchboard::new(settings, first_plan, seed, mark);
        if let Some(continuity) = parts.former.continuity {
            switchboard = switchboard.with_images(continuity);
        }
        let (sender, controls) = crossbeam_channel::bounded(CONTROLS_MAX);
        let hep_counters = Arc::<hep::Counters>::default();
        let mirror = hep::Mirror::configured(&config.hep, Arc::clone(&hep_counters))
            .map_err(|error| vec![Mistake::new("hep.password_file", error)])?;
        let tap = Tap::new(Recorder::new(config.trace.memory_bytes_max), mirror, mark);
        let mut engine = Self {
            wire: parts.wire,
            poll: parts.poll,
            relay: parts.relay,
            journal: parts.journal,
            bindings: parts.bindings,
            recordings: parts.recordings,
            switchboard,
            controls,
            lanes: taking::waiting(config, now),
            pressed_at: None,
            live: Arc::default(),
            counters: Arc::default(),
            out: Outputs::new(),
            tap,
            hep_counters,
            asker: None,
            asked: Asked::default(),
            capturing: Asked::default(),
            media_waiting: VecDeque::new(),
            is_relay_due: false,
            has_more_media: false,
            media_wakeups: 0,
            restored: parts.restored,
            notice_log: NoticeLog::default(),
            security_log: SecurityLog::new(now),
            tick_at: now,
            draining: None,
            survival: parts.survival,
            is_handing_over: false,
            defect: None,
            pressure: false,
        };
        if parts.plan.is_some() {
            engine.restore(now);
        }
        engine.resume(now, parts.former, &parts.open_calls);
        engine.recordings.settle();
        Ok((engine, Handle { controls: sender, waker: parts.waker }))
    }

    /// The tables that others read.
    pub fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live)
    }

    /// What is counted.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// What the mirror to Homer counts.
    pub fn hep_counters(&self) -> Arc<hep::Counters> {
        Arc::clone(&self.hep_counters)
    }

    /// What the recorder counts.
    pub fn recording_counters(&self) -> Arc<recordings::Counters> {
        self.recordings.counters()
    }

    /// What the ladder of the last calls counts.
    pub fn trace_counters(&self) -> Arc<trace::Counters> {
        self.tap.recorder.counters()
    }

    /// Turns until it is told to drain and has. After a defect that it can see it drains by itself and says what it was.
    pub fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1_024);
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        self.await_stock();
        loop {
            let rests_from = Instant::now();
            self.rest(rests_from);
            let timeout = self.wait_at_most(rests_from);
            match self.poll.poll(&mut events, Some(timeout)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                outcome => outcome?,
            }
            let now = Instant::now();
            for event in events.iter().filter(|event| event.token() != WAKER) {
                self.wire.ready(event, now);
            }
            self.take_controls(now);
            self.take_media(now);
            self.take_recordings(now);
            self.take_messages(now, &mut buffer);
            let now = Instant::now();
            self.mind_the_time(now);
            self.wake_relay();
            self.counters.turns.fetch_add(1, Ordering::Relaxed);
            if self.is_handing_over {
                self.close_for_the_next();
                return Ok(());
            }
            if self.is_drained(now) {
                break;
            }
        }
        let defect = self.defect;
        self.close();
        defect.map_or(Ok(()), |thread| Err(io::Error::other(format!("the {thread} thread has ended"))))
    }

    /// Gives the switchboard the contacts of a former life, once.
    fn restore(&mut self, now: Instant) {
        let restored = std::mem::take(&mut self.restored);
        if restored.is_empty() {
            return;
        }
        for binding in &restored {
            self.live.change_registration(&BindingChange::Put(Arc::clone(binding)));
        }
        self.handle(now, Input::Restore(restored));
    }

    fn wait_at_most(&mut self, now: Instant) -> Duration {
        if self.wire.has_more() || self.has_more_media || !self.lanes.is_empty() {
            return Duration::ZERO;
        }
        let timer = self.switchboard.deadline().map_or(self.tick_at, |(at, _)| at);
        let at = timer.min(self.tick_at).min(self.wire.deadline());
        let wait = at.saturating_duration_since(now);
        let retry = !self.media_waiting.is_empty() || self.draining.is_some();
        if retry { wait.min(RETRY_AFTER) } else { wait }
    }

    fn take_controls(&mut self, now: Instant) {
        while let Ok(control) = self.controls.try_recv() {
            match control {
                Control::Plan(plan, answer) => {
                    self.handle(now, Input::Plan(plan));
                    self.restore(now);
                    let _ = answer.send(());
                }
                Control::Command(command, answer) => {
                    self.asker = Some(answer);
                    self.handle(now, Input::Command(command));
                    self.asker = None;
                }
                Control::Look(look) => look(&self.tap.recorder, &self.switchboard),
                Control::Media(calls, answer) => {
                    let looks =
                        self.asked.ask(self.streams(&calls), |lease| MediaCommand::Look { lease }, answer);
                    looks.into_iter().for_each(|look| self.send_media(look));
                }
                Control::Capture(call, secs, answer) => {
                    let capture = |lease| MediaCommand::Capture { lease, secs };
                    let orders = self.capturing.ask(self.streams(&[call]), capture, answer);
                    orders.into_iter().for_each(|order| self.send_media(order));
                }
                Control::Mailboxes(all) => self.handle(now, Input::Mailboxes(all)),
                Control::Availability(all) => self.handle(now, Input::Availability(all)),
                Control::OutsideUsed(all) => self.handle(now, Input::OutsideUsed(all)),
                Control::MessageReady(call, recording, is_there) => {
                    self.handle(now, Input::MessageReady { call, recording, is_there });
                }
                Control::Located(target, choices) => {
                    let secure = choices.iter().filter(|choice| choice.transport.is_secure());
                    self.wire.found(&target, secure.flat_map(|choice| choice.addresses.clone()).collect());
                    self.counters.located.fetch_add(u64::from(!choices.is_empty()), Ordering::Relaxed);
                    self.handle(now, Input::Located(target, choices));
                }
                Control::Drain => self.drain(now),
                Control::HandOver => self.hand_over(now),
            }
        }
    }

    fn take_media(&mut self, now: Instant) {
        // The relay wakes us for what is new only, so what is left must be remembered.
        self.has_more_media = true;
        for _ in 0..MEDIA_PER_TURN {
            let Some(event) = self.relay.receive() else {
                self.has_more_media = false;
                return;
            };
            match event {
                MediaEvent::Seen { lease, report } => self.seen(now, lease, report),
                MediaEvent::Captured { lease, capture, origin_unix_micros } => {
                    self.capturing.captured(lease, capture, origin_unix_micros);
                }
                event => self.handle(now, Input::Media(event)),
            }
        }
    }

    /// Everything that happens because of the time, or because of how the journal is doing.
    fn mind_the_time(&mut self, now: Instant) {
        self.wire.sweep(now);
        if let Some(survival) = &mut self.survival {
            survival.mind();
        }
        self.send_waiting_media();
        let journal_pressure = self.journal.pressure();
        self.counters.journal_pressure.store(journal_pressure, Ordering::Relaxed);
        let pressure = journal_pressure || self.draining.is_some();
        if pressure != self.pressure {
            self.pressure = pressure;
            self.handle(now, Input::JournalPressure(pressure));
        }
        if now >= self.tick_at {
            self.tick_at = now + TICK_EVERY;
            let mark = ClockMark { instant: now, unix: clock::unix_now() };
            self.tap.set_clock(mark);
            self.handle(now, Input::Clock(mark));
            let counts = self.switchboard.counts();
            self.counters.transactions.store(counts.transactions as u64, Ordering::Relaxed);
            self.counters.sessions.store(counts.sessions as u64, Ordering::Relaxed);
            self.counters.timers.store(counts.timers as u64, Ordering::Relaxed);
            self.counters.legs.store(counts.legs as u64, Ordering::Relaxed);
            self.counters.leases.store(counts.leases as u64, Ordering::Relaxed);
            self.counters.trunks.stand(self.switchboard.trunk_counts());
            self.recordings.mind();
            self.look_at_media(mark.unix.0);
            self.look_after_threads(now);
        }
        if self.switchboard.deadline().is_some_and(|(at, _)| at <= now) {
            self.handle(now, Input::Timeout);
        }
    }

    /// Whether the media thread has turned since the last tick, when it was asked to.
    fn look_at_media(&mut self, now_micros: i64) {
        let wakeups = self.relay.counters().wakeups.load(Ordering::Relaxed);
        // One that never turns is counted from the first look on.
        let is_first = self.counters.media_turned_at.load(Ordering::Relaxed) == 0;
        if std::mem::replace(&mut self.media_wakeups, wakeups) != wakeups || is_first {
            self.counters.media_turned_at.store(now_micros, Ordering::Relaxed);
        }
        self.counters.ticked_at.store(now_micros, Ordering::Relaxed);
        self.is_relay_due = true;
    }

    fn handle(&mut self, now: Instant, input: Input<'_>) {
        let received = match &input {
            Input::Received { flow, bytes, .. } => Some((*flow, *bytes)),
            _ => None,
        };
        self.switchboard.handle(now, input, &mut self.out);
        self.carry_out(now, received);
    }

    /// Carries out what is decided, in its order. `received` is the message that it follows from.
    fn carry_out(&mut self, now: Instant, mut received: Option<(Flow, &[u8])>) {
        let mut is_shown = true;
        if let Some(survival) = &mut self.survival {
            survival.note(&self.out);
        }
        while let Some(output) = self.out.pop() {
            match output {
                Output::Trusted { connection } => self.trust(connection),
                Output::Send { flow, bytes } => {
                    if let Some((flow, bytes)) = received.take() {
                        self.tap.received(now, flow, bytes);
                    }
                    if is_shown {
                        self.tap.sent(now, flow, &bytes);
                        self.wire.send(now, flow, bytes);
                    } else {
                        self.wire.refuse(now, flow, bytes);
                    }
                }
                Output::Media(command) => self.send_media(command),
                Output::Recording(order) => self.recordings.order(now, &order),
                Output::FetchMessage(fetch) => self.recordings.fetch(fetch),
                Output::Journal(entry) => {
                    let is_call = matches!(entry.fact, contract::journal::Fact::Call(_));
                    self.counters.calls.fetch_add(u64::from(is_call), Ordering::Relaxed);
                    self.counters.facts.add(&entry.fact);
                    self.tap.fact(&entry);
                    self.journal.record(entry);
                }
                Output::Binding(change) => {
                    self.live.change_registration(&change);
                    self.bindings.note(change);
                }
                Output::Live(change) => {
                    if let calls::LiveChange::Put(call) = &change {
                        self.tap.live(call);
                    }
                    self.live.change_call(change);
                }
                Output::Command(outcome) => {
                    let _ = self.asker.take().map(|asker| asker.send(outcome));
                }
                Output::Notice(notice) => {
                    match &notice {
                        Notice::Security(event) => self.security_log.note(now, event),
                        // To show what is turned away would cost more than to turn it away, and push out the rest.
                        Notice::Shed | Notice::ShedAcked => (received, is_shown) = (None, false),
                        _ => {}
                    }
                    self.notice_log.note(now, &notice, &self.counters.notices);
                }
                Output::Trace(trace) => self.tap.trace(trace),
                Output::Trunk(change) => self.counters.trunks.note(change),
                Output::Image(_) => {}
            }
        }
        if let Some((flow, bytes)) = received {
            self.tap.received(now, flow, bytes);
        }
    }

    fn send_media(&mut self, command: MediaCommand) {
        self.send_waiting_media();
        if self.media_waiting.is_empty() {
            self.is_relay_due = true;
            let Err(Full(command)) = self.relay.queue(command) else { return };
            self.media_waiting.push_back(command);
        } else if self.media_waiting.len() < MEDIA_WAITING_MAX {
            self.media_waiting.push_back(command);
        } else if self.counters.media_lost.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!("the media relay does not keep up: orders to it are being lost");
        }
    }

    fn send_waiting_media(&mut self) {
        while let Some(command) = self.media_waiting.pop_front() {
            self.is_relay_due = true;
            if let Err(Full(command)) = self.relay.queue(command) {
                self.media_waiting.push_front(command);
                return;
            }
        }
    }

    /// Once a turn: each wake-up of the media thread costs more than all that it is told.
    fn wake_relay(&mut self) {
        if std::mem::take(&mut self.is_relay_due) {
            self.relay.wake();
        }
    }

    /// Calls that nobody carries or writes down are better ended, and the switch started anew.
    fn look_after_threads(&mut self, now: Instant) {
        let threads = [
            (self.relay.is_running(), "media"),
            (self.journal.is_running(), "journal"),
            (self.bindings.is_running(), "bindings"),
        ];
        if let Some((_, thread)) = threads.into_iter().find(|(is_running, _)| !is_running)
            && self.defect.is_none()
        {
            tracing::error!(thread, "a thread that must not end has ended");
            self.defect = Some(thread);
            self.drain(now);
        }
    }

    /// No new calls, and goodbye to those that are up.
    fn drain(&mut self, now: Instant) {
        if self.draining.is_some() {
            return;
        }
        let calls = self.live.calls();
        let not_before = if calls.is_empty() { now } else { now + DRAIN_MIN };
        self.draining = Some(Draining { not_before, not_after: now + DRAIN_MAX });
        self.counters.draining.store(true, Ordering::Relaxed);
        self.mind_the_time(now);
        tracing::info!(calls = calls.len(), "stopping: no new calls, live ones are ended");
        for call in calls {
            self.handle(now, Input::Command(Command::HangUp { call: call.call }));
        }
    }

    /// Nobody waits for anything from us any more, or not for longer.
    fn is_drained(&self, now: Instant) -> bool {
        let Some(Draining { not_before, not_after }) = self.draining else { return false };
        let counts = self.switchboard.counts();
        now >= not_after || (now >= not_before && counts.calls + counts.leaving_calls == 0)
    }

    fn close(self) {
        let Self { journal, bindings, relay, .. } = self;
        drop(relay);
        if !journal.close(CLOSE_MAX) {
            tracing::error!("the journal could not be written to its end: the last call records are lost");
        }
        if !bindings.close(CLOSE_MAX) {
            tracing::warn!("the latest registrations could not be written; phones will register again");
        }
    }
}
