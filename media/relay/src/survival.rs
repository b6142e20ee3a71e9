//! What of the relay outlives the process: an image of each open leg, and its RTP socket (decision 0014).
//!
//! The relay says what is to be kept and takes back what was; where it is kept is its owner's business ([`Keep`]).
//! An image holds the leg's own state, so pinned source, keys, counters and figures go on. It is written when what was
//! decided about the leg changes, and once a second while packets come: a crash loses the count of the packets
//! since, a planned stop loses nothing. RTCP sockets and the shared port are bound anew; connections to it
//! are gone, and made anew by those who want to go on.

use std::{net::UdpSocket, os::fd::BorrowedFd};

use serde::{Deserialize, Serialize};
use streams::{
    conference::{RoomId, Sitting},
    keys::Events,
    leg::LegState,
    media::{LeaseId, Tap},
    voice::OutgoingImage,
};
use zeroize::Zeroizing;

/// Longest image of a leg.
pub(crate) const IMAGE_BYTES_MAX: usize = 4_096;
/// Raised when the meaning of an image changes and its shape does not.
const VERSION: u16 = 10;
/// How old the image of a leg may be that packets come for.
pub(crate) const IMAGE_AGE_MICROS_MAX: u64 = 1_000_000;

/// Keeps what must outlive the process. Called on the media thread: it must be quick, and must not wait.
pub trait Keep: Send {
    /// A leg is open: its RTP socket is to be kept.
    fn open(&mut self, lease: LeaseId, socket: BorrowedFd<'_>);
    /// The latest image of a leg.
    fn put(&mut self, lease: LeaseId, image: &[u8]);
    /// A leg is closed: neither is needed any more.
    fn close(&mut self, lease: LeaseId);
}

/// What a former life has left.
#[derive(Debug, Default)]
pub struct Resumed {
    /// Images, as [`Keep::put`] was given them.
    pub images: Vec<(LeaseId, Vec<u8>)>,
    /// The RTP sockets of their legs.
    pub sockets: Vec<(LeaseId, UdpSocket)>,
}

/// An open leg at one instant.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LegImage<S> {
    /// By the lease, as long as that one is open too.
    pub(crate) peer: Option<u32>,
    /// Nothing has happened since.
    pub(crate) is_exact: bool,
    pub(crate) tap: Option<Tap>,
    /// The room that it sits in, and how.
    pub(crate) room: Option<(RoomId, Sitting)>,
    /// The latest of its keys, where somebody wants to know them, and whether they go no further.
    pub(crate) keys: Option<(Events, bool)>,
    pub(crate) outgoing: Option<OutgoingImage>,
    pub(crate) state: S,
}

impl<S: Serialize> LegImage<S> {
    /// Hands the image to whoever keeps it.
    pub(crate) fn keep(&self, lease: LeaseId, keep: &mut dyn Keep) {
        // It may hold keys.
        let mut room = Zeroizing::new([0; IMAGE_BYTES_MAX]);
        if let Ok(image) = postcard::to_slice(&(VERSION, self), room.as_mut()) {
            keep.put(lease, image);
        }
    }
}

/// Whether this release can go on with the leg of an image.
pub fn is_image_readable(image: &[u8]) -> bool {
    LegImage::<LegState>::read(image).is_some()
}

impl LegImage<LegState> {
    /// Reads an image of this release.
    pub(crate) fn read(image: &[u8]) -> Option<Self> {
        let (version, mut found): (u16, Self) = postcard::from_bytes(image).ok()?;
        // A layout that happens to be readable by another release does not come out as it went in.
        let mut room = Zeroizing::new([0; IMAGE_BYTES_MAX]);
        if version != VERSION || postcard::to_slice(&(version, &found), room.as_mut()).ok()? != image {
            return None;
        }
        if !found.is_exact {
            found.state.skip_unseen();
        }
        Some(found)
    }
}
