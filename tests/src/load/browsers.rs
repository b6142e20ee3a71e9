//! Calls of browsers, held: pages that register over WebSocket ([`Browser`]), with sound of their own ([`Sound`]), call each other or a
//! phone. What they hear is told at the end, and what the switch has used of processor and memory in between. The same calls between two
//! phones say what of it is a browser's price.

use std::{
    fmt,
    net::{SocketAddr, UdpSocket},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use super::{
    callee::Callee,
    callers::{Callers, Offer},
    crowd::{Crowd, Heard, Mouth},
    media::sockets,
    socket::dropped,
    switch::{NUMBER, Switch, number_of},
};
use crate::{
    phones::browser::{Browser, sound::Sound},
    process::wait_until,
};

/// The first port of media of the callers' and of the callee's calls.
const CALLER_MEDIA: u16 = 40_000;
const CALLEE_MEDIA: u16 = 50_000;
/// How long it may take until all have heard something.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a page shows that it is there; a silent one is asked after 25 s.
const ALIVE_EVERY: Duration = Duration::from_secs(10);

/// Who calls whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One browser another one.
    Browsers,
    /// A browser a phone with plain RTP.
    BrowserAndPhone,
    /// Such a phone another one.
    Phones,
}

impl Kind {
    /// Browsers in a call.
    pub fn browsers(self) -> u32 {
        match self {
            Self::Browsers => 2,
            Self::BrowserAndPhone => 1,
            Self::Phones => 0,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Browsers => "browser and browser",
            Self::BrowserAndPhone => "browser and phone",
            Self::Phones => "phone and phone",
        })
    }
}

/// Everybody who is to be in a call, and the calls as far as they have come.
pub struct Calls<'a> {
    switch: &'a Switch,
    kind: Kind,
    count: u32,
    /// Callers first, then callees.
    pages: Vec<Browser>,
    callee: Callee,
    callers: Option<Callers>,
    byes: Vec<String>,
    crowd: Crowd,
}

impl<'a> Calls<'a> {
    /// Registers everybody; there are no calls yet. The switch has an account for each browser.
    pub fn prepare(switch: &'a Switch, kind: Kind, count: u32) -> Result<Self> {
        let url = format!("ws://{}/sip", switch.ws);
        let page = |one: u32| -> Result<Browser> {
            let mut page = Browser::connect(&url, Path::new(""), &switch.account(one))?;
            page.registers()?;
            Ok(page)
        };
        let pages = (0..kind.browsers() * count).map(page).collect::<Result<Vec<_>>>()?;
        let callee = Callee::start(switch.sip)?;
        let callers = (kind == Kind::Phones).then(|| Callers::new(switch.sip, "hold")).transpose()?;
        let (byes, crowd) = (Vec::new(), Crowd::gather());
        Ok(Self { switch, kind, count, pages, callee, callers, byes, crowd })
    }

    /// Makes the calls, one after the other, and waits until each side of each has heard some seconds of the other one.
    pub fn begin(&mut self, packets: u64) -> Result<()> {
        match self.kind {
            Kind::Browsers => (0..self.count as usize).try_for_each(|call| self.call_a_browser(call))?,
            Kind::BrowserAndPhone => {
                let phones = sockets(self.switch.sip.ip(), CALLEE_MEDIA, self.count as u16)?;
                phones
                    .into_iter()
                    .enumerate()
                    .try_for_each(|(call, phone)| self.call_a_phone(call, phone))?;
            }
            Kind::Phones => self.call_phones()?,
        }
        self.crowd.has_heard(packets, PATIENCE)
    }

    fn call_a_browser(&mut self, call: usize) -> Result<()> {
        let ip = self.switch.sip.ip();
        let mut ends = [Sound::new(ip, 2 * call as u32)?, Sound::new(ip, 2 * call as u32 + 1)?];
        let (callers, callees) = self.pages.split_at_mut(self.count as usize);
        let (caller, callee) = (&mut callers[call], &mut callees[call]);
        let id = caller.dials(&number_of(self.count + call as u32).to_string(), &ends[0].offer())?;
        let invite = callee.hears("INVITE")?;
        let offer = String::from_utf8(invite.view().body().to_vec())?;
        callee.answers(&invite, Some(&ends[1].answer(&offer)?))?;
        callee.hears("ACK")?;
        let answered = caller.is_answered(&id)?;
        ends[0].take_answer(&answered.sdp)?;
        self.byes.push(answered.bye);
        self.crowd.join(ends.map(|end| Mouth::Browser(Box::new(end))))
    }

