//! `sambung up` as a newcomer meets it: the demo contract of DESIGN §2, and what happens when things are not
//! as they should be.

use std::{
    fs::{self, File},
    net::{TcpListener, TcpStream, UdpSocket},
    os::unix::fs::PermissionsExt as _,
    process::{Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::{Signal, kill_process};
use sambung::postgres::Cluster;
use serde_json::Value;
use sqlx::Connection as _;

use crate::site::{Site, Up, binary, get, text};

fn must_be_gone(up: &Up<'_>) {
    let until = Instant::now() + Duration::from_secs(20);
    while !up.family().is_empty() {
        assert!(Instant::now() < until, "left: {:?}", up.family());
        sleep(Duration::from_millis(50));
    }
}

fn run(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(stdout.is_empty(), "{}", String::from_utf8_lossy(&stdout));
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn the_demo_contract_is_kept_and_a_second_start_is_the_same() {
    let site = Site::new();
    let up = site.start(&["--sip-accounts", "3"]);
    let demo = site.demo();
    let mode = fs::metadata(site.data().join("demo.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(text(&demo, "/http"), format!("http://127.0.0.1:{}", site.http));
    let sip = format!("127.0.0.1:{}", site.sip);
    assert_eq!((text(&demo, "/sip/udp"), text(&demo, "/sip/tcp")), (sip.as_str(), sip.as_str()));
    assert_eq!(text(&demo, "/sip/tls"), format!("127.0.0.1:{}", site.sips));
    must_be_believed(&site, text(&demo, "/sip/tls"));
    assert_eq!(text(&demo, "/sip/domain"), "demo.sambung.test");
    assert_eq!(text(&demo, "/sip/ws"), format!("ws://127.0.0.1:{}/sip", site.ws));
    assert_eq!(text(&demo, "/sip/wss"), format!("wss://127.0.0.1:{}/sip", site.wss));
    must_be_believed(&site, &format!("127.0.0.1:{}", site.wss));
    let http = text(&demo, "/http");
    let code = text(&demo, "/guest_url").strip_prefix(&format!("{http}/g/")).unwrap();
    let (status, organisation) = get(&format!("{http}/api/guest/organisations/{code}"), "");
    assert!(status == 200 && organisation.contains("Resepsionis"), "{status} {organisation}");
    assert_eq!(
        demo["numbers"],
        serde_json::json!({
            "call_waiting": "*70", "call_waiting_off": "*71", "conference": "8000", "do_not_disturb": "*78",
            "do_not_disturb_off": "*79", "echo": "*43", "park": "700", "pause": "*46", "pickup": "*8", "voicemail": "*97",
        })
    );
    let staff = demo["staff"].as_array().unwrap();
    assert_eq!((staff.len(), text(&staff[0], "/name"), text(&staff[7], "/number")), (8, "Sari", "1008"));
    for extension in ["100", "200"] {
        assert_eq!(staff.iter().filter(|staff| staff["extensions"][0] == extension).count(), 4);
    }
    for path in [
        "/super_admin/email",
        "/owner/password",
        "/extensions/1/id",
        "/database_url",
        "/staff/3/sip_password",
    ] {
        assert!(!text(&demo, path).is_empty());
    }
    assert_eq!(get(&format!("{}/api/telephony/calls", text(&demo, "/http")), text(&demo, "/api_key")).0, 200);
    let live = format!("{}/v1/calls", text(&demo, "/switch_api/url"));
    assert_eq!(get(&live, text(&demo, "/switch_api/token")), (200, "[]".to_owned()));
    let mut calls = Command::new(binary());
    let calls = calls.arg("calls").arg("--switch").arg(site.data().join("switch")).output().unwrap();
    assert!(calls.status.success() && calls.stdout.starts_with(b"Call "), "{calls:?}");
    assert!(up.said("err").contains("[6/6]"));
    let table = up.said("out");
    for word in [
        "Resepsionis",
        "1001",
        text(&staff[0], "/sip_password"),
        text(&demo, "/owner/password"),
        "Register a phone",
    ] {
        assert!(table.contains(word), "{word}");
    }
    assert_eq!(up.stop(Signal::INT).code(), Some(0));
    let up = site.start(&["--sip-accounts", "3"]);
    assert_eq!(site.demo(), demo);
    must_not_leak(&up, &demo);
    assert_eq!(up.stop(Signal::TERM).code(), Some(0));
}

/// Whoever believes the folder's own authority believes the switch, by its address and by its domain.
fn must_be_believed(site: &Site, tls: &str) {
    let authority = site.data().join("tls/ca.pem");
    for name in [["-verify_ip", "127.0.0.1"], ["-verify_hostname", "demo.sambung.test"]] {
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", "-connect", tls, "-verify_return_error", "-brief", "-CAfile"]);
        let answer = openssl.arg(&authority).args(name).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&answer.stderr);
        assert!(answer.status.success() && said.contains("Verification: OK"), "{said}");
    }
    for secret in ["tls/ca.key", "tls/switch.key"] {
        assert_eq!(fs::metadata(site.data().join(secret)).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

/// No password stands where every process of the machine can read it, nor in a log.
fn must_not_leak(up: &Up<'_>, demo: &Value) {
    let database_password = text(demo, "/database_url").split([':', '@']).nth(2).unwrap().to_owned();
    let mut secrets =
        vec![database_password, text(demo, "/api_key").to_owned(), text(demo, "/owner/password").to_owned()];
    secrets.extend(
        demo["staff"].as_array().unwrap().iter().map(|staff| text(staff, "/sip_password").to_owned()),
    );
    secrets.push(text(demo, "/switch_api/token").to_owned());
    let family = up.family();
    assert!(family.len() >= 2, "{family:?}");
    let mut texts: Vec<String> = family.iter().map(|(_, line)| line.clone()).collect();
    texts.extend(family.iter().map(|(pid, _)| {
        String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/environ")).unwrap_or_default()).into_owned()
    }));
    let logs = fs::read_dir(up.site.data().join("log")).unwrap().flatten();
    texts.extend(logs.map(|log| fs::read_to_string(log.path()).unwrap()));
    texts.push(up.said("err"));
    for secret in secrets {
        assert!(texts.iter().all(|text| !text.contains(&secret)), "{secret} leaks");
    }
}

#[test]
fn killed_it_takes_its_children_along_and_starts_again_with_everything() {
    let site = Site::new();
    let mut up = site.start(&[]);
    let demo = site.demo();
    up.process.kill().unwrap();
    up.process.wait().unwrap();
    // At once, while the children are still ending.
    let again = site.start(&[]);
    assert_eq!(site.demo(), demo);
    assert_eq!(again.family().iter().filter(|(_, line)| line.contains(" -D ")).count(), 1);
    let mut again = again;
    again.process.kill().unwrap();
    again.process.wait().unwrap();
    must_be_gone(&again);
}

#[test]
fn a_first_start_that_is_broken_off_while_the_database_is_made_can_be_repeated() {
    let site = Site::new();
    let mut process = site.command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while !site.data().join("postgres").exists() {
        assert!(Instant::now() < until, "no database is made");
        sleep(Duration::from_millis(1));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    site.start(&[]);
}

#[test]
fn a_child_that_dies_is_reported_and_everything_stops() {
    // sambungd is started again instead: tests/tests/interop/survival.rs.
    for name in ["sambung-api", "postgres"] {
        let site = Site::new();
        let mut up = site.start(&[]);
        kill_process(up.child(name), Signal::KILL).unwrap();
        let status = up.process.wait().unwrap();
        assert_eq!(status.code(), Some(1), "{name}");
        let said = up.said("err").to_lowercase();
        assert!(said.contains(name), "{said}");
        assert!(said.contains("ended by itself") && said.contains("last words"), "{said}");
        must_be_gone(&up);
    }
}

#[test]
fn a_second_one_on_the_same_folder_is_refused_and_harms_nothing() {
    let site = Site::new();
    let up = site.start(&[]);
    let (code, said) = run(&mut site.command());
    assert_eq!(code, Some(2));
    assert!(said.contains(&format!("process {}", up.process.id())) && said.lines().count() == 1, "{said}");
    assert_eq!(get(&format!("{}/health", text(&site.demo(), "/http")), "").0, 200);
}

#[test]
fn everything_that_is_wrong_is_told_at_once_and_nothing_is_started() {
    let site = Site::new();
    let _udp = UdpSocket::bind(("127.0.0.1", site.sip)).unwrap();
    let _tcp = TcpListener::bind(("127.0.0.1", site.http)).unwrap();
    let (code, said) = run(&mut site.command());
    assert_eq!(code, Some(2));
    assert!(said.contains("--sip") && said.contains("(UDP)") && said.contains("--http"), "{said}");
    let mut command = Command::new(binary());
    let file = site.home.join("file");
    File::create(&file).unwrap();
    command.args([
        "up",
        "--rtp",
        "odd",
        "--staff",
        "none",
        "--media-address",
        "here",
        "--sip",
        "5060",
        "--data",
    ]);
    let (code, said) = run(command.arg(file.join("var")).env_remove("DATABASE_URL"));
    assert_eq!(code, Some(2));
    for flag in ["--rtp odd", "--staff none", "--media-address here", "--sip 5060", "is not a folder"] {
        assert!(said.contains(flag), "{said}");
    }
    let (code, said) = run(site.command().args(["--sip-accounts", "5", "--ipv6", "2001:db8::1"]));
    assert!(code == Some(2) && said.contains("loopback"), "{said}");
    assert!(!site.data().exists());
}

#[test]
fn a_database_of_somebody_else_is_used_when_given() {
    let site = Site::new();
    let cluster = Cluster::throw_away().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = runtime.block_on(cluster.create_database("theirs")).unwrap();
    let mut command = site.command();
    let up = site.start_as(command.env("DATABASE_URL", &url));
    assert!(!site.data().join("postgres").exists());
    let demo = site.demo();
    assert_eq!(text(&demo, "/database_url"), url);
    assert_eq!(get(&format!("{}/api/telephony/calls", text(&demo, "/http")), text(&demo, "/api_key")).0, 200);
    must_not_leak(&up, &demo);
    // Another folder does not know the passwords of the organisation that is there, and leaves them alone.
    let other = Site::new();
    let (code, said) = run(other.command().env("DATABASE_URL", &url));
    assert_eq!(code, Some(1), "{said}");
    let switch_url = fs::read_to_string(site.data().join("conf/switch-database-url")).unwrap();
    runtime.block_on(sqlx::PgConnection::connect(switch_url.trim())).unwrap();
    drop(up);
    assert!(said.contains("another --data folder"), "{said}");
    assert!(TcpStream::connect(("127.0.0.1", other.http)).is_err());
}

/// A bug: the key of a folder from before there was anything to change could change nothing.
#[test]
fn the_key_of_an_older_folder_may_do_what_keys_may_do_now() {
    let site = Site::new();
    let cluster = Cluster::throw_away().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = runtime.block_on(cluster.create_database("older")).unwrap();
    let start = || site.start_as(site.command().env("DATABASE_URL", &url));
    drop(start());
    let age = async {
        let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
        let statement = "update identity.api_keys set permissions = array['calls.read']";
        sqlx::query(statement).execute(&mut connection).await.unwrap().rows_affected()
    };
    assert_eq!(runtime.block_on(age), 1);
    let _up = start();
    let demo = site.demo();
    let extensions = format!("{}/api/telephony/extensions", text(&demo, "/http"));
    assert_eq!(get(&extensions, text(&demo, "/api_key")).0, 200);
}
