//! The file that is shipped is the defaults; every mistake is found, with its key.

use super::*;

const SHIPPED: &str = include_str!("../../../../conf/sambung.toml");

/// Asserts that `text` is refused with exactly these keys, in this order, and that each reason says `why`.
fn check(text: &str, expected: &[(&str, &str)]) {
    let mistakes = Config::parse(text, Path::new("/etc/sambung")).unwrap_err();
    let keys: Vec<&str> = mistakes.iter().map(|m| m.key.as_str()).collect();
    assert_eq!(keys, expected.iter().map(|(key, _)| *key).collect::<Vec<_>>(), "{mistakes:?}");
    for (mistake, (_, why)) in mistakes.iter().zip(expected) {
        assert!(mistake.reason.contains(why), "{mistake} does not say {why:?}");
    }
}

#[test]
fn the_shipped_file_shows_every_key_with_its_default() {
    assert_eq!(Config::parse(SHIPPED, Path::new("/")).unwrap(), Config::default());
    let table: toml::Table = SHIPPED.parse().unwrap();
    let mut shown = Vec::new();
    for (name, value) in &table {
        match value.as_table() {
            Some(section) => shown.extend(section.keys().map(|key| format!("{name}.{key}"))),
            None => shown.push(name.clone()),
        }
    }
    let mut reader = Reader::new(toml::Table::new(), Path::new("/"));
    reader.config();
    let mut known = reader.keys;
    known.sort();
    shown.sort();
    assert_eq!(shown, known);
}

#[test]
fn every_key_of_the_shipped_file_has_a_comment() {
    let lines: Vec<&str> = SHIPPED.lines().collect();
    for (index, line) in
        lines.iter().enumerate().filter(|(_, line)| line.contains(" = ") && !line.starts_with('#'))
    {
        assert!(index > 0 && lines[index - 1].starts_with('#'), "no comment above: {line}");
    }
}

#[test]
fn an_empty_file_is_all_defaults() {
    assert_eq!(Config::parse("", Path::new("/")).unwrap(), Config::default());
}

#[test]
fn all_mistakes_of_a_file_are_reported_together() {
    check(
        "data_dir = 5\nspeed = 'fast'\n[sip]\nudp = ['localhost']\ntcp_idle_secs = 1\nport = 5060\n\
         [media]\nports = '30001-30000'\n[log]\nformat = 'xml'\n[magic]\n",
        &[
            ("sip.udp", "127.0.0.1:5060"),
            ("sip.tcp_idle_secs", "from 30 to 86400"),
            ("sip.port", "no such key"),
            ("media.ports", "even first port"),
            ("log.format", "\"json\""),
            ("data_dir", "path of a folder"),
            ("magic", "no such key or section"),
            ("speed", "no such key or section"),
        ],
    );
}

#[test]
fn broken_toml_says_where() {
    check("[sip\nudp = []", &[("syntax", "line 1")]);
    check("sip = 3", &[("sip", "[sip]")]);
}

#[test]
fn a_wildcard_listener_needs_the_address_phones_know() {
    check("[sip]\nudp = ['0.0.0.0:5060']\ntcp = []", &[("sip.udp", "advertised_addresses")]);
    let text = "[sip]\nudp = ['0.0.0.0:5060']\nadvertised_addresses = ['192.0.2.1']";
    Config::parse(text, Path::new("/")).unwrap();
    check(
        "[sip]\nudp = ['[::]:5060']\nadvertised_addresses = ['192.0.2.1']",
        &[("sip.udp", "advertised_addresses")],
    );
    check("[media]\naddresses = ['::']", &[("media.addresses", "media.advertised_addresses")]);
}

