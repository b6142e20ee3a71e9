//! Browsers behind networks that let no UDP through, by real connections: who is heard there, what becomes of a call whose
//! connection ends, and what strangers can do (nothing).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[expect(dead_code, reason = "these stories need a part of the browser")]
mod browser;
mod keeper;
#[expect(dead_code, reason = "these stories need a part of the world")]
mod world;

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Instant,
};

use browser::{
    Browser, Line, check, framed,
    stage::{SUCCESS, Stage},
};
use relay::MediaAddress;
use streams::{
    ice::Credentials,
    media::{MediaCommand, PortLease},
};
use world::{DEADLINE, Phone, World, v4};

/// Strangers that one address may have.
const STRANGERS_PER_SOURCE: usize = 32;

/// A phone in a call with a browser.
fn phone_with(world: &mut World, browser: &PortLease) -> (Phone, PortLease) {
    let phone = Phone::new(v4());
    let leg = world.open(phone.media());
    world.order(MediaCommand::Join { a: browser.id, b: leg.id });
    world.settle();
    (phone, leg)
}

/// Waits until there are no more connections than that.
fn connections_fall_to(world: &World, value: u64) {
    let end = Instant::now() + DEADLINE;
    while world.value("connections_open") > value {
        assert!(Instant::now() < end, "{} connections stay", world.value("connections_open"));
        std::thread::yield_now();
    }
    assert_eq!(world.value("connections_open"), value);
}

/// A socket that is not connected yet.
fn socket() -> socket2::Socket {
    socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap()
}

/// The connection is closed, after whatever comes before that.
fn ends(line: &Line) {
    while line.hears().is_some() {}
}

/// RFC 6544, RFC 4571.
#[test]
fn a_browser_without_udp_talks_to_one_with_it_and_to_a_phone() {
    let stage = Stage::new(42_800);
    let mut world = World::start(stage.config.clone());
    let (mut ana, leg_ana) = stage.connected(&mut world, "ana");
    let (mut citra, leg_citra) = stage.talking(&mut world, "citra");
    world.order(MediaCommand::Join { a: leg_ana.id, b: leg_citra.id });
    world.settle();
    for sequence in 1..40 {
        ana.says(sequence);
        assert_eq!(citra.hears_packet(), sequence);
        citra.says(sequence + 100);
        assert_eq!(ana.hears_packet(), sequence + 100);
    }
    let (phone, leg) = phone_with(&mut world, &leg_ana);
    // As a network may cut it: in the middle of a length, of a frame, and two frames at once.
    let Line::Frames(stream) = &ana.line else { panic!("connected") };
    let mut stream = stream.try_clone().unwrap();
    let said: Vec<u8> = (40..43).flat_map(|sequence| framed(&ana.sealed(sequence))).collect();
    for piece in [&said[..1], &said[1..90], &said[90..]] {
        stream.write_all(piece).unwrap();
    }
    for sequence in 40..43 {
        assert_eq!(phone.hears().1[..4], [0x80, 8, 0, sequence], "plain");
    }
    phone.says(7, &leg);
    assert_eq!(ana.hears_packet(), 7);
    let report = world.close(leg_ana.id);
    assert_eq!((report.packets_received, report.packets_foreign, report.packets_lost), (42, 0, 0));
    ends(&ana.line);
    connections_fall_to(&world, 0);
    assert_eq!((world.value("connections_taken"), world.value("connections_refused")), (1, 0));
}

/// RFC 8445 §8.1.1: the browser chooses, between transports as between networks.
#[test]
fn a_browser_goes_over_to_tcp_and_back_when_it_says_so() {
    let stage = Stage::new(42_900);
    let mut world = World::start(stage.config.clone());
    let (mut ana, leg_ana) = stage.talking(&mut world, "ana");
    let (phone, leg) = phone_with(&mut world, &leg_ana);
    let udp = std::mem::replace(&mut ana.line, Line::tcp(leg_ana.address));
    phone.says(1, &leg);
    let connected = std::mem::replace(&mut ana.line, udp);
    assert_eq!(ana.hears_packet(), 1, "a connection alone says nothing");
    let udp = std::mem::replace(&mut ana.line, connected);
    assert_eq!(ana.checks(), SUCCESS);
    for sequence in 2..10 {
        phone.says(sequence, &leg);
        assert_eq!(ana.hears_packet(), sequence, "no new handshake");
    }
    ana.says(1);
    assert_eq!(phone.hears().1[..4], [0x80, 8, 0, 1]);
    let connected = std::mem::replace(&mut ana.line, udp);
    assert_eq!(ana.checks(), SUCCESS);
    phone.says(10, &leg);
    assert_eq!(ana.hears_packet(), 10);
    drop(connected);
    connections_fall_to(&world, 0);
    phone.says(11, &leg);
    assert_eq!(ana.hears_packet(), 11, "the end of another way is no news");
}

