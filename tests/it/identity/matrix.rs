//! Every route asked by every kind of caller: one table says who may, and each cell of the matrix
//! that follows from it is asserted (T12).

use std::collections::{BTreeMap, BTreeSet};

use holdpoint::http::authorize::Role;
use holdpoint::http::policy::ROUTES;
use holdpoint::http::scope::Scope;
use holdpoint::model::time::Span;
use serde_json::{Value, json};

use super::{Answer, As, Site, new_job, text};

/// Method, path, who may (`open` to anyone, or the roles by their first letters), the scopes of
/// which a token needs one (`-`: none), and what else holds: `persons` for people alone, `own` for
/// the owner of what `{id}` names. The session ends last.
const TABLE: &str = "
GET    /api/auth/me                                UROA -
POST   /api/auth/password                          UROA users:write persons
GET    /api/auth/delegation                        RA   checkpoints:decide persons
PUT    /api/auth/delegation                        RA   checkpoints:decide persons
DELETE /api/auth/delegation                        RA   checkpoints:decide persons
POST   /api/auth/tokens                            UROA users:write persons
GET    /api/auth/tokens                            UROA users:write persons
DELETE /api/auth/tokens/{id}                       UROA users:write persons
POST   /api/admin/tokens                           A    users:write persons
GET    /api/admin/tokens                           A    users:write persons
DELETE /api/admin/tokens/{id}                      A    users:write persons
POST   /api/admin/users                            A    users:write persons
GET    /api/admin/users                            A    users:write persons
GET    /api/admin/users/{id}                       A    users:write persons
PATCH  /api/admin/users/{id}                       A    users:write persons
DELETE /api/admin/users/{id}                       A    users:write persons
POST   /api/jobs                                   UA   jobs:write
GET    /api/jobs                                   UA   jobs:read|jobs:write
GET    /api/jobs/{id}                              UA   jobs:read|jobs:write own
GET    /api/jobs/{id}/logs                         UA   jobs:read|jobs:write own
GET    /api/jobs/{id}/timeline                     UA   jobs:read|jobs:write own
POST   /api/jobs/{id}/assign                       UA   jobs:write own
POST   /api/jobs/{id}/auto-assign                  UA   jobs:write own
POST   /api/jobs/{id}/cancel                       UA   jobs:write own
POST   /api/jobs/{id}/execute                      UA   jobs:write own
POST   /api/jobs/{id}/terminate                    UA   jobs:write own
POST   /api/agent-jobs                             UA   jobs:write
GET    /api/agent-jobs                             UA   jobs:read|jobs:write
GET    /api/agent-jobs/{id}                        UA   jobs:read|jobs:write own
DELETE /api/agent-jobs/{id}                        UA   jobs:write own
GET    /api/agent-jobs/{id}/checkpoints            UA   jobs:read|jobs:write own
POST   /api/jobs/batch                             UA   jobs:write
GET    /api/batches/{id}                           UA   jobs:read|jobs:write own
POST   /api/templates                              UA   jobs:write
GET    /api/templates                              UA   jobs:read|jobs:write
GET    /api/templates/{id}                         UA   jobs:read|jobs:write own
PUT    /api/templates/{id}                         UA   jobs:write own
DELETE /api/templates/{id}                         UA   jobs:write own
GET    /api/admin/jobs                             OA   jobs:read|jobs:write
GET    /api/admin/jobs/metrics                     OA   jobs:read|jobs:write
GET    /api/admin/jobs/{id}                        OA   jobs:read|jobs:write
GET    /api/admin/jobs/{id}/logs                   OA   jobs:read|jobs:write
POST   /api/admin/jobs/{id}/suspend                A    jobs:write
POST   /api/admin/jobs/{id}/resume                 A    jobs:write
POST   /api/admin/jobs/{id}/resubmit               A    jobs:write
POST   /api/admin/jobs/{id}/force-resubmit         A    jobs:write
POST   /api/admin/jobs/{id}/complete               A    jobs:write
POST   /api/admin/jobs/{id}/force-complete         A    jobs:write
POST   /api/admin/jobs/{id}/reassign               A    jobs:write
POST   /api/admin/jobs/{id}/retry-task             A    jobs:write
POST   /api/admin/jobs/{id}/terminate              A    jobs:write
GET    /api/agents                                 UROA agents:read|agents:write
GET    /api/agents/{id}                            UROA agents:read|agents:write
POST   /api/admin/agents                           A    agents:write
GET    /api/admin/agents                           A    agents:read|agents:write
POST   /api/admin/agents/import                    A    agents:write
GET    /api/admin/agents/{id}                      A    agents:read|agents:write
PATCH  /api/admin/agents/{id}                      A    agents:write
DELETE /api/admin/agents/{id}                      A    agents:write
POST   /api/admin/agents/{id}/test                 A    agents:write
POST   /api/callbacks/{token}                      open
GET    /api/admin/agent-checkpoints                RA   checkpoints:read|checkpoints:decide
GET    /api/admin/agent-checkpoints/{id}           RA   checkpoints:read|checkpoints:decide
POST   /api/admin/agent-checkpoints/{id}           RA   checkpoints:decide persons
DELETE /api/admin/agent-checkpoints/{id}           RA   checkpoints:decide persons
POST   /api/admin/agent-checkpoints/{id}/decision  RA   checkpoints:decide persons
POST   /api/admin/agent-checkpoints/batch          RA   checkpoints:decide persons
POST   /api/admin/agent-checkpoints/{id}/claim     RA   checkpoints:decide persons
DELETE /api/admin/agent-checkpoints/{id}/claim     RA   checkpoints:decide persons
POST   /api/admin/agent-checkpoints/{id}/delegate  RA   checkpoints:decide persons
POST   /api/admin/agent-checkpoints/{id}/comments  RA   checkpoints:decide persons
POST   /api/admin/agent-checkpoints/{id}/rearm     A    jobs:write
POST   /api/admin/agent-checkpoints/{id}/links     A    checkpoints:decide persons
GET    /api/admin/agent-checkpoints/{id}/links     A    checkpoints:decide persons
GET    /api/admin/links                            A    checkpoints:decide persons
DELETE /api/admin/links/{id}                       A    checkpoints:decide persons
GET    /links/{token}                              open
POST   /links/{token}                              open
POST   /api/gates                                  UA   gates:write
GET    /api/gates                                  UA   gates:write
GET    /api/gates/{id}                             UA   gates:write own
DELETE /api/gates/{id}                             UA   gates:write own
GET    /api/gates/{id}/events                      UA   gates:write own
POST   /api/admin/approval-rules                   A    rules:write persons
GET    /api/admin/approval-rules                   A    rules:write persons
POST   /api/admin/approval-rules/dry-run           A    rules:write persons
GET    /api/admin/approval-rules/{id}              A    rules:write persons
PATCH  /api/admin/approval-rules/{id}              A    rules:write persons
DELETE /api/admin/approval-rules/{id}              A    rules:write persons
GET    /api/admin/approval-rules/{id}/versions     A    rules:write persons
GET    /api/admin/audit                            A    audit:read
GET    /api/admin/audit/verify                     A    audit:read
GET    /api/admin/audit/export                     A    audit:read
GET    /api/admin/oversight                        OA   engine:read|engine:control
GET    /api/admin/agent-worker                     OA   engine:read|engine:control
POST   /api/admin/agent-worker                     OA   engine:control
DELETE /api/admin/agent-worker                     OA   engine:control
GET    /api/admin/actors                           OA   engine:read|engine:control
GET    /api/admin/status                           OA   engine:read|engine:control
GET    /api/admin/doctor                           OA   engine:read|engine:control
POST   /api/admin/backup                           A    store:keep
GET    /api/admin/backup                           A    store:keep
GET    /api/admin/backup/{name}                    A    store:keep
POST   /api/admin/release                          A    store:keep
GET    /api/workflows                              UROA jobs:read|jobs:write|workflows:write
GET    /api/workflows/{name}                       UROA jobs:read|jobs:write|workflows:write
POST   /api/admin/workflows                        A    workflows:write
GET    /api/admin/workflows/{name}/versions        A    workflows:write
POST   /api/cloudevents                            UOA  events:send
GET    /api/metrics                                UROA metrics:read
GET    /api/openapi.json                           open
GET    /api/docs                                   open
GET    /api/docs/style.css                         open
GET    /problems/{code}                            open
GET    /healthz                                    open
GET    /readyz                                     open
POST   /api/auth/login                             open
POST   /api/auth/logout                            open
";

