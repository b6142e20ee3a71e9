//! Stories of browsers: SIP over WebSocket (RFC 7118), by a client that keeps to the rules.

use tungstenite::{
    Error, HandshakeError, Message, WebSocket,
    client::{IntoClientRequest, client},
    handshake::client::Request,
    http::HeaderValue,
};

use super::{secure::Authority, *};

/// As browsers write it: nothing says how long it is but the message it comes in.
pub(super) const REGISTER: &str = "REGISTER sip:demo.test SIP/2.0\r\nVia: SIP/2.0/WS a.invalid\r\n\r\n";

pub(super) type Browser<S = TcpStream> = WebSocket<S>;

/// A switch that browsers can reach.
pub(super) fn start(change: impl FnOnce(&mut config::Sip)) -> Switch {
    Switch::start(|sip| {
        sip.ws = std::mem::take(&mut sip.tcp);
        change(sip);
    })
}

fn request(address: SocketAddr, change: impl FnOnce(&mut Request)) -> Request {
    let mut request = format!("ws://{address}/sip").into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("sip"));
    change(&mut request);
    request
}

pub(super) fn connected(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

fn upgraded<S: Read + Write>(request: Request, stream: S) -> Result<Browser<S>, u16> {
    client(request, stream).map(|(browser, _)| browser).map_err(|error| match error {
        HandshakeError::Failure(Error::Http(response)) => response.status().as_u16(),
        other => panic!("{other}"),
    })
}

/// A browser, with what its page is.
fn try_from(switch: &mut Switch, change: impl FnOnce(&mut Request) + Send) -> Result<Browser, u16> {
    let address = switch.address;
    switch.turn_while(|| upgraded(request(address, change), connected(address))).1
}

pub(super) fn browse(switch: &mut Switch) -> Browser {
    try_from(switch, |_| {}).unwrap()
}

fn count(switch: &Switch, counter: impl Fn(&Counters) -> &AtomicU64) -> u64 {
    counter(&switch.wire.counters()).load(Ordering::Relaxed)
}

#[test]
fn rfc_7118_5_a_message_is_a_message_as_text_or_binary_without_a_length() {
    let mut switch = start(|_| {});
    let mut browser = browse(&mut switch);
    browser.send(Message::text(REGISTER)).unwrap();
    browser.send(Message::binary(REGISTER.as_bytes())).unwrap();
    let received = switch.receive(2);
    let flow = received[0].0;
    assert_eq!((flow.transport, flow.remote), (Transport::Ws, browser.get_ref().local_addr().unwrap()));
    assert!(received.iter().all(|(from, said)| *from == flow && said.as_deref() == Some(REGISTER)));
    switch.send(flow, b"SIP/2.0 200 OK\r\n\r\n");
    switch.send(flow, b"SIP/2.0 200 \xff\r\n\r\n");
    assert_eq!(browser.read().unwrap(), Message::text("SIP/2.0 200 OK\r\n\r\n"));
    assert_eq!(browser.read().unwrap(), Message::binary(b"SIP/2.0 200 \xff\r\n\r\n".as_slice()));
    assert_eq!(count(&switch, |counters| &counters.ws_opened), 1);
}

#[test]
fn rfc_7118_6_both_kinds_of_keep_alive_are_answered() {
    let mut switch = start(|_| {});
    let mut browser = browse(&mut switch);
    browser.send(Message::text("\r\n\r\n")).unwrap();
    browser.send(Message::text("\r\n")).unwrap();
    browser.send(Message::Ping("there?".into())).unwrap();
    let (received, _) = switch.turn_while(|| {
        assert_eq!(browser.read().unwrap(), Message::text("\r\n"));
        assert_eq!(browser.read().unwrap(), Message::Pong("there?".into()));
    });
    assert_eq!(received, []);
    assert_eq!(count(&switch, |counters| &counters.keep_alives), 1);
}

#[test]
fn only_pages_of_this_machine_and_those_that_are_listed_may_connect() {
    let mut switch = start(|sip| sip.ws_origins = vec!["https://console.example.com".into()]);
    let mut from = |origin: &'static str| {
        let shows = |request: &mut Request| {
            request.headers_mut().append("Origin", HeaderValue::from_static(origin));
        };
        try_from(&mut switch, shows).map(drop)
    };
    assert_eq!(from("https://evil.example"), Err(403));
    assert_eq!(from("null"), Err(403));
    assert_eq!(from("https://console.example.com"), Ok(()));
    assert_eq!(from("http://localhost:5173"), Ok(()));
    let two = |request: &mut Request| {
        for origin in ["http://localhost", "https://evil.example"] {
            request.headers_mut().append("Origin", HeaderValue::from_static(origin));
        }
    };
    assert_eq!(try_from(&mut switch, two).map(drop), Err(403), "one good origin does not cover for another");
    assert_eq!(count(&switch, |counters| &counters.ws_refused), 3);
}

