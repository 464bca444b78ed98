//! The HTTP side: `/bot<token>/<method>` and `/file/bot<token>/<path>`, arguments in every way that Telegram takes them.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{StatusCode, header};
use serde_json::{Map, Value, json};

use super::arguments::{Arguments, Upload};
use super::error::ApiError;
use super::{Fault, MethodCall, Shared, TOKEN, methods};

/// The largest upload, in bytes (Bot API, "Sending files": 50 MB).
const UPLOAD_BYTES_MAX: usize = 50 << 20;

pub(super) fn router(shared: Arc<Shared>) -> Router {
    // The token is glued to "bot", so the paths are read by hand.
    Router::new().fallback(answer).layer(DefaultBodyLimit::max(UPLOAD_BYTES_MAX)).with_state(shared)
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if let Some(rest) = path.strip_prefix("/file/bot") {
        return download(&shared, rest);
    }
    let Some((token, method)) = path.strip_prefix("/bot").and_then(|rest| rest.split_once('/'))
    else {
        return refused(&ApiError::new(404, "Not Found"));
    };
    if token != TOKEN {
        // A token that is not even one is a path that does not exist.
        let is_token =
            token.split_once(':').is_some_and(|(number, _)| number.parse::<i64>().is_ok());
        return refused(&if is_token {
            ApiError::new(401, "Unauthorized")
        } else {
            ApiError::new(404, "Not Found")
        });
    }
    let arguments = match arguments(request).await {
        Ok(arguments) => arguments,
        Err(error) => return refused(&error),
    };
    let fault = shared.state().take_fault(method);
    let recorded = arguments.recorded();
    let result = match fault.as_ref().and_then(Fault::error) {
        Some(error) => Err(error),
        None => methods::call(&shared, method, arguments).await,
    };
    let refused_with = result.as_ref().err().map(|error| error.code);
    shared.state().calls.push(MethodCall {
        method: method.to_owned(),
        body: recorded,
        refused: refused_with,
    });
    shared.touch();
    match (fault, result) {
        (Some(Fault::DoneAndLost), _) => {
            (StatusCode::BAD_GATEWAY, "<html><h1>502 Bad Gateway</h1></html>").into_response()
        }
        (Some(Fault::Refused { .. } | Fault::TooMany { .. }) | None, Ok(result)) => {
            axum::Json(json!({"ok": true, "result": result})).into_response()
        }
        (Some(Fault::Refused { .. } | Fault::TooMany { .. }) | None, Err(error)) => refused(&error),
    }
}

fn refused(error: &ApiError) -> Response {
    let status = StatusCode::from_u16(error.code).expect("the codes written here are statuses");
    let mut response = (status, axum::Json(error.to_json())).into_response();
    if let Some(retry_after) = error.retry_after_s {
        response.headers_mut().insert(header::RETRY_AFTER, retry_after.into());
    }
    response
}

fn download(shared: &Shared, rest: &str) -> Response {
    let Some((TOKEN, path)) = rest.split_once('/') else {
        return refused(&ApiError::new(401, "Unauthorized"));
    };
    let state = shared.state();
    match state.files.values().find(|file| file.path == path) {
        Some(file) => Body::from(file.bytes.clone()).into_response(),
        None => refused(&ApiError::new(404, "Not Found")),
    }
}

/// The arguments of the query, and over them those of the body.
async fn arguments(request: Request) -> Result<Arguments, ApiError> {
    let unreadable = || ApiError::bad_request("can't parse the request");
    let mut arguments = Arguments::default();
    if let Some(query) = request.uri().query() {
        arguments.values.extend(form(query.as_bytes()));
    }
    let content_type =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_ascii_lowercase();
    if content_type.starts_with("multipart/form-data") {
        let mut multipart =
            Multipart::from_request(request, &()).await.map_err(|_| unreadable())?;
        while let Some(field) = multipart.next_field().await.map_err(|_| unreadable())? {
            let name = field.name().unwrap_or_default().to_owned();
            let file_name = field.file_name().map(str::to_owned);
            let content_type = field.content_type().map(str::to_owned);
            let bytes =
                field.bytes().await.map_err(|_| ApiError::new(413, "Request Entity Too Large"))?;
            match file_name {
                Some(file_name) => {
                    arguments.uploads.insert(name, Upload { file_name, content_type, bytes });
                }
                None => {
                    let text = String::from_utf8(bytes.to_vec()).map_err(|_| unreadable())?;
                    arguments.values.insert(name, text.into());
                }
            }
        }
        return Ok(arguments);
    }
    let body = Bytes::from_request(request, &())
        .await
        .map_err(|_| ApiError::new(413, "Request Entity Too Large"))?;
    if content_type.starts_with("application/json") && !body.is_empty() {
        let values: Map<String, Value> = serde_json::from_slice(&body)
            .map_err(|_| ApiError::bad_request("can't parse JSON object"))?;
        arguments.values.extend(values);
    } else if content_type.starts_with("application/x-www-form-urlencoded") {
        arguments.values.extend(form(&body));
    }
    Ok(arguments)
}

fn form(bytes: &[u8]) -> Map<String, Value> {
    url::form_urlencoded::parse(bytes)
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect()
}

impl Fault {
    /// The error that is answered instead of doing the call.
    fn error(&self) -> Option<ApiError> {
        match self {
            Self::Refused { error_code, description } => {
                Some(ApiError::new(*error_code, description.clone()))
            }
            Self::TooMany { retry_after_s } => Some(ApiError::too_many(*retry_after_s)),
            Self::DoneAndLost => None,
        }
    }
}

impl super::State {
    fn take_fault(&mut self, method: &str) -> Option<Fault> {
        let at = self.faults.iter().position(|(of, _)| of == method)?;
        self.faults.remove(at).map(|(_, fault)| fault)
    }
}
