//! The stories of load, in a size of the caller's choice. They judge what must be so on any machine and give a report with
//! the figures, which are ratios to be read on a machine that does nothing else.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    net::{SocketAddr, SocketAddrV4, UdpSocket},
    time::{Duration, Instant},
};

use super::{
    callee::Callee,
    callers::{Callers, Offer, Outcome, percentile_millis},
    media::{Streams, sockets},
    message::{authorization, header, status},
    socket::{dropped, waiting_bytes},
    sources::{SOURCES, Sources},
    switch::{DOMAIN, Switch},
};

/// The first port of media of the callers' and of the callee's calls.
const CALLER_MEDIA: u16 = 40_000;
const CALLEE_MEDIA: u16 = 50_000;

/// How large a story is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// The rate that the search for the peak begins with, calls a second.
    pub first_rate: u32,
    /// How long each rate is tried.
    pub try_for: Duration,
    /// How long ten times the peak is offered.
    pub flood_for: Duration,
    /// Calls that run throughout, with media.
    pub running: u16,
}

fn offer(per_second: u32, span: Duration) -> Offer {
    Offer { per_second, span, hold: Some(Duration::from_millis(50)), first_media_port: 0 }
}

fn print(report: &mut String, what: &str, outcome: &Outcome) {
    let part = |sorted: &[u32], part| percentile_millis(sorted, part);
    let _ = writeln!(
        report,
        "{what}: offered {} in {:.1} s (late p50 {:.1} p99 {:.1} ms) completed {} ({:.0}/s) refused {} failed {} {:?} repeats \
         {}; 503 after p50 {:.1} p99 {:.1} p99.9 {:.1} ms (p99 by second {:?}), 200 after p50 {:.1} p99 {:.1} ms, BYE p99 {:.1} ms, unanswered \
         BYEs {}; completed in each second {:?}",
        outcome.offered,
        outcome.took.as_secs_f64(),
        part(&outcome.late_micros, 0.5),
        part(&outcome.late_micros, 0.99),
        outcome.completed,
        outcome.goodput(),
        outcome.refused,
        outcome.failed,
        outcome.statuses,
        outcome.repeats,
        part(&outcome.refused_after_micros, 0.5),
        part(&outcome.refused_after_micros, 0.99),
        part(&outcome.refused_after_micros, 0.999),
        outcome.refused_p99_micros_in_second.iter().map(|micros| micros / 1_000).collect::<Vec<_>>(),
        part(&outcome.answered_after_micros, 0.5),
        part(&outcome.answered_after_micros, 0.99),
        part(&outcome.ended_after_micros, 0.99),
        outcome.byes_unanswered,
        outcome.completed_in_second.values().collect::<Vec<_>>(),
    );
}

/// The most completed calls a second, looked for upwards until a rate is not carried any more.
fn peak(callers: &mut Callers, size: Size, report: &mut String) -> f64 {
    let (mut rate, mut best) = (size.first_rate, 0.0_f64);
    loop {
        let outcome = callers.run(offer(rate, size.try_for));
        print(report, &format!("{rate}/s"), &outcome);
        best = best.max(outcome.goodput());
        if (outcome.completed as f64) < outcome.offered as f64 * 0.9 || rate > 20_000 {
            return best;
        }
        rate = rate * 5 / 4;
    }
}

/// Calls with media that stay up: who called, and their streams.
pub fn running_calls(switch: SocketAddr, callee: &Callee, calls: u16) -> (Callers, Streams) {
    let mut talking = sockets(switch.ip(), CALLER_MEDIA, calls).unwrap();
    talking.extend(sockets(switch.ip(), CALLEE_MEDIA, calls).unwrap());
    *callee.seen.ports.lock().unwrap() = (0..calls).map(|call| CALLEE_MEDIA + 2 * call).collect();
    let mut talkers = Callers::new(switch, "talk").unwrap();
    let span = Duration::from_secs(1);
    let begun =
        talkers.run(Offer { per_second: u32::from(calls), span, hold: None, first_media_port: CALLER_MEDIA });
    assert_eq!((begun.offered, begun.failed, begun.refused), (u64::from(calls), 0, 0));
    let told = callee.seen.media.lock().unwrap().clone();
    let streams: Vec<(UdpSocket, u16)> = talking
        .into_iter()
        .map(|(ours, socket)| (socket, *talkers.media.get(&ours).or_else(|| told.get(&ours)).unwrap()))
        .collect();
    assert_eq!(streams.len(), 2 * usize::from(calls));
    let streams = Streams::start(switch.ip(), streams).unwrap();
    (talkers, streams)
}

