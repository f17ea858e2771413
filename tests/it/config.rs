//! The configuration: `config.toml` is complete, the layers lie in order, and every mistake is
//! reported at once with its place.

use std::path::PathBuf;

use holdpoint::config::error::{ConfigError, Origin};
use holdpoint::config::load::{Loaded, Sources, load};
use holdpoint::config::log::Format;
use holdpoint::config::metrics::WithoutToken;
use holdpoint::config::store::{Recovery, StoreUrl};
use holdpoint::config::{Config, DEFAULTS};
use toml::Value;

/// A file of its own for each test, since tests run at the same time.
struct File {
    folder: tempfile::TempDir,
}

impl File {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("holdpoint.toml"), text).unwrap();
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("holdpoint.toml")
    }
}

fn with(
    file: &str,
    environment: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<Loaded, ConfigError> {
    let file = File::new(file);
    let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    load(&Sources {
        file: Some(file.path()),
        environment: environment.iter().map(text).collect(),
        flags: flags.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
    })
}

/// The only bad key of a configuration, as it is printed, without the folder of its file.
fn only_bad(file: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> String {
    let error = with(file, environment, flags).unwrap_err();
    assert_eq!(error.bad.len(), 1, "{error}");
    without_folder(&error.bad[0].to_string())
}

fn without_folder(text: &str) -> String {
    text.find("holdpoint.toml").map_or(text, |at| &text[at..]).to_owned()
}

#[test]
fn the_file_of_the_repository_is_the_defaults() {
    let repository = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config.toml");
    assert_eq!(std::fs::read_to_string(&repository).unwrap(), DEFAULTS);
    let config = Config::defaults().unwrap();
    let named = load(&Sources { file: Some(repository), ..Sources::default() }).unwrap();
    assert_eq!(named.config, config);
    // The names and values that the documentation fixes.
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:3000");
    assert_eq!(config.store.url, StoreUrl::Redb("data/holdpoint.redb".into()));
    assert_eq!(config.store.recovery, Recovery::Verify);
    assert_eq!(config.worker.max_concurrent_jobs, 3);
    assert_eq!(config.worker.poll_interval_ms, 5_000);
    assert_eq!(config.workflows.dir, PathBuf::from("workflows"));
    assert_eq!(config.secrets.dir, None);
    assert_eq!(config.http.public_url, None);
    assert_eq!(config.metrics.without_token, WithoutToken::Loopback);
}

#[test]
fn every_key_has_one_line_of_comment_and_no_key_is_missing() {
    let mut previous = "";
    let mut keys = Vec::new();
    let mut section = String::new();
    for line in DEFAULTS.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
            if section.contains('.') {
                assert!(previous.starts_with("# "), "[{section}] has no comment");
                keys.push(section.clone());
            }
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            assert!(previous.starts_with("# "), "{section}.{key} has no comment");
            keys.push(format!("{section}.{key}"));
        }
        previous = line;
    }
    assert!(keys.len() > 30, "{keys:?}");
    // No field has a default in code: without its line in the file there is no configuration.
    let defaults: toml::Table = DEFAULTS.parse().unwrap();
    for dotted in &keys {
        let (section, key) = dotted.split_once('.').unwrap();
        let mut less = defaults.clone();
        less[section].as_table_mut().unwrap().remove(key).unwrap();
        let missing = Value::Table(less).try_into::<Config>().unwrap_err().to_string();
        assert!(missing.contains(&format!("missing field `{key}`")), "{dotted}: {missing}");
    }
    let shown = load(&Sources::default()).unwrap().show();
    let shown = shown.lines().filter(|line| line.contains(" = ")).count();
    assert_eq!(shown, keys.len(), "a key of the structs is not in the file, or the reverse");
}

