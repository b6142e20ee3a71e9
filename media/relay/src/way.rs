//! By what a leg is sent to: a UDP socket, or a connection that carries datagrams in frames (RFC 4571).
//!
//! A connection is sent what its far end keeps up with and no more. Nothing waits here: what there is no room for in the
//! kernel is dropped, as a full socket drops datagrams, because late speech is worth less than the speech behind it.

use std::{
    io::{self, ErrorKind, IoSlice},
    net::{Shutdown, SocketAddr, TcpStream},
    os::fd::BorrowedFd,
};

use socket2::SockRef;
use streams::{framing, voice::Made};

use crate::syscall::{Batch, Sent, unacknowledged};

/// Bytes on a connection that its far end has not acknowledged: two seconds of G.711.
pub(crate) const UNACKNOWLEDGED_BYTES_MAX: usize = 16 * 1024;

/// Borrowed from its leg for as long as something is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way<'a> {
    Datagrams(BorrowedFd<'a>),
    /// The same by a socket that legs share: what several of them are sent may leave together.
    Together(BorrowedFd<'a>),
    Frames(&'a TcpStream),
}

impl Way<'_> {
    /// One datagram, without waiting.
    pub(crate) fn send(self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        match self {
            Self::Datagrams(socket) | Self::Together(socket) => {
                SockRef::from(&socket).send_to(datagram, &to.into()).map(drop)
            }
            Self::Frames(stream) => send_frame(stream, datagram),
        }
    }

    /// What has been chosen of a batch.
    pub(crate) fn send_batch(self, batch: &mut Batch, to: SocketAddr) -> Sent {
        match self {
            Self::Datagrams(socket) | Self::Together(socket) => batch.send(&socket, to),
            Self::Frames(stream) => batch.hand_over(|datagram| send_counted(stream, datagram)),
        }
    }

    /// The same, but what can leave together with that of others waits for [`Batch::send_postponed`], which tells of `whose`.
    pub(crate) fn postpone_batch(self, batch: &mut Batch, to: SocketAddr, whose: usize) -> Sent {
        match self {
            Self::Together(socket) => batch.postpone(&socket, to, whose),
            Self::Datagrams(_) | Self::Frames(_) => self.send_batch(batch, to),
        }
    }

    /// Packets of our own making. Nothing of the batch may be chosen.
    pub(crate) fn send_made(self, batch: &mut Batch, made: &mut Made, to: SocketAddr) -> Sent {
        match self {
            Self::Datagrams(socket) | Self::Together(socket) => batch.send_made(made, &socket, to),
            Self::Frames(stream) => {
                let sent = made.packets().map(|packet| send_counted(stream, packet));
                let sent = sent.fold(Sent::default(), Sent::and);
                made.clear();
                sent
            }
        }
    }
}

fn send_counted(stream: &TcpStream, datagram: &[u8]) -> Sent {
    match send_frame(stream, datagram) {
        Ok(()) => Sent { datagrams: 1, bytes: datagram.len() as u64, ..Sent::default() },
        Err(error) if error.kind() == ErrorKind::WouldBlock => Sent { blocked: 1, ..Sent::default() },
        Err(_) => Sent { errors: 1, ..Sent::default() },
    }
}

/// A datagram behind its length, whole or not at all.
fn send_frame(stream: &TcpStream, datagram: &[u8]) -> io::Result<()> {
    let head = framing::head(datagram.len()).ok_or(ErrorKind::InvalidInput)?;
    let bytes = head.len() + datagram.len();
    if unacknowledged(stream)?.saturating_add(bytes) > UNACKNOWLEDGED_BYTES_MAX {
        return Err(ErrorKind::WouldBlock.into());
    }
    let parts = [IoSlice::new(&head), IoSlice::new(datagram)];
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    if SockRef::from(stream).send_vectored_with_flags(&parts, flags)? == bytes {
        return Ok(());
    }
    // The kernel has room for far more than may be on its way, so this is one that has run out of memory. Nobody could tell
    // what follows apart: whoever reads the connection learns that it has ended.
    let _ = stream.shutdown(Shutdown::Both);
    Err(ErrorKind::WriteZero.into())
}

#[cfg(test)]
mod tests {
    use socket2::{Domain, Socket, Type};

    use super::*;
    use std::{io::Read as _, net::TcpListener, os::fd::AsFd as _};

    /// To a far end that has room for little.
    fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let theirs = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        theirs.set_recv_buffer_size(4_096).unwrap();
        theirs.connect(&listener.local_addr().unwrap().into()).unwrap();
        let (ours, _) = listener.accept().unwrap();
        ours.set_nonblocking(true).unwrap();
        (ours, theirs.into())
    }

    #[test]
    fn a_frame_is_a_length_and_what_it_is_of() {
        let (ours, mut theirs) = connection();
        let to = theirs.local_addr().unwrap();
        Way::Frames(&ours).send(&[7; 300], to).unwrap();
        Way::Frames(&ours).send(b"end", to).unwrap();
        let mut came = [0; 307];
        theirs.read_exact(&mut came).unwrap();
        assert_eq!((&came[..3], &came[301..]), (&[1, 44, 7][..], &[7, 0, 3, b'e', b'n', b'd'][..]));
        assert!(Way::Frames(&ours).send(&[0; 1 << 16], to).is_err(), "no length for that");
    }

    /// Whoever does not read is sent so much and then nothing, and never a part of a frame.
    #[test]
    fn who_does_not_keep_up_misses_whole_frames() {
        let (ours, mut theirs) = connection();
        let to = theirs.local_addr().unwrap();
        let (mut sent, mut blocked) = (0_u8, 0);
        while blocked < 100 {
            match Way::Frames(&ours).send(&[sent; 1_000], to) {
                Ok(()) => sent += 1,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    blocked += 1;
                }
            }
        }
        assert!(unacknowledged(&ours).unwrap() <= UNACKNOWLEDGED_BYTES_MAX);
        for n in 0..sent {
            let mut frame = [0; 1_002];
            theirs.read_exact(&mut frame).unwrap();
            assert_eq!((&frame[..3], frame[1_001]), (&[3, 232, n][..], n));
        }
        // Once it has acknowledged them.
        while let Err(error) = Way::Frames(&ours).send(&[sent; 1_000], to) {
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_datagram_goes_where_it_is_to() {
        let [ours, theirs] = [(); 2].map(|()| std::net::UdpSocket::bind("127.0.0.1:0").unwrap());
        Way::Datagrams(ours.as_fd()).send(b"one", theirs.local_addr().unwrap()).unwrap();
        let mut came = [0; 9];
        assert_eq!(theirs.recv_from(&mut came).unwrap(), (3, ours.local_addr().unwrap()));
    }
}
