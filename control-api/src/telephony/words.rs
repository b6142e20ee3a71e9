//! Choices that stand elsewhere by their words, as the description of the API tells of them.

use contract::{
    language::Language,
    menus::MenuKey,
    queues::Strategy,
    rules::{Condition, Timescope},
};
use utoipa::openapi::{ObjectBuilder, Type, schema::Object};

fn of(all: impl Iterator<Item = &'static str>) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(all)).build()
}

pub(super) fn language() -> Object {
    of(Language::ALL.into_iter().map(Language::as_str))
}

pub(super) fn timescope() -> Object {
    of(Timescope::ALL.iter().map(|one| one.as_str()))
}

pub(super) fn condition() -> Object {
    of(Condition::ALL.iter().map(|one| one.as_str()))
}

pub(super) fn strategy() -> Object {
    of(Strategy::ALL.iter().map(|one| one.as_str()))
}

pub(super) fn menu_key() -> Object {
    of(MenuKey::ALL.iter().map(|one| one.as_str()))
}
