//! The system calls that the standard library does not have: `recvmmsg`, `sendmmsg`, `recvmsg` of a socket's errors,
//! `ioctl(SIOCOUTQ)`, `sched_setaffinity`.
//!
//! All of this package's unsafe code is here. Socket addresses are read and written as bytes in Linux' layout
//! (`struct sockaddr_in` and `sockaddr_in6`), which needs none.

#![allow(unsafe_code)]

use std::{
    cell::UnsafeCell,
    io,
    mem::size_of,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
    ops::Range,
    os::fd::{AsRawFd, RawFd},
    ptr,
};

use streams::{srtp::OVERHEAD_BYTES_MAX, voice::Made};

/// Datagrams that one system call moves at most.
pub(crate) const BATCH_MAX: usize = 32;
/// Longest datagram that is carried. RTP stays below the MTU of Ethernet.
pub(crate) const DATAGRAM_BYTES_MAX: usize = 2_048;

/// Room for `struct sockaddr_in6`, the longer of the two.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Name([u8; 28]);

const NAME_LEN: libc::socklen_t = 28;
const NAME_V4_LEN: libc::socklen_t = 16;

impl Name {
    fn set(&mut self, address: SocketAddr) -> libc::socklen_t {
        self.0 = [0; 28];
        let Name(b) = self;
        b[2..4].copy_from_slice(&address.port().to_be_bytes());
        match address {
            SocketAddr::V4(v4) => {
                b[..2].copy_from_slice(&family(libc::AF_INET).to_ne_bytes());
                b[4..8].copy_from_slice(&v4.ip().octets());
                NAME_V4_LEN
            }
            SocketAddr::V6(v6) => {
                b[..2].copy_from_slice(&family(libc::AF_INET6).to_ne_bytes());
                b[8..24].copy_from_slice(&v6.ip().octets());
                b[24..].copy_from_slice(&v6.scope_id().to_ne_bytes());
                NAME_LEN
            }
        }
    }

    fn get(&self) -> Option<SocketAddr> {
        let Name(b) = self;
        let of = u16::from_ne_bytes([b[0], b[1]]);
        let port = u16::from_be_bytes([b[2], b[3]]);
        if of == family(libc::AF_INET) {
            Some((Ipv4Addr::new(b[4], b[5], b[6], b[7]), port).into())
        } else if of == family(libc::AF_INET6) {
            let mut octets = [0; 16];
            octets.copy_from_slice(&b[8..24]);
            let scope = u32::from_ne_bytes([b[24], b[25], b[26], b[27]]);
            Some(SocketAddrV6::new(Ipv6Addr::from(octets), port, 0, scope).into())
        } else {
            None
        }
    }
}

/// Address families are small constants.
const fn family(af: libc::c_int) -> u16 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let family = af as u16;
    family
}

/// A number of headers, never more than [`BATCH_MAX`].
fn count(headers: usize) -> libc::c_uint {
    libc::c_uint::try_from(headers).unwrap_or(0)
}

/// What became of a batch that was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) datagrams: u64,
    pub(crate) bytes: u64,
    pub(crate) errors: u64,
    pub(crate) blocked: u64,
}

impl Sent {
    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            datagrams: self.datagrams + other.datagrams,
            bytes: self.bytes + other.bytes,
            errors: self.errors + other.errors,
            blocked: self.blocked + other.blocked,
        }
    }
}

/// Room for one datagram and what sealing it adds.
type Buffer = UnsafeCell<[u8; BUFFER_BYTES]>;
const BUFFER_BYTES: usize = DATAGRAM_BYTES_MAX + OVERHEAD_BYTES_MAX;

/// Buffers and message headers for one batch, made once. Received datagrams are sent on from where they lie.
///
/// The headers hold raw pointers into the other vectors. None of these vectors is ever grown or replaced, so what
/// they own stays where it is. The kernel writes `buffers` and `names` through those pointers: `names` is never borrowed
/// mutably after `new`, and `buffers` are cells, which are borrowed only while `self` is, and so never during a call.
pub(crate) struct Batch {
    buffers: Vec<Buffer>,
    names: Vec<Name>,
    /// Pointed to by `in_headers`, kept alive by standing here.
    _in_vectors: Vec<libc::iovec>,
    in_headers: Vec<libc::mmsghdr>,
    received: usize,
    /// Where all of it has come from, when a connection has brought it.
    connected: Option<SocketAddr>,
    out: Outgoing,
    /// What leaves by one socket whoever it is for, to be sent with one call; for whom each is, and the socket.
    postponed: Outgoing,
    postponed_for: Vec<usize>,
    postponed_by: RawFd,
}

