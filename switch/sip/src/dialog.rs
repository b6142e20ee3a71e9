//! Dialogs (RFC 3261 12): who talks to whom under which tags, sequence numbers, route set and target.
//!
//! A dialog writes the head of its own requests and judges the order of the peer's. It sends nothing and knows
//! nothing of INVITE usages; those are in `session/`.

use serde::{Deserialize, Serialize};

use crate::flow::Flow;
use crate::header::HeaderName;
use crate::message::Message;
use crate::message::fields::{ContactValue, NameAddr};
use crate::nat;
use crate::uri::{Scheme, Uri};
use crate::write::MessageWriter;

/// One side of a dialog, early or confirmed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Dialog {
    call_id: Box<str>,
    /// Our From (or To) value, tag included, byte for byte as first written.
    local: Box<str>,
    /// The peer's value, tag included.
    remote: Box<str>,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    /// Values of Route, first hop first. As long as the peer's Record-Route, which its message bounds.
    routes: Vec<Box<str>>,
    /// The URI of the peer's Contact.
    target: Box<str>,
    /// The flow the peer was last heard on.
    leg: Flow,
    /// Whether the INVITE, and with it the Call-ID, was ours.
    is_caller: bool,
}

impl Dialog {
    /// 12.1.2: made from our INVITE and a response with a To-tag (or a 2xx without one).
    pub(crate) fn of_client(request: &Message<'_>, response: &Message<'_>, leg: Flow) -> Self {
        let mut routes: Vec<Box<str>> = response.values(HeaderName::RecordRoute).map(Box::from).collect();
        routes.reverse();
        Self {
            call_id: Box::from(request.first(HeaderName::CallId).unwrap_or("")),
            local: Box::from(request.first(HeaderName::From).unwrap_or("")),
            remote: Box::from(response.first(HeaderName::To).unwrap_or("")),
            local_cseq: request.cseq().map_or(0, |cseq| cseq.number),
            remote_cseq: None,
            routes,
            // A 2xx without Contact breaks 12.1.1; the Request-URI has reached the peer once already.
            target: Box::from(contact_uri(response).unwrap_or(request.request_uri())),
            leg,
            is_caller: true,
        }
    }

    /// 12.1.1: made from the peer's INVITE; `local` is its To value with our tag.
    pub(crate) fn of_server(request: &Message<'_>, local: String, leg: Flow) -> Self {
        Self {
            call_id: Box::from(request.first(HeaderName::CallId).unwrap_or("")),
            local: local.into_boxed_str(),
            remote: Box::from(request.first(HeaderName::From).unwrap_or("")),
            local_cseq: 0,
            remote_cseq: request.cseq().ok().map(|cseq| cseq.number),
            routes: request.values(HeaderName::RecordRoute).map(Box::from).collect(),
            // A peer of RFC 2543 is reached at its From where it names no Contact, and any other where it sends from.
            target: contact_uri(request)
                .or(request.from().ok().map(|from| from.uri).filter(|uri| is_reachable(uri)))
                .map_or_else(|| format!("sip:{}", leg.remote).into_boxed_str(), Box::from),
            leg,
            is_caller: false,
        }
    }

    /// RFC 6665 4.4.1: made from the notifier's first NOTIFY; `local` is its To value, `cseq` that of our SUBSCRIBE.
    pub(crate) fn of_notify(notify: &Message<'_>, local: String, cseq: u32, leg: Flow) -> Self {
        Self { local_cseq: cseq, is_caller: true, ..Self::of_server(notify, local, leg) }
    }

    /// What all its messages carry as Call-ID.
    pub(crate) fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Whether a request of the peer belongs to this dialog; our tag has been matched already (12.2.2).
    pub(crate) fn owns(&self, request: &Message<'_>) -> bool {
        request.first(HeaderName::CallId) == Some(&*self.call_id) && self.remote_tag() == from_tag(request)
    }

    /// Whether a response to our INVITE speaks for this dialog.
    pub(crate) fn is_with(&self, response: &Message<'_>) -> bool {
        self.remote_tag() == to_tag(response)
    }

    /// 12.2.2: takes the sequence number of a new request; `false` when it is out of order.
    pub(crate) fn takes(&mut self, cseq: u32) -> bool {
        let in_order = self.remote_cseq.is_none_or(|last| cseq > last);
        if in_order {
            self.remote_cseq = Some(cseq);
        }
        in_order
    }

    /// 12.2: a target refresh, and the flow the peer is heard on now.
    pub(crate) fn refresh(&mut self, message: &Message<'_>, leg: Flow) {
        self.leg = leg;
        if let Some(target) = contact_uri(message) {
            self.target = Box::from(target);
        }
    }

    /// RFC 6141 4: the target of a request that has been accepted now.
    pub(crate) fn retarget(&mut self, target: Option<Box<str>>) {
        if let Some(target) = target {
            self.target = target;
        }
    }

