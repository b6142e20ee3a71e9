//! What an operator orders, what people dial that is no number, and the keys that they press: drawn for half of the random
//! worlds, and carried out at its moment about whatever is there then.

use calls::{Command, Input};
use contract::{
    availability::Person,
    command::{RecordingOrder, SupervisionMode},
    id::{CallId, OrgId},
    journal::EventKind,
};
use streams::{keys::Key, media::MediaEvent};

use super::{
    World,
    dice::Dice,
    organisation::{self, HELPDESK, PAGE, RECEPTION, SUPPORT},
    scenario::{Act, Scenario},
};

/// Codes that are dialled as they are.
const CODES: [&str; 11] = ["*43", "*46", "*70", "*71", "*78", "*79", "*8", "*97", "700", "*33100", "*33200"];
/// Keys that mean something somewhere: in a queue, a mailbox, a conference, to a supervisor.
const KEYS: [char; 8] = ['1', '2', '4', '5', '6', '0', '*', '#'];

/// What is ordered of the switch; of calls it is any one that is up.
#[derive(Clone, Debug)]
pub enum Order {
    /// End a call.
    HangUp,
    /// Call a number for whoever has that phone.
    Call {
        /// Index of the phone.
        phone: usize,
        /// The number.
        to: String,
        /// Whether their phones are asked to answer by themselves.
        auto_answer: bool,
    },
    /// Have the phones of whoever has that one ring in a call too.
    PickUp {
        /// Index of the phone.
        phone: usize,
        /// Whether their phones are asked to answer by themselves.
        auto_answer: bool,
    },
    /// Turn something of the person's on or off who has that phone.
    Turn(Switchable, usize, bool),
    /// Send a side of a call on, to a number or a place where calls are parked.
    SendOn(Option<u16>, String),
    /// Hold a call in the name of a side, or take it back.
    Hold(Option<u16>, bool),
    /// Put two calls through to each other.
    Connect,
    /// Be heard by others than before.
    Supervise(SupervisionMode),
    /// Have the phones of whoever has that one ring, to listen to a call.
    Listen {
        /// Index of the phone.
        phone: usize,
        /// Who is to hear them.
        mode: SupervisionMode,
    },
    /// Something about a recording.
    Record(RecordingOrder),
    /// Not to be heard in a conference.
    Mute(bool),
    /// A key is pressed on any line that is listened to.
    Press(char),
}

/// What people turn on and off.
#[derive(Clone, Copy, Debug)]
pub enum Switchable {
    /// Nothing of theirs rings.
    DoNotDisturb,
    /// A second call rings.
    CallWaiting,
    /// No queue asks them.
    Pause,
}

impl Order {
    fn draw(scenario: &Scenario, dice: &mut Dice) -> Self {
        let phone = scenario.any_phone(dice);
        let to = scenario.draw_call(phone, dice).to;
        let side = dice.pick(&[None, Some(1), Some(2), Some(3)]);
        let is_on = dice.chance(600);
        match dice.below(100) {
            0..=19 => Self::Call { phone, to, auto_answer: is_on },
            20..=29 => Self::PickUp { phone, auto_answer: is_on },
            30..=45 => {
                let all = [Switchable::DoNotDisturb, Switchable::CallWaiting, Switchable::Pause];
                Self::Turn(dice.pick(&all), phone, is_on)
            }
            46..=55 => {
                let slot = dice.pick(&[None, Some("700"), Some("702")]);
                Self::SendOn(side, slot.map_or(to, str::to_owned))
            }
            56..=62 => Self::Hold(side, is_on),
            63..=66 => Self::Connect,
            67..=76 => {
                let all = [SupervisionMode::Listen, SupervisionMode::Whisper, SupervisionMode::Barge];
                let mode = dice.pick(&all);
                if is_on { Self::Listen { phone, mode } } else { Self::Supervise(mode) }
            }
            77..=80 => {
                use RecordingOrder::{Pause, Resume, Start, Stop};
                Self::Record(dice.pick(&[Start, Pause, Resume, Stop]))
            }
            81..=82 => Self::Mute(is_on),
            83..=86 => Self::HangUp,
            _ => Self::Press(dice.pick(&KEYS)),
        }
    }
}

impl Scenario {
    /// The newer features: rows that have them, orders, and people who dial codes, in half of the worlds.
    pub fn draw_features(&mut self, dice: &mut Dice) {
        if dice.chance(500) {
            return;
        }
        organisation::draw_features(&mut self.snapshot, dice);
        let last = u64::try_from(self.curtain.as_millis()).unwrap_or(10_000);
        for _ in 0..dice.between(2, 20) {
            let at = dice.millis(3_000, last);
            let act = if dice.chance(500) {
                Act::Order(Order::draw(self, dice))
            } else {
                let phone = self.any_phone(dice);
                let mut plan = self.draw_call(phone, dice);
                plan.to = draw_code(&plan.to, dice);
                Act::Call(phone, plan)
            };
            self.acts.push((at, act));
        }
        // Whoever waits presses keys in time.
        for _ in 0..dice.below(6) {
            self.acts.push((dice.millis(3_000, last), Act::Order(Order::Press('1'))));
        }
    }
}

