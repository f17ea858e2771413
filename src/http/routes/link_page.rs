//! `/links/{token}`: the page of a signed link. To look at it changes nothing, whoever does and how
//! often: mail scanners follow links. Only a person decides: signed in, or, where the checkpoint
//! lets a link do it, by typing a number that stands in the text of the page and in no field.

use std::str::FromStr;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Response, StatusCode, header};

use crate::api::problem::Problem;
use crate::engine::{CheckpointView, Link, LinkStatus, LinkToken, LinkView};
use crate::http::accounts;
use crate::http::authorize::{Action, Caller, Resource};
use crate::http::client_address::ClientAddress;
use crate::http::codes;
use crate::http::detached::detached;
use crate::http::extract::{NamePath, read_body, require_kind};
use crate::http::guard::permit;
use crate::http::problem::ApiError;
use crate::http::routes::link_form::{self, Form};
use crate::http::sign_in;
use crate::http::state::HttpState;
use crate::model::audit::Origin;
use crate::model::checkpoint::Verdict;
use crate::model::command::DecideCheckpoint;
use crate::model::id::ContentHash;
use crate::model::voter::Door;

/// Largest form, bytes: a reason, and little else.
const FORM_BYTES_MAX: usize = 128 * 1024;

/// Shows what a link asks.
#[utoipa::path(get, path = "/links/{token}", operation_id = "showLink", tag = "gates",
    description = "The page of a signed link: what is asked and shown. It decides nothing and uses \
    nothing up.",
    params(("token" = String, Path, description = "What opens the link")),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 404, description = "No link",
            content((String = "text/html"), (Problem = "application/problem+json"))),
        (status = 410, description = "Good for nothing any more", body = String,
            content_type = "text/html"),
        (status = 429, description = "Too many wrong links",
            content((String = "text/html"), (Problem = "application/problem+json"))),
        (status = 503, description = "Not now",
            content((String = "text/html"), (Problem = "application/problem+json"))),
    ))]
pub async fn show(
    State(state): State<HttpState>,
    ClientAddress(address): ClientAddress,
    NamePath(token): NamePath,
) -> Response<Body> {
    match opened(&state, &address, &token).await {
        Ok(open) => link_form::question(&open).await,
        Err(page) => *page,
    }
}

/// Decides with a link.
#[utoipa::path(post, path = "/links/{token}", operation_id = "decideByLink", tag = "gates",
    description = "Decides with a signed link, as its very person: signed in, or with the number \
    that the page shows where the checkpoint lets links decide.",
    params(("token" = String, Path, description = "What opens the link")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Decided", body = String, content_type = "text/html"),
        (status = 401, description = "Sign in first", body = String, content_type = "text/html"),
        (status = 403, description = "Not by this person",
            content((String = "text/html"), (Problem = "application/problem+json"))),
        (status = 404, description = "No link",
            content((String = "text/html"), (Problem = "application/problem+json"))),
        (status = 409, description = "Decided otherwise, or about something else",
            content((String = "text/html"), (Problem = "application/problem+json"))),
        (status = 410, description = "Good for nothing any more", body = String,
            content_type = "text/html"),
        (status = 415, description = "No form",
            content((String = "text/html"), (Problem = "application/problem+json"))),
        (status = 422, description = "The form lacks something",
            content((String = "text/html"), (Problem = "application/problem+json"))),
        (status = 429, description = "Too many wrong links or numbers",
            content((String = "text/html"), (Problem = "application/problem+json"))),
        (status = 503, description = "Not now",
            content((String = "text/html"), (Problem = "application/problem+json"))),
    ))]
pub async fn decide(
    State(state): State<HttpState>,
    ClientAddress(address): ClientAddress,
    NamePath(token): NamePath,
    request: Request,
) -> Response<Body> {
    let open = match opened(&state, &address, &token).await {
        Ok(open) => open,
        Err(page) => return *page,
    };
    match decided(&state, address, request, &open).await {
        Ok(page) => page,
        Err(refusal) => refusal.page(),
    }
}

