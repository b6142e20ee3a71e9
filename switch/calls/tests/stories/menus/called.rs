//! Who was called and is sent into a menu stays the one who was called.

use super::*;
use crate::desk::asking::lamps;

/// Sari, who shows no number, has called Budi and sent him into the menu, where 6 is Citra.
fn sent_into_the_menu() -> (Scene, OwnedMessage, Phone) {
    let mut with = choices();
    with.push(choice(MenuKey::Six, Action::ForwardStaff(UserId(id(13)))));
    let mut scene = scene_of(rows_with(menu(MENU, with)));
    let citra = scene.desk.phone("1003", "198.51.100.3:5060");
    let Scene { desk, sari, budi, .. } = &mut scene;
    let mut caller = desk.dial_with(sari, "1002", "Privacy: id\r\n", Some(&sari.sdp()));
    desk.expect(sari, "SIP/2.0 100");
    let to_budi = desk.expect(budi, "INVITE");
    desk.from(budi, &budi.respond(&to_budi, 200, Some(&budi.sdp())));
    desk.expect(budi, "ACK");
    let ok = desk.expect(sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(sari, &ack);
    let refer_to = format!("Refer-To: <sip:400@{DOMAIN}>\r\nRefer-Sub: false\r\n");
    let refer = caller.request("REFER", &refer_to, None);
    desk.from(sari, &refer);
    desk.expect(sari, "SIP/2.0 202");
    let bye = desk.expect(sari, "BYE");
    desk.from(sari, &caller.respond(&bye, 200, None));
    assert_eq!(heard(desk, 1), "id/menu");
    (scene, to_budi, citra)
}

/// The record said that the caller had hung up.
#[test]
fn who_was_called_and_hangs_up_in_a_menu_is_written_down_as_who_was_called() {
    let (mut scene, to_budi, citra) = sent_into_the_menu();
    let (_, lit) = scene.desk.watch(&citra, "1002", "dialog");
    assert_eq!(lamps(&lit).len(), 1, "{lit}");
    assert!(lit.contains("direction=\"recipient\""), "{lit}");
    scene.desk.from(&scene.budi, &scene.budi.request("BYE", 1, &to_budi, "", None));
    scene.desk.expect(&scene.budi, "SIP/2.0 200");
    assert_eq!(scene.desk.detail("ended"), "callee_hung_up/-");
}

/// He was shown from then on as the caller had wanted to be.
#[test]
fn who_was_called_is_not_anonymous_behind_a_menu_because_the_caller_was() {
    let (mut scene, _, citra) = sent_into_the_menu();
    scene.desk.press(1, "6");
    let Scene { desk, sari, budi, .. } = &mut scene;
    let invite = desk.expect(&citra, "INVITE");
    desk.from(&citra, &citra.respond(&invite, 200, Some(&citra.sdp())));
    desk.expect(&citra, "ACK");
    let told = desk.expect(budi, "INVITE");
    desk.from(budi, &budi.respond(&told, 200, Some(&budi.sdp())));
    desk.expect(budi, "ACK");
    assert!(is_joined(desk, 1, 2) || is_joined(desk, 2, 1));
    assert!(heard(desk, 1).is_empty());
    // She sends him on to Sari.
    let refer_to = format!("Refer-To: <sip:1001@{DOMAIN}>\r\nRefer-Sub: false\r\n");
    desk.from(&citra, &citra.request("REFER", 1, &invite, &refer_to, None));
    desk.expect(&citra, "SIP/2.0 202");
    let invite = desk.expect(sari, "INVITE");
    assert!(header(&invite, "From").unwrap().contains("sip:1002@"), "{:?}", header(&invite, "From"));
}
