//! Pages for people: text that others wrote never becomes markup, and what cannot be seen is
//! written out. Nothing runs in the browser and nothing is loaded from outside.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};

use crate::model::visible::visible;

/// What a browser may do with a page: show it, style it, and send its form back here.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

/// Text as it stands in a page.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A page whose address is a secret: nobody keeps it, and nobody is told where the reader came
/// from. `body` is markup.
pub fn private_page(status: StatusCode, title: &str, body: &str) -> Response<Body> {
    let title = escape(title);
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><title>{title}</title>\
         <link rel=\"stylesheet\" href=\"/api/docs/style.css\"></head>\
         <body><main><h1>{title}</h1>{body}</main></body></html>"
    );
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex, nofollow"));
    response
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn text_of_others_is_no_markup_and_hides_nothing() {
        let text = "<b a='\"x\"'>&\u{202E}\u{200B}\u{E0041}é\n";
        let shown = "&lt;b a=&#39;&quot;x&quot;&#39;&gt;&amp;&lt;U+202E&gt;&lt;U+200B&gt;\
                     &lt;U+E0041&gt;é\n";
        assert_eq!(escape(text), shown);
    }
}
