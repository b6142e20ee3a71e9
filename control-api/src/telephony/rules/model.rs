//! The rules of an extension as clients see and describe them.

use std::collections::BTreeSet;

use contract::rules::{Condition, Timescope};
use dialplan::limits;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    http::fields::Fields,
    telephony::{action::Action, part, words},
};

/// A rule.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Rule {
    /// Its id.
    pub id: Uuid,
    /// When it holds.
    #[schema(schema_with = words::timescope)]
    pub timescope: Timescope,
    /// In which case it holds.
    #[schema(schema_with = words::condition)]
    pub condition: Condition,
    /// What is done then.
    pub action: Action,
    /// False: it is passed over.
    pub is_enabled: bool,
    /// All of it as people say it.
    pub sentence: Sentence,
}

/// The same in each language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Sentence {
    /// Indonesian.
    #[schema(example = "Di luar jam kerja, bila tidak diangkat: teruskan ke 1002 Budi")]
    pub id: String,
    /// English.
    #[schema(example = "Outside working hours, when nobody answers: forward to 1002 Budi")]
    pub en: String,
}

/// An extension's rules.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Rules {
    /// In the order in which they are tried.
    pub rules: Vec<Rule>,
    /// The extension's version; also the ETag.
    pub version: i32,
}

/// A rule as it is to be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRule {
    /// The id of the one that it has been so far; null: it is a new one
    #[serde(default)]
    pub id: Option<Uuid>,
    /// When it holds
    #[schema(schema_with = words::timescope)]
    pub timescope: Timescope,
    /// In which case it holds
    #[schema(schema_with = words::condition)]
    pub condition: Condition,
    /// What is done then
    pub action: Action,
    /// False: it is passed over
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub is_enabled: bool,
}

const fn yes() -> bool {
    true
}

/// All rules of an extension.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RulesDescription)]
pub struct Description {
    /// In the order in which they are tried; what is not among them is deleted
    #[schema(max_items = 64)]
    pub rules: Vec<NewRule>,
}

impl part::Description for Description {
    fn check(&self, fields: &mut Fields) {
        let most = limits::RULES_MAX;
        fields.must(self.rules.len() <= most, "rules", format!("must be {most} at most"));
        let mut ids = BTreeSet::new();
        for (at, rule) in self.rules.iter().enumerate() {
            rule.action.check(fields, &format!("rules[{at}].action"));
            let is_first = rule.id.is_none_or(|id| ids.insert(id));
            fields.must(is_first, &format!("rules[{at}].id"), "must not be named twice");
        }
    }
}