/// A code, or one in front of that number.
fn draw_code(number: &str, dice: &mut Dice) -> String {
    let prefix = match dice.below(100) {
        0..=19 => "*80",
        20..=44 => "*33",
        45..=49 => "**",
        50..=54 => "*",
        55..=69 => return PAGE.to_owned(),
        70..=74 => return dice.pick(&[RECEPTION, SUPPORT, HELPDESK]).to_owned(),
        _ => return dice.pick(&CODES).to_owned(),
    };
    format!("{prefix}{number}")
}

impl World {
    /// Carries out an order about what is there now.
    pub(super) fn order(&mut self, order: &Order) {
        if let Order::Press(key) = order {
            return self.press(*key);
        }
        if let Some(command) = self.command(order) {
            self.tell_switch(Input::Command(command), None);
        }
    }

    fn command(&mut self, order: &Order) -> Option<Command> {
        Some(match order.clone() {
            Order::Call { phone, to, auto_answer } => {
                let from = self.phones.get(phone)?.login.username.clone();
                let org = self.person(phone).map(|(org, _)| org);
                // An order that comes again names the call that it has made.
                let call = if self.dice.chance(100) { self.any_call() } else { None };
                Command::Call { org, call, from, to, auto_answer }
            }
            Order::PickUp { phone, auto_answer } => {
                let by = self.phones.get(phone)?.login.username.clone();
                let org = self.person(phone).map(|(org, _)| org);
                Command::PickUp { org, call: self.any_that_rings()?, by, auto_answer }
            }
            Order::Turn(what, phone, is_on) => {
                let (org, person) = self.person(phone)?;
                match (what, person) {
                    (Switchable::DoNotDisturb, person) => Command::DoNotDisturb { org, person, is_on },
                    (Switchable::CallWaiting, person) => Command::CallWaiting { org, person, is_on },
                    (Switchable::Pause, Person::User(user)) => {
                        Command::PauseAgent { org, user, is_paused: is_on }
                    }
                    (Switchable::Pause, Person::Account(_)) => return None,
                }
            }
            Order::HangUp => Command::HangUp { call: self.any_call()? },
            Order::SendOn(leg, to) => Command::Transfer { call: self.any_call()?, leg, to },
            Order::Hold(leg, is_on) => Command::Hold { call: self.any_call()?, leg, is_on },
            Order::Connect => Command::Connect { call: self.any_call()?, other: self.any_call()? },
            Order::Supervise(mode) => Command::Supervise { call: self.any_call()?, mode },
            Order::Listen { phone, mode } => {
                let from = self.phones.get(phone)?.login.username.clone();
                let org = self.person(phone).map(|(org, _)| org);
                let subject = self.any_call()?;
                let call = if self.dice.chance(100) { self.any_call() } else { None };
                Command::Listen { org, call, subject, from, mode, auto_answer: false }
            }
            Order::Record(order) => Command::Record { call: self.any_call()?, order },
            Order::Mute(is_muted) => Command::Mute { call: self.any_call()?, is_muted },
            Order::Press(_) => return None,
        })
    }

    /// Some call that is up.
    fn any_call(&mut self) -> Option<CallId> {
        let open: Vec<CallId> = self.ledger.open().map(|(call, _)| *call).collect();
        (!open.is_empty()).then(|| self.dice.pick(&open))
    }

    /// Some call that nobody has answered, or if there is none any that is up.
    fn any_that_rings(&mut self) -> Option<CallId> {
        let open = self.ledger.open().filter(|(_, record)| !record.has(EventKind::Answered));
        let rings: Vec<CallId> = open.map(|(call, _)| *call).collect();
        if rings.is_empty() { self.any_call() } else { Some(self.dice.pick(&rings)) }
    }

    /// Whose phone it is.
    fn person(&self, phone: usize) -> Option<(OrgId, Person)> {
        organisation::owner(&self.snapshot, &self.phones.get(phone)?.login)
    }

    fn press(&mut self, key: char) {
        let listened_to = self.relay.open.iter().filter(|(_, open)| open.is_listened_to);
        let lines: Vec<_> = listened_to.map(|(lease, _)| *lease).collect();
        if let (Some(key), false) = (Key::of_sign(key), lines.is_empty()) {
            let lease = self.dice.pick(&lines);
            self.tell_switch(Input::Media(MediaEvent::Key { lease, key }), None);
        }
    }
}
