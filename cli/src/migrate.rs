//! `sambung migrate`: for a database that somebody looks after. `sambung up` does the same by itself.

use std::{env, fs, path::PathBuf};

use migrations::Role;
use sqlx::postgres::PgPoolOptions;

use crate::{Failure, terminal};

/// `sambung migrate …`
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// File with the database's URL on one line; without it, the environment variable DATABASE_URL. Its user is
    /// a superuser, or may create roles and owns the database
    #[arg(long, value_name = "FILE")]
    database_url_file: Option<PathBuf>,
    /// Also set the password of a role (api, switch or platform) to the file's one line; may be repeated
    #[arg(long, value_name = "ROLE=FILE")]
    password_file: Vec<String>,
}

/// Runs the migrations, sets passwords, and says which version the database has now.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (mut mistakes, mut passwords) = (Vec::new(), Vec::new());
    let url = url(arguments).map_err(|mistake| mistakes.push(mistake)).unwrap_or_default();
    for pair in &arguments.password_file {
        match password(pair) {
            Ok(found) => passwords.push(found),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if !mistakes.is_empty() {
        return Err(Failure::Mistakes(mistakes));
    }
    let pool = PgPoolOptions::new().max_connections(1).connect(&url).await?;
    migrations::run(&pool).await?;
    for (role, password) in passwords {
        migrations::set_password(&pool, role, &password).await?;
    }
    pool.close().await;
    let newest = migrations::versions().last().map(|(version, name)| format!("{version} ({name})"));
    terminal::print(&format!("The database is at version {}.\n", newest.unwrap_or_default()))?;
    Ok(())
}

fn url(arguments: &Arguments) -> Result<String, String> {
    match &arguments.database_url_file {
        Some(path) => line(path),
        None => {
            env::var("DATABASE_URL").map_err(|_| "give --database-url-file, or set DATABASE_URL".to_owned())
        }
    }
}

fn password(pair: &str) -> Result<(Role, String), String> {
    let (name, path) =
        pair.split_once('=').ok_or_else(|| format!("--password-file {pair}: must be ROLE=FILE"))?;
    let role = match name {
        "api" => Role::Api,
        "switch" => Role::Switch,
        "platform" => Role::Platform,
        _ => return Err(format!("--password-file {pair}: the role must be api, switch or platform")),
    };
    let password = line(&PathBuf::from(path))?;
    let is_plain = password.len() >= 12 && password.bytes().all(|byte| byte.is_ascii_graphic());
    if is_plain {
        Ok((role, password))
    } else {
        Err(format!("{path}: must be 12 or more ASCII characters, no spaces"))
    }
}

fn line(path: &PathBuf) -> Result<String, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text.trim().to_owned())
}
