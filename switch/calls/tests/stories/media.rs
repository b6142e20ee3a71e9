//! Who is told what and who hears whom: offers, answers, early media, re-INVITEs (RFC 3264, RFC 3261 §13 and §14).

use std::time::Duration;

use crate::desk::{
    Caller, Desk, Phone, body, header,
    sound::{audio, direction, is_joined, media_of},
};
use calls::{Notice, SwitchboardConfig};
use streams::media::{LeaseId, LegReport};

#[test]
fn each_side_is_told_an_address_of_its_own_and_the_two_are_joined() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let mut caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    assert_eq!(audio(&invite), "192.0.2.20:20002", "the callee's own lease");
    assert!(
        !body(&invite).contains("198.51.100"),
        "nothing of the caller's network is shown: {}",
        body(&invite)
    );
    assert_eq!(media_of(&desk, 0).remote, Some("198.51.100.1:15060".parse().unwrap()));
    assert_eq!(media_of(&desk, 1).remote, None, "not known before the answer");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(audio(&ok), "192.0.2.20:20000", "the caller's own lease");
    assert_eq!(media_of(&desk, 1).remote, Some("198.51.100.2:15060".parse().unwrap()));
    assert!(is_joined(&desk, 0, 1));
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    desk.report =
        LegReport { packets_received: 5, packets_lost: -1, jitter_micros: 9, ..LegReport::default() };
    desk.hang_up(&mut caller, &budi);
    desk.rest();
    let quality: Vec<_> =
        desk.qualities().iter().map(|one| (one.leg, one.packets_received, one.packets_lost)).collect();
    assert_eq!(quality, [(1, 5, -1), (2, 5, -1)]);
}

#[test]
fn what_the_callee_is_shown_of_the_caller() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE sip:1002@198.51.100.2:5060");
    let from = header(&invite, "From").unwrap();
    assert!(from.starts_with("\"Sari\" <sip:1001@demo.sambung.test>;tag="), "{from}");
    assert_eq!(header(&invite, "To").unwrap(), "<sip:1002@demo.sambung.test>");
    assert_eq!(header(&invite, "Max-Forwards").unwrap(), "69");
    assert_ne!(header(&invite, "Call-ID").unwrap(), caller.call_id);
    desk.from(&sari, &caller.cancel(""));
    desk.quiet();
}

#[test]
fn early_media_of_the_first_device_that_sends_it_is_heard() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let mobile = desk.phone("1002-mobile", "198.51.100.22:5060");
    let mut caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invites = [&budi, &mobile].map(|phone| desk.expect(phone, "INVITE"));
    desk.from(&mobile, &mobile.respond(&invites[1], 183, Some(&mobile.sdp())));
    let progress = desk.expect(&sari, "SIP/2.0 183");
    assert_eq!(audio(&progress), "192.0.2.20:20000");
    assert!(is_joined(&desk, 0, 2));
    assert_eq!(media_of(&desk, 2).remote, Some("198.51.100.22:15060".parse().unwrap()));
    // The other device's ring-back or media would disturb.
    desk.from(&budi, &budi.respond(&invites[0], 183, Some(&budi.sdp())));
    desk.silent(&sari);
    desk.from(&budi, &budi.respond(&invites[0], 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert!(is_joined(&desk, 0, 1), "now the one who answered is heard");
    desk.expect(&mobile, "CANCEL");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    assert_eq!(desk.events(), ["created", "ringing", "answered(3)"]);
    desk.hang_up(&mut caller, &budi);
    desk.quiet();
}

#[test]
fn progress_without_media_is_passed_on_once_for_each_kind() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 181, None));
    desk.silent(&sari);
    assert_eq!(desk.events(), ["created"], "being forwarded is not ringing");
    for status in [183, 180, 180, 183] {
        desk.from(&budi, &budi.respond(&invite, status, None));
    }
    desk.expect(&sari, "SIP/2.0 183");
    desk.expect(&sari, "SIP/2.0 180");
    desk.silent(&sari);
    assert_eq!(desk.events(), ["created", "ringing"]);
    desk.from(&sari, &caller.cancel(""));
    desk.quiet();
}

