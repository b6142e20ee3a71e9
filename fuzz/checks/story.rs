//! What the stories of an endpoint and of a switchboard have in common: how time passes in them, what all that is sent has
//! to be, and how peers answer, repeat and damage messages.

use std::time::{Duration, Instant};

use super::script::Script;
use sip::{Index, OwnedMessage};

/// Wake-ups at one instant; more is a timer that does not go off.
const WAKE_UPS_MAX: usize = 5_000;

/// A machine in time.
pub trait Timed {
    /// Its clock.
    fn clock(&mut self) -> &mut Instant;
    /// When it wants to be woken, and why.
    fn deadline(&self) -> Option<(Instant, String)>;
    /// Wakes it.
    fn wake(&mut self);

    /// Lets time pass.
    fn pass(&mut self, span: Duration) {
        let until = *self.clock() + span;
        let (mut at_once, mut last) = (0, *self.clock());
        while let Some((at, why)) = self.deadline().filter(|(at, _)| *at <= until) {
            let now = at.max(last);
            *self.clock() = now;
            at_once = if now == last { at_once + 1 } else { 0 };
            last = now;
            assert!(at_once < WAKE_UPS_MAX, "{why} does not go off");
            self.wake();
        }
        *self.clock() = until;
    }
}

/// Reads what was sent; it has to be a valid message.
pub fn valid(bytes: &[u8]) -> OwnedMessage {
    let mut index = Index::new();
    let message = sip::parse(bytes, &mut index).expect("what we send can be read");
    // The refusal of a malformed request gives its malformed fields back.
    if !matches!(message.status(), Some(400 | 414 | 416 | 505)) {
        assert_eq!(message.require_valid(), Ok(()), "{}", String::from_utf8_lossy(bytes));
    }
    message.to_owned()
}

/// Keeps the newest of what there is.
pub fn keep<T>(list: &mut Vec<T>, most: usize, one: T) {
    if list.len() >= most {
        list.remove(0);
    }
    list.push(one);
}

/// A message once more, as it was, cut off or with a byte changed.
pub fn again(last: &[u8], script: &mut Script<'_>) -> Vec<u8> {
    let mut bytes = last.to_vec();
    let at = script.below(256) * 256 + script.below(256);
    match script.byte() % 4 {
        0 => bytes.truncate(at.min(bytes.len())),
        1 => {
            let len = bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(at % len) {
                *byte = script.byte();
            }
        }
        _ => {}
    }
    bytes
}

/// The head of an answer to a request, up to what the peer itself has to say. `tag` is put to To where there is none.
pub fn answer(request: &OwnedMessage, status: u16, tag: &str) -> String {
    let mut text = format!("SIP/2.0 {status} x\r\n");
    for (name, _, value) in request.view().headers() {
        match name.to_ascii_lowercase().as_str() {
            "via" | "from" | "call-id" | "cseq" | "record-route" => text += &format!("{name}: {value}\r\n"),
            "to" if value.contains(";tag=") => text += &format!("To: {value}\r\n"),
            "to" => text += &format!("To: {value};tag={tag}\r\n"),
            _ => {}
        }
    }
    text
}

/// From, To and Call-ID of a request of the peer inside the dialog of a message of ours.
pub fn in_dialog(message: &OwnedMessage, tag: &str) -> Option<(String, String, String)> {
    let view = message.view();
    let (from, to) = (view.named("From")?, view.named("To")?);
    // Their From is our To in a request of ours, our From in a response of ours.
    let (from, to) = if view.is_request() { (to, from) } else { (from, to) };
    let from = if from.contains(";tag=") { from.to_owned() } else { format!("{from};tag={tag}") };
    Some((from, to.to_owned(), view.call_id().ok()?.to_owned()))
}

/// The end of a message with this body.
pub fn tail(body: &str) -> String {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!("{kind}Content-Length: {}\r\n\r\n{body}", body.len())
}
