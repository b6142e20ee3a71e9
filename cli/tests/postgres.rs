//! A private PostgreSQL server lives as long as its owner, and keeps what it was given.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use sambung::postgres::Cluster;
use sqlx::{Connection as _, PgConnection};

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
