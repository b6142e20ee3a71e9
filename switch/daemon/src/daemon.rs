//! One switch, from configuration to exit: opens everything, starts the threads and tasks, and ends them in order.
//!
//! Opening comes first and whole: whatever is wrong (a busy port, an unreadable folder, a bad URL) is reported
//! together, and nothing has been started then. After that nothing but a defect or a signal ends the switch.

use std::{
    env,
    fs::{self, DirBuilder, File},
    io,
    net::TcpListener,
    os::unix::fs::DirBuilderExt,
    sync::{Arc, atomic::Ordering},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use dialplan::Plan;
use mio::{Poll, Waker};
use recorder::HandOver;
use relay::{Helpers, Keep, MediaAddress, Relay, RelayConfig, RelayError};
use rtrb::Producer;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::{oneshot, watch};

use crate::{
    append_log::{self, Position},
    atomic_file, bindings,
    config::{self, Config, Mistake},
    engine::{self, Engine},
    journal::{self, feeder::Feeder},
    messages::Reader,
    notify::Notifier,
    plan_watch::{self, OwnSounds, PlanWatch},
    recordings::{self, Retention},
    resolve::Resolver,
    sound_files::{self, Librarian},
    survival::{self, FormerLife, Inherited, Survival, fd_store, heir::Estate},
    switch_api::{self, Switch, Token, events::Source},
    wire::{self, Wire},
};

/// A stopping switch gives the feeder this long for the last records.
const LAST_DELIVERY_MAX: Duration = Duration::from_secs(2);
/// Pairs of ports in stock for each address: a burst of calls, such as those that have waited for a restart, finds them
/// bound already.
const STOCK_PAIRS: usize = 256;
/// How often it is looked whether engine and media thread have turned. The watchdog notices later by so much at most.
const HEARTBEAT_EVERY: Duration = Duration::from_millis(250);
/// Larger files are no file with one line.
const LINE_BYTES_MAX: u64 = 4 * 1024;

/// Everything open, nothing running.
pub struct Daemon {
    engine: Engine,
    handle: engine::Handle,
    switch: Switch,
    token: Token,
    listener: TcpListener,
    durable: watch::Receiver<Position>,
    database: PgConnectOptions,
    resolver: Option<Resolver>,
    config: Config,
    notifier: Notifier,
    /// Ends when the engine and the relay have let go of the store.
    store: Option<fd_store::Thread>,
    estate: Option<Estate>,
    /// Brings recordings to their store, and messages of mailboxes from there to the sounds.
    beside: (HandOver, Reader, Option<Librarian>),
    /// Held for as long as the data folder is ours.
    _lock: File,
}

impl Daemon {
    /// Opens everything that the configuration names. All that is wrong is reported together.
    pub fn open(config: Config) -> Result<Self, Vec<Mistake>> {
        Self::resume(config, Inherited::default())
    }

    /// As [`Daemon::open`], going on with what a former life has left.
    pub fn resume(config: Config, mut inherited: Inherited) -> Result<Self, Vec<Mistake>> {
        let poll = Poll::new().map_err(|error| one("sip", error))?;
        let waker = engine::waker(&poll).map_err(|error| one("sip", error))?;
        let mut mistakes = Vec::new();
        let lock = keep(lock_data_dir(&config), &mut mistakes);
        let database = keep(database(&config.database), &mut mistakes);
        let notifier = Notifier::from_environment();
        let mut life = Life::begin(&notifier, &mut inherited).map_err(|error| one("survival", error))?;
        let sockets = survival::wire(&mut inherited, &life.former.unread);
        let wire = keep(Wire::adopt(&config.sip, sockets, poll.registry(), Instant::now()), &mut mistakes);
        let resolver = keep(Resolver::open(&config.sip), &mut mistakes);
        let recordings = keep(life.recordings(lock.as_ref(), &config, Arc::clone(&waker)), &mut mistakes);
        let relay = keep(life.relay(&config, Arc::clone(&waker)), &mut mistakes);
        let listener = keep(listen(&config), &mut mistakes);
        let opened = (lock, database, wire, resolver, relay, listener.zip(recordings));
        let (Some(lock), Some(database), Some(wire), Some(resolver), Some(relay), Some(rest)) = opened else {
            return Err(mistakes);
        };
        let (listener, (mut recordings, hand_over, reader)) = rest;
        let token = token(&config)?;
        let (bindings, restored) =
            bindings::open(&config.bindings_dir()).map_err(|error| in_data(&config, "bindings", &error))?;
        let journal = life.journal(&config, &wire).map_err(|error| in_data(&config, "journal", &error))?;
        recordings.watch(Arc::clone(&journal.counters));
        let Life { survival, former, store, estate, librarian, .. } = life;
        let (kept, plan_counters) = kept_plan(&config, resolver.as_ref());
        let (tls, wire_counters, relay_counters) = (wire.tls(), wire.counters(), relay.counters());
        let (journal_counters, bindings_counters) = (journal.counters, bindings.counters());
        let parts = engine::Parts {
            wire,
            poll,
            relay,
            journal: journal.journal,
            bindings,
            recordings,
            restored,
            plan: kept,
            waker,
            survival,
            former,
            open_calls: journal.open,
        };
        let (engine, handle) = Engine::new(&config, parts)?;
        let switch = Switch {
            wire: wire_counters,
            relay: relay_counters,
            journal: journal_counters,
            bindings: bindings_counters,
            plan: plan_counters,
            tls,
            ..switch_of(&engine, handle.clone(), &journal.durable, &reader, &config)
        };
        announce(&listener, &config)?;
        Ok(Self {
            engine,
            handle,
            switch,
            token,
            listener,
            durable: journal.durable,
            database,
            resolver,
            config,
            notifier,
            store,
            estate,
            beside: (hand_over, reader, librarian),
            _lock: lock,
        })
    }

    /// Runs until `stop` is done, then ends all calls, writes everything and returns. A defect ends it in the same
    /// order, as far as that still goes, and is the error. Call it on a tokio runtime.
    pub async fn run(self, stop: impl Future<Output = Stop>) -> anyhow::Result<()> {
        let Self {
            engine,
            handle,
            switch,
            token,
            listener,
            durable,
            database,
            resolver,
            config,
            notifier,
            store,
            estate,
            beside,
            _lock,
        } = self;
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let router = switch_api::router(switch.clone(), token);
        let (engine, engine_ended) = spawn_engine(engine)?;
        let api = tokio::spawn(async move { axum::serve(listener, router).await });
        let feeder =
            Feeder::new(&config.journal_dir(), durable, database.clone(), Arc::clone(&switch.journal))
                .keeping(config.events.kept_segments);
        let mut feeder = tokio::spawn(feeder.run());
        let mut watch =
            watch_plan(database.clone(), &config, (&handle, resolver.clone(), beside.2.clone()), &switch);
        let besides = look_beside(switch.tls.clone(), (resolver, database), handle.clone(), beside);
        let sip = &config.sip;
        tracing::info!(udp = ?sip.udp, tcp = ?sip.tcp, tls = ?sip.tls, api = %address, "sambungd takes traffic");
        notifier.send("READY=1");

        let reason = tokio::select! {
            stop = stop => Ok(stop),
            () = heartbeat(&notifier, &switch) => Ok(Stop::Drain),
            _ = engine_ended => Err("the engine has ended"),
            _ = &mut feeder => Err("the feeder has ended"),
            _ = &mut watch => Err("the plan watch has ended"),
        };
        let defect =
            reason.inspect_err(|defect| tracing::error!(defect, "stopping because of a defect")).err();
        let is_handed_over = reason == Ok(Stop::HandOver) && has_heir(estate).await;
        notifier.send("STOPPING=1");
        if is_handed_over {
            handle.hand_over();
        } else {
            handle.drain();
        }
        let engine = tokio::task::spawn_blocking(move || engine.join()).await?;
        watch.abort();
        besides.abort();
        // What was put into the store last has reached the manager then.
        drop(store);
        if is_handed_over {
            feeder.abort();
        } else if !feeder.is_finished() && tokio::time::timeout(LAST_DELIVERY_MAX, feeder).await.is_err() {
            tracing::info!(
                "the database has not taken all call records yet; they are delivered after the next start"
            );
        }
        api.abort();
        let _ = fs::remove_file(config.switch_api_url_file());
        tracing::info!("sambungd has stopped");
        engine.map_err(|_| anyhow::anyhow!("the engine panicked"))??;
        defect.map_or(Ok(()), |defect| Err(anyhow::anyhow!(defect)))
    }
}

/// Keeps the engine up to date with what the database says: configuration, messages in mailboxes, what people have turned on
/// and off, and sounds.
fn watch_plan(
    database: PgConnectOptions,
    config: &Config,
    (handle, resolver, librarian): (&engine::Handle, Option<Resolver>, Option<Librarian>),
    switch: &Switch,
) -> tokio::task::JoinHandle<()> {
    let (installer, teller, of_people, of_budgets) =
        (handle.clone(), handle.clone(), handle.clone(), handle.clone());
    let install = move |plan: Arc<Plan>| {
        if let Some(resolver) = &resolver {
            resolver.follow(&plan);
        }
        installer.install(plan)
    };
    let watch = PlanWatch::new(database, config.plan_file(), install, Arc::clone(&switch.plan));
    let watch = watch.with_mailboxes(move |all| teller.mailboxes(all));
    let watch = watch.with_availability(move |all| of_people.availability(all));
    let watch = watch.with_budgets(move |all| of_budgets.outside_used(all));
    let sounds =
        librarian.map(|librarian| OwnSounds::open(config.own_sounds_dir(), move |all| librarian.own(all)));
    tokio::spawn(watch.with_sounds(sounds).run())
}

fn token(config: &Config) -> Result<Token, Vec<Mistake>> {
    let path = config.token_file();
    Token::read_or_make(&path)
        .map_err(|error| one("switch_api.token_file", format!("{}: {error}", path.display())))
}

/// Writes down where the switch API listens.
fn announce(listener: &TcpListener, config: &Config) -> Result<(), Vec<Mistake>> {
    let path = config.switch_api_url_file();
    listener
        .local_addr()
        .and_then(|address| switch_api::write_url(&path, address))
        .map_err(|error| one("switch_api.url_file", format!("{}: {error}", path.display())))
}

fn one(key: &str, reason: impl std::fmt::Display) -> Vec<Mistake> {
    vec![Mistake::new(key, reason)]
}

fn in_data(config: &Config, what: &str, error: &io::Error) -> Vec<Mistake> {
    one("data_dir", format!("{}: {what}: {error}", config.data_dir.display()))
}

fn keep<T>(outcome: Result<T, Vec<Mistake>>, mistakes: &mut Vec<Mistake>) -> Option<T> {
    outcome.map_err(|more| mistakes.extend(more)).ok()
}

/// Makes the data folder if need be, and makes sure that it is ours alone.
fn lock_data_dir(config: &Config) -> Result<File, Vec<Mistake>> {
    let folder = &config.data_dir;
    let mistake = |reason: String| one("data_dir", format!("{}: {reason}", folder.display()));
    if !folder.exists() {
        DirBuilder::new()
            .mode(0o700)
            .create(folder)
            .map_err(|error| mistake(format!("cannot be made: {error}")))?;
    }
    fs::read_dir(folder).map_err(|error| mistake(format!("cannot be read: {error}")))?;
    let lock =
        File::create(folder.join("lock")).map_err(|error| mistake(format!("cannot be written: {error}")))?;
    lock.try_lock().map_err(|_| mistake("another sambungd is using it".into()))?;
    let _ = fs::remove_file(config.switch_api_url_file());
    // A disk that is full or read-only is better found now than with the first call.
    atomic_file::sync_folder(folder).map_err(|error| mistake(format!("cannot be synced: {error}")))?;
    Ok(lock)
}

fn database(config: &config::Database) -> Result<PgConnectOptions, Vec<Mistake>> {
    let credential = env::var_os("CREDENTIALS_DIRECTORY")
        .map(|folder| std::path::Path::new(&folder).join("database-url"))
        .filter(|path| path.exists());
    let (key, url) = match config.url_file.clone().or(credential) {
        Some(path) => {
            let readable = fs::metadata(&path).is_ok_and(|about| about.len() <= LINE_BYTES_MAX);
            let text = if readable { fs::read_to_string(&path) } else { Err(std::io::ErrorKind::InvalidData.into()) };
            let text = text.map_err(|error| one("database.url_file", format!("{}: {error}", path.display())))?;
            ("database.url_file", text)
        }
        None => ("DATABASE_URL", env::var("DATABASE_URL").map_err(|_| {
            let reason = "no database: name a file with its URL here, or set the environment variable DATABASE_URL";
            one("database.url_file", reason)
        })?),
    };
    // The error's text may repeat the URL and with it the password, so it is not shown.
    let options: PgConnectOptions = url
        .trim()
        .parse()
        .map_err(|_: sqlx::Error| one(key, "is not a URL like postgres://USER:PASSWORD@HOST/DATABASE"))?;
    Ok(options.application_name("sambungd"))
}

fn relay_config(media: &config::Media) -> RelayConfig {
    let micros = |micros| (micros > 0).then(|| Duration::from_micros(micros));
    let addresses = media.known_as().map(|(bind, advertised)| MediaAddress { bind, advertised });
    RelayConfig {
        addresses: addresses.collect(),
        ports: relay::PortRange { first: media.ports.first, last: media.ports.last },
        shared_port: media.browser_port,
        is_shared_over_tcp: media.browser_tcp,
        core: media.cpu,
        stock_target: STOCK_PAIRS,
        quarantine: Duration::from_secs(media.port_quarantine_secs),
        gather: micros(media.gather_micros),
        gather_browsers: micros(media.gather_browsers_micros),
        ..RelayConfig::default()
    }
}

fn media_mistake(error: &RelayError) -> Vec<Mistake> {
    let key = match error {
        RelayError::EmptyRange { .. }
        | RelayError::OddRange(_)
        | RelayError::TooManyPairs(_)
        | RelayError::Privileged { .. }
        | RelayError::RangeTaken { .. } => "media.ports",
        RelayError::NoAddress
        | RelayError::TooManyAddresses(_)
        | RelayError::MixedFamilies { .. }
        | RelayError::NotAdvertisable(_)
        | RelayError::NotLocal { .. } => "media.addresses",
        RelayError::SharedInRange(_) | RelayError::SharedPort { .. } | RelayError::SharedTcp { .. } => {
            "media.browser_port"
        }
        RelayError::Dscp(_) | RelayError::Socket(_) | RelayError::Worker(_) => "media",
    };
    one(key, error)
}

fn listen(config: &Config) -> Result<TcpListener, Vec<Mistake>> {
    let address = config.switch_api.listen;
    TcpListener::bind(address)
        .map_err(|error| one("switch_api.listen", format!("cannot listen on {address}: {error}")))
}

/// The engine's thread, and a word when it has ended, in whatever way.
fn spawn_engine(engine: Engine) -> io::Result<(JoinHandle<io::Result<()>>, oneshot::Receiver<()>)> {
    let (alive, ended) = oneshot::channel::<()>();
    let thread = std::thread::Builder::new().name("engine".into()).spawn(move || {
        let _alive = alive;
        engine.run()
    })?;
    Ok((thread, ended))
}

/// The plan of the last life that had one.
fn kept_plan(config: &Config, resolver: Option<&Resolver>) -> (Option<Arc<Plan>>, Arc<plan_watch::Counters>) {
    let counters = Arc::new(plan_watch::Counters::default());
    let kept = plan_watch::read_kept(&config.plan_file());
    if let Some((resolver, plan)) = resolver.zip(kept.as_ref()) {
        resolver.follow(plan);
    }
    if let Some(plan) = &kept {
        counters.now_in_use(plan.revision());
        tracing::info!(revision = plan.revision(), "starting with the plan kept on disk");
    }
    (kept, counters)
}

/// What the switch API shows of an engine; the counters of the other parts are still to be put in.
fn switch_of(
    engine: &Engine,
    handle: engine::Handle,
    durable: &watch::Receiver<Position>,
    reader: &Reader,
    config: &Config,
) -> Switch {
    let events = Source { folder: config.journal_dir(), durable: durable.clone() };
    Switch {
        engine: handle,
        live: engine.live(),
        engine_counters: engine.counters(),
        wire: Arc::default(),
        relay: Arc::default(),
        journal: Arc::default(),
        bindings: Arc::default(),
        plan: Arc::default(),
        trace: engine.trace_counters(),
        hep: engine.hep_counters(),
        recordings: engine.recording_counters(),
        store: reader.store.clone(),
        messages_key: Arc::clone(&reader.key),
        events,
        streams: Arc::default(),
        tls: None,
        started: Instant::now(),
        data_dir: config.data_dir.as_path().into(),
    }
}

/// Looks after what goes on beside the engine: certificates, where names lead, recordings on their way and at their end.
/// Never done.
fn look_beside(
    tls: Option<wire::Tls>,
    (resolver, database): (Option<Resolver>, PgConnectOptions),
    handle: engine::Handle,
    (hand_over, reader, librarian): (HandOver, Reader, Option<Librarian>),
) -> tokio::task::JoinHandle<()> {
    let teller = handle.clone();
    let messages = async move {
        if let Some(librarian) = librarian {
            reader.run(teller, librarian).await;
        }
    };
    let retention = Retention {
        database,
        store: hand_over.store.clone(),
        spool: hand_over.spool.clone(),
        counters: Arc::clone(&hand_over.counters),
    };
    let located = async move {
        if let Some(resolver) = resolver {
            resolver.run(move |target, choices| handle.located(target, choices)).await;
        }
    };
    tokio::spawn(async move {
        tokio::join!(wire::watch_certificate(tls), located, hand_over.run(), messages, retention.run());
    })
}

/// The ways to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// For good: all calls are ended with a goodbye.
    Drain,
    /// For a moment: all calls are left to the next life. Without somebody to keep them, or with a next life that cannot
    /// read them, it is [`Stop::Drain`].
    HandOver,
}

