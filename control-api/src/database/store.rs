//! Statements about the connection itself: its scope, its state, and whether the database is locked as it
//! must be (DESIGN D9).

use std::fmt;

use contract::id::OrgId;
use sqlx::{AssertSqlSafe, PgConnection, Row as _, SqlSafeStr as _, SqlStr};
use uuid::Uuid;

use super::{Access, Scope};

/// A hole in the wall between organisations, or in the role's own limits. Any one keeps us from starting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing to protect: the migrations have not run, or not in this database.
    NotMigrated,
    /// A table without enabled and forced row-level security.
    NotForced(String),
    /// A table without a policy.
    NoPolicy(String),
    /// A view that reads with its owner's eyes.
    OwnerView(String),
    /// The role holds a right on this table that row-level security does not cover.
    UncoveredRight(String),
    /// The role is above row-level security, or could put itself above it.
    TooMighty(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMigrated => f.write_str("the database has no tables of ours: run `sambung migrate`"),
            Self::NotForced(table) => write!(f, "table {table} has no forced row-level security"),
            Self::NoPolicy(table) => write!(f, "table {table} has no policy"),
            Self::OwnerView(view) => write!(f, "view {view} is not security_invoker"),
            Self::UncoveredRight(table) => {
                write!(f, "our role may truncate, reference or trigger on {table}")
            }
            Self::TooMighty(why) => write!(f, "our role {why}"),
        }
    }
}

/// Begins a transaction that sees `scope`'s rows: in one message, because each one is waited for.
pub(super) fn begin(access: Access, scope: Scope) -> SqlStr {
    let begin = match access {
        Access::Read => "begin isolation level repeatable read read only",
        Access::Write => "begin isolation level read committed",
    };
    match setting(scope) {
        None => begin.into_sql_str(),
        // Nothing that anybody has written is in it: names of ours, and an identifier's 36 characters.
        Some((name, id)) => AssertSqlSafe(format!("{begin}; set local {name} = '{id}'")).into_sql_str(),
    }
}

/// What the policies look at.
const fn setting(scope: Scope) -> Option<(&'static str, Uuid)> {
    match scope {
        Scope::Nothing => None,
        Scope::Organisation(org) => Some(("app.org", org.0)),
        Scope::PresentedKey(key) => Some(("app.api_key", key)),
        Scope::SignIn(sign_in) => Some(("app.sign_in", sign_in)),
        Scope::Letter(letter) => Some(("app.letter", letter)),
        Scope::Device(device) => Some(("app.device", device)),
        Scope::Guest(session) => Some(("app.guest", session)),
        Scope::Person(person) => Some(("app.person", person)),
        Scope::Staff(person) => Some(("app.staff", person)),
    }
}

/// Adds what `scope` sees to what this unit of work sees, until it ends.
pub(crate) async fn enter(connection: &mut PgConnection, scope: Scope) -> Result<(), sqlx::Error> {
    let Some((name, id)) = setting(scope) else { return Ok(()) };
    let query = sqlx::query("select set_config($1, $2, true)").bind(name).bind(id.to_string());
    query.execute(connection).await.map(drop)
}

/// From here on the unit of work is nobody's of the staff.
pub(crate) async fn leave_staff(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("select set_config('app.staff', '', true)").execute(connection).await.map(drop)
}

/// Adds the row of whoever says that they are called `login`, for the rest of this transaction only.
pub(crate) async fn enter_login(connection: &mut PgConnection, login: &str) -> Result<(), sqlx::Error> {
    let query = sqlx::query("select set_config('app.login', $1, true)").bind(login);
    query.execute(connection).await.map(drop)
}

/// The person who does what this unit of work does, for what the database itself keeps some people to (divisions).
pub(crate) async fn enter_actor(connection: &mut PgConnection, person: Uuid) -> Result<(), sqlx::Error> {
    let query = sqlx::query("select set_config('app.actor', $1, true)").bind(person.to_string());
    query.execute(connection).await.map(drop)
}

