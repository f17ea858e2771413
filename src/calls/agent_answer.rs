//! What an answer of an agent means: a result, a promise, or an error that may or may not pass. It
//! sends nothing.

use reqwest::header::{DATE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{StatusCode, Url};
use serde_json::Value;

use crate::calls::agent::{Again, AgentDirections, AgentFailure, AgentReply, misfit};
use crate::calls::http::excerpt;
use crate::calls::http_response;
use crate::calls::redaction::Disclosed;
use crate::calls::wire::{Answer, Trouble};
use crate::model::agent::{Agent, Mode};
use crate::model::limits::AGENT_BACKOFF_MAX;
use crate::model::problem::{Kind, Problem};
use crate::model::time::Span;

/// When an agent that took a call is looked after for the first time, and again: the backstop for a
/// callback that got lost.
const POLL_DEFAULT: Span = Span::from_secs(30);
/// The shortest pause between two looks, whatever the agent says.
const POLL_MIN: Span = Span::from_secs(1);
/// Largest status URL, bytes: it is written into the journal.
const STATUS_URL_BYTES_MAX: usize = 2_048;

/// What an answer is read with.
pub(crate) struct Reading<'a> {
    pub(crate) directions: &'a AgentDirections,
    pub(crate) disclosed: &'a Disclosed,
    /// How long the attempt may take in all.
    pub(crate) total: Span,
}

impl Reading<'_> {
    fn agent(&self) -> &Agent {
        &self.directions.target.agent
    }

    fn label(&self) -> String {
        format!("agent {:?}", self.agent().name)
    }

    /// Raised with an answer that would be the same the next time.
    fn wrong<T>(&self, kind: Kind, what: &str) -> Result<T, AgentFailure> {
        let problem = Problem::new(kind, format!("{}: {what}", self.label()));
        Err(AgentFailure::for_good(problem))
    }
}

/// The meaning of the answer to a call.
pub(crate) fn judge(
    reading: &Reading<'_>,
    answer: Result<Answer, Trouble>,
) -> Result<AgentReply, AgentFailure> {
    let answer = answer.map_err(|trouble| unanswered(reading.agent(), trouble))?;
    let status = answer.status;
    if status == StatusCode::ACCEPTED && reading.agent().mode == Mode::Async {
        return accepted(reading, &answer);
    }
    if status.is_success() {
        return result(reading, &answer);
    }
    Err(refused(reading, &answer))
}

/// The meaning of the answer to the question how a call stands. Who cannot say that now is asked
/// again: the result may come by itself meanwhile.
pub(crate) fn of_poll(
    reading: &Reading<'_>,
    answer: Result<Answer, Trouble>,
) -> Result<AgentReply, AgentFailure> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(trouble) if trouble.may_pass => return Ok(still_working(reading, None)),
        Err(trouble) => return Err(unanswered(reading.agent(), trouble)),
    };
    match answer.status.as_u16() {
        202 | 204 | 404 | 408 | 425 | 429 | 500..=599 => {
            Ok(still_working(reading, retry_after(&answer.headers)))
        }
        _ if answer.status.is_success() => result(reading, &answer),
        _ => Err(refused(reading, &answer)),
    }
}

fn still_working(reading: &Reading<'_>, asked: Option<Span>) -> AgentReply {
    AgentReply::Accepted {
        status_url: reading.directions.poll.clone(),
        poll_after: Some(pause(asked)),
        expires_after: reading.total,
    }
}

fn pause(asked: Option<Span>) -> Span {
    asked.unwrap_or(POLL_DEFAULT).clamp(POLL_MIN, AGENT_BACKOFF_MAX)
}

/// There is no answer, or none that could be read to its end.
fn unanswered(agent: &Agent, trouble: Trouble) -> AgentFailure {
    let Trouble { problem, was_sent, may_pass } = trouble;
    let again = match (may_pass, was_sent && !agent.idempotent) {
        (false, _) => Again::Never,
        (true, true) => Again::Unknown,
        (true, false) => Again::Later(None),
    };
    AgentFailure { problem: Box::new(problem), again, answered: !may_pass }
}

/// An answer that says no.
fn refused(reading: &Reading<'_>, answer: &Answer) -> AgentFailure {
    let status = answer.status;
    let (label, code) = (reading.label(), status.as_u16());
    let reason = status.canonical_reason().unwrap_or("unexpected status");
    if matches!(code, 401 | 403) {
        let detail = format!("{label} answered {code} {reason}: it refuses the credentials");
        return AgentFailure::for_good(Problem::new(Kind::Authentication, detail));
    }
    let hint = match status.is_redirection() {
        true => "; redirects of agents are not followed, register where it leads".to_owned(),
        false => excerpt(answer, reading.disclosed),
    };
    let detail = format!("{label} answered {code} {reason}{hint}");
    let problem = Problem::new(Kind::Communication, detail).with_status(code);
    // What these say did not happen; of the others nobody knows, unless the agent knows the key.
    let is_undone = matches!(code, 425 | 429 | 503) || reading.agent().idempotent;
    let again = match code {
        408 | 425 | 429 | 500..=599 if is_undone => Again::Later(retry_after(&answer.headers)),
        408 | 502 | 504 => Again::Unknown,
        _ => Again::Never,
    };
    AgentFailure { problem: Box::new(problem), again, answered: !matches!(code, 408 | 500..=599) }
}

