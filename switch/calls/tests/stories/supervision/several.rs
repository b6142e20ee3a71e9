//! Several who supervise: two of one call, calls that become one, and as many as may.

use std::time::Duration;

use contract::{
    id::{AccountId, ExtensionId, OrgId},
    snapshot::{Snapshot, Staff},
};
use uuid::Uuid;

use super::*;
use crate::{attended, desk::DOMAIN};

const DINA: u128 = 14;

/// The desk's rows in which `callee` is Dina's account, who supervises 100 too, as Sari does.
fn rows_with_dina() -> Snapshot {
    let mut rows = rows();
    let organisation = &mut rows.organisations[0];
    let budi = organisation.staff[1].clone();
    let dina = Staff { user: UserId(id(DINA)), name: "Dina".into(), number: "1004".into(), ..budi };
    organisation.staff.push(dina);
    organisation.accounts[5].user = Some(UserId(id(DINA)));
    organisation.extensions[0].supervisors.push(UserId(id(DINA)));
    rows.revision = 2;
    rows
}

/// A bug: two supervisors of the two who talk took each other's lines.
#[test]
fn a_call_is_listened_to_by_one_supervisor_whoever_of_the_two_they_are_for() {
    let mut scene = Scene::talking();
    scene.desk.tell(Input::Plan(plan(&rows_with_dina())));
    let (sari, dina) = (scene.sari.clone(), scene.desk.phone("callee", "198.51.100.5:5060"));
    let listener = scene.listens(&sari);
    scene.refused(&dina, "*331003", "SIP/2.0 486");
    assert_eq!(scene.desk.detail("failed"), "supervised/486");
    assert_eq!(seats(&scene.desk), LISTENS);
    scene.stops(listener);
    scene.desk.wait(Duration::from_secs(60));
    let listener = scene.listens_to(&dina, "1003");
    scene.refused(&sari, "*331002", "SIP/2.0 486");
    scene.stops(listener);
    scene.ends();
}

/// u0 talks to Citra (leases 0 and 1), and to Budi (2 and 3) while Citra waits.
struct Asking {
    desk: Desk,
    asker: Phone,
    people: [Phone; 2],
    first: Caller,
    second: Caller,
}

impl Asking {
    fn new() -> Self {
        let mut desk = desk();
        desk.tell(Input::Plan(plan(&rows_with_dina())));
        let asker = desk.phone("u0", "198.51.100.4:5060");
        let people = [("1003", "198.51.100.3:5060"), ("1002", "198.51.100.2:5060")];
        let people = people.map(|(user, at)| desk.phone(user, at));
        let (first, _) = desk.talk(&asker, &people[0], "1003");
        desk.wait(Duration::from_secs(1));
        let (second, _) = desk.talk(&asker, &people[1], "1002");
        desk.wait(Duration::from_secs(1));
        Self { desk, asker, people, first, second }
    }

    #[track_caller]
    fn listens(&mut self, phone: &Phone, number: &str) -> Caller {
        self.desk.wait(Duration::from_secs(1));
        self.desk.enter(phone, &format!("*33{number}"))
    }

    /// u0 puts Citra through to Budi.
    #[track_caller]
    fn puts_through(&mut self) {
        let Self { desk, asker, people, first, second } = self;
        let other = attended::replaces(&second.call_id, &second.to_tag(), "c");
        let refer_to = format!("Refer-To: <sip:1002@{DOMAIN}?{other}>\r\nRefer-Sub: false\r\n");
        let refer = first.request("REFER", &refer_to, None);
        desk.from(asker, &refer);
        desk.expect(asker, "SIP/2.0 202");
        for _ in 0..2 {
            let bye = desk.expect(asker, "BYE");
            desk.from(asker, &asker.respond(&bye, 200, None));
        }
        for phone in people {
            let told = desk.expect(phone, "INVITE");
            desk.from(phone, &phone.respond(&told, 200, Some(&phone.sdp())));
            desk.expect(phone, "ACK");
        }
    }
}

/// Decision 0049: into the call that an attended transfer makes of two.
#[test]
fn a_supervisor_follows_into_the_call_that_two_have_become() {
    let mut scene = Asking::new();
    let sari = scene.desk.phone("1001", "198.51.100.1:5060");
    let mut listener = scene.listens(&sari, "1002");
    scene.puts_through();
    assert_eq!([1, 3].map(|lease| seat(&scene.desk, lease)), [OVERHEARD; 2]);
    scene.desk.press(4, "5");
    assert_eq!([1, 3].map(|lease| seat(&scene.desk, lease)), [OVERHEARD, SPOKEN_TO]);
    assert_eq!(seat(&scene.desk, 4), supervisor(HeardBy::Only(LeaseId(3))));
    assert_eq!(steps(&scene.desk), ["1 listen dialled", "2 listen moved", "3 whisper key"]);
    scene.desk.goes(&mut listener);
    scene.desk.silent(&scene.people[0]);
    scene.desk.silent(&scene.people[1]);
}