/// Datagrams that were chosen to be sent: where they lie, and where each goes.
struct Outgoing {
    names: Vec<Name>,
    vectors: Vec<libc::iovec>,
    headers: Vec<libc::mmsghdr>,
    queued: usize,
}

/// So many headers and vectors that say nothing yet.
fn nothing() -> (Vec<libc::mmsghdr>, Vec<libc::iovec>) {
    // SAFETY: `mmsghdr` is integers and pointers, for which all bits zero is a valid value (zero, null).
    let no_header: libc::mmsghdr = unsafe { std::mem::zeroed() };
    let no_vector = libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 };
    (vec![no_header; BATCH_MAX], vec![no_vector; BATCH_MAX])
}

impl Batch {
    pub(crate) fn new() -> Self {
        let (mut in_headers, mut in_vectors) = nothing();
        let buffers: Vec<Buffer> = (0..BATCH_MAX).map(|_| UnsafeCell::new([0; BUFFER_BYTES])).collect();
        let mut names = vec![Name([0; 28]); BATCH_MAX];
        for (vector, buffer) in in_vectors.iter_mut().zip(&buffers) {
            vector.iov_base = buffer.get().cast();
            vector.iov_len = DATAGRAM_BYTES_MAX;
        }
        for (i, header) in in_headers.iter_mut().enumerate() {
            header.msg_hdr.msg_name = names.as_mut_ptr().wrapping_add(i).cast();
            header.msg_hdr.msg_namelen = NAME_LEN;
            header.msg_hdr.msg_iov = in_vectors.as_mut_ptr().wrapping_add(i);
            header.msg_hdr.msg_iovlen = 1;
        }
        Self {
            buffers,
            names,
            _in_vectors: in_vectors,
            in_headers,
            received: 0,
            connected: None,
            out: Outgoing::new(),
            postponed: Outgoing::new(),
            postponed_for: Vec::with_capacity(BATCH_MAX),
            postponed_by: -1,
        }
    }

    /// Reads what is there, without waiting. Fewer than [`BATCH_MAX`] means that the socket is empty now.
    pub(crate) fn receive(&mut self, socket: &impl AsRawFd) -> io::Result<usize> {
        self.clear(None);
        self.receive_more(socket).map(|came| came.len())
    }

