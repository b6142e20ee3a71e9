//! What happens to bytes between a phone and the switch.
//!
//! Datagrams are lost, doubled, delayed and so reordered, each by itself. TCP streams arrive whole and in
//! order, cut into pieces anywhere, until somebody cuts the connection. In *fair* weather no datagram and
//! none of its repetitions is lost more than [`FAIR_LOSSES_MAX`] times, so that every transaction has to
//! come through within the timers of RFC 3261 and nothing is excused.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    net::SocketAddr,
    time::Duration,
};

use sip::{Flow, Transport};

use super::{dice::Dice, phone::text::Text};

/// In fair weather: how often the same message may be lost on the same way. Two losses of a request, of its
/// response and of its ACK cost 7.5 s, a quarter of 64·T1.
const FAIR_LOSSES_MAX: u32 = 2;

/// How the network is.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// One way, from … to, in milliseconds.
    pub latency_millis: (u64, u64),
    /// Lost datagrams in a thousand.
    pub loss_permille: u64,
    /// Doubled datagrams in a thousand.
    pub twice_permille: u64,
    /// Datagrams in a thousand that come up to 900 ms late.
    pub late_permille: u64,
    /// Bounded losses, no outages.
    pub is_fair: bool,
}

impl Weather {
    /// A cable on a desk.
    pub fn perfect() -> Self {
        Self { latency_millis: (1, 1), loss_permille: 0, twice_permille: 0, late_permille: 0, is_fair: true }
    }

    /// Whether everything arrives, in order.
    pub fn keeps_order(&self) -> bool {
        (self.loss_permille, self.late_permille) == (0, 0) && self.latency_millis.0 == self.latency_millis.1
    }

    /// Any weather.
    pub fn draw(dice: &mut Dice) -> Self {
        let low = dice.between(1, 60);
        // Where nothing is lost or overtaken nothing is excused: often enough to find what shows there alone.
        if dice.chance(150) {
            return Self { latency_millis: (low, low), ..Self::perfect() };
        }
        Self {
            latency_millis: (low, low + dice.pick(&[0, 5, 40, 150])),
            loss_permille: dice.pick(&[0, 0, 10, 50, 100, 200]),
            twice_permille: dice.pick(&[0, 0, 20, 100]),
            late_permille: dice.pick(&[0, 0, 20, 100]),
            is_fair: !dice.chance(250),
        }
    }
}

/// A TCP connection between a phone and the switch.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// Index of the phone.
    pub phone: usize,
    /// The switch's end.
    pub local: SocketAddr,
    /// The phone's end.
    pub remote: SocketAddr,
    /// Not cut.
    pub is_open: bool,
    /// When the last piece arrives, towards the switch and towards the phone.
    last_arrival: [Duration; 2],
}

impl Connection {
    /// It as the switch knows it.
    pub fn flow(&self, number: u64) -> Flow {
        let (transport, local, remote) = (Transport::Tcp, self.local, self.remote);
        Flow { transport, local, remote, connection: number }
    }
}

/// The network.
pub struct Network {
    /// How it is.
    pub weather: Weather,
    /// By the number the switch knows them by; 0 is never used.
    pub connections: BTreeMap<u64, Connection>,
    dice: Dice,
    losses: BTreeMap<(usize, bool, u64), u32>,
    dark_until: BTreeMap<usize, Duration>,
}

impl Network {
    /// A network without connections.
    pub fn new(weather: Weather, dice: Dice) -> Self {
        Self {
            weather,
            connections: BTreeMap::new(),
            dice,
            losses: BTreeMap::new(),
            dark_until: BTreeMap::new(),
        }
    }

    /// When the copies of a datagram arrive; none when it is lost.
    pub fn datagram(&mut self, now: Duration, phone: usize, to_switch: bool, bytes: &[u8]) -> Vec<Duration> {
        if self.dark_until.get(&phone).is_some_and(|until| now < *until)
            || self.is_lost(phone, to_switch, bytes)
        {
            return Vec::new();
        }
        let copies = if self.dice.chance(self.weather.twice_permille) { 2 } else { 1 };
        (0..copies).map(|_| now + self.delay()).collect()
    }

    fn is_lost(&mut self, phone: usize, to_switch: bool, bytes: &[u8]) -> bool {
        if !self.dice.chance(self.weather.loss_permille) {
            return false;
        }
        let mut hasher = DefaultHasher::new();
        // A stateless answer is not repeated byte for byte; these lines are.
        match Text::read(bytes) {
            Ok(text) => (format!("{:?}", text.start), text.call_id(), text.one("CSeq")).hash(&mut hasher),
            Err(_) => bytes.hash(&mut hasher),
        }
        let losses = self.losses.entry((phone, to_switch, hasher.finish())).or_default();
        *losses += 1;
        !self.weather.is_fair || *losses <= FAIR_LOSSES_MAX
    }

    fn delay(&mut self) -> Duration {
        let (low, high) = self.weather.latency_millis;
        let usual = self.dice.millis(low, high);
        let is_late = self.dice.chance(self.weather.late_permille);
        if is_late { usual + self.dice.millis(0, 900) } else { usual }
    }

    /// Nothing from or to this phone gets through for a while.
    pub fn darken(&mut self, phone: usize, until: Duration) {
        self.dark_until.insert(phone, until);
    }

    /// A new connection of a phone.
    pub fn connect(&mut self, phone: usize, local: SocketAddr, remote: SocketAddr) -> u64 {
        let number = self.connections.keys().next_back().map_or(1, |last| last + 1);
        let connection =
            Connection { phone, local, remote, is_open: true, last_arrival: [Duration::ZERO; 2] };
        self.connections.insert(number, connection);
        number
    }

    /// The open connection of a phone.
    pub fn connection_of(&self, phone: usize) -> Option<u64> {
        let mut own = self.connections.iter().rev().filter(|(_, one)| one.phone == phone && one.is_open);
        own.next().map(|(number, _)| *number)
    }

    /// The pieces a message arrives in.
    pub fn stream(
        &mut self,
        now: Duration,
        number: u64,
        to_switch: bool,
        bytes: &[u8],
    ) -> Vec<(Duration, Vec<u8>)> {
        let (mut pieces, mut rest) = (Vec::new(), bytes);
        while !rest.is_empty() {
            let whole = u64::try_from(rest.len()).unwrap_or(u64::MAX);
            let size = if self.dice.chance(800) { whole } else { self.dice.between(1, whole) };
            let (piece, after) = rest.split_at(usize::try_from(size).unwrap_or(rest.len()));
            let mut at = now + self.delay();
            if let Some(connection) = self.connections.get_mut(&number) {
                let last = &mut connection.last_arrival[usize::from(to_switch)];
                at = at.max(*last + Duration::from_micros(1));
                *last = at;
            }
            pieces.push((at, piece.to_vec()));
            rest = after;
        }
        pieces
    }
}
