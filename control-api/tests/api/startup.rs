//! How the program starts, and when it does not.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, Instant},
};

use migrations::Role;
use sambung::{
    child::{Child, Program, Signal},
    ports::free_port,
    secret,
};

use crate::stage::{Stage, client};

const BINARY: &str = env!("CARGO_BIN_EXE_sambung-api");

/// A folder with a configuration, gone at the end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(config: &str, url: &str) -> Self {
        let name = format!("sambung-api-{}", secret::hex(&secret::bytes::<8>().unwrap()));
        let folder = Self(std::env::temp_dir().join(name));
        fs::create_dir(&folder.0).unwrap();
        let config = format!("{config}\n[identity]\nkeys = \"keys\"\n");
        fs::write(folder.0.join("api.toml"), config).unwrap();
        fs::write(folder.0.join("url"), url).unwrap();
        fs::set_permissions(folder.0.join("url"), fs::Permissions::from_mode(0o600)).unwrap();
        folder
    }

    fn config(&self) -> PathBuf {
        self.0.join("api.toml")
    }

    /// What the program has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.0.join("log")).unwrap()
    }

    /// The program, running.
    pub fn start(&self) -> Child {
        let program = Program {
            name: "sambung-api",
            path: BINARY.into(),
            args: vec!["--config".into(), self.config().into()],
            identity: None,
            handed_over: Vec::new(),
            stop_signal: Signal::TERM,
            log: self.0.join("log"),
            store: None,
            is_restart: false,
        };
        Child::spawn(&program).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run(config: &Path) -> (Option<i32>, String) {
    let output: Output = Command::new(BINARY).arg("--config").arg(config).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_wrong_configuration_is_told_completely_and_starts_nothing() {
    let folder = Folder::new("listen = \"nowhere\"\nlissen = 1\n[http]\nbody_bytes_max = -1\n", "");
    let (code, said) = run(&folder.config());
    assert_eq!(code, Some(2));
    for key in ["listen: must be", "lissen: unknown key", "http.body_bytes_max: must be"] {
        assert!(said.contains(key), "{said}");
    }
    let (code, said) = run(Path::new("/nowhere/api.toml"));
    assert!(code == Some(2) && said.contains("/nowhere/api.toml"), "{said}");
}

#[tokio::test]
async fn it_refuses_to_serve_as_a_superuser_and_never_says_the_password() {
    let stage = Stage::new().await;
    let url = stage.cluster.url(&stage.name);
    let folder = Folder::new("[database]\nurl_file = \"url\"", &url);
    let (code, said) = run(&folder.config());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("refusing to serve") && said.contains("is superuser"), "{said}");
    let password = url.split(['@', ':']).nth(2).unwrap();
    assert!(!said.contains(password), "{said}");
}

#[tokio::test]
async fn it_serves_until_it_is_told_to_stop() {
    let stage = Stage::new().await;
    let port = free_port().unwrap();
    let config =
        format!("listen = \"127.0.0.1:{port}\"\n[database]\nurl_file = \"url\"\n[log]\nformat = \"json\"");
    let folder = Folder::new(&config, &stage.url(Role::Api));
    let child = folder.start();
    let until = Instant::now() + Duration::from_secs(20);
    let mut status = None;
    while status.is_none() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(50)).await;
        status = client()
            .get(format!("http://127.0.0.1:{port}/health"))
            .send()
            .await
            .ok()
            .map(|answer| answer.status());
    }
    assert_eq!(status.map(|status| status.as_u16()), Some(200), "{}", child.last_words(20));
    let busy = run(&folder.config());
    assert!(busy.0 == Some(1) && busy.1.contains("cannot listen on"), "{}", busy.1);
    let asked = format!("http://127.0.0.1:{port}/api/telephony/calls/secret-name?x=081234567890");
    assert_eq!(client().get(asked).send().await.unwrap().status(), 401);
    child.signal(Signal::TERM);
    assert_eq!(child.wait(Duration::from_secs(10)).and_then(|status| status.code()), Some(0));
    let log = folder.log();
    assert!(
        log.contains("\"path\":\"/api/telephony/calls/{id}\"") && log.contains("\"status\":401"),
        "{log}"
    );
    assert!(!log.contains("secret-name") && !log.contains("0812"), "{log}");
    assert!(log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{log}");
}