/// A bug: the supervisors of both took each other's lines when two calls became one. Whose call goes on stays.
#[test]
fn of_two_supervisors_whose_calls_become_one_one_is_let_go() {
    for is_first in [true, false] {
        let mut scene = Asking::new();
        let sari = scene.desk.phone("1001", "198.51.100.1:5060");
        let dina = scene.desk.phone("callee", "198.51.100.5:5060");
        let [ours, other] = if is_first {
            [(&sari, "1002"), (&dina, "1003")].map(|(phone, number)| scene.listens(phone, number))
        } else {
            let [other, ours] =
                [(&dina, "1003"), (&sari, "1002")].map(|(phone, number)| scene.listens(phone, number));
            [ours, other]
        };
        scene.puts_through();
        let bye = scene.desk.expect(&sari, "BYE");
        scene.desk.from(&sari, &ours.respond(&bye, 200, None));
        assert_eq!(steps(&scene.desk).last().unwrap(), "2 ended supervised");
        assert_eq!([1, 3].map(|lease| seat(&scene.desk, lease)), [OVERHEARD; 2]);
        assert_eq!(seat(&scene.desk, if is_first { 5 } else { 4 }), supervisor(HeardBy::Nobody));
        let mut other = other;
        scene.desk.goes(&mut other);
    }
}

/// These people as those of another organisation, which has the domain now.
fn rows_of_another() -> Snapshot {
    let mut rows = rows();
    let first = &mut rows.organisations[0];
    let mut second = first.clone();
    (first.sip_domain, first.is_default) = ("first.sambung.test".into(), false);
    let others = |n: Uuid| Uuid::from_u128(n.as_u128() + 100);
    second.id = OrgId(others(second.id.0));
    second.staff.iter_mut().for_each(|staff| staff.user = UserId(others(staff.user.0)));
    for extension in &mut second.extensions {
        extension.id = ExtensionId(others(extension.id.0));
        let people = extension.staff.iter_mut().chain(&mut extension.supervisors);
        people.for_each(|user| *user = UserId(others(user.0)));
    }
    for account in &mut second.accounts {
        account.id = AccountId(others(account.id.0));
        account.user = account.user.map(|user| UserId(others(user.0)));
    }
    rows.organisations.push(second);
    rows.revision = 2;
    rows
}

/// Citra calls Budi once more; whether Sari may listen to that call too.
#[track_caller]
fn is_listened_to(desk: &mut Desk, [sari, budi, citra]: [&Phone; 3], n: usize) -> bool {
    let dial = |desk: &mut Desk, phone: &Phone, number: &str| {
        let mut caller = Caller::new(phone, number);
        caller.call_id = format!("{number}-{n}");
        let caller = desk.dial_as(caller, "", Some(&phone.sdp()));
        desk.expect(phone, "SIP/2.0 100");
        caller
    };
    let mut caller = dial(desk, citra, "1002");
    let invite = desk.expect(budi, "INVITE");
    desk.from(budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.expect(budi, "ACK");
    desk.answered(&mut caller);
    desk.wait(Duration::from_secs(1));
    let mut listener = dial(desk, sari, "*331002");
    let answer = desk.expect(sari, "SIP/2.0 ");
    let is_busy = answer.view().status() == Some(486);
    let ack = if is_busy { listener.ack_refusal(&answer) } else { listener.ack(&answer, None) };
    desk.from(sari, &ack);
    !is_busy
}

/// A bug: 64 supervisors of one organisation left none for any other.
#[test]
fn as_many_listen_at_once_as_may_in_each_organisation() {
    let mut desk = Desk::with(SwitchboardConfig { hold_music: true, ..transcoding() }, 256);
    let [sari, budi] = desk.two();
    let citra = desk.phone("1003", "198.51.100.3:5060");
    for n in 0..64 {
        assert!(is_listened_to(&mut desk, [&sari, &budi, &citra], n), "{n}");
    }
    assert!(!is_listened_to(&mut desk, [&sari, &budi, &citra], 64));
    assert_eq!(desk.detail("failed"), "supervised/486");
    desk.tell(Input::Plan(plan(&rows_of_another())));
    desk.silent(&sari);
    let phones = [("1001", 11), ("1002", 12), ("1003", 13)];
    let [sari, budi, citra] = phones.map(|(user, n)| desk.phone(user, &format!("198.51.100.{n}:5070")));
    assert!(is_listened_to(&mut desk, [&sari, &budi, &citra], 65));
}
