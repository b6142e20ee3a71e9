//! RFC 6665: the notifier. B notifies, C is a bare subscriber.

use std::time::Duration;

use sip::{
    Body, EndpointConfig, EventPackage, Grant, HeaderName, Input, OwnedMessage, Refused, SubscriptionKey,
    Termination, Transport,
};

use crate::world::*;

/// A SUBSCRIBE of C, outside a dialog or with B's tag in it.
fn subscribe(cseq: u32, tag: Option<&str>, headers: &str) -> String {
    let tag = tag.map_or(String::new(), |tag| format!(";tag={tag}"));
    format!(
        "SUBSCRIBE sip:1001@192.0.2.2 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3:5060;branch=z9hG4bKs{cseq}\n\
         From: <sip:c@x>;tag=c1\nTo: <sip:1001@x>{tag}\nCall-ID: watch\nCSeq: {cseq} SUBSCRIBE\n\
         Contact: <sip:c@192.0.2.3:5060>\nMax-Forwards: 70\n{headers}Content-Length: 0\n\n"
    )
}

const EVENT: &str = "Event: dialog;id=k7\nExpires: 600\n";

struct Watch {
    world: World,
    key: SubscriptionKey,
    tag: String,
}

impl Watch {
    /// B has accepted; the state is wanted and not written yet.
    fn accepted(headers: &str) -> Self {
        Self::accepted_by(World::new().bare(), headers)
    }

    fn accepted_by(mut world: World, headers: &str) -> Self {
        world.say(C, B, &subscribe(1, None, headers));
        world.run(HOP);
        let key = accept(&mut world).expect("room");
        world.run(HOP);
        let ok = world.nodes[C].inbox.pop().expect("an answer");
        let tag = ok.view().to().unwrap().tag().expect("a tag").to_owned();
        assert_eq!(ok.view().status(), Some(200));
        Self { world, key, tag }
    }

    /// Accepted, told and heard.
    fn quiet() -> Self {
        let mut watch = Self::accepted(EVENT);
        watch.notify("first");
        watch.answer(200);
        watch.world.forget();
        watch
    }

    fn notify(&mut self, text: &'static str) {
        let key = self.key;
        let body = Body::new("text/plain", text.to_owned());
        self.world.order(B, |endpoint, now, out| endpoint.notify(now, key, Some(body), out));
        self.world.run(HOP);
    }

    fn changed(&mut self) {
        let key = self.key;
        self.world.order(B, |endpoint, now, out| endpoint.state_changed(now, key, out));
    }

    fn end(&mut self, why: Termination) {
        let key = self.key;
        self.world.order(B, |endpoint, now, out| endpoint.end_subscription(now, key, why, out));
    }

    /// What C has got last.
    fn got(&mut self) -> OwnedMessage {
        self.world.nodes[C].inbox.pop().expect("a message")
    }

    /// C answers the NOTIFY it got last; its state and its body.
    fn answer(&mut self, status: u16) -> (String, String) {
        let notify = self.got();
        let view = notify.view();
        assert_eq!(view.method_text(), "NOTIFY");
        assert_eq!(view.first(HeaderName::Event), Some("dialog;id=k7"));
        let mut text = format!("SIP/2.0 {status} x\n");
        for name in [HeaderName::Via, HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq]
        {
            text += &format!("{name}: {}\n", view.first(name).unwrap());
        }
        self.world.say(C, B, &format!("{text}Content-Length: 0\n\n"));
        self.world.run(HOP);
        let state = view.first(HeaderName::SubscriptionState).unwrap().to_owned();
        (state, String::from_utf8_lossy(view.body()).into_owned())
    }

    fn resubscribes(&mut self, cseq: u32, headers: &str) -> Option<u16> {
        let text = subscribe(cseq, Some(&self.tag.clone()), headers);
        self.world.say(C, B, &text);
        self.world.run_ms(20);
        self.got().view().status()
    }

    fn heard(&mut self) -> Vec<String> {
        self.world.heard(B)
    }
}

fn accept(world: &mut World) -> Result<SubscriptionKey, Refused> {
    let request = world.nodes[B].request.take().expect("a SUBSCRIBE");
    let grant = Grant { contact_user: String::from("1001"), is_pending: false };
    world.order(B, |endpoint, now, out| endpoint.accept_subscription(now, request, grant, out))
}

