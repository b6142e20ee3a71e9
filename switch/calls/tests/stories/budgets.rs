//! How much of the telephone network somebody may use, and what becomes of a call that would be too much. Decision 0040.

use std::time::Duration;

use calls::{Input, Notice, OutsideUse};
use contract::{
    id::{OrgId, PriceId, RuleId, UserId},
    journal::{Direction, Fact},
    outside::{Allowance, Outside, Price},
    rules::{Action, Condition, Rule},
    snapshot::Snapshot,
    time::Timestamp,
};

use crate::{
    desk::{id, lease, plan},
    outside::{DIALLED, Scene, budget, everywhere, forwarding, outside},
};

impl Scene {
    /// So many calls of Sari's to the first provider are ended, after so many seconds and no earlier.
    #[track_caller]
    fn are_cut_off_in(&mut self, calls: usize, secs: u64) {
        let first = self.first.clone();
        self.desk.wait(Duration::from_secs(secs - 1));
        self.desk.silent(&first);
        self.desk.wait(Duration::from_secs(1));
        for _ in 0..calls {
            for phone in [&self.sari, &first] {
                let bye = self.desk.expect(phone, "BYE");
                self.desk.from(phone, &phone.respond(&bye, 200, None));
            }
        }
        self.desk.silent(&first);
    }

    /// The process dies; the next one has these rows, and Sari's phone.
    #[track_caller]
    fn restarts(&mut self, rows: &Snapshot) {
        self.desk.die();
        self.desk.tell(Input::Plan(plan(rows)));
        self.desk.tell(Input::Media(streams::media::MediaEvent::Stock((100..120).map(lease).collect())));
        self.desk.register(&self.sari, 50);
    }
}

#[test]
fn a_destination_that_is_not_allowed_is_refused_with_a_reason() {
    let national = |outside: &mut Outside| outside.budgets.clear();
    let mut scene = Scene::new(&outside(national));
    let caller = scene.dial("0065812345678");
    scene.refused(&caller, 403);
    assert_eq!(scene.desk.events(), ["created", "failed", "ended"]);
    assert_eq!(scene.desk.detail("failed"), "destination_not_allowed/403");
    let barred =
        |notice: &Notice| matches!(notice, Notice::OutsideBarred { org, .. } if *org == OrgId(id(1)));
    assert!(scene.desk.notices.iter().any(barred), "the operator hears of it");
    let opened = scene.desk.journal.iter().find_map(|entry| match &entry.fact {
        Fact::Call(call) => Some((call.direction, call.dialled.clone())),
        _ => None,
    });
    assert_eq!(opened, Some((Direction::Outbound, "+65812345678".into())));
    scene.desk.rest();
}

#[test]
fn calls_at_once_and_within_a_minute_an_hour_and_a_day_are_counted_and_emergencies_are_not() {
    let allow = |calls_at_once_max, calls_per_minute_max, calls_per_hour_max, calls_per_day_max| {
        let allowance = Allowance {
            calls_at_once_max,
            calls_per_minute_max,
            calls_per_hour_max,
            calls_per_day_max,
            ..everywhere()
        };
        outside(|outside| {
            outside.trunks[0].channels_max = 9;
            outside.budgets = vec![budget(None, allowance)];
        })
    };
    // A stolen password makes one call too many, and no more.
    for (rows, reason, pause) in [
        (allow(1, 9, 9, 9), "outside_calls_at_once", None),
        (allow(9, 1, 9, 9), "outside_calls_per_minute", Some(60)),
        (allow(9, 9, 1, 9), "outside_calls_per_hour", Some(3_600)),
        (allow(9, 9, 9, 1), "outside_calls_per_day", Some(86_400)),
    ] {
        let mut scene = Scene::new(&rows);
        let first = scene.first.clone();
        let mut one = scene.talks(DIALLED);
        let two = scene.dial("0812000001");
        scene.refused(&two, 403);
        assert_eq!(scene.desk.detail("failed"), format!("{reason}/-"));
        let mut emergency = scene.talks("112");
        scene.desk.hang_up(&mut emergency, &first);
        scene.desk.hang_up(&mut one, &first);
        if let Some(pause) = pause {
            let early = scene.dial("0812000002");
            scene.refused(&early, 403);
            scene.desk.wait(Duration::from_secs(pause));
            scene.desk.register(&scene.sari, 50);
        }
        let mut three = scene.talks("0812000003");
        scene.desk.hang_up(&mut three, &first);
        scene.desk.rest();
    }
}