#[test]
fn a_call_whose_connection_ends_waits_for_the_next_one() {
    let stage = Stage::new(43_000);
    let mut world = World::start(stage.config.clone());
    let (mut ana, leg_ana) = stage.connected(&mut world, "ana");
    let (phone, leg) = phone_with(&mut world, &leg_ana);
    phone.says(1, &leg);
    assert_eq!(ana.hears_packet(), 1);
    ana.line = Line::udp(v4());
    connections_fall_to(&world, 0);
    let kept = world.value("kept");
    phone.says(2, &leg);
    world.counted("kept", kept + 1);
    ana.connects();
    assert_eq!(ana.checks(), SUCCESS);
    phone.says(3, &leg);
    assert_eq!(ana.hears_packet(), 3);
    ana.says(1);
    assert_eq!(phone.hears().1[..4], [0x80, 8, 0, 1]);
}

#[test]
fn a_browser_connects_again_after_a_restart_of_the_relay_and_goes_on() {
    let stage = Stage::new(43_400);
    let (mut world, keeper) = World::kept(&stage.config);
    let (mut ana, leg_ana) = stage.connected(&mut world, "ana");
    let (mut citra, leg_citra) = stage.talking(&mut world, "citra");
    world.order(MediaCommand::Join { a: leg_ana.id, b: leg_citra.id });
    world.settle();
    ana.says(1);
    assert_eq!(citra.hears_packet(), 1);
    let left = world.ends(&keeper, true);
    ends(&ana.line);
    let mut world = World::resume(stage.config.clone(), left, Some(Box::new(keeper)));
    world.until("stock", |w| !w.shared.is_empty());
    ana.connects();
    assert_eq!(ana.checks(), SUCCESS);
    ana.says(2);
    assert_eq!(citra.hears_packet(), 2);
    citra.says(2);
    assert_eq!(ana.hears_packet(), 2);
}

#[test]
fn a_browser_connects_over_ipv6() {
    let mut stage = Stage::new(43_500);
    stage.config.addresses.push(MediaAddress::direct(Ipv6Addr::LOCALHOST.into()));
    let mut world = World::start(stage.config.clone());
    let (mut ana, leg_ana) = stage.talking(&mut world, "ana");
    let (phone, leg) = phone_with(&mut world, &leg_ana);
    let v6 = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), leg_ana.address.port());
    let mut other = Browser::new(v6.ip(), v6, "ana", &Credentials::new(leg_ana.id, [3; 24]));
    other.connects();
    assert_eq!(other.checks(), SUCCESS);
    ana.line = other.line;
    phone.says(1, &leg);
    let (_, from) = ana.line.hears().unwrap();
    assert_eq!(from, v6, "where it has chosen");
}

/// Whoever does not read misses packets, whole ones, and the relay keeps none of them.
#[test]
fn a_browser_that_does_not_keep_up_misses_packets_and_nothing_waits_for_it() {
    let stage = Stage::new(43_600);
    let mut world = World::start(stage.config.clone());
    let (mut ana, leg_ana) = stage.browser(&mut world, "ana");
    // It has little room for what it has not read.
    let narrow = socket();
    narrow.set_recv_buffer_size(4_096).unwrap();
    narrow.connect(&leg_ana.address.into()).unwrap();
    narrow.set_read_timeout(Some(DEADLINE)).unwrap();
    ana.line = Line::Frames(narrow.into());
    let mut ana = stage.talks(ana);
    let (phone, leg) = phone_with(&mut world, &leg_ana);
    let mut said = 0_u16;
    // How many of all were dropped once one more has come.
    let mut says = |world: &mut World| {
        said += 1;
        let before = world.value("datagrams_received");
        phone.says(said, &leg);
        world.counted("datagrams_received", before + 1);
        world.look(leg.id);
        (said, world.value("send_blocked"))
    };
    let (mut last, mut blocked) = (0, 0);
    while blocked < 50 {
        (last, blocked) = says(&mut world);
        assert!(last < 1_000, "something waits for it");
    }
    let mut heard = 0;
    for _ in 0..u64::from(last) - blocked {
        let next = ana.hears_packet();
        assert!(next > heard, "whole, in order");
        heard = next;
    }
    loop {
        let before = blocked;
        (last, blocked) = says(&mut world);
        if blocked == before {
            break;
        }
    }
    assert_eq!(ana.hears_packet(), last, "and it goes on");
}

