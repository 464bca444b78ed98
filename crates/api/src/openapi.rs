//! The API's description: OpenAPI 3.1, made from the handlers. What all operations share is added here, and what the
//! server itself posts: the webhooks, made from the vocabulary.

use serde_json::{Map, Value};
use tidings_catalogue::{Catalogue, Webhooks};
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr,
    ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use crate::problem::{FieldError, PROBLEM_JSON, ProblemBody};
use crate::routes;

/// The API's description.
pub fn openapi() -> OpenApi {
    let (_, mut openapi) = routes::described().split_for_parts();
    describe_problems(&mut openapi);
    describe_tokens(&mut openapi);
    openapi
}

/// The same with the webhooks, as JSON for people to read: as it is served, and committed in
/// `docs/reference/openapi.json`.
pub fn openapi_json() -> String {
    let written = "a description has text keys only, so writing cannot fail";
    let mut document = serde_json::to_value(openapi()).expect(written);
    describe_webhooks(&mut document);
    let mut json = serde_json::to_string_pretty(&document).expect(written);
    json.push('\n');
    json
}

/// Adds what is posted to endpoints. The builder of the rest knows no webhooks, so they go into the finished document.
fn describe_webhooks(document: &mut Value) {
    let catalogue = Catalogue::builtin()
        .expect("the files that the binary carries are right, as the catalogue's tests say");
    let Webhooks { webhooks, schemas, parameters } = tidings_catalogue::webhooks(&catalogue);
    let Value::Object(document) = document else { return };
    document.insert("webhooks".into(), webhooks.into());
    for (part, added) in [("schemas", schemas), ("parameters", parameters)] {
        let components = document.entry("components").or_insert_with(|| Map::new().into());
        let Value::Object(components) = components else { return };
        let there = components.entry(part).or_insert_with(|| Map::new().into());
        if let Value::Object(there) = there {
            there.extend(added);
        }
    }
}

/// What stands above everything.
pub(crate) fn head() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Tidings")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "The open event server behind chatbots and help desks.\n\n\
             Send the header `Authorization: Bearer <token>` with everything under `/api`. \
             Answers that are not a success are problem details (RFC 9457) with a stable `code`. \
             Unknown fields and parameters are refused.",
        ))
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").build()))
        .build();
    OpenApiBuilder::new().info(info).build()
}

/// The operations of a path, with their methods.
pub(crate) fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        item.get.as_mut(),
        item.put.as_mut(),
        item.post.as_mut(),
        item.delete.as_mut(),
        item.patch.as_mut(),
    ]
    .into_iter()
    .flatten()
}

fn describe_problems(openapi: &mut OpenApi) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let problem = ResponseBuilder::new()
        .description("Any answer that is not a success; `code` says which, see the list of errors.")
        .content(PROBLEM_JSON, content)
        .build();
    let components = openapi.components.get_or_insert_default();
    components.schemas.insert("Problem".into(), ProblemBody::schema());
    components.schemas.insert(FieldError::name().into(), FieldError::schema());
    components.responses.insert("Problem".into(), problem.into());
    for item in openapi.paths.paths.values_mut() {
        for operation in operations(item) {
            let shared = RefOr::Ref(Ref::from_response_name("Problem"));
            operation.responses.responses.insert("default".into(), shared);
        }
    }
}

fn describe_tokens(openapi: &mut OpenApi) {
    let scheme = |description: &str| {
        let mut http = Http::new(HttpAuthScheme::Bearer);
        http.description = Some(description.into());
        RefOr::T(SecurityScheme::Http(http))
    };
    let components = openapi.components.get_or_insert_default();
    components.security_schemes.insert(
        "token".into(),
        scheme("A token of the API, with the rights `read`, `write`, `admin` that it was given."),
    );
    components
        .security_schemes
        .insert("visitor".into(), scheme("A visitor's own token, from the web channel's session."));
}
