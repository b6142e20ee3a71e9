//! What will happen in a world, drawn from its seed before it begins.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use contract::snapshot::Snapshot;

use super::{
    dice::Dice,
    network::Weather,
    orders::Order,
    organisation::{self, CLOSED, EMPTY, HELPDESK, RECEPTION, SUPPORT, login},
    phone::{
        Line, Login,
        manner::{CallPlan, Move, ODD_BODIES, draw_talk},
    },
};

/// The switch's signalling address.
pub const SWITCH: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10)), 5060);
/// The same for IPv6.
pub const SWITCH_V6: SocketAddr =
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10)), 5060);

/// What a wrong password ends with, and no right one does.
pub const WRONG_PASSWORD_MARK: char = '?';

/// Something that happens from outside, whatever the phones themselves do.
#[derive(Clone, Debug)]
pub enum Act {
    /// A phone is switched on and registers.
    Power(usize),
    /// A phone makes a call.
    Call(usize, CallPlan),
    /// A phone asks for the switch's abilities.
    Options(usize),
    /// A phone watches the lamp of a number.
    Watch(usize, String),
    /// A phone takes its registration back.
    Unregister(usize),
    /// A phone loses power.
    Vanish(usize),
    /// It comes back.
    Reboot(usize),
    /// A phone's TCP connection is cut.
    Cut(usize),
    /// A phone cannot be reached and reaches nobody for this long.
    Darken(usize, Duration),
    /// Somebody orders something of the switch.
    Order(Order),
    /// The journal's disk is too slow, or well again.
    Pressure(bool),
    /// The configuration changes.
    Reconfigure,
    /// Somebody who is no phone of ours sends something.
    Stranger,
    /// Somebody who talks sends the other side on to a number.
    SendOnAny {
        /// The number.
        to: String,
        /// And hangs up as soon as the switch has taken it.
        and_leaves: bool,
    },
    /// Somebody who talks calls somebody else as well.
    ConsultAny(CallPlan),
    /// Somebody who has two calls puts the two others in touch.
    ConnectAny {
        /// And hangs up as soon as the switch has taken it.
        and_leaves: bool,
    },
    /// The switch's process ends, and another goes on.
    Die {
        /// It was asked to, and hands over what it has.
        is_planned: bool,
    },
}

/// A phone to be put into the world.
#[derive(Clone, Debug)]
pub struct Device {
    /// For the ladder.
    pub name: String,
    /// Its account.
    pub login: Login,
    /// Its place.
    pub line: Line,
}

/// A whole plot.
pub struct Scenario {
    /// Configuration rows.
    pub snapshot: Snapshot,
    /// How the network is.
    pub weather: Weather,
    /// The switch's process may end in the middle of calls: it keeps images of them.
    pub is_mortal: bool,
    /// Port pairs of the relay.
    pub leases: u32,
    /// Phones by index.
    pub devices: Vec<Device>,
    /// What happens when.
    pub acts: Vec<(Duration, Act)>,
    /// When everybody stops doing new things.
    pub curtain: Duration,
}

/// What kind of place a phone is in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// TCP instead of UDP.
    pub is_tcp: bool,
    /// Behind a NAT; over TCP that means that it cannot be connected to.
    pub is_behind_nat: bool,
    /// In a network of IPv6.
    pub is_v6: bool,
}

impl Place {
    fn draw(dice: &mut Dice, has_v6: bool) -> Self {
        let is_v6 = has_v6 && dice.chance(400);
        Self { is_tcp: dice.chance(200), is_behind_nat: !is_v6 && dice.chance(250), is_v6 }
    }

    /// The addresses of phone `index` there.
    pub fn line(self, index: usize) -> Line {
        let own = u8::try_from(index + 1).unwrap_or(u8::MAX);
        let public: IpAddr = match self.is_v6 {
            true => Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, own.into()).into(),
            false => [198, 51, 100, own].into(),
        };
        let private: IpAddr = if self.is_behind_nat { [10, 0, 0, own].into() } else { public };
        let outside = match (self.is_tcp, self.is_behind_nat) {
            (false, false) => 5060,
            (false, true) => 20_000 + u16::from(own),
            (true, _) => 50_000 + u16::from(own),
        };
        Line {
            is_tcp: self.is_tcp,
            inside: SocketAddr::new(private, 5060),
            outside: SocketAddr::new(public, outside),
            switch: if self.is_v6 { SWITCH_V6 } else { SWITCH },
        }
    }
}

