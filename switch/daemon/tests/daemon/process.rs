//! The program as a whole: what it says when it cannot start, what it does without a database, how it stops.

use std::{
    fs,
    net::{TcpListener, UdpSocket},
    os::unix::net::UnixDatagram,
    time::{Duration, Instant},
};

use crate::switch::{PATIENCE, Switch};

#[test]
fn all_mistakes_of_the_configuration_are_listed_and_nothing_is_started() {
    let switch = Switch::new();
    let lines = switch
        .refused("data_dir = 'data'\nmood = 'good'\n[sip]\nudp = ['everywhere']\n[media]\nports = 'all'\n");
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with("sambungd: sip.udp: expected an address with a port"), "{lines:?}");
    assert!(lines[1].starts_with("sambungd: media.ports: expected"), "{lines:?}");
    assert!(lines[2].starts_with("sambungd: mood: no such key"), "{lines:?}");
    assert!(!switch.path("data").exists());
}

#[test]
fn check_says_nothing_about_a_sound_configuration_and_opens_nothing() {
    let switch = Switch::new();
    let output = switch.command(&switch.config()).arg("--check").output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    assert!(!switch.path("data").exists());
}

#[test]
fn busy_ports_a_bad_url_and_an_unusable_data_directory_are_named_together() {
    let switch = Switch::new();
    let _tcp = TcpListener::bind(switch.sip).unwrap();
    fs::write(switch.path("data"), "a file, not a folder").unwrap();
    fs::write(switch.path("url"), "not a url with secret-word").unwrap();
    let lines = switch.refused(&format!("{}[database]\nurl_file = 'url'\n", switch.config()));
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with("sambungd: data_dir: ") && lines[0].contains("cannot be read"), "{lines:?}");
    assert!(lines[1].starts_with("sambungd: database.url_file: is not a URL"), "{lines:?}");
    let busy = format!("sambungd: sip.tcp: cannot listen on {}: Address already in use", switch.sip);
    assert!(lines[2].starts_with(&busy), "{lines:?}");
    assert!(!lines.concat().contains("secret-word"));
}

/// A thread talks to a manager that stores descriptors, and the start used to wait for it for ever.
#[test]
fn under_a_service_manager_a_start_that_fails_ends_with_its_reasons() {
    let switch = Switch::new();
    let _tcp = TcpListener::bind(switch.sip).unwrap();
    let socket = switch.path("manager");
    let _manager = UnixDatagram::bind(&socket).unwrap();
    let mut child = switch.command(&switch.config()).env("NOTIFY_SOCKET", &socket).spawn().unwrap();
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() && started.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("sip.tcp: cannot listen on"), "{said}");
}

/// Bug: of the 54 MB that a switch at rest held, half was corners of pages of 2 MiB that the allocator had asked for.
#[test]
fn huge_pages_are_not_taken() {
    let mut switch = Switch::new();
    switch.start();
    assert_ne!(switch.status("THP_enabled").as_deref(), Some("1"), "older kernels do not tell");
}

#[test]
fn a_data_directory_belongs_to_one_switch() {
    let mut first = Switch::new();
    first.start();
    let second = Switch::new();
    let config = second.config().replace("'data'", &format!("'{}'", first.path("data").display()));
    let lines = second.refused(&config);
    assert!(lines.len() == 1 && lines[0].ends_with("another sambungd is using it"), "{lines:?}");
    assert_eq!(first.get("/v1/health", None).0, 503, "the first one goes on");
}

#[test]
fn without_a_database_it_runs_says_so_and_stops_in_order() {
    let mut switch = Switch::new();
    switch.start();
    let started = Instant::now();
    let wanted =
        r#"{"live":true,"ready":false,"missing":["plan"],"degraded":["database"],"reasons":["plan: "#;
    let is_as_wanted = |(status, body): (u16, String)| status == 503 && body.starts_with(wanted);
    while !is_as_wanted(switch.get("/v1/health", None)) {
        assert!(started.elapsed() < PATIENCE, "{:?}", switch.get("/v1/health", None));
        std::thread::sleep(Duration::from_millis(20));
    }
    let (_, health) = switch.get("/health", None);
    let health: serde_json::Value = serde_json::from_str(&health).unwrap();
    let checks = health["checks"].as_array().unwrap().iter();
    let checks: Vec<_> =
        checks.map(|check| (check["name"].as_str().unwrap(), check["is_well"] == true)).collect();
    assert_eq!(
        checks,
        [("engine", true), ("media", true), ("journal", true), ("database", false), ("plan", false)],
        "{health}"
    );
    let (code, log) = switch.stop("-TERM");
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("sambungd has stopped") && !log.contains("secret-word"), "{log}");
    assert!(!switch.path("data/switch_api.url").exists(), "nobody is sent to a door that is gone");
    switch.start();
    assert_eq!(switch.stop("-INT").0, Some(0));
}

#[test]
fn everything_but_health_asks_for_the_token() {
    let mut switch = Switch::new();
    switch.start();
    let token = switch.token();
    for path in ["/v1/calls", "/v1/registrations", "/metrics"] {
        assert_eq!(switch.get(path, None).0, 401, "{path}");
        assert_eq!(switch.get(path, Some("0000000000000000")).0, 401, "{path}");
        assert_eq!(switch.get(path, Some(&token)).0, 200, "{path}");
    }
    assert_eq!(switch.get("/v1/calls", Some(&token)).1, "[]");
    let hang_up = r#"{"command":"hang_up","call":"01890a5d-ac96-774b-bcce-b302099a8057"}"#;
    assert_eq!(switch.http("POST", "/v1/commands", None, hang_up).0, 401);
    let answer = switch.http("POST", "/v1/commands", Some(&token), hang_up);
    assert_eq!(answer, (200, r#"{"outcome":"unknown_call"}"#.into()));
    assert_eq!(switch.http("POST", "/v1/commands", Some(&token), "{}").0, 422);
    assert_eq!(switch.http("POST", "/v1/commands", Some(&token), &" ".repeat(20_000)).0, 413);
    assert_eq!(switch.get("/v1/secrets", Some(&token)).0, 404);
}

#[test]
fn garbage_is_counted_and_leads_to_nothing() {
    let mut switch = Switch::new();
    switch.start();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut noise = vec![0_u8; 1_400];
    for round in 0..500_u32 {
        noise.iter_mut().enumerate().for_each(|(at, byte)| *byte = (round as usize * 31 + at * 7) as u8);
        stranger.send_to(&noise[..(round as usize % 1_400).max(5)], switch.sip).unwrap();
    }
    switch.wait_for("sambung_notices_total{kind=\"dropped_malformed\"}", 500);
    stranger.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    stranger.recv(&mut noise).unwrap_err();
    let (code, log) = switch.stop("-TERM");
    assert_eq!(code, Some(0));
    assert!(log.lines().count() < 20, "garbage must not fill the log: {log}");
}
