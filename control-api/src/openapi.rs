//! The description of the API (OpenAPI 3.1), made from the handlers' own types, and a page to read and try
//! it on that needs no internet.

use utoipa::{
    Modify, OpenApi,
    openapi::{
        self, ContentBuilder, ObjectBuilder, Ref, RefOr, Required, Response, ResponseBuilder, Schema, Type,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::http::error::Problem;

/// Where the description stands.
pub const PATH: &str = "/api/openapi.json";

/// What the scheme is called by which a key is presented. An operation names the permission that the key must have.
const API_KEY: &str = "api_key";
/// And that of an access token: in the place of a key, or where an operation is about its bearer.
const SIGN_IN: &str = "sign_in";

/// And that of a guest's token.
const GUEST: &str = "guest";

/// The part of the description that no handler knows.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "sambung",
        description = "Native API of the sambung softswitch. Errors are RFC 9457 problems; lists go on with `next_cursor`; \
                       times are RFC 3339 in UTC. A key sees its own organisation, and so does whoever has signed in: what belongs to \
                       others is not found."
    ),
    components(schemas(Problem)),
    modifiers(&Schemes),
    tags(
        (name = "calls", description = "The record of calls"),
        (name = "telephony", description = "What calls are decided by. A change names the version that was read (`If-Match`), \
            may name itself (`Idempotency-Key`), is refused when no plan of calls can be made of it, and answers with the \
            revision that it has become (`sambung-revision`); the switch takes it up within a second and without a restart"),
        (name = "guests", description = "What people do who have scanned an organisation's QR code"),
        (name = "identity", description = "Who is there, and what they may"),
        (name = "platform", description = "What was done and by whom, and what is done while nobody waits"),
        (name = "health", description = "For load balancers and people with pagers")
    )
)]
pub struct Description;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, description: &mut openapi::OpenApi) {
        let components = description.components.get_or_insert_default();
        let key = "An API key, `sambung_…`; `sambung up` prints one for the demo organisation.";
        let token = "The access token that comes of `POST /api/identity/sign-ins`.";
        let guest = "The token that comes of `POST /api/guest/sessions`.";
        for (name, text) in [(API_KEY, key), (SIGN_IN, token), (GUEST, guest)] {
            let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(text));
            components.add_security_scheme(name, SecurityScheme::Http(scheme.build()));
        }
    }
}

/// Adds to every operation what follows from what it is: its id, the headers of a change, and the problems that it may answer with. What
/// its handler says of these itself stays.
pub fn completed(mut description: openapi::OpenApi) -> openapi::OpenApi {
    for (path, item) in &mut description.paths.paths {
        let operations = [
            ("get", Kind { changes: false, is_of_version: false }, &mut item.get),
            ("post", Kind { changes: true, is_of_version: false }, &mut item.post),
            ("put", Kind { changes: true, is_of_version: true }, &mut item.put),
            ("delete", Kind { changes: true, is_of_version: true }, &mut item.delete),
        ];
        for (method, kind, operation) in operations {
            if let Some(operation) = operation {
                operation.operation_id = Some(id_of(method, path));
                complete(kind, operation);
            }
        }
    }
    description.components.iter_mut().for_each(open_up);
    description
}

/// What is shown is more than what was described: where a view holds a description, which takes no field that it does not know, that is
/// written out in it without this word.
fn open_up(components: &mut openapi::Components) {
    let known = components.schemas.clone();
    let described = |part: &RefOr<Schema>| {
        let RefOr::Ref(reference) = part else { return None };
        let RefOr::T(Schema::Object(object)) = known.get(reference.ref_location.rsplit('/').next()?)? else {
            return None;
        };
        let mut open = object.clone();
        open.additional_properties.take().map(|_| RefOr::T(Schema::Object(open)))
    };
    for schema in components.schemas.values_mut() {
        if let RefOr::T(Schema::AllOf(view)) = schema {
            for part in &mut view.items {
                *part = described(part).unwrap_or_else(|| part.clone());
            }
        }
    }
}

/// `get_telephony_extensions_id`: what clients that are made of the description call an operation by; there is no other of that name.
fn id_of(method: &str, path: &str) -> String {
    let words = path.trim_start_matches("/api").split(|letter: char| !letter.is_ascii_alphanumeric());
    [method].into_iter().chain(words.filter(|word| !word.is_empty())).collect::<Vec<_>>().join("_")
}