impl Scenario {
    /// The plot of a seed.
    pub fn draw(dice: &mut Dice) -> Self {
        let snapshot = organisation::draw(dice);
        let weather = Weather::draw(dice);
        let devices = draw_devices(&snapshot, dice);
        let curtain = dice.millis(40_000, 180_000);
        let mut scenario =
            Self { snapshot, weather, is_mortal: true, leases: 128, devices, acts: Vec::new(), curtain };
        if dice.chance(100) {
            scenario.leases = u32::try_from(dice.between(4, 16)).unwrap_or(8);
        }
        scenario.draw_calls(dice);
        if dice.chance(600) {
            scenario.draw_troubles(dice);
        }
        // Subscriptions do not outlive the process: their watchers ask again, in their own time.
        if dice.chance(500) {
            scenario.draw_watches(dice);
        } else if dice.chance(500) {
            scenario.draw_deaths(dice);
        }
        scenario
    }

    /// Somebody sends calls on, parks them and takes what is parked or rings, in some worlds; the rest of the plot is as without.
    pub fn draw_transfers(&mut self, dice: &mut Dice) {
        if dice.chance(500) {
            return;
        }
        let last = u64::try_from(self.curtain.as_millis()).unwrap_or(10_000);
        for _ in 0..dice.between(1, 8) {
            let at = dice.millis(3_000, last);
            let and_leaves = dice.chance(250);
            let mut plan = self.draw_call(self.any_phone(dice), dice);
            if dice.chance(500) {
                let slot = dice.pick(&[None, None, Some("700"), Some("702")]);
                let to = slot.map_or(plan.to, str::to_owned);
                self.acts.push((at, Act::SendOnAny { to, and_leaves }));
                continue;
            }
            if dice.chance(400) {
                plan.to = dice.pick(&["700", "701", "702", "*8", "**100"]).to_owned();
                let phone = self.any_phone(dice);
                self.acts.push((at, Act::Call(phone, plan)));
                continue;
            }
            plan.odd_body = None;
            self.acts.push((at, Act::ConsultAny(plan)));
            self.acts.push((at + dice.millis(200, 12_000), Act::ConnectAny { and_leaves }));
        }
    }

    pub(super) fn any_phone(&self, dice: &mut Dice) -> usize {
        let count = u64::try_from(self.devices.len()).unwrap_or(1);
        usize::try_from(dice.below(count)).unwrap_or(0)
    }

    fn draw_calls(&mut self, dice: &mut Dice) {
        for phone in 0..self.devices.len() {
            self.acts.push((dice.millis(0, 2_000), Act::Power(phone)));
        }
        let last = u64::try_from(self.curtain.as_millis()).unwrap_or(10_000) - 5_000;
        let mut at = Duration::ZERO;
        for _ in 0..dice.between(2, 14) {
            // Now and then calls start within the same instants and meet each other.
            at = if dice.chance(250) { at + dice.millis(0, 50) } else { dice.millis(3_000, last) };
            let phone = self.any_phone(dice);
            let plan = self.draw_call(phone, dice);
            self.acts.push((at, Act::Call(phone, plan)));
        }
        if dice.chance(300) {
            self.acts.push((dice.millis(0, last), Act::Options(self.any_phone(dice))));
        }
    }

    fn draw_watches(&mut self, dice: &mut Dice) {
        let last = u64::try_from(self.curtain.as_millis()).unwrap_or(10_000);
        for _ in 0..dice.between(1, 6) {
            let (phone, other) = (self.any_phone(dice), self.any_phone(dice));
            let number = match dice.below(10) {
                0 => RECEPTION.to_owned(),
                1 => SUPPORT.to_owned(),
                2 => "9999".to_owned(),
                3 => HELPDESK.to_owned(),
                _ => self.devices[other].login.username.clone(),
            };
            // Who does not know the password is turned away at the door.
            if !self.devices[phone].login.password.ends_with(WRONG_PASSWORD_MARK) {
                self.acts.push((dice.millis(3_000, last), Act::Watch(phone, number)));
            }
        }
    }