#[test]
fn section_4_2_1_a_subscription_is_answered_and_notified_at_once() {
    let mut world = World::new().bare();
    world.say(C, B, &subscribe(1, None, &format!("Record-Route: <sip:192.0.2.3;lr>\n{EVENT}")));
    world.run(HOP);
    let request = world.nodes[B].request.clone().unwrap();
    let package = EventPackage { name: String::from("dialog"), id: Some(String::from("k7")) };
    assert_eq!(EventPackage::of(&request.message.view()), Some(package));
    let key = accept(&mut world).unwrap();
    world.run(HOP);
    let ok = world.nodes[C].inbox.pop().unwrap();
    assert_eq!(ok.view().first(HeaderName::Expires), Some("600"));
    assert_eq!(ok.view().first(HeaderName::Contact), Some("<sip:1001@192.0.2.2:5060>"));
    assert_eq!(ok.view().first(HeaderName::RecordRoute), Some("<sip:192.0.2.3;lr>"));
    assert_eq!(world.heard(B), ["Request SUBSCRIBE", "StateWanted full"]);
    assert_eq!(world.counts(B).subscriptions, 1);
    let tag = ok.view().to().unwrap().tag().unwrap().to_owned();
    let mut watch = Watch { world, key, tag: tag.clone() };
    watch.notify("idle");
    let notify = watch.world.nodes[C].inbox.last().unwrap().clone();
    let view = notify.view();
    assert_eq!(
        (view.request_uri(), view.first(HeaderName::Route)),
        ("sip:c@192.0.2.3:5060", Some("<sip:192.0.2.3;lr>"))
    );
    assert_eq!((view.from().unwrap().tag(), view.to().unwrap().tag()), (Some(&*tag), Some("c1")));
    assert_eq!(view.first(HeaderName::CallId), Some("watch"));
    assert_eq!(view.first(HeaderName::Contact), Some("<sip:1001@192.0.2.2:5060>"));
    assert_eq!(watch.answer(200), (String::from("active;expires=600"), String::from("idle")));
}

#[test]
fn section_4_2_2_changes_during_an_open_notify_make_one_more() {
    let mut watch = Watch::quiet();
    watch.changed();
    assert_eq!(watch.heard(), ["StateWanted change"]);
    watch.notify("ringing");
    for _ in 0..3 {
        watch.changed();
    }
    assert!(watch.heard().is_empty(), "one NOTIFY at a time");
    assert_eq!(watch.answer(200).1, "ringing");
    assert_eq!(watch.heard(), ["StateWanted change"]);
    watch.notify("idle");
    assert_eq!(watch.answer(200).1, "idle");
    assert!(watch.heard().is_empty());
    // Nobody has asked for it.
    watch.notify("chatter");
    assert!(watch.world.nodes[C].inbox.is_empty());
}

#[test]
fn section_4_2_1_4_a_refresh_is_granted_and_told_everything() {
    let mut watch = Watch::quiet();
    watch.world.run(Duration::from_secs(500));
    assert_eq!(watch.resubscribes(2, "Event: dialog;id=k7\nExpires: 99999\n"), Some(200));
    assert_eq!(watch.heard(), ["StateWanted full"]);
    watch.notify("all");
    assert_eq!(watch.answer(200), (String::from("active;expires=3600"), String::from("all")));
    watch.world.run(Duration::from_secs(3_500));
    assert_eq!(watch.world.counts(B).subscriptions, 1);
    // A repeat of it changes nothing; one that is older is out of order.
    assert_eq!(watch.resubscribes(1, EVENT), Some(500));
    // Another id would be another subscription.
    assert_eq!(watch.resubscribes(3, "Event: dialog;id=other\n"), Some(481));
    assert_eq!(watch.resubscribes(4, "Event: dialog;id=k7\nExpires: 5\n"), Some(423));
    assert_eq!(watch.heard(), ["Dropped Refused"]);
}

