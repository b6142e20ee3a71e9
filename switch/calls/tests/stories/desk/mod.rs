//! A desk with a switchboard on it and phones scripted as text: real SIP in, real SIP out, a virtual clock, and a
//! relay that obeys at once. It plays what a story tells it and checks nothing by itself but that it is told of
//! everything: a message nobody looked at fails the story at its end.

pub mod asking;
pub mod phone;
pub mod sound;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use calls::{
    Binding, BindingChange, CallImage, ClockMark, Continuity, Counts, ImageChange, Input, LiveChange,
    MessageFetch, Notice, Output, Outputs, RecordingOrder, Switchboard, SwitchboardConfig, Trace, TrunkNews,
};
use contract::{
    command::Outcome,
    id::{AccountId, CallId, ExtensionId, OrgId, UserId},
    journal::{Detail, Entry, Fact, Leg, Participant, Quality},
    language::Language,
    live::LiveCall,
    snapshot::{Account, Extension, Organisation, Snapshot, Staff},
    time::Timestamp,
};
use dialplan::Plan;
use sip::{Flow, OwnedMessage, digest};
use streams::diagnosis::Diagnosis;
use streams::keys::Key;
use streams::leg::Judgement;
use streams::media::{LeaseId, LegReport, MediaCommand, MediaEvent, PortLease};
use uuid::Uuid;

pub use phone::{Caller, Phone};

pub const DOMAIN: &str = "demo.sambung.test";
pub const SWITCH: &str = "192.0.2.1:5060";
pub const MEDIA: &str = "192.0.2.20";

pub fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

pub struct Desk {
    pub config: SwitchboardConfig,
    /// When its clock began, and the time line that all its lives share.
    pub mark: ClockMark,
    pub board: Switchboard,
    pub now: Instant,
    pub sent: Vec<(Flow, OwnedMessage)>,
    pub journal: Vec<Entry>,
    pub media: Vec<MediaCommand>,
    pub recordings: Vec<RecordingOrder>,
    /// Messages of mailboxes that somebody wants to hear.
    pub fetches: Vec<MessageFetch>,
    pub bindings: BTreeMap<(AccountId, Arc<str>), Arc<Binding>>,
    pub live: BTreeMap<CallId, LiveCall>,
    /// What the next process would find, of a desk that has more than one life.
    pub images: BTreeMap<CallId, bytes::Bytes>,
    pub notices: Vec<Notice>,
    pub traces: Vec<Trace>,
    /// What has become of trunks.
    pub trunks: Vec<TrunkNews>,
    /// Keep-alives of streams, by flow.
    pub pings: Vec<Flow>,
    /// Call-IDs of which legs or messages have been told, in that order: `leg X`, `sent X`; and what is recorded: `recording`,
    /// `tap`; and what somebody has turned on or off: `availability`.
    pub order: Vec<String>,
    /// Connections whose peers have proved who they are.
    pub trusted: Vec<u64>,
    pub outcomes: Vec<Outcome>,
    /// The last answer of the relay is this report.
    pub report: LegReport,
    /// The relay obeys and never reports a lease closed.
    pub is_relay_dead: bool,
}

