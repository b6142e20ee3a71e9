//! Three ways of moving the same packets, under the same decisions (`streams::path`), for comparison with each other.
//!
//! `io_compare epoll|mmsg|uring CALLS A_BASE B_BASE FIRST_PORT SECONDS FLOW_FILE [GATHER_MICROS]`
//!
//! Phones of call i are expected at 127.0.0.1, ports A_BASE + 2i and B_BASE + 2i; the relay's ports are FIRST_PORT + 4i
//! and FIRST_PORT + 4i + 2. FLOW_FILE gets one line for each phone. Prints `READY`, and after SECONDS what the thread has cost. It has no
//! RTCP, no commands, no survival: the differences are those of the system calls. What came of it stands in decision 0030.

#![allow(unsafe_code, clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_possible_wrap)]

use std::{
    error::Error,
    fmt::Write as _,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    os::fd::AsRawFd,
    time::{Duration, Instant},
};

use io_uring::{IoUring, cqueue, opcode, squeue, types};
use streams::{
    leg::{Channel, LegState},
    media::LegMedia,
    path::{Path, Step},
};

const HOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const DATAGRAM_BYTES_MAX: usize = 2_048;
/// A datagram with what the kernel puts before it: header and address.
const ROOM_BYTES: usize = DATAGRAM_BYTES_MAX + 64;
const BATCH_MAX: usize = 32;
const ROOMS: u16 = 4_096;
const RING_ENTRIES: u32 = 4_096;
const GROUP: u16 = 1;

struct Leg {
    socket: UdpSocket,
    state: LegState,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| arguments.next().ok_or(format!("missing {what}: see the head of this file"));
    let mode = next("MODE")?;
    let calls: u16 = next("CALLS")?.parse()?;
    let (a_base, b_base): (u16, u16) = (next("A_BASE")?.parse()?, next("B_BASE")?.parse()?);
    let first: u16 = next("FIRST_PORT")?.parse()?;
    let seconds: u64 = next("SECONDS")?.parse()?;
    let file = next("FLOW_FILE")?;
    let gather = next("GATHER_MICROS").ok().map(|g| g.parse()).transpose()?.map(Duration::from_micros);
    let mut flows = String::new();
    let mut legs = Vec::new();
    for call in 0..calls {
        for (side, base) in [a_base, b_base].into_iter().enumerate() {
            let own = SocketAddr::new(HOST, first + 4 * call + 2 * side as u16);
            let phone = SocketAddr::new(HOST, base + 2 * call);
            let socket = UdpSocket::bind(own)?;
            socket.set_nonblocking(true)?;
            writeln!(flows, "{HOST} {} {HOST} {}", phone.port(), own.port())?;
            let media = LegMedia { remote: Some(phone), ..LegMedia::unknown(HOST) };
            legs.push(Leg { socket, state: LegState::new(media) });
        }
    }
    std::fs::write(file, flows)?;
    println!("READY {}", std::process::id());
    let until = Instant::now() + Duration::from_secs(seconds);
    let cost = match mode.as_str() {
        "epoll" => epoll(&mut legs, until, gather, 1)?,
        "mmsg" => epoll(&mut legs, until, gather, BATCH_MAX)?,
        "uring" => uring(&mut legs, until, gather)?,
        other => return Err(format!("no way called {other}").into()),
    };
    let used = processor_time();
    println!(
        "{mode} {calls} calls: {:.2} us a packet, {} packets, {} turns, {:.2} system calls a packet",
        used.as_secs_f64() * 1e6 / cost.packets as f64,
        cost.packets,
        cost.turns,
        cost.system_calls as f64 / cost.packets as f64,
    );
    Ok(())
}

#[derive(Default)]
struct Cost {
    packets: u64,
    turns: u64,
    system_calls: u64,
}

fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The leg and the one that it is joined to.
fn pair(legs: &mut [Leg], at: usize) -> (&mut Leg, &mut Leg) {
    let [one, other] = legs.get_disjoint_mut([at, at ^ 1]).unwrap();
    (one, other)
}

