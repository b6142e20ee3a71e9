//! Mailboxes: who leaves a message where and how it is written down (HX-9, H-060), and who is told that one waits (RFC 3842).

use std::time::Duration;

use calls::{Input, RecordingOrder, StoredMessage, SwitchboardConfig};
use contract::{
    id::{CallId, OrgId, RecordingId, RuleId, UserId},
    journal::{Fact, MessageFor, MessageStep},
    rules::{Action, Condition, Rule, Timescope},
    snapshot::{Mailbox, RecordingPolicy, Snapshot},
    time::Timestamp,
};
use sip::OwnedMessage;
use streams::media::{LeaseId, Side};

use crate::{
    desk::{
        Caller, Desk, Phone,
        asking::{Asking, body_of},
        header, id, plan, rows,
        sound::{formats, heard},
    },
    recording::{tapped, words},
};

const RING: Duration = Duration::from_secs(60);
/// Budi's mailbox, and Sari's.
const BUDI: u128 = 12;
const SARI: u128 = 11;
const GREETING: &str = "id/voicemail-greeting tone/beep";

/// Sari and Budi have mailboxes; a message is of 60 s, and Budi's box holds two.
fn rows_with_mailboxes() -> Snapshot {
    let mut rows = rows();
    for staff in &mut rows.organisations[0].staff[..2] {
        staff.mailbox = Some(Mailbox { greeting: None, messages_max: 2, message_secs_max: 60 });
    }
    rows.revision = 2;
    rows
}

fn scene_of(rows: &Snapshot) -> (Desk, [Phone; 2]) {
    let mut desk =
        Desk::mortal_with(SwitchboardConfig { announcements: true, ..SwitchboardConfig::default() });
    let phones = desk.two();
    desk.tell(Input::Plan(plan(rows)));
    (desk, phones)
}

fn scene() -> (Desk, [Phone; 2]) {
    scene_of(&rows_with_mailboxes())
}

fn message(n: u128, user: u128, is_heard: bool) -> StoredMessage {
    StoredMessage {
        recording: RecordingId(id(n)),
        call: CallId(id(n)),
        org: OrgId(id(1)),
        user: UserId(id(user)),
        caller: Some("1001".into()),
        left_at: Timestamp(1_800_000_000_000_000),
        length_ms: 3_000,
        key: format!("{n}.wav"),
        is_heard,
    }
}

/// For whom the recording is that was ordered last.
fn recorded_for(desk: &Desk) -> Option<MessageFor> {
    desk.recordings.iter().rev().find_map(|order| match order {
        RecordingOrder::Begin { message, .. } => message.clone(),
        _ => None,
    })
}

/// Budi refuses with this; Sari has the answer of his mailbox.
fn sent_to_the_mailbox(desk: &mut Desk, sari: &Phone, budi: &Phone, status: u16) -> (Caller, OwnedMessage) {
    let mut caller = desk.dial(sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(budi, "INVITE");
    desk.from(budi, &budi.respond(&invite, status, None));
    desk.expect(budi, "ACK");
    let ok = desk.expect(sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(sari, &ack);
    (caller, ok)
}

#[test]
fn who_is_busy_gets_a_message_that_is_recorded_from_the_beep_to_the_end() {
    let (mut desk, [sari, budi]) = scene();
    let (mut caller, ok) = sent_to_the_mailbox(&mut desk, &sari, &budi, 486);
    assert_eq!(formats(&ok), "0", "one codec of the caller's");
    assert_eq!(heard(&desk, 0), GREETING);
    assert!(tapped(&desk).is_empty(), "nothing is recorded before the beep");
    desk.played(0);
    assert_eq!(tapped(&desk), [(LeaseId(0), Side::Left)]);
    assert_eq!(recorded_for(&desk), Some(MessageFor { user: UserId(id(BUDI)), caller: Some("1001".into()) }));
    desk.goes(&mut caller);
    assert_eq!(desk.events(), ["created", "forward", "forward_answered", "answered", "ended"]);
    assert_eq!((desk.detail("forward"), desk.number_of("forward")), ("busy/-".into(), Some("1002".into())));
    assert_eq!(
        (desk.detail("answered"), desk.detail("ended")),
        ("voicemail/-".into(), "caller_hung_up/-".into())
    );
    assert_eq!(words(&desk), ["1 started voicemail", "2 stopped call_ended"]);
    assert!(matches!(desk.recordings.last(), Some(RecordingOrder::End { .. })));
    desk.rest();
}

#[test]
fn who_does_not_answer_or_cannot_be_reached_has_a_mailbox_too() {
    let (mut desk, [sari, budi]) = scene();
    let mut caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 180, None));
    desk.expect(&sari, "SIP/2.0 180");
    desk.wait(RING);
    desk.expect(&budi, "CANCEL");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    assert_eq!(desk.detail("forward"), "no_answer/-");
    assert_eq!(desk.events(), ["created", "ringing", "forward", "forward_answered", "answered"]);
    let (mut desk, [sari, budi]) = scene();
    sent_to_the_mailbox(&mut desk, &sari, &budi, 480);
    assert_eq!(desk.detail("forward"), "unreachable/-");
}