#[test]
fn listeners_must_be_distinct_and_have_ports() {
    check("[sip]\nudp = ['127.0.0.1:0']", &[("sip.udp", "port")]);
    check("[sip]\nudp = ['127.0.0.1:5060', '127.0.0.1:5060']", &[("sip.udp", "told apart")]);
    check("[sip]\nudp = []\ntcp = []", &[("sip.udp", "nobody could call")]);
    check(
        "[sip]\nudp = ['0.0.0.0:5060', '127.0.0.1:5060']\nadvertised_addresses = ['192.0.2.1']",
        &[("sip.udp", "told apart")],
    );
    check(
        "[sip]\nudp = ['127.0.0.1:5060', '10.0.0.5:5060']\nadvertised_addresses = ['192.0.2.1']",
        &[("sip.udp", "told apart")],
    );
    check("[sip]\nudp = ['127.0.0.1:20000']", &[("media.ports", "20000")]);
}

#[test]
fn browsers_have_a_port_of_their_own_over_udp_and_tcp() {
    let with = |port: u16, more: &str| {
        format!(
            "[sip]\nudp = ['127.0.0.1:5060']\ntcp = ['127.0.0.1:5070']\n[media]\nbrowser_port = {port}\n{more}"
        )
    };
    check(&with(5060, ""), &[("media.browser_port", "port of sip.udp")]);
    let taken = "port of sip.tcp, and browsers connect to it over TCP too";
    check(&with(5070, ""), &[("media.browser_port", taken)]);
    for fine in [with(5070, "browser_tcp = false"), with(30_000, "")] {
        Config::parse(&fine, Path::new("/")).unwrap();
    }
    check(&with(30_000, "browser_tcp = 'no'"), &[("media.browser_tcp", "true or false")]);
}

#[test]
fn an_address_has_no_zone_and_only_one_form() {
    for text in ["[fe80::1%eth0]:5060", "[fe80::1%2]:5060", "[fe80::1]:5060"] {
        check(&format!("[sip]\nudp = ['{text}']"), &[("sip.udp", "neither SIP nor SDP")]);
    }
    check("[media]\naddresses = ['fe80::1%2']", &[("media.addresses", "zone")]);
    let config = Config::parse("[sip]\nudp = ['[::ffff:127.0.0.1]:5060']", Path::new("")).unwrap();
    assert_eq!(config.sip.udp, ["127.0.0.1:5060".parse::<std::net::SocketAddr>().unwrap()]);
    check(
        "[sip]\nudp = ['127.0.0.1:5060', '[::ffff:127.0.0.1]:5060']",
        &[("sip.udp", "cannot be told apart")],
    );
}

#[test]
fn a_target_is_a_name_as_it_stands_in_a_route_or_addresses() {
    let text = "[sip]\nresolvers = ['192.0.2.53:53']\n\
                allowed_targets = ['Edge.Example.com', 'b.example:5070', 'sips:c.example', '10.0.0.7', '::1/128']";
    let sip = Config::parse(text, Path::new("")).unwrap().sip;
    let name = |name: &str, port, is_secure| {
        AllowedTarget::Name(Target { name: name.into(), port, transport: None, is_secure })
    };
    let addresses = |net: &str| AllowedTarget::Addresses(net.parse().unwrap());
    let wanted = [
        name("edge.example.com", None, false),
        name("b.example", Some(5070), false),
        name("c.example", None, true),
        addresses("10.0.0.7/32"),
        addresses("::1/128"),
    ];
    assert_eq!(sip.allowed_targets, wanted);
    check("[sip]\nallowed_targets = ['localhost']", &[("sip.allowed_targets", "edge.example.com")]);
    check(
        "[sip]\nallowed_targets = ['sip:a.example;transport=sctp']",
        &[("sip.allowed_targets", "transport")],
    );
    check("[sip]\nresolvers = ['192.0.2.53:0']", &[("sip.resolvers", "usually 53")]);
}

