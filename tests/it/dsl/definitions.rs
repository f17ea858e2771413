//! What a document becomes: every member of its definition.

use std::sync::Arc;

use holdpoint::dsl::definition::{
    AttributeMatch, Backoff, Definition, DurationSpec, Endpoint, ReadAs, Strategy, TaskKind, Until,
};
use holdpoint::dsl::{Format, Rules, canonical_hash, from_value, parse};
use holdpoint::expr::Variables;
use holdpoint::model::checkpoint::OnExpiry;
use holdpoint::model::job::Then;
use holdpoint::model::time::Span;
use serde_json::{Value, json};

use super::{HEAD, accepted};

fn kind<'d>(definition: &'d Definition, reference: &str) -> &'d TaskKind {
    match definition.tasks.get(reference) {
        Some(task) => &task.kind,
        None => panic!("no {reference}, only {:?}", definition.tasks.keys()),
    }
}

fn list(definition: &Definition, reference: &str) -> Vec<String> {
    let Some(list) = definition.lists.get(reference) else {
        panic!("no {reference}, only {:?}", definition.lists.keys())
    };
    list.iter().map(|reference| reference.to_string()).collect()
}

fn value(template: &holdpoint::expr::Template, input: Value) -> Value {
    template.evaluate(&input, &Variables::default()).unwrap()
}

fn seconds(duration: &Option<DurationSpec>) -> Option<u64> {
    match duration {
        Some(DurationSpec::Fixed(span)) => Some(span.0 / 1_000_000),
        _ => None,
    }
}

#[test]
fn the_head_and_the_flow_of_data_are_kept() {
    let text = "
document:
  dsl: '1.0.3'
  namespace: space
  name: name
  version: 0.1.0
  title: Title
  summary: Summary
  tags: { a: b }
  metadata: { other: 1, holdpoint: { assignment: required } }
evaluate: { language: jq, mode: strict }
use: { secrets: [ key ], timeouts: { short: { after: { minutes: 1, seconds: 5 } } } }
timeout: short
input: { schema: { document: { type: object } }, from: .a }
output: { as: { b: '${ . }' }, schema: { format: 'json:2020-12', document: { type: object } } }
do:
  - a/~b:
      if: .x
      input: { from: '${ .y }' }
      set: ${ $input }
      export: { as: '$context + .' }
      timeout: { after: PT2S }
      then: last
      metadata: { holdpoint: { idempotent: false } }
  - last: { set: { x: 1 }, then: exit }
";
    let definition = parse(text, Format::Yaml, &Rules::default()).unwrap();
    let head = (definition.namespace.as_str(), definition.name.as_str(), &*definition.version);
    assert_eq!(head, ("space", "name", "0.1.0"));
    assert_eq!(definition.title.as_deref(), Some("Title"));
    assert_eq!(definition.summary.as_deref(), Some("Summary"));
    assert!(definition.needs_agent);
    assert_eq!(definition.secrets, ["key"]);
    assert_eq!(seconds(&definition.timeout), Some(65));
    assert!(!definition.input.schema.as_ref().unwrap().violations(&json!([])).is_empty());
    assert_eq!(value(definition.input.from.as_ref().unwrap(), json!({"a": 7})), json!(7));
    assert_eq!(value(definition.output.transform.as_ref().unwrap(), json!(7)), json!({"b": 7}));
    assert!(definition.output.schema.is_some());
    assert_eq!(list(&definition, "/do"), ["/do/0/a~1~0b", "/do/1/last"]);
    let task = &definition.tasks["/do/0/a~1~0b"];
    assert_eq!((task.name.as_str(), &*task.list, task.index), ("a/~b", "/do", 0));
    assert_eq!(task.source["then"], json!("last"));
    assert_eq!(task.condition.as_ref().unwrap().source(), ".x");
    assert_eq!(task.then, Then::To("last".to_owned()));
    assert_eq!(definition.tasks["/do/1/last"].then, Then::Exit);
    assert_eq!(task.idempotent, Some(false));
    assert_eq!(seconds(&task.timeout), Some(2));
    assert!(task.input.from.is_some() && task.export.transform.is_some());
}