/// A result, if it is JSON and fits.
fn result(reading: &Reading<'_>, answer: &Answer) -> Result<AgentReply, AgentFailure> {
    let media_type = answer.media_type();
    let is_json = media_type == "application/json" || media_type.ends_with("+json");
    let value = match (answer.body.is_empty(), is_json) {
        (true, _) => Value::Null,
        (false, false) => {
            let shown = media_type.escape_debug();
            let excerpt = excerpt(answer, reading.disclosed);
            let what = format!("its answer is no JSON but `{shown}`{excerpt}");
            return reading.wrong(Kind::Validation, &what);
        }
        (false, true) => match http_response::parse(&answer.body) {
            Ok(value) => value,
            Err(why) => {
                let excerpt = excerpt(answer, reading.disclosed);
                let what = format!("its answer is malformed JSON ({why}){excerpt}");
                return reading.wrong(Kind::Validation, &what);
            }
        },
    };
    let value = reading.disclosed.redact_value(value);
    let violations = reading.directions.target.output.violations(&value);
    if violations.is_empty() {
        return Ok(AgentReply::Succeeded(value));
    }
    let hint = match answer.status {
        StatusCode::ACCEPTED => "; it answered 202: is its mode `async`?",
        _ => "",
    };
    let detail = format!("{}{hint}", misfit(reading.agent(), &violations));
    Err(AgentFailure::for_good(Problem::new(Kind::Validation, detail)))
}

/// The agent took the call.
fn accepted(reading: &Reading<'_>, answer: &Answer) -> Result<AgentReply, AgentFailure> {
    let status_url = status_url(reading.agent(), answer);
    // What is written into the journal holds no secret, whatever the agent puts into a path.
    let status_url = status_url.filter(|url| reading.disclosed.redact_text(url.clone()) == *url);
    if status_url.is_none() && reading.directions.callback_url.is_none() {
        let why = "it took the call, but it named no status URL and could not be told where to \
                   bring the result (`[http] public_url`)";
        // A trial has no use for a result that comes later.
        if !reading.directions.shows_endpoint {
            return reading.wrong(Kind::Configuration, why);
        }
    }
    let poll_after = status_url.as_ref().map(|_| pause(retry_after(&answer.headers)));
    Ok(AgentReply::Accepted { status_url, poll_after, expires_after: reading.total })
}

/// Path and query of where the agent shows how the call stands: the header `Location`, or the
/// member `statusUrl` of the body. One on another server is no use: nobody vouched for that one.
fn status_url(agent: &Agent, answer: &Answer) -> Option<String> {
    let location = answer.headers.get(LOCATION).and_then(|value| value.to_str().ok());
    let body = http_response::parse(&answer.body).unwrap_or_default();
    let named = location.or_else(|| body.get("statusUrl").and_then(Value::as_str))?;
    let endpoint = Url::parse(&agent.endpoint).ok()?;
    let url = endpoint.join(named).ok().filter(|url| url.origin() == endpoint.origin());
    let url = url.filter(|url| url.username().is_empty() && url.password().is_none());
    let Some(url) = url else {
        tracing::warn!(agent = %agent.id, "an agent named a status URL on another server");
        return None;
    };
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    (path.len() <= STATUS_URL_BYTES_MAX).then_some(path)
}

/// The pause that an answer asks for: seconds, or a date (RFC 9110, section 10.2.3) counted from
/// the date of the answer itself, whatever the clocks say. At most an hour.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Span> {
    let asked = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let span = match asked.parse::<u64>() {
        Ok(seconds) => Span::from_secs(seconds),
        Err(_) => {
            let until = date(asked)?;
            let now = headers.get(DATE).and_then(|now| date(HeaderValue::to_str(now).ok()?))?;
            Span::from_secs(u64::try_from(until.saturating_sub(now)).unwrap_or(0))
        }
    };
    Some(span.min(AGENT_BACKOFF_MAX))
}

fn date(text: &str) -> Option<i64> {
    // Servers that compute the day of the week wrongly still mean their date.
    let parser = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    parser.parse_timestamp(text.trim()).ok().map(|time| time.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_that_is_asked_for_is_seconds_or_a_date_and_has_a_ceiling() {
        let date = "Wed, 21 Oct 2015 07:28:00 GMT";
        for (asked, now, expected) in [
            ("120", None, Some(120)),
            (" 0 ", None, Some(0)),
            ("99999999999", None, Some(3_600)),
            ("18446744073709551615", None, Some(3_600)),
            ("-1", None, None),
            ("soon", Some(date), None),
            ("Wed, 21 Oct 2015 07:29:30 GMT", Some(date), Some(90)),
            ("Wed, 21 Oct 2015 07:00:00 GMT", Some(date), Some(0)),
            ("Thu, 31 Dec 9998 23:59:59 GMT", Some(date), Some(3_600)),
            ("Wed, 21 Oct 2015 07:29:30 GMT", None, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(asked));
            if let Some(now) = now {
                headers.insert(DATE, HeaderValue::from_static(now));
            }
            assert_eq!(retry_after(&headers), expected.map(Span::from_secs), "{asked}");
        }
    }
}
