//! The registrar as phones see it (RFC 3261 §10, RFC 3327, RFC 5626 §4.1), step by step.

use std::{sync::Arc, time::Duration};

use crate::desk::{
    Desk, Phone,
    asking::{Asking, body_of},
    header, id, start_line,
};
use calls::{Binding, ClockMark, Input, Limits, Notice, SwitchboardConfig};
use contract::{id::AccountId, time::Timestamp};
use sip::{Flow, HeaderName, OwnedMessage, Transport};

const ADDRESS: &str = "198.51.100.1:5060";

/// The contacts of a 200, as `uri expires q`.
fn contacts(answer: &OwnedMessage) -> Vec<String> {
    answer.view().values(HeaderName::Contact).map(|value| value.replace("sip:1001@", "")).collect()
}

/// Sends a series of REGISTERs (Contact and other headers) and compares the last answer: status and contacts.
#[track_caller]
fn check(series: &[&str], status: u16, expected: &[&str]) -> Desk {
    let mut desk = Desk::new();
    let sari = Phone::new("1001", ADDRESS);
    let mut answer = None;
    for (n, headers) in series.iter().enumerate() {
        let headers: String =
            headers.split('|').filter(|line| !line.is_empty()).map(|line| format!("{line}\r\n")).collect();
        answer = Some(desk.registers(&sari, 1 + 2 * u32::try_from(n).unwrap(), &headers));
    }
    let answer = answer.unwrap();
    assert_eq!(answer.view().status(), Some(status), "{series:?}: {}", start_line(&answer));
    assert_eq!(contacts(&answer), expected, "{series:?}");
    desk
}

#[test]
fn expiry_comes_from_the_contact_the_header_or_the_default_within_bounds() {
    check(&["Contact: <sip:1001@a>"], 200, &["<a>;expires=3600"]);
    check(&["Contact: <sip:1001@a>|Expires: 600"], 200, &["<a>;expires=600"]);
    check(&["Contact: <sip:1001@a>;expires=120|Expires: 600"], 200, &["<a>;expires=120"]);
    check(&["Contact: <sip:1001@a>;expires=60"], 200, &["<a>;expires=60"]);
    check(&["Contact: <sip:1001@a>;expires=999999"], 200, &["<a>;expires=7200"]);
    check(&["Contact: <sip:1001@a>;expires=99999999999"], 200, &["<a>;expires=7200"]);
    check(&["Contact: <sip:1001@a>;expires=often"], 200, &["<a>;expires=3600"]);
}

#[test]
fn an_expiry_too_brief_is_refused_as_a_whole() {
    let desk = check(&["Contact: <sip:1001@a>, <sip:1001@b>;expires=59"], 423, &[]);
    assert!(desk.bindings.is_empty(), "all or nothing (step 7)");
    let mut desk = Desk::new();
    let answer = desk.registers(&Phone::new("1001", ADDRESS), 1, "Contact: <sip:1001@a>;expires=1\r\n");
    assert_eq!(header(&answer, "Min-Expires").unwrap(), "60");
}

#[test]
fn contacts_are_listed_with_what_they_have_left_and_their_q() {
    let contact = "Contact: <sip:1001@a>;q=0.5, <sip:1001@b>;q=1;expires=90";
    check(&[contact, ""], 200, &["<a>;expires=3600;q=0.500", "<b>;expires=90;q=1.000"]);
    let mut desk = Desk::new();
    let sari = Phone::new("1001", ADDRESS);
    desk.registers(&sari, 1, "Contact: <sip:1001@a>;expires=600\r\n");
    desk.wait(Duration::from_millis(100_500));
    assert_eq!(contacts(&desk.registers(&sari, 3, "")), ["<a>;expires=500"], "rounded up");
    desk.wait(Duration::from_secs(500));
    assert!(desk.bindings.is_empty(), "expired by deadline and put out as removed");
    assert_eq!(contacts(&desk.registers(&sari, 5, "")), [""; 0]);
}

