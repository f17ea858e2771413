//! The egress guard: which URLs and addresses may be called, and that what was checked is what is
//! dialled.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use holdpoint::calls::egress::Guard;
use holdpoint::calls::{AllowRule, Caller, Lookup, Options, Secrets};
use holdpoint::model::problem::Kind;
use serde_json::json;

use crate::calls::server::{Server, json as json_reply, redirect};
use crate::calls::{caller, detail, failure, local, output};

fn rules(texts: &[&str]) -> Vec<AllowRule> {
    texts.iter().map(|text| text.parse().expect("a rule")).collect()
}

fn guard(allow: &[&str]) -> Guard {
    Guard::new(rules(allow), &BTreeMap::new())
}

#[test]
fn every_special_range_is_refused_to_its_edges() {
    let refused = "0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255
        100.100.100.200 127.0.0.1 127.255.255.255 168.63.129.16 169.254.0.0 169.254.169.254
        169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.192 192.0.0.255 192.0.2.1
        192.88.99.1 192.168.0.0 192.168.255.255 198.18.0.0 198.19.255.255 198.51.100.1 203.0.113.1
        224.0.0.0 239.255.255.255 240.0.0.0 255.255.255.255
        :: ::1 ::2 ::8.8.8.8 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:127.0.0.1
        64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1 100::1 2001::1 2001:0:4136:e378::
        2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:808:808:: 3fff::1
        5f00::1 fc00::1 fd00:ec2::254 fdff::1 fe80::1 febf::1 fec0::1 feff::1 ff02::1 ffff::1
        4000::1 8000::1 1fff::1";
    let allowed =
        "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255
        128.0.0.0 168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0
        192.0.1.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255
        2000::1 2001:200::1 2001:4860:4860::8888 2003::1 2606:4700:4700::1111 2a00:1450:4001::1
        3ffe::1 3fff:1000::1";
    for (addresses, expected) in [(refused, false), (allowed, true)] {
        for text in addresses.split_whitespace() {
            let address: IpAddr = text.parse().expect("an address");
            let checked = guard(&[]).check_address("host", address, Some(443));
            assert_eq!(checked.is_ok(), expected, "{text}: {checked:?}");
            let url = match address {
                IpAddr::V4(v4) => format!("https://{v4}/"),
                IpAddr::V6(v6) => format!("https://[{v6}]/"),
            };
            assert_eq!(guard(&[]).check_url(&url).is_ok(), expected, "{url}");
        }
    }
}

#[test]
fn urls_are_judged_in_every_spelling() {
    let refused = [
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://017700000001/",
        "http://127.0.0.1./",
        "http://0/",
        "http://①②⑦.⓪.⓪.①/",
        "http://127。0。0。1/",
        "http://%31%32%37.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::127.0.0.1]/",
        "http://[2002:7f00:1::]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://2852039166/",
        "HTTP://10.0.0.1/",
        "http:\\\\127.0.0.1\\",
        "http:/127.0.0.1/",
        "http:127.0.0.1",
        " http://127.0.0.1/ ",
        "http://user@8.8.8.8/",
        "http://user:pw@example.com/",
        "http://example.com@127.0.0.1/",
        "http://8.8.8.8#@127.0.0.1@/..//user:@x@10.0.0.1",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "data:text/plain,x",
        "javascript:1",
        "unix:/run/x",
        "",
        "pets/1",
        "//example.com/",
        "http://",
        "http:///",
        "http://[::1",
        "http://exa mple.com/",
    ];
    // What follows `#` is not the host, so that one is public.
    let public = ["http://8.8.8.8#@127.0.0.1@/..//user:@x@10.0.0.1"];
    for url in refused.into_iter().filter(|url| !public.contains(url)) {
        let checked = guard(&[]).check_url(url);
        assert!(checked.is_err(), "{url} passed");
    }
    let allowed = [
        "http://8.8.8.8/",
        "https://example.com:8443/a?b#c",
        "http://1.1/",
        "https://[2606:4700::1]/",
    ];
    for url in allowed.into_iter().chain(public) {
        // `1.1` is 1.0.0.1.
        assert_eq!(guard(&[]).check_url(url), Ok(()), "{url}");
    }
    let error = guard(&[]).check_url("http://10.1.2.3:81/x?key=canary").expect_err("a refusal");
    let text = error.to_string();
    for word in ["10.1.2.3", "private", "[egress] allow"] {
        assert!(text.contains(word), "{text}");
    }
    assert!(!text.contains("canary"), "{text}");
}