/// An id that nothing has.
const UNKNOWN: &str = "0190aaaa-0000-7000-8000-000000000000";

#[derive(Debug)]
struct Row {
    method: &'static str,
    path: &'static str,
    /// Nothing for a route that is open to anyone.
    roles: Option<Vec<Role>>,
    scopes: Vec<&'static str>,
    is_for_persons: bool,
    is_owned: bool,
}

fn table() -> Vec<Row> {
    let role = |letter: char| match letter {
        'U' => Role::User,
        'R' => Role::Reviewer,
        'O' => Role::Operator,
        'A' => Role::Admin,
        other => panic!("{other} is no role"),
    };
    let rows = TABLE.trim().lines().map(|line| {
        let mut words = line.split_whitespace();
        let mut next = || words.next().unwrap_or_default();
        let (method, path, who, scopes) = (next(), next(), next(), next());
        let rest: Vec<&str> = words.collect();
        Row {
            method,
            path,
            roles: (who != "open").then(|| who.chars().map(role).collect()),
            scopes: scopes.split('|').filter(|word| !["", "-"].contains(word)).collect(),
            is_for_persons: rest.contains(&"persons"),
            is_owned: rest.contains(&"own"),
        }
    });
    rows.collect()
}

/// A kind of caller: what is presented, and what is known of who presents it.
struct Column {
    name: &'static str,
    who: Credential,
    /// Nothing when the credential is worth nothing.
    roles: Option<Vec<Role>>,
    is_program: bool,
    is_owner: bool,
    /// Nothing for a session.
    scopes: Option<Vec<String>>,
}