#[test]
fn contacts_are_refreshed_and_removed() {
    let equal = "Contact: <SIP:1001@A;transport=UDP>;expires=100";
    check(&["Contact: <sip:1001@a;transport=udp>", equal], 200, &["<SIP:1001@A;transport=UDP>;expires=100"]);
    check(
        &["Contact: <sip:1001@a>, <sip:1001@b>", "Contact: <sip:1001@a>;expires=0"],
        200,
        &["<b>;expires=3600"],
    );
    check(&["Contact: <sip:1001@a>", "Contact: <sip:1001@nobody>;expires=0"], 200, &["<a>;expires=3600"]);
    let desk = check(&["Contact: <sip:1001@a>, <sip:1001@b>", "Contact: *|Expires: 0"], 200, &[]);
    assert!(desk.bindings.is_empty());
}

#[test]
fn a_star_is_alone_and_means_removal() {
    for headers in ["Contact: *", "Contact: *|Expires: 1", "Contact: *, <sip:1001@b>|Expires: 0"] {
        let desk = check(&["Contact: <sip:1001@a>", headers], 400, &[]);
        assert_eq!(desk.bindings.len(), 1, "{headers}");
    }
    check(&["Contact: <tel:1001>"], 400, &[]);
}

#[test]
fn step_7_a_request_out_of_order_changes_nothing() {
    let mut desk = Desk::new();
    let sari = Phone::new("1001", ADDRESS);
    desk.registers(&sari, 11, "Contact: <sip:1001@a>\r\n");
    for headers in ["Contact: <sip:1001@b>, <sip:1001@a>;expires=0\r\n", "Contact: *\r\nExpires: 0\r\n"] {
        // Its CSeq is 10 after the challenge, the contact's 12.
        let answer = desk.registers(&sari, 9, headers);
        assert_eq!(answer.view().status(), Some(500));
        assert_eq!(desk.bindings.len(), 1);
    }
    // Another Call-ID (the phone was restarted) starts anew.
    let restarted = Phone::new("1001", "198.51.100.1:5062");
    let answer = desk.registers(&restarted, 1, "Contact: <sip:1001@a>;expires=90\r\n");
    assert_eq!(contacts(&answer), ["<a>;expires=90"]);
}

#[test]
fn a_repeated_register_is_answered_alike_and_not_out_of_order() {
    let mut desk = Desk::new();
    let sari = Phone::new("1001", ADDRESS);
    desk.from(&sari, &sari.register(1, "", ""));
    let challenge = desk.expect(&sari, "SIP/2.0 401");
    let authorization = sari.authorization(&challenge, "REGISTER", &format!("sip:{}", crate::desk::DOMAIN));
    let text = sari.register(2, "Contact: <sip:1001@a>\r\n", &authorization);
    for _ in 0..2 {
        desk.from(&sari, &text);
        assert_eq!(contacts(&desk.expect(&sari, "SIP/2.0 200")), ["<a>;expires=3600"]);
    }
}

#[test]
fn the_same_device_replaces_its_contact() {
    let [a, b] = ["a", "b"].map(|host| format!("Contact: <sip:1001@{host}>;+sip.instance=\"<urn:uuid:1>\""));
    let listed = "<b>;expires=3600;+sip.instance=\"<urn:uuid:1>\"";
    let desk = check(&[&a, &b], 200, &[listed]);
    assert_eq!(desk.bindings.len(), 1);
    // A device that did not name itself before and does now is the same contact.
    check(&["Contact: <sip:1001@b>", &b], 200, &[listed]);
}

#[test]
fn the_contact_that_expires_first_makes_room() {
    let many: Vec<String> = (0..10).map(|n| format!("<sip:1001@h{n}>;expires={}", 100 + n)).collect();
    let desk = check(
        &[&format!("Contact: {}", many.join(", ")), "Contact: <sip:1001@new>"],
        200,
        &[
            "<h1>;expires=101",
            "<h2>;expires=102",
            "<h3>;expires=103",
            "<h4>;expires=104",
            "<h5>;expires=105",
            "<h6>;expires=106",
            "<h7>;expires=107",
            "<h8>;expires=108",
            "<h9>;expires=109",
            "<new>;expires=3600",
        ],
    );
    assert!(desk.notices.contains(&Notice::BindingReplaced));
    let eleven: Vec<String> = (0..11).map(|n| format!("<sip:1001@h{n}>")).collect();
    check(&[&format!("Contact: {}", eleven.join(", "))], 403, &[]);
}