/// This life among others: what the former one has left, and the ways to leave something to the next. Empty without a
/// service manager.
#[derive(Default)]
struct Life {
    store: Option<fd_store::Thread>,
    estate: Option<Estate>,
    survival: Option<Survival>,
    legs: Option<Box<dyn Keep>>,
    former: FormerLife,
    /// Names in the store when this life began.
    was_there: Vec<String>,
    origin: Option<Instant>,
    /// What the relay copies into for the recorder.
    ring: Option<Producer<u8>>,
    /// The way to further sounds.
    librarian: Option<Librarian>,
}

impl Life {
    fn begin(notifier: &Notifier, inherited: &mut Inherited) -> io::Result<Self> {
        let was_there = inherited.names();
        let Some(manager) = notifier.socket() else {
            return Ok(Self { former: FormerLife::none()?, ..Self::default() });
        };
        let (store, thread) = fd_store::FdStore::start(manager)?;
        let survival::Opened { survival, legs, estate, former } = survival::open(inherited, &store)?;
        let legs: Box<dyn Keep> = Box::new(legs);
        let (survival, legs, estate) = (Some(survival), Some(legs), Some(estate));
        Ok(Self {
            store: Some(thread),
            estate,
            survival,
            legs,
            former,
            was_there,
            origin: None,
            ring: None,
            librarian: None,
        })
    }

