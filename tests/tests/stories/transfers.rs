//! Every way to send a call on, into every kind of target, whatever comes of it: generated, and each cell played in the simulated
//! world, whose checker follows the media and the record all the time.
//!
//! H-033 … H-036, HX-18, H-060, H-052. Browsers are not in here.

use std::time::Duration;

use calls::{Command, Input};
use contract::{
    conferences::Conference,
    id::{CallId, ConferenceId, ExtensionId, MenuId, OutboundRouteId, TrunkId},
    journal::{EventKind, RecordingStep},
    menus::{Menu, MenuChoice, MenuKey},
    outside::{NumberFormat, OutboundRoute, Outside, Trunk},
    queues::Strategy,
    rules::{Action, Span, Window},
    snapshot::{Extension, Mailbox, RecordingPolicy, Snapshot},
};
use tests::world::{
    ledger::Record,
    organisation::{self, DOMAIN, EMPTY, HELPDESK, SUPPORT},
    phone::{
        call::Call,
        manner::{CallPlan, Manner, Move, Verdict},
    },
    scenario::Place,
    story::{RING_TIMEOUT_SECS, Story},
};
use uuid::Uuid;

use super::millis;

/// A number of the telephone network: how it is dialled, and what it is by E.164, which is what its phone is called.
const OUTSIDE_DIALLED: &str = "08123456789";
const OUTSIDE: &str = "+628123456789";
/// What the organisation is known by there.
const OWN_NUMBER: &str = "+62215550100";
const MENU: &str = "600";
const CONFERENCE: &str = "650";

/// How a call is sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// REFER (RFC 3515).
    Blind,
    /// The same, by a phone that hangs up as soon as it is accepted.
    BlindAndGone,
    /// By order of a console.
    Ordered,
    /// The transferor asks first and says so in the first call: REFER with Replaces (RFC 5589 §7).
    Attended,
    /// In the second one.
    AttendedThere,
    /// By order of a console.
    Connected,
    /// While the target still rings.
    Early,
    /// The same, by a phone that hangs up as soon as it is accepted.
    EarlyAndGone,
}

impl Way {
    const ALL: [Self; 8] = [
        Self::Blind,
        Self::BlindAndGone,
        Self::Ordered,
        Self::Attended,
        Self::AttendedThere,
        Self::Connected,
        Self::Early,
        Self::EarlyAndGone,
    ];

    /// The transferor calls the target itself.
    fn asks_first(self) -> bool {
        !matches!(self, Self::Blind | Self::BlindAndGone | Self::Ordered)
    }

    /// Does so before the target has taken that call.
    fn is_early(self) -> bool {
        matches!(self, Self::Early | Self::EarlyAndGone)
    }

    fn leaves(self) -> bool {
        matches!(self, Self::BlindAndGone | Self::EarlyAndGone)
    }
}

/// Where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Person,
    Extension,
    /// An extension whose callers wait for 1003, and for nobody else.
    Queue,
    /// A number of the telephone network, behind a trunk.
    Trunk,
    /// An extension whose callers choose, or else come to 1003.
    Menu,
    /// A message is left for 1003.
    Mailbox,
    /// A room in which nobody is yet.
    Conference,
    /// An extension that has hours, and not now.
    Closed,
    /// An extension without people.
    Empty,
    Unknown,
}

impl Target {
    const ALL: [Self; 10] = [
        Self::Person,
        Self::Extension,
        Self::Queue,
        Self::Trunk,
        Self::Menu,
        Self::Mailbox,
        Self::Conference,
        Self::Closed,
        Self::Empty,
        Self::Unknown,
    ];

    fn number(self) -> &'static str {
        match self {
            Self::Person => "1003",
            Self::Extension => SUPPORT,
            Self::Queue => HELPDESK,
            Self::Trunk => OUTSIDE_DIALLED,
            Self::Menu => MENU,
            Self::Mailbox => "*1003",
            Self::Conference => CONFERENCE,
            Self::Closed => "300",
            Self::Empty => EMPTY,
            Self::Unknown => "9999",
        }
    }

    fn can_ring(self) -> bool {
        matches!(self, Self::Person | Self::Extension | Self::Queue | Self::Trunk | Self::Menu)
    }

    /// The switch itself is there, and nobody else.
    fn is_nobody(self) -> bool {
        matches!(self, Self::Mailbox | Self::Conference)
    }

    /// Which fates there are.
    fn has(self, fate: Fate) -> bool {
        match self {
            // Whoever waits in a queue whose people do not want it waits on.
            Self::Queue => matches!(fate, Fate::Answers | Fate::Gone),
            // A provider is always there, and a menu whoever is behind it.
            Self::Trunk | Self::Menu => fate != Fate::Gone,
            // What cannot ring has one.
            _ => self.can_ring() || fate == Fate::Answers,
        }
    }
}

