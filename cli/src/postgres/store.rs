//! Statements to a private server as its superuser.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// Creates `name` unless it exists.
pub(super) async fn create_database(url: &str, name: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(name)
        .fetch_one(&mut connection)
        .await?;
    if !exists {
        // An identifier cannot be a parameter; quoting it is what quote_ident does.
        let statement = format!("create database \"{}\"", name.replace('"', "\"\""));
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
    }
    connection.close().await
}