/// 1001 Sari and 1002 Budi (two accounts) and 1003 Citra, the extensions 100 (Budi and Citra), 200 (inactive) and
/// 300 (nobody), all of which Sari supervises, and the bare accounts u0 and callee. Every password is "secret". Calls ring 60 s.
pub fn rows() -> Snapshot {
    let staff = |n: u128, name: &str, number: &str| Staff {
        user: UserId(id(n)),
        name: name.into(),
        number: number.into(),
        is_active: true,
        mailbox: None,
    };
    let account = |n: u128, user: Option<u128>, username: &str| Account {
        id: AccountId(id(n)),
        user: user.map(|user| UserId(id(user))),
        username: username.into(),
        ha1_md5: digest::ha1(digest::Algorithm::Md5, username, DOMAIN, "secret"),
        ha1_sha256: digest::ha1(digest::Algorithm::Sha256, username, DOMAIN, "secret"),
        is_active: true,
    };
    let extension = |n: u128, number: &str, is_active, staff: &[u128]| Extension {
        id: ExtensionId(id(n)),
        name: format!("extension {number}"),
        number: number.into(),
        is_active,
        staff: staff.iter().map(|user| UserId(id(*user))).collect(),
        hours: Vec::new(),
        rules: Vec::new(),
        recording: None,
        takes_intercom: false,
        queue: None,
        menu: None,
        conference: None,
        supervisors: vec![UserId(id(11))],
        page_group: None,
    };
    let organisation = Organisation {
        id: OrgId(id(1)),
        sip_domain: DOMAIN.into(),
        is_default: true,
        ring_timeout_secs: 60,
        language: Language::Id,
        has_announcements: true,
        recording: contract::snapshot::RecordingPolicy::OnDemand,
        has_recording_notice: false,
        has_recording_keys: false,
        timezone: contract::snapshot::default_timezone(),
        holidays: Vec::new(),
        outside: Default::default(),
        staff: vec![staff(11, "Sari", "1001"), staff(12, "Budi", "1002"), staff(13, "Citra", "1003")],
        extensions: vec![
            extension(21, "100", true, &[12, 13]),
            extension(22, "200", false, &[12]),
            extension(23, "300", true, &[]),
        ],
        accounts: vec![
            account(31, Some(11), "1001"),
            account(32, Some(12), "1002"),
            account(33, Some(12), "1002-mobile"),
            account(34, Some(13), "1003"),
            account(35, None, "u0"),
            account(36, None, "callee"),
        ],
    };
    Snapshot { revision: 1, organisations: vec![organisation] }
}

pub fn plan(snapshot: &Snapshot) -> Arc<Plan> {
    Arc::new(dialplan::compile(snapshot).expect("the rows compile"))
}

/// A port pair of the relay.
pub fn lease(n: u32) -> PortLease {
    PortLease { id: LeaseId(n), address: format!("{MEDIA}:{}", 20_000 + 2 * n).parse().unwrap() }
}

impl Desk {
    pub fn new() -> Self {
        Self::with(SwitchboardConfig::default(), 32)
    }

    /// One whose switchboard may die.
    pub fn mortal() -> Self {
        Self::mortal_with(SwitchboardConfig::default())
    }

    pub fn mortal_with(config: SwitchboardConfig) -> Self {
        let mut desk = Self::with(config, 32);
        desk.board = desk.board.with_images(Continuity { origin: desk.mark.instant, secrets: [9; 32] });
        desk
    }

    /// A mortal one that plays music and says what it has to.
    pub fn speaking() -> Self {
        let config =
            SwitchboardConfig { hold_music: true, announcements: true, ..SwitchboardConfig::default() };
        Self::mortal_with(config)
    }

    /// The switchboard dies without warning, and another goes on, with nothing left in stock.
    pub fn die(&mut self) {
        let continuity = Continuity { origin: self.mark.instant, secrets: [9; 32] };
        let lived = i64::try_from((self.now - self.mark.instant).as_micros()).unwrap();
        let mark = ClockMark { instant: self.now, unix: self.mark.unix.plus_micros(lived) };
        let board = Switchboard::new(self.config.clone(), plan(&rows()), [8; 32], mark);
        self.board = board.with_images(continuity);
        let of = |(call, image)| CallImage { call, image, events: Some(0) };
        let calls = std::mem::take(&mut self.images).into_iter().map(of).collect();
        self.tell(Input::Resume { calls, rest: bytes::Bytes::new() });
    }

    pub fn with(config: SwitchboardConfig, leases: u32) -> Self {
        #[expect(clippy::disallowed_methods, reason = "any beginning will do")]
        let now = Instant::now();
        let mark = ClockMark { instant: now, unix: Timestamp(1_800_000_000_000_000) };
        let mut desk = Self {
            config: config.clone(),
            mark,
            board: Switchboard::new(config, plan(&rows()), [7; 32], mark),
            now,
            sent: Vec::new(),
            journal: Vec::new(),
            media: Vec::new(),
            recordings: Vec::new(),
            fetches: Vec::new(),
            bindings: BTreeMap::new(),
            live: BTreeMap::new(),
            images: BTreeMap::new(),
            notices: Vec::new(),
            traces: Vec::new(),
            trunks: Vec::new(),
            pings: Vec::new(),
            order: Vec::new(),
            trusted: Vec::new(),
            outcomes: Vec::new(),
            report: LegReport::default(),
            is_relay_dead: false,
        };
        desk.tell(Input::Media(MediaEvent::Stock((0..leases).map(lease).collect())));
        desk
    }