#[test]
fn a_higher_layer_covers_a_lower_one_key_by_key() {
    let file = "[worker]\nmax_concurrent_jobs = 4\npoll_interval_ms = 1000\n\
                [http]\nlisten = \"127.0.0.1:1\"\n[log]\nformat = \"json\"\n";
    let environment = [
        ("HOLDPOINT__WORKER__MAX_CONCURRENT_JOBS", "5"),
        ("HOLDPOINT__HTTP__LISTEN", "127.0.0.1:2"),
        ("HOLDPOINT__EGRESS__ALLOW", "[\"127.0.0.0/8\"]"),
        ("HOLDPOINT_ADMIN_EMAIL", "not configuration"),
        ("HOLDPOINT_TOKEN", "not configuration"),
    ];
    let loaded = with(file, &environment, &[("http.listen", "127.0.0.1:3")]).unwrap();
    let config = &loaded.config;
    assert_eq!(config.worker.max_concurrent_jobs, 5);
    assert_eq!(config.worker.poll_interval_ms, 1_000);
    assert_eq!(config.http.listen.port(), 3);
    assert_eq!(config.egress.allow, ["127.0.0.0/8"]);
    assert_eq!(config.log.format, Format::Json);
    for (key, origin) in [
        ("http.listen", "flag --listen"),
        ("worker.max_concurrent_jobs", "environment HOLDPOINT__WORKER__MAX_CONCURRENT_JOBS"),
        ("store.cache_mib", "default"),
    ] {
        assert_eq!(loaded.origin(key).to_string(), origin);
    }
    assert!(matches!(
        loaded.origin("worker.poll_interval_ms"),
        Origin::File { line: 3, column: 20, .. }
    ));
    let shown = loaded.show();
    assert!(shown.contains("listen = \"127.0.0.1:3\" # flag --listen\n"), "{shown}");
    assert!(shown.contains("cache_mib = 128 # default\n"), "{shown}");
}

#[test]
fn what_is_shown_can_be_read_again() {
    let loaded = with("[egress.resolve]\n\"a.test\" = \"10.0.0.1:80\"\n", &[], &[]).unwrap();
    let again = with(&loaded.show(), &[], &[]).unwrap();
    assert_eq!(again.config, loaded.config);
    assert_eq!(again.config.egress.resolve["a.test"], "10.0.0.1:80".parse().unwrap());
}

#[test]
fn the_data_flag_moves_the_store_and_the_artifacts() {
    for (dir, store, artifacts) in [
        ("/srv/hp", "/srv/hp/holdpoint.redb", "/srv/hp/artifacts"),
        ("/srv/hp/", "/srv/hp/holdpoint.redb", "/srv/hp/artifacts"),
        ("here", "here/holdpoint.redb", "here/artifacts"),
        ("/", "/holdpoint.redb", "/artifacts"),
    ] {
        let config = with("", &[], &[("data", dir), ("workflows.dir", "w")]).unwrap().config;
        assert_eq!(config.store.url, StoreUrl::Redb(store.into()));
        assert_eq!(config.artifacts.dir, PathBuf::from(artifacts));
        assert_eq!(config.workflows.dir, PathBuf::from("w"));
    }
}

#[test]
fn a_string_from_the_environment_needs_no_quotes() {
    let config = with("", &[("HOLDPOINT__STORE__URL", "redb:///srv/a.redb")], &[]).unwrap().config;
    assert_eq!(config.store.url, StoreUrl::Redb("/srv/a.redb".into()));
    let config =
        with("", &[("HOLDPOINT__STORE__URL", "'redb:///srv/a.redb'")], &[]).unwrap().config;
    assert_eq!(config.store.url, StoreUrl::Redb("/srv/a.redb".into()));
    let config = with("", &[("HOLDPOINT__SECRETS__DIR", "2026")], &[]).unwrap().config;
    assert_eq!(config.secrets.dir, Some("2026".into()));
}

#[test]
fn one_bad_key_is_named_with_its_layer_place_and_remedy() {
    let cases = [
        (
            "[worker]\nmax_concurent_jobs = 3\n",
            "holdpoint.toml:2:1: worker.max_concurent_jobs: unknown key; \
             did you mean worker.max_concurrent_jobs?",
        ),
        (
            "listen = \"127.0.0.1:1\"\n",
            "holdpoint.toml:1:1: listen: unknown key; did you mean http.listen?",
        ),
        ("[nothing]\n", "holdpoint.toml:1:2: nothing: unknown key"),
        (
            "[worker]\n  poll_interval_ms = \"fast\"\n",
            "holdpoint.toml:2:22: worker.poll_interval_ms: \
             invalid type: string \"fast\", expected u64; expected a whole number",
        ),
        (
            "[worker]\nautostart = 1\n",
            "holdpoint.toml:2:13: worker.autostart: \
             invalid type: integer `1`, expected a boolean; expected true or false",
        ),
        (
            "[log]\nformat = \"xml\"\n",
            "holdpoint.toml:2:10: log.format: \
             unknown variant `xml`, expected `text` or `json`; expected a string",
        ),
        (
            "[worker]\nmax_concurrent_jobs = 0\n",
            "holdpoint.toml:2:23: worker.max_concurrent_jobs: 0 is out of range; \
             expected a whole number from 1 to 10000",
        ),
        (
            "[store]\nurl = \"sqlite://x\"\n",
            "holdpoint.toml:2:7: store.url: \"sqlite://x\" names no store; \
             write redb://PATH, the path of a file; expected a string",
        ),
    ];
    for (file, expected) in cases {
        assert_eq!(only_bad(file, &[], &[]), expected);
    }
}

