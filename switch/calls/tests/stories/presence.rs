//! RFC 6665 with the packages of RFC 4235 and RFC 3680: lamps of numbers, and an account's own contacts.

use std::time::Duration;

use calls::{Input, Limits, Notice, SwitchboardConfig};

use crate::desk::{
    Desk,
    asking::{Asking, lamps},
    header, plan, rows,
};

#[test]
fn rfc_4235_a_lamp_follows_a_call_from_ringing_to_its_end() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    let (_, first) = desk.watch(&citra, "1002", "dialog");
    assert!(first.contains("entity=\"sip:1002@demo.sambung.test\""), "{first}");
    assert!(first.contains("version=\"0\" state=\"full\""), "{first}");
    assert!(lamps(&first).is_empty());
    let mut caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    assert_eq!(lamps(&desk.notified(&citra).1), ["recipient trying"]);
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 180, None));
    assert_eq!(lamps(&desk.notified(&citra).1), ["recipient early"]);
    desk.expect(&sari, "SIP/2.0 180");
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    let talking = desk.notified(&citra).1;
    assert_eq!(lamps(&talking), ["recipient confirmed"]);
    assert!(talking.contains("version=\"3\""), "{talking}");
    assert!(!talking.contains("1001"), "whom they talk with is not shown: {talking}");
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    desk.silent(&citra);
    let bye = caller.request("BYE", "", None);
    desk.from(&sari, &bye);
    assert_eq!(lamps(&desk.notified(&citra).1), ["recipient terminated"]);
    assert_eq!(desk.board.counts().subscriptions, 1);
    desk.wait(Duration::from_secs(600));
    desk.quiet();
}

#[test]
fn rfc_4235_caller_and_extension_have_lamps_too() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    let watcher = desk.phone("u0", "198.51.100.4:5060");
    desk.watch(&watcher, "1001", "dialog");
    desk.dial(&sari, "100", Some(&sari.sdp()));
    assert_eq!(lamps(&desk.notified(&watcher).1), ["initiator trying"]);
    let (_, team) = desk.watch(&watcher, "100", "dialog;id=2");
    assert_eq!(lamps(&team), ["recipient trying"], "who watches late sees what is");
    let (_, own) = desk.watch(&watcher, "1003", "dialog;id=3");
    assert_eq!(lamps(&own), ["recipient trying"]);
    let at_budi = desk.expect(&budi, "INVITE");
    desk.expect(&citra, "INVITE");
    desk.from(&budi, &budi.respond(&at_budi, 180, None));
    assert_eq!(lamps(&desk.notified(&watcher).1), ["initiator early"]);
    assert_eq!(lamps(&desk.notified(&watcher).1), ["recipient early"], "the extension");
    desk.from(&budi, &budi.respond(&at_budi, 200, Some(&budi.sdp())));
    let told: Vec<Vec<String>> = (0..3).map(|_| lamps(&desk.notified(&watcher).1)).collect();
    assert!(told.contains(&vec![String::from("initiator confirmed")]), "{told:?}");
    assert!(told.contains(&vec![String::from("recipient confirmed")]), "{told:?}");
    assert!(told.contains(&vec![String::from("recipient terminated")]), "Citra rings no more: {told:?}");
}

#[test]
fn rfc_6665_4_2_2_a_slow_watcher_gets_the_newest_and_no_more() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    desk.watch(&citra, "1002", "dialog");
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let open = desk.expect(&citra, "NOTIFY");
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 180, None));
    desk.from(&sari, &caller.cancel(""));
    desk.silent(&citra);
    desk.from(&citra, &citra.respond(&open, 200, None));
    assert_eq!(lamps(&desk.notified(&citra).1), ["recipient terminated"]);
    desk.silent(&citra);
}