#[test]
fn there_is_sip_at_one_place_and_nothing_else() {
    let mut switch = start(|_| {});
    let elsewhere = |request: &mut Request| *request.uri_mut() = "ws://127.0.0.1/".parse().unwrap();
    assert_eq!(try_from(&mut switch, elsewhere).map(drop), Err(404));
    let other = HeaderValue::from_static("mqtt, sip2");
    let other = |request: &mut Request| drop(request.headers_mut().insert("Sec-WebSocket-Protocol", other));
    assert_eq!(try_from(&mut switch, other).map(drop), Err(400));
    let among = HeaderValue::from_static("mqtt, sip");
    let among = |request: &mut Request| drop(request.headers_mut().insert("Sec-WebSocket-Protocol", among));
    assert_eq!(try_from(&mut switch, among).map(drop), Ok(()));
}

#[test]
fn a_browser_that_is_silent_is_asked_and_let_go_when_it_does_not_answer() {
    let mut switch = start(|_| {});
    let [mut awake, mut asleep] = [browse(&mut switch), browse(&mut switch)];
    for browser in [&mut awake, &mut asleep] {
        browser.send(Message::text(REGISTER)).unwrap();
    }
    let received = switch.receive(2);
    received.iter().for_each(|(flow, _)| switch.wire.trust(flow.connection));
    let now = Instant::now();
    switch.wire.sweep(now + Duration::from_secs(26));
    let pongs = count(&switch, |counters| &counters.tcp_received);
    // Reading is what answers; that the answer has come shows by what comes after it.
    assert_eq!(awake.read().unwrap(), Message::Ping("".into()));
    awake.send(Message::text(REGISTER)).unwrap();
    switch.receive_until(|_, counters| counters.tcp_received.load(Ordering::Relaxed) == pongs + 1);
    switch.wire.sweep(now + Duration::from_secs(37));
    let lost = switch.receive(1);
    assert_eq!(lost[0].0.remote, asleep.get_ref().local_addr().unwrap());
    assert_eq!(count(&switch, |counters| &counters.tcp_timed_out), 1);
    assert_eq!(asleep.read().unwrap(), Message::Ping("".into()));
    assert!(matches!(asleep.read().unwrap(), Message::Close(Some(_))), "it is told goodbye");
}

#[test]
fn whoever_leaves_is_lost_and_is_not_dialled() {
    let mut switch = start(|_| {});
    let mut browser = browse(&mut switch);
    browser.send(Message::text(REGISTER)).unwrap();
    let flow = switch.receive(1)[0].0;
    browser.close(None).unwrap();
    assert_eq!(switch.receive(1), [(flow, None)]);
    assert!(matches!(browser.read().unwrap(), Message::Close(_)), "RFC 6455 §5.5.1: the other half");
    let anew = Flow { connection: 0, ..flow };
    switch.send(anew, b"INVITE");
    assert_eq!(switch.receive(1), [(anew, None)]);
    let mut again = browse(&mut switch);
    again.send(Message::text(REGISTER)).unwrap();
    assert_ne!(switch.receive(1)[0].0.connection, flow.connection);
}

#[test]
fn a_certificate_is_replaced_without_dropping_a_browser() {
    let authority = Authority::new();
    let mut switch = authority.start(|sip| sip.wss = std::mem::take(&mut sip.tls));
    let address = switch.address;
    let secure = || {
        let mut phone = authority.phone(address, None);
        phone.sock.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        phone.flush().unwrap();
        upgraded(request(address, |_| {}), phone).unwrap()
    };
    let (_, mut before) = switch.turn_while(secure);
    authority.sign("switch", &["127.0.0.1"]);
    switch.wire.tls().unwrap().reload().unwrap();
    let (_, after) = switch.turn_while(secure);
    let [old, new] =
        [&before, &after].map(|browser| browser.get_ref().conn.peer_certificates().unwrap().to_vec());
    assert_ne!(old, new);
    let (received, mut before) = switch.turn_while(|| {
        before.send(Message::text(REGISTER)).unwrap();
        before
    });
    let received = received.into_iter().chain(switch.receive(0)).collect::<Vec<_>>();
    let flow = received.first().map_or_else(|| switch.receive(1)[0].0, |(flow, _)| *flow);
    assert_eq!(flow.transport, Transport::Wss);
    switch.send(flow, b"SIP/2.0 200 OK\r\n\r\n");
    let (_, answer) = switch.turn_while(|| before.read().unwrap());
    assert_eq!(answer, Message::text("SIP/2.0 200 OK\r\n\r\n"));
}