    /// Where the time line of media begins: where it did for the former life, if that has left anything.
    fn origin(&mut self) -> Instant {
        let former = self.former.continuity.map(|continuity| continuity.origin);
        *self.origin.get_or_insert_with(|| former.unwrap_or_else(Instant::now))
    }

    /// Opens what recordings need, before the relay, in the data folder that `lock` has made ours.
    fn recordings(
        &mut self,
        lock: Option<&File>,
        config: &Config,
        waker: Arc<Waker>,
    ) -> Result<(recordings::Desk, HandOver, Reader), Vec<Mistake>> {
        lock.ok_or_else(Vec::new)?;
        let opened = recordings::open(config, self.origin(), move || drop(waker.wake()))?;
        self.ring = Some(opened.ring);
        Ok((opened.desk, opened.hand_over, opened.reader))
    }

    /// Starts the relay with the legs of the former life.
    fn relay(&mut self, config: &Config, waker: Arc<Waker>) -> Result<Relay, Vec<Mistake>> {
        let identity = self.former.identity.clone();
        let origin = Some(self.origin());
        let settings = RelayConfig { origin, identity, sounds: None, ..relay_config(&config.media) };
        let resumed = std::mem::take(&mut self.former.media);
        let helpers = Helpers { keep: self.legs.take(), recorder: self.ring.take() };
        let relay = Relay::resume(settings, resumed, helpers, move || drop(waker.wake()));
        let mut relay = relay.map_err(|error| media_mistake(&error))?;
        if let Some(door) = relay.library_door() {
            self.librarian = Some(sound_files::read(config.sounds_dir(), door));
        }
        Ok(relay)
    }

