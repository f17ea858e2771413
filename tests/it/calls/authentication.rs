//! `call: http` with each policy of the standard, the flows checked on the server's side.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holdpoint::model::problem::Kind;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::server::{Reply, Seen, Server, json as json_reply, reply, with_header};
use super::{caller, detail, failure, local, output};

fn to(uri: &str, policy: Value) -> Value {
    json!({"method": "get", "endpoint": {"uri": uri, "authentication": policy}})
}

fn hex(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn basic_and_bearer_take_inline_values_and_secrets() {
    let server =
        Server::start(|seen| json_reply(200, json!(seen.header("authorization").len()))).await;
    let secrets = [
        ("login", json!({"username": "Aladdin", "password": "open sesame"})),
        ("token", json!("abc123")),
    ];
    let caller = caller(local(), &secrets);
    let password = caller.masked_secrets()["login"]["password"].clone();
    let cases = [
        (json!({"basic": {"username": "Aladdin", "password": "open sesame"}}), "Basic"),
        (json!({"basic": {"use": "login"}}), "Basic"),
        (json!({"basic": {"username": "Aladdin", "password": password}}), "Basic"),
        (json!({"bearer": {"token": "abc123"}}), "Bearer"),
        (json!({"bearer": {"use": "token"}}), "Bearer"),
    ];
    for (policy, scheme) in cases {
        output(&caller, to(&server.url("/"), policy.clone())).await;
        let expected = match scheme {
            // The example of RFC 7617.
            "Basic" => "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            _ => "Bearer abc123",
        };
        let seen = server.seen();
        assert_eq!(
            seen.last().map(|seen| seen.header("authorization")),
            Some(expected),
            "{policy}"
        );
    }
}

#[tokio::test]
async fn policies_that_cannot_be_used_are_configuration_errors() {
    let caller = caller(local(), &[("plain", json!("text-secret"))]);
    let client = json!({"id": "i", "secret": "client-canary"});
    let oauth2 = |more: Value| {
        let mut policy = json!({"authority": "http://127.0.0.1:1", "client": client});
        policy.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
        json!({"oauth2": policy})
    };
    let cases = [
        (json!({}), "exactly one"),
        (json!("name"), "exactly one"),
        (json!({"basic": {}, "bearer": {}}), "exactly one"),
        (json!({"use": "policy"}), "not put in its place"),
        (json!({"certificate": {}}), "`certificate` is not supported"),
        (json!({"basic": {"username": "u"}}), "basic.password is missing"),
        (json!({"basic": {"use": "plain"}}), "basic.username is missing"),
        (json!({"basic": {"use": "absent"}}), "secret `absent` does not exist"),
        (json!({"bearer": {"token": {}}}), "bearer.token must be a string"),
        (oauth2(json!({})), "oauth2.grant is missing"),
        (oauth2(json!({"grant": "authorization_code"})), "`authorization_code` is not supported"),
        (oauth2(json!({"grant": "password"})), "needs username and password"),
        (oauth2(json!({"grant": "refresh_token"})), "needs subject.token"),
        (
            oauth2(json!({"grant": "urn:ietf:params:oauth:grant-type:token-exchange"})),
            "needs subject.token",
        ),
        (
            oauth2(json!({"grant": "client_credentials",
                "client": {"id": "i", "authentication": "private_key_jwt"}})),
            "`private_key_jwt` is not supported",
        ),
        (oauth2(json!({"grant": "client_credentials", "client": {"id": "i"}})), "client.secret"),
        (
            oauth2(json!({"grant": "client_credentials", "request": {"encoding": "text/xml"}})),
            "request.encoding",
        ),
    ];
    for (policy, words) in cases {
        let problem =
            failure(&caller, to("http://127.0.0.1:1/", policy), Kind::Configuration).await;
        assert!(detail(&problem).contains(words), "{words}: {problem:?}");
        assert!(!detail(&problem).contains("canary"), "{problem:?}");
    }
}

#[tokio::test]
async fn digest_answers_the_challenge() {
    const CHALLENGE: &str = concat!(
        r#"Basic realm="x", Digest realm="r", qop="auth", algorithm=SHA-256, "#,
        r#"nonce="n0", opaque="o0""#
    );
    let server = Server::start(|seen| {
        let given = seen.header("authorization");
        let part = |name: &str| {
            let (_, rest) = given.split_once(&format!("{name}=")).unwrap_or_default();
            rest.trim_start_matches('"').split(['"', ',']).next().unwrap_or_default().to_owned()
        };
        let user = hex("u:r:open sesame");
        let request = hex(&format!("{}:{}", seen.method, seen.target));
        let expected = hex(&format!("{user}:n0:00000001:{}:auth:{request}", part("cnonce")));
        match given.starts_with("Digest ") && part("response") == expected && part("opaque") == "o0"
        {
            true => json_reply(200, json!("in")),
            false => with_header(reply(401, "text/plain", ""), "WWW-Authenticate", CHALLENGE),
        }
    })
    .await;
    let caller = caller(local(), &[]);
    let policy = |password: &str| json!({"digest": {"username": "u", "password": password}});
    let uri = server.url("/a?b=c");
    assert_eq!(output(&caller, to(&uri, policy("open sesame"))).await, json!("in"));
    assert_eq!(server.seen().len(), 2);
    let problem = failure(&caller, to(&uri, policy("wrong-password")), Kind::Authentication).await;
    assert_eq!(problem.status, 401);
    assert_eq!(server.seen().len(), 4, "a refused answer is not tried again");
}

#[tokio::test]
async fn digest_survives_challenges_that_make_no_sense() {
    let challenges = [
        "Digest",
        "Digest realm",
        "Digest realm=\"",
        "Digest realm=\"r\", nonce=\"n\", algorithm=ROT13",
        "Digest realm=\"r\\\", nonce=n",
        "Digest =,=,=",
        "Negotiate",
        "",
    ];
    for challenge in challenges {
        let server = Server::start(move |_| {
            with_header(reply(401, "text/plain", ""), "WWW-Authenticate", challenge)
        })
        .await;
        let policy = json!({"digest": {"username": "ü", "password": "p"}});
        failure(&caller(local(), &[]), to(&server.url("/"), policy), Kind::Authentication).await;
    }
}

/// An authority and a resource in one: it issues `token-1`, `token-2`, … and says which it takes.
fn authority(
    life: Value,
    takes: impl Fn(&str) -> bool + Send + Sync + 'static,
) -> impl Fn(&Seen) -> Reply {
    let issued = AtomicUsize::new(0);
    move |seen| match seen.target.as_str() {
        "/realm/oauth2/token" | "/realm/token" => {
            let number = issued.fetch_add(1, Ordering::SeqCst) + 1;
            json_reply(
                200,
                json!({"access_token": format!("token-{number}"),
                "token_type": "bearer", "expires_in": life, "refresh_token": "refresh-token"}),
            )
        }
        "/realm/.well-known/openid-configuration" => {
            let endpoint = format!("http://{}/realm/token", seen.header("host"));
            json_reply(200, json!({"token_endpoint": endpoint}))
        }
        _ if takes(seen.header("authorization")) => json_reply(200, json!("in")),
        _ => reply(401, "text/plain", "no"),
    }
}

fn credentials_of(server: &Server, more: Value) -> Value {
    let mut policy = json!({"authority": server.url("/realm"), "grant": "client_credentials",
        "client": {"id": "me", "secret": "it&is"}, "scopes": ["a", "b"], "audiences": ["c"]});
    policy.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
    json!({"oauth2": policy})
}

fn targets(server: &Server) -> Vec<String> {
    server.seen().into_iter().map(|seen| seen.target).collect()
}

#[tokio::test]
async fn a_token_is_fetched_once_and_kept_while_it_lasts() {
    let server = Server::start(authority(json!(3600), |given| given == "Bearer token-1")).await;
    let caller = caller(local(), &[]);
    for _ in 0..3 {
        output(&caller, to(&server.url("/pet"), credentials_of(&server, json!({})))).await;
    }
    assert_eq!(targets(&server), ["/realm/oauth2/token", "/pet", "/pet", "/pet"]);
    let asked = &server.seen()[0];
    assert_eq!(asked.method, "POST");
    assert_eq!(asked.header("content-type"), "application/x-www-form-urlencoded");
    let mut fields = asked.body.split('&').collect::<Vec<_>>();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "audience=c",
            "client_id=me",
            "client_secret=it%26is",
            "grant_type=client_credentials",
            "scope=a%20b"
        ]
    );
    assert_eq!(asked.header("idempotency-key"), "", "the key belongs to the endpoint alone");
    // Another scope is another token, which this server does not take.
    let other = credentials_of(&server, json!({"scopes": ["z"]}));
    failure(&caller, to(&server.url("/pet"), other), Kind::Authentication).await;
}