    /// The relay has played what it was to play on a lease.
    pub fn played(&mut self, lease: u32) {
        self.tell(Input::Media(MediaEvent::Played { lease: LeaseId(lease) }));
    }

    /// The relay has looked at the caller's lease and at the callee's, and found this.
    pub fn seen(&mut self, found: [(u32, Diagnosis); 2]) {
        for (lease, diagnosis) in found {
            let judgement = Judgement { diagnosis: Some(diagnosis), ..Judgement::default() };
            let report = Some(Box::new(LegReport { judgement, ..LegReport::default() }));
            self.tell(Input::Media(MediaEvent::Seen { lease: LeaseId(lease), report }));
        }
    }

    /// Keys were pressed at the far end of a lease, one after the other.
    pub fn press(&mut self, lease: u32, keys: &str) {
        for sign in keys.chars() {
            let key = Key::of_sign(sign).expect("a key");
            self.tell(Input::Media(MediaEvent::Key { lease: LeaseId(lease), key }));
        }
    }

    /// The relay's latest order about a lease's keys was to tell them.
    pub fn is_listened_to(&self, lease: u32) -> bool {
        let orders = self.media.iter().rev();
        let of = |command: &MediaCommand| match command {
            MediaCommand::Listen { lease: of, is_on, .. } if of.0 == lease => Some(*is_on),
            _ => None,
        };
        orders.filter_map(of).next().unwrap_or(false)
    }

    /// Gives the switchboard an input and takes up all that follows.
    pub fn tell(&mut self, input: Input<'_>) {
        let mut out = Outputs::new();
        self.board.handle(self.now, input, &mut out);
        let mut closed = Vec::new();
        while let Some(output) = out.pop() {
            match output {
                Output::Send { flow, bytes } if &bytes[..] == b"\r\n\r\n" => self.pings.push(flow),
                Output::Trunk(change) => self.trunks.push(change.news),
                Output::Send { flow, bytes } => {
                    let message = OwnedMessage::parse(&bytes).expect("what is sent can be read");
                    self.order.push(format!("sent {}", message.view().call_id().expect("it has one")));
                    self.sent.push((flow, message));
                }
                Output::FetchMessage(fetch) => self.fetches.push(fetch),
                Output::Recording(order) => {
                    self.order.push("recording".to_owned());
                    self.recordings.push(order);
                }
                Output::Media(command) => {
                    if let MediaCommand::Tap { .. } = command {
                        self.order.push("tap".to_owned());
                    }
                    if let MediaCommand::Close { lease } = command
                        && !self.is_relay_dead
                    {
                        closed.push(lease);
                    }
                    self.media.push(command);
                }
                Output::Journal(entry) => {
                    if entry.call.is_none() {
                        self.order.push("availability".to_owned());
                    }
                    self.journal.push(entry);
                }
                Output::Binding(BindingChange::Put(binding)) => {
                    self.bindings.insert((binding.account, binding.key.clone()), binding);
                }
                Output::Binding(BindingChange::Remove { account, key }) => {
                    self.bindings.remove(&(account, key)).expect("what is removed was there");
                }
                Output::Trusted { connection } => self.trusted.push(connection),
                Output::Live(LiveChange::Put(call)) => {
                    self.live.insert(call.call, call);
                }
                Output::Live(LiveChange::Remove(call)) => {
                    self.live.remove(&call).expect("what is removed was there");
                }
                Output::Command(outcome) => self.outcomes.push(outcome),
                Output::Notice(notice) => self.notices.push(notice),
                Output::Image(ImageChange::Put { call, image }) => drop(self.images.insert(call, image)),
                Output::Image(ImageChange::Remove(call)) => drop(self.images.remove(&call)),
                Output::Trace(trace) => {
                    if let Trace::Leg { sip_call_id, .. } = &trace {
                        self.order.push(format!("leg {sip_call_id}"));
                    }
                    self.traces.push(trace);
                }
            }
        }
        for lease in closed {
            let report = Box::new(self.report);
            self.tell(Input::Media(MediaEvent::Closed { lease, report }));
        }
    }