#[test]
fn a_late_offer_goes_to_the_caller_and_the_answer_back_in_the_ack() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let mut caller = desk.dial(&sari, "1002", None);
    let invite = desk.expect(&budi, "INVITE");
    assert_eq!(body(&invite), "");
    assert!(desk.media.is_empty(), "no port before there is anything to carry");
    desk.from(&budi, &budi.respond(&invite, 180, None));
    desk.expect(&sari, "SIP/2.0 180");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.silent(&budi);
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(audio(&ok), "192.0.2.20:20000");
    let ack = caller.ack(&ok, Some(&sari.sdp()));
    desk.from(&sari, &ack);
    let ack = desk.expect(&budi, "ACK");
    assert_eq!(audio(&ack), "192.0.2.20:20002");
    assert!(is_joined(&desk, 0, 1));
    assert_eq!(media_of(&desk, 0).remote, Some("198.51.100.1:15060".parse().unwrap()));
    assert_eq!(media_of(&desk, 1).remote, Some("198.51.100.2:15060".parse().unwrap()));
    desk.hang_up(&mut caller, &budi);
    assert_eq!(desk.events(), ["created", "ringing", "answered(3)", "ended"]);
    desk.rest();
}

#[test]
fn a_late_offer_without_answer_or_without_offer_ends_in_order() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let mut caller = desk.dial(&sari, "1002", None);
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    desk.expect(&budi, "ACK");
    for phone in [&sari, &budi] {
        let bye = desk.expect(phone, "BYE");
        desk.from(phone, &phone.respond(&bye, 200, None));
    }
    assert_eq!(desk.detail("ended"), "media_refused/-");
    desk.rest();

    let caller = desk.dial(&sari, "1002", None);
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 200, None));
    desk.expect(&budi, "ACK");
    let bye = desk.expect(&budi, "BYE");
    desk.from(&budi, &budi.respond(&bye, 200, None));
    let refusal = desk.expect(&sari, "SIP/2.0 488");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    desk.rest();
}

#[test]
fn hold_and_unhold_are_re_invites_passed_through() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let (mut caller, invite) = desk.talk(&sari, &budi, "1002");
    // The caller holds and takes back.
    for (offered, answered, event) in
        [("sendonly", "recvonly", "hold(2)"), ("sendrecv", "sendrecv", "unhold(2)")]
    {
        let reinvite = caller.request("INVITE", "", Some(&sari.sdp_with(offered)));
        desk.from(&sari, &reinvite);
        desk.expect(&sari, "SIP/2.0 100");
        let passed = desk.expect(&budi, "INVITE");
        assert_eq!((direction(&passed), audio(&passed).as_str()), (offered.to_owned(), "192.0.2.20:20002"));
        desk.from(&budi, &budi.respond(&passed, 200, Some(&budi.sdp_with(answered))));
        desk.expect(&budi, "ACK");
        let ok = desk.expect(&sari, "SIP/2.0 200");
        assert_eq!((direction(&ok), audio(&ok).as_str()), (answered.to_owned(), "192.0.2.20:20000"));
        let ack = caller.ack(&ok, None);
        desk.from(&sari, &ack);
        assert_eq!(desk.events().last().unwrap(), event);
        assert_eq!(media_of(&desk, 0).receives, offered == "sendrecv");
    }
    // The callee holds.
    let held = budi.request("INVITE", 1, &invite, "", Some(&budi.sdp_with("inactive")));
    desk.from(&budi, &held);
    desk.expect(&budi, "SIP/2.0 100");
    let passed = desk.expect(&sari, "INVITE");
    desk.from(&sari, &sari.respond(&passed, 200, Some(&sari.sdp_with("inactive"))));
    desk.expect(&sari, "ACK");
    desk.expect(&budi, "SIP/2.0 200");
    desk.from(&budi, &budi.request("ACK", 1, &invite, "", None));
    assert_eq!(desk.events(), ["created", "ringing", "answered(3)", "hold(2)", "unhold(2)", "hold(3)"]);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