#[test]
fn rfc_6665_4_2_2_a_watcher_that_has_forgotten_is_forgotten() {
    let mut desk = Desk::new();
    let [sari, _] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    desk.watch(&citra, "1002", "dialog");
    desk.dial(&sari, "1002", Some(&sari.sdp()));
    let notify = desk.expect(&citra, "NOTIFY");
    desk.from(&citra, &citra.respond(&notify, 481, None));
    assert_eq!(desk.board.counts().subscriptions, 0);
    desk.quiet();
}

#[test]
fn rfc_6665_4_1_2_refreshing_and_leaving() {
    let mut desk = Desk::new();
    let [sari, _] = desk.two();
    let (mut watching, _) = desk.watch(&sari, "1002", "dialog");
    for (expires, state) in [("600", "active;expires=600"), ("0", "terminated;reason=timeout")] {
        watching.asking.cseq += 1;
        watching.asking.headers =
            watching.asking.headers.replace("Expires: 600", &format!("Expires: {expires}"));
        desk.say(&sari, &watching.asking.text(""));
        assert_eq!(header(&desk.expect(&sari, "SIP/2.0 200"), "Expires").as_deref(), Some(expires));
        let (told, body) = desk.notified(&sari);
        assert_eq!(told, state);
        assert!(body.contains("state=\"full\""), "{body}");
    }
    assert_eq!(desk.board.counts().subscriptions, 0);
    watching.asking.cseq += 1;
    desk.say(&sari, &watching.asking.text(""));
    desk.expect(&sari, "SIP/2.0 481");
    desk.rest();
}

#[test]
fn what_may_be_watched_and_how() {
    let mut desk = Desk::new();
    let [sari, _] = desk.two();
    for (number, headers, status, header_of) in [
        ("999", "Event: dialog\r\n", 404, None),
        ("1002", "Event: presence\r\n", 489, Some(("Allow-Events", "dialog, message-summary, reg"))),
        ("1002", "", 489, Some(("Allow-Events", "dialog, message-summary, reg"))),
        ("1002", "Event: reg\r\n", 403, None),
        (
            "1002",
            "Event: dialog\r\nAccept: application/pidf+xml\r\n",
            406,
            Some(("Accept", "application/dialog-info+xml")),
        ),
        ("1002", "Event: dialog\r\nExpires: 10\r\n", 423, Some(("Min-Expires", "60"))),
        ("1002", "Event: dialog\r\nRequire: eventlist\r\n", 420, Some(("Unsupported", "eventlist"))),
    ] {
        let mut asking = Asking::new(&sari, "SUBSCRIBE", number);
        asking.call_id = format!("{status}{headers}").chars().filter(char::is_ascii_alphanumeric).collect();
        asking.headers = format!("Contact: <{}>\r\n{headers}", sari.contact());
        if status == 420 {
            desk.say(&sari, &asking.text(""));
        } else {
            desk.ask(&mut asking);
        }
        let answer = desk.expect(&sari, "SIP/2.0");
        assert_eq!(answer.view().status(), Some(status), "{headers}");
        if let Some((name, value)) = header_of {
            assert_eq!(header(&answer, name).as_deref(), Some(value));
        }
    }
    assert_eq!(desk.board.counts().subscriptions, 0);
    // PUBLISH is not spoken at all.
    desk.say(&sari, &Asking::new(&sari, "PUBLISH", "1001").text(""));
    desk.expect(&sari, "SIP/2.0 405");
    desk.rest();
}