#[test]
fn every_layer_names_itself() {
    assert_eq!(
        only_bad("", &[("HOLDPOINT__WORKER__AUTOSTART", "perhaps")], &[])
            .split(": ")
            .take(2)
            .collect::<Vec<_>>(),
        ["environment HOLDPOINT__WORKER__AUTOSTART", "worker.autostart"]
    );
    assert_eq!(
        only_bad("", &[("HOLDPOINT__STORES__URL", "x")], &[]),
        "environment HOLDPOINT__STORES__URL: stores.url: unknown key; did you mean store.url?"
    );
    assert!(
        only_bad("", &[], &[("http.listen", "here")]).starts_with("flag --listen: http.listen: ")
    );
}

#[test]
fn all_bad_keys_of_all_layers_are_reported_together() {
    let file = "[worker]\nautostart = 1\nunknown = 2\n[store]\ncache_mib = 1\n";
    let environment = [("HOLDPOINT__LOG__FILTER", "info,hyper=loud"), ("HOLDPOINT__A__B", "1")];
    let error = with(file, &environment, &[("http.listen", "nowhere")]).unwrap_err();
    let keys: Vec<&str> = error.bad.iter().map(|bad| bad.key.as_str()).collect();
    let all = [
        "worker.autostart",
        "worker.unknown",
        "a.b",
        "http.listen",
        "store.cache_mib",
        "log.filter",
    ];
    assert_eq!(keys, all, "{error}");
    assert_eq!(error.to_string().lines().count(), 1 + all.len());
}

#[test]
fn broken_toml_shows_the_line_and_nothing_made_up() {
    let error = with("[worker]\nautostart = \n[http\n", &[], &[]).unwrap_err();
    let lines: Vec<String> = error.bad.iter().map(|bad| without_folder(&bad.to_string())).collect();
    assert!(lines.len() >= 2, "{error}");
    assert!(lines[0].starts_with("holdpoint.toml:2:"), "{error}");
    assert!(lines[1].starts_with("holdpoint.toml:3:"), "{error}");
}

#[test]
fn a_named_file_must_exist() {
    let sources = Sources { file: Some("no/such/file.toml".into()), ..Sources::default() };
    let error = load(&sources).unwrap_err().to_string();
    assert!(error.contains("no/such/file.toml") && error.contains("cannot be read"), "{error}");
}

#[test]
fn a_wider_address_needs_a_proxy_in_front() {
    for wide in ["0.0.0.0:3000", "[::]:3000", "192.168.1.5:80"] {
        let refused = only_bad("", &[], &[("http.listen", wide)]);
        assert!(refused.contains("without TLS") && refused.contains("behind_proxy"), "{refused}");
        let proxied = with("[http]\nbehind_proxy = true\n", &[], &[("http.listen", wide)]);
        assert_eq!(proxied.unwrap().config.http.listen, wide.parse().unwrap());
    }
    for near in ["127.0.0.1:0", "127.8.8.8:1", "[::1]:3000"] {
        with("", &[], &[("http.listen", near)]).unwrap();
    }
}

#[test]
fn a_public_url_is_the_base_of_an_address() {
    let load = |url: &str| with("", &[("HOLDPOINT__HTTP__PUBLIC_URL", url)], &[]);
    for good in ["https://hold.example", "http://10.0.0.1:3000/", "https://a.example/jobs/"] {
        let config = load(good).unwrap().config;
        assert_eq!(config.http.public_url.as_deref(), Some(good.trim_end_matches('/')));
    }
    for bad in ["hold.example", "ftp://a", "https://", "https://u:p@a", "https://a?b", "https:///a"]
    {
        assert!(load(bad).is_err(), "{bad}");
    }
}