#[test]
fn section_4_4_1_an_expired_subscription_ends_with_a_last_notify() {
    let mut watch = Watch::quiet();
    watch.world.run(Duration::from_secs(600));
    assert_eq!(watch.heard(), ["StateWanted full"]);
    assert_eq!(watch.resubscribes(2, EVENT), Some(481), "it is ending");
    watch.notify("bye");
    assert_eq!(watch.answer(200).0, "terminated;reason=timeout");
    assert_eq!(watch.heard(), ["Dropped Refused", "SubscriptionEnded Told(Timeout)"]);
    watch.world.assert_gone();
}

#[test]
fn section_4_1_2_3_unsubscribing_and_section_4_4_3_fetching() {
    let mut watch = Watch::quiet();
    assert_eq!(watch.resubscribes(2, "Event: dialog;id=k7\nExpires: 0\n"), Some(200));
    assert_eq!(watch.heard(), ["StateWanted full"]);
    watch.notify("bye");
    assert_eq!(watch.answer(200), (String::from("terminated;reason=timeout"), String::from("bye")));
    assert_eq!(watch.heard(), ["SubscriptionEnded Told(Timeout)"]);
    watch.world.assert_gone();

    let mut watch = Watch::accepted("Event: dialog;id=k7\nExpires: 0\n");
    watch.notify("now");
    assert_eq!(watch.answer(200), (String::from("terminated;reason=timeout"), String::from("now")));
    assert_eq!(watch.heard(), ["Request SUBSCRIBE", "StateWanted full", "SubscriptionEnded Told(Timeout)"]);
    watch.world.assert_gone();
}

#[test]
fn section_4_2_2_whoever_refuses_a_notify_is_not_subscribed() {
    for status in [481, 404, 503, 603] {
        let mut watch = Watch::quiet();
        watch.changed();
        watch.notify("news");
        watch.changed();
        watch.answer(status);
        let ended = format!("SubscriptionEnded Refused({status})");
        assert_eq!(watch.heard(), ["StateWanted change", &ended]);
        watch.world.assert_gone();
    }
    let mut watch = Watch::quiet();
    watch.changed();
    watch.notify("news");
    watch.world.settle();
    assert_eq!(watch.heard(), ["StateWanted change", "SubscriptionEnded Refused(408)"]);
    watch.world.assert_gone();
}

#[test]
fn section_4_1_3_the_owner_ends_it_and_says_why() {
    let mut watch = Watch::quiet();
    watch.changed();
    watch.notify("news");
    watch.end(Termination::Probation { retry_after_secs: 30 });
    assert_eq!(watch.heard(), ["StateWanted change"], "the open NOTIFY comes first");
    watch.answer(200);
    watch.notify("last");
    assert_eq!(watch.answer(481).0, "terminated;reason=probation;retry-after=30");
    assert_eq!(
        watch.heard(),
        ["StateWanted full", "SubscriptionEnded Told(Probation { retry_after_secs: 30 })"]
    );
    watch.world.assert_gone();
}

#[test]
fn section_4_2_1_3_a_pending_subscription_is_told_so_until_it_is_accepted() {
    let mut world = World::new().bare();
    world.say(C, B, &subscribe(1, None, EVENT));
    world.run(HOP);
    let request = world.nodes[B].request.take().unwrap();
    let grant = Grant { contact_user: String::new(), is_pending: true };
    let key =
        world.order(B, |endpoint, now, out| endpoint.accept_subscription(now, request, grant, out)).unwrap();
    world.run(HOP);
    let mut watch = Watch { world, key, tag: String::new() };
    watch.notify("nothing yet");
    assert_eq!(watch.answer(200).0, "pending;expires=600");
    watch.world.order(B, |endpoint, now, out| endpoint.activate_subscription(now, key, out));
    watch.notify("all");
    assert_eq!(watch.answer(200).0, "active;expires=600");
}

#[test]
fn an_owner_that_forgets_the_last_state_leaves_nothing() {
    let mut watch = Watch::quiet();
    watch.end(Termination::NoResource);
    watch.world.run(Duration::from_secs(33));
    assert_eq!(
        watch.heard(),
        ["StateWanted full", "Dropped Unanswered", "SubscriptionEnded Told(NoResource)"]
    );
    watch.world.assert_gone();
}

