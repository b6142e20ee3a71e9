//! What hosts and routers answer to packets that could not be delivered (ICMP): one side of a call that listens nowhere.
//!
//! It is read for the diagnosis of the leg and changes nothing about where anything is sent: whoever sees our ports can
//! make such answers up. Packets are never lost for it, nor does anybody else wait for it.

use streams::{diagnosis::Obstacle, leg::Channel};

use super::{Worker, ports::leg_of};
use crate::syscall::{Refusal, next_refusal};

/// Answers read from a socket in one turn. The rest waits for the next: they lie where packets would, and are fewer than
/// what was sent.
const REFUSALS_AT_ONCE_MAX: usize = 16;

impl<W: Fn()> Worker<W> {
    /// There are answers to what was sent by a socket.
    #[cold]
    pub(super) fn hear_refusals(&mut self, token: usize, now: u64) {
        let (at, Channel::Rtp) = leg_of(token) else { return };
        let Some(leg) = self.slots.leg(at) else { return };
        for _ in 0..REFUSALS_AT_ONCE_MAX {
            let Some(socket) = leg.sockets.own(Channel::Rtp) else { return };
            let Some(refusal) = next_refusal(socket) else { return };
            self.tally.refusals_heard += 1;
            let obstacle = match refusal {
                Refusal { error: libc::EMSGSIZE, .. } => continue,
                Refusal { error: libc::ECONNREFUSED, .. } => Obstacle::Port,
                Refusal { .. } => Obstacle::OnTheWay,
            };
            // An answer may be about where it was before.
            if leg.state.destination(Channel::Rtp) == Some(refusal.destination) {
                leg.state.unsent(now, obstacle);
            }
        }
    }
}