    /// As [`Batch::receive`], behind what has been received before: which datagrams these are. Where there is no room left,
    /// there may be more.
    pub(crate) fn receive_more(&mut self, socket: &impl AsRawFd) -> io::Result<Range<usize>> {
        let before = self.received;
        let room = &mut self.in_headers[before..];
        // SAFETY: `room` is a live slice of headers. Each points to its own iovec, buffer and name, set up in
        // `new` and owned by `self` as described there, so the pointers are valid; nothing else refers to them during
        // the call because `self` is borrowed mutably. iov_len and msg_namelen are the lengths of what they
        // describe. A null timeout is allowed.
        let read = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                room.as_mut_ptr(),
                count(room.len()),
                libc::MSG_DONTWAIT,
                ptr::null_mut(),
            )
        };
        let read = usize::try_from(read).map_err(|_| io::Error::last_os_error())?;
        self.received += read.min(room.len());
        Ok(before..self.received)
    }

    /// What has been received is done with. Nothing of it may be postponed.
    pub(crate) fn clear(&mut self, connected: Option<SocketAddr>) {
        for header in &mut self.in_headers[..self.received] {
            header.msg_hdr.msg_namelen = NAME_LEN;
        }
        debug_assert_eq!(self.postponed.queued, 0, "postponed, and its room is given away");
        (self.received, self.out.queued, self.connected) = (0, 0, connected);
    }

    /// In place of [`Batch::receive`]: what a connection brings, to be given one by one to [`Batch::put`].
    pub(crate) fn begin(&mut self, source: SocketAddr) {
        self.clear(Some(source));
    }

    /// One more datagram that has come on the connection. There is room for [`BATCH_MAX`]; a longer one than
    /// [`DATAGRAM_BYTES_MAX`] is left out.
    pub(crate) fn put(&mut self, datagram: &[u8]) {
        let (n, len) = (self.received, datagram.len());
        if let (Some(header), true) = (self.in_headers.get_mut(n), len <= DATAGRAM_BYTES_MAX) {
            header.msg_len = count(len);
            header.msg_hdr.msg_flags = 0;
            self.room(n)[..len].copy_from_slice(datagram);
            self.received = n + 1;
        }
    }

    /// How many more datagrams there is room for.
    pub(crate) fn left(&self) -> usize {
        BATCH_MAX - self.received
    }

    /// How many datagrams there are.
    pub(crate) fn received(&self) -> usize {
        self.received
    }

    /// The nth datagram of the last [`Batch::receive`]: its source, the room it lies in with
    /// [`OVERHEAD_BYTES_MAX`] behind the longest, and its length. `None` if it was too long for us.
    pub(crate) fn datagram(&mut self, n: usize) -> Option<(SocketAddr, &mut [u8], usize)> {
        let header = self.in_headers.get(..self.received)?.get(n)?;
        if header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 {
            return None;
        }
        let source = self.connected.or_else(|| self.names[n].get())?;
        let len = header.msg_len as usize;
        (len <= DATAGRAM_BYTES_MAX).then_some((source, self.room(n), len))
    }

    fn room(&mut self, n: usize) -> &mut [u8] {
        // SAFETY: the buffer lives as long as `self`, which stays borrowed mutably with the result, so nobody else looks
        // at it and no call of the kernel is under way. The cell keeps the pointer that the headers hold valid.
        unsafe { &mut *self.buffers[n].get() }
    }

    /// Chooses the first `len` bytes of the nth buffer for the next [`Batch::send`].
    pub(crate) fn queue(&mut self, n: usize, len: usize) {
        if len <= BUFFER_BYTES {
            self.out.push(self.buffers[n].get().cast(), len);
        }
    }

    /// Sends the chosen datagrams, in order, without waiting. A datagram that the kernel refuses is skipped; when
    /// the socket's buffer is full the rest is given up: late speech is worth less than the speech behind it.
    pub(crate) fn send(&mut self, socket: &impl AsRawFd, to: SocketAddr) -> Sent {
        self.out.address(0, to);
        self.out.send(socket.as_raw_fd())
    }

    /// Sends the chosen datagrams together with others that leave by that socket, by [`Batch::send_postponed`], before anything
    /// else is received. `whose` they are is told then. When it is too many, or others wait for another socket, they
    /// leave at once.
    pub(crate) fn postpone(&mut self, socket: &impl AsRawFd, to: SocketAddr, whose: usize) -> Sent {
        let (by, before) = (socket.as_raw_fd(), self.postponed.queued);
        if before + self.out.queued > BATCH_MAX || before > 0 && self.postponed_by != by {
            return self.send(socket, to);
        }
        for vector in &self.out.vectors[..self.out.queued] {
            self.postponed.push(vector.iov_base, vector.iov_len);
            self.postponed_for.push(whose);
        }
        self.postponed.address(before, to);
        (self.out.queued, self.postponed_by) = (0, by);
        Sent::default()
    }

    /// Sends what was postponed, as [`Batch::send`] does, and tells of each datagram whose it was and what became of it.
    pub(crate) fn send_postponed(&mut self, mut each: impl FnMut(usize, Sent)) {
        let whose = &self.postponed_for;
        self.postponed.send_each(self.postponed_by, |n, sent| {
            if let Some(whose) = whose.get(n) {
                each(*whose, sent);
            }
        });
        self.postponed_for.clear();
    }

    /// The chosen datagrams, in order, to somebody who knows how to send them; what came of all together.
    pub(crate) fn hand_over(&mut self, mut send: impl FnMut(&[u8]) -> Sent) -> Sent {
        let mut sent = Sent::default();
        for vector in &self.out.vectors[..self.out.queued] {
            // SAFETY: `queue` is all that has filled the first `queued` vectors since the batch came, with the address of one of
            // the buffers and a length within it. They are borrowed mutably by nobody while `self` is borrowed here.
            let datagram = unsafe { std::slice::from_raw_parts(vector.iov_base.cast(), vector.iov_len) };
            sent = sent.and(send(datagram));
        }
        self.out.queued = 0;
        sent
    }

    /// As [`Batch::send`], packets of our own making. Nothing may be queued.
    pub(crate) fn send_made(&mut self, made: &mut Made, socket: &impl AsRawFd, to: SocketAddr) -> Sent {
        let (mut sent, mut packets) = (Sent::default(), made.packets().peekable());
        while packets.peek().is_some() {
            self.out.queued = 0;
            for packet in packets.by_ref().take(BATCH_MAX) {
                // The kernel only reads what it sends.
                self.out.push(packet.as_ptr().cast_mut().cast(), packet.len());
            }
            sent = sent.and(self.send(socket, to));
        }
        drop(packets);
        made.clear();
        sent
    }
}

