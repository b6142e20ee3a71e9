//! The way of a change of configuration (HOUSE 4d): rows that no plan of calls can be made of are not written, and those that are
//! become a revision, which switches take up by themselves.

pub mod http;
mod store;

use configuration::Secrets;
use contract::{
    id::OrgId,
    rules::Timescope,
    snapshot::{Organisation, Snapshot},
};
use sqlx::PgConnection;

use crate::{
    app::App,
    database::Work,
    http::{
        actor::Actor,
        answer::Answer,
        error::{ApiError, FieldError, referred},
        extract::Once,
    },
    platform::change::{self, Done},
};

/// A change of what calls are decided by: `work` on its rows, one change at a time, and its answer says which revision the configuration has
/// become by it. Refuses, naming row and field, what the switch could not use.
pub(crate) async fn change<W>(
    app: &App,
    actor: &Actor,
    once: Option<Once>,
    work: W,
) -> Result<Answer, ApiError>
where
    W: for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, Done, ApiError> + Send + 'static,
{
    let org = actor.org;
    change::change(app, actor, once, move |c| {
        Box::pin(async move {
            begin(c).await?;
            let done = work(c).await?;
            Ok(Done { answer: done.answer.at(check(c, org).await?), ..done })
        })
    })
    .await
}

/// Nobody else changes what calls are decided by until this unit of work ends.
pub(crate) async fn begin(c: &mut PgConnection) -> Result<(), sqlx::Error> {
    store::begin(c).await
}

/// The revision that the configuration becomes when this unit of work, which has changed this organisation, is carried through. What
/// it may not have because another one has it is for the constraints of the tables, so nothing of others is read here.
pub(crate) async fn check(c: &mut PgConnection, org: OrgId) -> Result<i64, ApiError> {
    // What is only looked at in the end is looked at here, where it can still be told apart from a fault of ours.
    look_at_references(c).await.map_err(referred)?;
    let (revision, _) = store::revisions(c).await?;
    let organisations = configuration::load(c, Some(&[org]), Secrets::Withheld).await?;
    let snapshot = Snapshot { revision, organisations };
    match dialplan::compile(&snapshot) {
        Ok(_) => urgent(&snapshot.organisations).map(|()| revision),
        Err(wrong) => {
            let errors = wrong.iter().map(|diagnostic| {
                FieldError::new(
                    format!("{}: {}", named(&snapshot.organisations, diagnostic.row), diagnostic.field),
                    diagnostic.problem.to_string(),
                )
            });
            Err(ApiError::Unprocessable(errors.collect()))
        }
    }
}

/// Nobody has a number that reaches the emergency services, or whoever dials it would reach a colleague.
fn urgent(organisations: &[Organisation]) -> Result<(), ApiError> {
    let mut wrong = Vec::new();
    for organisation in organisations {
        let staff = organisation.staff.iter().map(|staff| &staff.number);
        let all = staff.chain(organisation.extensions.iter().map(|extension| &extension.number));
        for number in all.filter(|number| organisation.outside.emergency_numbers.contains(number)) {
            wrong.push(FieldError::new(format!("number {number}"), "reaches the emergency services"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(ApiError::Unprocessable(wrong)) }
}

/// How a client finds a row again. A rule that is refused has had no id that anybody has seen.
fn named(organisations: &[Organisation], row: dialplan::Row) -> String {
    let dialplan::Row::Rule(id) = row else { return row.to_string() };
    let mut extensions = organisations.iter().flat_map(|organisation| &organisation.extensions);
    let of = extensions.find(|extension| extension.rules.iter().any(|rule| rule.id == id));
    let place = of.map(|extension| {
        let mut rules: Vec<_> = extension.rules.iter().collect();
        rules.sort_by_key(|rule| (rule.position, rule.timescope == Timescope::Any));
        (&extension.number, rules.iter().position(|rule| rule.id == id).unwrap_or_default())
    });
    place.map_or_else(|| row.to_string(), |(number, at)| format!("rules[{at}] of extension {number}"))
}

/// Lets the database look at once at what it would look at in the end: what a statement is refused for is that statement's fault.
pub(super) async fn look_at_references(c: &mut PgConnection) -> Result<(), sqlx::Error> {
    store::look_at_references(c).await
}