#[test]
fn a_full_registrar_takes_no_further_contact_of_a_known_account_but_refreshes() {
    let limits = Limits { bindings_max: 1, ..Limits::default() };
    let mut desk = Desk::with(SwitchboardConfig { limits, ..SwitchboardConfig::default() }, 0);
    let sari = Phone::new("1001", ADDRESS);
    let series = [
        ("Contact: <sip:1001@a>\r\n", 200),
        ("Contact: <sip:1001@b>\r\n", 503),
        ("Contact: <sip:1001@a>;expires=90\r\n", 200),
        ("Contact: <sip:1001@b>, <sip:1001@a>;expires=0\r\n", 200),
    ];
    for (n, (headers, status)) in (0..).zip(series) {
        let answer = desk.registers(&sari, 1 + 2 * n, headers);
        assert_eq!(answer.view().status(), Some(status), "{headers}");
        assert_eq!(desk.bindings.len(), 1, "{headers}");
    }
    assert!(desk.notices.contains(&Notice::BindingsFull));
}

#[test]
fn rfc_3327_a_path_is_kept_shown_and_used() {
    let path = "Path: <sip:192.0.2.99:5070;lr>, <sip:edge.example;lr>";
    let mut desk = Desk::new();
    let budi = Phone::new("1002", "198.51.100.2:5060");
    let headers = format!("Contact: <sip:1002@10.0.0.2:5060>\r\n{path}\r\nSupported: path\r\n");
    let answer = desk.registers(&budi, 1, &headers);
    let shown: Vec<&str> = answer.view().values(HeaderName::Path).collect();
    assert_eq!(shown, ["<sip:192.0.2.99:5070;lr>", "<sip:edge.example;lr>"]);
    let sari = desk.phone("1001", ADDRESS);
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    // The edge proxy is reached the way the REGISTER came, and told the rest of the way.
    let invite = desk.expect(&budi, "INVITE sip:1002@10.0.0.2:5060");
    let routes: Vec<&str> = invite.view().values(HeaderName::Route).collect();
    assert_eq!(routes, ["<sip:192.0.2.99:5070;lr>", "<sip:edge.example;lr>"]);
    desk.from(&sari, &caller.cancel(""));
    desk.quiet();
    check(&[&format!("Contact: <sip:1001@a>|{path}")], 421, &[]);
    check(&[&format!("Contact: <sip:1001@a>|{path}|Require: path")], 200, &["<a>;expires=3600"]);
    check(&["Contact: <sip:1001@a>|Path: nonsense|Supported: path"], 400, &[]);
}

#[test]
fn only_the_account_itself_may_be_registered() {
    let mut desk = Desk::new();
    let sari = Phone::new("1001", ADDRESS);
    desk.from(&sari, &sari.register(1, "", ""));
    for other in ["To: <sip:1002@demo.sambung.test", "To: <sip:1001@elsewhere.example"] {
        let challenge = desk.expect(&sari, "SIP/2.0 401");
        let authorization =
            sari.authorization(&challenge, "REGISTER", &format!("sip:{}", crate::desk::DOMAIN));
        let text = sari.register(2, "Contact: <sip:1001@a>\r\n", &authorization);
        desk.from(&sari, &text.replace("To: <sip:1001@demo.sambung.test", other));
        desk.expect(&sari, "SIP/2.0 403");
        desk.from(&sari, &sari.register(3, "", ""));
    }
    assert!(desk.bindings.is_empty());
}

#[test]
fn a_phone_behind_a_nat_is_called_where_it_was_heard() {
    let mut desk = Desk::new();
    let budi = Phone { local: "10.0.0.2:5060".into(), ..Phone::new("1002", "198.51.100.2:40000") };
    desk.register(&budi, 1);
    let sari = desk.phone("1001", ADDRESS);
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    desk.expect(&budi, "INVITE sip:1002@10.0.0.2:5060 SIP/2.0".split(" SIP").next().unwrap());
    desk.from(&sari, &caller.cancel(""));
    desk.quiet();
}