#[test]
fn who_has_talked_away_the_minutes_of_a_day_is_cut_off_and_calls_no_more() {
    let allowance = Allowance { minutes_per_day_max: 10, ..everywhere() };
    let rows = outside(|outside| outside.budgets = vec![budget(None, allowance)]);
    let mut scene = Scene::new(&rows);
    let first = scene.first.clone();
    let mut one = scene.talks(DIALLED);
    scene.desk.wait(Duration::from_secs(240));
    scene.desk.hang_up(&mut one, &first);
    // Six minutes are left for the two of them: three for each.
    scene.talks("0812000001");
    scene.talks("0812000002");
    scene.are_cut_off_in(2, 180);
    assert_eq!(scene.desk.detail("ended"), "outside_minutes_per_day/-");
    assert!(scene.desk.notices.iter().any(|notice| matches!(notice, Notice::OutsideSpent(_))));
    let three = scene.dial("0812000003");
    scene.refused(&three, 403);
    assert_eq!(scene.desk.detail("failed"), "outside_minutes_per_day/-");
    scene.desk.rest();
}

#[test]
fn what_was_used_is_known_after_a_restart() {
    let allowance =
        Allowance { calls_at_once_max: 2, calls_per_hour_max: 3, minutes_per_day_max: 10, ..everywhere() };
    let rows = outside(|outside| outside.budgets = vec![budget(None, allowance)]);
    let mut scene = Scene::new(&rows);
    scene.talks(DIALLED);
    scene.restarts(&rows);
    // What was over before, by the database: two calls, of nine minutes together.
    let at = |secs: i64| Timestamp(1_800_000_000_000_000 - secs * 1_000_000);
    let used = |begun: i64, talked: i64| OutsideUse {
        org: OrgId(id(1)),
        payer: dialplan::Payer::Person(dialplan::PersonKey::User(UserId(id(11)))),
        begun_at: at(begun),
        answered_at: Some(at(begun)),
        ended_at: at(begun - talked),
        rupiah_per_minute: None,
    };
    scene.desk.tell(Input::OutsideUsed(vec![used(3_000, 300), used(2_000, 239)]));
    let two = scene.dial("0812000001");
    scene.refused(&two, 403);
    assert_eq!(scene.desk.detail("failed"), "outside_calls_per_hour/-");
    // The one that goes on has a minute left.
    scene.are_cut_off_in(1, 61);
    assert_eq!(scene.desk.detail("ended"), "outside_minutes_per_day/-");
    scene.desk.rest();
}

#[test]
fn a_way_that_came_to_nothing_does_not_count_beside_the_one_after_it() {
    let mut rows = forwarding(Condition::Always);
    let organisation = &mut rows.organisations[0];
    let first = organisation.extensions[0].rules[0].clone();
    let other =
        Rule { id: RuleId(id(42)), position: 2, action: Action::ForwardNumber("+6281888".into()), ..first };
    organisation.extensions[0].rules.push(other);
    organisation.outside.budgets = vec![budget(None, Allowance { calls_at_once_max: 1, ..everywhere() })];
    let mut scene = Scene::new(&rows);
    let mut caller = scene.dial("100");
    let provider = scene.first.clone();
    scene.refuses(&provider, 486);
    scene.desk.expect(&scene.sari, "SIP/2.0 181");
    let invite = scene.answers(&provider, &mut caller);
    assert!(invite.view().request_uri().starts_with("sip:+6281888@"));
    let second = scene.dial("100");
    scene.desk.expect(&scene.sari, "SIP/2.0 181");
    scene.refused(&second, 403);
    scene.desk.hang_up(&mut caller, &provider);
    scene.desk.rest();
}

