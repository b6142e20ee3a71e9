//! RFC 3263 4, step by step, against a zone that stands in a table.

use super::*;

const ALL: [Transport; 3] = [Transport::Tls, Transport::Tcp, Transport::Udp];

fn target(uri: &str) -> Target {
    Target::of(&Uri::parse(uri).unwrap()).unwrap()
}

fn service(order: u16, preference: u16, service: &str, replacement: &str) -> Service {
    Service { order, preference, service: service.into(), replacement: replacement.into() }
}

fn server(priority: u16, weight: u16, port: u16, host: &str) -> Server {
    Server { priority, weight, port, host: host.into() }
}

/// The example of RFC 3263 4.1 and 4.2, and a few others.
fn zone(question: &Question) -> Answer {
    match question {
        Question::Naptr(name) => Answer::Services(match name.as_str() {
            "example.com" => vec![
                service(90, 50, "SIP+D2U", "_sip._udp.example.com."),
                service(50, 50, "SIPS+D2T", "_sips._tcp.example.com."),
                service(90, 40, "sip+d2t", "_sip._tcp.EXAMPLE.com."),
                service(10, 10, "E2U+sip", "nothing.example.com."),
            ],
            _ => Vec::new(),
        }),
        Question::Srv(name) => Answer::Servers(match name.as_str() {
            "_sip._tcp.example.com" => {
                vec![server(1, 1, 5070, "server2.example.com."), server(0, 1, 5060, "server1.example.com.")]
            }
            "_sips._tcp.example.com" => vec![server(0, 0, 5061, "server1.example.com.")],
            "_sip._udp.srv.example" => vec![server(5, 0, 5080, "server2.example.com")],
            "_sips._tcp.denied.example" => vec![server(0, 0, 0, ".")],
            _ => Vec::new(),
        }),
        Question::Addresses(name) => Answer::Addresses(match name.as_str() {
            "server1.example.com" => vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
            "server2.example.com" => vec!["192.0.2.2".parse().unwrap()],
            "plain.example" | "denied.example" => vec!["::ffff:192.0.2.3".parse().unwrap()],
            _ => Vec::new(),
        }),
    }
}

/// Every way in order, and how many questions it took.
fn locate(uri: &str, speaks: &[Transport]) -> (Vec<String>, usize) {
    let mut locate = Locate::new(target(uri), speaks);
    let mut asked = 0;
    while locate.choices().is_none() {
        let questions = locate.questions();
        assert!(!questions.is_empty(), "{uri}: it waits for nothing");
        for question in questions {
            asked += 1;
            locate.answer(&question, zone(&question));
        }
    }
    let ways = in_order(locate.choices().unwrap(), |_| 0).into_iter();
    (ways.map(|(transport, address)| format!("{} {address}", transport.as_str())).collect(), asked)
}

fn check(uri: &str, expected: &[&str]) {
    assert_eq!(locate(uri, &ALL).0, expected, "{uri}");
}

#[test]
fn rfc_3263_4_1_the_domain_decides_on_the_transport_and_4_2_on_the_server() {
    let tcp = ["TCP 192.0.2.1:5060", "TCP [2001:db8::1]:5060", "TCP 192.0.2.2:5070"];
    let tls = ["TLS 192.0.2.1:5061", "TLS [2001:db8::1]:5061"];
    check("sip:u@Example.COM.", &[&tls[..], &tcp[..]].concat());
    check("sips:u@example.com", &tls);
    assert_eq!(locate("sip:u@example.com", &[Transport::Tcp, Transport::Udp]).0, tcp);
}

#[test]
fn rfc_3263_4_1_what_is_written_decides() {
    check(
        "sip:u@example.com;transport=tcp",
        &["TCP 192.0.2.1:5060", "TCP [2001:db8::1]:5060", "TCP 192.0.2.2:5070"],
    );
    check("sip:u@plain.example:5099", &["UDP 192.0.2.3:5099"]);
    check("sip:u@plain.example:5099;transport=tls", &["TLS 192.0.2.3:5099"]);
    check("sips:u@plain.example:5099", &["TLS 192.0.2.3:5099"]);
    assert_eq!(locate("sip:u@plain.example:5099", &ALL).1, 1, "a port: only addresses are asked for");
}

#[test]
fn rfc_3263_4_1_without_naptr_servers_are_asked_for_and_without_those_addresses() {
    check("sip:u@srv.example", &["UDP 192.0.2.2:5080"]);
    check("sip:u@plain.example", &["UDP 192.0.2.3:5060"]);
    check("sips:u@plain.example", &["TLS 192.0.2.3:5061"]);
    check("sip:u@plain.example;transport=tcp", &["TCP 192.0.2.3:5060"]);
    check("sip:u@nowhere.example", &[]);
}

#[test]
fn rfc_2782_a_dot_means_that_there_is_no_such_service() {
    check("sips:u@denied.example", &[]);
}

#[test]
fn nothing_leads_out_of_tls_or_to_a_transport_we_do_not_speak() {
    assert_eq!(locate("sips:u@example.com", &[Transport::Udp, Transport::Tcp]).0, [""; 0]);
    assert_eq!(locate("sip:u@example.com;transport=tls", &[Transport::Udp]).0, [""; 0]);
    assert_eq!(locate("sip:u@plain.example", &[Transport::Tcp]).0, [""; 0]);
    assert_eq!(Target::of(&Uri::parse("sips:u@example.com;transport=udp").unwrap()), None);
    assert_eq!(Target::of(&Uri::parse("sip:u@example.com;transport=sctp").unwrap()), None);
    assert_eq!(Target::of(&Uri::parse("sip:u@192.0.2.1").unwrap()), None);
}

#[test]
fn rfc_2782_each_server_comes_first_as_often_as_its_weight_says() {
    let choice = |weight, last| Choice {
        transport: Transport::Udp,
        rank: 1,
        weight,
        addresses: vec![SocketAddr::from(([192, 0, 2, last], 5060))],
    };
    let choices = [choice(10, 1), choice(30, 2), choice(0, 3), Choice { rank: 2, ..choice(90, 4) }];
    let mut first = [0; 5];
    for throw in 0..=40 {
        let mut throws = std::iter::once(throw).chain(std::iter::repeat(0));
        let order = in_order(&choices, |bound| {
            let throw = throws.next().unwrap();
            assert!(throw < bound);
            throw
        });
        let IpAddr::V4(v4) = order[0].1.ip() else { panic!() };
        first[usize::from(v4.octets()[3])] += 1;
        assert_eq!(order.len(), 4);
        assert_eq!(order[3].1, "192.0.2.4:5060".parse().unwrap(), "the next rank comes after the first");
    }
    assert_eq!(first, [0, 10, 30, 1, 0]);
}

#[test]
fn addresses_that_only_we_can_reach_are_special() {
    for special in [
        "127.0.0.1",
        "127.8.8.8",
        "169.254.169.254",
        "0.0.0.0",
        "0.1.2.3",
        "224.0.1.75",
        "255.255.255.255",
        "240.0.0.1",
        "::1",
        "::",
        "fe80::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
    ] {
        assert!(is_special(special.parse().unwrap()), "{special}");
    }
    for usual in ["192.0.2.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "2001:db8::1", "fd00::1"] {
        assert!(!is_special(usual.parse().unwrap()), "{usual}");
    }
}