#[test]
fn tls_needs_its_files_and_a_port_of_its_own() {
    check(
        "[sip]\ntls = ['127.0.0.1:5060']",
        &[("sip.tls_certificate", "name the file"), ("sip.tls_key", "name the file"), ("sip.tls", "5061")],
    );
    let files = "tls_certificate = 'tls/chain.pem'\ntls_key = '/etc/key.pem'";
    let text = format!("[sip]\nudp = []\ntcp = []\ntls = ['127.0.0.1:5061']\n{files}");
    let sip = Config::parse(&text, Path::new("/srv/sambung")).unwrap().sip;
    assert_eq!(sip.tls_certificate.as_deref(), Some(Path::new("/srv/sambung/tls/chain.pem")));
    assert_eq!(sip.tls_key.as_deref(), Some(Path::new("/etc/key.pem")));
    assert!(sip.tls_verify, "nobody is believed without proof unless that is asked for");
}

#[test]
fn web_sockets_need_ports_of_their_own_files_for_tls_and_origins_as_browsers_write_them() {
    check(
        "[sip]\nws = ['127.0.0.1:5060']\nwss = ['127.0.0.1:5060']",
        &[
            ("sip.tls_certificate", "sip.wss has an address"),
            ("sip.tls_key", "name the file"),
            ("sip.ws", "8088"),
            ("sip.wss", "8089"),
        ],
    );
    for wrong in ["console.example.com", "https://", "https://x/page", "https://*.example.com", "null"] {
        check(
            &format!("[sip]\nws_origins = ['{wrong}']"),
            &[("sip.ws_origins", "https://console.example.com")],
        );
    }
    let text = "[sip]\nws = ['127.0.0.1:8088']\nws_origins = ['HTTPS://Console.example.com:8443', '*']";
    let sip = Config::parse(text, Path::new("/")).unwrap().sip;
    assert_eq!(sip.ws_origins, ["https://console.example.com:8443", "*"]);
    assert!(
        sip.listeners().iter().all(|(transport, _)| *transport != Transport::Ws),
        "nobody is called from there"
    );
}

#[test]
fn limits_must_agree_with_each_other() {
    check(
        "[limits]\nregister_expires_min_secs = 900\nregister_expires_max_secs = 600\ncalls_max = 0",
        &[("limits.calls_max", "from 1"), ("limits.register_expires_min_secs", "more than")],
    );
    check(
        "[limits]\nregister_expires_default_secs = 30",
        &[("limits.register_expires_default_secs", "between")],
    );
    check("[media]\naddresses = ['192.0.2.1', '192.0.2.2']", &[("media.addresses", "2 IPv4")]);
    check("[switch_api]\nlisten = '0.0.0.0:8090'", &[("switch_api.listen", "loopback")]);
    check("[sip]\nuser_agent = \"a\\r\\nVia: x\"", &[("sip.user_agent", "printable")]);
    check("[sip]\nsession_expires_secs = 60", &[("sip.session_expires_secs", "less than")]);
    check("[sip]\nmin_se_secs = 60", &[("sip.min_se_secs", "from 90")]);
    check("[sip]\ndigest_algorithms = []", &[("sip.digest_algorithms", "either order")]);
    check("[sip]\ndigest_algorithms = ['MD4']", &[("sip.digest_algorithms", "SHA-256")]);
    check("[log]\nfilter = 'sambungd=loud'", &[("log.filter", "")]);
}

#[test]
fn relative_paths_count_from_the_folder_of_the_file() {
    let config =
        Config::parse("data_dir = 'var'\n[database]\nurl_file = 'url'", Path::new("/srv/sambung")).unwrap();
    assert_eq!(config.data_dir, Path::new("/srv/sambung/var"));
    assert_eq!(config.database.url_file.as_deref(), Some(Path::new("/srv/sambung/url")));
    assert_eq!(config.token_file(), Path::new("/srv/sambung/var/switch_api.token"));
}

#[test]
fn a_missing_file_is_a_mistake_with_its_path() {
    let mistakes = Config::load(Path::new("/nonexistent/sambung.toml")).unwrap_err();
    assert_eq!(mistakes[0].key, "/nonexistent/sambung.toml");
}
