//! What happens from outside, whatever phones do by themselves: carried out at its moment. What is ordered of the switch is
//! `orders`.

use std::time::Duration;

use calls::Input;
use sip::Flow;

use super::{
    World, organisation,
    phone::{Phone, text::Text},
    scenario::{Act, SWITCH},
    stranger, switch,
};

/// Longer than any transaction.
const PACKETS_ARE_OLD_AFTER: Duration = Duration::from_secs(40);

impl World {
    pub(super) fn act(&mut self, act: Act) {
        let now = self.clock.now();
        match act {
            Act::Power(phone) => self.phones[phone].register(now),
            Act::Call(phone, plan) => drop(self.phones[phone].call(now, plan)),
            Act::Options(phone) => self.phones[phone].ask_options(now),
            Act::Watch(phone, number) => self.phones[phone].watch(now, &number),
            Act::Unregister(phone) => self.phones[phone].unregister(now),
            Act::Vanish(phone) => self.phones[phone].vanish(),
            Act::Reboot(phone) => self.phones[phone].reboot(now),
            Act::Cut(phone) => self.cut(phone),
            Act::Darken(phone, length) => {
                self.phones[phone].troubled = true;
                self.network.darken(phone, now + length);
            }
            Act::Order(order) => self.order(&order),
            Act::Pressure(is_on) => {
                self.switch.has_pressure = is_on;
                self.tell_switch(Input::JournalPressure(is_on), None);
            }
            Act::Reconfigure => {
                self.snapshot = organisation::vary(&self.snapshot, &mut self.dice);
                let plan = switch::plan(&self.snapshot);
                self.tell_switch(Input::Plan(plan), None);
            }
            Act::Stranger => self.hear_stranger(),
            Act::Die { is_planned } => self.die(is_planned),
            Act::SendOnAny { to, and_leaves } => {
                if let Some((phone, call)) = self.pick_call(Phone::talks_in) {
                    self.phones[phone].send_on(now, call, &to, and_leaves);
                }
            }
            Act::ConsultAny(plan) => {
                if let Some((phone, _)) = self.pick_call(Phone::talks_in) {
                    self.phones[phone].call(now, plan);
                }
            }
            Act::ConnectAny { and_leaves } => {
                if let Some((phone, calls)) = self.pick_call(Phone::consults_in) {
                    self.phones[phone].connect(now, calls, and_leaves);
                }
            }
        }
    }

    /// Some phone that is in such a call.
    fn pick_call<C: Copy>(&mut self, find: impl Fn(&Phone) -> Option<C>) -> Option<(usize, C)> {
        let found = self.phones.iter().enumerate().filter_map(|(at, phone)| Some((at, find(phone)?)));
        let found: Vec<(usize, C)> = found.collect();
        (!found.is_empty()).then(|| self.dice.pick(&found))
    }

    /// The stranger may have old packets. Who can copy one that is under way owns the transaction anyway.
    fn hear_stranger(&mut self) {
        let old = self.clock.now().saturating_sub(PACKETS_ARE_OLD_AFTER);
        let lines = self.ladder.lines.iter().take_while(|line| line.at < old);
        let copies = lines.filter(|line| line.to_switch && is_guarded(&line.bytes));
        let copies: Vec<&[u8]> = copies.map(|line| line.bytes.as_slice()).collect();
        let heard = if copies.is_empty() { None } else { Some(self.dice.pick(&copies)) };
        let bytes = stranger::datagram(&mut self.dice, heard);
        self.switch_receives(Flow::udp(SWITCH, stranger::ADDRESS), &bytes);
    }
}

/// A request outside dialogs, for which the switch asks credentials. A copy of a BYE would be a BYE.
fn is_guarded(bytes: &[u8]) -> bool {
    let is_kind = bytes.starts_with(b"INVITE ") || bytes.starts_with(b"REGISTER ");
    is_kind && Text::read(bytes).is_ok_and(|text| text.tag("To").is_none())
}