/// What an operation does, by its method.
#[derive(Clone, Copy)]
struct Kind {
    changes: bool,
    /// It changes something that its client must have read.
    is_of_version: bool,
}

fn complete(Kind { changes, is_of_version }: Kind, operation: &mut Operation) {
    let needed = |scheme| operation.security.iter().flatten().find_map(|one| scope(one, scheme));
    let (permission, of_person) = (needed(API_KEY), needed(SIGN_IN));
    let (is_persons, is_guests) = (of_person.is_some(), needed(GUEST).is_some());
    let (is_known, is_of_organisation) =
        (permission.is_some() || is_persons || is_guests, permission.is_some());
    if !is_known && !changes {
        return;
    }
    let (acts, is_of_version) = (changes && is_of_organisation, is_of_version && is_of_organisation);
    let parameters = operation.parameters.get_or_insert_default();
    let is_in = |place: &ParameterIn| {
        parameters.iter().any(|one| matches!(one, RefOr::T(one) if one.parameter_in == *place))
    };
    let lacks = permission.as_ref().map_or_else(
        || match of_person.as_deref() {
            None if is_guests => "The organisation takes no calls at the moment".to_owned(),
            Some("") | None => "It is for people who sign in".to_owned(),
            Some(_) => "It is for the platform's staff".to_owned(),
        },
        |permission| {
            format!("Whoever asks lacks `{permission}`, or acts in no organisation that is approved")
        },
    );
    let unproven = if is_known { "No valid key or access token" } else { "What was sent proves nothing" };
    let problems = [
        (
            changes || is_in(&ParameterIn::Query),
            "400",
            "Something in the address, a header or the body is not as it must be",
        ),
        (true, "401", unproven),
        (is_known, "403", &lacks),
        (is_in(&ParameterIn::Path), "404", "Your organisation has none of that id"),
        (
            acts,
            "409",
            "It contradicts what there is, or a request with this `Idempotency-Key` is being carried out",
        ),
        (is_of_version, "412", "Somebody has changed it since it was read"),
        (changes, "413", "Too large"),
        (changes, "415", "Not JSON"),
        (
            acts,
            "422",
            "No plan of calls can be made of it, or the `Idempotency-Key` was used for another request",
        ),
        (is_of_version, "428", "No `If-Match`"),
        (true, "429", "More requests than are allowed; `Retry-After` says when to come back"),
        (true, "503", "Busy, or the database is away"),
    ];
    for (_, status, text) in problems.into_iter().filter(|(may, _, _)| *may) {
        let responses = &mut operation.responses.responses;
        responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(problem(text)));
    }
    if let Some(permission) = permission {
        let token = SecurityRequirement::new(SIGN_IN, [permission]);
        operation.security.get_or_insert_default().push(token);
    }
    if is_of_version {
        let may_be_new = is_named(parameters, NONE_YET);
        let required = if may_be_new { Required::False } else { Required::True };
        let named = ("If-Match", Some("^\"[0-9]{1,9}\"$"));
        parameters.push(header(named, required, "The ETag that was read").into());
    }
    if acts {
        let text = "The request's name: it has one effect, however often it comes";
        parameters.push(header(("Idempotency-Key", None), Required::False, text).into());
    }
}

/// What an operation says it needs of that scheme, or nothing more than the scheme. The library shows what a requirement holds only
/// as JSON.
fn scope(requirement: &SecurityRequirement, scheme: &str) -> Option<String> {
    let shown = serde_json::to_value(requirement).ok()?;
    let scope = shown.get(scheme)?.get(0).and_then(serde_json::Value::as_str);
    Some(scope.unwrap_or_default().to_owned())
}

/// The header of whoever makes what they have not found; an operation that takes it says so.
const NONE_YET: &str = "If-None-Match";

fn is_named(parameters: &[RefOr<Parameter>], name: &str) -> bool {
    parameters.iter().any(|one| matches!(one, RefOr::T(one) if one.name == name))
}

fn header((name, pattern): (&str, Option<&str>), required: Required, text: &str) -> Parameter {
    let schema = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).pattern(pattern);
    let header = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header).required(required);
    header.description(Some(text)).schema(Some(schema)).build()
}

fn problem(text: &str) -> Response {
    let schema = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(text).content("application/problem+json", schema).build()
}

/// `/docs` and the description itself.
pub fn ui(description: openapi::OpenApi) -> SwaggerUi {
    let config = Config::from(PATH).validator_url("none").try_it_out_enabled(true);
    SwaggerUi::new("/docs").url(PATH, description).config(config)
}