#[test]
fn a_re_invite_that_is_refused_changes_nothing() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    let configured = desk.media.len();
    let reinvite = caller.request("INVITE", "", Some(&sari.sdp_with("sendonly")));
    desk.from(&sari, &reinvite);
    desk.expect(&sari, "SIP/2.0 100");
    let passed = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&passed, 488, None));
    desk.expect(&budi, "ACK");
    let refusal = desk.expect(&sari, "SIP/2.0 488");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    assert_eq!(desk.media.len(), configured, "media changes when an exchange is complete, never halfway");
    assert_eq!(desk.events(), ["created", "ringing", "answered(3)"]);
    desk.hang_up(&mut caller, &budi);
    desk.quiet();
}

#[test]
fn a_re_invite_that_is_challenged_or_redirected_is_refused_as_not_acceptable() {
    for status in [302, 401, 407] {
        let mut desk = Desk::new();
        let [sari, budi] = desk.two();
        let (mut caller, _) = desk.talk(&sari, &budi, "1002");
        let reinvite = caller.request("INVITE", "", Some(&sari.sdp_with("sendonly")));
        desk.from(&sari, &reinvite);
        desk.expect(&sari, "SIP/2.0 100");
        let passed = desk.expect(&budi, "INVITE");
        desk.from(&budi, &budi.respond(&passed, status, None));
        desk.expect(&budi, "ACK");
        desk.expect(&sari, "SIP/2.0 488");
        desk.hang_up(&mut caller, &budi);
        desk.quiet();
    }
}

#[test]
fn a_re_invite_that_is_taken_back_or_never_answered_is_taken_back_on_the_other_side() {
    for is_canceled in [true, false] {
        let mut desk = Desk::new();
        let [sari, budi] = desk.two();
        let (mut caller, _) = desk.talk(&sari, &budi, "1002");
        let reinvite = caller.request("INVITE", "", Some(&sari.sdp_with("sendonly")));
        desk.from(&sari, &reinvite);
        desk.expect(&sari, "SIP/2.0 100");
        let passed = desk.expect(&budi, "INVITE");
        desk.from(&budi, &budi.respond(&passed, 100, None));
        if is_canceled {
            let head = reinvite.split("Content-Type").next().unwrap().replace("INVITE", "CANCEL");
            desk.from(&sari, &format!("{head}Content-Length: 0\r\n\r\n"));
            desk.expect(&sari, "SIP/2.0 200");
        } else {
            desk.wait(Duration::from_secs(64));
        }
        desk.expect(&sari, if is_canceled { "SIP/2.0 487" } else { "SIP/2.0 504" });
        desk.expect(&budi, "CANCEL");
        desk.from(&budi, &budi.respond(&passed, 487, None));
        desk.expect(&budi, "ACK");
        let again = caller.request("INVITE", "", Some(&sari.sdp_with("inactive")));
        desk.from(&sari, &again);
        desk.expect(&sari, "SIP/2.0 100");
        desk.expect(&budi, "INVITE");
        let bye = caller.request("BYE", "", None);
        desk.from(&sari, &bye);
        desk.quiet();
    }
}

#[test]
fn a_re_invite_without_sdp_asks_the_other_side_for_its_offer() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    for (answered, event) in [("recvonly", "answered(3)"), ("sendonly", "hold(2)"), ("sendrecv", "unhold(2)")]
    {
        let reinvite = caller.request("INVITE", "", None);
        desk.from(&sari, &reinvite);
        desk.expect(&sari, "SIP/2.0 100");
        let passed = desk.expect(&budi, "INVITE");
        assert_eq!(body(&passed), "");
        desk.from(&budi, &budi.respond(&passed, 200, Some(&budi.sdp())));
        desk.silent(&budi);
        let ok = desk.expect(&sari, "SIP/2.0 200");
        assert_eq!(audio(&ok), "192.0.2.20:20000");
        let ack = caller.ack(&ok, Some(&sari.sdp_with(answered)));
        desk.from(&sari, &ack);
        let ack = desk.expect(&budi, "ACK");
        assert_eq!(direction(&ack), answered);
        assert_eq!(desk.events().last().unwrap(), event);
    }
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}