fn checked(result: libc::c_int) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

fn name_of(address: SocketAddr) -> libc::sockaddr_in {
    let SocketAddr::V4(address) = address else { unreachable!("this program is IPv4") };
    libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
        sin_zero: [0; 8],
    }
}

fn address_of(name: &libc::sockaddr_in) -> SocketAddr {
    (Ipv4Addr::from(name.sin_addr.s_addr.to_ne_bytes()), u16::from_be(name.sin_port)).into()
}

/// Edge-triggered epoll; each ready socket is drained in batches, of one with plain `recvfrom` and `sendto`.
fn epoll(legs: &mut [Leg], until: Instant, gather: Option<Duration>, batch: usize) -> io::Result<Cost> {
    let mut cost = Cost::default();
    // SAFETY: plain system calls; all pointers are to live values for the length of the call.
    let poll = checked(unsafe { libc::epoll_create1(0) })? as libc::c_int;
    for (at, leg) in legs.iter().enumerate() {
        let mut event = libc::epoll_event { events: (libc::EPOLLIN | libc::EPOLLET) as u32, u64: at as u64 };
        // SAFETY: as above.
        checked(unsafe {
            libc::epoll_ctl(poll, libc::EPOLL_CTL_ADD, leg.socket.as_raw_fd(), &raw mut event)
        })?;
    }
    let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; 1_024];
    let mut rooms = vec![[0_u8; ROOM_BYTES]; BATCH_MAX];
    let started = Instant::now();
    while Instant::now() < until {
        // SAFETY: as above; the length is that of the vector.
        let ready = checked(unsafe { libc::epoll_wait(poll, events.as_mut_ptr(), 1_024, 100) })?;
        cost.turns += 1;
        cost.system_calls += 1;
        let now = started.elapsed().as_micros() as u64;
        for event in &events[..ready] {
            let (from, to) = pair(legs, event.u64 as usize);
            match batch {
                1 => one_by_one(from, to, now, &mut rooms[0], &mut cost)?,
                _ => in_batches(from, to, now, &mut rooms, &mut cost)?,
            }
        }
        if let Some(gather) = gather {
            cost.system_calls += 1;
            std::thread::sleep(gather);
        }
    }
    Ok(cost)
}

