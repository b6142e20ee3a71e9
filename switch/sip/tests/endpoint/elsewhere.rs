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
        login: None,
        silence_secs: None,
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
        let tag =
            if line(HeaderName::To).contains("tag=") { String::new() } else { format!(";tag=t{status}") };
        let text = format!(
            "SIP/2.0 {status} X\r\nVia: {}\r\nFrom: {}\r\nTo: {}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
             Contact: <sip:b@{}>\r\nAllow: UPDATE\r\nContent-Length: 0\r\n\r\n",
            line(HeaderName::Via),
            line(HeaderName::From),
            line(HeaderName::To),
            line(HeaderName::CallId),
            line(HeaderName::CSeq),
            flow.remote,
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

/// Found by fuzzing: it ended the session, and the phone that had begun to ring by the next way rang on, with a transaction
/// that nobody held any more.
#[test]
fn a_late_refusal_of_a_way_that_was_given_up_does_not_leave_the_next_one_ringing() {
    let mut caller = Caller::new();
    let silent = Invite { silence_secs: Some(6), ..invite(ONE, &[TWO]) };
    let (flow, first) = caller.call(silent);
    caller.wait(6);
    let (next_flow, next) =
        std::iter::from_fn(|| caller.sent("INVITE")).find(|(to, _)| to.remote != flow.remote).unwrap();
    caller.answer(next_flow, &next, 180);
    assert_eq!(caller.events(), ["180"]);
    caller.answer(flow, &first, 603);
    assert_eq!(caller.sent("ACK").unwrap().0.remote, flow.remote, "17.1.1.2: each refusal is acknowledged");
    assert!(caller.events().is_empty());
    let session = caller.session.unwrap();
    caller.endpoint.hang_up(caller.now, session, None, &mut caller.out);
    assert_eq!(caller.sent("CANCEL").unwrap().0.remote, next_flow.remote);
    caller.answer(next_flow, &next, 487);
    assert_eq!(caller.events(), ["487 Canceled"]);
    caller.wait(100);
    assert_eq!(caller.endpoint.counts(), sip::Counts::default());
}

/// After so much silence its owner hears that there is no answer; what comes later is taken back.
#[test]
fn a_late_answer_to_an_invite_that_was_silent_for_too_long_is_taken_back() {
    for (others, events) in [(&[][..], "408 Timeout"), (&[TWO][..], "")] {
        for status in [183, 200] {
            let mut caller = Caller::new();
            let (flow, first) = caller.call(Invite { silence_secs: Some(6), ..invite(ONE, others) });
            caller.wait(6);
            assert_eq!(caller.events().join(" "), events);
            caller.wait(4);
            let to_first =
                std::iter::from_fn(|| caller.sent("INVITE")).any(|(to, _)| to.remote == flow.remote);
            assert!(!to_first, "it is not sent again");
            caller.answer(flow, &first, status);
            if status == 200 {
                assert_eq!(caller.sent("ACK").unwrap().0.remote, flow.remote);
                assert_eq!(caller.sent("BYE").unwrap().0.remote, flow.remote);
            } else {
                assert_eq!(caller.sent("CANCEL").unwrap().0.remote, flow.remote);
                caller.wait(6);
                caller.out.clear();
                caller.answer(flow, &first, status);
                assert!(caller.sent("CANCEL").is_none(), "once");
            }
            assert!(caller.events().iter().all(|event| event.ends_with("Timeout")));
            caller.wait(100);
            assert_eq!(caller.endpoint.counts(), sip::Counts::default());
        }
    }
}

#[test]
fn an_answer_in_time_ends_the_patience_with_silence() {
    let mut caller = Caller::new();
    let (flow, first) = caller.call(Invite { silence_secs: Some(6), ..invite(ONE, &[]) });
    caller.wait(5);
    caller.answer(flow, &first, 100);
    caller.wait(20);
    assert!(caller.events().iter().all(|event| event == "100"));
    caller.answer(flow, &first, 486);
    assert_eq!(caller.events(), ["486 Response"]);
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

/// A session whose INVITE was small, on datagrams.
fn confirmed() -> (Caller, SessionKey) {
    let mut caller = Caller::new();
    let (flow, first) = caller.call(invite(ONE, &[]));
    caller.answer(flow, &first, 200);
    let session = caller.session.unwrap();
    caller.endpoint.ack(caller.now, session, None, &mut caller.out);
    assert_eq!(caller.sent("ACK").unwrap().0.transport, Transport::Udp);
    caller.out.clear();
    (caller, session)
}

fn large_body() -> Body {
    Body::sdp("x".repeat(1_200))
}

/// The same flow once the transport has opened its connection.
fn opened(flow: Flow) -> Flow {
    Flow { connection: 7, ..flow }
}

#[test]
fn rfc_3261_18_1_1_a_large_reinvite_goes_over_tcp_and_its_ack_where_the_contact_says() {
    let (mut caller, session) = confirmed();
    caller.endpoint.reinvite(caller.now, session, Some(large_body()), &mut caller.out).unwrap();
    let (flow, reinvite) = caller.sent("INVITE").unwrap();
    assert_eq!((flow.transport, flow.remote, flow.connection), (Transport::Tcp, ONE.parse().unwrap(), 0));
    assert!(reinvite.view().first(HeaderName::Via).unwrap().starts_with("SIP/2.0/TCP 192.0.2.1:5060;"));
    caller.answer(opened(flow), &reinvite, 200);
    caller.endpoint.ack(caller.now, session, None, &mut caller.out);
    let (ack, message) = caller.sent("ACK").unwrap();
    assert_eq!(ack, Flow::udp("192.0.2.1:5060".parse().unwrap(), ONE.parse().unwrap()));
    assert!(message.view().first(HeaderName::Via).unwrap().starts_with("SIP/2.0/UDP "));
    caller.endpoint.hang_up(caller.now, session, None, &mut caller.out);
    assert_eq!(caller.sent("BYE").unwrap().0.transport, Transport::Udp, "the dialog has not moved");
}

#[test]
fn rfc_3261_17_1_1_3_the_ack_of_a_refused_large_reinvite_follows_it_over_tcp() {
    let (mut caller, session) = confirmed();
    caller.endpoint.reinvite(caller.now, session, Some(large_body()), &mut caller.out).unwrap();
    let (flow, reinvite) = caller.sent("INVITE").unwrap();
    caller.answer(opened(flow), &reinvite, 488);
    let (ack, message) = caller.sent("ACK").unwrap();
    assert_eq!((ack.transport, ack.remote), (flow.transport, flow.remote));
    assert_eq!(message.view().first(HeaderName::Via), reinvite.view().first(HeaderName::Via));
}

#[test]
fn rfc_3261_18_1_1_every_large_request_in_a_dialog_falls_back_to_a_datagram() {
    type Send = fn(&mut Caller, SessionKey);
    let send: [(&str, Send); 2] = [
        ("INVITE", |caller, session| {
            caller.endpoint.reinvite(caller.now, session, Some(large_body()), &mut caller.out).unwrap();
        }),
        ("INFO", |caller, session| {
            let body = Some(large_body());
            caller.endpoint.request(caller.now, session, "INFO", Vec::new(), body, &mut caller.out).unwrap();
        }),
    ];
    for (method, send) in send {
        let (mut caller, session) = confirmed();
        send(&mut caller, session);
        let (flow, by_stream) = caller.sent(method).unwrap();
        assert_eq!(flow.transport, Transport::Tcp, "{method}");
        caller.lose(flow);
        let (again, message) = caller.sent(method).unwrap();
        assert_eq!((again.transport, again.remote), (Transport::Udp, flow.remote), "{method}");
        let via = |message: &OwnedMessage| message.view().first(HeaderName::Via).unwrap().to_owned();
        assert_eq!(via(&message), via(&by_stream).replace("/TCP", "/UDP"), "{method}");
        assert_eq!(identity(&message), identity(&by_stream), "{method}");
        // A datagram is repeated, and its end is an end.
        caller.wait(1);
        assert!(caller.sent(method).is_some(), "{method}");
        caller.lose(again);
        assert!(caller.sent(method).is_none(), "{method}");
        assert!(caller.endpoint.reinvite(caller.now, session, Some(large_body()), &mut caller.out).is_ok());
        assert_eq!(caller.sent("INVITE").unwrap().0.transport, Transport::Udp, "{method} is remembered");
    }
}

#[test]
fn a_stream_that_breaks_after_an_answer_is_no_reason_to_ask_again() {
    let (mut caller, session) = confirmed();
    caller.endpoint.reinvite(caller.now, session, Some(large_body()), &mut caller.out).unwrap();
    let (flow, reinvite) = caller.sent("INVITE").unwrap();
    caller.answer(opened(flow), &reinvite, 100);
    caller.lose(flow);
    assert!(caller.sent("INVITE").is_none());
}

#[test]
fn a_large_call_that_is_taken_back_is_not_sent_as_a_datagram() {
    let mut caller = Caller::new();
    let (flow, _) = caller.call(large(ONE));
    let session = caller.session.unwrap();
    caller.endpoint.hang_up(caller.now, session, None, &mut caller.out);
    caller.lose(flow);
    assert!(caller.sent("INVITE").is_none());
    caller.wait(100);
    assert_eq!(caller.endpoint.counts(), sip::Counts::default());
}
