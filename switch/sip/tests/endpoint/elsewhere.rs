//! RFC 3263 4.3, RFC 5626 5.3, RFC 3261 18.1.1: an INVITE that goes another way when the first one leads nowhere.

use std::time::{Duration, Instant};

use sip::{
    Body, Endpoint, EndpointConfig, Event, Flow, HeaderName, Input, Invite, Output, Outputs, OwnedMessage,
    Party, SessionKey, Transport, Way,
};

struct Caller {
    endpoint: Endpoint,
    now: Instant,
    out: Outputs,
    session: Option<SessionKey>,
}

fn flow(transport: Transport, remote: &str) -> Flow {
    let local = "192.0.2.1:5060".parse().unwrap();
    Flow { transport, local, remote: remote.parse().unwrap(), connection: 0 }
}

fn invite(first: &str, others: &[&str]) -> Invite {
    let way = |remote: &&str| Way {
        flow: flow(Transport::Udp, remote),
        request_uri: format!("sip:b@{remote}"),
        routes: Vec::new(),
    };
    Invite {
        flow: flow(Transport::Udp, first),
        request_uri: format!("sip:b@{first}"),
        from: Party::new("sip:a@x"),
        to: Party::new("sip:b@x"),
        contact_user: String::from("a"),
        routes: Vec::new(),
        max_forwards: 70,
        headers: Vec::new(),
        body: None,
        reliable: false,
        max_breadth: None,
        fallbacks: others.iter().map(way).collect(),
    }
}

impl Caller {
    fn new() -> Self {
        let endpoint = Endpoint::new(EndpointConfig::default(), [5; 32]);
        #[expect(clippy::disallowed_methods, reason = "any beginning will do")]
        let now = Instant::now();
        Self { endpoint, now, out: Outputs::new(), session: None }
    }

    /// Calls, and returns where that went and the INVITE.
    fn call(&mut self, invite: Invite) -> (Flow, OwnedMessage) {
        self.out.clear();
        self.session = Some(self.endpoint.invite(self.now, invite, &mut self.out).unwrap());
        self.sent("INVITE").expect("an INVITE")
    }

    fn sent(&mut self, method: &str) -> Option<(Flow, OwnedMessage)> {
        while let Some(output) = self.out.pop() {
            if let Output::Send { flow, bytes } = output {
                let message = OwnedMessage::parse(&bytes).unwrap();
                if message.view().is_request() && message.view().method_text() == method {
                    return Some((flow, message));
                }
            }
        }
        None
    }

    fn events(&mut self) -> Vec<String> {
        let name = |output| match output {
            Output::Event(Event::Failed { status, cause, .. }) => Some(format!("{status} {cause:?}")),
            Output::Event(Event::Progress { status, .. }) => Some(status.to_string()),
            _ => None,
        };
        self.out.drain().filter_map(name).collect()
    }

    fn lose(&mut self, flow: Flow) {
        self.endpoint.handle(self.now, Input::Unreachable { flow }, &mut self.out);
    }

    fn answer(&mut self, flow: Flow, request: &OwnedMessage, status: u16) {
        let view = request.view();
        let line = |name| view.first(name).unwrap();
        let text = format!(
            "SIP/2.0 {status} X\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=t{status}\r\nCall-ID: {}\r\nCSeq: {}\r\nContent-Length: 0\r\n\r\n",
            line(HeaderName::Via),
            line(HeaderName::From),
            line(HeaderName::To),
            line(HeaderName::CallId),
            line(HeaderName::CSeq),
        );
        self.endpoint.handle(self.now, Input::Received { flow, bytes: text.as_bytes() }, &mut self.out);
    }

    fn wait(&mut self, secs: u64) {
        let until = self.now + Duration::from_secs(secs);
        while let Some((at, _)) = self.endpoint.deadline().filter(|(at, _)| *at <= until) {
            self.now = self.now.max(at);
            self.endpoint.handle(self.now, Input::Timeout, &mut self.out);
        }
        self.now = until;
    }
}

const ONE: &str = "192.0.2.11:5060";
const TWO: &str = "192.0.2.12:5060";

/// What one request has in common with the same on another way.
fn identity(message: &OwnedMessage) -> Vec<String> {
    let names = [HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq];
    names.iter().map(|name| message.view().first(*name).unwrap().to_owned()).collect()
}