    /// Opens the journal, completes it, and from then on keeps what this life decides.
    fn journal(&mut self, config: &Config, wire: &Wire) -> io::Result<journal::Opened> {
        let entries = std::mem::take(&mut self.former.entries);
        let left = journal::Former { entries, calls: self.former.call_ids() };
        let journal = journal::reopen(&config.journal_dir(), append_log::SEGMENT_BYTES, &left)?;
        if let Some(survival) = &mut self.survival {
            survival.begin(&self.was_there, wire, Arc::clone(&journal.counters));
        }
        Ok(journal)
    }
}

/// Whether the calls can be left to the next life.
async fn has_heir(estate: Option<Estate>) -> bool {
    let Some(estate) = estate else { return false };
    let answer = estate.has_heir().await;
    if let Err(reason) = &answer {
        tracing::warn!(
            reason,
            "the program that is started next cannot go on with the calls: they are ended"
        );
    }
    answer.is_ok()
}

/// Tells the watchdog that engine and media thread turn, for as long as both do. Never done.
async fn heartbeat(notifier: &Notifier, switch: &Switch) {
    if !notifier.is_watched {
        return std::future::pending().await;
    }
    let (mut turns, mut wakeups) = (u64::MAX, u64::MAX);
    loop {
        let engine = switch.engine_counters.turns.load(Ordering::Relaxed);
        let media = switch.relay.wakeups.load(Ordering::Relaxed);
        if engine != turns && media != wakeups {
            notifier.send("WATCHDOG=1");
            (turns, wakeups) = (engine, media);
        }
        // The engine turns once a second at least, and then has the media thread turn too.
        tokio::time::sleep(HEARTBEAT_EVERY).await;
    }
}