/// What comes of it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answers,
    Busy,
    Declines,
    RingsOnly,
    /// No device is registered.
    Gone,
}

impl Fate {
    const ALL: [Self; 5] = [Self::Answers, Self::Busy, Self::Declines, Self::RingsOnly, Self::Gone];
}

/// One cell.
#[derive(Clone, Copy, Debug)]
struct Cell {
    way: Way,
    /// The caller sends the callee on, else the other way round.
    by_caller: bool,
    target: Target,
    fate: Fate,
    is_held: bool,
    is_recorded: bool,
}

impl Cell {
    /// Those of a way.
    fn all(way: Way) -> impl Iterator<Item = Self> {
        let both = [false, true];
        let cells = Target::ALL.into_iter().flat_map(|target| Fate::ALL.map(|fate| (target, fate)));
        let cells = cells.filter(|(target, fate)| target.has(*fate));
        cells.flat_map(move |(target, fate)| {
            both.into_iter().flat_map(move |by_caller| {
                both.into_iter().flat_map(move |is_held| {
                    both.map(|is_recorded| Self { way, by_caller, target, fate, is_held, is_recorded })
                })
            })
        })
    }

    fn transferor(self) -> &'static str {
        if self.by_caller { "1001" } else { "1002" }
    }

    fn transferee(self) -> &'static str {
        if self.by_caller { "1002" } else { "1001" }
    }

    /// Who takes it, by the name of the phone.
    fn taker(self) -> &'static str {
        if self.target == Target::Trunk { OUTSIDE } else { "1003" }
    }

    fn succeeds(self) -> bool {
        match self.target {
            // It is dialled blindly: who is there already stays.
            Target::Mailbox | Target::Conference => !self.way.asks_first(),
            target => target.can_ring() && self.fate == Fate::Answers,
        }
    }

    /// The target rings while somebody waits for it.
    fn waits_for_target(self) -> bool {
        match self.way {
            _ if self.target.is_nobody() => !self.way.asks_first(),
            // Whoever has asked there hands over where they stand.
            _ if self.target == Target::Menu => true,
            // It is refused at once, be it the transfer or the consultation: the transferor keeps the call.
            _ if !self.target.can_ring() || self.fate == Fate::Gone => false,
            Way::Blind | Way::BlindAndGone | Way::Ordered => true,
            Way::Early | Way::EarlyAndGone => true,
            // It has not come to anything yet. A phone cannot say so in a call that is not up.
            Way::Attended | Way::Connected => self.fate == Fate::RingsOnly,
            Way::AttendedThere => false,
        }
    }

    /// The switch has something to do.
    fn is_taken_up(self) -> bool {
        self.waits_for_target() || self.succeeds()
    }

    /// How each phone of the target meets the call.
    fn manner(self) -> Manner {
        let rings = Duration::from_secs(4);
        let manner = match self.fate {
            Fate::Answers => Manner::answer(rings),
            Fate::Busy => Manner::of(Verdict::Refuse(486), rings),
            Fate::Declines => Manner::of(Verdict::Refuse(603), rings),
            Fate::RingsOnly | Fate::Gone => Manner::of(Verdict::Ignore, rings),
        };
        Manner { talk: Vec::new(), ..manner }
    }

    fn rows(self) -> Snapshot {
        let mut own = organisation::organisation(1, DOMAIN, 4, RING_TIMEOUT_SECS);
        own.recording = if self.is_recorded { RecordingPolicy::Always } else { RecordingPolicy::Never };
        for extension in own.extensions.iter_mut().filter(|one| one.number == Target::Closed.number()) {
            extension.is_active = true;
            // Worlds begin on a Friday.
            extension.hours = vec![Window { day: 7, span: Span { start: 0, end: 1_440 } }];
        }
        let third = own.staff[2].user;
        for extension in own.extensions.iter_mut().filter(|one| one.number == HELPDESK) {
            (extension.staff, extension.rules) = (vec![third], Vec::new());
            extension.queue = Some(organisation::queue(Strategy::Linear));
        }
        // Else it would take what its owner does not.
        own.staff[2].mailbox = (self.target == Target::Mailbox).then(Mailbox::default);
        let sends_on = MenuChoice { key: MenuKey::Timeout, action: Action::ForwardStaff(third) };
        let menu =
            Menu { timeout_secs: 10, tries_max: 1, choices: vec![sends_on], ..Menu::plain(MenuId(own.id.0)) };
        let blank = Extension { queue: None, ..own.extensions[0].clone() };
        for (number, menu) in [(MENU, Some(menu)), (CONFERENCE, None)] {
            let conference = menu.is_none().then(|| Conference::plain(ConferenceId(own.id.0)));
            let id = ExtensionId(Uuid::from_u128(own.id.0.as_u128() + u128::from(menu.is_some()) + 1));
            own.extensions.push(Extension {
                id,
                number: number.to_owned(),
                menu,
                conference,
                ..blank.clone()
            });
        }
        own.outside = outside();
        Snapshot { revision: 1, organisations: vec![own] }
    }

    /// It is sent to where the switch answers, so the transferor is done at once.
    fn is_done_at_once(self) -> bool {
        let serves =
            matches!(self.target, Target::Queue | Target::Menu | Target::Mailbox | Target::Conference);
        serves && self.waits_for_target()
    }
}