    fn call_a_phone(&mut self, call: usize, (port, phone): (u16, UdpSocket)) -> Result<()> {
        let ip = self.switch.sip.ip();
        let mut sound = Sound::new(ip, call as u32)?;
        *self.callee.seen.ports.lock().expect("the callee") = vec![port];
        let caller = &mut self.pages[call];
        let id = caller.dials(NUMBER, &sound.offer())?;
        let answered = caller.is_answered(&id)?;
        sound.take_answer(&answered.sdp)?;
        self.byes.push(answered.bye);
        let told = self.callee.seen.media.lock().expect("the callee").get(&port).copied();
        let switch = SocketAddr::new(ip, told.context("where the phone is to send to")?);
        self.crowd.join([Mouth::Browser(Box::new(sound)), Mouth::Phone(phone, switch)])
    }

    fn call_phones(&mut self) -> Result<()> {
        let (ip, count) = (self.switch.sip.ip(), self.count as u16);
        let (calling, called) = (sockets(ip, CALLER_MEDIA, count)?, sockets(ip, CALLEE_MEDIA, count)?);
        let callers = self.callers.as_mut().context("callers")?;
        let span = Duration::from_secs(1);
        for (nth, (calling, called)) in calling.into_iter().zip(called).enumerate() {
            *self.callee.seen.ports.lock().expect("the callee") = vec![called.0];
            let first_media_port = CALLER_MEDIA + 2 * nth as u16;
            let begun = callers.run(Offer { per_second: 1, span, hold: None, first_media_port });
            ensure!((begun.offered, begun.failed, begun.refused) == (1, 0, 0), "{begun:?}");
            let told = self.callee.seen.media.lock().expect("the callee").get(&called.0).copied();
            let mouth = |socket: UdpSocket, port: Option<u16>| -> Result<Mouth> {
                Ok(Mouth::Phone(socket, SocketAddr::new(ip, port.context("where to send to")?)))
            };
            let told_caller = callers.media.get(&calling.0).copied();
            self.crowd.join([mouth(calling.1, told_caller)?, mouth(called.1, told)?])?;
        }
        Ok(())
    }

    /// Lets them talk for so long.
    pub fn hold(&mut self, span: Duration) -> Result<()> {
        let end = Instant::now() + span;
        while Instant::now() < end {
            std::thread::sleep(ALIVE_EVERY.min(end.saturating_duration_since(Instant::now())));
            self.pages.iter_mut().try_for_each(Browser::keeps_alive)?;
        }
        Ok(())
    }

    /// Everybody falls silent, hangs up and goes; what each has heard.
    pub fn end(mut self) -> Result<Vec<Heard>> {
        let heard = self.crowd.end()?;
        let many = (self.count as usize).min(self.pages.len());
        let (callers, callees) = self.pages.split_at_mut(many);
        for (call, (caller, bye)) in callers.iter_mut().zip(&self.byes).enumerate() {
            caller.ends(bye)?;
            if let Some(callee) = callees.get_mut(call) {
                let bye = callee.hears("BYE")?;
                callee.answers(&bye, None)?;
            }
        }
        if let Some(callers) = &mut self.callers {
            let ended = callers.end_all();
            ensure!(ended.completed == u64::from(self.count), "{ended:?}");
        }
        self.pages.iter_mut().try_for_each(Browser::unregisters)?;
        Ok(heard)
    }
}

/// What a switch with nothing to do must show none of. Transactions and timers go by the clock (32 s, RFC 6026), and `soak` waits for
/// them.
const NONE_LEFT: [&str; 5] = [
    "sambung_calls_live",
    "sambung_call_legs",
    "sambung_sip_sessions",
    "sambung_media_leases",
    "sambung_media_legs",
];

/// So many calls at the same time: all are set up, everybody hears the one that they talk with, in one stream without a break, all are
/// ended, and the switch holds nothing of them. What the kernel had no room for is not the switch's loss; that is told.
pub fn held(kind: Kind, count: u32, packets: u64) -> Result<()> {
    let switch = Switch::start_with_numbers(kind.browsers() * count)?;
    let told = hold(&switch, kind, count, packets);
    told.with_context(|| switch.log())
}