/// A link that is good, with what it is about.
pub(super) struct Open {
    /// The link.
    pub link: Link,
    /// What it is about.
    pub checkpoint: CheckpointView,
    /// The address of its person.
    pub email: String,
    /// The number to be typed, where a link may decide without a login.
    pub confirmation: Option<String>,
}

/// The link of this token, or the page that says why there is nothing to decide. Every wrong token
/// gets the same page, and too many of them from one address get none.
async fn opened(
    state: &HttpState,
    address: &str,
    token: &str,
) -> Result<Open, Box<Response<Body>>> {
    let keys = [format!("link {address}")];
    if let Err(wait) = state.throttle.admit(&keys, state.engine.now()) {
        return Err(Box::new(link_form::slow_down(wait)));
    }
    let unknown = || Box::new(link_form::unknown());
    let failed = |error: &dyn std::fmt::Display| {
        tracing::warn!(%error, "a link cannot be looked up");
        Box::new(link_form::unavailable())
    };
    let token = LinkToken::parse(token).ok_or_else(unknown)?;
    let found = state.engine.open_link(&token).await.map_err(|error| failed(&error))?;
    let (LinkView { link, status }, checkpoint) = found.ok_or_else(unknown)?;
    // It was no guess.
    state.throttle.forgive(&keys);
    let checkpoint = match (status, checkpoint) {
        (LinkStatus::Active, Some(checkpoint)) => checkpoint,
        (status, _) => return Err(Box::new(link_form::over(status))),
    };
    let account = accounts::account(&state.engine, &link.user).await;
    let account = account.map_err(|error| failed(&error))?.filter(|account| account.is_active);
    let Some(account) = account else {
        return Err(Box::new(link_form::over(LinkStatus::Revoked)));
    };
    let may_confirm = checkpoint.checkpoint.policy.link_confirm;
    let confirmation = may_confirm.then(|| token.confirmation());
    Ok(Open { link, checkpoint, email: account.email, confirmation })
}

/// Why a form decided nothing.
enum Refusal {
    /// Nobody is signed in, and the checkpoint wants that.
    SignIn,
    /// Somebody else is signed in.
    SomebodyElse,
    /// The number is missing or wrong.
    Number,
    /// The form lacks something.
    Form(&'static str),
    /// The machine, or the door, says no.
    Problem(ApiError),
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Refusal::Problem(error)
    }
}

impl Refusal {
    fn page(self) -> Response<Body> {
        match self {
            Refusal::SignIn => link_form::sign_in(),
            Refusal::SomebodyElse => link_form::refused(
                StatusCode::FORBIDDEN,
                "This link is for somebody else",
                "Sign out, and sign in as the person whom the link was sent to.",
            ),
            Refusal::Number => link_form::refused(
                StatusCode::UNPROCESSABLE_ENTITY,
                "The number is not right",
                "Nothing was decided. Open the link again and type the number that its page shows.",
            ),
            Refusal::Form(what) => {
                let title = "Nothing was decided";
                link_form::refused(StatusCode::UNPROCESSABLE_ENTITY, title, what)
            }
            Refusal::Problem(error) => {
                let mut page =
                    link_form::refused(error.code.status, error.code.title, &error.detail);
                if let Some((name, value)) = error.header.as_deref()
                    && *name == header::RETRY_AFTER
                    && let Ok(value) = value.parse()
                {
                    page.headers_mut().insert(header::RETRY_AFTER, value);
                }
                page
            }
        }
    }
}

