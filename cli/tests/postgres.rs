//! A private PostgreSQL server lives as long as its owner, and keeps what it was given.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf, process::Command};

use sambung::{
    ports::free_port,
    postgres::{Cluster, Settings},
    secret,
};
use sqlx::{Connection as _, PgConnection};

/// A folder of one test, closed to everybody else, gone at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("sambung-cli-{}", secret::hex(&secret::bytes::<8>().unwrap()));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn number(url: &str, query: &'static str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
}

#[tokio::test]
async fn a_server_survives_stop_and_kill_with_its_rows_and_its_port() {
    let mut cluster = Cluster::throw_away().unwrap();
    let url = cluster.create_database("kept").await.unwrap();
    migrations::run_at(&url).await.unwrap();
    assert_eq!(number(&url, "select revision from telephony.revisions").await, 1);
    cluster.stop();
    assert!(PgConnection::connect(&url).await.is_err());
    cluster.start().unwrap();
    assert_eq!(number(&url, "select revision from telephony.revisions").await, 1);
    cluster.kill();
    cluster.start().unwrap();
    assert_eq!(number(&url, "select count(*) from telephony.revisions").await, 1);
}

#[tokio::test]
async fn migrations_may_run_twice_and_by_an_owner_that_is_no_superuser() {
    let cluster = Cluster::throw_away().unwrap();
    let admin = cluster.create_database("first").await.unwrap();
    migrations::run_at(&admin).await.unwrap();
    migrations::run_at(&admin).await.unwrap();
    let mut connection = PgConnection::connect(&admin).await.unwrap();
    for statement in
        ["create role deployer login createrole password 'x'", "create database second owner deployer"]
    {
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    }
    let owner = cluster.url_as("deployer", "x", "second");
    migrations::run_at(&owner).await.unwrap();
    assert_eq!(number(&owner, "select 1::int8").await, 1);
}

#[tokio::test]
async fn a_role_signs_in_with_the_password_it_was_given_and_no_other() {
    let cluster = Cluster::throw_away().unwrap();
    let url = cluster.create_database("roles").await.unwrap();
    let pool = sqlx::PgPool::connect(&url).await.unwrap();
    migrations::run(&pool).await.unwrap();
    for role in migrations::Role::ALL {
        migrations::set_password(&pool, role, "right").await.unwrap();
        let name = role.as_str();
        assert!(PgConnection::connect(&cluster.url_as(name, "right", "roles")).await.is_ok(), "{name}");
        assert!(PgConnection::connect(&cluster.url_as(name, "wrong", "roles")).await.is_err(), "{name}");
    }
}

/// As root in /root, the user that PostgreSQL runs as has no way to its own data folder.
#[tokio::test]
async fn a_server_runs_where_its_user_could_not_go() {
    let folder = Folder::new();
    let inside = folder.0.join("inside");
    fs::create_dir(&inside).unwrap();
    let settings = Settings {
        dir: inside.join("postgres"),
        log: folder.0.join("log"),
        port: free_port().unwrap(),
        password: "secret".to_owned(),
        is_durable: false,
    };
    let mut cluster = Cluster::prepare(settings.clone()).unwrap();
    cluster.start().unwrap();
    let url = cluster.create_database("kept").await.unwrap();
    migrations::run_at(&url).await.unwrap();
    cluster.kill();
    drop(cluster);
    let mut cluster = Cluster::prepare(settings).unwrap();
    cluster.start().unwrap();
    assert_eq!(number(&url, "select count(*) from telephony.revisions").await, 1);
    assert_eq!(fs::read_dir(&inside).unwrap().count(), 1, "something was left beside the data");
}

#[tokio::test]
async fn sambung_migrate_updates_a_database_and_opens_it_to_the_daemons() {
    let (cluster, folder) = (Cluster::throw_away().unwrap(), Folder::new());
    let url = cluster.create_database("fresh").await.unwrap();
    let (url_file, password_file) = (folder.0.join("url"), folder.0.join("password"));
    fs::write(&url_file, format!("{url}\n")).unwrap();
    fs::write(&password_file, "api-role-password\n").unwrap();
    let migrate = |pair: String| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sambung"));
        command.arg("migrate").arg("--database-url-file").arg(&url_file).arg("--password-file").arg(pair);
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    };
    let (code, said) = migrate(format!("apy={}", password_file.display()));
    assert!(code == Some(2) && said.contains("must be api, switch or platform"), "{said}");
    let (code, said) = migrate(format!("api={}", password_file.display()));
    assert!(code == Some(0) && said.contains("is at version"), "{said}");
    assert!(
        PgConnection::connect(&cluster.url_as("sambung_api", "api-role-password", "fresh")).await.is_ok()
    );
}
