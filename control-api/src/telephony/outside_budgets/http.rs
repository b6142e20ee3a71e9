//! The door: `/api/telephony/outside-budgets`.

use utoipa_axum::{router::OpenApiRouter, routes};

use super::model::{OutsideBudget, OutsideBudgetDescription};
use crate::{
    app::App,
    telephony::doors::{create_door, list_door, remove_door, replace_door, show_door},
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, put, remove))
}

list_door!(resource, OutsideBudget, "/api/telephony/outside-budgets", "Budgets, newest first");
create_door!(
    resource,
    OutsideBudget,
    OutsideBudgetDescription,
    "/api/telephony/outside-budgets",
    "A new budget"
);
show_door!(resource, OutsideBudget, "/api/telephony/outside-budgets/{id}", "One budget", "Which one");
replace_door!(
    resource,
    OutsideBudget,
    OutsideBudgetDescription,
    "/api/telephony/outside-budgets/{id}",
    "Another description of a budget",
    "Which one"
);
remove_door!(
    resource,
    OutsideBudget,
    "/api/telephony/outside-budgets/{id}",
    "No such budget any more: what everybody may is theirs",
    "Which one"
);