/// What each thread has used in between.
fn used(before: &BTreeMap<String, Duration>, after: &BTreeMap<String, Duration>) -> String {
    let spent = |(name, time): (&String, &Duration)| {
        let spent = time.saturating_sub(before.get(name).copied().unwrap_or_default());
        (!spent.is_zero()).then(|| format!(" {name} {spent:.1?}"))
    };
    after.iter().filter_map(spent).collect()
}

/// Ten times the peak: most is refused, no BYE is left without an answer, running calls lose no packet, and when it is
/// over everybody gets in. Gives a report.
pub fn flood(size: Size) -> String {
    let mut report = String::new();
    let switch = Switch::start(1).unwrap();
    let callee = Callee::start(switch.sip).unwrap();
    let mut callers = Callers::new(switch.sip, "load").unwrap();
    let peak = peak(&mut callers, size, &mut report);
    std::thread::sleep(Duration::from_secs(1));

    let (mut talkers, streams) = running_calls(switch.sip, &callee, size.running);
    let (before, began) = (switch.processor_times().unwrap(), Instant::now());
    let flooded = callers.run(offer((peak * 10.0) as u32, size.flood_for));
    let (after, took) = (switch.processor_times().unwrap(), began.elapsed());
    print(&mut report, "ten times the peak", &flooded);
    let heard = streams.end();
    let shed = switch.figure("sambung_notices_total{kind=\"shed\"}").unwrap();
    let _ = writeln!(
        report,
        "shed {shed}; dropped by the kernel {} in front of the switch, {} in front of the callers; media of {} calls \
         {heard:?}; processor of the switch in {took:.1?}:{}",
        dropped(switch.sip).unwrap(),
        callers.dropped().unwrap(),
        size.running,
        used(&before, &after),
    );

    let after = callers.run(offer((peak / 3.0) as u32, Duration::from_secs(3)));
    print(&mut report, "a third of the peak afterwards", &after);
    let again = callers.run(offer((peak / 3.0) as u32, size.try_for));
    let ended = talkers.end_all();
    let _ = writeln!(report, "peak {peak:.0}/s, goodput in the flood {:.2} of it", flooded.goodput() / peak);

    assert!(flooded.refused > flooded.offered / 2, "most of it is refused\n{report}");
    assert_eq!(flooded.byes_unanswered, 0, "{report}\n{}", switch.log());
    assert_eq!(heard.arrived, heard.sent, "running calls lose nothing\n{report}");
    assert_eq!((after.failed, again.refused, again.failed), (0, 0, 0), "it is over\n{report}");
    assert_eq!(ended.completed, u64::from(size.running), "running calls are still up\n{report}");
    report
}