enum Credential {
    Nobody,
    Cookie(String),
    Bearer(String),
}

impl Credential {
    fn as_who(&self) -> As<'_> {
        match self {
            Credential::Nobody => As::Nobody,
            Credential::Cookie(cookie) => As::Cookie(cookie),
            Credential::Bearer(token) => As::Bearer(token),
        }
    }
}

impl Column {
    fn session(name: &'static str, cookie: String, roles: &[Role]) -> Self {
        let (who, roles) = (Credential::Cookie(cookie), Some(roles.to_vec()));
        Self { name, who, roles, is_program: false, is_owner: false, scopes: None }
    }

    fn worthless(name: &'static str, who: Credential) -> Self {
        Self { name, who, roles: None, is_program: false, is_owner: false, scopes: None }
    }

    fn token(name: &'static str, token: String, roles: &[Role], scopes: Vec<String>) -> Self {
        let (who, roles) = (Credential::Bearer(token), Some(roles.to_vec()));
        Self { name, who, roles, is_program: false, is_owner: false, scopes: Some(scopes) }
    }
}

#[derive(Debug, PartialEq)]
enum Cell {
    /// Neither 401 nor 403: what the route says is its own matter.
    Allowed,
    /// 404, the same as for an id that nothing has.
    Missing,
    Refused(u16),
}

/// What a cell must be: the whole of the rules, in the order in which the door asks.
fn expected(row: &Row, column: &Column) -> Cell {
    let Some(allowed) = &row.roles else { return Cell::Allowed };
    let Some(roles) = &column.roles else { return Cell::Refused(401) };
    let has_role = roles.iter().any(|role| allowed.contains(role));
    let has_scope = column.scopes.as_ref().is_none_or(|held| {
        let fits = |scope: &String| scope == "*" || row.scopes.contains(&scope.as_str());
        row.scopes.is_empty() || held.iter().any(fits)
    });
    if (row.is_for_persons && column.is_program) || !has_role || !has_scope {
        return Cell::Refused(403);
    }
    if row.is_owned && !column.is_owner { Cell::Missing } else { Cell::Allowed }
}

/// What belongs to one person: by the beginning of the paths that name it.
type Belongings = BTreeMap<&'static str, String>;