/// A phone on TCP with this contact; whether it is called on its connection, and where after that is gone.
fn check_tcp(local: &str, after: Option<&str>) {
    let mut desk = Desk::new();
    let mut budi = Phone { local: local.into(), ..Phone::new("1002", "198.51.100.2:40000") };
    budi.flow = Flow { transport: Transport::Tcp, connection: 9, ..budi.flow };
    let contact = format!("Contact: <sip:1002@{local};transport=tcp>\r\n");
    desk.registers(&budi, 1, &contact);
    let sari = desk.phone("1001", ADDRESS);
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    assert!(
        desk.sent
            .iter()
            .any(|(flow, message)| *flow == budi.flow && start_line(message).starts_with("INVITE"))
    );
    desk.from(&sari, &caller.cancel(""));
    desk.wait(Duration::from_secs(100));
    desk.sent.clear();
    desk.journal.clear();
    desk.tell(Input::Unreachable { flow: budi.flow });
    assert_eq!(desk.bindings.len(), 2, "the contact stays until it expires");
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invited = desk.sent.iter().find(|(_, message)| start_line(message).starts_with("INVITE"));
    let invited = invited.map(|(flow, _)| (flow.transport, flow.remote.to_string(), flow.connection));
    assert_eq!(invited, after.map(|remote| (Transport::Tcp, remote.to_owned(), 0)));
    if after.is_none() {
        assert_eq!(desk.detail("failed"), "unreachable/-");
    }
    desk.from(&sari, &caller.cancel(""));
    desk.quiet();
}

#[test]
fn a_lost_connection_is_replaced_where_the_phone_can_be_connected_to() {
    check_tcp("198.51.100.2:5060", Some("198.51.100.2:5060"));
    check_tcp("10.0.0.2:5060", None);
}

#[test]
fn contacts_survive_a_restart() {
    let mut desk = Desk::new();
    let [sari, budi] =
        [("1001", ADDRESS), ("1002", "198.51.100.2:5060")].map(|(user, at)| desk.phone(user, at));
    let stored: Vec<Arc<Binding>> = desk.bindings.values().cloned().collect();
    assert_eq!(stored[0].registration().source, "udp/198.51.100.1:5060");
    let mut restarted = Desk::new();
    let vanished =
        Arc::new(Binding { account: AccountId(id(99)), username: "vanished".into(), ..(*stored[0]).clone() });
    let mut old = (*stored[0]).clone();
    old.key = "old".into();
    old.expires_at.0 -= 3_600_000_001;
    let old = Arc::new(old);
    for (gone, key) in [(&vanished, vanished.key.clone()), (&old, old.key.clone())] {
        restarted.bindings.insert((gone.account, key), gone.clone());
    }
    restarted.tell(Input::Restore(stored.into_iter().chain([vanished, old]).collect()));
    assert!(restarted.bindings.is_empty(), "what is not taken back is put out as removed");
    assert_eq!(restarted.board.counts().registrations, 2);
    let caller = restarted.dial(&sari, "1002", Some(&sari.sdp()));
    restarted.expect(&budi, "INVITE");
    restarted.from(&sari, &caller.cancel(""));
    restarted.wait(Duration::from_secs(300));
    restarted
        .bindings
        .insert((AccountId(id(31)), "sip:1001@198.51.100.1:5060".into()), restarted_row(&desk, 31));
    restarted
        .bindings
        .insert((AccountId(id(32)), "sip:1002@198.51.100.2:5060".into()), restarted_row(&desk, 32));
    restarted.wait(Duration::from_secs(3_600));
    assert!(restarted.bindings.is_empty(), "restored contacts expire too");
    assert_eq!(restarted.board.deadline(), None, "nothing is left to wake up for");
}

fn restarted_row(desk: &Desk, account: u128) -> Arc<Binding> {
    desk.bindings.values().find(|binding| binding.account == AccountId(id(account))).unwrap().clone()
}

