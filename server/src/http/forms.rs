//! Forms: signing in and out, set-up, preferences, and the server functions behind all others.

use crate::ctx::Ctx;
use crate::http::auth::{ClientAddress, MaybeCaller};
use crate::http::flash::Message;
use crate::http::problem::{PageProblem, too_big};
use crate::http::{pages, session, uploads};
use crate::usecases::people;
use app::actions::UiError;
use app::view::Upload;
use app::{Flash, Lang, Theme, UiContext, Uploads};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use domain::{Action, Actor, Problem};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, LOCATION, REFERER, SET_COOKIE};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use leptos::server_fn::error::{SERVER_FN_ERROR_HEADER, ServerFnUrlError};
use tokio::sync::OwnedSemaphorePermit;
use tower_sessions::Session;

/// A form is no longer than this.
const MOST_FORM: usize = 64 * 1024;
/// The form with a stack's text: encoded, a character takes up to three.
const MOST_STACK_FORM: usize = 768 * 1024;
/// The one form that brings files.
const FORM_WITH_FILES: &str = "/do/verdicts/record";
/// Fields that are never given back to a page.
const SECRET_FIELDS: [&str; 6] = ["password", "old", "new", "code", "secret", "value"];

/// The fields of a posted form, in order.
pub struct Fields(Vec<(String, String)>);

impl Fields {
    fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).take(200).map(|(key, value)| (key.into_owned(), value.into_owned())).collect())
    }

    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    fn without_secrets(self) -> Vec<(String, String)> {
        self.0.into_iter().filter(|(key, _)| !SECRET_FIELDS.contains(&key.as_str())).collect()
    }
}

async fn fields(request: Request) -> Result<Fields, Problem> {
    let body = axum::body::to_bytes(request.into_body(), MOST_FORM).await.map_err(|_| too_big())?;
    Ok(Fields::parse(&body))
}

/// `POST /login`
pub async fn log_in(
    State(ctx): State<Ctx>,
    session: Session,
    ClientAddress(address): ClientAddress,
    request: Request,
) -> Response {
    let form = match fields(request).await {
        Ok(form) => form,
        Err(problem) => return PageProblem(problem).into_response(),
    };
    let next = safe_path(form.get("next"));
    let entered = async {
        let person = people::sign_in(&ctx, form.get("name"), form.get("password"), &address).await?;
        session::begin(&ctx, &session, &person).await
    };
    match entered.await {
        Ok(()) => Redirect::to(&next).into_response(),
        Err(problem) => {
            let back = format!("/login?next={}", super::auth::encode(&next));
            refuse(&ctx, None, "/login", &back, problem, form)
        }
    }
}

/// `POST /logout`
pub async fn log_out(session: Session) -> Response {
    match session::end(&session).await {
        Ok(()) => Redirect::to("/login").into_response(),
        Err(problem) => PageProblem(problem).into_response(),
    }
}

/// `POST /setup`
pub async fn set_up(
    State(ctx): State<Ctx>,
    session: Session,
    ClientAddress(address): ClientAddress,
    request: Request,
) -> Response {
    let form = match fields(request).await {
        Ok(form) => form,
        Err(problem) => return PageProblem(problem).into_response(),
    };
    let made = async {
        let (name, password) = (form.get("name").to_owned(), form.get("password").to_owned());
        let person = people::set_up(&ctx, form.get("code").trim(), name, password, &address).await?;
        session::begin(&ctx, &session, &person).await
    };
    match made.await {
        Ok(()) => Redirect::to("/settings").into_response(),
        Err(problem) => refuse(&ctx, None, "/setup", "/setup", problem, form),
    }
}