/// RFC 8445 §19: whoever has no password has no leg, no answer worth anything, and no connection for long.
#[test]
fn strangers_are_let_go_and_change_nothing_for_a_call() {
    let stage = Stage::new(43_700);
    let mut world = World::start(stage.config.clone());
    let (mut ana, leg_ana) = stage.connected(&mut world, "ana");
    let (mut citra, leg_citra) = stage.talking(&mut world, "citra");
    world.order(MediaCommand::Join { a: leg_ana.id, b: leg_citra.id });
    world.settle();
    let credentials = Credentials::new(leg_ana.id, [3; 24]);
    let wrong_name = check("00000000nobody00:ana", "whatever it may be here");
    let hello = b"\x16\xfe\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0c\x01\x00\x00\x00\x00\x00".to_vec();
    let closed_at_once: Vec<Vec<u8>> = vec![
        framed(&hello),
        framed(&ana.sealed(1)),
        framed(b"\x80\xc9\x00\x01spam"),
        framed(&[0; 20]),
        framed(&[]),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0xff; 100],
        // Its word about others comes before its own check.
        [
            framed(b"\x80\x08spam"),
            framed(&check(&format!("{}:ana", credentials.ufrag), &credentials.password)),
        ]
        .concat(),
    ];
    let (rounds, mut refused) = (250, 0);
    for round in 1..=rounds {
        for said in &closed_at_once {
            let mut stranger = TcpStream::connect(leg_ana.address).unwrap();
            stranger.set_read_timeout(Some(DEADLINE)).unwrap();
            stranger.write_all(said).unwrap();
            let mut came = Vec::new();
            // A reset says the same as an end.
            let _ = stranger.read_to_end(&mut came);
            assert_eq!(came, [], "not a word to a stranger");
            refused += 1;
        }
        // The first number is in the packet that strangers send.
        ana.says(round + 1);
        assert_eq!(citra.hears_packet(), round + 1, "the call goes on");
        citra.says(round);
        assert_eq!(ana.hears_packet(), round);
    }
    world.counted("connections_refused", refused);
    // A check without a leg is no crime, and no way to any.
    let lost = Line::tcp(leg_ana.address);
    let Line::Frames(stream) = &lost else { panic!("connected") };
    let mut writer = stream.try_clone().unwrap();
    let before = world.value("checks_refused");
    for n in 1..=500 {
        writer.write_all(&framed(&wrong_name)).unwrap();
        if n % 50 == 0 {
            world.counted("checks_refused", before + n);
        }
    }
    let guessing = Credentials { password: "guessed".into(), ..credentials };
    let mut guesser = Browser::new(v4(), leg_ana.address, "ana", &guessing);
    guesser.connects();
    assert_eq!(guesser.checks(), 0x0111, "as over UDP");
    ana.says(1_000);
    assert_eq!(citra.hears_packet(), 1_000);
    // Neither has shown anything in time.
    ends(&lost);
    ends(&guesser.line);
    world.counted("connections_refused", refused + 2);
    connections_fall_to(&world, 1);
    let report = world.close(leg_ana.id);
    assert_eq!((report.packets_received, report.packets_foreign), (u64::from(rounds) + 1, 0));
}

/// Half-open connections, and octets one by one: so many at a time of one address, so many in all, and a browser gets in all the same.
#[test]
fn a_crowd_of_silent_strangers_keeps_no_browser_out() {
    let stage = Stage::new(43_800);
    let mut world = World::start(stage.config.clone());
    let (mut ana, leg_ana) = stage.connected(&mut world, "ana");
    let (mut citra, leg_citra) = stage.talking(&mut world, "citra");
    world.order(MediaCommand::Join { a: leg_ana.id, b: leg_citra.id });
    world.settle();
    let mut crowd = Vec::new();
    // Half as many addresses again as it takes to fill all places for strangers.
    for host in 1..=12 {
        let source: IpAddr = Ipv4Addr::new(127, 0, 7, host).into();
        for _ in 0..STRANGERS_PER_SOURCE + 4 {
            let socket = socket();
            socket.bind(&SocketAddr::new(source, 0).into()).unwrap();
            socket.connect(&leg_ana.address.into()).unwrap();
            crowd.push(TcpStream::from(socket));
            // Half of a length, and no more of it.
            crowd.last_mut().unwrap().write_all(&[0]).unwrap();
        }
        world.counted("connections_taken", 1 + crowd.len() as u64);
        assert!(world.value("connections_open") <= 256 + 1, "however many come");
        ana.says(u16::from(host));
        assert_eq!(citra.hears_packet(), u16::from(host), "the call goes on");
    }
    let (mut late, _) = stage.browser(&mut world, "late");
    late.connects();
    assert_eq!(late.checks(), SUCCESS);
    late.shakes_hands(&stage.theirs, &stage.ours);
    // All of them are gone when their time is over, and those who have shown a password are not.
    world.counted("connections_refused", crowd.len() as u64);
    connections_fall_to(&world, 2);
    ana.says(100);
    assert_eq!(citra.hears_packet(), 100);
}
