//! RFC 6665 4.1: the subscriber. A watches; B is our own notifier, C a bare one.

use std::time::Duration;

use sip::{
    Body, Counts, EndpointConfig, EventPackage, Grant, HeaderName, OwnedMessage, Party, SubscriptionKey,
    Termination, Watch, WatchKey, Way,
};

use crate::world::*;

fn order(world: &World, to: usize, expires_secs: u32) -> Watch {
    let request_uri = format!("sip:1001@192.0.2.{}", to + 1);
    Watch {
        way: Way { flow: world.flow(A, to), request_uri, routes: Vec::new() },
        from: Party::new("sip:a@x"),
        to: Party::new("sip:1001@x"),
        contact_user: String::from("a"),
        package: EventPackage::new("dialog"),
        expires_secs,
        headers: vec![("Accept".into(), String::from("text/plain"))],
    }
}

fn watch(world: &mut World, to: usize, expires_secs: u32) -> WatchKey {
    let order = order(world, to, expires_secs);
    world.order(A, |endpoint, now, out| endpoint.watch(now, order, out)).expect("room")
}

/// B accepts what has come.
fn accept(world: &mut World) -> SubscriptionKey {
    let request = world.nodes[B].request.take().expect("a SUBSCRIBE");
    let grant = Grant { contact_user: String::from("1001"), is_pending: false };
    world
        .order(B, |endpoint, now, out| endpoint.accept_subscription(now, request, grant, out))
        .expect("granted")
}

fn notify(world: &mut World, key: SubscriptionKey, text: &'static str) {
    world.order(B, |endpoint, now, out| endpoint.notify(now, key, Some(Body::new("text/plain", text)), out));
    world.run_ms(30);
}

/// A watches B and has been told once.
fn told(expires_secs: u32) -> (World, WatchKey, SubscriptionKey) {
    let mut world = World::new();
    let key = watch(&mut world, B, expires_secs);
    world.run(HOP);
    let theirs = accept(&mut world);
    notify(&mut world, theirs, "first");
    (world, key, theirs)
}

#[test]
fn rfc_6665_4_1_a_subscription_is_told_refreshed_and_ended() {
    let (mut world, key, theirs) = told(600);
    assert_eq!(world.heard(A), ["Watched active;expires=600 first"]);
    // It is refreshed before it has run out, as often as it takes.
    for _ in 0..3 {
        world.run(Duration::from_secs(540));
        assert_eq!(world.heard(B).last().map(String::as_str), Some("StateWanted full"));
        notify(&mut world, theirs, "still");
        assert_eq!(world.heard(A).len(), 1);
    }
    world.order(A, |endpoint, now, out| endpoint.unwatch(now, key, out));
    world.run_ms(30);
    notify(&mut world, theirs, "last");
    assert_eq!(
        world.heard(A),
        ["Watched terminated;reason=timeout last", "WatchEnded Terminated(Some(Timeout))"]
    );
    world.settle();
    assert_eq!((world.counts(A), world.counts(B)), (Counts::default(), Counts::default()));
}

#[test]
fn rfc_6665_4_1_2_4_a_notify_may_come_before_the_200() {
    let mut world = World::new();
    let key = watch(&mut world, B, 600);
    world.run(HOP);
    world.script("200 SUBSCRIBE", 1, Fate::Lose);
    let theirs = accept(&mut world);
    notify(&mut world, theirs, "early");
    assert_eq!(world.heard(A), ["Watched active;expires=600 early"]);
    world.run(Duration::from_secs(2));
    world.order(A, |endpoint, now, out| endpoint.unwatch(now, key, out));
    world.run_ms(30);
    notify(&mut world, theirs, "last");
    assert_eq!(world.heard(A).last().map(String::as_str), Some("WatchEnded Terminated(Some(Timeout))"));
}

#[test]
fn rfc_6665_4_4_3_a_fetch_is_one_notify() {
    let mut world = World::new();
    watch(&mut world, B, 0);
    world.run(HOP);
    let theirs = accept(&mut world);
    notify(&mut world, theirs, "now");
    let expected = ["Watched terminated;reason=timeout now", "WatchEnded Terminated(Some(Timeout))"];
    assert_eq!(world.heard(A), expected);
    world.settle();
    assert_eq!(world.counts(A), Counts::default());
}

#[test]
fn rfc_6665_4_1_2_1_a_time_that_is_too_brief_is_asked_for_once_more() {
    let b = EndpointConfig { subscription_expires_min_secs: 300, ..config() };
    let mut world = World::with(1, [config(), b]);
    watch(&mut world, B, 60);
    world.run(HOP);
    let request = world.nodes[B].request.take().unwrap();
    let grant = Grant { contact_user: String::from("1001"), is_pending: false };
    world.order(B, |endpoint, now, out| endpoint.accept_subscription(now, request, grant, out)).unwrap_err();
    world.run_ms(30);
    let theirs = accept(&mut world);
    notify(&mut world, theirs, "first");
    assert_eq!(world.heard(A), ["Watched active;expires=300 first"]);
}

#[test]
fn rfc_6665_4_1_3_the_reason_says_when_to_come_again() {
    let (mut world, _, theirs) = told(600);
    let why = Termination::Probation { retry_after_secs: 30 };
    world.order(B, |endpoint, now, out| endpoint.end_subscription(now, theirs, why, out));
    notify(&mut world, theirs, "gone");
    let heard = world.heard(A);
    assert_eq!(heard.last().map(String::as_str), Some(&*format!("WatchEnded Terminated(Some({why:?}))")));
    assert_eq!(why.again_after_secs(), Some(30));
    assert_eq!(Termination::Deactivated.again_after_secs(), Some(0));
    assert_eq!(Termination::NoResource.again_after_secs(), None);
}