/// `POST /preferences`: language and theme, in cookies that hold nothing else.
pub async fn preferences(State(ctx): State<Ctx>, request: Request) -> Response {
    let form = match fields(request).await {
        Ok(form) => form,
        Err(problem) => return PageProblem(problem).into_response(),
    };
    let mut response = Redirect::to(&safe_path(form.get("next"))).into_response();
    let secure = if ctx.settings.public_url.starts_with("https://") { "; Secure" } else { "" };
    let mut set = |name: &str, value: &str| {
        let cookie = format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly{secure}");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    };
    if let Some(lang) = Lang::from_word(form.get("lang")) {
        set("lang", lang.as_str());
    }
    if let Some(theme) = Theme::from_word(form.get("theme")) {
        set("theme", theme.as_str());
    }
    response
}

/// `POST /do/…`: a server function. A refusal leads back to the form, which still has what
/// was filled in.
pub async fn act(State(ctx): State<Ctx>, MaybeCaller(actor): MaybeCaller, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let back = referer(&parts.headers);
    let with_files = path == FORM_WITH_FILES && uploads::is_multipart(text_of(&parts.headers, CONTENT_TYPE));
    // The turn of whoever brings files ends with the answer.
    let (body, files, _turn) = if with_files {
        match apart(&ctx, actor.as_ref(), &mut parts, body).await {
            Ok((body, files, turn)) => (body, files, Some(turn)),
            Err(problem) => return refuse(&ctx, actor.as_ref(), &path, &back, problem, Fields(Vec::new())),
        }
    } else {
        let most = if path == "/do/stacks/save" { MOST_STACK_FORM } else { MOST_FORM };
        match axum::body::to_bytes(body, most).await {
            Ok(body) => (body, Vec::new(), None),
            Err(_) => return PageProblem(too_big()).into_response(),
        }
    };
    let form = Fields::parse(&body);
    let ui = pages::ui_context(&ctx, actor.clone(), &parts.headers, &parts.uri);
    let ui = UiContext { uploads: Uploads::of(files), ..ui };
    let after = ui.after.clone();
    let provide = move || leptos::prelude::provide_context(ui.clone());
    let request = Request::from_parts(parts, Body::from(body));
    let response = leptos_axum::handle_server_fns_with_context(provide, request).await.into_response();

    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (problem, mut response) = match location.as_deref().and_then(refusal) {
        Some(problem) => (Some(problem), response),
        // A browser that sends no Referer gives Leptos no address to write the problem into.
        None if location.is_some() => refusal_in_body(response).await,
        None => (None, response),
    };
    if let Some(problem) = problem {
        return refuse(&ctx, actor.as_ref(), &path, &back, problem, form);
    }
    if let Some(location) = location {
        // Where the function named no place, Leptos leads to the whole Referer; ours is a path.
        let target = if location.starts_with('/') { location } else { back };
        let target = match after.take() {
            Some(notice) => with_flash(&target, &ctx.flashes.leave(&ctx, actor.as_ref(), Message::Notice(notice))),
            None => target,
        };
        *response.status_mut() = StatusCode::SEE_OTHER;
        if let Ok(value) = HeaderValue::from_str(&target) {
            response.headers_mut().insert(LOCATION, value);
        }
    }
    response
}

/// Takes the files out of a form: what is left is a form as server functions read it.
async fn apart(
    ctx: &Ctx,
    actor: Option<&Actor>,
    parts: &mut Parts,
    body: Body,
) -> Result<(Bytes, Vec<Upload>, OwnedSemaphorePermit), Problem> {
    // Nothing is read of whoever may not.
    actor.ok_or(Problem::SignedOut)?.require(Action::RecordVerdict)?;
    let kind = text_of(&parts.headers, CONTENT_TYPE).unwrap_or_default().to_owned();
    let posted = uploads::read(ctx, &kind, body).await?;
    let fields = form_urlencoded::Serializer::new(String::new()).extend_pairs(posted.fields).finish();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    Ok((fields.into(), posted.files, posted.turn))
}

fn text_of(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The problem that Leptos wrote into the address it leads back to.
fn refusal(location: &str) -> Option<Problem> {
    let (_, query) = location.split_once('?')?;
    let (_, encoded) = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "__err")?;
    let error: UiError = ServerFnUrlError::decode_err(&encoded);
    Some(error.problem)
}

/// The problem that Leptos wrote into the body, and the response as it was.
async fn refusal_in_body(response: Response) -> (Option<Problem>, Response) {
    if !response.headers().contains_key(SERVER_FN_ERROR_HEADER) {
        return (None, response);
    }
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, MOST_FORM).await.unwrap_or_default();
    let problem = serde_json::from_slice::<UiError>(&body).map_or(Problem::Busy, |error| error.problem);
    (Some(problem), Response::from_parts(parts, Body::from(body)))
}

fn refuse(ctx: &Ctx, actor: Option<&Actor>, form: &str, back: &str, problem: Problem, fields: Fields) -> Response {
    if matches!(problem, Problem::SignedOut) && actor.is_none() && form != "/login" {
        return Redirect::to(&format!("/login?next={}", super::auth::encode(back))).into_response();
    }
    let flash = Flash::new(form, problem, fields.without_secrets());
    let id = ctx.flashes.leave(ctx, actor, Message::Refused(flash));
    Redirect::to(&with_flash(back, &id)).into_response()
}

fn with_flash(path: &str, id: &str) -> String {
    let path = without_flash(path);
    let joint = if path.contains('?') { '&' } else { '?' };
    format!("{path}{joint}flash={id}")
}

/// The path and query without an earlier message's id.
pub fn without_flash(path: &str) -> String {
    let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
    let kept: Vec<&str> =
        query.split('&').filter(|pair| !["flash=", "__err=", "__path="].iter().any(|key| pair.starts_with(key))).collect();
    if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
}

/// The page that a form was on: path and query of the Referer, which is our own page because
/// the cross-site guard let the post through.
fn referer(headers: &HeaderMap) -> String {
    let uri = headers.get(REFERER).and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<http::Uri>().ok());
    let path = uri.and_then(|uri| uri.path_and_query().map(|path| safe_path(path.as_str())));
    // `/` only leads on, and would lose the message on the way.
    path.filter(|path| path != "/").unwrap_or_else(|| "/builds".to_owned())
}

/// A path on this site, for a redirect; anything else becomes `/`.
pub fn safe_path(path: &str) -> String {
    let good = path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && path.len() <= 2000
        && path.bytes().all(|byte| byte.is_ascii_graphic());
    if good { path.to_owned() } else { "/".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_never_leads_to_another_site() {
        for bad in ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nSet-Cookie: x", ""]
        {
            assert_eq!(safe_path(bad), "/", "{bad:?}");
        }
        assert_eq!(safe_path("/builds?app=web"), "/builds?app=web");
    }

    #[test]
    fn a_message_replaces_the_one_before_and_keeps_the_filters() {
        assert_eq!(with_flash("/builds?app=web&flash=1", "2"), "/builds?app=web&flash=2");
        assert_eq!(with_flash("/builds?flash=1", "2"), "/builds?flash=2");
        assert_eq!(with_flash("/builds", "2"), "/builds?flash=2");
    }

    #[test]
    fn a_refused_form_gives_back_everything_but_secrets() {
        let fields = Fields::parse(b"name=ada&password=hunter22&note=a%26b&note=c").without_secrets();
        assert_eq!(fields, [("name", "ada"), ("note", "a&b"), ("note", "c")].map(|(k, v)| (k.to_owned(), v.to_owned())));
    }
}
