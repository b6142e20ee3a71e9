//! Somebody on the network who is no phone of ours: scanners, broken software, old packets.
//!
//! Nothing it sends may disturb a call, create state that stays or make the switch fall over.

use std::net::SocketAddr;

use super::{dice::Dice, phone::text::Text};

/// Where it sits.
pub const ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 250)), 5060);

const METHODS: [&str; 12] = [
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "REGISTER",
    "OPTIONS",
    "SUBSCRIBE",
    "NOTIFY",
    "PUBLISH",
    "UPDATE",
    "PRACK",
    "FOO",
];

/// One datagram; `heard` is something a phone sent to the switch before.
pub fn datagram(dice: &mut Dice, heard: Option<&[u8]>) -> Vec<u8> {
    match (dice.below(6), heard) {
        (0, _) => (0..dice.below(200)).map(|_| u8::try_from(dice.below(256)).unwrap_or(0)).collect(),
        (1, Some(heard)) => mutated(heard, dice),
        (2, Some(heard)) => {
            heard.iter().copied().take(usize::try_from(dice.below(400)).unwrap_or(0)).collect()
        }
        (3, _) => request(dice).write(super::phone::text::Accent::default()),
        (4, _) => strange_request(dice),
        _ => response(dice),
    }
}

/// A message of a phone with some bytes changed. Only requests that need authentication are copied: a true
/// copy of a BYE would be one.
fn mutated(heard: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = heard.to_vec();
    for _ in 0..dice.between(1, 8) {
        let at = usize::try_from(dice.below(u64::try_from(bytes.len()).unwrap_or(1))).unwrap_or(0);
        match (bytes.get_mut(at), dice.below(3)) {
            (Some(byte), 0) => *byte = u8::try_from(dice.below(256)).unwrap_or(0),
            (Some(byte), 1) => *byte ^= 0x20,
            (Some(_), _) => {
                bytes.remove(at);
            }
            (None, _) => {}
        }
    }
    bytes
}

fn request(dice: &mut Dice) -> Text {
    let method = dice.pick(&METHODS);
    let user = dice.pick(&["1001", "9999", "u0", "admin", ""]);
    let domain = dice.pick(&[super::organisation::DOMAIN, "192.0.2.10", "elsewhere.test"]);
    let mut request = Text::request(method, &format!("sip:{user}@{domain}"));
    request.add("Via", format!("SIP/2.0/UDP {ADDRESS};branch=z9hG4bK{}", dice.token(4)));
    request.add("Max-Forwards", dice.pick(&["70", "1", "0", "255"]));
    request.add("From", format!("<sip:{user}@{domain}>;tag={}", dice.token(3)));
    let tag = if dice.chance(300) { format!(";tag={}", dice.token(6)) } else { String::new() };
    request.add("To", format!("<sip:1001@{domain}>{tag}"));
    request.add("Call-ID", dice.token(6));
    request.add("CSeq", format!("{} {method}", dice.below(5)));
    request.add("Contact", format!("<sip:{user}@{ADDRESS}>"));
    if dice.chance(200) {
        request.add("Require", "100rel, foo");
    }
    request
}

fn strange_request(dice: &mut Dice) -> Vec<u8> {
    let mut text = request(dice);
    let victim = usize::try_from(dice.below(u64::try_from(text.headers.len()).unwrap_or(1))).unwrap_or(0);
    match dice.below(4) {
        0 => drop(text.headers.remove(victim)),
        1 => text.headers[victim].1 = dice.token(6),
        2 => {
            let twin = text.headers[victim].clone();
            text.headers.push(twin);
        }
        _ => (0..dice.between(20, 200))
            .for_each(|_| text.add("Via", "SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKloop")),
    }
    text.write(super::phone::text::Accent::default())
}

fn response(dice: &mut Dice) -> Vec<u8> {
    let mut request = request(dice);
    request.headers.retain(|(name, _)| name != "Require");
    let status = u16::try_from(dice.between(100, 699)).unwrap_or(200);
    Text::answer(&request, status, "Stray", Some("stray")).write(super::phone::text::Accent::default())
}