#[test]
fn the_same_document_has_the_same_hash_in_every_spelling() {
    let in_yaml = accepted("do: [ { a: { set: { x: 1, y: [ 1.0, yes ] } } } ]\n");
    let in_json = r#"{"do":[{"a":{"set":{"y":[1,"yes"],"x":1}}}],"document":{"version":"1.0.0",
        "name":"test","namespace":"test","dsl":"1.0.3"}}"#;
    let in_json = parse(in_json, Format::Json, &Rules::default()).unwrap();
    assert_eq!(in_yaml.hash, in_json.hash);
    let stored = from_value(Arc::clone(&in_yaml.document), &Rules::default()).unwrap();
    assert_eq!(stored.hash, in_yaml.hash);
    assert_eq!(canonical_hash(&in_yaml.document), in_yaml.hash);
    let other = accepted("do: [ { a: { set: { x: 2, y: [ 1.0, yes ] } } } ]\n");
    assert_ne!(other.hash, in_yaml.hash);
}

#[test]
fn composite_tasks_name_their_lists() {
    let definition = accepted(
        "
do:
  - all: { do: [ { x: { set: { a: 1 } } } ] }
  - each:
      for: { each: pet, at: i, in: .pets }
      while: $i < 3
      do: [ { x: { set: '${ $pet }' } } ]
  - side:
      fork:
        compete: true
        branches: [ { x: { set: { a: 1 } } }, { y: { set: { a: 1 } } } ]
  - choose:
      switch:
        - other: { then: end }
        - some: { when: .x, then: all }
",
    );
    assert!(
        matches!(kind(&definition, "/do/0/all"), TaskKind::Do { list } if &**list == "/do/0/all/do")
    );
    assert_eq!(list(&definition, "/do/0/all/do"), ["/do/0/all/do/0/x"]);
    let TaskKind::For { collection, each, at, condition, list: inner } =
        kind(&definition, "/do/1/each")
    else {
        panic!("no for")
    };
    assert_eq!((collection.source(), each.as_str(), at.as_str()), (".pets", "pet", "i"));
    assert_eq!(condition.as_ref().unwrap().source(), "$i < 3");
    assert_eq!(&**inner, "/do/1/each/do");
    let TaskKind::Fork { branches, compete } = kind(&definition, "/do/2/side") else {
        panic!("no fork")
    };
    assert!(*compete);
    assert_eq!(&**branches, "/do/2/side/fork/branches");
    assert_eq!(
        list(&definition, branches),
        ["/do/2/side/fork/branches/0/x", "/do/2/side/fork/branches/1/y"]
    );
    let TaskKind::Switch { cases } = kind(&definition, "/do/3/choose") else { panic!("no switch") };
    let cases: Vec<_> =
        cases.iter().map(|case| (&*case.name, case.when.is_some(), &case.then)).collect();
    assert_eq!(cases, [("some", true, &Then::To("all".to_owned())), ("other", false, &Then::End)]);
}

#[test]
fn a_try_knows_what_it_catches_and_how_it_tries_again() {
    let definition = accepted(
        "
use:
  retries:
    slowly:
      when: $err.status == 503
      delay: { seconds: 3 }
      backoff: { exponential: {} }
      jitter: { from: PT0S, to: PT1S }
      limit: { attempt: { count: 5, duration: PT4S }, duration: PT1M }
do:
  - a:
      try: [ { x: { set: { a: 1 } } } ]
      catch:
        errors: { with: { type: 'https://x.example/e', status: '${ 400 + 4 }', details: d } }
        as: err
        when: $err.status == 404
        exceptWhen: $err.title
        retry: slowly
        do: [ { y: { set: { a: '${ $err }' } } } ]
  - b:
      try: [ { x: { set: { a: 1 } } } ]
      catch: {}
",
    );
    let TaskKind::Try { list: tried, catch } = kind(&definition, "/do/0/a") else {
        panic!("no try")
    };
    assert_eq!(&**tried, "/do/0/a/try");
    assert_eq!(list(&definition, "/do/0/a/catch/do"), ["/do/0/a/catch/do/0/y"]);
    assert_eq!(catch.list.as_deref(), Some("/do/0/a/catch/do"));
    assert_eq!(catch.filter.keys().collect::<Vec<_>>(), ["detail", "status", "type"]);
    assert_eq!(value(&catch.filter["status"], json!(null)), json!(404));
    assert_eq!(catch.variable, "err");
    assert!(catch.when.is_some() && catch.except_when.is_some());
    let retry = catch.retry.as_ref().unwrap();
    assert_eq!(retry.when.as_ref().unwrap().source(), "$err.status == 503");
    assert_eq!((seconds(&retry.delay), retry.backoff), (Some(3), Backoff::Exponential));
    assert_eq!((retry.attempts_max, seconds(&retry.attempt_duration)), (Some(5), Some(4)));
    assert_eq!(seconds(&retry.duration), Some(60));
    let (from, to) = retry.jitter.clone().unwrap();
    assert_eq!((seconds(&Some(from)), seconds(&Some(to))), (Some(0), Some(1)));
    let TaskKind::Try { catch, .. } = kind(&definition, "/do/1/b") else { panic!("no try") };
    assert!(catch.filter.is_empty() && catch.retry.is_none() && catch.list.is_none());
    assert_eq!(catch.variable, "error");
}