fn one_by_one(from: &mut Leg, to: &mut Leg, now: u64, room: &mut [u8], cost: &mut Cost) -> io::Result<()> {
    loop {
        cost.system_calls += 1;
        let (len, source) = match from.socket.recv_from(&mut room[..DATAGRAM_BYTES_MAX]) {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut path = Path::new(Channel::Rtp, &mut from.state, Some(&mut to.state));
        if let (Step::Send(len), Some(destination)) = (path.carry(now, source, room, len), path.destination())
        {
            cost.system_calls += 1;
            cost.packets += 1;
            to.socket.send_to(&room[..len], destination)?;
        }
    }
}

fn in_batches(
    from: &mut Leg,
    to: &mut Leg,
    now: u64,
    rooms: &mut [[u8; ROOM_BYTES]],
    cost: &mut Cost,
) -> io::Result<()> {
    // SAFETY: integers and pointers, for which zero is a value.
    let mut names: [libc::sockaddr_in; BATCH_MAX] = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let mut vectors: [libc::iovec; BATCH_MAX] = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let mut headers: [libc::mmsghdr; BATCH_MAX] = unsafe { std::mem::zeroed() };
    loop {
        for n in 0..BATCH_MAX {
            vectors[n] = libc::iovec { iov_base: rooms[n].as_mut_ptr().cast(), iov_len: DATAGRAM_BYTES_MAX };
            headers[n].msg_hdr.msg_name = (&raw mut names[n]).cast();
            headers[n].msg_hdr.msg_namelen = 16;
            headers[n].msg_hdr.msg_iov = &raw mut vectors[n];
            headers[n].msg_hdr.msg_iovlen = 1;
        }
        cost.system_calls += 1;
        // SAFETY: every header points to a name, a vector and a room of its own that live on.
        let received = match checked(unsafe {
            libc::recvmmsg(
                from.socket.as_raw_fd(),
                headers.as_mut_ptr(),
                BATCH_MAX as u32,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        }) {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut path = Path::new(Channel::Rtp, &mut from.state, Some(&mut to.state));
        let Some(destination) = path.destination() else { return Ok(()) };
        let mut destination = name_of(destination);
        let mut out = 0;
        for n in 0..received {
            let len = headers[n].msg_len as usize;
            if let Step::Send(len) = path.carry(now, address_of(&names[n]), &mut rooms[n], len) {
                vectors[n].iov_len = len;
                headers[out].msg_hdr.msg_name = (&raw mut destination).cast();
                headers[out].msg_hdr.msg_iov = &raw mut vectors[n];
                out += 1;
            }
        }
        cost.system_calls += 1;
        cost.packets += out as u64;
        // SAFETY: as above.
        unsafe {
            libc::sendmmsg(to.socket.as_raw_fd(), headers.as_mut_ptr(), out as u32, libc::MSG_DONTWAIT)
        };
        if received < BATCH_MAX {
            return Ok(());
        }
    }
}

/// Rooms that the kernel takes for what arrives, shared with it.
struct Rooms {
    ring: *mut types::BufRingEntry,
    tail: u16,
    data: Vec<[u8; ROOM_BYTES]>,
}

impl Rooms {
    fn new(uring: &IoUring) -> io::Result<Self> {
        let bytes = size_of::<types::BufRingEntry>() * usize::from(ROOMS);
        let layout = std::alloc::Layout::from_size_align(bytes, 4_096).unwrap();
        // SAFETY: the layout has a size; the memory is never given back while the ring lives.
        let ring = unsafe { std::alloc::alloc_zeroed(layout) }.cast::<types::BufRingEntry>();
        // SAFETY: the memory is as long as the kernel is told, and aligned to a page.
        unsafe { uring.submitter().register_buf_ring_with_flags(ring as u64, ROOMS, GROUP, 0)? };
        let mut rooms = Self { ring, tail: 0, data: vec![[0; ROOM_BYTES]; usize::from(ROOMS)] };
        (0..ROOMS).for_each(|id| rooms.give(id));
        rooms.publish();
        Ok(rooms)
    }

    fn give(&mut self, id: u16) {
        let at = usize::from(self.tail & (ROOMS - 1));
        // SAFETY: the entry is within the ring, and the kernel reads it only after `publish`.
        let entry = unsafe { &mut *self.ring.add(at) };
        entry.set_addr(self.data[usize::from(id)].as_mut_ptr() as u64);
        entry.set_len(ROOM_BYTES as u32);
        entry.set_bid(id);
        self.tail = self.tail.wrapping_add(1);
    }

    fn publish(&self) {
        // SAFETY: the tail lies where the kernel expects it, in the first entry.
        let tail = unsafe { types::BufRingEntry::tail(self.ring) }.cast::<std::sync::atomic::AtomicU16>();
        // SAFETY: as above; written with release order as io_uring asks for.
        unsafe { &*tail }.store(self.tail, std::sync::atomic::Ordering::Release);
    }
}

/// One ring: receiving is asked for once for each socket, and all that is to be sent goes along with the next wait. To let
/// packets gather is to wait for more of them.
fn uring(legs: &mut [Leg], until: Instant, gather: Option<Duration>) -> io::Result<Cost> {
    let mut cost = Cost::default();
    let mut uring: IoUring = IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_cqsize(RING_ENTRIES * 4)
        .build(RING_ENTRIES)?;
    let mut rooms = Rooms::new(&uring)?;
    // SAFETY: integers and pointers, for which zero is a value.
    let mut shape: libc::msghdr = unsafe { std::mem::zeroed() };
    shape.msg_namelen = 16;
    for (at, leg) in legs.iter().enumerate() {
        ask(&mut uring, leg, at, &shape);
    }
    let mut names = vec![name_of((Ipv4Addr::LOCALHOST, 0).into()); legs.len()];
    let mut used: Vec<u16> = Vec::with_capacity(usize::from(ROOMS));
    let mut done: Vec<cqueue::Entry> = Vec::with_capacity(RING_ENTRIES as usize * 4);
    let started = Instant::now();
    let longest = gather.unwrap_or(Duration::from_millis(100));
    let wait = types::Timespec::new().nsec(longest.subsec_nanos());
    let enough = if gather.is_some() { usize::from(ROOMS / 4) } else { 1 };
    while Instant::now() < until {
        let waited = uring.submitter().submit_with_args(enough, &types::SubmitArgs::new().timespec(&wait));
        if let Err(error) = waited
            && error.raw_os_error() != Some(libc::ETIME)
        {
            return Err(error);
        }
        cost.turns += 1;
        cost.system_calls += 1;
        // What was sent has left its room.
        used.drain(..).for_each(|id| rooms.give(id));
        rooms.publish();
        done.extend(uring.completion());
        let now = started.elapsed().as_micros() as u64;
        for entry in done.drain(..) {
            let at = entry.user_data() as usize;
            if at >= legs.len() {
                continue;
            }
            if !cqueue::more(entry.flags()) {
                ask(&mut uring, &legs[at], at, &shape);
            }
            let Some(id) = cqueue::buffer_select(entry.flags()) else { continue };
            used.push(id);
            let room = &mut rooms.data[usize::from(id)];
            let len = entry.result().max(0) as usize;
            if let Some(send) = answer(pair(legs, at), (room, len), &shape, now, &mut names[at])
                // SAFETY: room and name live until the next submission has been made, which sends at once or fails.
                && unsafe { uring.submission().push(&send) }.is_ok()
            {
                cost.packets += 1;
            }
        }
    }
    Ok(cost)
}

/// What is to be sent for a datagram that lies in a room behind its address.
fn answer(
    (from, to): (&mut Leg, &mut Leg),
    (room, len): (&mut [u8; ROOM_BYTES], usize),
    shape: &libc::msghdr,
    now: u64,
    name: &mut libc::sockaddr_in,
) -> Option<squeue::Entry> {
    let received = types::RecvMsgOut::parse(&room[..len], shape).ok()?;
    // SAFETY: the kernel has written a sockaddr_in there, wherever that is.
    let source = unsafe { received.name_data().as_ptr().cast::<libc::sockaddr_in>().read_unaligned() };
    let (offset, len) =
        (received.payload_data().as_ptr() as usize - room.as_ptr() as usize, received.payload_data().len());
    let mut path = Path::new(Channel::Rtp, &mut from.state, Some(&mut to.state));
    let step = path.carry(now, address_of(&source), &mut room[offset..], len);
    let (Step::Send(len), Some(destination)) = (step, path.destination()) else { return None };
    *name = name_of(destination);
    let send = opcode::Send::new(types::Fd(to.socket.as_raw_fd()), room[offset..].as_ptr(), len as u32)
        .flags(libc::MSG_DONTWAIT)
        .dest_addr((&raw const *name).cast())
        .dest_addr_len(16);
    Some(send.build().flags(squeue::Flags::SKIP_SUCCESS).user_data(u64::MAX))
}

fn ask(uring: &mut IoUring, leg: &Leg, at: usize, shape: &libc::msghdr) {
    let ask = opcode::RecvMsgMulti::new(types::Fd(leg.socket.as_raw_fd()), shape, GROUP)
        .build()
        .user_data(at as u64);
    // SAFETY: the header lives as long as the ring.
    if unsafe { uring.submission().push(&ask) }.is_err() {
        let _ = uring.submit();
        // SAFETY: as above.
        let _ = unsafe { uring.submission().push(&ask) };
    }
}
