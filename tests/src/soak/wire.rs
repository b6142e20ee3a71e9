//! One phone's real socket, and the bad network in front of it: what is lost, doubled, late and out of order, both
//! ways. A stream is only late: TCP mends the rest.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::{IpAddr, SocketAddr, TcpStream, UdpSocket},
    os::fd::{AsFd, BorrowedFd},
    time::Duration,
};

use anyhow::Result;
use socket2::{Domain, Socket, Type};

use crate::world::{dice::Dice, phone::text::cut_stream};

/// What the network does to datagrams, in thousandths; the rest arrives at once and in order.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    pub(super) lost: u64,
    pub(super) doubled: u64,
    pub(super) late: u64,
}

enum Line {
    Udp(UdpSocket),
    Tcp(TcpStream, Vec<u8>),
}

/// A phone's way to the switch.
pub(super) struct Wire {
    line: Line,
    switch: SocketAddr,
    weather: Weather,
    dice: Dice,
    /// On their way: when they arrive, whether at the switch, what.
    under_way: Vec<(Duration, bool, Vec<u8>)>,
    /// The switch has closed the connection, or it broke.
    pub(super) is_cut: bool,
}

impl Wire {
    pub(super) fn udp(ip: IpAddr, switch: SocketAddr, weather: Weather, dice: Dice) -> Result<Self> {
        let socket = UdpSocket::bind((ip, 5_060))?;
        socket.set_nonblocking(true)?;
        Ok(Self::over(Line::Udp(socket), switch, weather, dice))
    }

    pub(super) fn tcp(ip: IpAddr, switch: SocketAddr, dice: Dice) -> Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(ip, 0).into())?;
        socket.connect(&switch.into())?;
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self::over(Line::Tcp(stream, Vec::new()), switch, Weather::default(), dice))
    }

    fn over(line: Line, switch: SocketAddr, weather: Weather, dice: Dice) -> Self {
        Self { line, switch, weather, dice, under_way: Vec::new(), is_cut: false }
    }

    pub(super) fn address(&self) -> Result<SocketAddr> {
        Ok(match &self.line {
            Line::Udp(socket) => socket.local_addr()?,
            Line::Tcp(stream, _) => stream.local_addr()?,
        })
    }

    pub(super) fn is_tcp(&self) -> bool {
        matches!(self.line, Line::Tcp(..))
    }

    /// Gives a message to the network.
    pub(super) fn send(&mut self, now: Duration, bytes: Vec<u8>) {
        self.travel(now, true, bytes);
        self.arrive_at_switch(now);
    }

    /// Everything that arrives at the phone now.
    pub(super) fn receive(&mut self, now: Duration) -> Vec<Vec<u8>> {
        for bytes in self.read() {
            self.travel(now, false, bytes);
        }
        self.arrive_at_switch(now);
        let mut arrived = Vec::new();
        self.under_way.retain(|(at, is_ours, bytes)| {
            let is_here = *at <= now && !is_ours;
            if is_here {
                arrived.push(bytes.clone());
            }
            !is_here
        });
        arrived
    }

    /// When something on its way arrives.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.under_way.iter().map(|(at, ..)| *at).min()
    }

    fn travel(&mut self, now: Duration, is_ours: bool, bytes: Vec<u8>) {
        let fate = self.dice.below(1_000);
        let Weather { lost, doubled, late } = self.weather;
        let delay = if fate >= 1_000 - late { self.dice.millis(5, 250) } else { Duration::ZERO };
        if fate < lost {
            return;
        }
        if fate < lost + doubled {
            let again = now + self.dice.millis(0, 40);
            self.under_way.push((again, is_ours, bytes.clone()));
        }
        self.under_way.push((now + delay, is_ours, bytes));
    }

    fn arrive_at_switch(&mut self, now: Duration) {
        let (due, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.under_way)
            .into_iter()
            .partition(|(at, is_ours, _)| *is_ours && *at <= now);
        self.under_way = rest;
        for (_, _, bytes) in due {
            let sent = match &mut self.line {
                Line::Udp(socket) => socket.send_to(&bytes, self.switch).map(drop),
                Line::Tcp(stream, _) => stream.write_all(&bytes),
            };
            self.is_cut |= sent.is_err() && self.is_tcp();
        }
    }

    fn read(&mut self) -> Vec<Vec<u8>> {
        let (mut room, mut found) = ([0; 65_535], Vec::new());
        loop {
            let count = match &mut self.line {
                Line::Udp(socket) => socket.recv(&mut room),
                Line::Tcp(stream, _) => stream.read(&mut room),
            };
            match (count, &mut self.line) {
                (Ok(count), Line::Udp(_)) => found.push(room[..count].to_vec()),
                (Ok(0), Line::Tcp(..)) => {
                    self.is_cut = true;
                    return found;
                }
                (Ok(count), Line::Tcp(_, pending)) => {
                    pending.extend_from_slice(&room[..count]);
                    found.extend(cut_stream(pending));
                }
                (Err(error), line) => {
                    let is_stream = matches!(line, Line::Tcp(..));
                    self.is_cut |= is_stream && !is_passing(&error);
                    return found;
                }
            }
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.line {
            Line::Udp(socket) => socket.as_fd(),
            Line::Tcp(stream, _) => stream.as_fd(),
        }
    }
}