fn hold(switch: &Switch, kind: Kind, count: u32, packets: u64) -> Result<()> {
    let (calls, legs) = (u64::from(count), u64::from(2 * count));
    let mut all = Calls::prepare(switch, kind, count)?;
    all.begin(packets)?;
    ensure!(switch.figure("sambung_calls_live")? == calls, "not all calls are up");
    ensure!(switch.figure("sambung_media_legs")? == legs, "not all legs are there");
    let heard = all.end()?;

    ensure!(heard.len() as u64 == legs, "{heard:?}");
    let lost: u64 = heard.iter().map(|heard| heard.missing).sum();
    let dropped = dropped(switch.browsers)?;
    ensure!(heard.iter().all(|heard| heard.wrong == 0), "voices, streams and places are right: {heard:?}");
    ensure!(lost <= dropped, "{lost} packets are lost, {dropped} of them by the kernel: {heard:?}");
    wait_until(PATIENCE, "nothing is left", || {
        let left = NONE_LEFT.iter().map(|name| switch.figure(name)).sum::<Result<u64>>()?;
        let connections = switch.figure("sambung_tcp_connections")?;
        Ok((left, connections, switch.figure("sambung_registrations")?) == (0, 0, REGISTERED))
    })
}

/// The account that everybody may call.
const REGISTERED: u64 = 1;

/// What a switch needs for calls.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Who calls whom.
    pub kind: Kind,
    /// Calls at the same time.
    pub calls: u32,
    /// Of one processor, while they talk, beyond what it uses without calls.
    pub processor: f64,
    /// Bytes of memory, of its own, when all have just heard each other.
    pub fresh_bytes: i64,
    /// When they have talked for a while.
    pub bytes: i64,
    /// Packets that did not arrive, of all.
    pub lost: (u64, u64),
}

/// How long handshakes are remembered, and more.
const SETTLED_AFTER: Duration = Duration::from_secs(40);

/// Measures a switch of its own that does nothing else.
pub fn cost(kind: Kind, count: u32, span: Duration) -> Result<Cost> {
    let switch = Switch::start_with_numbers(kind.browsers() * count + 1)?;
    let told = measure(&switch, kind, count, span);
    told.with_context(|| switch.log())
}

fn measure(switch: &Switch, kind: Kind, count: u32, span: Duration) -> Result<Cost> {
    let mut all = Calls::prepare(switch, kind, count)?;
    all.hold(SETTLED_AFTER)?;
    let (idle, began) = (switch.processor_time()?, Instant::now());
    all.hold(span / 3)?;
    let idle = (switch.processor_time()? - idle).as_secs_f64() / began.elapsed().as_secs_f64();
    let before = switch.private_bytes()?.cast_signed();

    all.begin(50)?;
    let fresh_bytes = switch.private_bytes()?.cast_signed() - before;
    all.hold(SETTLED_AFTER)?;
    let (used, began) = (switch.processor_time()?, Instant::now());
    all.hold(span)?;
    let used = (switch.processor_time()? - used).as_secs_f64() / began.elapsed().as_secs_f64();
    let bytes = switch.private_bytes()?.cast_signed() - before;
    let heard = all.end()?;
    let lost: u64 = heard.iter().map(|heard| heard.missing).sum();
    ensure!(heard.iter().all(|heard| heard.wrong == 0), "{heard:?}");
    let said = lost + heard.iter().map(|heard| heard.packets).sum::<u64>();
    Ok(Cost { kind, calls: count, processor: used - idle, fresh_bytes, bytes, lost: (lost, said) })
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = f64::from(self.calls);
        let (percent, megabytes) = (100.0 * self.processor / calls, |bytes: i64| bytes as f64 / calls / 1e6);
        // A hundred packets a second pass through a call.
        let micros = self.processor / calls * 10_000.0;
        write!(
            f,
            "{:<20} {:>4} calls: {percent:.3} % of a core and {:.3} MB a call ({:.3} MB at once), {micros:.1} µs a packet; {} of {} \
             packets lost",
            self.kind.to_string(),
            self.calls,
            megabytes(self.bytes),
            megabytes(self.fresh_bytes),
            self.lost.0,
            self.lost.1
        )
    }
}