/// RFC 3264 §8, RFC 6337 §2: the caller has one answer, whoever sends it.
#[test]
fn a_caller_who_was_let_hear_a_device_keeps_the_answer_it_was_told() {
    let (mut desk, [sari, budi]) = scene();
    let offer = sari.sdp_speaking(&[(8, "PCMA/8000"), (0, "PCMU/8000")], "sendrecv");
    let mut caller = desk.dial(&sari, "1002", Some(&offer));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 183, Some(&budi.sdp_of(0))));
    let early = desk.expect(&sari, "SIP/2.0 183");
    desk.from(&budi, &budi.respond(&invite, 486, None));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    assert_eq!(body_of(&ok), body_of(&early));
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    assert_eq!(heard(&desk, 0), GREETING);
    desk.goes(&mut caller);
}

#[test]
fn a_caller_without_an_offer_leaves_a_message_too_and_one_that_speaks_nothing_of_ours_is_refused() {
    let (mut desk, [sari, budi]) = scene();
    let mut caller = desk.dial(&sari, "1002", None);
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 486, None));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, Some(&sari.sdp_of(8)));
    desk.from(&sari, &ack);
    assert!(heard(&desk, 0).ends_with("tone/beep") || heard(&desk, 1).ends_with("tone/beep"));
    desk.goes(&mut caller);
    desk.rest();
    let caller = desk.dial(&sari, "1002", Some(&sari.sdp_speaking(&[(18, "G729/8000")], "sendrecv")));
    let invite = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&invite, 486, None));
    desk.expect(&budi, "ACK");
    let refusal = desk.expect(&sari, "SIP/2.0 486");
    desk.from(&sari, &caller.ack_refusal(&refusal));
    desk.rest();
}

#[test]
fn a_message_ends_when_it_has_lasted_as_long_as_it_may_and_the_caller_is_told() {
    let (mut desk, [sari, budi]) = scene();
    sent_to_the_mailbox(&mut desk, &sari, &budi, 486);
    desk.played(0);
    desk.wait(Duration::from_secs(60));
    assert_eq!((heard(&desk, 0).as_str(), tapped(&desk).len()), ("id/voicemail-saved", 0));
    assert_eq!(words(&desk), ["1 started voicemail", "2 stopped time_limit"]);
    desk.played(0);
    let bye = desk.expect(&sari, "BYE");
    desk.from(&sari, &sari.respond(&bye, 200, None));
    assert_eq!(desk.detail("ended"), "time_limit/-");
    desk.rest();
}

#[test]
fn a_full_mailbox_says_so_and_takes_nothing() {
    let (mut desk, [sari, budi]) = scene();
    desk.tell(Input::Mailboxes(vec![
        message(1, BUDI, true),
        message(2, BUDI, false),
        message(3, SARI, false),
    ]));
    sent_to_the_mailbox(&mut desk, &sari, &budi, 486);
    assert_eq!(heard(&desk, 0), "id/voicemail-full");
    desk.played(0);
    let bye = desk.expect(&sari, "BYE");
    desk.from(&sari, &sari.respond(&bye, 200, None));
    assert_eq!(desk.detail("ended"), "mailbox_full/-");
    assert!(desk.recordings.is_empty());
    desk.rest();
}