    /// Whether the INVITE, and with it the Call-ID, was ours.
    pub(crate) fn is_caller(&self) -> bool {
        self.is_caller
    }

    /// 13.2.2.4: the 2xx decides target and route set; sequence numbers of the early dialog go on.
    pub(crate) fn confirm(&mut self, confirmed: Self) {
        let local_cseq = self.local_cseq.max(confirmed.local_cseq);
        *self = Self { local_cseq, remote_cseq: self.remote_cseq, ..confirmed };
    }

    /// The peer's connection is gone: the next request opens a new one.
    pub(crate) fn reopen(&mut self, failed: &Flow) {
        if self.leg.is_hit_by(failed) {
            self.leg.connection = 0;
        }
    }

    /// The peer is at another connection now, if it was at that one. One that is gone is told by its addresses, which are no other
    /// connection's as long as that has one of its own.
    pub(crate) fn move_over(&mut self, from: &Flow, to: Flow) {
        let is_there = self.leg.transport == from.transport && self.leg.remote == from.remote;
        if is_there && (self.leg.connection == 0 || self.leg.connection == from.connection) {
            self.leg = to;
        }
    }

    /// The number of our next request.
    pub(crate) fn next_cseq(&mut self) -> u32 {
        self.local_cseq = self.local_cseq.saturating_add(1);
        self.local_cseq
    }

    /// The peer is heard on another connection now.
    pub(crate) fn heard_on(&mut self, leg: Flow) {
        self.leg = leg;
    }

    /// The peer's tag; empty for an RFC 2543 peer (12.1.1).
    pub(crate) fn remote_tag(&self) -> &str {
        NameAddr::parse(&self.remote).ok().and_then(|remote| remote.params.get("tag")).unwrap_or("")
    }

    /// The flow the peer was last heard on.
    pub(crate) fn leg(&self) -> Flow {
        self.leg
    }

    /// Where our requests go: the first hop of the route set, or the target.
    pub(crate) fn next_hop(&self) -> Flow {
        nat::next_hop(self.routes.first().map(|route| &**route), &self.target, self.leg)
    }

    /// 12.2.1.1: start line and the headers every request of this dialog has.
    pub(crate) fn request(&self, method: &str, cseq: u32, via: &str) -> MessageWriter {
        let strict = self.routes.first().and_then(|route| strict_router(route));
        let mut writer = MessageWriter::request(method, strict.as_deref().unwrap_or(&self.target));
        writer.header(HeaderName::Via, via).header(HeaderName::MaxForwards, 70);
        // A strict router finds itself in the Request-URI and the target at the end of the routes.
        for route in self.routes.iter().skip(usize::from(strict.is_some())) {
            writer.header(HeaderName::Route, route);
        }
        if strict.is_some() {
            writer.header(HeaderName::Route, format_args!("<{}>", self.target));
        }
        writer
            .header(HeaderName::From, &self.local)
            .header(HeaderName::To, &self.remote)
            .header(HeaderName::CallId, &self.call_id)
            .header(HeaderName::CSeq, format_args!("{cseq} {method}"));
        writer
    }
}

/// The Request-URI for a first route without `lr`, without the parts a Request-URI may not have (19.1.1).
fn strict_router(route: &str) -> Option<String> {
    let route = NameAddr::parse(route).ok()?;
    let uri = Uri::parse(route.uri).ok()?;
    if uri.param("lr").is_some() {
        return None;
    }
    let bare = route.uri.split_once('?').map_or(route.uri, |(bare, _)| bare);
    let mut kept = String::from(bare.split_once(';').map_or(bare, |(head, _)| head));
    for (name, value) in uri.params.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("method")) {
        kept.push(';');
        kept.push_str(name);
        if let Some(value) = value {
            kept.push('=');
            kept.push_str(value);
        }
    }
    Some(kept)
}

/// The tag of From; empty when there is none.
pub(crate) fn from_tag<'a>(message: &Message<'a>) -> &'a str {
    message.from().ok().and_then(|from| from.params.get("tag")).unwrap_or("")
}

/// The tag of To; empty when there is none.
pub(crate) fn to_tag<'a>(message: &Message<'a>) -> &'a str {
    message.to().ok().and_then(|to| to.params.get("tag")).unwrap_or("")
}

/// The URI of the first Contact, if requests can be sent there (12.1.1).
pub(crate) fn contact_uri<'a>(message: &Message<'a>) -> Option<&'a str> {
    match message.contacts().next()? {
        Ok(ContactValue::Address(contact)) => Some(contact.uri).filter(|uri| is_reachable(uri)),
        Ok(ContactValue::All) | Err(_) => None,
    }
}