async fn belongings(site: &Site, owner: &As<'_>) -> Belongings {
    let job = site.post("/api/jobs", owner, &new_job("mine")).await.ok(201);
    let batch = json!({"action": "create", "jobs": [new_job("of a batch")]});
    let batch = site.post("/api/jobs/batch", owner, &batch).await.ok(202);
    let template = json!({"name": "mine", "job": {"priority": 1}});
    let template = site.post("/api/templates", owner, &template).await.ok(201);
    let gate = json!({"title": "Pay?", "show": {"amount": 1}});
    let gate = site.post("/api/gates", owner, &gate).await.ok(201);
    let job = text(&job["job"]["id"]);
    BTreeMap::from([
        ("/api/jobs/", job.clone()),
        ("/api/agent-jobs/", job),
        ("/api/batches/", text(&batch["batch"]["id"])),
        ("/api/templates/", text(&template["template"]["id"])),
        ("/api/gates/", text(&gate["gate"]["id"])),
    ])
}

/// The path with ids in it: of what is owned, or of nothing.
fn concrete(row: &Row, belongings: Option<&Belongings>) -> String {
    let owned = belongings.filter(|_| row.is_owned);
    let of = |all: &Belongings| {
        let found = all.iter().find(|(place, _)| row.path.starts_with(*place));
        found.map(|(_, id)| id.clone()).unwrap_or_else(|| panic!("nobody owns a {}", row.path))
    };
    let id = owned.map_or_else(|| UNKNOWN.to_owned(), of);
    let path = row.path.replace("{id}", &id).replace("{name}", "simple-task");
    path.replace("{token}", "none").replace("{code}", "malformed")
}

/// A body that a route of one's own takes, so that only the owner stands between it and the work.
fn body(row: &Row) -> Option<Value> {
    if !row.is_owned || row.method == "GET" {
        return None;
    }
    Some(match row.path.rsplit('/').next().unwrap_or_default() {
        "assign" => json!({"agentId": UNKNOWN, "inputs": {}}),
        "terminate" => json!({"reason": "enough"}),
        _ if row.method == "PUT" => json!({"name": "theirs", "job": {"priority": 1}}),
        _ => return None,
    })
}

async fn ask(site: &Site, row: &Row, who: &As<'_>, belongings: Option<&Belongings>) -> Answer {
    let path = concrete(row, belongings);
    site.ask(row.method, &path, who, body(row).as_ref()).await
}

async fn check(site: &Site, row: &Row, column: &Column, belongings: &Belongings) {
    let name = format!("{} {} as {}", row.method, row.path, column.name);
    let who = column.who.as_who();
    let answer = ask(site, row, &who, Some(belongings)).await;
    match expected(row, column) {
        Cell::Allowed => {
            assert!(![401, 403].contains(&answer.status), "{name}: {}", answer.text);
            let finds = row.is_owned && row.method == "GET";
            assert!(!finds || answer.status == 200, "{name}: {}", answer.text);
        }
        Cell::Refused(status) => {
            let (found, _) = answer.problem();
            assert_eq!(found, status, "{name}: {}", answer.text);
            assert_eq!(answer.json["instance"], concrete(row, Some(belongings)), "{name}");
        }
        Cell::Missing => {
            let unknown = ask(site, row, &who, None).await;
            assert_eq!((answer.status, unknown.status), (404, 404), "{name}: {}", answer.text);
            let (path, nowhere) = (concrete(row, Some(belongings)), concrete(row, None));
            let id = path.split('/').find(|part| !nowhere.contains(part)).unwrap_or_default();
            assert!(!id.is_empty(), "{name}");
            assert_eq!(answer.text.replace(id, UNKNOWN), unknown.text, "{name}");
        }
    }
}