/// One provider for all numbers.
fn outside() -> Outside {
    let id = TrunkId(Uuid::from_u128(1));
    let trunk = Trunk {
        id,
        name: "provider".to_owned(),
        sources: Vec::new(),
        targets: vec![format!("sip:{}", Place::default().line(4).outside)],
        credentials: None,
        registration: None,
        options_interval_secs: 0,
        number_format: NumberFormat::E164,
        from_number: Some(OWN_NUMBER.to_owned()),
        channels_max: 4,
        is_trusted: true,
        is_active: true,
    };
    let route = OutboundRoute {
        id: OutboundRouteId(id.0),
        name: "all".to_owned(),
        prefix: String::new(),
        strip_digits: 0,
        prepend_digits: String::new(),
        trunks: vec![id],
        is_active: true,
    };
    Outside { trunks: vec![trunk], routes: vec![route], ..Outside::default() }
}

/// A call between 1001 and 1002 that the one or the other sends on.
struct Scene {
    cell: Cell,
    story: Story,
}

impl Scene {
    fn talking(cell: Cell) -> Self {
        let mut story = Story::of(cell.rows(), &["1001", "1002", "1003", "1004", OUTSIDE]);
        story.meets("1002", Manner::answer(millis(500)));
        story.calls("1001", forever("1002"));
        story.runs_for(2_000);
        if cell.is_held {
            story.moves(cell.transferor(), Move::Hold);
            story.runs_for(1_000);
        }
        story.meets(cell.taker(), cell.manner());
        // Of an extension only one takes it.
        let other =
            if cell.fate == Fate::Answers { Manner::of(Verdict::Ignore, millis(0)) } else { cell.manner() };
        story.meets("1004", other);
        if cell.fate == Fate::Gone {
            ["1003", "1004"].iter().for_each(|name| story.leaves(name));
        }
        Self { cell, story }
    }

    /// The call that is sent on, and the one with the target, if there is one.
    fn calls(&self) -> Vec<CallId> {
        self.story.world.ledger.calls.keys().copied().collect()
    }

    fn record(&self) -> &Record {
        self.story.records()[0]
    }

    fn sent_on(&mut self) {
        let (way, by, to) = (self.cell.way, self.cell.transferor(), self.cell.target.number());
        match way {
            Way::Blind | Way::BlindAndGone => self.story.sends_on(by, to, way.leaves()),
            Way::Ordered => {
                let leg = Some(if self.cell.by_caller { 1 } else { 2 });
                self.orders(Command::Transfer { call: self.calls()[0], leg, to: to.to_owned() });
            }
            _ => {
                self.story.calls(by, forever(to));
                self.story.runs_for(if way.is_early() { 1_000 } else { 6_000 });
                self.connected();
            }
        }
    }

