//! The description of the API (OpenAPI 3.1), made from the handlers' own types, and a page to read and try
//! it on that needs no internet.

use utoipa::{
    Modify, OpenApi,
    openapi::{
        self,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::http::error::Problem;

/// Where the description stands.
pub const PATH: &str = "/api/openapi.json";

/// The part of the description that no handler knows.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "sambung",
        description = "Native API of the sambung softswitch. Errors are RFC 9457 problems; lists go on with `next_cursor`; \
                       times are RFC 3339 in UTC. A key sees its own organisation: what belongs to others is not found."
    ),
    components(schemas(Problem)),
    modifiers(&ApiKey),
    security(("api_key" = [])),
    tags(
        (name = "calls", description = "The record of calls"),
        (name = "telephony", description = "What calls are decided by. A change names the version that was read (`If-Match`), \
            may name itself (`Idempotency-Key`), is refused when no plan of calls can be made of it, and answers with the \
            revision that it has become (`sambung-revision`); the switch takes it up within a second and without a restart"),
        (name = "platform", description = "What was done, and by whom"),
        (name = "health", description = "For load balancers and people with pagers")
    )
)]
pub struct Description;

struct ApiKey;

impl Modify for ApiKey {
    fn modify(&self, description: &mut openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An API key, `sambung_…`; `sambung up` prints one for the demo organisation."));
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("api_key", SecurityScheme::Http(scheme.build()));
    }
}

/// `/docs` and the description itself.
pub fn ui(description: openapi::OpenApi) -> SwaggerUi {
    let config = Config::from(PATH).validator_url("none").try_it_out_enabled(true);
    SwaggerUi::new("/docs").url(PATH, description).config(config)
}
