//! How callers come into a conference: by a rule, by a menu, from the telephone network, sent on by somebody they talk to.

use contract::{
    id::{MenuId, RuleId, UserId},
    menus::{Menu, MenuChoice, MenuKey},
    rules::{Action, Condition, Rule, Timescope},
};

use super::*;

#[test]
fn a_rule_leads_to_a_conference_before_anybody_rings_and_when_nobody_takes_the_call() {
    for condition in [Condition::Always, Condition::Busy] {
        let Scene { mut desk, sari, budi, .. } = scene();
        let mut rows = rows();
        let extension = &mut rows.organisations[0].extensions[0];
        extension.staff = vec![UserId(id(BUDI))];
        extension.rules = vec![Rule {
            id: RuleId(id(91)),
            position: 1,
            is_enabled: true,
            timescope: Timescope::Any,
            condition,
            action: Action::ForwardExtension(ExtensionId(id(OPEN))),
        }];
        desk.tell(Input::Plan(plan(&rows)));
        let mut caller = desk.dial(&sari, "100", Some(&sari.sdp()));
        if condition == Condition::Busy {
            let invite = desk.expect(&budi, "INVITE");
            desk.from(&budi, &budi.respond(&invite, 486, None));
            desk.expect(&budi, "ACK");
        }
        let ok = desk.expect(&sari, "SIP/2.0 200");
        let ack = caller.ack(&ok, None);
        desk.from(&sari, &ack);
        assert_eq!(seat(&desk, 0), Some((room(OPEN), false)));
        let told = (desk.detail("forward"), desk.number_of("forward"));
        assert_eq!(told, (format!("{}/-", condition.as_str()), Some("8000".into())));
        let events = desk.events();
        assert_eq!(events[events.len() - 3..], ["forward", "forward_answered", "answered"]);
        desk.goes(&mut caller);
        desk.rest();
    }
}

#[test]
fn a_key_of_a_menu_leads_to_a_conference() {
    let Scene { mut desk, sari, .. } = scene();
    let mut rows = rows();
    let action = Action::ForwardExtension(ExtensionId(id(OPEN)));
    let choices = vec![MenuChoice { key: MenuKey::One, action }];
    rows.organisations[0].extensions[2].menu = Some(Menu { choices, ..Menu::plain(MenuId(id(80))) });
    desk.tell(Input::Plan(plan(&rows)));
    let mut caller = desk.enter(&sari, "300");
    desk.press(0, "1");
    assert_eq!((seat(&desk, 0), heard(&desk, 0)), (Some((room(OPEN), false)), "id/conference-first".into()));
    desk.press(0, "*6");
    assert_eq!(seat(&desk, 0), Some((room(OPEN), true)), "its keys are heard");
    assert_eq!(desk.events(), ["created", "forward", "forward_answered", "answered"]);
    desk.goes(&mut caller);
    desk.rest();
}

#[test]
fn a_call_from_outside_comes_in_by_a_number_of_the_telephone_network() {
    let Scene { mut desk, sari, .. } = scene();
    let provider = Phone::new("gateway", "203.0.113.5:5060");
    let mut outside = Caller::new(&provider, "0215558000");
    outside.from = "<sip:08123456789@provider.example>".into();
    desk.from(&provider, &outside.invite(Some(&provider.sdp()), ""));
    desk.expect(&provider, "SIP/2.0 100");
    let ok = desk.expect(&provider, "SIP/2.0 200");
    let ack = outside.ack(&ok, None);
    desk.from(&provider, &ack);
    desk.wait(Duration::from_secs(1));
    let mut caller = desk.enter(&sari, "8000");
    let shown = desk.board.live_conferences();
    let members: Vec<&str> = shown[0].members.iter().map(|member| member.caller.as_str()).collect();
    assert_eq!(members, ["+628123456789", "1001"]);
    desk.goes(&mut outside);
    desk.goes(&mut caller);
    desk.rest();
}

/// RFC 3264 §4: a caller without an offer gets one of ours; one that speaks nothing of ours cannot be heard.
#[test]
fn callers_without_an_offer_come_in_and_those_of_whom_nothing_can_be_heard_are_refused() {
    let Scene { mut desk, sari, .. } = scene();
    let mut caller = desk.dial(&sari, "8000", None);
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, Some(&sari.sdp_of(8)));
    desk.from(&sari, &ack);
    assert_eq!(seat(&desk, 0), Some((room(OPEN), false)));
    desk.goes(&mut caller);
    desk.rest();
    let Scene { mut desk, sari, .. } = scene();
    let caller = desk.dial(&sari, "8000", Some(&sari.sdp_speaking(&[(18, "G729/8000")], "sendrecv")));
    let refusal = desk.expect(&sari, "SIP/2.0 488");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    desk.rest();
}

/// Budi, who talks to Sari, sends her into the conference, and is done.
#[test]
fn a_call_is_sent_on_into_a_conference_by_refer_and_by_order() {
    for is_order in [false, true] {
        let Scene { mut desk, sari, budi, .. } = scene();
        let (mut caller, to_budi) = desk.talk(&sari, &budi, "1002");
        if is_order {
            let call = call(&desk, 0);
            let transfer = Command::Transfer { call, leg: None, to: "8000".into() };
            assert_eq!(ordered(&mut desk, transfer), Outcome::Done);
        } else {
            let refer_to = format!("Refer-To: <sip:8000@{DOMAIN}>\r\n");
            let refer = budi.request("REFER", 1, &to_budi, &refer_to, None);
            desk.from(&budi, &refer);
            desk.expect(&budi, "SIP/2.0 202");
            let notify = desk.expect(&budi, "NOTIFY");
            assert_eq!(body(&notify), "SIP/2.0 200 OK\r\n");
            desk.from(&budi, &budi.respond(&notify, 200, None));
        }
        let bye = desk.expect(&budi, "BYE");
        desk.from(&budi, &budi.respond(&bye, 200, None));
        assert_eq!(seat(&desk, 0), Some((room(OPEN), false)));
        desk.goes(&mut caller);
        assert_eq!(
            desk.events(),
            ["created", "ringing", "answered(3)", "transfer(3)", "transfer_answered", "ended"]
        );
        assert_eq!(desk.detail("transfer_answered"), "conference/-");
        desk.rest();
    }
}

/// A bug: it became a hold of the caller's phone, so that nobody heard it, and nobody could take that back.
#[test]
fn an_ordered_hold_ends_where_a_call_is_sent_on_into_a_conference() {
    let Scene { mut desk, sari, budi, .. } = scene();
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    let call = call(&desk, 0);
    assert_eq!(ordered(&mut desk, Command::Hold { call, leg: Some(1), is_on: true }), Outcome::Done);
    let transfer = Command::Transfer { call, leg: None, to: "8000".into() };
    assert_eq!(ordered(&mut desk, transfer), Outcome::Done);
    let bye = desk.expect(&budi, "BYE");
    desk.from(&budi, &budi.respond(&bye, 200, None));
    assert_eq!(seat(&desk, 0), Some((room(OPEN), false)));
    desk.goes(&mut caller);
    assert_eq!(desk.events()[3..], ["hold(2)", "transfer(3)", "unhold(2)", "transfer_answered", "ended"]);
    desk.rest();
}
