//! The relay: sockets, ports and the thread that carries media between the legs of calls.
//!
//! It makes no decision of its own: whose packets are taken and where they go is `streams`' business, which ports
//! belong to which call is call control's. [`Relay`] is the handle; orders go in as
//! [`MediaCommand`](streams::media::MediaCommand)s, news come out as [`MediaEvent`](streams::media::MediaEvent)s,
//! both through bounded single-producer single-consumer rings. One worker thread serves all legs; a lease belongs to
//! one worker for its life, so that more can come.
//!
//! It plays sounds and carries between codecs, in the way that `streams::voice` says, and mixes in rooms (`streams::conference`).
//! Linux only.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )
)]

mod config;
mod counters;
mod shaking;
mod slots;
mod sockets;
mod stock;
mod survival;
mod syscall;
mod tap;
mod way;
mod worker;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{Receiver, sync_channel},
    },
    thread::{Builder, JoinHandle},
};

use mio::{Poll, Waker};
use rtrb::{Consumer, Producer, RingBuffer};
use streams::{
    audio::library::Library,
    media::{MediaCommand, MediaEvent},
};

pub use config::{
    ADDRESSES_MAX, MediaAddress, PAIRS_MAX, PortRange, RelayConfig, RelayError, SHARED_LEGS_MAX,
};
pub use counters::Counters;
pub use survival::{Keep, Resumed, is_image_readable};
pub use tap::TAP_RING_BYTES;
pub use worker::GATHER_MICROS_MAX;
use worker::{COMMANDS, Ends, Worker};

/// Commands that may wait for the worker.
const COMMANDS_MAX: usize = 4_096;
/// Events that may wait for the owner.
const EVENTS_MAX: usize = 4_096;
/// Libraries that may wait for the worker: it takes one in each turn.
const LIBRARIES_MAX: usize = 2;

/// The worker has not kept up, or is gone ([`Relay::is_running`]). The command comes back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the media worker takes no further command now")]
pub struct Full(pub MediaCommand);

/// Where the library comes in once it has been read, from any thread: reading it takes longer than a call may be silent.
pub struct LibraryDoor {
    libraries: Producer<Arc<Library>>,
    wanted: Receiver<()>,
    waker: Arc<Waker>,
}

impl LibraryDoor {
    /// Waits until somebody is to hear a sound and the library is not there. False: the relay has ended before.
    pub fn wanted(&self) -> bool {
        self.wanted.recv().is_ok()
    }

    /// Whoever is to hear a sound from now on hears that of the library that was given last.
    pub fn is_taken(&self) -> bool {
        self.libraries.slots() == LIBRARIES_MAX
    }

    /// What is to be played from now on is of this library. False: the one before has not been taken yet.
    pub fn give(&mut self, library: Arc<Library>) -> bool {
        let is_given = self.libraries.push(library).is_ok();
        let _ = self.waker.wake();
        is_given
    }
}

/// Whom the media thread works for besides call control.
#[derive(Default)]
pub struct Helpers {
    /// Keeps legs for the next life.
    pub keep: Option<Box<dyn Keep>>,
    /// Takes copies of what tapped legs send ([`streams::tap`]): the ring, of [`TAP_RING_BYTES`].
    pub recorder: Option<Producer<u8>>,
}

/// A running relay. Dropping it stops the thread and closes all sockets.
pub struct Relay {
    commands: Producer<MediaCommand>,
    events: Consumer<MediaEvent>,
    waker: Arc<Waker>,
    libraries: Option<(Producer<Arc<Library>>, Receiver<()>)>,
    stop: Arc<AtomicBool>,
    counters: Arc<Counters>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// Checks the configuration, binds the first pair of each address and starts the worker. `waker` is called on
    /// the worker's thread whenever [`Relay::receive`] has something new; it must be quick and must not block.
    pub fn start(config: RelayConfig, waker: impl Fn() + Send + 'static) -> Result<Self, RelayError> {
        Self::resume(config, Resumed::default(), Helpers::default(), waker)
    }

    /// As [`Relay::start`], with the legs that a former life has left, and with those who help in this one.
    /// A leg that cannot be taken back is reported closed.
    pub fn resume(
        config: RelayConfig,
        resumed: Resumed,
        helpers: Helpers,
        waker: impl Fn() + Send + 'static,
    ) -> Result<Self, RelayError> {
        config.check()?;
        for address in &config.addresses {
            if !sockets::is_local(address.bind) {
                return Err(RelayError::NotLocal { bind: address.bind });
            }
        }
        let poll = Poll::new().map_err(RelayError::Worker)?;
        let command_waker = Arc::new(Waker::new(poll.registry(), COMMANDS).map_err(RelayError::Worker)?);
        let (commands, commands_in) = RingBuffer::new(COMMANDS_MAX);
        let (events_out, events) = RingBuffer::new(EVENTS_MAX);
        let (libraries, libraries_in) = RingBuffer::new(LIBRARIES_MAX);
        let (wanted_in, wanted) = sync_channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        let counters = Arc::new(Counters::default());
        let ends = Ends {
            poll,
            commands: commands_in,
            events: events_out,
            wake_owner: waker,
            stop: Arc::clone(&stop),
            counters: Arc::clone(&counters),
            helpers,
            libraries: libraries_in,
            wanted: wanted_in,
        };
        let worker = Worker::new(config, resumed, ends)?;
        let thread =
            Builder::new().name("media-0".into()).spawn(move || worker.run()).map_err(RelayError::Worker)?;
        Ok(Self {
            commands,
            events,
            waker: command_waker,
            libraries: Some((libraries, wanted)),
            stop,
            counters,
            thread: Some(thread),
        })
    }

    /// Hands a command to the worker.
    #[expect(clippy::result_large_err, reason = "a command that is not taken comes back whole")]
    pub fn send(&mut self, command: MediaCommand) -> Result<(), Full> {
        self.queue(command)?;
        self.wake();
        Ok(())
    }

    /// As [`Relay::send`], but the worker need not look before [`Relay::wake`]: to wake it costs more than to give it
    /// ten commands.
    #[expect(clippy::result_large_err, reason = "a command that is not taken comes back whole")]
    pub fn queue(&mut self, command: MediaCommand) -> Result<(), Full> {
        if !self.is_running() {
            return Err(Full(command));
        }
        self.commands.push(command).map_err(|rtrb::PushError::Full(command)| Full(command))
    }

    /// Has the worker turn once, which [`Counters::wakeups`] shows: whoever watches it sees whether it still does.
    pub fn wake(&self) {
        // The only failure is an eventfd counter at its end, and then the worker is awake anyway.
        let _ = self.waker.wake();
    }

    /// The door for the library; there is one.
    pub fn library_door(&mut self) -> Option<LibraryDoor> {
        let waker = Arc::clone(&self.waker);
        self.libraries.take().map(|(libraries, wanted)| LibraryDoor { libraries, wanted, waker })
    }

    /// The next event, if there is one.
    pub fn receive(&mut self) -> Option<MediaEvent> {
        self.events.pop().ok()
    }

    /// Figures, shared with whoever shows them.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Whether the worker still turns; false only if it hit a defect. For health checks.
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        let _ = self.waker.wake();
        if let Some(thread) = self.thread.take() {
            // A panic of the worker has been reported by the panic hook already.
            let _ = thread.join();
        }
    }
}
