//! Authentication policies of calls: inline, by name under `use.authentications`, or from a secret.

use std::sync::Arc;

use serde_json::Value;

use crate::dsl::check::{Check, Object};
use crate::dsl::endpoint;
use crate::expr::{Scope, Template};

const SCHEMES: [&str; 5] = ["basic", "bearer", "digest", "oauth2", "oidc"];
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// Grants of the standard but `authorization_code`, which needs a person at a browser.
const GRANTS: [&str; 4] = ["client_credentials", "password", "refresh_token", TOKEN_EXCHANGE];
/// Of the standard's, the ones that need no key: a client that signs assertions has one.
const CLIENT_AUTHENTICATIONS: [&str; 3] = ["client_secret_basic", "client_secret_post", "none"];
const ENCODINGS: [&str; 2] = ["application/x-www-form-urlencoded", "application/json"];

/// Reads a policy and gives it as `{scheme: …}`, the reference to a reusable one resolved. Policies
/// under `use.authentications` may not refer to others.
pub(super) fn policy<'d>(
    check: &mut Check<'d>,
    value: &'d Value,
    scope: &Scope,
    may_refer: bool,
) -> Option<Template> {
    let known: Vec<&str> = SCHEMES.into_iter().chain(may_refer.then_some("use")).collect();
    let object = check.object(value, "`authentication`")?;
    if object.contains_key("certificate") {
        check.at("certificate", |check| {
            check.defect("authentication by certificate is not supported by this version", None);
        });
        return None;
    }
    check.only(object, "`authentication`", &[], &known);
    let mut members = object.iter().filter(|(name, _)| known.contains(&name.as_str()));
    let (Some((scheme, value)), None) = (members.next(), members.next()) else {
        // An unknown scheme was told already, with the known ones.
        if object.is_empty() || object.len() > 1 {
            check.defect(format!("`authentication` must be one of {}", known.join(", ")), None);
        }
        return None;
    };
    if scheme == "use" {
        let name = check.at("use", |check| check.text(value, "`use`"))?;
        let value = check.at("use", |check| check.reusable("authentications", name))?;
        return check.elsewhere(&["use", "authentications", name], None, |check| {
            policy(check, value, scope, false)
        });
    }
    let config = check.at(scheme, |check| configuration(check, scheme, value, scope))?;
    Some(Template::Object(vec![(scheme.clone(), config)]))
}

fn configuration<'d>(
    check: &mut Check<'d>,
    scheme: &str,
    value: &'d Value,
    scope: &Scope,
) -> Option<Template> {
    let before = check.defect_count();
    let what = format!("`{scheme}`");
    let object = check.object(value, &what)?;
    if object.contains_key("use") {
        check.only(object, &what, &["use"], &[]);
        check.member(object, "use", |check, value| {
            let name = check.text(value, "the name of a secret")?;
            check.secret(name);
            Some(())
        });
        return (before == check.defect_count())
            .then(|| Template::Literal(Arc::new(value.clone())));
    }
    match scheme {
        "bearer" => texts(check, object, &what, &["token"]),
        "oauth2" => oauth2(check, object, &what, scope, true),
        "oidc" => oauth2(check, object, &what, scope, false),
        _ => texts(check, object, &what, &["username", "password"]),
    }
    let template = check.template(value, scope)?;
    (before == check.defect_count()).then_some(template)
}

/// An object whose members are all required texts.
fn texts<'d>(check: &mut Check<'d>, object: &'d Object, what: &str, names: &[&str]) {
    check.only(object, what, names, &[]);
    optional_texts(check, object, names);
}

fn optional_texts<'d>(check: &mut Check<'d>, object: &'d Object, names: &[&str]) {
    for name in names {
        let what = format!("`{name}`");
        check.member(object, name, |check, value| check.text(value, &what));
    }
}

fn oauth2<'d>(
    check: &mut Check<'d>,
    object: &'d Object,
    what: &str,
    scope: &Scope,
    has_endpoints: bool,
) {
    let optional = [
        "client",
        "request",
        "issuers",
        "scopes",
        "audiences",
        "username",
        "password",
        "subject",
        "actor",
        "endpoints",
    ];
    let optional = if has_endpoints { &optional[..] } else { &optional[..9] };
    check.only(object, what, &["authority", "grant"], optional);
    check.member(object, "authority", |check, value| endpoint::uri(check, value, scope));
    let grant = check.member(object, "grant", |check, value| check.word(value, "`grant`", &GRANTS));
    complete(check, object, grant.unwrap_or_default());
    check.member(object, "client", client);
    check.member(object, "request", |check, value| {
        let request = check.members(value, "`request`", &[], &["encoding"])?;
        check
            .member(request, "encoding", |check, value| check.word(value, "`encoding`", &ENCODINGS))
    });
    for name in ["issuers", "scopes", "audiences"] {
        check.member(object, name, text_list);
    }
    optional_texts(check, object, &["username", "password"]);
    for name in ["subject", "actor"] {
        check.member(object, name, |check, value| {
            let token = check.object(value, "a token")?;
            texts(check, token, "a token", &["token", "type"]);
            Some(())
        });
    }
    check.member(object, "endpoints", |check, value| {
        let names = ["token", "revocation", "introspection"];
        let endpoints = check.members(value, "`endpoints`", &[], &names)?;
        optional_texts(check, endpoints, &names);
        Some(())
    });
}

/// Is everything there that the grant needs?
fn complete(check: &mut Check<'_>, object: &Object, grant: &str) {
    let client = |name: &str| object.get("client").and_then(|client| client.get(name));
    let is_public = client("authentication").and_then(Value::as_str) == Some("none");
    if !is_public && (client("id").is_none() || client("secret").is_none()) {
        check.defect_with(
            "the client needs `id` and `secret`",
            "or `authentication: none` for a public client",
        );
    }
    let needed: &[&str] = match grant {
        "password" => &["username", "password"],
        "refresh_token" | TOKEN_EXCHANGE => &["subject"],
        _ => &[],
    };
    for name in needed.iter().filter(|name| !object.contains_key(**name)) {
        check.defect(format!("the grant {grant} needs the member `{name}`"), None);
    }
}

fn client<'d>(check: &mut Check<'d>, value: &'d Value) -> Option<()> {
    let names = ["id", "secret", "assertion", "authentication"];
    let client = check.members(value, "`client`", &[], &names)?;
    optional_texts(check, client, &names[..3]);
    check.member(client, "authentication", |check, value| {
        check.word(value, "`authentication` of a client", &CLIENT_AUTHENTICATIONS)
    });
    Some(())
}

fn text_list<'d>(check: &mut Check<'d>, value: &'d Value) -> Option<()> {
    for (index, item) in check.list(value, "this")?.iter().enumerate() {
        check.at(&index.to_string(), |check| check.text(item, "an item"));
    }
    Some(())
}