#[test]
fn events_are_emitted_and_listened_to() {
    let definition = accepted(
        "
do:
  - out: { emit: { event: { with: { source: 'https://x.example', type: t, data: '${ .a }' } } } }
  - any: { listen: { to: { any: [], until: ( . | length ) > 3 } } }
  - till:
      listen:
        to: { any: [ { with: { type: a } } ], until: { all: [ { with: { type: b } } ] } }
        read: envelope
      foreach: { item: e, do: [ { x: { set: '${ $e }' } } ], output: { as: '$e' } }
  - one:
      listen:
        to:
          one:
            with: { type: '${ startswith(\"a\") }', subject: s, data: { n: '${ 1 + 1 }' } }
            correlate: { id: { from: .data.id, expect: '${ .id }' }, free: { from: '${ .x }' } }
",
    );
    let TaskKind::Emit { event } = kind(&definition, "/do/0/out") else { panic!("no emit") };
    assert_eq!(value(event, json!({"a": 5}))["data"], json!(5));
    let TaskKind::Listen(any) = kind(&definition, "/do/1/any") else { panic!("no listen") };
    assert!(any.filters.is_empty() && any.strategy == Strategy::Any && any.read == ReadAs::Data);
    assert!(matches!(&any.until, Some(Until::Condition(_))));
    let TaskKind::Listen(till) = kind(&definition, "/do/2/till") else { panic!("no listen") };
    assert_eq!(till.filters[0].event_type.as_deref(), Some("a"));
    assert_eq!(till.read, ReadAs::Envelope);
    let Some(Until::Events { strategy, filters }) = &till.until else { panic!("no until") };
    assert_eq!((*strategy, filters[0].event_type.as_deref()), (Strategy::All, Some("b")));
    let foreach = till.foreach.as_ref().unwrap();
    assert_eq!((foreach.item.as_str(), foreach.at.as_str()), ("e", "index"));
    assert_eq!(foreach.list.as_deref(), Some("/do/2/till/foreach/do"));
    assert!(foreach.output.transform.is_some());
    let TaskKind::Listen(one) = kind(&definition, "/do/3/one") else { panic!("no listen") };
    let filter = &one.filters[0];
    assert_eq!(filter.event_type, None);
    let attribute =
        |name: &str| &filter.attributes.iter().find(|(found, _)| found == name).unwrap().1;
    assert!(matches!(attribute("type"), AttributeMatch::Expression(_)));
    assert!(matches!(attribute("subject"), AttributeMatch::Equal(text) if **text == json!("s")));
    assert!(matches!(attribute("data"), AttributeMatch::Template(_)));
    let correlations: Vec<_> =
        filter.correlate.iter().map(|found| (&*found.key, found.expect.is_some())).collect();
    assert_eq!(correlations, [("free", false), ("id", true)]);
}