#[test]
fn a_clock_that_is_set_takes_no_contact_away() {
    for step_secs in [-86_400, 1, 86_400] {
        let mut desk = Desk::new();
        let sari = Phone::new("1001", ADDRESS);
        desk.registers(&sari, 1, "Contact: <sip:1001@a>;expires=600\r\n");
        let before = desk.bindings.values().next().unwrap().expires_at;
        let unix = Timestamp(before.0 - 600_000_000 + step_secs * 1_000_000);
        desk.tell(Input::Clock(ClockMark { instant: desk.now, unix }));
        let left = if step_secs == 1 { 599 } else { 600 };
        assert_eq!(contacts(&desk.registers(&sari, 3, "")), [format!("<a>;expires={left}")], "{step_secs}");
        let stored = desk.bindings.values().next().unwrap().expires_at;
        assert_eq!(stored.0 - unix.0, left * 1_000_000, "what would be restored is right too");
        desk.wait(Duration::from_secs(600));
        assert!(desk.bindings.is_empty());
    }
}

#[test]
fn a_phone_on_a_stream_is_no_stranger_once_it_has_passed_the_digest_and_not_before() {
    let mut desk = Desk::new();
    let mut sari = Phone::new("1001", ADDRESS);
    (sari.flow.transport, sari.flow.connection) = (Transport::Tcp, 7);
    desk.from(&sari, &sari.register(1, "", ""));
    assert_eq!(desk.trusted, [0; 0]);
    desk.registers(&sari, 2, "Contact: <sip:1001@a>\r\n");
    assert_eq!(desk.trusted, [7]);
}

const UA: &str = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\"";

/// Registers one flow of a device that keeps several.
fn flow_of(desk: &mut Desk, connection: u64, cseq: u32, reg_id: u32) -> (Phone, OwnedMessage) {
    let mut phone = Phone::new("1002", &format!("198.51.100.2:{}", 40_000 + connection));
    phone.local = String::from("10.0.0.2:5060");
    (phone.flow.transport, phone.flow.connection) = (Transport::Tcp, connection);
    let headers = format!(
        "Contact: <sip:1002@10.0.0.2:5060;transport=tcp>;reg-id={reg_id};{UA}\r\nSupported: path, outbound\r\n"
    );
    let answer = desk.registers(&phone, cseq, &headers);
    desk.wait(Duration::from_secs(1));
    (phone, answer)
}

#[test]
fn rfc_5626_6_several_flows_of_one_device_are_kept_and_it_rings_once() {
    let mut desk = Desk::new();
    let (first, answer) = flow_of(&mut desk, 11, 1, 1);
    assert_eq!(header(&answer, "Require").as_deref(), Some("outbound"));
    assert_eq!(header(&answer, "Flow-Timer").as_deref(), Some("120"));
    assert!(header(&answer, "Contact").unwrap().ends_with(";reg-id=1"));
    let (second, answer) = flow_of(&mut desk, 12, 1, 2);
    assert_eq!(answer.view().values(HeaderName::Contact).count(), 2);
    let sari = desk.phone("1001", ADDRESS);
    desk.sent.clear();
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let flows = |desk: &Desk| -> Vec<u64> {
        let invites = desk.sent.iter().filter(|(_, message)| start_line(message).starts_with("INVITE"));
        invites.map(|(flow, _)| flow.connection).collect()
    };
    assert_eq!(flows(&desk), [12], "once, on the flow that was opened last");
    // That flow breaks while it rings: the device is reached by the other one, and nobody notices.
    desk.tell(Input::Unreachable { flow: second.flow });
    assert_eq!(flows(&desk), [12, 11]);
    desk.expect(&first, "INVITE");
    desk.from(&sari, &caller.cancel(""));
    desk.wait(Duration::from_secs(100));
    desk.sent.clear();
    // Nothing is sent on a flow that is gone, nor is a new connection opened to where it came from.
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    assert_eq!(flows(&desk), [11]);
    desk.from(&sari, &caller.cancel(""));
    desk.wait(Duration::from_secs(100));
    // The phone opens it again: the same flow, not a third one.
    let (_, answer) = flow_of(&mut desk, 13, 1, 2);
    assert_eq!(answer.view().values(HeaderName::Contact).count(), 2);
    desk.sent.clear();
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    assert_eq!(flows(&desk), [13]);
    desk.from(&sari, &caller.cancel(""));
    desk.quiet();
}