#[tokio::test]
async fn calls_side_by_side_share_one_request_for_a_token() {
    let server = Server::start(authority(json!("3600"), |given| given == "Bearer token-1")).await;
    let caller = caller(local(), &[]);
    let arguments = to(&server.url("/pet"), credentials_of(&server, json!({})));
    let calls = (0..8).map(|_| {
        let (caller, arguments) = (caller.clone(), arguments.clone());
        tokio::spawn(async move { output(&caller, arguments).await })
    });
    for running in calls.collect::<Vec<_>>() {
        assert_eq!(running.await.expect("an output"), json!("in"));
    }
    let fetched = targets(&server).into_iter().filter(|t| t.ends_with("/token")).count();
    assert_eq!(fetched, 1);
}

#[tokio::test]
async fn a_revoked_token_is_replaced_once() {
    let calls = AtomicUsize::new(0);
    let takes = move |given: &str| match calls.fetch_add(1, Ordering::SeqCst) {
        0 => given == "Bearer token-1",
        _ => given == "Bearer token-2",
    };
    let server = Server::start(authority(json!(3600), takes)).await;
    let caller = caller(local(), &[]);
    for _ in 0..2 {
        output(&caller, to(&server.url("/pet"), credentials_of(&server, json!({})))).await;
    }
    let expected = ["/realm/oauth2/token", "/pet", "/pet", "/realm/oauth2/token", "/pet"];
    assert_eq!(targets(&server), expected);
    assert!(server.seen()[3].body.contains("grant_type=refresh_token"));
    assert!(server.seen()[3].body.contains("refresh_token=refresh-token"));
}