    pub(super) fn draw_call(&self, phone: usize, dice: &mut Dice) -> CallPlan {
        let other = self.any_phone(dice);
        let to = match dice.below(100) {
            0..=36 => self.devices[other].login.username.clone(),
            37..=51 => RECEPTION.to_owned(),
            52..=64 => SUPPORT.to_owned(),
            65..=79 => HELPDESK.to_owned(),
            80..=84 => "9999".to_owned(),
            85..=88 => CLOSED.to_owned(),
            89..=92 => EMPTY.to_owned(),
            93..=95 => self.devices[phone].login.username.clone(),
            _ => "u1".to_owned(),
        };
        let patience = match dice.below(100) {
            0..=9 => Some(dice.millis(0, 400)),
            10..=39 => Some(dice.millis(400, 8_000)),
            40..=59 => Some(dice.millis(8_000, 25_000)),
            _ => None,
        };
        CallPlan {
            to,
            is_late_offer: dice.chance(150),
            video: dice.chance(150),
            odd_body: dice.chance(30).then(|| dice.pick(&ODD_BODIES)),
            patience,
            talk: draw_talk(dice),
        }
    }

    fn draw_deaths(&mut self, dice: &mut Dice) {
        let last = u64::try_from(self.curtain.as_millis()).unwrap_or(10_000);
        for _ in 0..dice.between(1, 30) {
            self.acts.push((dice.millis(2_000, last), Act::Die { is_planned: dice.chance(500) }));
        }
    }

    fn draw_troubles(&mut self, dice: &mut Dice) {
        let last = u64::try_from(self.curtain.as_millis()).unwrap_or(10_000);
        for _ in 0..dice.between(1, 6) {
            let (at, phone) = (dice.millis(2_000, last), self.any_phone(dice));
            let back = at + dice.millis(200, 60_000);
            match dice.below(9) {
                0 => self.acts.push((at, Act::Unregister(phone))),
                1 => {
                    self.acts.push((at, Act::Vanish(phone)));
                    self.acts.push((back, Act::Reboot(phone)));
                }
                2 if self.devices[phone].line.is_tcp => self.acts.push((at, Act::Cut(phone))),
                3 if !self.weather.is_fair => self.acts.push((at, Act::Darken(phone, back - at))),
                4 => self.acts.push((at, Act::Order(Order::HangUp))),
                5 => {
                    self.acts.push((at, Act::Pressure(true)));
                    self.acts.push((back, Act::Pressure(false)));
                }
                6 => self.acts.push((at, Act::Reconfigure)),
                _ => {
                    for _ in 0..dice.between(1, 20) {
                        self.acts.push((at + dice.millis(0, 2_000), Act::Stranger));
                    }
                }
            }
        }
    }
}

fn draw_devices(snapshot: &Snapshot, dice: &mut Dice) -> Vec<Device> {
    let has_v6 = dice.chance(200);
    let mut devices: Vec<Device> = Vec::new();
    for organisation in &snapshot.organisations {
        for account in &organisation.accounts {
            let count = if dice.chance(350) { 2 } else { 1 };
            for letter in ["a", "b"].iter().take(count) {
                let mut login = login(&organisation.sip_domain, &account.username);
                if dice.chance(20) {
                    login.password.push(WRONG_PASSWORD_MARK);
                }
                let mark = if organisation.is_default { "" } else { "'" };
                let name = format!("{}{letter}{mark}", account.username);
                let line = Place::draw(dice, has_v6).line(devices.len());
                devices.push(Device { name, login, line });
            }
        }
    }
    devices
}

/// A plan in which the caller talks for a while and hangs up.
pub fn short_call(to: &str, secs: u64) -> CallPlan {
    CallPlan::to(to, Duration::from_secs(secs)).with_talk(&[(secs, Move::HangUp)])
}
