//! Phones that ring behind a menu ring as any others do: colleagues answer them (decision 0038).

use super::*;
use crate::{entrants::replaces, pickups::falls_silent, redirects::moved};

/// Sari has chosen 1, which is Budi; Citra, his colleague at the extension 100, has a phone.
fn chosen() -> (Scene, Caller, OwnedMessage, Phone) {
    let mut scene = scene();
    let citra = Phone::new("1003", "198.51.100.3:5060");
    let caller = scene.enter();
    scene.press("1");
    let invite = scene.rings();
    (scene, caller, invite, citra)
}

/// They were told that nothing rings.
#[test]
fn colleagues_pick_up_what_rings_behind_a_menu() {
    for code in ["*8", "**1002", "1002"] {
        let (mut scene, mut caller, invite, citra) = chosen();
        let Scene { desk, sari, budi, .. } = &mut scene;
        let headers = if code == "1002" { replaces(&invite, budi, ";early-only") } else { String::new() };
        let mut relief = desk.dial_with(&citra, code, &headers, Some(&citra.sdp()));
        desk.expect(&citra, "SIP/2.0 100");
        let ok = desk.expect(&citra, "SIP/2.0 200");
        let ack = relief.ack(&ok, None);
        desk.from(&citra, &ack);
        falls_silent(desk, budi, &invite, true);
        let told = desk.expect(sari, "INVITE");
        desk.from(sari, &caller.respond(&told, 200, Some(&sari.sdp())));
        desk.expect(sari, "ACK");
        assert!(is_joined(desk, 0, 2), "{code}");
        assert!(heard(desk, 0).is_empty() && !desk.is_listened_to(0), "{code}");
        assert_eq!(desk.detail("answered"), "picked_up/-", "{code}");
        desk.hang_up(&mut caller, &citra);
        let events = ["created", "forward", "forward_ringing", "forward_answered(3)", "answered(3)", "ended"];
        assert_eq!(desk.events(), events, "{code}");
        desk.rest();
    }
}

/// The same by order, at the phones of whoever is to have it, in the name of the one who waits.
#[test]
fn what_rings_behind_a_menu_is_taken_by_order() {
    for dies in [false, true] {
        let (mut scene, mut caller, invite, _) = chosen();
        let Scene { desk, sari, budi, .. } = &mut scene;
        let citra = desk.phone("1003", "198.51.100.3:5060");
        let call = *desk.live.keys().next().expect("it is up");
        for (by, outcome) in
            [("1001", Outcome::IsTheirs), ("1002", Outcome::IsTheirs), ("1003", Outcome::Done)]
        {
            let order = Command::PickUp { org: None, call, by: by.into(), auto_answer: false };
            desk.tell(Input::Command(order));
            assert_eq!(desk.outcomes.pop(), Some(outcome), "{by}");
        }
        if dies {
            desk.die();
        }
        let asked = desk.expect(&citra, "INVITE");
        assert!(header(&asked, "From").unwrap().contains("<sip:1001@"));
        desk.from(&citra, &citra.respond(&asked, 200, Some(&citra.sdp())));
        desk.expect(&citra, "ACK");
        falls_silent(desk, budi, &invite, true);
        let told = desk.expect(sari, "INVITE");
        desk.from(sari, &caller.respond(&told, 200, Some(&sari.sdp())));
        desk.expect(sari, "ACK");
        assert!(is_joined(desk, 0, 2));
        assert_eq!(desk.detail("answered"), "picked_up/-");
        desk.hang_up(&mut caller, &citra);
        desk.rest();
    }
}

#[test]
fn whoever_is_no_colleague_or_cannot_be_heard_picks_nothing_up_and_it_rings_on() {
    let (mut scene, mut caller, invite, citra) = chosen();
    let stranger = Phone::new("u0", "198.51.100.4:5060");
    for (phone, sdp, status) in [
        (&stranger, stranger.sdp(), 480),
        (&citra, citra.sdp_speaking(&[(96, "iLBC/8000")], "sendrecv"), 488),
    ] {
        let trying = scene.desk.dial(phone, "*8", Some(&sdp));
        let refusal = scene.desk.expect(phone, &format!("SIP/2.0 {status}"));
        scene.desk.from(phone, &trying.ack_refusal(&refusal));
    }
    scene.takes(&invite, &mut caller);
    let mut desk = scene.desk;
    desk.hang_up(&mut caller, &scene.budi);
    desk.rest();
}

/// A bug: a phone that sends calls on was not available from a menu.
#[test]
fn a_phone_behind_a_menu_says_where_its_person_is() {
    let mut scene = scene();
    let citra = scene.desk.phone("1003", "198.51.100.3:5060");
    let mut caller = scene.enter();
    scene.press("1");
    let invite = scene.desk.expect(&scene.budi, "INVITE");
    let moved = moved(&scene.budi, &invite, 302, "<sip:1003@demo.sambung.test>");
    scene.desk.from(&scene.budi, &moved);
    scene.desk.expect(&scene.budi, "ACK");
    scene.budi = citra;
    let invite = scene.rings();
    assert_eq!(scene.hears(), "*tone/ringing");
    scene.takes(&invite, &mut caller);
    assert_eq!(
        (scene.desk.detail("forward"), scene.desk.number_of("forward")),
        ("-/302".into(), Some("1003".into()))
    );
    let mut desk = scene.desk;
    desk.hang_up(&mut caller, &scene.budi);
    desk.rest();
}
