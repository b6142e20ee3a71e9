//! How callers come to a menu: by a rule, from the telephone network, sent on by somebody they talk to.

use super::*;

#[test]
fn a_rule_leads_to_a_menu_before_anybody_rings_and_when_nobody_takes_the_call() {
    let ivr = |condition| Rule {
        id: RuleId(id(91)),
        position: 1,
        is_enabled: true,
        timescope: Timescope::Any,
        condition,
        action: Action::Ivr(MenuId(id(MENU + 100))),
    };
    for condition in [Condition::Always, Condition::Busy] {
        let mut rows = rows_with(menu(MENU, choices()));
        let extension = &mut rows.organisations[0].extensions[0];
        (extension.staff, extension.rules) = (vec![UserId(id(BUDI))], vec![ivr(condition)]);
        let mut scene = scene_of(rows);
        let mut caller = scene.desk.dial(&scene.sari, "100", Some(&scene.sari.sdp()));
        if condition == Condition::Busy {
            let invite = scene.desk.expect(&scene.budi, "INVITE");
            scene.refuses(&invite, 486);
        }
        let ok = scene.desk.expect(&scene.sari, "SIP/2.0 200");
        let ack = caller.ack(&ok, None);
        scene.desk.from(&scene.sari, &ack);
        assert_eq!(
            (scene.hears().as_str(), scene.desk.detail("forward")),
            ("id/menu", format!("{}/-", condition.as_str()))
        );
        scene.press("1");
        let invite = scene.rings();
        scene.takes(&invite, &mut caller);
        let mut desk = scene.desk;
        desk.hang_up(&mut caller, &scene.budi);
        desk.rest();
    }
}

/// RFC 3264 §4: a caller without an offer gets one of ours; one that speaks nothing of ours cannot choose.
#[test]
fn callers_without_an_offer_choose_and_those_of_whom_nothing_can_be_heard_are_refused() {
    let mut scene = scene();
    let mut caller = scene.desk.dial(&scene.sari, "400", None);
    let ok = scene.desk.expect(&scene.sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, Some(&scene.sari.sdp_of(8)));
    scene.desk.from(&scene.sari, &ack);
    assert_eq!(scene.hears(), "id/menu");
    let mut scene = Scene { desk: scene.goes(caller), ..self::scene() };
    scene.desk.tell(Input::Plan(plan(&scene.rows)));
    let sari = scene.sari.clone();
    let caller = scene.desk.dial(&sari, "400", Some(&sari.sdp_speaking(&[(18, "G729/8000")], "sendrecv")));
    let refusal = scene.desk.expect(&sari, "SIP/2.0 488");
    scene.desk.from(&sari, &caller.ack_refusal(&refusal));
    scene.desk.rest();
}

/// Such a call had an end in its record, and nothing that it had come to. A queue answers callers in the same way.
#[test]
fn a_caller_of_whom_nothing_can_be_heard_in_a_menu_or_a_queue_has_an_outcome() {
    for number in ["400", "300"] {
        let mut scene = scene();
        let mut caller = scene.desk.dial(&scene.sari, number, None);
        if number == "300" {
            scene.desk.expect(&scene.sari, "SIP/2.0 180");
        }
        let ok = scene.desk.expect(&scene.sari, "SIP/2.0 200");
        let ack = caller.ack(&ok, None);
        scene.desk.from(&scene.sari, &ack);
        let bye = scene.desk.expect(&scene.sari, "BYE");
        scene.desk.from(&scene.sari, &scene.sari.respond(&bye, 200, None));
        assert_eq!(scene.desk.events(), ["created", "failed", "ended"], "{number}");
        for kind in ["failed", "ended"] {
            assert_eq!(scene.desk.detail(kind), "media_refused/-", "{number}");
        }
        scene.desk.rest();
    }
}