/// Until this unit of work ends nobody else comes past here in the organisation: of two that count what there is, one would not see what the
/// other adds. Rows that refer to the organisation are added meanwhile.
pub(crate) async fn one_at_a_time(connection: &mut PgConnection, org: OrgId) -> Result<(), sqlx::Error> {
    let held = sqlx::query("select from identity.organisations where id = $1 for no key update");
    held.bind(org.0).execute(connection).await.map(drop)
}

/// True outside a transaction, where a statement's own instant is the transaction's. That is so for a statement in
/// one message only: a prepared one begins its transaction with one message and is carried out by the next. An
/// aborted transaction answers with an error, which closes the connection as well.
pub(super) async fn is_idle(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::raw_sql("select now() = statement_timestamp()").fetch_one(connection).await?.try_get(0)
}

pub(super) async fn ping(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(connection).await.map(drop)
}

/// Looks at every table and view in the schemas of sambung_owner, and at the role we are.
pub(super) async fn faults(connection: &mut PgConnection) -> Result<Vec<Fault>, sqlx::Error> {
    let mut faults = relation_faults(connection).await?;
    faults.extend(role_faults(connection).await?);
    Ok(faults)
}

#[derive(sqlx::FromRow)]
struct Relation {
    name: String,
    is_view: bool,
    is_forced: bool,
    has_policy: bool,
    is_invoker: bool,
    has_uncovered_right: bool,
}

async fn relation_faults(connection: &mut PgConnection) -> Result<Vec<Fault>, sqlx::Error> {
    let relations: Vec<Relation> = sqlx::query_as(
        "select format('%I.%I', n.nspname, c.relname) as name,
                c.relkind in ('v', 'm') as is_view,
                c.relrowsecurity and c.relforcerowsecurity as is_forced,
                exists (select from pg_policy p where p.polrelid = c.oid) as has_policy,
                coalesce('security_invoker=true' = any (c.reloptions), false) as is_invoker,
                has_table_privilege(c.oid, 'truncate, references, trigger') as has_uncovered_right
         from pg_class c
         join pg_namespace n on n.oid = c.relnamespace
         join pg_roles owner on owner.oid = n.nspowner
         where owner.rolname = 'sambung_owner' and c.relkind in ('r', 'p', 'v', 'm', 'f')
         order by 1",
    )
    .fetch_all(connection)
    .await?;
    if relations.is_empty() {
        return Ok(vec![Fault::NotMigrated]);
    }
    let mut faults = Vec::new();
    for relation in relations {
        let Relation { name, is_view, is_forced, has_policy, is_invoker, has_uncovered_right } = relation;
        if has_uncovered_right {
            faults.push(Fault::UncoveredRight(name.clone()));
        }
        match (is_view, is_invoker, is_forced, has_policy) {
            (true, false, ..) => faults.push(Fault::OwnerView(name)),
            (false, _, false, _) => faults.push(Fault::NotForced(name)),
            (false, _, true, false) => faults.push(Fault::NoPolicy(name)),
            _ => {}
        }
    }
    Ok(faults)
}

async fn role_faults(connection: &mut PgConnection) -> Result<Vec<Fault>, sqlx::Error> {
    let roles: Vec<(String, bool, bool, bool, bool, bool)> = sqlx::query_as(
        "select rolname::text, rolsuper, rolbypassrls, rolcreaterole,
                exists (select from pg_class c where c.relowner = r.oid)
                    or exists (select from pg_namespace n where n.nspowner = r.oid),
                rolname = current_user
         from pg_roles r
         where pg_has_role(session_user, r.oid, 'member') and r.rolname not like 'pg\\_%'
         order by 1",
    )
    .fetch_all(connection)
    .await?;
    let mut faults = Vec::new();
    for (name, is_super, bypasses, creates_roles, owns, is_own) in roles {
        let role = if is_own { "itself".to_owned() } else { format!("is a member of {name}, which") };
        let reasons = [
            (is_super, "is superuser"),
            (bypasses, "bypasses row-level security"),
            (creates_roles, "may create roles"),
            (owns || name == "sambung_owner", "owns tables or schemas"),
        ];
        let found = reasons.iter().filter(|(is_so, _)| *is_so);
        faults.extend(found.map(|(_, reason)| Fault::TooMighty(format!("{role} {reason}"))));
    }
    Ok(faults)
}
