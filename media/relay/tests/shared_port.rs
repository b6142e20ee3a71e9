//! Browsers on one UDP port through real sockets: whose a datagram is, who is sent to, and what strangers can do there.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[expect(dead_code, reason = "these stories connect to nothing")]
mod browser;
mod keeper;
#[expect(dead_code, reason = "these stories need a part of the world")]
mod world;

use std::{
    net::{Ipv6Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use browser::{
    Browser, check,
    stage::{SUCCESS, Stage},
};
use relay::{MediaAddress, Resumed};
use streams::{diagnosis::Diagnosis, ice::Credentials, media::MediaCommand};
use world::{Phone, World, v4};

#[test]
fn two_browsers_and_a_phone_talk_over_one_port() {
    let stage = Stage::new(42_000);
    let mut world = World::start(stage.config.clone());
    let (mut ana, leg_ana) = stage.talking(&mut world, "ana");
    let (mut citra, leg_citra) = stage.talking(&mut world, "citra");
    world.order(MediaCommand::Join { a: leg_ana.id, b: leg_citra.id });
    world.settle();
    for sequence in 1..40 {
        ana.says(sequence);
        assert_eq!(citra.hears_packet(), sequence);
        citra.says(sequence + 100);
        assert_eq!(ana.hears_packet(), sequence + 100);
    }
    let phone = Phone::new(v4());
    let leg = world.open(phone.media());
    world.order(MediaCommand::Join { a: leg_ana.id, b: leg.id });
    world.settle();
    ana.says(40);
    assert_eq!(phone.hears().1[..4], [0x80, 8, 0, 40], "plain");
    phone.says(7, &leg);
    assert_eq!(ana.hears_packet(), 7);
    let report = world.close(leg_ana.id);
    assert_eq!((report.packets_received, report.packets_foreign, report.packets_lost), (40, 0, 0));
    assert_eq!((report.packets_sent, world.close(leg_citra.id).packets_sent), (40, 39), "to each its own");
    // What was theirs is nobody's: their ports lead nowhere, and their check names no leg.
    let before = world.value("dropped_foreign");
    ana.says(41);
    world.counted("dropped_foreign", before + 1);
}

/// RFC 8445 §19: forged checks, handshakes of strangers and floods reach no call and get no answer.
#[test]
fn strangers_change_nothing_for_a_call() {
    let stage = Stage::new(42_100);
    let mut world = World::start(stage.config.clone());
    let (mut ana, leg_ana) = stage.talking(&mut world, "ana");
    let (mut citra, leg_citra) = stage.talking(&mut world, "citra");
    world.order(MediaCommand::Join { a: leg_ana.id, b: leg_citra.id });
    world.settle();
    let stranger = UdpSocket::bind((v4(), 0)).unwrap();
    let credentials = Credentials::new(leg_ana.id, [9; 24]);
    let hello = b"\x16\xfe\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0c\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
    let packet = ana.sealed(1);
    let forged = [
        check(&format!("{}:ana", credentials.ufrag), &credentials.password),
        check("00000000nobody00:ana", "whatever it may be here"),
        check("x", "y"),
        hello.to_vec(),
        packet,
        b"\x80\xc9\x00\x01spam".to_vec(),
        vec![0; 20],
        vec![0x47; 100],
    ];
    let (received, rounds) = (world.value("datagrams_received"), 12_500);
    for round in 1..=rounds {
        for datagram in &forged {
            stranger.send_to(datagram, leg_ana.address).unwrap();
        }
        // No faster than the relay reads: what the kernel drops proves nothing.
        world.counted("datagrams_received", received + round * forged.len() as u64);
    }
    ana.says(2);
    assert_eq!(citra.hears_packet(), 2);
    citra.says(2);
    assert_eq!(ana.hears_packet(), 2);
    stranger.set_nonblocking(true).unwrap();
    assert!(stranger.recv_from(&mut [0; 100]).is_err(), "not a word to a stranger");
    let report = world.close(leg_ana.id);
    assert_eq!((report.packets_received, report.packets_foreign), (1, 0));
    assert_eq!(world.value("checks_refused"), rounds * 4);
}

/// Somebody who knows the user fragment, from a description say, and not the password, is told so (RFC 8489 §9.1.3).
#[test]
fn a_check_with_a_wrong_password_is_refused_and_proves_nothing() {
    let stage = Stage::new(42_200);
    let mut world = World::start(stage.config.clone());
    let (browser, lease) = stage.browser(&mut world, "ana");
    let ufrag = Credentials::new(lease.id, [3; 24]).ufrag;
    let stranger =
        Browser::new(v4(), lease.address, "ana", &Credentials { ufrag, password: "guessed".into() });
    assert_eq!(stranger.checks(), 0x0111);
    let report = world.look(lease.id);
    assert_eq!(report.judgement.diagnosis, Some(Diagnosis::NotConnected));
    assert_eq!(browser.checks(), SUCCESS);
    stranger.sends(&[0x16, 0xfe, 0xff]);
    world.counted("dropped_foreign", 1);
}

/// A browser goes to another network: it chooses anew, and is heard and reached there.
#[test]
fn a_browser_that_moves_is_followed_when_it_says_so() {
    let stage = Stage::new(42_300);
    let mut world = World::start(stage.config.clone());
    let (mut ana, leg_ana) = stage.talking(&mut world, "ana");
    let phone = Phone::new(v4());
    let leg = world.open(phone.media());
    world.order(MediaCommand::Join { a: leg_ana.id, b: leg.id });
    world.settle();
    phone.says(1, &leg);
    assert_eq!(ana.hears_packet(), 1);
    ana.moves();
    ana.says(1);
    world.counted("dropped_foreign", 1);
    assert_eq!(ana.checks(), SUCCESS);
    phone.says(2, &leg);
    assert_eq!(ana.hears_packet(), 2);
    ana.says(2);
    assert_eq!(phone.hears().1[..4], [0x80, 8, 0, 2]);
}

/// RFC 8445 §9: the call goes on over the way from before until the browser has chosen one under the new credentials.
#[test]
fn a_restart_interrupts_nothing() {
    let stage = Stage::new(42_400);
    let mut world = World::start(stage.config.clone());
    let (mut ana, leg_ana) = stage.talking(&mut world, "ana");
    let phone = Phone::new(v4());
    let leg = world.open(phone.media());
    world.order(MediaCommand::Join { a: leg_ana.id, b: leg.id });
    let anew = Credentials::new(leg_ana.id, [77; 24]);
    world.order(MediaCommand::Configure { lease: leg_ana.id, media: stage.media(&anew, "anew") });
    world.settle();
    phone.says(1, &leg);
    assert_eq!(ana.hears_packet(), 1);
    let elsewhere = Browser::new(v4(), leg_ana.address, "anew", &anew);
    assert_eq!(elsewhere.checks(), SUCCESS);
    ana.line = elsewhere.line;
    phone.says(2, &leg);
    assert_eq!(ana.hears_packet(), 2, "no new handshake");
}

#[test]
fn browsers_go_on_through_a_restart_of_the_relay() {
    let stage = Stage::new(42_500);
    let (mut world, keeper) = World::kept(&stage.config);
    let (mut ana, leg_ana) = stage.talking(&mut world, "ana");
    let (mut citra, leg_citra) = stage.talking(&mut world, "citra");
    world.order(MediaCommand::Join { a: leg_ana.id, b: leg_citra.id });
    world.settle();
    ana.says(1);
    assert_eq!(citra.hears_packet(), 1);
    let left = world.ends(&keeper, true);
    assert_eq!((left.images.len(), left.sockets.len()), (2, 0));
    let mut world = World::resume(stage.config.clone(), left, Some(Box::new(keeper)));
    ana.says(2);
    assert_eq!(citra.hears_packet(), 2);
    citra.says(2);
    assert_eq!(ana.hears_packet(), 2);
    world.until("stock", |w| !w.shared.is_empty());
    assert!(world.shared.iter().all(|lease| lease.id != leg_ana.id && lease.id != leg_citra.id));
    assert_eq!(ana.checks(), SUCCESS);
}

/// One browser speaks with another until the port is looked at.
fn load(world: &World, ana: &mut Browser, citra: &mut Browser, sequence: &mut u16) {
    // Fifty at a time, so that a machine that is busy elsewhere says enough of them in a second too.
    for _ in 0..600 {
        let said = *sequence + 1..=*sequence + 50;
        said.clone().for_each(|n| ana.says(n));
        said.for_each(|n| assert_eq!(citra.hears_packet(), n));
        *sequence += 50;
        if world.value("ports_looked_at") == 1 {
            return;
        }
    }
    panic!("the port is not looked at");
}

/// Waits until there is nothing of that any more.
fn falls_to_none(world: &World, counter: &str) {
    let end = Instant::now() + Duration::from_secs(10);
    while world.value(counter) > 0 {
        assert!(Instant::now() < end, "{counter} stays");
        std::thread::yield_now();
    }
}

/// Nothing is lost when the port is told to be silent and when it tells again, and both happen by themselves.
#[test]
fn under_load_the_port_is_looked_at_and_afterwards_it_tells_by_itself() {
    let mut stage = Stage::new(42_700);
    stage.config.gather_browsers = Some(Duration::from_millis(1));
    let mut world = World::start(stage.config.clone());
    let (mut ana, leg_ana) = stage.talking(&mut world, "ana");
    let (mut citra, leg_citra) = stage.talking(&mut world, "citra");
    world.order(MediaCommand::Join { a: leg_ana.id, b: leg_citra.id });
    world.settle();
    assert_eq!(world.value("ports_looked_at"), 0, "handshakes are no load");
    let mut sequence = 0;
    for _ in 0..2 {
        load(&world, &mut ana, &mut citra, &mut sequence);
        citra.says(sequence);
        assert_eq!(ana.hears_packet(), sequence);
        falls_to_none(&world, "ports_looked_at");
        citra.says(sequence + 1);
        assert_eq!(ana.hears_packet(), sequence + 1);
    }
}

/// A phone's packets gather with those of the browser that it speaks with, for as long as it does. None is lost when that begins
/// and ends, whatever ends it.
#[test]
fn a_phone_is_looked_at_while_it_speaks_with_a_browser_under_load() {
    let mut stage = Stage::new(43_900);
    stage.config.gather_browsers = Some(Duration::from_millis(1));
    let mut world = World::start(stage.config.clone());
    let [(mut ana, leg_ana), (mut citra, leg_citra), (mut eko, leg_eko)] =
        ["ana", "citra", "eko"].map(|name| stage.talking(&mut world, name));
    world.order(MediaCommand::Join { a: leg_ana.id, b: leg_citra.id });
    let [phone, desk] = [(); 2].map(|()| Phone::new(v4()));
    let [leg, leg_desk] = [&phone, &desk].map(|phone| world.open(phone.media()));
    let (mut sequence, mut said) = (0, 0);
    for ending in ["a call with a phone", "silence", "hanging up"] {
        world.order(MediaCommand::Join { a: leg.id, b: leg_eko.id });
        world.settle();
        while world.value("legs_looked_at") == 0 {
            load(&world, &mut ana, &mut citra, &mut sequence);
            said += 1;
            phone.says(said, &leg);
            assert_eq!(eko.hears_packet(), said, "before {ending}");
        }
        eko.says(said);
        phone.hears();
        if ending == "a call with a phone" {
            world.order(MediaCommand::Join { a: leg.id, b: leg_desk.id });
            world.settle();
            said += 1;
            phone.says(said, &leg);
            assert_eq!(desk.hears().1[2..4], said.to_be_bytes());
        } else if ending == "hanging up" {
            assert_eq!(world.close(leg.id).packets_lost, 0);
        }
        falls_to_none(&world, "legs_looked_at");
    }
    assert_eq!(world.value("receive_errors"), 0);
}

#[test]
fn a_browser_is_reached_by_either_family() {
    let mut stage = Stage::new(42_600);
    stage.config.addresses.push(MediaAddress::direct(Ipv6Addr::LOCALHOST.into()));
    let mut world = World::resume(stage.config.clone(), Resumed::default(), None);
    let (mut ana, leg_ana) = stage.talking(&mut world, "ana");
    let phone = Phone::new(v4());
    let leg = world.open(phone.media());
    world.order(MediaCommand::Join { a: leg_ana.id, b: leg.id });
    world.settle();
    let credentials = Credentials::new(leg_ana.id, [3; 24]);
    let v6 = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), leg_ana.address.port());
    let other = Browser::new(v6.ip(), v6, "ana", &credentials);
    assert_eq!(other.checks(), SUCCESS);
    phone.says(1, &leg);
    ana.line = other.line;
    let (_, from) = ana.line.hears().unwrap();
    assert_eq!(from, v6, "where it has chosen");
}