/// C's answer to the SUBSCRIBE it got last, and a NOTIFY of C in its dialog.
struct Bare(OwnedMessage);

impl Bare {
    fn of(world: &mut World) -> Self {
        let subscribe = world.nodes[C].inbox.pop().expect("a SUBSCRIBE");
        assert_eq!(subscribe.view().method_text(), "SUBSCRIBE");
        Self(subscribe)
    }

    fn value(&self, name: HeaderName) -> String {
        self.0.view().first(name).expect("a header").to_owned()
    }

    fn answer(&self, world: &mut World, status: u16, headers: &str) {
        let mut text = format!("SIP/2.0 {status} x\n");
        for name in [HeaderName::Via, HeaderName::From, HeaderName::CallId, HeaderName::CSeq] {
            text += &format!("{name}: {}\n", self.value(name));
        }
        let to = self.value(HeaderName::To);
        let to = if to.contains("tag=") { to } else { format!("{to};tag=c1") };
        world.say(
            C,
            A,
            &format!("{text}To: {to}\nContact: <sip:1001@192.0.2.3>\n{headers}Content-Length: 0\n\n"),
        );
        world.run_ms(30);
    }

    fn notify(&self, world: &mut World, (tag, cseq): (&str, u32), headers: &str) -> Option<u16> {
        let text = format!(
            "NOTIFY sip:a@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKn{tag}{cseq}\n\
             From: <sip:1001@x>;tag={tag}\nTo: {}\nCall-ID: {}\nCSeq: {cseq} NOTIFY\nMax-Forwards: 70\n\
             Contact: <sip:1001@192.0.2.3>\n{headers}Content-Length: 0\n\n",
            self.value(HeaderName::From),
            self.value(HeaderName::CallId),
        );
        world.nodes[C].inbox.clear();
        world.say(C, A, &text);
        world.run_ms(30);
        world.nodes[C].inbox.pop().and_then(|answer| answer.view().status())
    }
}

const ACTIVE: &str = "Event: dialog\nSubscription-State: active;expires=600\n";

#[test]
fn rfc_6665_4_4_1_the_notify_of_another_fork_or_package_is_answered_481() {
    let mut world = World::new().bare();
    watch(&mut world, C, 600);
    world.run(HOP);
    let bare = Bare::of(&mut world);
    bare.answer(&mut world, 200, "Expires: 600\n");
    assert_eq!(bare.notify(&mut world, ("c1", 1), ACTIVE), Some(200));
    assert_eq!(bare.notify(&mut world, ("c2", 1), ACTIVE), Some(481));
    assert_eq!(bare.notify(&mut world, ("c1", 1), ACTIVE), Some(200), "the same again");
    let other = ACTIVE.replace("dialog", "presence");
    assert_eq!(bare.notify(&mut world, ("c1", 2), &other), Some(481));
    assert_eq!(bare.notify(&mut world, ("c1", 3), "Event: dialog\n"), Some(400));
    assert_eq!(bare.notify(&mut world, ("c1", 4), ACTIVE), Some(200));
    let heard = world.heard(A);
    assert_eq!(heard.iter().filter(|event| event.starts_with("Watched")).count(), 2, "{heard:?}");
}

#[test]
fn rfc_6665_4_1_2_4_timer_n_ends_what_nobody_tells_of() {
    let mut world = World::new().bare();
    watch(&mut world, C, 600);
    world.run(HOP);
    Bare::of(&mut world).answer(&mut world, 200, "Expires: 600\n");
    world.run(Duration::from_secs(33));
    assert_eq!(world.heard(A), ["WatchEnded Silent"]);
    world.settle();
    assert_eq!(world.counts(A), Counts::default());
}

#[test]
fn rfc_6665_4_1_2_2_a_refresh_refused_for_now_leaves_what_was_granted_and_481_ends_it() {
    for (status, headers, is_over) in [(503, "Retry-After: 20 (busy)\n", false), (481, "", true)] {
        let mut world = World::new().bare();
        watch(&mut world, C, 600);
        world.run(HOP);
        let bare = Bare::of(&mut world);
        bare.answer(&mut world, 200, "Expires: 600\n");
        bare.notify(&mut world, ("c1", 1), ACTIVE);
        world.forget();
        world.run(Duration::from_secs(537));
        Bare::of(&mut world).answer(&mut world, status, headers);
        if is_over {
            let ended = "WatchEnded Refused { status: 481, retry_after_secs: None }";
            assert_eq!(world.heard(A), [ended]);
            continue;
        }
        assert!(world.heard(A).is_empty());
        world.nodes[C].inbox.clear();
        world.run(Duration::from_secs(21));
        Bare::of(&mut world).answer(&mut world, 200, "Expires: 600\n");
        assert_eq!(bare.notify(&mut world, ("c1", 2), ACTIVE), Some(200));
    }
}

#[test]
fn a_first_subscribe_that_is_refused_or_unanswered_is_over_and_says_why() {
    let mut world = World::new().bare();
    watch(&mut world, C, 600);
    world.run(HOP);
    Bare::of(&mut world).answer(&mut world, 503, "Retry-After: 30\n");
    assert_eq!(world.heard(A), ["WatchEnded Refused { status: 503, retry_after_secs: Some(30) }"]);
    watch(&mut world, C, 600);
    world.run(Duration::from_secs(40));
    assert_eq!(world.heard(A).len(), 1, "silent or 408");
    world.settle();
    assert_eq!(world.counts(A), Counts::default());
}