#[test]
fn http_calls_resolve_their_authentication_and_know_whether_they_repeat() {
    let definition = accepted(
        "
use:
  secrets: [ login ]
  authentications: { mine: { bearer: { token: '${ .token }' } } }
do:
  - a:
      call: http
      with: { method: GET, endpoint: 'https://x.example/{id}', query: { q: '${ .q }' } }
  - b:
      call: http
      with:
        method: post
        endpoint: { uri: '${ .uri }', authentication: { use: mine } }
        body: { a: 1 }
        output: response
        redirect: true
  - c:
      call: http
      with:
        method: post
        endpoint: { uri: 'http://x.example', authentication: { basic: { use: login } } }
      metadata: { holdpoint: { idempotent: true } }
",
    );
    let call = |reference: &str| match kind(&definition, reference) {
        TaskKind::CallHttp(call) => call,
        other => panic!("{other:?}"),
    };
    let first = call("/do/0/a");
    assert!(matches!(&first.endpoint, Endpoint::Template(uri) if uri == "https://x.example/{id}"));
    assert!(first.is_idempotent);
    let expected = json!({"method": "GET", "query": {"q": 5}});
    assert_eq!(value(&first.arguments, json!({"q": 5})), expected);
    let second = call("/do/1/b");
    assert!(matches!(&second.endpoint, Endpoint::Expression(_)));
    assert!(!second.is_idempotent);
    let expected = json!({
        "method": "post", "body": {"a": 1}, "output": "response", "redirect": true,
        "authentication": {"bearer": {"token": "t"}},
    });
    assert_eq!(value(&second.arguments, json!({"token": "t"})), expected);
    let third = call("/do/2/c");
    assert!(third.is_idempotent);
    let authentication = &value(&third.arguments, json!({}))["authentication"];
    assert_eq!(*authentication, json!({"basic": {"use": "login"}}));
}

#[test]
fn checkpoints_have_their_defaults() {
    let definition = accepted(
        "
do:
  - plain: { call: checkpoint, with: { title: 'Go on?' } }
  - full:
      call: checkpoint:1.0.0@default
      with:
        title: ${ .title }
        summary: S
        show: { table: '${ .rows }' }
        blocking: false
        expiresAfter: PT1H
        onExpiry: escalate
        assignees: [ boss, 'ann@example.com' ]
        quorum: ${ .n }
        fourEyes: true
        form: { type: object }
        editable: [ /table ]
        escalateAfter: PT10M
",
    );
    let call = |reference: &str| match kind(&definition, reference) {
        TaskKind::Checkpoint(call) => call,
        other => panic!("{other:?}"),
    };
    let plain = call("/do/0/plain");
    assert!(plain.blocking && plain.show.is_none() && plain.summary.is_none());
    assert_eq!(plain.on_expiry, OnExpiry::Reject);
    assert_eq!(value(&plain.assignees, json!({})), json!(["reviewer"]));
    let day = Span::from_secs(24 * 3600);
    assert!(matches!(plain.expires_after, DurationSpec::Fixed(span) if span == day));
    let full = call("/do/1/full");
    assert!(!full.blocking);
    assert_eq!(full.on_expiry, OnExpiry::Escalate);
    assert_eq!(value(&full.assignees, json!({})), json!(["boss", "ann@example.com"]));
    assert_eq!(value(&full.quorum, json!({ "n": 3 })), json!(3));
    assert_eq!(value(&full.escalate_to, json!({})), json!(["role:admin"]), "the end of a chain");
    assert_eq!(seconds(&full.escalate_after), Some(600));
    assert_eq!(value(full.show.as_ref().unwrap(), json!({"rows": [1]})), json!({"table": [1]}));
}