#[test]
fn a_rule_leads_to_a_mailbox_with_its_own_greeting_before_anybody_rings() {
    let mut rows = rows_with_mailboxes();
    let organisation = &mut rows.organisations[0];
    organisation.staff[1].mailbox.as_mut().unwrap().greeting = Some("away".into());
    // What is left in a mailbox is not the recording of a call.
    organisation.recording = RecordingPolicy::Always;
    organisation.extensions[0].rules = vec![Rule {
        id: RuleId(id(61)),
        position: 1,
        is_enabled: true,
        timescope: Timescope::Any,
        condition: Condition::Always,
        action: Action::Voicemail(UserId(id(BUDI))),
    }];
    let (mut desk, [sari, budi]) = scene_of(&rows);
    let mut caller = desk.dial_with(&sari, "100", "Privacy: id\r\n", Some(&sari.sdp()));
    desk.expect(&sari, "SIP/2.0 100");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    desk.silent(&budi);
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    assert_eq!(heard(&desk, 0), "id/away|id/voicemail-greeting tone/beep");
    desk.played(0);
    assert_eq!(recorded_for(&desk), Some(MessageFor { user: UserId(id(BUDI)), caller: None }));
    desk.goes(&mut caller);
    assert_eq!(desk.events(), ["created", "forward", "forward_answered", "answered", "ended"]);
    assert_eq!((desk.detail("forward"), desk.number_of("forward")), ("always/-".into(), Some("1002".into())));
    assert_eq!(words(&desk), ["1 started voicemail", "2 stopped call_ended"]);
    desk.rest();
}

#[test]
fn a_message_outlives_the_process() {
    let (mut desk, [sari, budi]) = scene();
    let (mut caller, _) = sent_to_the_mailbox(&mut desk, &sari, &budi, 486);
    desk.played(0);
    let before = desk.recordings[0].clone();
    desk.recordings.clear();
    desk.die();
    assert_eq!(desk.recordings, [before], "the recorder goes on with the same, for the same mailbox");
    // The relay tells of a leg that hears nothing: it is being recorded, and no second recording begins.
    desk.played(0);
    assert_eq!(desk.recordings.len(), 1);
    desk.goes(&mut caller);
    assert!(matches!(desk.recordings.last(), Some(RecordingOrder::End { .. })));
    desk.quiet();
}

#[test]
fn nobody_talks_to_a_recorder_that_has_given_up() {
    let (mut desk, [sari, budi]) = scene();
    sent_to_the_mailbox(&mut desk, &sari, &budi, 486);
    desk.played(0);
    let Some(RecordingOrder::Begin { recording, call, .. }) = desk.recordings.first().cloned() else {
        panic!()
    };
    desk.tell(Input::RecordingFailed { call, recording, reason: "disk_full" });
    let bye = desk.expect(&sari, "BYE");
    desk.from(&sari, &sari.respond(&bye, 200, None));
    assert_eq!(desk.detail("ended"), "not_recorded/-");
    assert_eq!(words(&desk), ["1 started voicemail", "2 stopped disk_full"]);
    desk.rest();
}

#[test]
fn a_key_ends_the_greeting_and_then_the_message() {
    let (mut desk, [sari, budi]) = scene();
    sent_to_the_mailbox(&mut desk, &sari, &budi, 486);
    desk.press(0, "5");
    assert!(tapped(&desk).is_empty(), "another key says nothing");
    desk.press(0, "#");
    assert_eq!((heard(&desk, 0).as_str(), tapped(&desk).len()), ("", 1), "at once, and without the beep");
    desk.press(0, "#");
    assert_eq!((heard(&desk, 0).as_str(), tapped(&desk).len()), ("id/voicemail-saved", 0));
    desk.played(0);
    let bye = desk.expect(&sari, "BYE");
    desk.from(&sari, &sari.respond(&bye, 200, None));
    assert_eq!(desk.detail("ended"), "message_ended/-");
    desk.rest();
}

