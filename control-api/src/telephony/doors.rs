//! The doors that many aggregates have: a handler and its description for each thing that is asked of a [`super::resource`] or a
//! [`super::part`], which is the first word of each. What a client may ask nowhere else has a door of its own beside its aggregate.
//!
//! Rustfmt leaves them alone: with every run it moves attributes of several lines in a macro further to the right.

/// The door of whoever reads a page of them.
#[rustfmt::skip]
macro_rules! list_door {
    ($of:ident, $view:ident, $path:tt, $summary:tt) => {
        #[utoipa::path(get, path = $path, tag = "telephony", summary = $summary,
            security(("api_key" = ["telephony.read"])),
            params($crate::http::page::ListQuery),
            responses((status = 200, description = "A page of them", body = $crate::http::page::Page<$view>)))]
        async fn list(
            axum::extract::State(app): axum::extract::State<$crate::app::App>,
            actor: $crate::http::actor::Actor,
            $crate::http::extract::Query(query): $crate::http::extract::Query<
                $crate::http::page::ListQuery,
            >,
        ) -> Result<axum::Json<$crate::http::page::Page<$view>>, $crate::http::error::ApiError> {
            $crate::telephony::$of::list::<$view>(&app, &actor, &query).await.map(axum::Json)
        }
    };
}

/// The door of whoever makes one.
#[rustfmt::skip]
macro_rules! create_door {
    ($of:ident, $view:ident, $description:ident, $path:tt, $summary:tt) => {
        #[utoipa::path(post, path = $path, tag = "telephony", summary = $summary,
            security(("api_key" = ["telephony.write"])),
            request_body = $description,
            responses((status = 201, description = "It is there", body = $view)))]
        async fn create(
            axum::extract::State(app): axum::extract::State<$crate::app::App>,
            actor: $crate::http::actor::Actor,
            asked: $crate::http::extract::Change,
        ) -> Result<$crate::http::answer::Answer, $crate::http::error::ApiError> {
            $crate::telephony::$of::create::<$view>(&app, &actor, asked).await
        }
    };
}

/// The door of whoever reads one.
#[rustfmt::skip]
macro_rules! show_door {
    ($of:ident, $view:ident, $path:tt, $summary:tt, $which:tt) => {
        #[utoipa::path(get, path = $path, tag = "telephony", summary = $summary,
            security(("api_key" = ["telephony.read"])),
            params(("id" = uuid::Uuid, Path, description = $which)),
            responses((status = 200, description = "How it stands; its version is the ETag", body = $view)))]
        async fn show(
            axum::extract::State(app): axum::extract::State<$crate::app::App>,
            actor: $crate::http::actor::Actor,
            $crate::http::extract::Path(id): $crate::http::extract::Path<uuid::Uuid>,
        ) -> Result<$crate::http::answer::Answer, $crate::http::error::ApiError> {
            $crate::telephony::$of::show::<$view>(&app, &actor, id).await
        }
    };
}

/// The door of whoever says all of one that is there.
#[rustfmt::skip]
macro_rules! replace_door {
    ($of:ident, $view:ident, $description:ident, $path:tt, $summary:tt, $which:tt) => {
        #[utoipa::path(put, path = $path, tag = "telephony", summary = $summary,
            security(("api_key" = ["telephony.write"])),
            request_body = $description,
            params(("id" = uuid::Uuid, Path, description = $which)),
            responses((status = 200, description = "It is so now", body = $view)))]
        async fn put(
            axum::extract::State(app): axum::extract::State<$crate::app::App>,
            actor: $crate::http::actor::Actor,
            $crate::http::extract::Path(id): $crate::http::extract::Path<uuid::Uuid>,
            asked: $crate::http::extract::Change,
        ) -> Result<$crate::http::answer::Answer, $crate::http::error::ApiError> {
            $crate::telephony::$of::put::<$view>(&app, &actor, id, asked).await
        }
    };
}

/// The same of one that may not be there yet.
#[rustfmt::skip]
macro_rules! put_door {
    ($of:ident, $view:ident, $description:ident, $path:tt, $summary:tt, $which:tt) => {
        #[utoipa::path(put, path = $path, tag = "telephony", summary = $summary,
            security(("api_key" = ["telephony.write"])),
            request_body = $description,
            params(
                ("id" = uuid::Uuid, Path, description = $which),
                ("If-None-Match" = Option<String>, Header, description = "`*`, in place of `If-Match`: there was none")
            ),
            responses(
                (status = 200, description = "It is so now", body = $view),
                (status = 201, description = "It is there", body = $view)
            ))]
        async fn put(
            axum::extract::State(app): axum::extract::State<$crate::app::App>,
            actor: $crate::http::actor::Actor,
            $crate::http::extract::Path(id): $crate::http::extract::Path<uuid::Uuid>,
            asked: $crate::http::extract::Change,
        ) -> Result<$crate::http::answer::Answer, $crate::http::error::ApiError> {
            $crate::telephony::$of::put::<$view>(&app, &actor, id, asked).await
        }
    };
}

/// The door of whoever takes one away.
#[rustfmt::skip]
macro_rules! remove_door {
    ($of:ident, $view:ident, $path:tt, $summary:tt, $which:tt) => {
        #[utoipa::path(delete, path = $path, tag = "telephony", summary = $summary,
            security(("api_key" = ["telephony.write"])),
            params(("id" = uuid::Uuid, Path, description = $which)),
            responses((status = 204, description = "It is there no more")))]
        async fn remove(
            axum::extract::State(app): axum::extract::State<$crate::app::App>,
            actor: $crate::http::actor::Actor,
            $crate::http::extract::Path(id): $crate::http::extract::Path<uuid::Uuid>,
            asked: $crate::http::extract::Change,
        ) -> Result<$crate::http::answer::Answer, $crate::http::error::ApiError> {
            $crate::telephony::$of::remove::<$view>(&app, &actor, id, asked).await
        }
    };
}

pub(crate) use {create_door, list_door, put_door, remove_door, replace_door, show_door};