#[test]
fn rules_open_what_they_name_and_no_more() {
    let cases = [
        ("127.0.0.0/8", "http://127.9.9.9:1/", true),
        ("127.0.0.0/8", "http://[::ffff:127.0.0.1]/", true),
        ("127.0.0.0/8", "http://10.0.0.1/", false),
        ("10.0.0.1", "http://10.0.0.1:999/", true),
        ("10.0.0.1", "http://10.0.0.2/", false),
        ("10.0.0.1:9000", "http://10.0.0.1:9000/", true),
        ("10.0.0.1:9000", "http://10.0.0.1:9001/", false),
        ("10.0.0.1:80", "http://10.0.0.1/", true),
        ("10.0.0.1:443", "https://10.0.0.1/", true),
        ("10.0.0.1:443", "http://10.0.0.1/", false),
        ("[::1]", "http://[::1]:5/", true),
        ("::1", "http://[::1]:5/", true),
        ("[::1]:5", "http://[::1]:5/", true),
        ("[::1]:5", "http://[::1]:6/", false),
        ("fd00::/8", "http://[fd12::1]/", true),
        ("0.0.0.0/0", "http://169.254.169.254/", true),
    ];
    for (rule, url, expected) in cases {
        assert_eq!(guard(&[rule]).check_url(url).is_ok(), expected, "{rule} {url}");
    }
    let address = "10.0.0.1".parse().expect("an address");
    let named = [
        ("agents.internal", "agents.internal", None, true),
        ("Agents.Internal.", "agents.internal", None, true),
        ("agents.internal", "AGENTS.internal.", None, true),
        ("agents.internal", "x.agents.internal", None, false),
        ("agents.internal", "agents.internal.evil.com", None, false),
        ("agents.internal:80", "agents.internal", Some(80), true),
        ("agents.internal:80", "agents.internal", Some(81), false),
        ("agents.internal:80", "agents.internal", None, false),
        ("bücher.internal", "xn--bcher-kva.internal", None, true),
    ];
    for (rule, host, port, expected) in named {
        let checked = guard(&[rule]).check_address(host, address, port);
        assert_eq!(checked.is_ok(), expected, "{rule} {host} {port:?}");
    }
    let wrong = [
        "",
        "10.0.0.0/33",
        "*.internal",
        "http://x",
        "a b",
        "x:port",
        "x:70000",
        "u@x",
        "x/y",
        "1.2.3.4.5",
        "[::1",
        "10.0.0.1:x",
        "0x7f.1",
    ];
    for rule in wrong {
        let error = rule.parse::<AllowRule>().expect_err(rule).to_string();
        assert!(error.contains("[egress] allow"), "{error}");
    }
}

/// A name service whose answer changes with every question.
struct Flipping {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

#[async_trait]
impl Lookup for Flipping {
    async fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(self.answers[turn % self.answers.len()].clone())
    }
}

