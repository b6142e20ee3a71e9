//! How the engine takes messages from the wire: one after the other as they have come, or, while more comes in than goes
//! out, all that have come at once and then what has begun before what is new ([`Lanes`]).
//!
//! Nothing is decided here: the switchboard says when it is pressed, the lanes say who is next.

use std::time::{Duration, Instant};

use bytes::Bytes;
use calls::{Input, Lanes, is_new_work};
use sip::Flow;

use super::Engine;
use crate::{clock, config::Config, wire::Received};

/// Messages taken in one turn, before timers and other queues have theirs.
const MESSAGES_PER_TURN: usize = 256;
/// Pieces of work that are done under pressure before it is looked at what has come meanwhile: about half a millisecond.
const WORK_PER_READ: usize = 12;

/// While new work waits for its time nothing is looked at for so long at most: to wake up for every message that is then
/// refused costs more than to refuse it.
const REST_MAX: Duration = Duration::from_micros(500);

/// Messages that wait under pressure.
pub(super) type Waiting = Lanes<(Flow, Bytes)>;

/// Where they wait.
pub(super) fn waiting(config: &Config, now: Instant) -> Waiting {
    Lanes::new(Duration::from_millis(config.limits.queue_delay_target_millis), now)
}

impl Engine {
    pub(super) fn take_messages(&mut self, now: Instant, buffer: &mut [u8]) {
        if self.switchboard.is_pressed(now) || !self.lanes.is_empty() {
            return self.take_in_lanes(buffer);
        }
        self.pressed_at = None;
        for _ in 0..MESSAGES_PER_TURN {
            match self.wire.next(now, buffer) {
                Some(Received::Datagram { flow, bytes, queued }) => {
                    self.counters.delays.note(queued);
                    let bytes = buffer.get(..bytes).unwrap_or_default();
                    self.handle(now, Input::Received { flow, bytes, queued });
                }
                Some(Received::Message { flow, bytes, queued }) => {
                    self.counters.delays.note(queued);
                    self.handle(now, Input::Received { flow, bytes: &bytes, queued });
                }
                Some(Received::Lost { flow }) => self.lost(now, flow),
                None => {
                    self.handle(now, Input::Idle);
                    break;
                }
            }
        }
        self.wire.send_aside();
    }

    /// What has come is read at once, what is late is refused, and only then is something done that takes its time.
    fn take_in_lanes(&mut self, buffer: &mut [u8]) {
        let used = clock::thread_time();
        match self.pressed_at.replace(used) {
            Some(before) => self.lanes.worked(used.saturating_sub(before)),
            None => self.lanes.begin(Instant::now()),
        }
        let mut since_read = WORK_PER_READ;
        for _ in 0..MESSAGES_PER_TURN {
            if since_read >= WORK_PER_READ {
                self.read_into_lanes(buffer);
                since_read = 0;
            }
            let now = self.refuse_overdue();
            match self.lanes.next(now) {
                Some((arrived, message)) => {
                    since_read += 1;
                    self.take(now, arrived, &message);
                }
                None if since_read > 0 => since_read = WORK_PER_READ,
                None => {
                    if self.lanes.is_empty() {
                        self.handle(now, Input::Idle);
                    }
                    break;
                }
            }
        }
        self.wire.send_aside();
    }

    /// Lets messages gather when nothing that waits may be taken up yet.
    pub(super) fn rest(&self, now: Instant) {
        let rest = self.lanes.rest(now).unwrap_or_default().min(REST_MAX);
        if !rest.is_zero() {
            std::thread::sleep(rest);
        }
    }

    /// Reads all that has come, as far as there is room.
    fn read_into_lanes(&mut self, buffer: &mut [u8]) {
        self.wake_relay();
        self.wire.look_again();
        while self.lanes.has_room() {
            let now = Instant::now();
            let (flow, bytes, queued) = match self.wire.next(now, buffer) {
                Some(Received::Datagram { flow, bytes, queued }) => {
                    let bytes = buffer.get(..bytes).unwrap_or_default();
                    // Nobody is answered, and under a flood most of them are for refusals.
                    if bytes.starts_with(b"ACK ") {
                        self.counters.delays.note(queued);
                        self.handle(now, Input::Received { flow, bytes, queued });
                        continue;
                    }
                    (flow, Bytes::copy_from_slice(bytes), queued)
                }
                Some(Received::Message { flow, bytes, queued }) => (flow, bytes, queued),
                Some(Received::Lost { flow }) => {
                    self.lost(now, flow);
                    continue;
                }
                None => break,
            };
            let arrived = now.checked_sub(queued).unwrap_or(now);
            self.lanes.push(arrived, is_new_work(&bytes), (flow, bytes));
            // Under a flood more may come while this reads: refusing keeps up with it.
            self.refuse_overdue();
        }
        self.wire.send_aside();
    }

    fn refuse_overdue(&mut self) -> Instant {
        loop {
            let now = Instant::now();
            let Some((arrived, message)) = self.lanes.overdue(now) else { return now };
            self.take(now, arrived, &message);
        }
    }

    fn take(&mut self, now: Instant, arrived: Instant, (flow, bytes): &(Flow, Bytes)) {
        let queued = now.saturating_duration_since(arrived);
        self.counters.delays.note(queued);
        self.handle(now, Input::Received { flow: *flow, bytes, queued });
    }

    fn lost(&mut self, now: Instant, flow: Flow) {
        self.forget_connection(flow.connection);
        self.handle(now, Input::Unreachable { flow });
    }
}