#[test]
fn rfc_5626_5_3_a_flow_that_an_edge_calls_failed_is_not_the_end() {
    let mut desk = Desk::new();
    flow_of(&mut desk, 11, 1, 1);
    let (second, _) = flow_of(&mut desk, 12, 1, 2);
    let sari = desk.phone("1001", ADDRESS);
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&second, "INVITE");
    desk.sent.clear();
    desk.from(&second, &second.respond(&invite, 430, None));
    let next = desk.sent.iter().find(|(_, message)| start_line(message).starts_with("INVITE"));
    assert_eq!(next.map(|(flow, _)| flow.connection), Some(11));
    desk.from(&sari, &caller.cancel(""));
    desk.quiet();
}

#[test]
fn rfc_5626_5_3_a_message_takes_the_other_flow_of_a_device_when_one_has_failed() {
    for how in ["430", "503", "transport"] {
        let mut desk = Desk::new();
        let (first, _) = flow_of(&mut desk, 11, 1, 1);
        let (second, _) = flow_of(&mut desk, 12, 1, 2);
        let sari = desk.phone("1001", ADDRESS);
        desk.ask(&mut Asking::message(&sari, "1002", "hello"));
        let message = desk.expect(&second, "MESSAGE");
        desk.silent(&first);
        match how {
            "transport" => desk.tell(Input::Unreachable { flow: second.flow }),
            status => desk.from(&second, &second.respond(&message, status.parse().unwrap(), None)),
        }
        let again = desk.expect(&first, "MESSAGE");
        assert_eq!(body_of(&again), "hello");
        desk.from(&first, &first.respond(&again, 200, None));
        desk.expect(&sari, "SIP/2.0 200");
        desk.rest();
    }
}

#[test]
fn rfc_5626_6_flows_are_only_kept_where_they_can_be() {
    let contact = |more: &str| format!("Contact: <sip:1001@a>;{UA}{more}");
    let outbound = "|Supported: path, outbound";
    // Nobody asked for outbound, or the contact names no device: an ordinary contact.
    let desk = check(&[&contact(";reg-id=1")], 200, &[&format!("<a>;expires=3600;{UA}")]);
    assert!(desk.bindings.values().all(|binding| binding.reg_id.is_none()));
    check(&[&format!("Contact: <sip:1001@a>;reg-id=1{outbound}")], 200, &["<a>;expires=3600"]);
    for number in ["0", "-1", "x", "2147483648"] {
        check(&[&format!("{}{outbound}", contact(&format!(";reg-id={number}")))], 400, &[]);
    }
    let two = format!("{}, <sip:1001@b>{outbound}", contact(";reg-id=1"));
    check(&[&two], 400, &[]);
    // A proxy in between that does not say it keeps flows, and one that does.
    let through =
        |path: &str| format!("{}{outbound}|Path: <sip:edge.example;lr{path}>", contact(";reg-id=1"));
    check(&[&through("")], 439, &[]);
    let desk = check(&[&through(";ob")], 200, &[&format!("<a>;expires=3600;{UA};reg-id=1")]);
    assert_eq!(desk.bindings.values().next().unwrap().reg_id, Some(1));
}

#[test]
fn two_devices_with_the_same_private_address_are_two_contacts() {
    let one = "Contact: <sip:1001@192.168.1.10>;+sip.instance=\"<urn:uuid:1>\"";
    let other = "Contact: <sip:1001@192.168.1.10>;+sip.instance=\"<urn:uuid:2>\"";
    let desk = check(
        &[one, other],
        200,
        &[
            "<192.168.1.10>;expires=3600;+sip.instance=\"<urn:uuid:1>\"",
            "<192.168.1.10>;expires=3600;+sip.instance=\"<urn:uuid:2>\"",
        ],
    );
    assert_eq!(desk.bindings.len(), 2);
    let moved = "Contact: <sip:1001@192.168.1.11>;+sip.instance=\"<urn:uuid:1>\"";
    assert_eq!(
        check(
            &[one, other, moved],
            200,
            &[
                "<192.168.1.11>;expires=3600;+sip.instance=\"<urn:uuid:1>\"",
                "<192.168.1.10>;expires=3600;+sip.instance=\"<urn:uuid:2>\"",
            ]
        )
        .bindings
        .len(),
        2
    );
}
