//! Stories of peers that have proved nothing: they hold little, for a short time, and keep nobody out.

use super::*;

/// A source of its own for each number: loopback is a /8.
fn from(source: u8, to: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let own: SocketAddr = format!("127.0.7.{source}:0").parse().unwrap();
    socket.bind(&own.into()).unwrap();
    socket.connect(&to.into()).unwrap();
    socket.into()
}

#[test]
fn the_oldest_stranger_makes_room_and_a_phone_that_has_proved_itself_stays() {
    let mut switch = Switch::start(|sip| sip.tcp_connections_max = 3);
    let mut phone = TcpStream::connect(switch.address).unwrap();
    phone.write_all(OPTIONS.as_bytes()).unwrap();
    let flow = switch.receive(1)[0].0;
    switch.wire.trust(flow.connection);
    let mut strangers: Vec<TcpStream> = (1..=5).map(|source| from(source, switch.address)).collect();
    switch.receive_until(|_, counters| counters.tcp_pushed_out.load(Ordering::Relaxed) == 3);
    assert_eq!(strangers[0].read(&mut [0; 16]).unwrap(), 0);
    strangers[4].write_all(OPTIONS.as_bytes()).unwrap();
    phone.write_all(OPTIONS.as_bytes()).unwrap();
    assert_eq!(switch.receive(2).len(), 2);
}

#[test]
fn a_network_that_is_denied_gets_no_connection() {
    let mut switch = Switch::start(|sip| {
        sip.deny = vec!["127.0.7.0/24".parse().unwrap()];
        sip.allow = vec!["127.0.7.9/32".parse().unwrap()];
    });
    let (mut denied, mut allowed) = (from(8, switch.address), from(9, switch.address));
    allowed.write_all(OPTIONS.as_bytes()).unwrap();
    assert_eq!(switch.receive(1).len(), 1);
    assert_eq!(denied.read(&mut [0; 16]).unwrap(), 0);
    assert_eq!(switch.wire.counters().tcp_refused.load(Ordering::Relaxed), 1);
}

#[test]
fn phones_that_have_proved_themselves_are_not_pushed_out_by_anybody() {
    let mut switch = Switch::start(|sip| sip.tcp_connections_max = 2);
    let phones: Vec<TcpStream> = (0..2)
        .map(|_| {
            let mut phone = TcpStream::connect(switch.address).unwrap();
            phone.write_all(OPTIONS.as_bytes()).unwrap();
            let flow = switch.receive(1)[0].0;
            switch.wire.trust(flow.connection);
            phone
        })
        .collect();
    let mut late = TcpStream::connect(switch.address).unwrap();
    switch.receive_until(|_, counters| counters.tcp_refused.load(Ordering::Relaxed) == 1);
    assert_eq!(late.read(&mut [0; 16]).unwrap(), 0);
    assert_eq!(switch.wire.counters().tcp_connections.load(Ordering::Relaxed), phones.len() as u64);
}

#[test]
fn a_stranger_is_gone_after_half_a_minute_and_a_known_phone_is_not() {
    let mut switch = Switch::start(|_| {});
    let mut phones = [TcpStream::connect(switch.address).unwrap(), from(9, switch.address)];
    for phone in &mut phones {
        phone.write_all(OPTIONS.as_bytes()).unwrap();
    }
    let received = switch.receive(2);
    switch.wire.trust(received[0].0.connection);
    switch.wire.sweep(Instant::now() + Duration::from_secs(28));
    assert_eq!(switch.receive(1), [(received[1].0, None)]);
}

#[test]
fn a_stranger_may_not_say_much_at_once_nor_leave_much_unread() {
    let mut switch = Switch::start(|_| {});
    let large = format!("OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 40000\r\n\r\n{}", "x".repeat(40_000));
    let mut stranger = TcpStream::connect(switch.address).unwrap();
    stranger.write_all(large.as_bytes()).unwrap();
    switch.receive_until(|_, counters| counters.tcp_broken.load(Ordering::Relaxed) == 1);
    let mut phone = TcpStream::connect(switch.address).unwrap();
    phone.write_all(OPTIONS.as_bytes()).unwrap();
    let flow = switch.receive(1)[0].0;
    switch.wire.trust(flow.connection);
    phone.write_all(large.as_bytes()).unwrap();
    assert_eq!(switch.receive(1)[0].1.as_deref(), Some(large.as_str()));

    static ANSWER: [u8; 8_000] = [b'x'; 8_000];
    let mut deaf = TcpStream::connect(switch.address).unwrap();
    deaf.write_all(OPTIONS.as_bytes()).unwrap();
    let flow = switch.receive(1)[0].0;
    let mut sends = 0;
    while switch.wire.counters().tcp_broken.load(Ordering::Relaxed) == 1 {
        switch.send(flow, &ANSWER);
        sends += 1;
        assert!(sends < 5_000, "a stranger that reads nothing is kept");
    }
}

#[test]
fn a_peer_that_takes_nothing_of_what_waits_for_it_is_given_up() {
    let mut switch = Switch::start(|_| {});
    let mut phone = TcpStream::connect(switch.address).unwrap();
    phone.write_all(OPTIONS.as_bytes()).unwrap();
    let flow = switch.receive(1)[0].0;
    switch.wire.trust(flow.connection);
    static PART: [u8; 60_000] = [b'x'; 60_000];
    // Until a little waits: far less than what ends a connection at once.
    while !switch.wire.streams.waits(flow.connection) {
        switch.send(flow, &PART);
    }
    let now = Instant::now();
    switch.wire.sweep(now + Duration::from_secs(18));
    assert_eq!(
        switch.wire.counters().tcp_timed_out.load(Ordering::Relaxed),
        0,
        "a slow reader is waited for"
    );
    // It still sends: silence is not what it is ended for.
    switch.wire.sweep(now + Duration::from_secs(23));
    assert_eq!(switch.wire.counters().tcp_timed_out.load(Ordering::Relaxed), 1);
}

#[test]
fn thousands_of_half_said_messages_do_not_keep_a_phone_waiting() {
    let mut switch = Switch::start(|sip| {
        (sip.tcp_connections_max, sip.tcp_connections_per_source_max) = (500, 64);
    });
    let mut phone = TcpStream::connect(switch.address).unwrap();
    phone.write_all(OPTIONS.as_bytes()).unwrap();
    let flow = switch.receive(1)[0].0;
    switch.wire.trust(flow.connection);
    let mut crowd = Vec::new();
    for n in 0..2_000_u16 {
        let mut stranger = from((n / 50) as u8 + 1, switch.address);
        let _ = stranger.write_all(b"I");
        crowd.push(stranger);
        if n % 50 == 49 {
            // All of them are accepted, read, and most of them pushed out again.
            let come = u64::from(n) + 2;
            let received = switch.receive_until(|_, counters| {
                let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
                count(&counters.tcp_connections) + count(&counters.tcp_pushed_out) == come
            });
            assert!(received.is_empty());
        }
    }
    let mut newcomer = from(200, switch.address);
    newcomer.write_all(OPTIONS.as_bytes()).unwrap();
    phone.write_all(OPTIONS.as_bytes()).unwrap();
    assert_eq!(switch.receive(2).len(), 2);
    let held = switch.wire.counters().tcp_connections.load(Ordering::Relaxed);
    assert!(held <= 500, "{held}");
}
