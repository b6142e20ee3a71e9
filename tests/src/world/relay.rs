//! A relay without packets: it lends port pairs, obeys commands and remembers what it was told, so that the
//! checker can see where media would flow.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use streams::{
    conference::{Place, RoomId, Sitting},
    diagnosis::Diagnosis,
    leg::Judgement,
    media::{LeaseId, LegMedia, LegReport, MediaCommand, MediaEvent, PortLease},
};

use super::dice::Dice;

/// The address in leases with even ids.
pub const MEDIA_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 20));
/// The address in leases with odd ids.
pub const MEDIA_ADDRESS_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x20));
const FIRST_PORT: u16 = 20_000;

/// An open lease.
#[derive(Clone, Debug)]
pub struct Open {
    /// Where the switch says the far end is.
    pub media: LegMedia,
    /// The lease it passes packets to.
    pub partner: Option<LeaseId>,
    /// Its far end hears something again and again, in place of its partner.
    pub has_music: bool,
    /// What its far end says is recorded.
    pub is_tapped: bool,
    /// The keys that its far end presses are told.
    pub is_listened_to: bool,
    /// The room that it sits in, and how.
    pub room: Option<(RoomId, Sitting)>,
}

/// The relay.
pub struct Relay {
    /// Leases that are open.
    pub open: BTreeMap<LeaseId, Open>,
    /// What is wrong with the commands that came.
    pub complaints: Vec<String>,
    /// Leases the switch has and has not opened or given back.
    lent: BTreeSet<LeaseId>,
    dice: Dice,
}

impl Relay {
    /// A relay with that many leases, and the stock to hand out.
    pub fn new(leases: u32, dice: Dice) -> (Self, MediaEvent) {
        let stock: Vec<PortLease> = (1..=leases).map(|id| lease(LeaseId(id))).collect();
        let lent = stock.iter().map(|lease| lease.id).collect();
        (Self { open: BTreeMap::new(), complaints: Vec::new(), lent, dice }, MediaEvent::Stock(stock))
    }

    /// The lease that stands behind an address in an SDP.
    pub fn lease_at(&self, address: SocketAddr) -> Option<LeaseId> {
        self.open.keys().copied().find(|id| lease(*id).address == address)
    }

    /// Where what is sent to a lease comes out: what the far end of its partner has asked for.
    pub fn comes_out_at(&self, id: LeaseId) -> Option<SocketAddr> {
        let partner = self.open.get(&id)?.partner?;
        self.open.get(&partner)?.media.remote
    }

    /// Obeys; what comes back comes back later.
    pub fn obey(&mut self, now: Duration, command: MediaCommand) -> Vec<(Duration, MediaEvent)> {
        match command {
            MediaCommand::Open { lease, media } => {
                if !self.lent.remove(&lease) {
                    self.complaints.push(format!("{lease:?} is opened and was not lent, or is open already"));
                }
                let open = Open {
                    media,
                    partner: None,
                    has_music: false,
                    is_tapped: false,
                    is_listened_to: false,
                    room: None,
                };
                self.open.insert(lease, open);
            }
            MediaCommand::Configure { lease, media } => match self.open.get_mut(&lease) {
                Some(open) => open.media = media,
                None => self.complaints.push(format!("{lease:?} is configured and not open")),
            },
            MediaCommand::Join { a, b } => self.join(a, b),
            MediaCommand::Part { lease } => self.part(lease),
            MediaCommand::Meet { lease, room, sitting } => self.meet(lease, (room, sitting)),
            MediaCommand::Leave { lease } => {
                self.needs_open(lease, "to leave a room");
                self.stands_up(lease);
            }
            MediaCommand::Announce { room, .. } => {
                if !self.open.values().any(|open| open.room.is_some_and(|(id, _)| id == room)) {
                    self.complaints.push(format!("{room:?} is told something and nobody is there"));
                }
            }
            MediaCommand::Play { lease, repeat, .. } => {
                self.needs_open(lease, "played to");
                self.plays(lease, repeat);
                if !repeat {
                    let ends_at = now + self.dice.millis(20, 5_000);
                    return vec![(ends_at, MediaEvent::Played { lease })];
                }
            }
            MediaCommand::Echo { lease } | MediaCommand::Stop { lease } => {
                self.needs_open(lease, "echoed or stopped");
                self.plays(lease, false);
            }
            MediaCommand::Tap { lease, tap } => {
                self.needs_open(lease, "tapped");
                if let Some(open) = self.open.get_mut(&lease) {
                    open.is_tapped = tap.is_some();
                }
            }
            MediaCommand::Listen { lease, is_on, .. } => {
                self.needs_open(lease, "listened to");
                if let Some(open) = self.open.get_mut(&lease) {
                    open.is_listened_to = is_on;
                }
            }
            MediaCommand::Press { lease, .. } => self.needs_open(lease, "sent a key"),
            MediaCommand::Look { lease } => return self.looked_at(now, lease),
            MediaCommand::Capture { .. } => self.complaints.push("call control does not capture".into()),
            MediaCommand::Close { lease } => return self.close(now, lease),
        }
        Vec::new()
    }

