//! Problems as answers: RFC 9457 documents for REST, pages for people.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use domain::problem::Fault;
use domain::{Problem, problem};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

/// A problem document (RFC 9457). `problem` holds the same in parts, for programs.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemDocument {
    /// Always `about:blank`: `code` says which problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    /// What happened, what was kept and what to do.
    detail: String,
    /// A stable word for the problem.
    code: String,
    #[schema(value_type = Object)]
    problem: Problem,
}

/// A problem as REST answers it.
#[derive(Debug)]
pub struct ApiProblem(pub Problem);

impl From<Problem> for ApiProblem {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        document(&self.0, app::status_of(&self.0))
    }
}

/// A problem document under a status of the caller's choice, for transports with their own.
pub fn document(problem: &Problem, status: StatusCode) -> Response {
    let value = serde_json::to_value(problem).unwrap_or_default();
    let document = ProblemDocument {
        kind: "about:blank",
        title: status.canonical_reason().unwrap_or("Problem"),
        status: status.as_u16(),
        detail: problem.to_string(),
        code: value.get("code").and_then(|code| code.as_str()).unwrap_or("internal").to_owned(),
        problem: problem.clone(),
    };
    let mut response = (status, Json(document)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Problem::Throttled { seconds } = problem {
        headers.insert(RETRY_AFTER, HeaderValue::from(*seconds));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// A problem in front of a person. The page itself is drawn later, by [`super::pages::dress`],
/// which knows the reader's language.
#[derive(Clone, Debug)]
pub struct PageProblem(pub Problem);

impl IntoResponse for PageProblem {
    fn into_response(self) -> Response {
        let mut response = app::status_of(&self.0).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// A JSON body, or a problem that names the place that does not fit.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiProblem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiProblem(bad_body(&rejection))),
        }
    }
}

fn bad_body(rejection: &JsonRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_big();
    }
    let detail = match rejection {
        JsonRejection::MissingJsonContentType(_) => "send Content-Type: application/json".to_owned(),
        // serde says which field and where; it repeats no more than the sender's own words.
        other => clip(&std::error::Error::source(other).map_or_else(|| other.body_text(), ToString::to_string)),
    };
    problem::Problem::invalid("body", Fault::Unreadable { detail })
}

fn clip(text: &str) -> String {
    text.chars().take(300).collect()
}

/// The problem of a body over the bound of 1 MiB.
pub fn too_big() -> Problem {
    Problem::invalid("body", Fault::TooBig { most: super::MOST_BODY as u64 })
}

/// A query string, or a problem that says what cannot be read.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut http::request::Parts, state: &S) -> Result<Self, Self::Rejection> {
        let read: Result<axum::extract::Query<T>, QueryRejection> = axum::extract::Query::from_request_parts(parts, state).await;
        read.map(|query| Self(query.0)).map_err(|rejection| {
            ApiProblem(Problem::invalid("query", Fault::Unreadable { detail: clip(&rejection.body_text()) }))
        })
    }
}

/// A path parameter, or a problem that says what cannot be read.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut http::request::Parts, state: &S) -> Result<Self, Self::Rejection> {
        let read: Result<axum::extract::Path<T>, PathRejection> = axum::extract::Path::from_request_parts(parts, state).await;
        read.map(|path| Self(path.0))
            .map_err(|rejection| ApiProblem(Problem::invalid("path", Fault::Unreadable { detail: clip(&rejection.body_text()) })))
    }
}