#[test]
fn rfc_3680_an_account_watches_its_own_contacts() {
    let mut desk = Desk::new();
    let [sari, _] = desk.two();
    let (_, first) = desk.watch(&sari, "1001", "reg");
    assert!(first.contains("aor=\"sip:1001@demo.sambung.test\""), "{first}");
    assert!(first.contains("state=\"active\" event=\"registered\" expires=\"3600\""), "{first}");
    assert!(first.contains("<uri>sip:1001@198.51.100.1:5060</uri>"), "{first}");
    desk.register(&sari, 10);
    desk.silent(&sari);
    let mut second = crate::desk::Phone::new("1001", "198.51.100.9:5066");
    second.local = String::from("198.51.100.9:5066");
    desk.registers(&second, 1, "Contact: <sip:1001@198.51.100.9:5066;a=%26>\r\nExpires: 60\r\n");
    let (_, added) = desk.notified(&sari);
    assert!(added.contains("version=\"1\" state=\"partial\""), "{added}");
    assert!(added.contains("<uri>sip:1001@198.51.100.9:5066;a=%26</uri>"), "{added}");
    assert!(!added.contains("198.51.100.1:5060"), "only what has changed: {added}");
    desk.wait(Duration::from_millis(60_100));
    assert!(desk.notified(&sari).1.contains("state=\"terminated\" event=\"expired\""));
    desk.registers(&sari, 20, "Contact: *\r\nExpires: 0\r\n");
    let (_, gone) = desk.notified(&sari);
    assert!(gone.contains("state=\"terminated\" event=\"unregistered\""), "{gone}");
}

#[test]
fn subscriptions_outlive_a_plan_and_end_with_what_they_are_about() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    desk.watch(&sari, "1002", "dialog");
    desk.watch(&sari, "100", "dialog;id=2");
    desk.watch(&budi, "1001", "dialog");
    desk.tell(Input::Plan(plan(&rows())));
    desk.silent(&sari);
    // Extension 100 and Budi's account are taken out of the plan.
    let mut fewer = rows();
    fewer.revision = 2;
    fewer.organisations[0].extensions.retain(|extension| extension.number != "100");
    fewer.organisations[0].accounts.retain(|account| account.username != "1002");
    desk.tell(Input::Plan(plan(&fewer)));
    assert_eq!(desk.notified(&sari).0, "terminated;reason=noresource");
    assert_eq!(desk.notified(&budi).0, "terminated;reason=rejected");
    desk.silent(&sari);
    assert_eq!(desk.board.counts().subscriptions, 1, "1002 is still Budi's number");
}

#[test]
fn a_number_that_moves_shows_its_new_owner() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let watcher = desk.phone("u0", "198.51.100.4:5060");
    desk.watch(&watcher, "1002", "dialog");
    desk.talk(&sari, &budi, "1002");
    // One for the first change, and one for all that came while it was open.
    desk.notified(&watcher);
    assert_eq!(lamps(&desk.notified(&watcher).1), ["recipient confirmed"]);
    let mut swapped = rows();
    swapped.revision = 2;
    for staff in &mut swapped.organisations[0].staff {
        staff.number = match staff.number.as_str() {
            "1002" => String::from("1003"),
            "1003" => String::from("1002"),
            other => other.to_owned(),
        };
    }
    desk.tell(Input::Plan(plan(&swapped)));
    assert_eq!(lamps(&desk.notified(&watcher).1), ["recipient terminated"], "Citra is in no call");
}

#[test]
fn the_watch_not_heard_of_for_longest_makes_room() {
    let limits = Limits { subscriptions_per_account_max: 2, ..Limits::default() };
    let mut desk = Desk::with(SwitchboardConfig { limits, ..SwitchboardConfig::default() }, 8);
    let [sari, _] = desk.two();
    desk.watch(&sari, "1002", "dialog");
    desk.watch(&sari, "1003", "dialog");
    let mut third = Asking::subscribe(&sari, "100", "dialog");
    desk.ask(&mut third);
    desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(desk.notified(&sari).0, "active;expires=600");
    let (state, body) = desk.notified(&sari);
    assert_eq!(state, "terminated;reason=probation;retry-after=600");
    assert!(body.contains("sip:1002@"), "the first one: {body}");
    assert!(desk.notices.contains(&Notice::SubscriptionReplaced));
    assert_eq!(desk.board.counts().subscriptions, 2);
    desk.wait(Duration::from_secs(601));
    desk.quiet();
}