#[tokio::test]
async fn a_token_without_a_life_is_not_kept() {
    let server = Server::start(authority(Value::Null, |_| true)).await;
    let caller = caller(local(), &[]);
    for _ in 0..2 {
        output(&caller, to(&server.url("/pet"), credentials_of(&server, json!({})))).await;
    }
    assert_eq!(targets(&server), ["/realm/oauth2/token", "/pet", "/realm/oauth2/token", "/pet"]);
}

#[tokio::test]
async fn grants_and_client_authentication_are_spelled_by_their_standards() {
    let server = Server::start(authority(json!(60), |_| true)).await;
    let caller = caller(local(), &[]);
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    let cases = [
        (
            json!({"grant": "password", "username": "u", "password": "p", "client":
                {"id": "me", "authentication": "none"},
                "request": {"encoding": "application/json"}}),
            "application/json",
            "",
            vec!["\"grant_type\":\"password\"", "\"username\":\"u\"", "\"client_id\":\"me\""],
        ),
        (
            json!({"client":
                {"id": "m:e", "secret": "s", "authentication": "client_secret_basic"}}),
            "application/x-www-form-urlencoded",
            // `m%3Ae:s`
            "Basic bSUzQWU6cw==",
            vec!["grant_type=client_credentials"],
        ),
        (
            json!({"grant": exchange, "subject": {"token": "st", "type": "urn:t"},
                "endpoints": {"token": "/token"}}),
            "application/x-www-form-urlencoded",
            "",
            vec!["subject_token=st", "subject_token_type=urn%3At", "client_id=me"],
        ),
        (
            json!({"grant": "refresh_token", "subject": {"token": "rt"}}),
            "application/x-www-form-urlencoded",
            "",
            vec!["grant_type=refresh_token", "refresh_token=rt"],
        ),
    ];
    for (more, media_type, credentials, parts) in cases {
        let before = server.seen().len();
        output(&caller, to(&server.url("/pet"), credentials_of(&server, more))).await;
        let asked = &server.seen()[before];
        assert_eq!(asked.header("content-type"), media_type);
        assert_eq!(asked.header("authorization"), credentials);
        for part in parts {
            assert!(asked.body.contains(part), "{part} in {}", asked.body);
        }
        assert_eq!(asked.body.contains("secret"), asked.body.contains("client_secret=it%26is"));
    }
}

#[tokio::test]
async fn open_id_connect_discovers_the_token_endpoint() {
    let server = Server::start(authority(json!(60), |given| given == "Bearer token-1")).await;
    for suffix in ["", "/", "/.well-known/openid-configuration"] {
        let caller = caller(local(), &[]);
        let before = server.seen().len();
        let policy = json!({"oidc": {"authority": server.url(&format!("/realm{suffix}")),
            "grant": "client_credentials", "client": {"id": "i", "secret": "s"}}});
        let result = caller
            .run(&super::call(holdpoint::calls::Function::Http, to(&server.url("/pet"), policy)))
            .await;
        let targets = targets(&server).split_off(before);
        let expected = ["/realm/.well-known/openid-configuration", "/realm/token", "/pet"];
        assert_eq!(targets, expected, "{suffix} {result:?}");
    }
}

#[tokio::test]
async fn authorities_that_refuse_or_lie_are_told_apart() {
    let claims = URL_SAFE_NO_PAD.encode(json!({"iss": "https://other.example"}).to_string());
    let token = format!("h.{claims}.s");
    let server = Server::start(move |seen| match seen.target.as_str() {
        "/refuses/oauth2/token" => {
            json_reply(400, json!({"error": "invalid_client", "error_description": "canary"}))
        }
        "/fails/oauth2/token" => reply(503, "text/plain", "later"),
        "/lies/oauth2/token" => reply(200, "text/html", "<html>"),
        "/other/oauth2/token" => json_reply(200, json!({"access_token": token})),
        _ => json_reply(200, json!("in")),
    })
    .await;
    let caller = caller(local(), &[]);
    let at = |realm: &str| {
        let more = json!({"authority": server.url(realm), "issuers": ["https://right.example"]});
        to(&server.url("/pet"), credentials_of(&server, more))
    };
    let problem = failure(&caller, at("/refuses"), Kind::Authentication).await;
    assert!(detail(&problem).contains("400 (invalid_client)"), "{problem:?}");
    assert!(!detail(&problem).contains("canary"), "{problem:?}");
    assert_eq!(failure(&caller, at("/fails"), Kind::Communication).await.status, 503);
    failure(&caller, at("/lies"), Kind::Communication).await;
    failure(&caller, at("/other"), Kind::Authentication).await;
    assert!(targets(&server).iter().all(|target| target != "/pet"));
    // The authority is called through the guard like everything else.
    let inside = credentials_of(&server, json!({"authority": "http://169.254.169.254/realm"}));
    failure(&caller, to(&server.url("/pet"), inside), Kind::Authorization).await;
}