#[test]
fn a_call_of_a_function_becomes_its_tasks() {
    let definition = accepted(
        "
use:
  functions:
    double: { set: { n: '${ .n * 2 }' }, input: { schema: { document: { required: [ n ] } } } }
    twice: { do: [ { first: { call: double } }, { second: { call: double, then: exit } } ] }
do:
  - a: { call: double, with: { n: '${ .start }' }, output: { as: .n } }
  - b: { call: twice }
",
    );
    assert_eq!(list(&definition, "/do/0/a/call"), ["/do/0/a/call/0/with", "/do/0/a/call/1/double"]);
    assert!(
        matches!(kind(&definition, "/do/0/a"), TaskKind::Do { list } if &**list == "/do/0/a/call")
    );
    let TaskKind::Set { value: with } = kind(&definition, "/do/0/a/call/0/with") else {
        panic!("no set")
    };
    assert_eq!(value(with, json!({"start": 4})), json!({"n": 4}));
    let body = &definition.tasks["/do/0/a/call/1/double"];
    assert!(body.input.schema.is_some() && &*body.list == "/do/0/a/call" && body.index == 1);
    assert_eq!(list(&definition, "/do/1/b/call"), ["/do/1/b/call/0/twice"]);
    let inner = "/do/1/b/call/0/twice/do";
    assert_eq!(list(&definition, inner), [format!("{inner}/0/first"), format!("{inner}/1/second")]);
    assert_eq!(
        list(&definition, &format!("{inner}/1/second/call")),
        [format!("{inner}/1/second/call/0/double")]
    );
    assert_eq!(definition.tasks[format!("{inner}/1/second").as_str()].then, Then::Exit);
    let tasks = definition.lists.values().map(|list| list.len()).sum::<usize>();
    assert_eq!(tasks, definition.tasks.len(), "every task stands in one list");
}

#[test]
fn the_rest_of_the_kinds_are_kept() {
    let definition = accepted(
        "
use: { errors: { gone: { type: 'https://x.example/gone', status: 410, detail: '${ .why }' } } }
do:
  - a: { raise: { error: gone }, if: .x }
  - b: { wait: { milliseconds: 1500 } }
  - c: { wait: '${ .delay }' }
  - d:
      run:
        workflow: { namespace: n, name: m, version: latest, input: { a: '${ .a }' } }
        await: false
  - e: { call: write-files, with: { files: '${ .files }', directory: out } }
  - f: { call: write-files, with: { files: [ { path: a/b, content: '${ .x }' } ] } }
",
    );
    let TaskKind::Raise { error } = kind(&definition, "/do/0/a") else { panic!("no raise") };
    assert_eq!(value(&error.status, json!({})), json!(410));
    assert_eq!(value(error.detail.as_ref().unwrap(), json!({"why": "w"})), json!("w"));
    let TaskKind::Wait { duration } = kind(&definition, "/do/1/b") else { panic!("no wait") };
    assert!(matches!(duration, DurationSpec::Fixed(span) if *span == Span::from_millis(1500)));
    let TaskKind::Wait { duration } = kind(&definition, "/do/2/c") else { panic!("no wait") };
    assert!(matches!(duration, DurationSpec::Expression(_)));
    let TaskKind::RunWorkflow { namespace, name, version, input, awaited } =
        kind(&definition, "/do/3/d")
    else {
        panic!("no run")
    };
    assert_eq!(
        (namespace.as_str(), name.as_str(), &**version, *awaited),
        ("n", "m", "latest", false)
    );
    assert_eq!(value(input.as_ref().unwrap(), json!({"a": 1})), json!({"a": 1}));
    let TaskKind::WriteFiles { arguments } = kind(&definition, "/do/4/e") else {
        panic!("no write-files")
    };
    let made = value(arguments, json!({"files": []}));
    assert_eq!(made, json!({"files": [], "directory": "out"}));
}

#[test]
fn a_cheap_document_is_known_as_such() {
    assert!(accepted("do: [ { a: { set: { x: '${ .a }' } } } ]\n").is_cheap);
    let wide = accepted("do: [ { a: { set: { x: '${ [ range(1e9) ] }' } } } ]\n");
    assert!(!wide.is_cheap);
}

#[test]
fn anchors_and_merges_are_plain_data() {
    let text = format!(
        "{HEAD}use: {{ errors: {{ e: &e {{ type: 'https://x.example', status: 400 }} }} }}\n\
         do: [ {{ a: {{ raise: {{ error: {{ <<: *e, title: T }} }} }} }} ]\n"
    );
    let definition = parse(&text, Format::Yaml, &Rules::default()).unwrap();
    let error = &definition.document["do"][0]["a"]["raise"]["error"];
    assert_eq!(*error, json!({"type": "https://x.example", "status": 400, "title": "T"}));
}