fn is_reachable(uri: &str) -> bool {
    Uri::parse(uri).is_ok_and(|uri| matches!(uri.scheme, Scheme::Sip | Scheme::Sips))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::OwnedMessage;

    fn message(text: &str) -> OwnedMessage {
        OwnedMessage::parse(format!("{}\r\n\r\n", text.trim().replace("\n", "\r\n")).as_bytes()).unwrap()
    }

    fn flow() -> Flow {
        Flow::udp("192.0.2.1:5060".parse().unwrap(), "192.0.2.2:5060".parse().unwrap())
    }

    fn client(record_routes: &str) -> Dialog {
        let invite = message(
            "INVITE sip:bob@example.com SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\nFrom: <sip:a@b>;tag=1\n\
             To: <sip:bob@example.com>\nCall-ID: c\nCSeq: 7 INVITE\nContact: <sip:a@192.0.2.1>",
        );
        let ok = message(&format!(
            "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\n{record_routes}From: <sip:a@b>;tag=1\n\
             To: <sip:bob@example.com>;tag=2\nCall-ID: c\nCSeq: 7 INVITE\nContact: <sip:bob@192.0.2.2:5062>"
        ));
        Dialog::of_client(&invite.view(), &ok.view(), flow())
    }

    fn check_request(record_routes: &str, uri: &str, routes: &[&str]) {
        let mut dialog = client(record_routes);
        let cseq = dialog.next_cseq();
        let bytes = dialog.request("BYE", cseq, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKb").finish().unwrap();
        let bye = OwnedMessage::parse(&bytes).unwrap();
        assert_eq!(bye.view().request_uri(), uri);
        assert_eq!(bye.view().values(HeaderName::Route).collect::<Vec<_>>(), routes);
        assert_eq!(bye.view().first(HeaderName::CSeq), Some("8 BYE"));
        assert_eq!(to_tag(&bye.view()), "2");
        assert_eq!(from_tag(&bye.view()), "1");
    }

    #[test]
    fn rfc_3261_12_2_1_1_without_routes_the_target_is_the_request_uri() {
        check_request("", "sip:bob@192.0.2.2:5062", &[]);
    }

    #[test]
    fn rfc_3261_12_2_1_1_loose_routes_are_the_reversed_record_routes() {
        check_request(
            "Record-Route: <sip:p2.example;lr>, <sip:p1.example;lr>\n",
            "sip:bob@192.0.2.2:5062",
            &["<sip:p1.example;lr>", "<sip:p2.example;lr>"],
        );
    }

    #[test]
    fn rfc_3261_12_2_1_1_a_strict_router_is_the_request_uri() {
        check_request(
            "Record-Route: <sip:p2.example;lr>\nRecord-Route: <sip:p1.example;method=INVITE;ttl=3?a=b>\n",
            "sip:p1.example;ttl=3",
            &["<sip:p2.example;lr>", "<sip:bob@192.0.2.2:5062>"],
        );
    }

    /// Found by fuzzing: requests were sent to a target of a scheme that nobody could send to.
    #[test]
    fn rfc_3261_12_1_1_the_target_is_the_contact_or_else_where_the_peer_can_be_reached() {
        for (from, contact, target) in [
            ("sip:a@b", "Contact: <sip:a@192.0.2.2:5070>", "sip:a@192.0.2.2:5070"),
            ("sip:a@b", "Contact: <sips:a@192.0.2.2>", "sips:a@192.0.2.2"),
            ("sip:a@b", "Contact: <stp:a@192.0.2.2>", "sip:a@b"),
            ("sip:a@b", "Contact: <tel:+62215550100>", "sip:a@b"),
            ("sip:a@b", "Supported: timer", "sip:a@b"),
            ("im:a@b", "Contact: *", "sip:192.0.2.2:5060"),
        ] {
            let invite = message(&format!(
                "INVITE sip:us@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKa\nFrom: <{from}>;tag=1\n\
                 To: <sip:us@192.0.2.1>\nCall-ID: c\nCSeq: 7 INVITE\n{contact}",
            ));
            let dialog = Dialog::of_server(&invite.view(), String::from("<sip:us@192.0.2.1>;tag=2"), flow());
            assert_eq!(&*dialog.target, target, "{from} {contact}");
        }
    }

    #[test]
    fn rfc_3261_12_2_2_sequence_numbers_only_grow() {
        let mut dialog = client("");
        assert!(dialog.takes(5));
        assert!(!dialog.takes(5));
        assert!(!dialog.takes(4));
        assert!(dialog.takes(9));
    }

    #[test]
    fn rfc_3261_13_2_2_4_the_2xx_decides_target_and_routes() {
        let mut early = client("Record-Route: <sip:p1.example;lr>\n");
        early.next_cseq();
        early.takes(3);
        early.confirm(client(""));
        assert!(early.routes.is_empty());
        assert_eq!(early.next_cseq(), 9);
        assert!(!early.takes(3));
    }
}
