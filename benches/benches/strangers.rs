//! What a message costs that nobody has paid for: a challenge, a refusal under overload, silence for the locked out.
#![allow(missing_docs, clippy::unwrap_used, reason = "criterion writes its own items; a bench may stop")]

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use calls::{AccessList, ClockMark, GuardConfig, Input, Outputs, Switchboard, SwitchboardConfig};
use contract::{
    id::OrgId,
    language::Language,
    snapshot::{Organisation, Snapshot},
    time::Timestamp,
};
use criterion::{Criterion, criterion_group, criterion_main};
use sip::Flow;
use uuid::Uuid;

const DOMAIN: &str = "demo.sambung.test";

struct Door {
    board: Switchboard,
    flow: Flow,
    now: Instant,
    out: Outputs,
    invite: String,
}

impl Door {
    fn new(guard: GuardConfig) -> Self {
        let organisation = Organisation {
            id: OrgId(Uuid::from_u128(1)),
            sip_domain: DOMAIN.into(),
            is_default: true,
            ring_timeout_secs: 60,
            language: Language::Id,
            has_announcements: true,
            recording: contract::snapshot::RecordingPolicy::Never,
            has_recording_notice: false,
            has_recording_keys: false,
            timezone: contract::snapshot::default_timezone(),
            holidays: Vec::new(),
            outside: Default::default(),
            staff: Vec::new(),
            extensions: Vec::new(),
            accounts: Vec::new(),
        };
        let plan = dialplan::compile(&Snapshot { revision: 1, organisations: vec![organisation] }).unwrap();
        let now = Instant::now();
        let mark = ClockMark { instant: now, unix: Timestamp(1_800_000_000_000_000) };
        let config = SwitchboardConfig { guard, ..SwitchboardConfig::default() };
        let remote: SocketAddr = "203.0.113.1:5060".parse().unwrap();
        let invite = include_str!("../fixtures/invite.sip").replace('\n', "\r\n");
        let uri = invite.split(' ').nth(1).unwrap().to_owned();
        Self {
            board: Switchboard::new(config, Arc::new(plan), [7; 32], mark),
            flow: Flow::udp("192.0.2.1:5060".parse().unwrap(), remote),
            now,
            out: Outputs::new(),
            invite: invite.replacen(&uri, &format!("sip:1002@{DOMAIN}"), 1),
        }
    }

    /// One INVITE without credentials, a millisecond after the last.
    fn knock(&mut self, queued: Duration) -> usize {
        self.now += Duration::from_millis(1);
        let input = Input::Received { flow: self.flow, bytes: self.invite.as_bytes(), queued };
        self.board.handle(self.now, input, &mut self.out);
        let outputs = self.out.len();
        self.out.drain().for_each(drop);
        outputs
    }
}

fn strangers(criterion: &mut Criterion) {
    let nets = |text: &str| vec![text.parse().unwrap()];
    let allowed = AccessList::new(&nets("203.0.113.0/24"), &[]);
    criterion.bench_function("strangers/INVITE, 503 without ports", |bencher| {
        let mut door = Door::new(GuardConfig { access: allowed.clone(), ..GuardConfig::default() });
        bencher.iter(|| door.knock(Duration::ZERO));
    });
    criterion.bench_function("strangers/REGISTER, 401", |bencher| {
        let mut door = Door::new(GuardConfig { access: allowed.clone(), ..GuardConfig::default() });
        door.invite = door.invite.replace("INVITE", "REGISTER");
        bencher.iter(|| door.knock(Duration::ZERO));
    });
    criterion.bench_function("strangers/INVITE, shed with 503", |bencher| {
        let mut door = Door::new(GuardConfig { access: allowed.clone(), ..GuardConfig::default() });
        (0..500).for_each(|_| assert!(door.knock(Duration::from_millis(50)) > 0));
        bencher.iter(|| door.knock(Duration::from_millis(50)));
    });
    criterion.bench_function("strangers/INVITE, denied", |bencher| {
        let access = AccessList::new(&[], &nets("203.0.113.0/24"));
        let mut door = Door::new(GuardConfig { access, ..GuardConfig::default() });
        bencher.iter(|| door.knock(Duration::ZERO));
    });
}

criterion_group!(benches, strangers);
criterion_main!(benches);