    /// A message from a phone.
    pub fn from(&mut self, phone: &Phone, text: &str) {
        self.late(phone, text, Duration::ZERO);
    }

    /// A message that has waited for the switch.
    pub fn late(&mut self, phone: &Phone, text: &str, queued: Duration) {
        self.tell(Input::Received { flow: phone.flow, bytes: text.as_bytes(), queued });
    }

    /// Lets time pass, waking the switchboard whenever it asks for it.
    pub fn wait(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some((at, _)) = self.board.deadline().filter(|(at, _)| *at <= until) {
            self.now = self.now.max(at);
            self.tell(Input::Timeout);
        }
        self.now = until;
    }

    /// The next message to a phone, which must begin like this.
    #[track_caller]
    pub fn expect(&mut self, phone: &Phone, start: &str) -> OwnedMessage {
        let at = self.sent.iter().position(|(flow, _)| flow.remote == phone.flow.remote);
        let Some(at) = at else { panic!("{} got nothing instead of {start}", phone.user) };
        let (_, message) = self.sent.remove(at);
        let line = start_line(&message);
        assert!(line.starts_with(start), "{} got {line} instead of {start}", phone.user);
        message
    }

    /// The next message to a phone that is no repeat.
    #[track_caller]
    pub fn silent(&self, phone: &Phone) {
        let found = self.sent.iter().find(|(flow, _)| flow.remote == phone.flow.remote);
        assert!(found.is_none(), "{} got {}", phone.user, start_line(&found.unwrap().1));
    }

    /// Registers a new phone at its own address and forgets the messages of it.
    #[track_caller]
    pub fn phone(&mut self, user: &str, address: &str) -> Phone {
        let phone = Phone::new(user, address);
        self.register(&phone, 1);
        phone
    }

    /// Sari and Budi, registered.
    #[track_caller]
    pub fn two(&mut self) -> [Phone; 2] {
        [("1001", "198.51.100.1:5060"), ("1002", "198.51.100.2:5060")].map(|(user, at)| self.phone(user, at))
    }

    #[track_caller]
    pub fn register(&mut self, phone: &Phone, cseq: u32) -> OwnedMessage {
        let contact = format!("Contact: <{}>\r\n", phone.contact());
        self.registers(phone, cseq, &contact)
    }

    /// Sends a REGISTER with these headers, with credentials, and returns the answer.
    #[track_caller]
    pub fn registers(&mut self, phone: &Phone, cseq: u32, headers: &str) -> OwnedMessage {
        self.from(phone, &phone.register(cseq, headers, ""));
        let challenge = self.expect(phone, "SIP/2.0 401");
        let authorization = phone.authorization(&challenge, "REGISTER", &format!("sip:{DOMAIN}"));
        self.from(phone, &phone.register(cseq + 1, headers, &authorization));
        self.expect(phone, "SIP/2.0")
    }

    /// Dials with credentials, up to the 100.
    #[track_caller]
    pub fn dial(&mut self, phone: &Phone, number: &str, sdp: Option<&str>) -> Caller {
        let caller = self.dial_with(phone, number, "", sdp);
        self.expect(phone, "SIP/2.0 100");
        caller
    }

    /// Dials with these headers and credentials.
    #[track_caller]
    pub fn dial_with(&mut self, phone: &Phone, number: &str, headers: &str, sdp: Option<&str>) -> Caller {
        self.dial_as(Caller::new(phone, number), headers, sdp)
    }