/// A bug: who had talked much a day ago was cut off when that, and what it had talked since, were too much together.
#[test]
fn minutes_that_were_talked_a_day_ago_are_there_again_while_a_call_is_up() {
    let allowance = Allowance { minutes_per_day_max: 10, ..everywhere() };
    let rows = outside(|outside| outside.budgets = vec![budget(None, allowance)]);
    let mut scene = Scene::new(&rows);
    let first = scene.first.clone();
    // Nine minutes, over in half a minute by the count of a day.
    let ended = 1_800_000_000 - 86_400 + 30;
    let at = |secs: i64| Timestamp(secs * 1_000_000);
    scene.desk.tell(Input::OutsideUsed(vec![OutsideUse {
        org: OrgId(id(1)),
        payer: dialplan::Payer::Person(dialplan::PersonKey::User(UserId(id(11)))),
        begun_at: at(ended - 540),
        answered_at: Some(at(ended - 540)),
        ended_at: at(ended),
        rupiah_per_minute: None,
    }]));
    let mut one = scene.talks(DIALLED);
    scene.desk.wait(Duration::from_secs(599));
    scene.desk.silent(&first);
    scene.desk.hang_up(&mut one, &first);
    scene.desk.rest();
}

/// Numbers in the country cost 1,000 a minute, those abroad that anybody has said a price of 5,000.
fn priced(rupiah_per_day_max: u32) -> Snapshot {
    outside(|outside| {
        let price = |n, prefix: &str, rupiah_per_minute| Price {
            id: PriceId(id(n)),
            prefix: prefix.into(),
            rupiah_per_minute,
        };
        outside.trunks[0].channels_max = 9;
        outside.prices = vec![price(81, "+62", 1_000), price(82, "+65", 5_000), price(83, "+60", 0)];
        let allowance = Allowance { rupiah_per_day_max: Some(rupiah_per_day_max), ..everywhere() };
        outside.budgets = vec![budget(None, allowance)];
    })
}

#[test]
fn who_has_spent_the_money_of_a_day_is_cut_off_before_a_minute_that_is_too_dear_and_calls_no_more() {
    let mut scene = Scene::new(&priced(6_500));
    let first = scene.first.clone();
    let mut one = scene.talks(DIALLED);
    // Two minutes and a third one that has begun.
    scene.desk.wait(Duration::from_secs(121));
    scene.desk.hang_up(&mut one, &first);
    // What nobody has said a price of, and what costs more than is left, does not ring.
    for (dialled, reason) in
        [("00441632960000", "outside_price_unknown"), ("0065812345678", "outside_money_per_day")]
    {
        let caller = scene.dial(dialled);
        scene.refused(&caller, 403);
        assert!(scene.desk.detail("failed").starts_with(reason), "{}", scene.desk.detail("failed"));
    }
    // Three of the minutes that two begin can be paid, and none of a fourth: the other one's next minute is too dear, too.
    scene.talks("0812000001");
    scene.desk.wait(Duration::from_secs(20));
    scene.talks("0812000002");
    scene.are_cut_off_in(1, 58);
    scene.are_cut_off_in(1, 40);
    assert_eq!(scene.desk.detail("ended"), "outside_money_per_day/-");
    let tolls = scene.desk.journal.iter().filter_map(|entry| match &entry.fact {
        Fact::Leg(leg) if leg.payer.is_some() => leg.rupiah_per_minute,
        _ => None,
    });
    assert_eq!(tolls.collect::<Vec<_>>(), [1_000; 3]);
    scene.desk.rest();
}

/// A bug: the timer and the BYE took their time, and the provider counted the minute that was not to be.
#[test]
fn a_call_is_cut_off_before_the_provider_counts_another_minute() {
    let mut scene = Scene::new(&priced(1_000));
    scene.talks(DIALLED);
    scene.are_cut_off_in(1, 58);
    assert_eq!(scene.desk.detail("ended"), "outside_money_per_day/-");
    scene.desk.rest();
}