impl Outgoing {
    fn new() -> Self {
        let (headers, vectors) = nothing();
        Self { names: vec![Name([0; 28]); BATCH_MAX], vectors, headers, queued: 0 }
    }

    /// One more: a buffer of the batch, or a packet that our caller has borrowed until it is sent.
    fn push(&mut self, iov_base: *mut libc::c_void, iov_len: usize) {
        if let Some(vector) = self.vectors.get_mut(self.queued) {
            *vector = libc::iovec { iov_base, iov_len };
            self.queued += 1;
        }
    }

    /// All from that one on go there.
    fn address(&mut self, from: usize, to: SocketAddr) {
        let those = from..self.queued;
        for (name, header) in self.names[those.clone()].iter_mut().zip(&mut self.headers[those]) {
            header.msg_hdr.msg_namelen = name.set(to);
        }
    }

    fn send(&mut self, socket: RawFd) -> Sent {
        let mut sent = Sent::default();
        self.send_each(socket, |_, one| sent = sent.and(one));
        sent
    }

    /// Sends all, and tells what became of each.
    fn send_each(&mut self, socket: RawFd, mut each: impl FnMut(usize, Sent)) {
        let (names, vectors) = (self.names.as_mut_ptr(), self.vectors.as_mut_ptr());
        for (i, header) in self.headers[..self.queued].iter_mut().enumerate() {
            header.msg_hdr.msg_name = names.wrapping_add(i).cast();
            header.msg_hdr.msg_iov = vectors.wrapping_add(i);
            header.msg_hdr.msg_iovlen = 1;
        }
        let (mut at, mut refused) = (0, None);
        while at < self.queued {
            let left = &mut self.headers[at..self.queued];
            // SAFETY: `left` is a live slice of headers, each set up just above to point to its own iovec and name, which are
            // owned by `self` and not touched during the call. The iovec was filled by `push` with the address and length of
            // initialised bytes that stay where they are until they are sent, the name by `address`. The kernel reads all of it
            // and writes msg_len into `left`, which is borrowed mutably. The count is at most BATCH_MAX.
            let taken = unsafe {
                libc::sendmmsg(
                    socket,
                    left.as_mut_ptr(),
                    count(left.len()),
                    libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
                )
            };
            match usize::try_from(taken) {
                Ok(taken) if taken > 0 => {
                    let taken = taken.min(left.len());
                    for (n, header) in left[..taken].iter().enumerate() {
                        let bytes = u64::from(header.msg_len);
                        each(at + n, Sent { datagrams: 1, bytes, ..Sent::default() });
                    }
                    at += taken;
                }
                _ => match io::Error::last_os_error().kind() {
                    io::ErrorKind::WouldBlock => {
                        (at..self.queued).for_each(|n| each(n, Sent { blocked: 1, ..Sent::default() }));
                        break;
                    }
                    // May be the network's answer to an earlier datagram, which the kernel tells once.
                    _ if refused != Some(at) => refused = Some(at),
                    _ => {
                        each(at, Sent { errors: 1, ..Sent::default() });
                        at += 1;
                    }
                },
            }
        }
        self.queued = 0;
    }
}