    /// Dials as this caller, with these headers and credentials.
    #[track_caller]
    pub fn dial_as(&mut self, mut caller: Caller, headers: &str, sdp: Option<&str>) -> Caller {
        let phone = caller.phone.clone();
        self.from(&phone, &caller.invite(sdp, headers));
        let challenge = self.expect(&phone, "SIP/2.0 401");
        self.from(&phone, &caller.ack_refusal(&challenge));
        let authorization = phone.authorization(&challenge, "INVITE", &caller.uri());
        caller.cseq += 1;
        self.from(&phone, &caller.invite(sdp, &(authorization + headers)));
        caller
    }

    /// The caller is answered and says so.
    #[track_caller]
    pub fn answered(&mut self, caller: &mut Caller) {
        let ok = self.expect(&caller.phone, "SIP/2.0 200");
        let ack = caller.ack(&ok, None);
        self.from(&caller.phone, &ack);
    }

    /// Somebody dials what the switch itself answers.
    #[track_caller]
    pub fn enter(&mut self, phone: &Phone, number: &str) -> Caller {
        let mut caller = self.dial(phone, number, Some(&phone.sdp()));
        self.answered(&mut caller);
        caller
    }

    /// Somebody dials a queue and is let wait in it.
    #[track_caller]
    pub fn line_up(&mut self, phone: &Phone, number: &str) -> Caller {
        let mut caller = self.dial(phone, number, Some(&phone.sdp()));
        self.expect(phone, "SIP/2.0 180");
        self.answered(&mut caller);
        caller
    }

    /// A call between two phones, up to both talking. Returns the caller's side and the callee's INVITE.
    #[track_caller]
    pub fn talk(&mut self, from: &Phone, to: &Phone, number: &str) -> (Caller, OwnedMessage) {
        let mut caller = self.dial(from, number, Some(&from.sdp()));
        let invite = self.expect(to, "INVITE");
        self.from(to, &to.respond(&invite, 180, None));
        self.expect(from, "SIP/2.0 180");
        self.from(to, &to.respond(&invite, 200, Some(&to.sdp())));
        self.expect(to, "ACK");
        self.answered(&mut caller);
        (caller, invite)
    }

    /// A caller hangs up whom nobody but the switch hears.
    #[track_caller]
    pub fn goes(&mut self, caller: &mut Caller) {
        let bye = caller.request("BYE", "", None);
        self.from(&caller.phone, &bye);
        self.expect(&caller.phone, "SIP/2.0 200");
    }

    /// The caller of an answered call hangs up.
    #[track_caller]
    pub fn hang_up(&mut self, caller: &mut Caller, callee: &Phone) {
        self.goes(caller);
        let bye = self.expect(callee, "BYE");
        self.from(callee, &callee.respond(&bye, 200, None));
    }

    /// The events of all calls, each with its participant.
    pub fn events(&self) -> Vec<String> {
        let told = |entry: &Entry| match &entry.fact {
            Fact::Event(event) => Some(match event.participant {
                Some(no) => format!("{}({no})", event.kind.as_str()),
                None => event.kind.as_str().to_owned(),
            }),
            _ => None,
        };
        self.journal.iter().filter_map(told).collect()
    }

    fn latest(&self, kind: &str) -> Detail {
        let found = self.journal.iter().rev().find_map(|entry| match &entry.fact {
            Fact::Event(event) if event.kind.as_str() == kind => Some(event.detail.clone()),
            _ => None,
        });
        found.expect("the event is there")
    }

    /// The number in the latest event of this kind.
    pub fn number_of(&self, kind: &str) -> Option<String> {
        self.latest(kind).number
    }

    /// `reason/status` of the latest event of this kind.
    pub fn detail(&self, kind: &str) -> String {
        let detail = self.latest(kind);
        let status = detail.sip_status.map(|status| status.to_string());
        format!("{}/{}", detail.reason.as_deref().unwrap_or("-"), status.as_deref().unwrap_or("-"))
    }

    pub fn participants(&self) -> Vec<Participant> {
        let told = |entry: &Entry| match &entry.fact {
            Fact::Participant(participant) => Some(participant.clone()),
            _ => None,
        };
        self.journal.iter().filter_map(told).collect()
    }

