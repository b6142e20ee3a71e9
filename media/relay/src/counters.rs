//! What the worker counts. It counts in plain integers and publishes them once per wake-up, so that the packet path
//! has no atomic operation; readers see figures that are at most one wake-up old.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use streams::{diagnosis::LOSS_PERCENT, leg::DropReason, quality::Mos};

use crate::syscall::Sent;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Readable by any thread at any time.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[$doc])* pub $name: AtomicU64,)*
        }

        /// The worker's own copy.
        #[derive(Clone, Copy, Debug, Default)]
        pub(crate) struct Tally {
            $(pub(crate) $name: u64,)*
        }

        impl Tally {
            pub(crate) fn publish(&self, to: &Counters) {
                $(to.$name.store(self.$name, Relaxed);)*
            }
        }

        impl Counters {
            /// Names and values, for metrics.
            pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name.load(Relaxed)),)*].into_iter()
            }
        }
    };
}

counters! {
    /// Times the worker woke up.
    wakeups,
    /// Datagrams read from open legs, good or bad.
    datagrams_received,
    /// Datagrams that the kernel took for the other leg.
    datagrams_sent,
    /// Accepted, with nobody to send them to as they came (hold, a room, no partner, no address).
    kept,
    /// Dropped: source not proven (D6).
    dropped_foreign,
    /// Dropped: source being proven.
    dropped_probation,
    /// Dropped: SSRC that is not the pinned one.
    dropped_ssrc,
    /// Dropped: not RTP on an RTP port, not RTCP on an RTCP port.
    dropped_malformed,
    /// Dropped: under a key that is not known yet.
    dropped_unkeyed,
    /// Dropped: not under the far end's key, or changed on its way.
    dropped_unauthentic,
    /// Connectivity checks (ICE) on the shared port from who knew the password of a leg.
    checks_taken,
    /// Datagrams of STUN there that were none.
    checks_refused,
    /// Connections that were made to the shared port.
    connections_taken,
    /// Those that were closed before they were anybody's: too many of them, too late, or with something else than a check.
    connections_refused,
    /// Datagrams of handshakes (DTLS), from where their legs may be spoken to.
    handshake_datagrams,
    /// Handshakes that have made keys.
    handshakes_done,
    /// Handshakes that have come to nothing.
    handshakes_failed,
    /// Dropped: has come before, or is too late to tell.
    dropped_replayed,
    /// Dropped: good, but its number was used under the other leg's key before, or too long to be sealed.
    dropped_unsealed,
    /// Dropped: good, but of a payload type that its two legs have not agreed on.
    dropped_format,
    /// Dropped: good, but something has been heard in its place.
    dropped_late,
    /// Dropped: longer than the largest datagram we carry.
    dropped_too_long,
    /// Not sent: the kernel refused (unreachable, not permitted …).
    send_errors,
    /// Not sent: the socket's buffer was full.
    send_blocked,
    /// Not sent: the destination was a port of our own, which could go round for ever.
    send_loops,
    /// Reads that failed with something else than "nothing there".
    receive_errors,
    /// Answers of hosts and routers that something could not be delivered (ICMP).
    refusals_heard,
    /// RTCP packets of our own that were sent.
    reports_sent,
    /// Periods of some seconds of a leg in which much was lost (5 % and more).
    periods_lossy,
    /// Periods by what they were worth (MOS), up to the bounds of G.109: R = 50.
    mos_up_to_258,
    /// R = 60: nearly all users are dissatisfied below.
    mos_up_to_310,
    /// R = 70: many are.
    mos_up_to_360,
    /// R = 80: some are.
    mos_up_to_403,
    /// R = 90: all are satisfied.
    mos_up_to_434,
    /// Above.
    mos_up_to_450,
    /// Sum of all of these, in hundredths.
    mos_sum_hundredths,
    /// Packets copied for the recorder.
    tapped,
    /// Packets not copied: the recorder had not emptied its ring.
    tap_full,
    /// Keys that were pressed and not told, as call control had not taken the events before them; or that a leg was to be sent
    /// and was not, or not to their end.
    keys_lost,
    /// Commands about a lease that is gone or not open.
    commands_stale,
    /// Port pairs that could not be bound.
    bind_failures,
    /// Sounds that were to be played and are not there.
    sounds_missing,
    /// Connections to the shared port now.
    connections_open,
    /// Shared ports that are looked at now, while packets gather there.
    ports_looked_at,
    /// Legs with ports of their own that are looked at with them now.
    legs_looked_at,
    /// Open legs now.
    legs_open,
    /// Bound pairs in stock now.
    pairs_stocked,
    /// Closed ports that rest now.
    pairs_quarantined,
}

impl Tally {
    /// Counts a period of a leg.
    pub(crate) fn score(&mut self, (loss_percent, mos): (u8, Option<Mos>)) {
        self.periods_lossy += u64::from(loss_percent >= LOSS_PERCENT);
        let Some(hundredths) = mos.map(Mos::hundredths) else { return };
        self.mos_sum_hundredths += u64::from(hundredths);
        let bucket = match hundredths {
            ..259 => &mut self.mos_up_to_258,
            259..=310 => &mut self.mos_up_to_310,
            311..=360 => &mut self.mos_up_to_360,
            361..=403 => &mut self.mos_up_to_403,
            404..=434 => &mut self.mos_up_to_434,
            _ => &mut self.mos_up_to_450,
        };
        *bucket += 1;
    }

    pub(crate) fn dropped(&mut self, reason: DropReason) {
        let count = match reason {
            DropReason::Foreign => &mut self.dropped_foreign,
            DropReason::Probation => &mut self.dropped_probation,
            DropReason::Ssrc => &mut self.dropped_ssrc,
            DropReason::Malformed => &mut self.dropped_malformed,
            DropReason::Handshake => &mut self.handshake_datagrams,
            DropReason::Unkeyed => &mut self.dropped_unkeyed,
            DropReason::Unauthentic => &mut self.dropped_unauthentic,
            DropReason::Replayed => &mut self.dropped_replayed,
            DropReason::Unsealed | DropReason::Behind => &mut self.dropped_unsealed,
            DropReason::Format => &mut self.dropped_format,
            DropReason::Late => &mut self.dropped_late,
        };
        *count += 1;
    }

    pub(crate) fn sent(&mut self, sent: Sent) {
        self.datagrams_sent += sent.datagrams;
        self.send_errors += sent.errors;
        self.send_blocked += sent.blocked;
    }
}
