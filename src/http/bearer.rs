//! The header `Authorization: Bearer`, and the text of a token. A request that carries one is
//! judged by it alone: no cookie of it is looked at, so no site can make a browser send it.

use axum::extract::Request;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::http::random;

/// What every token begins with, so that scanners of leaked secrets know it.
const PREFIX: &str = "hp_";
/// Letters of the public part: 80 random bits.
pub const ID_LETTERS: usize = 16;
/// Letters of the secret part: 260 random bits.
pub const SECRET_LETTERS: usize = 52;

/// A token as somebody presents it. Its text never shows the secret.
pub struct Presented {
    /// The public part.
    pub id: String,
    /// The secret part.
    pub secret: String,
}

impl Presented {
    /// Reads the text of a token; nothing when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let is_token = random::is_drawn(id, ID_LETTERS) && random::is_drawn(secret, SECRET_LETTERS);
        is_token.then(|| Self { id: id.to_owned(), secret: secret.to_owned() })
    }

    /// The text of a token of these parts.
    pub fn text(id: &str, secret: &str) -> String {
        format!("{PREFIX}{id}_{secret}")
    }
}

/// What the request presents as a bearer, whatever it is; nothing when it presents none.
pub fn presented(headers: &HeaderMap) -> Option<&[u8]> {
    let bytes = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, rest) = bytes.split_at_checked("Bearer".len())?;
    let is_bearer = scheme.eq_ignore_ascii_case(b"Bearer");
    let ends = rest.first().is_none_or(|next| *next == b' ');
    (is_bearer && ends).then(|| rest.trim_ascii())
}

/// Middleware: a request with a bearer comes in as if it had no cookie and no browser behind it.
/// A page of another site cannot set the header, so what guards cookies has nothing to guard.
pub async fn isolate(mut request: Request, next: Next) -> Response {
    if presented(request.headers()).is_some() {
        for name in [header::COOKIE.as_str(), header::ORIGIN.as_str(), "sec-fetch-site"] {
            request.headers_mut().remove(name);
        }
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_form_is_a_token() {
        let (id, secret) = ("a".repeat(ID_LETTERS), "b".repeat(SECRET_LETTERS));
        let text = Presented::text(&id, &secret);
        assert!(Presented::parse(&text).is_some_and(|it| it.id == id && it.secret == secret));
        for bad in [
            String::new(),
            "hp_".to_owned(),
            "hp__".to_owned(),
            format!("hp_{id}"),
            format!("hp_{id}_"),
            format!("HP_{id}_{secret}"),
            format!("hp_{id}_{secret}b"),
            format!("hp_{id}_{secret} "),
            format!("hp_{}_{secret}", "A".repeat(ID_LETTERS)),
            format!("hp_{}_{secret}", "/".repeat(ID_LETTERS)),
        ] {
            assert!(Presented::parse(&bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn the_scheme_is_read_whatever_its_case_and_no_other_scheme_is_one() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            presented(&headers).map(<[u8]>::to_vec)
        };
        assert_eq!(of("Bearer x"), Some(b"x".to_vec()));
        assert_eq!(of("bEARER   x"), Some(b"x".to_vec()));
        assert_eq!(of("Bearer"), Some(Vec::new()));
        for other in ["Basic eDp5", "Bearerx y", "Bear", ""] {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(presented(&HeaderMap::new()), None);
    }
}