/// Budi has dialled `*97`, on the first lease.
fn listen(desk: &mut Desk, budi: &Phone) -> Caller {
    let mut caller = desk.dial(budi, "*97", Some(&budi.sdp()));
    let ok = desk.expect(budi, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(budi, &ack);
    caller
}

/// The message that was asked for last has come, or cannot be had.
fn fetched(desk: &mut Desk, is_there: bool) {
    let fetch = desk.fetches.pop().expect("a message is wanted");
    desk.tell(Input::MessageReady { call: fetch.call, recording: fetch.recording, is_there });
}

fn marks(desk: &Desk) -> Vec<(u128, MessageStep)> {
    let mark = |fact: &Fact| match fact {
        Fact::Message(mark) => Some((mark.recording.0.as_u128(), mark.step)),
        _ => None,
    };
    desk.journal.iter().filter_map(|entry| mark(&entry.fact)).collect()
}

fn sound_of(n: u128) -> String {
    format!("message/{}", id(n))
}

#[test]
fn an_owner_hears_its_messages_the_new_ones_first_and_deletes_one() {
    let (mut desk, [_, budi]) = scene();
    desk.tell(Input::Mailboxes(vec![
        message(1, BUDI, true),
        message(2, BUDI, false),
        message(3, SARI, false),
        message(4, BUDI, false),
    ]));
    listen(&mut desk, &budi);
    let told = "id/voicemail-new id/digits/2 id/voicemail-old id/digits/1 id/voicemail-menu";
    assert_eq!(heard(&desk, 0), told);
    desk.press(0, "1");
    assert_eq!((desk.fetches[0].key.as_str(), heard(&desk, 0).as_str()), ("2.wav", ""));
    assert!(marks(&desk).is_empty(), "nothing has been heard");
    fetched(&mut desk, true);
    assert_eq!(heard(&desk, 0), sound_of(2));
    desk.press(0, "2");
    fetched(&mut desk, true);
    assert_eq!((heard(&desk, 0), marks(&desk)), (sound_of(2), vec![(2, MessageStep::Heard)]));
    desk.played(0);
    assert_eq!(heard(&desk, 0), "id/voicemail-menu");
    desk.press(0, "3");
    assert_eq!(heard(&desk, 0), "id/voicemail-deleted id/voicemail-menu");
    desk.press(0, "3");
    for (n, step) in [(4, MessageStep::Heard), (1, MessageStep::Heard)] {
        desk.press(0, "1");
        fetched(&mut desk, true);
        assert_eq!((heard(&desk, 0), step), (sound_of(n), MessageStep::Heard));
    }
    let done = [(2, MessageStep::Heard), (2, MessageStep::Deleted), (4, MessageStep::Heard)];
    assert_eq!(marks(&desk), done, "once, and the last one had been heard before");
    desk.press(0, "1");
    assert_eq!(heard(&desk, 0), "id/voicemail-no-more");
    desk.played(0);
    let bye = desk.expect(&budi, "BYE");
    desk.from(&budi, &budi.respond(&bye, 200, None));
    assert_eq!(desk.events(), ["created", "answered", "ended"]);
    assert_eq!(
        (desk.detail("answered"), desk.detail("ended")),
        ("voicemail/-".into(), "mailbox_left/-".into())
    );
    desk.rest();
}

#[test]
fn a_message_that_cannot_be_had_is_told_and_the_others_are_not_held_up() {
    let (mut desk, [_, budi]) = scene();
    desk.tell(Input::Mailboxes(vec![message(1, BUDI, false), message(2, BUDI, false)]));
    let mut caller = listen(&mut desk, &budi);
    desk.press(0, "1");
    fetched(&mut desk, false);
    assert_eq!(heard(&desk, 0), "id/voicemail-unreadable id/voicemail-menu");
    desk.press(0, "1");
    let late = desk.fetches.pop().unwrap();
    desk.wait(Duration::from_secs(15));
    assert_eq!(heard(&desk, 0), "id/voicemail-unreadable id/voicemail-menu");
    desk.tell(Input::MessageReady { call: late.call, recording: late.recording, is_there: true });
    assert_eq!(heard(&desk, 0), "id/voicemail-unreadable id/voicemail-menu", "nobody waits for it any more");
    assert!(marks(&desk).is_empty());
    desk.goes(&mut caller);
    desk.rest();
}

#[test]
fn nobody_presses_anything_or_there_is_nothing_to_hear() {
    let (mut desk, [_, budi]) = scene();
    listen(&mut desk, &budi);
    assert_eq!(heard(&desk, 0), "id/voicemail-empty");
    desk.played(0);
    let bye = desk.expect(&budi, "BYE");
    desk.from(&budi, &budi.respond(&bye, 200, None));
    desk.rest();
    desk.tell(Input::Mailboxes(vec![message(1, BUDI, false)]));
    listen(&mut desk, &budi);
    desk.wait(Duration::from_secs(60));
    desk.wait(Duration::from_secs(15));
    let bye = desk.expect(&budi, "BYE");
    desk.from(&budi, &budi.respond(&bye, 200, None));
    desk.rest();
}

#[test]
fn who_has_no_mailbox_hears_none() {
    let (mut desk, _) = scene();
    for user in ["1003", "u0"] {
        let phone = desk.phone(user, "198.51.100.3:5060");
        let caller = desk.dial(&phone, "*97", Some(&phone.sdp()));
        let refusal = desk.expect(&phone, "SIP/2.0 403");
        desk.from(&phone, &caller.ack_refusal(&refusal));
        assert_eq!(desk.detail("failed"), "no_mailbox/403");
    }
}

/// What the light of a phone goes by: `yes 2/8`.
fn light(document: &str) -> String {
    let line = |name: &str| {
        let found = document.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        found.trim().split(' ').next().unwrap().to_owned()
    };
    format!("{} {}", line("Messages-Waiting:"), line("Voice-Message:"))
}

#[test]
fn rfc_3842_the_light_of_the_owners_phone_follows_the_mailbox() {
    let (mut desk, [sari, budi]) = scene();
    let (_, first) = desk.watch(&budi, "1002", "message-summary");
    assert_eq!(light(&first), "no 0/0");
    desk.tell(Input::MessageLeft(message(1, BUDI, false)));
    assert_eq!(light(&desk.notified(&budi).1), "yes 1/0");
    // The database tells the same a moment later, and another's box is none of his.
    desk.tell(Input::Mailboxes(vec![message(1, BUDI, false), message(2, SARI, false)]));
    desk.silent(&budi);
    desk.tell(Input::Mailboxes(vec![message(1, BUDI, true), message(2, SARI, false)]));
    assert_eq!(light(&desk.notified(&budi).1), "no 0/1");
    let (_, own) = desk.watch(&sari, "1001", "message-summary");
    assert_eq!(light(&own), "yes 1/0");
    assert!(own.contains("Message-Account: sip:*97@demo.sambung.test"), "{own}");
}

#[test]
fn rfc_3842_a_mailbox_is_shown_to_nobody_but_its_owner() {
    let (mut desk, [sari, _]) = scene();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    for (phone, number, status) in [(&sari, "1002", 403), (&citra, "1002", 403), (&citra, "1003", 404)] {
        let mut asking = Asking::subscribe(phone, number, "message-summary");
        desk.ask(&mut asking);
        desk.expect(phone, &format!("SIP/2.0 {status}"));
    }
    let mut asking = Asking::subscribe(&sari, "1001", "message-summary");
    asking.headers.push_str("Accept: application/pidf+xml\r\n");
    desk.ask(&mut asking);
    let refusal = desk.expect(&sari, "SIP/2.0 406");
    assert_eq!(header(&refusal, "Accept").as_deref(), Some("application/simple-message-summary"));
}

#[test]
fn rfc_6665_4_2_2_a_mailbox_that_is_switched_off_ends_its_subscriptions() {
    let (mut desk, [_, budi]) = scene();
    desk.watch(&budi, "1002", "message-summary");
    desk.tell(Input::Plan(plan(&rows())));
    assert_eq!(desk.notified(&budi).0, "terminated;reason=noresource");
}