#[test]
fn rfc_3263_4_3_the_next_target_gets_the_same_request_with_a_new_branch() {
    for failure in ["transport", "timeout", "503", "430"] {
        let mut caller = Caller::new();
        let (flow, first) = caller.call(invite(ONE, &[TWO]));
        match failure {
            "transport" => caller.lose(flow),
            "timeout" => caller.wait(33),
            status => caller.answer(flow, &first, status.parse().unwrap()),
        }
        let mut next = caller.sent("INVITE").unwrap_or_else(|| panic!("{failure}: no other way"));
        while next.0.remote == flow.remote {
            next = caller.sent("INVITE").unwrap_or_else(|| panic!("{failure}: no other way"));
        }
        assert_eq!(next.0.remote, TWO.parse().unwrap(), "{failure}");
        assert_eq!(next.1.view().request_uri(), format!("sip:b@{TWO}"));
        assert_eq!(identity(&first), identity(&next.1), "{failure}");
        let branch = |message: &OwnedMessage| message.view().via().unwrap().branch().unwrap().to_owned();
        assert_ne!(branch(&first), branch(&next.1), "{failure}");
        assert!(caller.events().is_empty(), "nobody hears of the first way");
        caller.answer(next.0, &next.1, 503);
        assert_eq!(caller.events(), ["503 Response"], "{failure}: there is no third way");
    }
}

#[test]
fn rfc_3263_4_3_an_answer_is_an_answer() {
    for status in [404, 480, 486, 500, 603] {
        let mut caller = Caller::new();
        let (flow, first) = caller.call(invite(ONE, &[TWO]));
        caller.answer(flow, &first, status);
        assert_eq!(caller.events(), [format!("{status} Response")]);
    }
}

#[test]
fn a_call_that_is_taken_back_goes_nowhere_else() {
    let mut caller = Caller::new();
    let (flow, first) = caller.call(invite(ONE, &[TWO]));
    caller.answer(flow, &first, 180);
    let session = caller.session.unwrap();
    caller.endpoint.hang_up(caller.now, session, None, &mut caller.out);
    let cancel = caller.sent("CANCEL").unwrap();
    assert_eq!(cancel.0, flow);
    caller.answer(flow, &first, 503);
    assert!(caller.sent("INVITE").is_none());
    caller.wait(100);
    assert_eq!(caller.endpoint.counts(), sip::Counts::default());
}

#[test]
fn a_late_answer_of_a_way_that_was_given_up_changes_nothing() {
    let mut caller = Caller::new();
    let (flow, first) = caller.call(invite(ONE, &[TWO]));
    caller.wait(33);
    caller.out.clear();
    caller.answer(flow, &first, 486);
    assert!(caller.events().is_empty());
    caller.wait(33);
    assert_eq!(caller.events(), ["408 Timeout"]);
}

fn large(remote: &str) -> Invite {
    Invite { body: Some(Body::sdp("x".repeat(1_200))), ..invite(remote, &[]) }
}

#[test]
fn rfc_3261_18_1_1_what_is_too_large_for_a_datagram_goes_over_tcp() {
    let mut caller = Caller::new();
    let (flow, message) = caller.call(large(ONE));
    assert_eq!((flow.transport, flow.remote), (Transport::Tcp, ONE.parse().unwrap()));
    assert!(message.view().first(HeaderName::Via).unwrap().starts_with("SIP/2.0/TCP 192.0.2.1:5060;"));
    let (flow, _) = caller.call(invite(ONE, &[]));
    assert_eq!(flow.transport, Transport::Udp, "a small one does not");
}

#[test]
fn rfc_3261_18_1_1_a_peer_without_tcp_gets_the_datagram_and_is_remembered() {
    let mut caller = Caller::new();
    let (flow, _) = caller.call(large(ONE));
    caller.lose(flow);
    let (again, message) = caller.sent("INVITE").unwrap();
    assert_eq!((again.transport, again.remote), (Transport::Udp, ONE.parse().unwrap()));
    assert!(message.view().first(HeaderName::Via).unwrap().starts_with("SIP/2.0/UDP "));
    caller.answer(again, &message, 503);
    assert_eq!(caller.call(large(ONE)).0.transport, Transport::Udp);
    assert_eq!(caller.call(large(TWO)).0.transport, Transport::Tcp, "only that one");
    caller.wait(3_700);
    assert_eq!(caller.call(large(ONE)).0.transport, Transport::Tcp, "not for ever");
}

#[test]
fn rfc_3261_18_1_1_an_answer_over_tcp_is_not_asked_for_again_over_udp() {
    let mut caller = Caller::new();
    let (flow, message) = caller.call(large(ONE));
    caller.answer(flow, &message, 503);
    assert_eq!(caller.events(), ["503 Response"]);
}

#[test]
fn rfc_3261_18_1_1_there_is_no_stream_to_a_phone_behind_a_nat() {
    let mut caller = Caller::new();
    let private = Invite { request_uri: "sip:b@10.0.0.7:5060".into(), ..large(ONE) };
    assert_eq!(caller.call(private).0.transport, Transport::Udp);
}
