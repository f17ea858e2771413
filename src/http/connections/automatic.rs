//! What hyper answers before any handler is asked (a head that cannot be read or is too large) has
//! no body. Here such an answer becomes the problem that the API promises.

use axum::http::StatusCode;

use crate::http::codes::{self, Code};
use crate::http::problem::ApiError;

/// Every answer of ours has this header; those of hyper have not.
const OURS: &[u8] = b"content-security-policy:";
const START: &[u8] = b"HTTP/1.1 ";
const END: &[u8] = b"\r\n\r\n";

/// The answer to give in place of these bytes, if hyper gives them by itself.
pub fn instead_of(bytes: &[u8]) -> Option<Vec<u8>> {
    let status = bytes.strip_prefix(START)?.get(..3)?;
    let is_ours = bytes.windows(OURS.len()).any(|part| part.eq_ignore_ascii_case(OURS));
    if is_ours || !bytes.ends_with(END) {
        return None;
    }
    let (code, detail) = match StatusCode::from_bytes(status).ok()? {
        StatusCode::BAD_REQUEST => {
            (codes::MALFORMED, "the head of the request is no HTTP/1.1 that can be read")
        }
        StatusCode::URI_TOO_LONG => (codes::URI_TOO_LONG, "the address is longer than 64 KiB"),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            (codes::HEADERS_TOO_LARGE, "the head of the request is too large to be read")
        }
        _ => return None,
    };
    Some(whole(code, detail))
}

/// A head that did not end in time.
pub fn too_slow() -> Vec<u8> {
    whole(codes::TIMED_OUT, "the head of the request did not arrive in time")
}

fn whole(code: &'static Code, detail: &str) -> Vec<u8> {
    let body = ApiError::new(code, detail).text("");
    let head = format!(
        "HTTP/1.1 {}\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n\
         content-security-policy: default-src 'none'\r\nx-content-type-options: nosniff\r\n\
         cache-control: no-store\r\nconnection: close\r\n\r\n",
        code.status,
        body.len()
    );
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_without_a_request_are_replaced() {
        let bare = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\n\r\n";
        let problem = String::from_utf8(instead_of(bare).unwrap()).unwrap();
        assert!(problem.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"));
        assert!(problem.contains("/problems/headers-too-large"), "{problem}");
        for other in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"[..],
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
            b"HTTP/1.1 400 Bad Request\r\nContent-Security-Policy: x\r\n\r\n",
            b"HTTP/1.1 4",
            b"",
        ] {
            assert_eq!(instead_of(other), None);
        }
    }
}