    fn looked_at(&mut self, now: Duration, lease: LeaseId) -> Vec<(Duration, MediaEvent)> {
        self.needs_open(lease, "looked at");
        let diagnosis = self.dice.pick(&[Diagnosis::Good, Diagnosis::Silence, Diagnosis::NothingReceived]);
        let judgement = Judgement { diagnosis: Some(diagnosis), ..Judgement::default() };
        let report = Some(Box::new(LegReport { judgement, ..LegReport::default() }));
        vec![(now + self.dice.millis(1, 20), MediaEvent::Seen { lease, report })]
    }

    fn plays(&mut self, lease: LeaseId, has_music: bool) {
        if let Some(open) = self.open.get_mut(&lease) {
            open.has_music = has_music;
        }
    }

    fn needs_open(&mut self, lease: LeaseId, what: &str) {
        if !self.open.contains_key(&lease) {
            self.complaints.push(format!("{lease:?} is {what} and not open"));
        }
    }

    fn join(&mut self, a: LeaseId, b: LeaseId) {
        if a == b || !self.open.contains_key(&a) || !self.open.contains_key(&b) {
            return self.complaints.push(format!("{a:?} and {b:?} are joined and not both open"));
        }
        for (own, other) in [(a, b), (b, a)] {
            let before = self.open.get(&own).and_then(|open| open.partner);
            if before == Some(other) {
                continue;
            }
            if let Some(open) = before.and_then(|before| self.open.get_mut(&before)) {
                open.partner = None;
                open.room = None;
            }
            if let Some(open) = self.open.get_mut(&own) {
                open.partner = Some(other);
                open.room = None;
            }
        }
    }

    fn stands_up(&mut self, lease: LeaseId) {
        if let Some(open) = self.open.get_mut(&lease) {
            open.room = None;
        }
    }

    fn meet(&mut self, lease: LeaseId, room: (RoomId, Sitting)) {
        self.needs_open(lease, "to sit in a room");
        if room.1.place == Place::Inside
            && let Some(partner) = self.open.get(&lease).and_then(|open| open.partner)
        {
            self.part(partner);
        }
        if let Some(open) = self.open.get_mut(&lease) {
            open.room = Some(room);
        }
    }

    fn part(&mut self, lease: LeaseId) {
        match self.open.get_mut(&lease) {
            None => self.complaints.push(format!("{lease:?} is parted and not open")),
            Some(open) => {
                open.room = None;
                let partner = open.partner.take();
                if let Some(open) = partner.and_then(|partner| self.open.get_mut(&partner)) {
                    (open.partner, open.room) = (None, None);
                }
            }
        }
    }

    fn close(&mut self, now: Duration, id: LeaseId) -> Vec<(Duration, MediaEvent)> {
        let is_known = match self.open.remove(&id) {
            Some(open) => {
                if let Some(partner) = open.partner.and_then(|partner| self.open.get_mut(&partner)) {
                    (partner.partner, partner.room) = (None, None);
                }
                true
            }
            None => self.lent.remove(&id),
        };
        if !is_known {
            self.complaints.push(format!("{id:?} is closed twice"));
            return Vec::new();
        }
        let (packets, closed_at) = (self.dice.below(1_000), now + self.dice.millis(0, 60));
        let report = LegReport { packets_received: packets, packets_sent: packets, ..LegReport::default() };
        let restocked_at = closed_at + self.dice.millis(5_000, 5_500);
        vec![
            (closed_at, MediaEvent::Closed { lease: id, report: Box::new(report) }),
            (restocked_at, MediaEvent::Stock(vec![lease(id)])),
        ]
    }

    /// The leases the switch has and has not opened.
    pub fn in_stock(&self) -> Vec<PortLease> {
        self.lent.iter().copied().map(lease).collect()
    }

    /// How many leases the switch has and has not opened.
    pub fn lent(&self) -> usize {
        self.lent.len()
    }

    /// A closed lease has come back and is lent again.
    pub fn lend(&mut self, stock: &[PortLease]) {
        self.lent.extend(stock.iter().map(|lease| lease.id));
    }
}

fn lease(id: LeaseId) -> PortLease {
    let port = FIRST_PORT + u16::try_from(id.0).unwrap_or(0) * 2;
    let ip = if id.0.is_multiple_of(2) { MEDIA_ADDRESS } else { MEDIA_ADDRESS_V6 };
    PortLease { id, address: SocketAddr::new(ip, port) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_opened_once_and_closed_once() {
        let (mut relay, _) = Relay::new(2, Dice::for_actor(1, 1));
        let (a, b) = (LeaseId(1), LeaseId(2));
        let unknown = LegMedia::unknown([192, 0, 2, 1].into());
        for lease in [a, b] {
            relay.obey(Duration::ZERO, MediaCommand::Open { lease, media: unknown.clone() });
        }
        relay.obey(Duration::ZERO, MediaCommand::Join { a, b });
        assert_eq!(relay.obey(Duration::ZERO, MediaCommand::Close { lease: a }).len(), 2);
        assert!(relay.complaints.is_empty(), "{:?}", relay.complaints);
        relay.obey(Duration::ZERO, MediaCommand::Close { lease: a });
        relay.obey(Duration::ZERO, MediaCommand::Join { a, b });
        assert_eq!(relay.complaints.len(), 2);
    }
}