/// A REGISTER or an INVITE without credentials, as strangers send them.
fn stranger(number: u32, from: SocketAddrV4) -> String {
    let method = if number.is_multiple_of(2) { "REGISTER" } else { "INVITE" };
    format!(
        "{method} sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP {from};rport;branch=z9hG4bKs{number}\r\n\
         From: <sip:u{number}@{DOMAIN}>;tag=s{number}\r\nTo: <sip:u{number}@{DOMAIN}>\r\nCall-ID: s{number}\r\n\
         CSeq: 1 {method}\r\nMax-Forwards: 70\r\nContact: <sip:x@{from}>\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Bytes in front of the switch beyond which strangers wait: what the kernel drops would cost the switch nothing.
const WAITING_BYTES_MAX: u64 = 1 << 20;

/// Sends so many messages from 65,000 addresses, as fast as the switch takes them, and gives by how many bytes it has
/// grown, and a report.
pub fn strangers(messages: u64) -> (u64, String) {
    let switch = Switch::start(1).unwrap();
    let sources = Sources::new(switch.sip).unwrap();
    let received = || switch.figure("sambung_sip_messages_total{what=\"udp_received\"}").unwrap();
    let before = switch.resident_bytes().unwrap();
    let started = Instant::now();
    for number in 0..messages {
        let number = number as u32;
        let text = stranger(number, sources.source(number).unwrap());
        sources.send(number, text.as_bytes());
        while number.is_multiple_of(256) && waiting_bytes(switch.sip).unwrap() > WAITING_BYTES_MAX {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let (took, taken) = (started.elapsed(), received());
    let grown = switch.resident_bytes().unwrap().saturating_sub(before);
    let report = format!(
        "{messages} messages from {SOURCES} sources in {took:?}, {taken} taken; {grown} bytes more than {before}"
    );
    assert!(taken > messages * 9 / 10, "{report}");
    (grown, report)
}

/// A phone of a storm.
struct Phone {
    text: String,
    cseq: u32,
    repeats: u32,
    due: Instant,
    is_registered: bool,
}

/// All phones of a large installation register at once, as after a power cut; each repeats by RFC 3261 §17.1.2 what is
/// not answered, and comes back after what `Retry-After` says. Gives how long it took, and a report.
pub fn storm(phones: u32) -> (Duration, String) {
    let switch = Switch::start(phones).unwrap();
    let socket = UdpSocket::bind((switch.sip.ip(), 0)).unwrap();
    socket.connect(switch.sip).unwrap();
    socket.set_nonblocking(true).unwrap();
    let local = socket.local_addr().unwrap();
    let started = Instant::now();
    let phone = |number| Phone {
        text: registration(local, number, 1, ""),
        cseq: 1,
        repeats: 0,
        due: started,
        is_registered: false,
    };
    let mut all: Vec<Phone> = (0..phones).map(phone).collect();
    let (mut registered, mut refused) = (0, 0_u64);
    while registered < phones && started.elapsed() < Duration::from_secs(300) {
        let now = Instant::now();
        let mut is_quiet = true;
        for number in 0..all.len() {
            let phone = &mut all[number];
            if !phone.is_registered && phone.due <= now {
                is_quiet = false;
                send(&socket, local, number as u32, phone, now);
            }
            // What has come is read in between.
            if number.is_multiple_of(32) {
                let [more, told] = listen(&socket, local, &mut all);
                registered += more as u32;
                refused += told;
            }
        }
        if is_quiet {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let took = started.elapsed();
    let report =
        format!("{registered} of {phones} phones registered in {took:?}, {refused} times told to come back");
    assert_eq!(registered, phones, "{report}\n{}", switch.log());
    (took, report)
}

fn registration(local: SocketAddr, phone: u32, cseq: u32, authorization: &str) -> String {
    format!(
        "REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch=z9hG4bKr{phone}x{cseq}\r\n\
         From: <sip:u{phone}@{DOMAIN}>;tag=r{phone}\r\nTo: <sip:u{phone}@{DOMAIN}>\r\nCall-ID: r-{phone}\r\n\
         CSeq: {cseq} REGISTER\r\nMax-Forwards: 70\r\nContact: <sip:u{phone}@{local};line={phone}>\r\n\
         Expires: 3600\r\n{authorization}Content-Length: 0\r\n\r\n"
    )
}

/// Sends a phone's request, a new one when nobody has answered the old one.
fn send(socket: &UdpSocket, local: SocketAddr, number: u32, phone: &mut Phone, now: Instant) {
    if phone.repeats > 6 {
        phone.cseq += 1;
        phone.repeats = 0;
        phone.text = registration(local, number, phone.cseq, "");
    }
    let _ = socket.send(phone.text.as_bytes());
    phone.due = now + Duration::from_millis(500 << phone.repeats.min(3));
    phone.repeats += 1;
}

/// Reads what has come; how many are registered by it, and how many were told to come back.
fn listen(socket: &UdpSocket, local: SocketAddr, all: &mut [Phone]) -> [u64; 2] {
    let (mut buffer, mut counts) = ([0; 8_192], [0; 2]);
    for _ in 0..256 {
        let Ok(bytes) = socket.recv(&mut buffer) else { break };
        let Ok(text) = std::str::from_utf8(&buffer[..bytes]) else { continue };
        let number = header(text, "Call-ID").and_then(|id| id.strip_prefix("r-")?.parse::<u32>().ok());
        let Some(number) = number else { continue };
        let phone = &mut all[number as usize];
        let cseq: u32 = header(text, "CSeq").unwrap().split(' ').next().unwrap().parse().unwrap();
        if cseq != phone.cseq || phone.is_registered {
            continue;
        }
        let (wait, credentials) = match status(text) {
            Some(200) => {
                phone.is_registered = true;
                counts[0] += 1;
                continue;
            }
            Some(401) => {
                let user = format!("u{number}");
                (0, authorization(text, &user, "REGISTER", &format!("sip:{DOMAIN}")).unwrap())
            }
            Some(503) => {
                counts[1] += 1;
                (header(text, "Retry-After").unwrap().parse().unwrap(), String::new())
            }
            other => panic!("{other:?}: {text}"),
        };
        phone.cseq += 1;
        phone.repeats = 0;
        phone.text = registration(local, number, phone.cseq, &credentials);
        phone.due = Instant::now() + Duration::from_secs(wait);
    }
    counts
}
