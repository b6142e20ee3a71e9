//! A proxy that is known by its name: its calls find it by DNS (RFC 3263), the second server when the first one is down,
//! and no name that a phone has thought of is ever asked for.

use std::{
    io::Read as _,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket},
    sync::{Arc, Mutex},
};

use contract::{
    id::TrunkId,
    outside::{Credentials, Registering, Trunk},
};
use hickory_resolver::proto::{
    op::{Message, MessageType, OpCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, AAAA, NAPTR, SRV},
    },
    serialize::binary::{BinDecodable, BinEncodable},
};

use crate::{
    calls::switch_with,
    phone::Phone,
    switch::{PATIENCE, Switch, accept},
};

/// A DNS server on a socket of its own, for the zone `edge.test`.
struct Zone {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

impl Zone {
    /// The name's service is TCP; `first` is its first server, `second` the one for when that is down.
    fn serve(first: u16, second: u16) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (address, asked) = (socket.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok((count, from)) = socket.recv_from(&mut buffer) {
                let Ok(query) = Message::from_bytes(&buffer[..count]) else { continue };
                let question = query.queries[0].clone();
                let asked = question.name().to_ascii().to_lowercase();
                log.lock().unwrap().push(format!("{asked} {}", question.query_type()));
                let data = match (asked.as_str(), question.query_type()) {
                    ("edge.test.", RecordType::NAPTR) => {
                        let service = |order, service: &[u8], replacement| {
                            let (flags, service) = (Box::from(*b"s"), Box::from(service));
                            RData::NAPTR(NAPTR::new(
                                order,
                                10,
                                flags,
                                service,
                                Box::from(*b""),
                                name(replacement),
                            ))
                        };
                        vec![
                            service(20, b"SIP+D2U", "_sip._udp.edge.test."),
                            service(10, b"SIP+D2T", "_sip._tcp.edge.test."),
                        ]
                    }
                    ("_sip._tcp.edge.test.", RecordType::SRV) => vec![
                        RData::SRV(SRV::new(20, 0, second, name("two.edge.test."))),
                        RData::SRV(SRV::new(10, 0, first, name("one.edge.test."))),
                    ],
                    ("one.edge.test." | "two.edge.test." | "inside.test.", RecordType::A) => {
                        vec![RData::A(A(Ipv4Addr::LOCALHOST))]
                    }
                    ("one.edge.test." | "two.edge.test.", RecordType::AAAA) => {
                        vec![RData::AAAA(AAAA(Ipv6Addr::LOCALHOST))]
                    }
                    _ => Vec::new(),
                };
                let mut answer = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
                answer.add_query(question.clone());
                answer.add_answers(
                    data.into_iter().map(|data| Record::from_rdata(question.name().clone(), 60, data)),
                );
                let _ = socket.send_to(&answer.to_bytes().unwrap(), from);
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// A switch that may resolve these targets.
fn switch(zone: &Zone, targets: &str) -> Switch {
    switch_with(|switch| {
        switch.on_both_families();
        switch.sip_more = format!("resolvers = ['{}']\nallowed_targets = [{targets}]\n", zone.address);
    })
}

#[test]
fn rfc_3263_a_call_lands_at_the_second_server_of_a_name_when_the_first_is_down() {
    let four = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = four.local_addr().unwrap().port();
    let six = TcpListener::bind((Ipv6Addr::LOCALHOST, port)).unwrap();
    // Somebody had this port, and nobody has it any more.
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let zone = Zone::serve(dead, port);
    let switch = switch(&zone, "'edge.test', '127.0.0.0/8', '::1'");
    switch.wait_for("sambung_located_total", 1);
    let mut sari = Phone::udp("1001", switch.sip);
    sari.register(300);
    for (edge, heard_on) in [(&four, switch.sip), (&six, switch.sip6.unwrap())] {
        let mut budi = Phone::udp("1002", heard_on);
        budi.register_with(300, "Supported: path\r\nPath: <sip:edge.test;lr>\r\n");
        let call = sari.invite("1002");
        let mut edge = Phone::on("1002", heard_on, accept(edge));
        let called = edge.answer();
        let calling = sari.connected(call);
        let invite = &edge.heard[0];
        assert!(invite.contains("\r\nRoute: <sip:edge.test;lr>\r\n"), "{invite}");
        assert!(invite.contains(&format!("\r\nVia: SIP/2.0/TCP {heard_on};")), "{invite}");
        sari.speak(&calling);
        edge.speak(&called);
        assert_eq!((edge.hear(), sari.hear()), (b'1', b'2'));
        sari.hang_up(&calling);
        edge.hung_up();
        budi.register(0);
    }
    let asked = zone.asked();
    let position = |name: &str| asked.iter().position(|asked| asked == name);
    assert!(position("edge.test. NAPTR") < position("_sip._tcp.edge.test. SRV"), "{asked:?}");
    for wanted in ["one.edge.test. A", "one.edge.test. AAAA", "two.edge.test. A", "two.edge.test. AAAA"] {
        assert!(position(wanted).is_some(), "{wanted} in {asked:?}");
    }
}

/// Decision 0041: the plan's trunks say which names are looked for besides, and what was kept on disk is enough for that.
#[test]
fn a_trunk_registers_at_the_servers_that_its_provider_s_name_leads_to() {
    let provider = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = provider.local_addr().unwrap().port();
    let zone = Zone::serve(port, port);
    let switch = switch_with(|switch| {
        switch.sip_more = format!("resolvers = ['{}']\nallowed_targets = ['127.0.0.0/8']\n", zone.address);
        let credentials =
            Credentials { username: "62215550100".into(), password: "secret".into(), realm: None };
        switch.outside.trunks = vec![Trunk {
            id: TrunkId(uuid::Uuid::from_u128(61)),
            name: "provider".into(),
            sources: Vec::new(),
            targets: vec!["sip:edge.test".into()],
            credentials: Some(credentials),
            registration: Some(Registering { expiry_secs: 600 }),
            options_interval_secs: 0,
            number_format: Default::default(),
            from_number: None,
            channels_max: 2,
            is_trusted: false,
            is_active: true,
        }];
    });
    let mut stream = accept(&provider);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut head = [0; 64];
    stream.read_exact(&mut head).unwrap();
    let head = String::from_utf8_lossy(&head);
    assert!(head.starts_with("REGISTER sip:edge.test SIP/2.0\r\nVia: SIP/2.0/TCP "), "{head}");
    assert_eq!(switch.metric("sambung_located_total"), 1);
    let (status, shown) = switch.get("/v1/trunks", Some(&switch.token()));
    assert!(status == 200 && shown.contains("\"state\":\"registering\""), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn a_name_that_only_a_phone_knows_is_never_asked_for_and_one_that_leads_inside_is_not_followed() {
    let inside = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = inside.local_addr().unwrap().port();
    let zone = Zone::serve(port, port);
    let switch = switch(&zone, &format!("'edge.test', '::1', 'sip:inside.test:{port};transport=tcp'"));
    // What may be followed has been found, so DNS is being asked and answers.
    switch.wait_for("sambung_located_total", 1);
    let (mut sari, mut budi) = (Phone::udp("1001", switch.sip), Phone::udp("1002", switch.sip));
    sari.register(300);
    for path in
        [format!("<sip:inside.test:{port};transport=tcp;lr>"), "<sip:a-phone-chose-this.test;lr>".into()]
    {
        budi.register_with(300, &format!("Supported: path\r\nPath: {path}\r\n"));
        let call = sari.invite("1002");
        // It goes where the phone was heard, not to the door that only this machine can knock at.
        budi.answer();
        let call = sari.connected(call);
        sari.hang_up(&call);
        budi.hung_up();
    }
    inside.set_nonblocking(true).unwrap();
    assert!(inside.accept().is_err());
    assert!(zone.asked().iter().any(|asked| asked == "inside.test. A"), "{:?}", zone.asked());
    assert!(zone.asked().iter().all(|asked| !asked.contains("phone")), "{:?}", zone.asked());
    assert_eq!(switch.metric("sambung_located_total"), 1);
}