#[test]
fn rfc_3261_14_2_re_invites_that_meet_are_told_so() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let (mut caller, invite) = desk.talk(&sari, &budi, "1002");
    let reinvite = caller.request("INVITE", "", Some(&sari.sdp_with("sendonly")));
    desk.from(&sari, &reinvite);
    desk.expect(&sari, "SIP/2.0 100");
    let passed = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.request("INVITE", 1, &invite, "", Some(&budi.sdp_with("sendonly"))));
    desk.expect(&budi, "SIP/2.0 491");
    desk.from(&budi, &budi.request("ACK", 1, &invite, "", None));
    desk.from(&budi, &budi.respond(&passed, 491, None));
    desk.expect(&budi, "ACK");
    desk.expect(&sari, "SIP/2.0 491");
    assert_eq!(desk.events(), ["created", "ringing", "answered(3)"]);
    desk.hang_up(&mut caller, &budi);
    desk.quiet();
}

#[test]
fn a_side_that_hangs_up_in_the_middle_of_an_exchange_ends_the_call() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let (mut caller, invite) = desk.talk(&sari, &budi, "1002");
    let reinvite = caller.request("INVITE", "", None);
    desk.from(&sari, &reinvite);
    desk.expect(&sari, "SIP/2.0 100");
    let passed = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&passed, 200, Some(&budi.sdp())));
    desk.expect(&sari, "SIP/2.0 200");
    desk.from(&budi, &budi.request("BYE", 2, &invite, "", None));
    desk.expect(&budi, "ACK");
    desk.expect(&budi, "SIP/2.0 200");
    desk.quiet();
    assert_eq!(desk.events(), ["created", "ringing", "answered(3)", "ended"]);
}

#[test]
fn a_re_invite_may_add_video_and_take_it_away_again() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    let video = |phone: &Phone, port: u16| {
        format!("{}m=video {port} RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n", phone.sdp())
    };
    for port in [30_000, 0] {
        let reinvite = caller.request("INVITE", "", Some(&video(&sari, port)));
        desk.from(&sari, &reinvite);
        desk.expect(&sari, "SIP/2.0 100");
        let passed = desk.expect(&budi, "INVITE");
        let is_offered = !body(&passed).contains("m=video 0 ");
        assert_eq!(is_offered, port != 0, "{}", body(&passed));
        desk.from(&budi, &budi.respond(&passed, 200, Some(&video(&budi, port))));
        desk.expect(&budi, "ACK");
        let ok = desk.expect(&sari, "SIP/2.0 200");
        let ack = caller.ack(&ok, None);
        desk.from(&sari, &ack);
        assert_eq!(desk.board.counts().leases, if port == 0 { 2 } else { 4 });
    }
    desk.hang_up(&mut caller, &budi);
    desk.rest();
    assert_eq!(desk.qualities().len(), 2, "one record a leg, of all its streams");
}

#[test]
fn media_that_nobody_can_use_is_refused() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let sdes = sari.sdp().replace("RTP/AVP", "RTP/SAVP");
    for (offer, status) in [("not a description", "SIP/2.0 488"), (sdes.as_str(), "SIP/2.0 488")] {
        let caller = desk.dial(&sari, "1002", Some(offer));
        let refusal = desk.expect(&sari, status);
        desk.from(&sari, &caller.ack_refusal(&refusal));
        assert_eq!(desk.detail("failed"), "media_refused/488");
        desk.rest();
    }
    assert!(desk.notices.contains(&Notice::DescriptionRefused));
    // An answer that is none: the device is sent home, the caller told.
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp().replace("m=audio", "m=video"))));
    desk.expect(&budi, "ACK");
    let bye = desk.expect(&budi, "BYE");
    desk.from(&budi, &budi.respond(&bye, 200, None));
    let refusal = desk.expect(&sari, "SIP/2.0 488");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    desk.rest();
}

