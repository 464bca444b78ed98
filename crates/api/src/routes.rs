//! All routes, in one place: the described API, what is not described (pages, health), and what goes around them.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method};
use utoipa_axum::router::OpenApiRouter;

use crate::problem::{Code, Problem};
use crate::state::{Api, ApiState};
use crate::{
    accounts, agents, bots, channels, chats, customers, deliveries, endpoints, event_types, events,
    files, guard, health, hooks, jobs, livechat, nodes, openapi, pages, provider, queries, records,
    runs, service_levels, simulations, tokens, web, workspace,
};

/// Everything that the server answers.
pub fn router(state: ApiState) -> Router {
    let mut state = state;
    let extra = state.extra.take();
    let api = Api::new(state);
    let (described, _) = described().split_for_parts();
    let description = Bytes::from(openapi::openapi_json());
    let mut router = described
        .merge(pages::routes())
        .merge(health::routes())
        .merge(livechat::routes(&api))
        .merge(hooks::doors())
        .route("/openapi.json", get(move || std::future::ready(as_json(description.clone()))))
        .with_state(api.clone());
    if let Some(extra) = extra {
        router = router.merge(extra);
    }
    router
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(from_fn_with_state(api, guard::around))
}

/// The routes that the API's description tells of.
pub(crate) fn described() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(openapi::head())
        .merge(events::routes())
        .merge(event_types::routes())
        .merge(chats::routes())
        .merge(customers::routes())
        .merge(runs::routes())
        .merge(endpoints::routes())
        .merge(deliveries::routes())
        .merge(jobs::routes())
        .merge(channels::routes())
        .merge(agents::routes())
        .merge(bots::routes())
        .merge(tokens::routes())
        .merge(workspace::routes())
        .merge(nodes::routes())
        .merge(web::routes())
        .merge(provider::routes())
        .merge(files::routes())
        .merge(queries::routes())
        .merge(records::routes())
        .merge(simulations::routes())
        .merge(hooks::routes())
        .merge(accounts::routes())
        .merge(service_levels::routes())
}

fn as_json(bytes: Bytes) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], bytes).into_response()
}

async fn no_route() -> Problem {
    Problem::new(Code::NotFound, "there is nothing at this address")
}

async fn no_method(method: Method) -> Problem {
    Problem::new(Code::MethodNotAllowed, format!("this address does not take {method}"))
}