    fn connected(&mut self) {
        if self.cell.way.is_early() && self.cell.target == Target::Queue {
            // It is asked anew, for the one who stands there now.
            self.story.meets("1003", self.cell.manner());
        }
        let by = self.cell.transferor();
        if self.cell.way == Way::Connected {
            if let [call, other] = self.calls()[..] {
                self.orders(Command::Connect { call, other });
            }
        } else {
            let way = self.cell.way;
            self.story.connects(by, way == Way::AttendedThere, way.leaves());
        }
    }

    fn orders(&mut self, command: Command) {
        self.story.tells_switch(Input::Command(command));
    }

    /// Who is left talks, hears and sees the right one.
    fn check_who_talks(&mut self) {
        let cell = self.cell;
        let taker = cell.taker();
        if cell.way.asks_first() && cell.target.is_nobody() {
            // It goes on until the transferor has enough of it.
            self.story.moves(cell.transferor(), Move::HangUp);
            self.story.runs_for(1_000);
        }
        let left_out = match (cell.succeeds(), cell.is_done_at_once()) {
            (true, _) => vec![cell.transferor(), "1004"],
            // Whoever was handed over has not been lucky there.
            (false, true) => vec![cell.transferor(), cell.transferee(), taker, "1004"],
            (false, false) => vec![taker, "1004"],
        };
        for name in left_out {
            assert!(self.story.talk_of(name).is_none(), "{cell:?}: {name} is left");
        }
        if cell.succeeds() && cell.target.is_nobody() {
            return self.check_who_is_served();
        }
        if !cell.succeeds() && cell.is_done_at_once() {
            return;
        }
        let with = if cell.succeeds() { taker } else { cell.transferor() };
        for (one, other) in [(cell.transferee(), with), (with, cell.transferee())] {
            let heard = self.story.world.hears(one, other);
            assert_eq!(heard, Ok(()), "{cell:?}: {one} hears {other}");
        }
        if cell.succeeds() {
            let (sees_taker, shown) = match cell.target {
                Target::Trunk => (OUTSIDE, OWN_NUMBER),
                _ => ("1003", cell.transferee()),
            };
            assert_eq!(sees(&mut self.story, cell.transferee()), sees_taker, "{cell:?}");
            assert_eq!(sees(&mut self.story, taker), shown, "{cell:?}");
        }
    }

    /// Whoever was sent to a room sits there; who is to leave a message is recorded and nothing else is.
    fn check_who_is_served(&mut self) {
        let cell = self.cell;
        assert!(self.story.talk_of(cell.transferee()).is_some(), "{cell:?}");
        let open = &self.story.world.relay.open;
        let (sits, tapped) = (
            open.values().filter(|open| open.room.is_some()).count(),
            open.values().filter(|open| open.is_tapped).count(),
        );
        let expected = if cell.target == Target::Conference { (1, 0) } else { (0, 1) };
        assert_eq!((sits, tapped), expected, "{cell:?}");
    }

    /// What the transferor's phone was told.
    fn check_referral(&mut self) {
        let cell = self.cell;
        let calls = self.story.calls_of(cell.transferor());
        let Some(referral) = calls.iter().find_map(|call| call.referral.as_ref()) else { return };
        if cell.is_taken_up() {
            assert_eq!(referral.status, Some(202), "{cell:?}: {referral:?}");
            let is_told = !cell.way.leaves() || cell.is_done_at_once();
            assert_eq!(referral.is_over, is_told, "{cell:?}: {referral:?}");
            assert_eq!(
                referral.has_succeeded(),
                is_told && (cell.succeeds() || cell.is_done_at_once()),
                "{cell:?}: {referral:?}"
            );
        } else {
            assert!(referral.status.is_some_and(|status| status >= 400), "{cell:?}: {referral:?}");
        }
    }