#[test]
fn ports_that_run_out_are_no_call_but_a_503() {
    for (leases, devices, status) in [(0, 1, 503), (1, 1, 503), (2, 2, 486)] {
        let mut desk = Desk::with(SwitchboardConfig::default(), leases);
        let [sari, budi] = desk.two();
        let mobile = (devices == 2).then(|| desk.phone("1002-mobile", "198.51.100.22:5060"));
        if leases == 0 {
            let caller = Caller::new(&sari, "1002");
            desk.from(&sari, &caller.invite(Some(&sari.sdp()), ""));
            let refusal = desk.expect(&sari, "SIP/2.0 503");
            assert!(header(&refusal, "Retry-After").is_some());
            assert!(desk.journal.is_empty(), "turned away before anything is kept");
        } else {
            let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
            if leases == 2 {
                let invite = desk.expect(&budi, "INVITE");
                desk.silent(&mobile.unwrap());
                desk.from(&budi, &budi.respond(&invite, 486, None));
                desk.expect(&budi, "ACK");
            }
            let refusal = desk.expect(&sari, &format!("SIP/2.0 {status}"));
            desk.from(&sari, &caller.ack_refusal(&refusal));
        }
        assert!(desk.notices.contains(&Notice::StockEmpty));
        desk.rest();
    }
}

#[test]
fn a_relay_that_never_reports_back_holds_no_call() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    desk.is_relay_dead = true;
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    desk.hang_up(&mut caller, &budi);
    assert_eq!(desk.board.counts().leases, 2);
    desk.wait(Duration::from_secs(81));
    assert!(desk.notices.contains(&Notice::LeaseNotReturned(LeaseId(0))));
    desk.rest();
}

#[test]
fn info_and_message_go_through_and_other_requests_are_answered_here() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let (mut caller, invite) = desk.talk(&sari, &budi, "1002");
    let info = caller.request("INFO", "Content-Type: application/dtmf-relay\r\n", Some("Signal=5\r\n"));
    desk.from(&sari, &info);
    let passed = desk.expect(&budi, "INFO");
    assert_eq!(
        (body(&passed).as_str(), header(&passed, "Content-Type").unwrap().as_str()),
        ("Signal=5\r\n", "application/dtmf-relay")
    );
    desk.from(&budi, &budi.respond(&passed, 200, None));
    desk.expect(&sari, "SIP/2.0 200");
    desk.from(&budi, &budi.request("OPTIONS", 1, &invite, "", None));
    desk.expect(&budi, "SIP/2.0 200");
    desk.from(&budi, &budi.request("INFO", 2, &invite, "", None));
    let passed = desk.expect(&sari, "INFO");
    desk.from(&sari, &sari.respond(&passed, 415, None));
    desk.expect(&budi, "SIP/2.0 415");
    // RFC 3428 §7: what the answer to a MESSAGE says beyond its status stays behind, but not what would be taken.
    let message = caller.request("MESSAGE", "Content-Type: text/plain\r\n", Some("At five?"));
    desk.from(&sari, &message);
    let passed = desk.expect(&budi, "MESSAGE");
    assert_eq!(
        (body(&passed).as_str(), header(&passed, "Content-Type").unwrap().as_str()),
        ("At five?", "text/plain")
    );
    assert_eq!(header(&passed, "Contact"), None);
    let answer =
        budi.respond(&passed, 415, Some("no")).replacen("Contact:", "Accept: text/html\r\nContact:", 1);
    desk.from(&budi, &answer);
    let refusal = desk.expect(&sari, "SIP/2.0 415");
    assert_eq!((header(&refusal, "Accept").as_deref(), body(&refusal).as_str()), (Some("text/html"), ""));
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}
