//! The router: every route behind the same layers. The order of the layers is the order of trust.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use tower_http::catch_panic::CatchPanicLayer;

use crate::http::problem::{ApiError, name_instance};
use crate::http::state::HttpState;
use crate::http::{
    bearer, codes, csrf, detached, guard, head_limits, headers, host, observe, openapi, session,
};

/// Every route of the API. Panics when a route is not in the table of routes, which a test keeps
/// from happening.
pub fn router(state: HttpState) -> Router {
    let (routes, document) = openapi::routes(&state.options);
    let document = document.to_json().unwrap_or_default();
    let state = state.documented_by(document);
    let engine = state.engine.clone();
    let options = Arc::clone(&state.options);
    // The first layer is the outermost: what a layer answers passes through those before it. Those
    // that stand together are one for the router, which copies a layer for every request.
    let layers = (
        from_fn_with_state(state.clone(), detached::limit_time),
        from_fn(head_limits::check),
        from_fn_with_state(state.clone(), host::check),
        from_fn(bearer::isolate),
        csrf::layer(&options),
        session::layer(engine, &options),
        from_fn_with_state(state.clone(), guard::admit),
    );
    outermost(routes.fallback(nothing_here).layer(layers).with_state(state))
}

/// What holds for every answer, whoever gave it and however that ended.
fn outermost(routes: Router) -> Router {
    routes.layer((
        from_fn(observe::count),
        from_fn(headers::secure),
        from_fn(name_instance),
        CatchPanicLayer::custom(panicked),
    ))
}

async fn nothing_here(request: Request) -> ApiError {
    let detail =
        format!("there is nothing at {}; /api/docs lists every route", request.uri().path());
    ApiError::new(codes::NO_SUCH_ROUTE, detail)
}

fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response<Body> {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("of an unknown kind"), "a handler panicked");
    ApiError::new(codes::INTERNAL, "the request died; the log says why").into_response()
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::http::{Options, Server};

    /// Reads one answer with a length, and no byte of the next.
    async fn answer(stream: &mut TcpStream) -> String {
        let mut text = String::new();
        while !text.ends_with("\r\n\r\n") {
            text.push(char::from(stream.read_u8().await.expect("a head")));
        }
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let length = length.and_then(|digits| digits.parse().ok()).expect("a length");
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.expect("a body");
        text + &String::from_utf8_lossy(&body)
    }

    #[tokio::test]
    async fn a_panic_is_a_problem_and_the_connection_goes_on() {
        async fn bad() -> &'static str {
            panic!("planted for this test")
        }
        let routes = Router::new().route("/bad", get(bad)).route("/good", get(|| async { "good" }));
        let listen = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::bind(Options { listen, ..Options::default() }).await.expect("a port");
        let address = server.local_addr();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(server.serve(outermost(routes), stop.clone()));
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(b"GET /bad HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("sent");
        let first = answer(&mut stream).await;
        assert!(first.starts_with("HTTP/1.1 500 "), "{first}");
        assert!(first.contains("application/problem+json") && first.contains("/problems/internal"));
        assert!(!first.contains("planted"), "the text of a panic is for the log: {first}");
        stream.write_all(b"GET /good HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("sent");
        let second = answer(&mut stream).await;
        assert!(second.starts_with("HTTP/1.1 200 ") && second.ends_with("good"), "{second}");
        drop(stream);
        stop.cancel();
        serving.await.expect("it ends");
    }
}
