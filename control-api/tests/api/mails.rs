//! Stories of mails about messages in mailboxes: what is due is sent once, whatever is away meanwhile.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use migrations::Role;
use sambung::child::Signal;
use sambung_api::{
    database::{Database, Options},
    post::{FOLDER_BYTES_MAX, Post, Security, Server},
    switch::Switch,
    telephony::mails::job::{ATTEMPTS_MAX, Mailer, SOUND_ATTEMPTS_MAX, SOUND_BYTES_MAX},
};
use sqlx::{AssertSqlSafe, Row as _, types::Uuid};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    smtp::Smtp,
    stage::{MIDNIGHT, Stage, uuid},
    startup::Folder,
};

/// The job, with a switch that has one message's sound.
struct Desk {
    stage: Stage,
    mailer: Mailer,
    folder: TempDir,
}

fn from() -> lettre::message::Mailbox {
    "PBX <pbx@example.test>".parse().unwrap()
}

fn server(port: u16, security: Security) -> Server {
    Server { host: "127.0.0.1".to_owned(), port, security, ca_file: None, username: String::new() }
}

fn to(smtp: &Smtp) -> Post {
    Post::to_server(from(), &server(smtp.port, Security::Nothing), None).unwrap()
}

impl Desk {
    async fn new(post: Post) -> Self {
        let (stage, folder) = (Stage::new().await, tempfile::tempdir().unwrap());
        let database = Database::new(&Options {
            url: stage.url(Role::Api),
            connections_max: 2,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(5),
        })
        .unwrap();
        let mailer = Mailer { database, post: Arc::new(post), switch: Some(switch(folder.path()).await) };
        Self { stage, mailer, folder }
    }

    /// Sari of organisation A has a mailbox that is mailed.
    async fn mailbox(&self) -> Uuid {
        let (org, user) = (self.stage.a.0, uuid());
        self.run(format!(
            "insert into identity.users (id, name) values ('{user}', 'Sari'), ('{org}', 'Budi');
             insert into identity.memberships (id, org_id, user_id, email, role, status)
                 select id, '{org}', id, id || '@x.test', 'call_agent', 'active' from identity.users
                 where id in ('{user}', '{org}');
             insert into telephony.organisation_settings (org_id, sip_domain, language) values ('{org}', 'a.test', 'en');
             insert into telephony.numbers (org_id, number, user_id)
                 values ('{org}', '1001', '{user}'), ('{org}', '1002', '{org}');
             insert into telephony.voicemail_boxes (org_id, user_id, mail_address)
                 values ('{org}', '{user}', 'sari@example.test')"
        ))
        .await;
        user
    }

    /// A message of Budi's in it, whose mail is due; the sound has that name.
    async fn message(&self, user: Uuid, key: &str) -> Uuid {
        self.message_of(user, key, "internal").await
    }

    /// The same, of a call from inside or outside.
    async fn message_of(&self, user: Uuid, key: &str, direction: &str) -> Uuid {
        let (org, call) = (self.stage.a.0, self.stage.call(self.stage.a, direction, MIDNIGHT).await);
        self.run(format!(
            "insert into telephony.recordings
                 values ('{call}', '{org}', '{call}', now(), 'wav', 61000, '{key}', 9, repeat('0', 64), 0, now());
             insert into telephony.voicemail_messages (id, org_id, call_id, user_id, caller_number, left_at, length_ms)
                 values ('{call}', '{org}', '{call}', '{user}', '1002', now(), 61000);
             insert into telephony.voicemail_mails (id, org_id) values ('{call}', '{org}')"
        ))
        .await;
        call
    }

    async fn run(&self, statements: impl Into<String>) {
        sqlx::raw_sql(AssertSqlSafe(statements.into())).execute(&self.stage.admin).await.unwrap();
    }

    /// `sent`, `dropped` or `waits`, with attempts and reason.
    async fn state(&self, id: Uuid) -> (String, i32, Option<String>) {
        let row = sqlx::query(
            "select case when sent_at is not null then 'sent' when dropped_at is not null then 'dropped' else 'waits' end,
               attempts, reason from telephony.voicemail_mails where id = $1",
        )
        .bind(id)
        .fetch_one(&self.stage.admin)
        .await
        .unwrap();
        (row.get(0), row.get(1), row.get(2))
    }