/// Something that was sent and not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Where it was sent to.
    pub(crate) destination: SocketAddr,
    /// What the kernel makes of the answer (`ECONNREFUSED`: port unreachable).
    pub(crate) error: libc::c_int,
}

/// Asks the kernel to keep the answers of hosts and routers to what the socket sends. A kernel that will not is none that
/// media could not flow with.
pub(crate) fn hear_refusals(socket: &impl AsRawFd, is_v4: bool) {
    let on: libc::c_int = 1;
    let (level, option) = match is_v4 {
        true => (libc::IPPROTO_IP, libc::IP_RECVERR),
        false => (libc::IPPROTO_IPV6, libc::IPV6_RECVERR),
    };
    let len = libc::socklen_t::try_from(size_of::<libc::c_int>()).unwrap_or(0);
    // SAFETY: the pointer and the length are those of `on`, which the kernel only reads.
    unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const on).cast(), len) };
}

/// Room for one control message: its header, `struct sock_extended_err` and the address of who has answered.
#[repr(C, align(8))]
struct Control([u8; 128]);

/// The next answer that the kernel has kept; `None` when there is none.
pub(crate) fn next_refusal(socket: &impl AsRawFd) -> Option<Refusal> {
    let (mut name, mut control) = (Name([0; 28]), Control([0; 128]));
    // SAFETY: `msghdr` is integers and pointers, for which all bits zero is a valid value (zero, null).
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_name = (&raw mut name).cast();
    header.msg_namelen = NAME_LEN;
    header.msg_control = (&raw mut control).cast();
    header.msg_controllen = size_of::<Control>();
    // SAFETY: name and control are live locals that only the header points to, with their lengths; there is no iovec, so the
    // kernel writes no data. It writes into all three within these lengths.
    let read = unsafe {
        libc::recvmsg(socket.as_raw_fd(), &raw mut header, libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT)
    };
    let (Control(control), start) = (&control, size_of::<libc::cmsghdr>());
    // The first field of `struct sock_extended_err`, which is the first control message unless others were asked for.
    let error = control.get(start..start + 4).filter(|_| header.msg_controllen >= start + 4)?;
    let error = libc::c_int::from_ne_bytes(error.try_into().ok()?);
    name.get().filter(|_| read >= 0).map(|destination| Refusal { destination, error })
}