#[test]
fn a_call_from_outside_chooses_by_a_number_of_the_telephone_network() {
    let mut scene = scene();
    let provider = Phone::new("gateway", "203.0.113.5:5060");
    let mut caller = Caller::new(&provider, "0215550400");
    caller.from = "<sip:08123456789@provider.example>".into();
    scene.desk.from(&provider, &caller.invite(Some(&provider.sdp()), ""));
    scene.desk.expect(&provider, "SIP/2.0 100");
    let ok = scene.desk.expect(&provider, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    scene.desk.from(&provider, &ack);
    scene.press("1");
    let invite = scene.rings();
    assert!(header(&invite, "From").unwrap().contains("+628123456789"));
    scene.takes(&invite, &mut caller);
    let mut desk = scene.desk;
    desk.hang_up(&mut caller, &scene.budi);
    desk.rest();
}

/// Budi sends Sari into the menu and is done; she chooses Citra.
#[test]
fn a_call_is_sent_on_into_a_menu_by_refer_and_by_order() {
    for is_order in [false, true] {
        let mut scene = scene();
        let citra = scene.desk.phone("1003", "198.51.100.3:5060");
        let mut with = choices();
        with.push(choice(MenuKey::Six, Action::ForwardStaff(UserId(id(13)))));
        scene.desk.tell(Input::Plan(plan(&rows_with(menu(MENU, with)))));
        let (mut caller, to_budi) = scene.desk.talk(&scene.sari, &scene.budi, "1002");
        if is_order {
            let call = *scene.desk.live.keys().next().unwrap();
            scene.desk.tell(Input::Command(Command::Transfer { call, leg: None, to: "400".into() }));
            assert_eq!(scene.desk.outcomes.pop(), Some(Outcome::Done));
        } else {
            let refer_to = format!("Refer-To: <sip:400@{DOMAIN}>\r\n");
            let refer = scene.budi.request("REFER", 1, &to_budi, &refer_to, None);
            scene.desk.from(&scene.budi, &refer);
            scene.desk.expect(&scene.budi, "SIP/2.0 202");
            let notify = scene.desk.expect(&scene.budi, "NOTIFY");
            assert_eq!(body(&notify), "SIP/2.0 200 OK\r\n");
            scene.desk.from(&scene.budi, &scene.budi.respond(&notify, 200, None));
        }
        let bye = scene.desk.expect(&scene.budi, "BYE");
        scene.desk.from(&scene.budi, &scene.budi.respond(&bye, 200, None));
        assert_eq!(scene.hears(), "id/menu");
        scene.press("6");
        let invite = scene.desk.expect(&citra, "INVITE");
        scene.desk.from(&citra, &citra.respond(&invite, 200, Some(&citra.sdp())));
        scene.desk.expect(&citra, "ACK");
        let told = scene.desk.expect(&scene.sari, "INVITE");
        scene.desk.from(&scene.sari, &caller.respond(&told, 200, Some(&scene.sari.sdp())));
        scene.desk.expect(&scene.sari, "ACK");
        assert!(is_joined(&scene.desk, 0, 2));
        let mut desk = scene.desk;
        desk.hang_up(&mut caller, &citra);
        assert_eq!(
            desk.events(),
            [
                "created",
                "ringing",
                "answered(3)",
                "transfer(3)",
                "forward",
                "forward_answered(4)",
                "transfer_answered(4)",
                "ended"
            ]
        );
        desk.rest();
    }
}

/// The other way round: the caller sends the called one there, who presses nothing, and was answered all the same.
#[test]
fn who_was_called_may_be_sent_into_a_menu_too() {
    let mut scene = scene();
    let (mut caller, _) = scene.desk.talk(&scene.sari, &scene.budi, "1002");
    let refer_to = format!("Refer-To: <sip:400@{DOMAIN}>\r\nRefer-Sub: false\r\n");
    let refer = caller.request("REFER", &refer_to, None);
    scene.desk.from(&scene.sari, &refer);
    scene.desk.expect(&scene.sari, "SIP/2.0 202");
    let bye = scene.desk.expect(&scene.sari, "BYE");
    scene.desk.from(&scene.sari, &caller.respond(&bye, 200, None));
    assert_eq!(heard(&scene.desk, 1), "id/menu");
    scene.desk.played(1);
    scene.desk.wait(TIMEOUT);
    scene.desk.played(1);
    scene.desk.wait(TIMEOUT);
    assert_eq!(heard(&scene.desk, 1), "id/no-input id/goodbye");
    scene.desk.played(1);
    let bye = scene.desk.expect(&scene.budi, "BYE");
    scene.desk.from(&scene.budi, &scene.budi.respond(&bye, 200, None));
    let events = scene.desk.events();
    assert_eq!(events[events.len() - 3..], ["transfer(2)", "transfer_failed", "ended"]);
    assert_eq!(scene.desk.detail("ended"), "menu_timeout/-");
    scene.desk.rest();
}