async fn decided(
    state: &HttpState,
    address: String,
    request: Request,
    open: &Open,
) -> Result<Response<Body>, Refusal> {
    require_kind(request.headers(), &["application/x-www-form-urlencoded"])?;
    let (parts, body) = request.into_parts();
    let parts = &parts;
    let request = Request::from_parts(Parts::clone(parts), body);
    let bytes = read_body(request, FORM_BYTES_MAX).await?;
    let form = Form::parse(&bytes).map_err(Refusal::Form)?;
    let (caller, door) = decider(state, parts, address, open, &form).await?;
    permit(&caller, Action::Decide, Resource::Any)?;
    let word = form.decision.as_deref().unwrap_or_default();
    let verdict = Verdict::from_str(word);
    let verdict = verdict.map_err(|_| Refusal::Form("Choose what you decide."))?;
    let reason = form.reason.map(|reason| reason.trim().to_owned());
    let reason = reason.filter(|reason| !reason.is_empty());
    if verdict != Verdict::Approve && reason.is_none() {
        return Err(Refusal::Form("Say why: a rejection and a rework need a reason."));
    }
    let digest = form.digest.as_deref().and_then(|text| ContentHash::from_str(text).ok());
    let digest = digest.ok_or(Refusal::Form("The form is not complete; open the link again."))?;
    if verdict == Verdict::Approve && link_form::is_cut(open) {
        let too_long = "What is shown is too long for this page. Sign in and look at all of it.";
        return Err(Refusal::Form(too_long));
    }
    let decision = DecideCheckpoint {
        digest: Some(digest),
        comment: reason,
        ..DecideCheckpoint::new(open.link.checkpoint, verdict, caller.voter(door))
    };
    let (engine, author, link) = (state.engine.clone(), caller.author(), open.link.id);
    detached(async move {
        engine.decide(decision, author.clone()).await?;
        // What was decided is decided. A link that is not marked leads to a closed checkpoint, or
        // to a second vote of the same person, which counts for nothing.
        if let Err(error) = engine.use_link(link, author).await {
            tracing::warn!(%link, %error, "a link was used and could not be marked");
        }
        Ok::<_, ApiError>(())
    })
    .await?;
    Ok(link_form::thanks(verdict))
}

/// Who decides: the person of the link, signed in, or known by the link alone.
async fn decider(
    state: &HttpState,
    parts: &Parts,
    address: String,
    open: &Open,
    form: &Form,
) -> Result<(Caller, Door), Refusal> {
    let via = format!("link:{}", open.link.id);
    match sign_in::caller(state, parts).await {
        Ok(mut caller) if caller.id == open.link.user => {
            let door = caller.door.clone();
            caller.origin.via = format!("{via} {}", caller.origin.via);
            return Ok((caller, door));
        }
        Ok(_) => return Err(Refusal::SomebodyElse),
        Err(error) if error.code.status == StatusCode::UNAUTHORIZED => {}
        Err(error) => return Err(error.into()),
    }
    let Some(expected) = &open.confirmation else { return Err(Refusal::SignIn) };
    let keys = [format!("link-number {}", open.link.id), format!("link-number {address}")];
    if let Err(wait) = state.throttle.admit(&keys, state.engine.now()) {
        let seconds = wait.0.div_ceil(1_000_000);
        let detail = "too many wrong numbers came; wait a little";
        let error = ApiError::new(codes::TOO_MANY_LOGINS, detail);
        return Err(error.retry_after(seconds).into());
    }
    let typed: Option<String> =
        form.confirm.as_deref().map(|text| text.chars().filter(|c| !c.is_whitespace()).collect());
    if typed.as_ref() != Some(expected) {
        return Err(Refusal::Number);
    }
    state.throttle.forgive(&keys);
    let origin = Origin { address: Some(address), via };
    let account = accounts::account(&state.engine, &open.link.user).await;
    let account = account
        .map_err(|error| ApiError::new(codes::UNAVAILABLE, error.to_string()).retry_after(1))?;
    let account = account.filter(|account| account.is_active).ok_or(Refusal::SignIn)?;
    let door = Door::Link { confirmed: true };
    let caller = sign_in::person(state, account, door.clone(), origin).await?;
    Ok((caller, door))
}