/// Bytes that were given to a connection and that its far end has not acknowledged.
pub(crate) fn unacknowledged(stream: &impl AsRawFd) -> io::Result<usize> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: TIOCOUTQ, of sockets SIOCOUTQ, writes one int to where its argument points, which is a live local.
    let done = unsafe { libc::ioctl(stream.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    usize::try_from(bytes).ok().filter(|_| done == 0).ok_or_else(io::Error::last_os_error)
}

/// Pins the calling thread to one CPU.
pub(crate) fn pin_thread(core: usize) -> io::Result<()> {
    // SAFETY: `cpu_set_t` is an array of integers, for which all bits zero is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    if core >= size_of::<libc::cpu_set_t>() * 8 {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    // SAFETY: `core` is within the set, as checked above; CPU_SET writes to that bit only.
    unsafe { libc::CPU_SET(core, &mut set) };
    // SAFETY: 0 names the calling thread; the pointer and the size are those of `set`, which the kernel only reads.
    let done = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    fn socket(ip: &str) -> UdpSocket {
        let socket = UdpSocket::bind(format!("{ip}:0")).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket
    }

    /// Waits by blocking on the receiving socket's readiness, not by time.
    fn receive(batch: &mut Batch, socket: &UdpSocket) -> usize {
        socket.set_nonblocking(false).unwrap();
        socket.peek_from(&mut [0]).unwrap();
        socket.set_nonblocking(true).unwrap();
        batch.receive(socket).unwrap()
    }

    fn check(ip: &str) {
        let (phone, relay, other) = (socket(ip), socket(ip), socket(ip));
        let mut batch = Batch::new();
        assert_eq!(batch.receive(&relay).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        for round in 0..3_u8 {
            for n in 0..5 {
                phone.send_to(&[round, n], relay.local_addr().unwrap()).unwrap();
            }
            assert_eq!(receive(&mut batch, &relay), 5);
            for n in 0..5 {
                let (source, room, len) = batch.datagram(n).unwrap();
                assert_eq!((source, &room[..len]), (phone.local_addr().unwrap(), &[round, n as u8][..]));
                // As sealing does: changed where it lies, and longer.
                room[len] = 0xee;
            }
            assert!(batch.datagram(5).is_none());
            for n in [0, 2, 4] {
                batch.queue(n, 3);
            }
            let sent = batch.send(&relay, other.local_addr().unwrap());
            assert_eq!(sent, Sent { datagrams: 3, bytes: 9, ..Sent::default() });
            assert_eq!(receive(&mut batch, &other), 3);
            let (source, room, len) = batch.datagram(2).unwrap();
            assert_eq!(
                (source, &room[..len]),
                (relay.local_addr().unwrap(), &[round, 4, 0xee][..]),
                "sent from the relay's own port"
            );
        }
    }

    #[test]
    fn a_batch_comes_in_and_goes_out_over_ipv4() {
        check("127.0.0.1");
    }

    #[test]
    fn a_batch_comes_in_and_goes_out_over_ipv6() {
        check("[::1]");
    }

    #[test]
    fn what_a_connection_brings_is_a_batch_too_until_the_next_one() {
        let (phone, relay) = (socket("127.0.0.1"), socket("127.0.0.1"));
        let mut batch = Batch::new();
        let far: SocketAddr = "192.0.2.1:9".parse().unwrap();
        for _ in 0..2 {
            batch.begin(far);
            for n in 0..BATCH_MAX as u8 + 1 {
                batch.put(&[n; 5]);
            }
            assert_eq!(batch.received(), BATCH_MAX);
            let (source, room, len) = batch.datagram(3).unwrap();
            assert_eq!((source, &room[..len]), (far, &[3; 5][..]));
            batch.queue(3, 5);
            batch.queue(1, 4);
            let mut handed = Vec::new();
            let sent = batch.hand_over(|datagram| {
                handed.push(datagram.to_vec());
                Sent { datagrams: 1, ..Sent::default() }
            });
            assert_eq!((handed, sent.datagrams), (vec![vec![3; 5], vec![1; 4]], 2));
            batch.begin(far);
            batch.put(&[0; DATAGRAM_BYTES_MAX + 1]);
            assert_eq!(batch.received(), 0, "too long");
            phone.send_to(&[9], relay.local_addr().unwrap()).unwrap();
            assert_eq!(receive(&mut batch, &relay), 1);
            assert_eq!(batch.datagram(0).unwrap().0, phone.local_addr().unwrap());
        }
    }

    #[test]
    fn a_datagram_that_is_too_long_is_none() {
        let (phone, relay) = (socket("127.0.0.1"), socket("127.0.0.1"));
        let mut batch = Batch::new();
        for len in [DATAGRAM_BYTES_MAX, DATAGRAM_BYTES_MAX + 1] {
            phone.send_to(&vec![0; len], relay.local_addr().unwrap()).unwrap();
        }
        assert_eq!(receive(&mut batch, &relay), 2);
        let (_, room, len) = batch.datagram(0).unwrap();
        assert_eq!((len, room.len()), (DATAGRAM_BYTES_MAX, DATAGRAM_BYTES_MAX + OVERHEAD_BYTES_MAX));
        assert!(batch.datagram(1).is_none());
    }

    #[test]
    fn a_destination_that_the_kernel_refuses_is_counted() {
        let (phone, relay) = (socket("127.0.0.1"), socket("127.0.0.1"));
        let mut batch = Batch::new();
        for n in 0..4 {
            phone.send_to(&[n], relay.local_addr().unwrap()).unwrap();
        }
        assert_eq!(receive(&mut batch, &relay), 4);
        for n in 0..4 {
            batch.queue(n, 1);
        }
        let sent = batch.send(&relay, "[::1]:9".parse().unwrap());
        assert_eq!(sent, Sent { errors: 4, ..Sent::default() }, "another family than the socket's");
    }

    /// By one socket, to several, with one call; and what cannot wait leaves at once.
    #[test]
    fn what_is_postponed_leaves_together_and_is_told_of_one_by_one() {
        let [phone, other, relay, second] = [(); 4].map(|()| socket("127.0.0.1"));
        let to = |socket: &UdpSocket| socket.local_addr().unwrap();
        let mut batch = Batch::new();
        for n in 0..4 {
            phone.send_to(&[n], to(&relay)).unwrap();
        }
        assert_eq!(receive(&mut batch, &relay), 4);
        let nowhere: SocketAddr = "[::1]:9".parse().unwrap();
        for (n, destination) in [to(&phone), nowhere, to(&other)].into_iter().enumerate() {
            batch.queue(n, 1);
            assert_eq!(batch.postpone(&relay, destination, 10 + n), Sent::default());
        }
        phone.send_to(&[7, 7], to(&second)).unwrap();
        assert_eq!(batch.receive_more(&second).unwrap(), 4..5, "what waits is still there");
        batch.queue(4, 2);
        let at_once = Sent { datagrams: 1, bytes: 2, ..Sent::default() };
        assert_eq!(batch.postpone(&second, to(&other), 20), at_once, "it leaves by another socket");
        batch.queue(4, 2);
        assert_eq!(batch.send(&second, to(&other)), at_once);
        let mut told = Vec::new();
        batch.send_postponed(|whose, sent| told.push((whose, sent)));
        let (sent, refused) =
            (Sent { datagrams: 1, bytes: 1, ..Sent::default() }, Sent { errors: 1, ..Sent::default() });
        assert_eq!(told, [(10, sent), (11, refused), (12, sent)]);
        batch.send_postponed(|_, _| panic!("it has left"));
        assert_eq!(receive(&mut batch, &phone), 1);
        let (mut came, mut room) = (Vec::new(), [0; 9]);
        for _ in 0..3 {
            let (len, from) = other.recv_from(&mut room).unwrap();
            came.push((room[..len].to_vec(), from));
        }
        assert_eq!(came, [(vec![7, 7], to(&second)), (vec![7, 7], to(&second)), (vec![2], to(&relay))]);
    }

    /// There is as much room as for what is received.
    #[test]
    fn no_more_is_postponed_than_there_is_room_for() {
        let [phone, relay] = [(); 2].map(|()| socket("127.0.0.1"));
        let to = phone.local_addr().unwrap();
        let mut batch = Batch::new();
        phone.send_to(&[1], relay.local_addr().unwrap()).unwrap();
        assert_eq!((receive(&mut batch, &relay), batch.left()), (1, BATCH_MAX - 1));
        for n in 0..=BATCH_MAX {
            batch.queue(0, 1);
            assert_eq!(batch.postpone(&relay, to, n).datagrams, u64::from(n == BATCH_MAX));
        }
        let mut told = 0..BATCH_MAX;
        batch.send_postponed(|whose, _| assert_eq!(told.next(), Some(whose)));
        assert_eq!(told.next(), None);
    }

    /// An address of its own, so that no other test takes the port meanwhile.
    fn check_refusals(ip: &str) {
        let (relay, phone) = (socket(ip), socket(ip));
        hear_refusals(&relay, relay.local_addr().unwrap().is_ipv4());
        assert_eq!(next_refusal(&relay), None);
        let closed = socket(ip);
        let destination = closed.local_addr().unwrap();
        drop(closed);
        let mut batch = Batch::new();
        phone.send_to(&[7], relay.local_addr().unwrap()).unwrap();
        assert_eq!(receive(&mut batch, &relay), 1);
        for _ in 0..2 {
            relay.send_to(&[0], destination).unwrap();
            // The kernel tells of it with the next system call, whatever that is about.
            batch.queue(0, 1);
            let sent = batch.send(&relay, phone.local_addr().unwrap());
            assert_eq!(sent, Sent { datagrams: 1, bytes: 1, ..Sent::default() });
            assert_eq!(next_refusal(&relay), Some(Refusal { destination, error: libc::ECONNREFUSED }));
            assert_eq!(next_refusal(&relay), None);
        }
    }

    #[test]
    fn what_a_closed_port_answers_is_heard_and_costs_no_datagram() {
        check_refusals("127.0.8.1");
        check_refusals("[::1]");
    }

    #[test]
    fn a_core_that_does_not_exist_is_an_error() {
        assert!(pin_thread(1_000_000).is_err());
        assert!(pin_thread(1_023).is_err());
    }
}