#[test]
fn section_4_2_1_1_what_is_refused() {
    for (headers, status, header, value) in [
        ("Event: dialog\nExpires: 59\n", 423, "Min-Expires", Some("60")),
        ("Expires: 600\n", 489, "Event", None),
        ("Event: \"x\"\n", 489, "Event", None),
        ("Event: dialog\nExpires: soon\n", 400, "Event", None),
    ] {
        let mut world = World::new().bare();
        world.say(C, B, &subscribe(1, None, headers));
        world.run(HOP);
        assert_eq!(accept(&mut world), Err(Refused::Invalid));
        world.run(HOP);
        let answer = world.nodes[C].inbox.pop().unwrap();
        assert_eq!((answer.view().status(), answer.view().named(header)), (Some(status), value), "{headers}");
        // A repeat gets the same answer and is not shown again.
        world.say(C, B, &subscribe(1, None, headers));
        world.run_ms(20);
        assert_eq!(world.nodes[C].inbox.pop().unwrap().view().status(), Some(status));
        assert!(world.nodes[B].request.is_none());
        world.assert_gone();
    }
    let mut world = World::new().bare();
    let text = subscribe(1, None, EVENT).replace("Contact: <sip:c@192.0.2.3:5060>\n", "");
    world.say(C, B, &text);
    world.run(HOP);
    assert_eq!(accept(&mut world), Err(Refused::Invalid));
    world.run(HOP);
    assert_eq!(world.nodes[C].inbox.pop().unwrap().view().status(), Some(400));
    // Nobody has subscribed by this tag; not even when it is a session's.
    world.say(C, B, &subscribe(2, Some("00ffffffffffffffff"), EVENT));
    world.run_ms(20);
    assert_eq!(world.nodes[C].inbox.pop().unwrap().view().status(), Some(481));
    world.assert_gone();
}

#[test]
fn limits_of_subscriptions_and_repeats_of_a_subscribe() {
    let one = EndpointConfig { subscriptions_max: 1, ..config() };
    let mut watch = Watch::accepted_by(World::with(1, [config(), one]).bare(), EVENT);
    // The same SUBSCRIBE again gets the same answer from its transaction.
    watch.world.say(C, B, &subscribe(1, None, EVENT));
    watch.world.run_ms(20);
    assert_eq!(watch.got().view().to().unwrap().tag(), Some(&*watch.tag));
    watch.world.say(
        C,
        B,
        &subscribe(1, None, EVENT).replace("Call-ID: watch", "Call-ID: more").replace("s1", "s9"),
    );
    watch.world.run(HOP);
    assert_eq!(accept(&mut watch.world), Err(Refused::Full));
    watch.world.run(HOP);
    assert_eq!(watch.got().view().status(), Some(503));
    assert_eq!(watch.world.counts(B).subscriptions, 1);
}

#[test]
fn a_notify_for_which_there_is_no_room_ends_its_subscription() {
    let few = EndpointConfig { transactions_max: 1, ..config() };
    let mut watch = Watch::accepted_by(World::with(1, [config(), few]).bare(), EVENT);
    watch.notify("first");
    assert_eq!(watch.heard(), ["Request SUBSCRIBE", "StateWanted full", "SubscriptionEnded Refused(503)"]);
    watch.world.assert_gone();
}

#[test]
fn a_subscriber_whose_connection_is_gone_is_reached_where_it_listens() {
    let mut watch = Watch::accepted_by(World::over(Transport::Tcp).bare(), EVENT);
    watch.notify("first");
    assert_eq!(watch.world.connection, 1);
    watch.answer(200);
    let flow = watch.world.flow(B, C);
    watch.world.order(B, |endpoint, now, out| endpoint.handle(now, Input::Unreachable { flow }, out));
    watch.changed();
    watch.notify("second");
    assert_eq!(watch.world.connection, 0, "a new connection to its contact");
    // The refresh comes on the new one, which is used from then on.
    watch.answer(200);
    assert_eq!(watch.resubscribes(2, EVENT), Some(200));
    watch.notify("third");
    assert_eq!(watch.world.connection, 1);
    watch.answer(200);
    watch.end(Termination::NoResource);
    watch.notify("last");
    watch.answer(200);
    watch.world.assert_gone();
}