/// A bug: when the money was used up all calls were ended, those too that cost nothing, or could pay for their next minute.
#[test]
fn who_can_pay_for_another_minute_goes_on_when_another_call_cannot() {
    let mut scene = Scene::new(&priced(7_500));
    let first = scene.first.clone();
    let mut free = scene.talks("0060312345678");
    scene.talks("0065812345678");
    scene.desk.wait(Duration::from_secs(10));
    scene.talks(DIALLED);
    // The dear one: 1,500 are left.
    scene.are_cut_off_in(1, 48);
    scene.are_cut_off_in(1, 70);
    scene.desk.wait(Duration::from_secs(600));
    scene.desk.silent(&first);
    scene.desk.hang_up(&mut free, &first);
    scene.desk.rest();
}

/// A bug: what a call that rings was admitted with was spent meanwhile by those that talk.
#[test]
fn a_call_that_rings_keeps_its_first_minute_from_those_that_talk() {
    for is_answered in [true, false] {
        let mut scene = Scene::new(&priced(2_500));
        let first = scene.first.clone();
        let mut one = scene.talks(DIALLED);
        scene.desk.wait(Duration::from_secs(30));
        let mut two = scene.dial("0812000001");
        let invite = scene.desk.expect(&first, "INVITE");
        scene.desk.from(&first, &first.respond(&invite, 180, None));
        scene.desk.expect(&scene.sari, "SIP/2.0 180");
        if is_answered {
            scene.are_cut_off_in(1, 28);
            scene.desk.from(&first, &first.respond(&invite, 200, Some(&first.sdp())));
            scene.desk.expect(&first, "ACK");
            scene.desk.answered(&mut two);
            scene.are_cut_off_in(1, 58);
        } else {
            scene.desk.from(&first, &first.respond(&invite, 486, None));
            scene.desk.expect(&first, "ACK");
            scene.refused(&two, 486);
            scene.desk.wait(Duration::from_secs(60));
            scene.desk.hang_up(&mut one, &first);
        }
        scene.desk.rest();
    }
}

/// However many ring at once, those that are answered can pay for a first minute.
#[test]
fn calls_that_ring_are_counted_with_a_minute_each() {
    let mut scene = Scene::new(&priced(1_500));
    let one = scene.dial(DIALLED);
    let two = scene.dial("0812000001");
    scene.refused(&two, 403);
    assert!(scene.desk.detail("failed").starts_with("outside_money_per_day"));
    let first = scene.first.clone();
    scene.refuses(&first, 486);
    scene.refused(&one, 486);
    scene.desk.rest();
}

/// A call that is up has the price that it was made for, whatever the plan says meanwhile and whichever process has it.
#[test]
fn the_price_is_fixed_when_the_call_is_made() {
    for (has_new_plan, dies) in [(true, false), (false, true), (true, true)] {
        let mut rows = priced(2_500);
        let mut scene = Scene::new(&rows);
        scene.talks(DIALLED);
        if has_new_plan {
            rows.organisations[0].outside.prices[0].rupiah_per_minute = 1;
            rows.revision += 1;
            scene.desk.tell(Input::Plan(plan(&rows)));
        }
        if dies {
            scene.restarts(&rows);
        }
        scene.are_cut_off_in(1, 118);
        assert_eq!(scene.desk.detail("ended"), "outside_money_per_day/-");
        let price = scene.desk.legs().iter().find_map(|leg| leg.rupiah_per_minute);
        assert_eq!(price, Some(1_000));
        scene.desk.rest();
    }
}

#[test]
fn what_was_spent_before_a_restart_is_told_by_the_database() {
    let mut scene = Scene::new(&priced(5_000));
    let at = |secs: i64| Timestamp(1_800_000_000_000_000 - secs * 1_000_000);
    scene.desk.tell(Input::OutsideUsed(vec![OutsideUse {
        org: OrgId(id(1)),
        payer: dialplan::Payer::Person(dialplan::PersonKey::User(UserId(id(11)))),
        begun_at: at(600),
        answered_at: Some(at(600)),
        ended_at: at(359),
        rupiah_per_minute: Some(1_000),
    }]));
    let one = scene.dial(DIALLED);
    scene.refused(&one, 403);
    assert_eq!(scene.desk.detail("failed"), "outside_money_per_day/-");
    scene.desk.rest();
}