    /// Lets the job run until the mail is in that state.
    async fn until(&self, id: Uuid, wanted: (&str, i32, Option<&str>)) {
        let wanted = (wanted.0.to_owned(), wanted.1, wanted.2.map(str::to_owned));
        self.run_until(async || self.state(id).await == wanted).await;
        assert_eq!(self.state(id).await, wanted);
    }

    /// Lets the job run until an attempt has come to nothing; the state.
    async fn tried(&self, id: Uuid) -> String {
        self.run_until(async || self.state(id).await.2.is_some()).await;
        self.state(id).await.0
    }

    async fn run_until(&self, condition: impl AsyncFn() -> bool) {
        let (stop, task) = self.start();
        for _ in 0..1_000 {
            if condition().await {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        drop(stop);
        task.await.unwrap();
    }

    fn start(&self) -> (watch::Sender<()>, JoinHandle<()>) {
        let (stop, stopped) = watch::channel(());
        (stop, tokio::spawn(self.mailer.clone().run(stopped)))
    }

    async fn is_deleted(&self, id: Uuid) -> bool {
        sqlx::query_scalar("select deleted_at is not null from telephony.voicemail_messages where id = $1")
            .bind(id)
            .fetch_one(&self.stage.admin)
            .await
            .unwrap()
    }
}

/// The door of a switch that unlocks `sound`, and something that is too large; the token is in the folder.
async fn switch(folder: &Path) -> Switch {
    let token = folder.join("token");
    fs::write(&token, "secret\n").unwrap();
    let message = |State(folder): State<PathBuf>,
                   path: axum::extract::Path<String>,
                   headers: axum::http::HeaderMap| async move {
        if headers.get("authorization").is_none_or(|value| value != "Bearer secret") {
            return Err(StatusCode::UNAUTHORIZED);
        }
        match path.0.as_str() {
            key if key.starts_with("org/sound") => Ok(fs::read(folder.join("sound")).unwrap_or_default()),
            "large" => Ok(vec![0; SOUND_BYTES_MAX + 1]),
            "away" => Err(StatusCode::BAD_GATEWAY),
            _ => Err(StatusCode::NOT_FOUND),
        }
    };
    let router = Router::new().route("/v1/messages/{*key}", get(message)).with_state(folder.to_owned());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    fs::write(folder.join("sound"), b"RIFF\xff\0sound").unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Switch::new(url, token).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_mailed_with_its_sound_to_whoever_wants_it() {
    let smtp = Smtp::up();
    let desk = Desk::new(to(&smtp)).await;
    let user = desk.mailbox().await;
    let id = desk.message(user, "org/sound").await;
    desk.until(id, ("sent", 1, None)).await;
    let taken = smtp.taken();
    assert_eq!(taken.len(), 1);
    for wanted in [
        "To: sari@example.test",
        "From: PBX <pbx@example.test>",
        "Subject: Voice message from Budi (1002), 1:01",
        "X-RcptTo: sari@example.test",
        "For: Sari (1001)",
        "The recording is attached.",
        // The sound.
        "UklGRv8Ac291bmQ",
    ] {
        assert!(taken[0].contains(wanted), "{wanted} in {}", taken[0]);
    }
    assert!(taken[0].contains(&format!("Message-ID: <{id}@a.test>")), "{}", taken[0]);
    assert!(!desk.is_deleted(id).await, "it is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_gets_the_mail_once_when_it_is_back() {
    let mut smtp = Smtp::down();
    let desk = Desk::new(to(&smtp)).await;
    let user = desk.mailbox().await;
    let id = desk.message(user, "org/sound").await;
    desk.until(id, ("waits", 1, Some("smtp_unreachable"))).await;
    desk.run("update telephony.voicemail_mails set due_at = now()").await;
    desk.until(id, ("waits", 2, Some("smtp_unreachable"))).await;
    smtp.start(&[]);
    desk.run("update telephony.voicemail_mails set due_at = now()").await;
    // Whoever else looks for work at the same time.
    let others = [desk.start(), desk.start()];
    desk.until(id, ("sent", 3, None)).await;
    for (stop, task) in others {
        drop(stop);
        task.await.unwrap();
    }
    assert_eq!(smtp.taken().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_nobody_takes_for_a_day_is_given_up_where_it_can_be_seen() {
    let smtp = Smtp::down();
    let desk = Desk::new(to(&smtp)).await;
    let user = desk.mailbox().await;
    let id = desk.message(user, "org/sound").await;
    desk.run(format!("update telephony.voicemail_mails set attempts = {}", ATTEMPTS_MAX - 1)).await;
    desk.until(id, ("dropped", ATTEMPTS_MAX, Some("smtp_unreachable"))).await;
}

/// Two bugs: a mail that was too large with its sound was given up, and so the message was never told of.
#[tokio::test(flavor = "multi_thread")]
async fn a_sound_that_is_too_large_for_the_server_keeps_nobody_from_the_news() {
    let mut smtp = Smtp::down();
    // With what a sound of that length comes to in a mail it is too much: 552.
    smtp.start(&["-s", "4000"]);
    let desk = Desk::new(to(&smtp)).await;
    fs::write(desk.folder.path().join("sound"), [7; 8_000]).unwrap();
    let user = desk.mailbox().await;
    desk.run("update telephony.voicemail_boxes set is_deleted_when_mailed = true").await;
    let id = desk.message(user, "org/sound").await;
    desk.until(id, ("sent", 1, None)).await;
    assert!(
        smtp.taken()[0].contains("The recording is too large for a mail. Dial *97"),
        "{:?}",
        smtp.taken()
    );
    assert!(!desk.is_deleted(id).await, "nobody has heard it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_not_even_the_words_is_not_asked_again() {
    let mut smtp = Smtp::down();
    smtp.start(&["-s", "300"]);
    let desk = Desk::new(to(&smtp)).await;
    let user = desk.mailbox().await;
    let id = desk.message(user, "org/sound").await;
    desk.until(id, ("dropped", 1, Some("smtp_552"))).await;
    assert!(smtp.taken().is_empty());
}

/// What a server has to be told to mend, or to wait for, costs no mail.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_about_us_and_for_now_are_tried_again_and_those_about_a_mail_never() {
    let folder = tempfile::tempdir().unwrap();
    let (pem, key) = certificate(folder.path());
    let smtp = Smtp::guarded((&pem, &key), &[]);
    let desk = Desk::new(secured(&smtp, &pem, None)).await;
    let user = desk.mailbox().await;
    for (at, command, answer, expected) in [
        (1, "rcpt", "451 4.7.1 greylisted", ("waits", 1, Some("smtp_451"))),
        (2, "rcpt", "554 5.7.1 relay access denied", ("waits", 1, Some("smtp_554"))),
        (3, "mail", "550 5.1.8 sender rejected", ("waits", 1, Some("smtp_550"))),
        (4, "data", "550 5.7.26 unauthenticated mail", ("waits", 1, Some("smtp_550"))),
        (5, "rcpt", "550 5.1.1 no such user", ("dropped", 1, Some("smtp_550"))),
        (6, "data", "554 5.6.0 no mail", ("dropped", 1, Some("smtp_554"))),
    ] {
        smtp.says(command, answer);
        let id = desk.message(user, &format!("org/sound {at}")).await;
        desk.until(id, expected).await;
        smtp.says(command, "");
    }
    assert!(smtp.taken().is_empty());
    desk.run("update telephony.voicemail_mails set due_at = now()").await;
    desk.run_until(async || smtp.taken().len() == 4).await;
    assert_eq!(smtp.taken().len(), 4);
}

fn secured(smtp: &Smtp, pem: &str, password: Option<&str>) -> Post {
    let mut server = server(smtp.port, Security::Starttls);
    server.ca_file = Some(pem.into());
    server.username = password.map(|_| "pbx".to_owned()).unwrap_or_default();
    Post::to_server(from(), &server, password.map(str::to_owned)).unwrap()
}

/// A bug: each mail that was due was another failed login in the same second.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_refused_ends_the_round_and_the_right_one_sends_all() {
    let folder = tempfile::tempdir().unwrap();
    let (pem, key) = certificate(folder.path());
    let smtp = Smtp::guarded((&pem, &key), &["pbx", "5ec2e7"]);
    let mut desk = Desk::new(secured(&smtp, &pem, Some("wrong"))).await;
    let user = desk.mailbox().await;
    let mut mails = Vec::new();
    for at in 0..3 {
        mails.push(desk.message(user, &format!("org/sound {at}")).await);
    }
    desk.run_until(async || smtp.heard("login") > 0).await;
    let tried = "select count(*) from telephony.voicemail_mails where attempts = 1 and reason = 'smtp_535'";
    let tried: i64 = sqlx::query_scalar(tried).fetch_one(&desk.stage.admin).await.unwrap();
    assert_eq!((tried, smtp.heard("login")), (1, 1), "the others wait for the next round");
    desk.mailer.post = Arc::new(secured(&smtp, &pem, Some("5ec2e7")));
    desk.run("update telephony.voicemail_mails set due_at = now()").await;
    desk.run_until(async || smtp.taken().len() == mails.len()).await;
    assert_eq!((smtp.taken().len(), smtp.heard("mail")), (3, 3));
}

/// Requests and mails have the same time to come to their end.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_keeps_nobody_from_stopping() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let desk = Desk::new(Post::to_folder(from(), PathBuf::new())).await;
    let user = desk.mailbox().await;
    desk.run("update telephony.voicemail_boxes set has_mail_sound = false").await;
    desk.message(user, "org/sound").await;
    let config = format!(
        "listen = \"127.0.0.1:0\"\n[http]\nshutdown_secs = 1\n[database]\nurl_file = \"url\"\n\
         [mail]\nserver = \"{}\"\nsecurity = \"none\"\n",
        silent.local_addr().unwrap()
    );
    let folder = Folder::new(&config, &desk.stage.url(Role::Api));
    let child = folder.start();
    let _held = silent.accept().unwrap();
    child.signal(Signal::TERM);
    assert_eq!(child.wait(Duration::from_secs(10)).and_then(|status| status.code()), Some(0));
    assert!(folder.log().contains("mails were being sent"), "{}", folder.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_mailed_with_its_sound_is_deleted_where_that_is_wanted_and_nothing_else_is() {
    let smtp = Smtp::up();
    let desk = Desk::new(to(&smtp)).await;
    let user = desk.mailbox().await;
    desk.run("update telephony.voicemail_boxes set is_deleted_when_mailed = true, mail_language = 'id'")
        .await;
    let sound = desk.message(user, "org/sound").await;
    let others = ["long", "large", "nowhere"];
    let mut kept = Vec::new();
    for key in others {
        kept.push(desk.message(user, key).await);
    }
    let bytes = SOUND_BYTES_MAX + 1;
    desk.run(format!("update telephony.recordings set bytes = {bytes} where storage_key = 'long'")).await;
    desk.until(sound, ("sent", 1, None)).await;
    assert!(desk.is_deleted(sound).await);
    for id in kept {
        desk.until(id, ("sent", 1, None)).await;
        assert!(!desk.is_deleted(id).await, "nobody has heard it");
    }
    let taken = smtp.taken().concat();
    for words in
        ["Rekamannya terlampir", "terlalu besar", "tidak dapat dilampirkan", "Pesan suara dari Budi (1002)"]
    {
        assert!(taken.contains(words), "{words} in {taken}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_mailed_of_what_is_deleted_or_to_whom_it_is_not_wanted_any_more() {
    let smtp = Smtp::up();
    let desk = Desk::new(to(&smtp)).await;
    let user = desk.mailbox().await;
    let id = desk.message(user, "org/sound").await;
    desk.run("update telephony.voicemail_messages set deleted_at = now()").await;
    desk.until(id, ("dropped", 1, Some("deleted"))).await;
    desk.run("update telephony.voicemail_boxes set is_enabled = false").await;
    let id = desk.message(user, "org/sound too").await;
    desk.until(id, ("dropped", 1, Some("not_wanted"))).await;
    assert!(smtp.taken().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_that_is_away_is_waited_for() {
    let smtp = Smtp::up();
    let desk = Desk::new(to(&smtp)).await;
    let user = desk.mailbox().await;
    let id = desk.message(user, "away").await;
    desk.until(id, ("waits", 1, Some("switch_away"))).await;
    // A word alone needs no switch.
    desk.run("update telephony.voicemail_boxes set has_mail_sound = false; update telephony.voicemail_mails set due_at = now()")
        .await;
    desk.until(id, ("sent", 2, None)).await;
    assert!(smtp.taken()[0].contains("Dial *97"));
}

/// A bug: a sound that nobody unlocked was waited for until the mail was given up.
#[tokio::test(flavor = "multi_thread")]
async fn a_sound_that_nobody_unlocks_is_left_out_in_the_end() {
    let smtp = Smtp::up();
    let desk = Desk::new(to(&smtp)).await;
    let user = desk.mailbox().await;
    let id = desk.message(user, "away").await;
    desk.run(format!("update telephony.voicemail_mails set attempts = {}", SOUND_ATTEMPTS_MAX - 1)).await;
    desk.until(id, ("sent", SOUND_ATTEMPTS_MAX, None)).await;
    assert!(smtp.taken()[0].contains("The recording could not be attached. Dial *97"));
}

/// A bug: whoever called from outside under a number of the organisation's was named as the colleague who has it.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_nobody_s_namesake() {
    let smtp = Smtp::up();
    let desk = Desk::new(to(&smtp)).await;
    let user = desk.mailbox().await;
    let id = desk.message_of(user, "org/sound", "inbound").await;
    desk.until(id, ("sent", 1, None)).await;
    assert!(smtp.taken()[0].contains("Subject: Voice message from 1002, 1:01"), "{:?}", smtp.taken());
}

/// A bug: what nobody had been sent was deleted.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_a_file_deletes_nothing_and_a_full_folder_takes_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::new(Post::to_folder(from(), folder.path().to_owned())).await;
    let user = desk.mailbox().await;
    desk.run("update telephony.voicemail_boxes set is_deleted_when_mailed = true").await;
    let id = desk.message(user, "org/sound").await;
    desk.until(id, ("sent", 1, None)).await;
    let file = fs::read_to_string(folder.path().join(format!("{id}.eml"))).unwrap();
    assert!(!desk.is_deleted(id).await && !file.contains("has been deleted"), "{file}");
    let large = fs::File::create(folder.path().join("large.eml")).unwrap();
    large.set_len(FOLDER_BYTES_MAX).unwrap();
    let id = desk.message(user, "org/sound too").await;
    desk.until(id, ("waits", 1, Some("folder_full"))).await;
    fs::remove_file(folder.path().join("large.eml")).unwrap();
    desk.run("update telephony.voicemail_mails set due_at = now()").await;
    desk.until(id, ("sent", 2, None)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_mails_are_files_that_only_their_owner_reads() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let mails = folder.path().join("made/mails");
    let desk = Desk::new(Post::to_folder(from(), mails.clone())).await;
    let user = desk.mailbox().await;
    let id = desk.message(user, "org/sound").await;
    desk.until(id, ("sent", 1, None)).await;
    let file = mails.join(format!("{id}.eml"));
    assert!(fs::read_to_string(&file).unwrap().contains("UklGRv8Ac291bmQ"));
    for (path, mode) in [(&file, 0o600), (&mails, 0o700)] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
    }
    assert_eq!(fs::read_dir(&mails).unwrap().count(), 1, "nothing half stays behind");
    drop(desk.folder);
}

/// A pair for 127.0.0.1 in a folder.
fn certificate(folder: &Path) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (pem, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    fs::write(&pem, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (pem.to_str().unwrap().to_owned(), key.to_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_must_prove_its_name_and_nothing_is_said_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let (pem, key) = certificate(folder.path());
    let secured = [["--tlscert", &pem, "--tlskey", &key], ["--smtpscert", &pem, "--smtpskey", &key]];
    for (security, arguments) in [Security::Starttls, Security::Tls].into_iter().zip(secured) {
        let mut smtp = Smtp::down();
        smtp.start(&arguments);
        let mut server = server(smtp.port, security);
        let mut desk = Desk::new(Post::to_server(from(), &server, None).unwrap()).await;
        let user = desk.mailbox().await;
        let id = desk.message(user, "org/sound").await;
        assert_eq!(desk.tried(id).await, "waits", "{security:?}: nobody knows who has signed it");
        assert!(smtp.taken().is_empty());
        server.ca_file = Some(pem.clone().into());
        desk.mailer.post = Arc::new(Post::to_server(from(), &server, None).unwrap());
        desk.run("update telephony.voicemail_mails set due_at = now()").await;
        desk.until(id, ("sent", 2, None)).await;
        assert_eq!(smtp.taken().len(), 1, "{security:?}");
    }
    // It has no STARTTLS.
    let smtp = Smtp::up();
    let desk =
        Desk::new(Post::to_server(from(), &server(smtp.port, Security::Starttls), None).unwrap()).await;
    let user = desk.mailbox().await;
    let id = desk.message(user, "org/sound").await;
    assert_eq!((desk.tried(id).await.as_str(), smtp.taken().len()), ("waits", 0));
}
