//! The pages of a signed link as markup, and the form that comes back. Every text that others wrote
//! is escaped; what is too long to be read here cannot be approved here.

use std::fmt::Write as _;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};

use crate::engine::LinkStatus;
use crate::http::html::{escape, private_page};
use crate::http::present::diff;
use crate::http::routes::link_page::Open;
use crate::model::checkpoint::Verdict;
use crate::model::time::Span;

/// Most bytes of what is shown on the page: nobody reads more in a mail client.
const SHOWN_BYTES_MAX: usize = 256 * 1024;

/// What comes back from the page.
#[derive(Default)]
pub(super) struct Form {
    /// `approve`, `reject` or `send-back`.
    pub decision: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The digest of what the page showed.
    pub digest: Option<String>,
    /// The number that the person typed.
    pub confirm: Option<String>,
}

impl Form {
    /// Reads a form; the reason when it is none of ours.
    pub fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let wrong = "The form is not one of this page; open the link again.";
        let text = std::str::from_utf8(bytes).map_err(|_| wrong)?;
        let mut form = Form::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let spaced = value.replace('+', " ");
            let value = percent_encoding::percent_decode_str(&spaced).decode_utf8();
            let value = value.map_err(|_| wrong)?.into_owned();
            let place = match name {
                "decision" => &mut form.decision,
                "reason" => &mut form.reason,
                "digest" => &mut form.digest,
                "confirm" => &mut form.confirm,
                _ => return Err(wrong),
            };
            if place.replace(value).is_some() {
                return Err(wrong);
            }
        }
        Ok(form)
    }
}

/// What is shown, as text; nothing when it is too long.
fn shown(open: &Open) -> Option<String> {
    let text = serde_json::to_string_pretty(&*open.checkpoint.checkpoint.shown).ok()?;
    (text.len() <= SHOWN_BYTES_MAX).then_some(text)
}

/// Is there more to see than the page shows?
pub(super) fn is_cut(open: &Open) -> bool {
    shown(open).is_none()
}

/// The page that asks.
pub(super) async fn question(open: &Open) -> Response<Body> {
    let checkpoint = &open.checkpoint.checkpoint;
    let mut body = String::new();
    let row =
        |name: &str, value: &str| format!("<tr><td>{name}</td><td>{}</td></tr>", escape(value));
    body.push_str("<table>");
    body.push_str(&row("Job", &open.checkpoint.row.job_name));
    body.push_str(&row("For", &open.email));
    body.push_str(&row("Open until", &open.link.expires_at.to_rfc3339()));
    body.push_str(&row("Digest", &open.link.digest.to_string()));
    body.push_str("</table>");
    if let Some(summary) = &checkpoint.summary {
        // Writing to a text cannot fail.
        let _ = write!(body, "<h2>What is asked</h2><pre>{}</pre>", escape(summary));
    }
    body.push_str("<h2>What is shown</h2>");
    match shown(open) {
        Some(text) => {
            body.push_str(&diffs(open).await);
            let _ = write!(body, "<pre>{}</pre>", escape(&text));
        }
        None => body.push_str(
            "<p>It is too long for this page. Sign in to see all of it; it cannot be approved \
             here.</p>",
        ),
    }
    body.push_str(&form(open));
    private_page(StatusCode::OK, &checkpoint.title, &body)
}

/// What changes in the files that are shown.
async fn diffs(open: &Open) -> String {
    let shown = open.checkpoint.checkpoint.shown.clone();
    // Comparing texts can take long: never on a thread that answers requests.
    let found = tokio::task::spawn_blocking(move || diff::of_files(&shown)).await;
    let mut body = String::new();
    for file in found.ok().flatten().into_iter().flatten() {
        if let Some(text) = file.diff.filter(|text| text.len() <= SHOWN_BYTES_MAX) {
            let _ = write!(body, "<h3>{}</h3><pre>{}</pre>", escape(&file.path), escape(&text));
        }
    }
    body
}