fn flipping(options: Options, answers: &[&[&str]]) -> (Caller, Arc<Flipping>) {
    let parse = |list: &&[&str]| list.iter().map(|a| a.parse().expect("an address")).collect();
    let answers = answers.iter().map(parse).collect();
    let lookup = Arc::new(Flipping { answers, asked: AtomicUsize::new(0) });
    let caller = Caller::with_lookup(options, Secrets::default(), lookup.clone());
    (caller.expect("a caller"), lookup)
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_name_that_changes_its_address_does_not_get_past_the_check() {
    // 127.0.0.2 plays the public server, 127.0.0.1 the private one on the same port.
    let public = Server::start_at("127.0.0.2:0", |_| json_reply(200, json!("public"))).await;
    let port = public.address.port();
    let private =
        Server::start_at(&format!("127.0.0.1:{port}"), |_| json_reply(200, json!("private"))).await;
    let options = || Options { allow: rules(&["127.0.0.2"]), ..Options::default() };
    let arguments = json!({"method": "get", "endpoint": format!("http://agent.example:{port}/")});
    let (caller, lookup) = flipping(options(), &[&["127.0.0.2"], &["127.0.0.1"]]);
    for _ in 0..50 {
        assert_eq!(caller.check_url("http://agent.example/"), Ok(()));
        assert_eq!(output(&caller, arguments.clone()).await, json!("public"));
        let problem = failure(&caller, arguments.clone(), Kind::Authorization).await;
        assert_eq!(problem.status, 403);
        assert!(detail(&problem).contains("agent.example is at 127.0.0.1"), "{problem:?}");
    }
    assert_eq!(lookup.asked.load(Ordering::SeqCst), 100, "one answer for each connection");
    // Of a mixed answer only the permitted part is dialled.
    let (caller, _) = flipping(options(), &[&["127.0.0.1", "127.0.0.2"]]);
    assert_eq!(output(&caller, arguments).await, json!("public"));
    assert!(private.seen().is_empty(), "{:?}", private.seen());
}

#[tokio::test]
async fn names_are_judged_by_their_addresses_and_rules_by_port() {
    let server = Server::start(|_| json_reply(200, json!("in"))).await;
    let port = server.address.port();
    let arguments = json!({"method": "get", "endpoint": format!("http://agent.example:{port}/")});
    let cases = [
        (vec![], false),
        (vec!["10.0.0.0/8".to_owned()], false),
        (vec!["other.example".to_owned()], false),
        (vec![format!("agent.example:{}", port ^ 1)], false),
        (vec![format!("127.0.0.1:{}", port ^ 1)], false),
        (vec!["agent.example".to_owned()], true),
        (vec![format!("agent.example:{port}")], true),
        (vec![format!("127.0.0.1:{port}")], true),
        (vec![format!("127.0.0.1:{}", port ^ 1), "127.0.0.1".to_owned()], true),
    ];
    for (allow, expected) in cases {
        let allow = allow.iter().map(|rule| rule.parse().expect("a rule")).collect();
        let (caller, _) = flipping(Options { allow, ..Options::default() }, &[&["127.0.0.1"]]);
        match expected {
            true => assert_eq!(output(&caller, arguments.clone()).await, json!("in")),
            false => {
                failure(&caller, arguments.clone(), Kind::Authorization).await;
            }
        }
    }
    let (caller, _) = flipping(Options::default(), &[&[]]);
    failure(&caller, arguments, Kind::Communication).await;
}

#[tokio::test]
async fn fixed_addresses_are_dialled_and_still_checked() {
    let server = Server::start(|seen| json_reply(200, json!(seen.header("host")))).await;
    let resolve = BTreeMap::from([("Agent.Example".to_owned(), server.address)]);
    let arguments = json!({"method": "get", "endpoint": "http://agent.example/"});
    let allow = rules(&[&format!("127.0.0.1:{}", server.address.port())]);
    let allowed = caller(Options { allow, resolve: resolve.clone(), ..Options::default() }, &[]);
    assert_eq!(output(&allowed, arguments.clone()).await, json!("agent.example"));
    let refused = caller(Options { resolve, ..Options::default() }, &[]);
    assert!(refused.check_url("http://agent.example/").is_err());
    failure(&refused, arguments, Kind::Authorization).await;
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn redirects_are_checked_at_every_hop() {
    let forbidden = [
        "http://169.254.169.254/latest/meta-data/",
        "http://0xa9fea9fe/",
        "http://[::1]:1/",
        "http://[::ffff:10.0.0.1]/",
        "http://10.0.0.1/",
        "file:///etc/passwd",
        "ftp://example.com/",
        "http://user:pw@127.0.0.1/",
        "//192.168.0.1/",
    ];
    for location in forbidden {
        let server = Server::start(move |_| redirect(302, location)).await;
        let arguments = json!({"method": "get", "endpoint": server.url("/"), "redirect": true});
        failure(&caller(local(), &[]), arguments, Kind::Authorization).await;
        assert_eq!(server.seen().len(), 1, "{location}");
    }
}

#[tokio::test]
async fn nothing_is_sent_when_the_guard_refuses() {
    let server = Server::start(|_| json_reply(200, json!("in"))).await;
    let caller = caller(Options::default(), &[]);
    let port = server.address.port();
    for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"] {
        let endpoint = format!("http://{host}:{port}/");
        let arguments = json!({"method": "get", "endpoint": endpoint});
        let problem = failure(&caller, arguments, Kind::Authorization).await;
        assert!(detail(&problem).contains("[egress] allow"), "{problem:?}");
    }
    assert!(server.seen().is_empty());
}
