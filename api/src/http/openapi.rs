//! The description of the REST surface, generated from the routes.
//!
//! A route names the errors of its own rules (403, 404, 409, 422, 429) with the types here:
//! `(status = 404, response = openapi::NotFound)`. What follows from its form (credentials, parameters, a JSON
//! body) and from our own failures [`complete`] adds, so that no route can forget it.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, HeaderBuilder, InfoBuilder, LicenseBuilder, ObjectBuilder, OpenApi,
    OpenApiBuilder, PathItem, Ref, RefOr, Response, ResponseBuilder, Type,
};
use utoipa::{PartialSchema, ToResponse, ToSchema};

/// An error (RFC 9457), `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// `urn:chapar:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the code means, in English.
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: i32,
    /// A sentence for people, in the language of the request.
    pub detail: String,
    /// A stable word in `snake_case`.
    #[schema(pattern = "^[a-z_]+$")]
    pub code: String,
    /// For invalid input: what is wrong with which field, in the language of the request.
    #[schema(required = false, nullable = false)]
    pub errors: Option<BTreeMap<String, Vec<String>>>,
}

macro_rules! problems {
    ($($(#[doc = $doc:literal])* $name:ident $status:literal $text:literal $(+ $header:literal $about:literal)?,)*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Debug)]
            pub struct $name;

            impl ToResponse<'static> for $name {
                fn response() -> (&'static str, RefOr<Response>) {
                    let response = problem($text)$(.header(
                        $header,
                        HeaderBuilder::new()
                            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
                            .description(Some($about))
                            .build(),
                    ))?;
                    (stringify!($name), response.build().into())
                }
            }
        )*

        fn add_problems(openapi: &mut OpenApi) {
            let components = openapi.components.get_or_insert_default();
            $(
                let (name, response) = $name::response();
                components.responses.insert(name.to_owned(), response);
            )*
        }
    };
}

problems! {
    /// 400.
    Malformed 400 "The request could not be read.",
    /// 401.
    Unauthenticated 401 "No credentials, or none that are good."
        + "WWW-Authenticate" "The scheme, and what is wrong with the token.",
    /// 403.
    Forbidden 403 "Known, but not allowed.",
    /// 404.
    NotFound 404 "No such thing, or hidden from the caller.",
    /// 409.
    Conflict 409 "It would clash with what is there.",
    /// 413.
    TooLarge 413 "The body is too large.",
    /// 415.
    UnsupportedMediaType 415 "The body's content type is not read here.",
    /// 422.
    Invalid 422 "Well-formed, but not acceptable; see `errors`.",
    /// 429.
    RateLimited 429 "Too many requests." + "Retry-After" "Seconds.",
    /// 500.
    Internal 500 "A failure of ours.",
    /// 503.
    Unavailable 503 "Not available right now." + "Retry-After" "Seconds.",
}

fn problem(description: &str) -> ResponseBuilder {
    ResponseBuilder::new().description(description).content(
        "application/problem+json",
        ContentBuilder::new()
            .schema(Some(Ref::from_schema_name("Problem")))
            .build(),
    )
}

/// The frame of the description, without paths.
pub fn base() -> OpenApi {
    let mut openapi = OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Chapar")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "A chat backend. Ids are integers below 2^53, written without a fraction, times RFC 3339 in UTC with \
                     microseconds. Unknown fields are ignored. Errors are `application/problem+json` in the language of `Accept-Language` \
                     (`en`, `fa`); any operation may also answer 500 and 503.",
                ))
                .license(Some(
                    LicenseBuilder::new()
                        .name("MIT OR Apache-2.0")
                        .identifier(Some("MIT OR Apache-2.0"))
                        .build(),
                ))
                .build(),
        )
        .build();
    let components = openapi.components.get_or_insert_default();
    components
        .schemas
        .insert("Problem".to_owned(), ProblemBody::schema());
    components.add_security_scheme(
        "bearer",
        SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .bearer_format("JWT")
                .description(Some(
                    "The access token of a login, registration or refresh.",
                ))
                .build(),
        ),
    );
    add_problems(&mut openapi);
    openapi
}

/// Adds to every operation the errors that follow from its form.
pub fn complete(openapi: &mut OpenApi) {
    for item in openapi.paths.paths.values_mut() {
        for operation in operations(item) {
            let has_parameters = operation
                .parameters
                .as_ref()
                .is_some_and(|all| !all.is_empty());
            let has_body = operation.request_body.is_some();
            let has_credentials = operation
                .security
                .as_ref()
                .is_some_and(|all| !all.is_empty());
            add::<Internal>(operation, 500);
            add::<Unavailable>(operation, 503);
            if has_parameters || has_body {
                add::<Malformed>(operation, 400);
            }
            if has_body {
                add::<TooLarge>(operation, 413);
                add::<UnsupportedMediaType>(operation, 415);
            }
            if is_paged(operation) {
                add::<Invalid>(operation, 422);
            }
            if has_credentials {
                add::<Unauthenticated>(operation, 401);
            }
        }
    }
}

/// Whether it takes a page's `limit`, which may be out of range.
fn is_paged(operation: &Operation) -> bool {
    let parameters = operation.parameters.iter().flatten();
    parameters
        .into_iter()
        .any(|one| matches!(one, RefOr::T(parameter) if parameter.name == "limit"))
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.put,
        &mut item.post,
        &mut item.patch,
        &mut item.delete,
    ]
    .into_iter()
    .flatten()
}

fn add<T: ToResponse<'static>>(operation: &mut Operation, status: u16) {
    operation
        .responses
        .responses
        .entry(status.to_string())
        .or_insert_with(|| Ref::from_response_name(T::response().0).into());
}