fn form(open: &Open) -> String {
    let choice = |word: &str, label: &str| {
        format!(
            "<p><label><input type=\"radio\" name=\"decision\" value=\"{word}\" required> \
             {label}</label></p>"
        )
    };
    let mut body = String::from("<h2>Decide</h2><form method=\"post\">");
    let _ = write!(
        body,
        "<input type=\"hidden\" name=\"digest\" value=\"{}\">",
        escape(&open.link.digest.to_string())
    );
    if !is_cut(open) {
        body.push_str(&choice("approve", "Approve exactly what is shown above"));
    }
    body.push_str(&choice("reject", "Reject"));
    body.push_str(&choice("send-back", "Send back to be reworked"));
    body.push_str(
        "<p><label>Reason (needed to reject and to send back)<br>\
         <textarea name=\"reason\" rows=\"4\" cols=\"60\"></textarea></label></p>",
    );
    match &open.confirmation {
        // The number is text of the page and in no field, so that a program that fills in and
        // sends forms does not send it.
        Some(number) => {
            let (first, second) = number.split_at(number.len() / 2);
            let _ = write!(
                body,
                "<p>To confirm, type this number without the space: <strong>{first} {second}\
                 </strong></p><p><label>Number <input name=\"confirm\" inputmode=\"numeric\" \
                 autocomplete=\"off\"></label> (not needed when you are signed in)</p>"
            );
        }
        None => {
            let _ = write!(
                body,
                "<p>You have to be <a href=\"/login\">signed in</a> as {} to decide.</p>",
                escape(&open.email)
            );
        }
    }
    body.push_str("<p><button type=\"submit\">Decide</button></p></form>");
    body
}

/// The page after a decision.
pub(super) fn thanks(verdict: Verdict) -> Response<Body> {
    let title = match verdict {
        Verdict::Approve => "Approved",
        Verdict::Reject => "Rejected",
        Verdict::SendBack => "Sent back",
    };
    let body = "<p>Your decision is on disk. The link is used up; you can close this page.</p>";
    private_page(StatusCode::OK, title, body)
}

/// The one page of every token that opens nothing.
pub(super) fn unknown() -> Response<Body> {
    let body = "<p>There is nothing here. If a mail led you here, copy the whole address from it, \
                or ask whoever sent it for a new link.</p>";
    private_page(StatusCode::NOT_FOUND, "No such link", body)
}

/// The page of a link that was good once.
pub(super) fn over(status: LinkStatus) -> Response<Body> {
    let (title, text) = match status {
        LinkStatus::Used => ("You have decided", "This link was used; your decision stands."),
        LinkStatus::Revoked => {
            ("The link was taken back", "Ask whoever sent it for a new one, or sign in.")
        }
        LinkStatus::Expired => ("The link has expired", "Sign in to decide, or ask for a new one."),
        LinkStatus::Closed | LinkStatus::Active => (
            "There is nothing to decide any more",
            "Somebody else decided, the time is over, or something else is shown now. Sign in to \
             see how it stands.",
        ),
    };
    let body = format!("<p>{}</p><p><a href=\"/login\">Sign in</a></p>", escape(text));
    private_page(StatusCode::GONE, title, &body)
}

/// The page for who has to sign in. It does not say where from: the address is a secret.
pub(super) fn sign_in() -> Response<Body> {
    let body = "<p>Nothing was decided. <a href=\"/login\">Sign in</a>, then open the link \
                again.</p>";
    private_page(StatusCode::UNAUTHORIZED, "Sign in first", body)
}

/// A page that says what was wrong.
pub(super) fn refused(status: StatusCode, title: &str, text: &str) -> Response<Body> {
    private_page(status, title, &format!("<p>{}</p>", escape(text)))
}

/// The page for whoever tries too many addresses.
pub(super) fn slow_down(wait: Span) -> Response<Body> {
    let body = "<p>Too many wrong addresses were tried from here. Wait a minute.</p>";
    let mut page = private_page(StatusCode::TOO_MANY_REQUESTS, "Wait a little", body);
    let seconds = wait.0.div_ceil(1_000_000).max(1);
    page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    page
}

/// The page while the store cannot be read.
pub(super) fn unavailable() -> Response<Body> {
    let body = "<p>Nothing was decided. Try again in a moment.</p>";
    let mut page = private_page(StatusCode::SERVICE_UNAVAILABLE, "Not now", body);
    page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(2));
    page
}