    pub fn legs(&self) -> Vec<Leg> {
        let told = |entry: &Entry| match &entry.fact {
            Fact::Leg(leg) => Some(leg.clone()),
            _ => None,
        };
        self.journal.iter().filter_map(told).collect()
    }

    pub fn qualities(&self) -> Vec<Quality> {
        let told = |entry: &Entry| match &entry.fact {
            Fact::Quality(quality) => Some(quality.clone()),
            _ => None,
        };
        self.journal.iter().filter_map(told).collect()
    }

    /// Waits until everything has run out; nothing may be left, and every message must have been looked at.
    #[track_caller]
    pub fn rest(&mut self) {
        let unread: Vec<String> = self
            .sent
            .iter()
            .map(|(flow, message)| format!("{} {}", flow.remote, start_line(message)))
            .collect();
        assert!(unread.is_empty(), "nobody looked at {unread:?}");
        self.quiet();
    }

    /// As `rest`, without a look at the messages.
    #[track_caller]
    pub fn quiet(&mut self) {
        self.wait(Duration::from_secs(300));
        let Counts { registrations, stock, .. } = self.board.counts();
        let counts = Counts { registrations: 0, stock: 0, ..self.board.counts() };
        assert_eq!(
            counts,
            Counts::default(),
            "something is left ({registrations} contacts, {stock} in stock)"
        );
        assert!(self.live.is_empty(), "the live table still shows a call");
        self.check_journal();
    }

    /// Every call ends exactly once and last, without holes; every lease is opened before and closed after use.
    #[track_caller]
    fn check_journal(&self) {
        let mut calls: BTreeMap<CallId, Vec<(u32, &str)>> = BTreeMap::new();
        for entry in &self.journal {
            if let Fact::Event(event) = &entry.fact {
                calls.entry(entry.call.unwrap()).or_default().push((event.seq, event.kind.as_str()));
            }
        }
        for events in calls.values() {
            let seqs: Vec<u32> = events.iter().map(|(seq, _)| *seq).collect();
            assert_eq!(seqs, (1..=u32::try_from(events.len()).unwrap()).collect::<Vec<_>>(), "{events:?}");
            assert_eq!(events.iter().filter(|(_, kind)| *kind == "ended").count(), 1, "{events:?}");
            assert_eq!(events.last().map(|(_, kind)| *kind), Some("ended"), "{events:?}");
        }
        let mut open = std::collections::BTreeSet::new();
        for command in &self.media {
            match command {
                MediaCommand::Open { lease, .. } => assert!(open.insert(*lease), "{lease:?} is opened twice"),
                MediaCommand::Configure { lease, .. }
                | MediaCommand::Part { lease }
                | MediaCommand::Meet { lease, .. }
                | MediaCommand::Leave { lease }
                | MediaCommand::Play { lease, .. }
                | MediaCommand::Echo { lease }
                | MediaCommand::Stop { lease }
                | MediaCommand::Tap { lease, .. }
                | MediaCommand::Listen { lease, .. }
                | MediaCommand::Look { lease }
                | MediaCommand::Press { lease, .. } => {
                    assert!(open.contains(lease), "{command:?} of a lease that is not open");
                }
                MediaCommand::Announce { .. } => {}
                MediaCommand::Capture { .. } => panic!("call control does not capture: {command:?}"),
                MediaCommand::Join { a, b } => assert!(open.contains(a) && open.contains(b), "{command:?}"),
                MediaCommand::Close { lease } => assert!(open.remove(lease), "{lease:?} is closed twice"),
            }
        }
        assert!(open.is_empty(), "never closed: {open:?}");
    }
}

pub fn start_line(message: &OwnedMessage) -> String {
    let view = message.view();
    match view.status() {
        Some(status) => format!("SIP/2.0 {status} {}", view.reason_phrase()),
        None => format!("{} {}", view.method_text(), view.request_uri()),
    }
}

/// The first value of a header.
pub fn header(message: &OwnedMessage, name: &str) -> Option<String> {
    message.view().named(name).map(str::to_owned)
}

pub fn body(message: &OwnedMessage) -> String {
    String::from_utf8(message.body().to_vec()).unwrap()
}
