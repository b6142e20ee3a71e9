//! Two people talk: each hears the other, only the other, and all of the time.

use std::{
    net::{Ipv6Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use sambung::ports::Ports;
use tests::{
    audio,
    demo::Demo,
    phones::{Account, Baresip, Desk, Linphone, PORTS, Phone, Srtp, Transport},
    process::wait_until,
    record::Record,
};

/// RTP and RTCP ports of a switch that stands in both families.
const RTP_PORTS: u16 = 96;
/// How long they talk.
const TALK_MS: usize = 4_000;
/// What a recording may miss of it: the first packets of each phone, its jitter buffer, its last packet.
const EDGES_MS: usize = 600;
/// Longest gap anybody may hear.
const GAP_MS_MAX: usize = 60;
/// What the caller and the callee play.
const TONES_HZ: [u32; 2] = [600, 1_000];

#[derive(Clone, Copy, Debug)]
enum Make {
    Baresip,
    Linphone,
}

fn start(make: Make, account: &Account, desk: &Desk) -> Result<Box<dyn Phone>> {
    std::fs::create_dir_all(&desk.folder)?;
    Ok(match make {
        Make::Baresip => Box::new(Baresip::start(account, desk)?),
        Make::Linphone => Box::new(Linphone::start(account, desk)?),
    })
}

fn desk(folder: &Path, name: &str, ports: &mut Ports, tone_hz: u32) -> Desk {
    Desk { folder: folder.join(name), ports: ports.take(PORTS), tone_hz, friend: None }
}

/// Calls, talks, hangs up; then listens to both recordings.
fn converse(caller: &mut dyn Phone, callee: &mut dyn Phone, target: &str) -> Result<()> {
    caller.dial(target)?;
    caller.talking().context("the caller")?;
    callee.talking().context("the callee")?;
    std::thread::sleep(Duration::from_millis(TALK_MS as u64));
    caller.hang_up()?;
    caller.over().context("the caller")?;
    callee.over().context("the callee")?;
    let [calling, called] = TONES_HZ;
    check_heard(caller, called, calling).context("what the caller heard")?;
    check_heard(callee, calling, called).context("what the callee heard")
}

fn check_heard(phone: &dyn Phone, hz: u32, own_hz: u32) -> Result<()> {
    let heard = audio::listen(&phone.recording()?, hz, own_hz);
    let least = TALK_MS - EDGES_MS;
    ensure!(heard.tone_ms >= least, "{heard:?}: the other for less than {least} ms");
    ensure!(heard.longest_gap_ms <= GAP_MS_MAX, "{heard:?}: a gap of more than {GAP_MS_MAX} ms");
    ensure!(heard.other_ms == 0, "{heard:?}: its own tone came back");
    Ok(())
}

/// The phones and the ears work: without a switch between them there is nothing else to blame.
#[test]
fn phones_hear_each_other_without_a_switch() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut ports = Ports::claim()?;
    for (n, makes) in
        [[Make::Baresip, Make::Baresip], [Make::Linphone, Make::Baresip]].into_iter().enumerate()
    {
        let folder = folder.path().join(n.to_string());
        let caller = &desk(&folder, "caller", &mut ports, TONES_HZ[0]);
        let callee = &desk(&folder, "callee", &mut ports, TONES_HZ[1]);
        let mut caller = start(makes[0], &Account::of_nobody("ani"), caller)?;
        let mut callee = start(makes[1], &Account::of_nobody("budi"), callee)?;
        let target = callee.direct_uri();
        converse(&mut *caller, &mut *callee, &target)
            .with_context(|| format!("{makes:?}\n{}\n{}", caller.printed(), callee.printed()))?;
    }
    Ok(())
}

/// Issue 2: baresip ↔ baresip, baresip ↔ linphonec, caller and callee swapped.
fn converse_through_the_switch(transport: Transport) -> Result<()> {
    let mut demo = Demo::start()?;
    let mut record = Record::open(demo.field("/database_url")?)?;
    let pairs =
        [[Make::Baresip, Make::Baresip], [Make::Baresip, Make::Linphone], [Make::Linphone, Make::Baresip]];
    for (n, makes) in pairs.into_iter().enumerate() {
        // Each pair is two people of its own, so that no phone of an earlier pair rings.
        let [ani, budi] = [demo.account(2 * n, transport)?, demo.account(2 * n + 1, transport)?];
        let folder = demo.folder().join(n.to_string());
        let before = record.calls()?;
        let calling = desk(&folder, "caller", &mut demo.ports, TONES_HZ[0]);
        let called = desk(&folder, "callee", &mut demo.ports, TONES_HZ[1]);
        let mut caller = start(makes[0], &ani, &calling)?;
        let mut callee = start(makes[1], &budi, &called)?;
        let target = format!("sip:{}@{}", budi.username, budi.domain);
        let outcome = caller
            .registered()
            .and_then(|()| callee.registered())
            .and_then(|()| converse(&mut *caller, &mut *callee, &target));
        outcome.with_context(|| {
            format!(
                "{makes:?} over {transport:?}\n{}\n{}\n{}",
                caller.printed(),
                callee.printed(),
                demo.logs()
            )
        })?;
        check_record(&mut record, &before).with_context(|| format!("{makes:?} over {transport:?}"))?;
    }
    demo.stop()
}

/// H-062 … H-064, and media reports that agree with what was heard.
fn check_record(record: &mut Record, before: &[String]) -> Result<()> {
    let story = record.next_story(before)?;
    ensure!(story.participants == ["host user", "caller user", "recipient user"], "{story:?}");
    ensure!(story.events == ["created 1 0", "ringing 1 0", "answered 1 0 3", "ended 1 0"], "{story:?}");
    // A device that does not take the keys it is offered is asked once more with others.
    let taken: Vec<_> = story.legs.iter().copied().filter(|status| *status != 488).collect();
    ensure!(taken == [200, 200], "{story:?}");
    let call = record.calls()?.last().context("a call")?.clone();
    let least = (TALK_MS - EDGES_MS) as u64 / 20;
    let mut quality = Vec::new();
    wait_until(Duration::from_secs(10), "two quality reports", || {
        quality = record.quality(&call)?;
        Ok(quality.len() == 2)
    })?;
    for (received, lost) in quality {
        ensure!(received >= least && lost == 0, "{received} packets received, {lost} lost");
    }
    Ok(())
}

#[test]
fn phones_hear_each_other_through_the_switch_over_udp() -> Result<()> {
    converse_through_the_switch(Transport::Udp)
}

#[test]
fn phones_hear_each_other_through_the_switch_over_tcp() -> Result<()> {
    converse_through_the_switch(Transport::Tcp)
}

/// baresip believes the demo's authority and nobody else; a phone on UDP hears it all the same.
#[test]
fn a_phone_on_tls_and_one_on_udp_hear_each_other() -> Result<()> {
    let mut demo = Demo::start()?;
    let mut record = Record::open(demo.field("/database_url")?)?;
    let transports = [[Transport::Tls, Transport::Udp], [Transport::Tls, Transport::Tls]];
    for (n, [calling, called]) in transports.into_iter().enumerate() {
        let [ani, budi] = [demo.account(2 * n, calling)?, demo.account(2 * n + 1, called)?];
        let folder = demo.folder().join(n.to_string());
        let before = record.calls()?;
        let calling = desk(&folder, "caller", &mut demo.ports, TONES_HZ[0]);
        let called = desk(&folder, "callee", &mut demo.ports, TONES_HZ[1]);
        let mut caller = start(Make::Baresip, &ani, &calling)?;
        let mut callee = start(Make::Baresip, &budi, &called)?;
        let target = format!("sip:{}@{}", budi.username, budi.domain);
        let outcome = caller
            .registered()
            .and_then(|()| callee.registered())
            .and_then(|()| converse(&mut *caller, &mut *callee, &target));
        outcome.with_context(|| {
            format!("{ani:?} {budi:?}\n{}\n{}\n{}", caller.printed(), callee.printed(), demo.logs())
        })?;
        check_record(&mut record, &before)?;
    }
    demo.stop()
}

/// What baresip prints when it opens and seals.
const SRTP_IN_USE: &str = "SRTP is Enabled";
/// And when it has shaken hands for them.
const DTLS_IN_USE: &str = "DTLS-SRTP complete (audio/RTP)";

/// RFC 4568: each phone has keys with the switch or has none, whatever the other has.
#[test]
fn phones_with_and_without_srtp_hear_each_other() -> Result<()> {
    hear_each_other_under(&[
        [Srtp::Mandatory, Srtp::Off],
        [Srtp::Mandatory, Srtp::Mandatory],
        [Srtp::Optional, Srtp::Optional],
        [Srtp::Off, Srtp::Optional],
    ])
}

/// RFC 5763: phones that shake hands for their keys, with each other and with phones that have none.
#[test]
fn phones_with_keys_of_handshakes_and_plain_ones_hear_each_other() -> Result<()> {
    hear_each_other_under(&[[Srtp::Dtls, Srtp::Off], [Srtp::Off, Srtp::Dtls], [Srtp::Dtls, Srtp::Dtls]])
}

/// Keys of handshakes on one side, keys in descriptions on the other.
#[test]
fn phones_with_keys_of_handshakes_and_with_told_keys_hear_each_other() -> Result<()> {
    hear_each_other_under(&[[Srtp::Dtls, Srtp::Mandatory], [Srtp::Mandatory, Srtp::Dtls]])
}

/// Each pair is two people of its own, so that no phone of an earlier pair rings.
fn hear_each_other_under(pairs: &[[Srtp; 2]]) -> Result<()> {
    let mut demo = Demo::start()?;
    let mut record = Record::open(demo.field("/database_url")?)?;
    for (n, pair) in pairs.iter().enumerate() {
        // Keys are told over TLS only.
        let account = |staff, srtp| -> Result<Account> {
            let is_told = matches!(srtp, Srtp::Optional | Srtp::Mandatory);
            let transport = if is_told { Transport::Tls } else { Transport::Udp };
            Ok(Account { srtp, ..demo.account(staff, transport)? })
        };
        let [ani, budi] = [account(2 * n, pair[0])?, account(2 * n + 1, pair[1])?];
        let folder = demo.folder().join(n.to_string());
        let before = record.calls()?;
        let calling = desk(&folder, "caller", &mut demo.ports, TONES_HZ[0]);
        let called = desk(&folder, "callee", &mut demo.ports, TONES_HZ[1]);
        let mut caller = start(Make::Baresip, &ani, &calling)?;
        let mut callee = start(Make::Baresip, &budi, &called)?;
        let target = format!("sip:{}@{}", budi.username, budi.domain);
        let outcome = caller
            .registered()
            .and_then(|()| callee.registered())
            .and_then(|()| converse(&mut *caller, &mut *callee, &target))
            .and_then(|()| check_keys(&*caller, pair[0]))
            .and_then(|()| check_keys(&*callee, pair[1]));
        outcome.with_context(|| {
            format!("{pair:?}\n{}\n{}\n{}", caller.printed(), callee.printed(), demo.logs())
        })?;
        check_record(&mut record, &before)?;
    }
    demo.stop()
}

/// The phone's sound had the keys that it wants, and no others.
fn check_keys(phone: &dyn Phone, srtp: Srtp) -> Result<()> {
    let printed = phone.printed();
    let in_use = [SRTP_IN_USE, DTLS_IN_USE].map(|line| printed.contains(line));
    let wanted = match srtp {
        Srtp::Off => [false, false],
        Srtp::Optional | Srtp::Mandatory => [true, false],
        Srtp::Dtls => [false, true],
    };
    ensure!(in_use == wanted, "{srtp:?}: told keys, keys of a handshake in use: {in_use:?}");
    Ok(())
}

/// RFC 6157, with real phones: each side hears the other through a relay that stands in both families.
#[test]
fn phones_hear_each_other_over_ipv6_and_between_the_families() -> Result<()> {
    let mut demo = Demo::start_with(&["--ipv6", "::1"], RTP_PORTS)?;
    let mut record = Record::open(demo.field("/database_url")?)?;
    let on_ipv6 = |account: Account| {
        let switch = account.switch.map(|switch| SocketAddr::new(Ipv6Addr::LOCALHOST.into(), switch.port()));
        Account { switch, ..account }
    };
    for (n, [calling, called]) in [[true, true], [false, true], [true, false]].into_iter().enumerate() {
        let account = |staff, is_ipv6: bool| -> Result<Account> {
            let account = demo.account(staff, Transport::Udp)?;
            Ok(if is_ipv6 { on_ipv6(account) } else { account })
        };
        let [ani, budi] = [account(2 * n, calling)?, account(2 * n + 1, called)?];
        let folder = demo.folder().join(n.to_string());
        let before = record.calls()?;
        let calling = desk(&folder, "caller", &mut demo.ports, TONES_HZ[0]);
        let called = desk(&folder, "callee", &mut demo.ports, TONES_HZ[1]);
        let mut caller = start(Make::Baresip, &ani, &calling)?;
        let mut callee = start(Make::Baresip, &budi, &called)?;
        let target = format!("sip:{}@{}", budi.username, budi.domain);
        let outcome = caller
            .registered()
            .and_then(|()| callee.registered())
            .and_then(|()| converse(&mut *caller, &mut *callee, &target));
        outcome.with_context(|| {
            format!("{ani:?} {budi:?}\n{}\n{}\n{}", caller.printed(), callee.printed(), demo.logs())
        })?;
        check_record(&mut record, &before)?;
    }
    demo.stop()
}

/// RFC 3428: what one phone writes the other shows, both ways.
#[test]
fn phones_write_to_each_other_through_the_switch() -> Result<()> {
    let mut demo = Demo::start()?;
    let accounts = [demo.account(0, Transport::Udp)?, demo.account(1, Transport::Tcp)?];
    let folder = demo.folder().join("writing");
    let [ani, budi] = ["ani", "budi"].map(|name| desk(&folder, name, &mut demo.ports, TONES_HZ[0]));
    let uri = |account: &Account| Some(format!("sip:{}@{}", account.username, account.domain));
    let ani = Desk { friend: uri(&accounts[1]), ..ani };
    let budi = Desk { friend: uri(&accounts[0]), ..budi };
    let mut ani = start(Make::Baresip, &accounts[0], &ani)?;
    let mut budi = start(Make::Linphone, &accounts[1], &budi)?;
    let outcome = ani.registered().and_then(|()| budi.registered()).and_then(|()| {
        ani.write("Selamat pagi Budi")?;
        budi.shows("Selamat pagi Budi").context("linphone")?;
        budi.write("Pagi juga Ani")?;
        ani.shows("Pagi juga Ani").context("baresip")
    });
    outcome.with_context(|| format!("{}\n{}\n{}", ani.printed(), budi.printed(), demo.logs()))?;
    drop((ani, budi));
    demo.stop()
}