#[tokio::test]
async fn every_route_answers_every_kind_of_caller_as_the_table_says() {
    let site = Site::new().await;
    site.account("root@x.org", Role::ALL).await;
    // Time goes on while these are made: everybody else signs in after it.
    let columns = columns(&site).await;
    let admin = site.login("root@x.org").await;
    let owner = site.signed_in("owner@x.org", &[Role::User]).await;
    let belongings = belongings(&site, &As::Cookie(&owner)).await;
    let table = table();
    let mut cells = 0;
    for column in &columns {
        for row in &table {
            check(&site, row, column, &belongings).await;
            cells += 1;
        }
    }
    // A token with just the right scope, and one with every other: an admin's, for every route.
    let mut made: BTreeMap<Vec<String>, String> = BTreeMap::new();
    for row in table.iter().filter(|row| !row.scopes.is_empty()) {
        let is_other =
            |scope: &Scope| !row.scopes.contains(&scope.as_str()) && *scope != Scope::Everything;
        let others = Scope::all().filter(is_other).map(|scope| scope.to_string()).collect();
        let fitting = row.scopes.iter().map(|scope| vec![(*scope).to_owned()]);
        for scopes in fitting.chain([others]) {
            if !made.contains_key(&scopes) {
                let words: Vec<&str> = scopes.iter().map(String::as_str).collect();
                let token = site.token(&As::Cookie(&admin), &words).await.1;
                made.insert(scopes.clone(), token);
            }
            let token = made[&scopes].clone();
            let column = Column::token("an admin's scoped token", token, Role::ALL, scopes);
            check(&site, row, &column, &belongings).await;
            cells += 1;
        }
    }
    // The owner last: what belongs to them ends here.
    let mut column = Column::session("the owner", owner, &[Role::User]);
    column.is_owner = true;
    for row in &table {
        check(&site, row, &column, &belongings).await;
        cells += 1;
    }
    assert!(cells > 12 * table.len(), "{cells} cells for {} routes", table.len());
}

async fn columns(site: &Site) -> Vec<Column> {
    let admin = site.login("root@x.org").await;
    let words = |scopes: &[&str]| scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let mut columns = vec![Column::worthless("nobody", Credential::Nobody)];
    let junk = "holdpoint_session=AAAAAAAAAAAAAAAAAAAAAA".to_owned();
    columns.push(Column::worthless("a made-up session", Credential::Cookie(junk)));
    // Tokens that are over, made before the clock goes on.
    let body = json!({"name": "short", "scopes": ["*"], "expiresInDays": 1});
    let short = site.post("/api/auth/tokens", &As::Cookie(&admin), &body).await.ok(201);
    site.clock.advance(Span::from_secs(24 * 3600));
    let fresh = site.login("root@x.org").await;
    let fresh_as = As::Cookie(&fresh);
    let expired = Credential::Bearer(text(&short["secret"]));
    columns.push(Column::worthless("an expired token", expired));
    let (id, revoked) = site.token(&fresh_as, &["*"]).await;
    site.ask("DELETE", &format!("/api/auth/tokens/{id}"), &fresh_as, None).await.ok(200);
    columns.push(Column::worthless("a revoked token", Credential::Bearer(revoked)));
    let off = site.signed_in("off@x.org", Role::ALL).await;
    let (_, of_off) = site.token(&As::Cookie(&off), &["*"]).await;
    let gone = json!({"isActive": false});
    site.ask("PATCH", "/api/admin/users/off@x.org", &fresh_as, Some(&gone)).await.ok(200);
    columns.push(Column::worthless("a session of who is out of use", Credential::Cookie(off)));
    columns.push(Column::worthless("a token of who is out of use", Credential::Bearer(of_off)));
    for (name, role) in [
        ("another owner", Role::User),
        ("a reviewer", Role::Reviewer),
        ("an operator", Role::Operator),
        ("an admin", Role::Admin),
    ] {
        let cookie = site.signed_in(&format!("{}@x.org", role.as_str()), &[role]).await;
        columns.push(Column::session(name, cookie, &[role]));
    }
    for (name, program, roles) in [
        ("a program", "plain", &[Role::User][..]),
        ("a program with every role", "grand", Role::ALL),
    ] {
        let role_words: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
        let token = site.program(&fresh, program, &role_words, &["*"]).await;
        let mut column = Column::token(name, token, roles, words(&["*"]));
        column.is_program = true;
        columns.push(column);
    }
    columns
}

#[tokio::test]
async fn the_table_names_the_routes_of_the_policy_and_of_the_description() {
    let site = Site::new().await;
    let document = site.get("/api/openapi.json", &As::Nobody).await.json;
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            described.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let named: BTreeSet<String> =
        table().iter().map(|row| format!("{} {}", row.method, row.path)).collect();
    let policy: BTreeSet<String> =
        ROUTES.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(named.difference(&policy).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(policy.difference(&named).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(named, described);
    assert_eq!(named.len(), table().len(), "no route is there twice");
}