    /// One record, or two that name each other; H-060's words for what has happened.
    fn check_record(&self) {
        let (cell, kinds) = (self.cell, self.record().kinds());
        let was_sent = cell.waits_for_target();
        assert_eq!(kinds.contains(&EventKind::Transfer), was_sent, "{cell:?}: {kinds:?}");
        let came_to: &[EventKind] = match (cell.succeeds(), cell.fate) {
            _ if !cell.target.can_ring() && !cell.succeeds() => &[],
            (true, _) if was_sent => &[EventKind::TransferAnswered],
            (true, _) => &[
                EventKind::TransferConsulting,
                EventKind::TransferConnecting,
                EventKind::TransferCompleted,
                EventKind::TransferAttended,
            ],
            _ if !was_sent => &[],
            _ if !cell.is_taken_up() => &[],
            (_, Fate::Busy | Fate::Declines) => &[EventKind::TransferBusy],
            _ => &[EventKind::TransferNoAnswer],
        };
        let told: Vec<EventKind> = kinds.iter().filter(|kind| came_to.contains(kind)).copied().collect();
        assert_eq!(told, came_to, "{cell:?}: {kinds:?}");
        let is_chain = cell.way.asks_first() && cell.is_taken_up();
        assert!(self.names_each_other().iter().all(|names| *names == is_chain), "{cell:?}");
    }

    /// Of each call whether its record names the other one.
    fn names_each_other(&self) -> Vec<bool> {
        let calls = self.calls();
        let names = |(call, record): (&CallId, &Record)| {
            let mut others = record.events.iter().filter_map(|(_, event)| event.detail.call);
            others.any(|other| calls.contains(&other) && other != *call)
        };
        self.story.world.ledger.calls.iter().map(names).collect()
    }

    /// One recording from the answer on, of both who talk now.
    fn check_recording(&self) {
        let (cell, record) = (self.cell, self.record());
        if cell.is_done_at_once() && (cell.target.is_nobody() || !cell.succeeds()) {
            // It rests in a room, and ends before a message, which is somebody else's, and with the call.
            let own = record.recordings.values().next().and_then(|steps| steps.last()).copied();
            let expected = match cell.target {
                Target::Mailbox if !cell.is_recorded => Some(RecordingStep::Started),
                Target::Conference => cell.is_recorded.then_some(RecordingStep::Started),
                _ => cell.is_recorded.then_some(RecordingStep::Stopped),
            };
            assert_eq!(own, expected, "{cell:?}");
            return;
        }
        let recordings: Vec<&Vec<RecordingStep>> = record.recordings.values().collect();
        let expected: &[&Vec<RecordingStep>] =
            if cell.is_recorded { &[&vec![RecordingStep::Started]] } else { &[] };
        assert_eq!(recordings, expected, "{cell:?}");
        let tapped = self.story.world.relay.open.values().filter(|open| open.is_tapped).count();
        assert_eq!(tapped, if cell.is_recorded { 2 } else { 0 }, "{cell:?}");
    }
}

fn forever(number: &str) -> CallPlan {
    CallPlan::to(number, Duration::ZERO).with_talk(&[])
}

/// Whom a phone believes to talk to.
fn sees(story: &mut Story, name: &str) -> String {
    let believed = |call: &Call| call.asserted.clone().unwrap_or_else(|| call.number_or_caller.clone());
    story.talk_of(name).map(believed).unwrap_or_default()
}

fn play(cell: Cell) {
    let mut scene = Scene::talking(cell);
    // Whom the call comes back to, if it does.
    if cell.way.leaves() {
        scene.story.meets(cell.transferor(), Manner { talk: Vec::new(), ..Manner::answer(millis(500)) });
    }
    scene.sent_on();
    scene.story.runs_for(u64::from(RING_TIMEOUT_SECS) * 1_000 + 30_000);
    scene.check_who_talks();
    scene.check_referral();
    scene.check_record();
    scene.check_recording();
    scene.story.ends();
}

/// A way is a test of its own so that they run side by side.
macro_rules! ways {
    ($($name:ident: $way:ident,)*) => {
        $(#[test]
        fn $name() {
            Cell::all(Way::$way).for_each(play);
        })*

        #[test]
        fn every_way_is_played() {
            assert_eq!([$(Way::$way),*], Way::ALL);
        }
    };
}

ways! {
    blind: Blind,
    blind_by_a_phone_that_leaves_at_once: BlindAndGone,
    by_order: Ordered,
    attended: Attended,
    attended_said_in_the_second_call: AttendedThere,
    connected_by_order: Connected,
    while_the_target_rings: Early,
    while_the_target_rings_by_a_phone_that_leaves_at_once: EarlyAndGone,
}
