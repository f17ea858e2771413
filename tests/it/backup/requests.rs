//! Backups over HTTP: taken, listed, downloaded by name and by nothing else, one at a time.

use std::fs;

use serde_json::{Value, json};

use crate::support::server;

#[tokio::test(flavor = "multi_thread")]
async fn backups_are_taken_listed_and_downloaded_by_name() {
    let mut folder = std::path::PathBuf::new();
    let server = server::start(|config| folder = config.backup.dir.clone()).await;
    let client = &server.client;
    let empty = client.get("/api/admin/backup").await.expect(200);
    assert_eq!(empty["backups"], json!([]));
    let taken = client.post("/api/admin/backup", &Value::Null).await.expect(201);
    let backup = &taken["backup"];
    let (name, file) = (backup["name"].as_str().unwrap(), backup["file"].as_str().unwrap());
    assert_eq!(folder.join(name).display().to_string(), file);
    assert_eq!(backup["bytes"], fs::metadata(file).unwrap().len());
    let listed = client.get("/api/admin/backup").await.expect(200);
    assert_eq!(listed["backups"][0]["sha256"], backup["sha256"]);
    assert_eq!(listed["backups"].as_array().unwrap().len(), 1);
    let found = client.get(&format!("/api/admin/backup/{name}")).await;
    assert_eq!(
        (found.status, found.headers["content-length"].to_str().unwrap()),
        (200, backup["bytes"].to_string().as_str())
    );
    // What the list does not name is not there, whatever the folder holds.
    fs::write(folder.join("other"), "something").unwrap();
    let manifest = format!("{name}.manifest.json");
    for path in ["other", &manifest, "..%2Fholdpoint.redb", "%2Fetc%2Fpasswd", "."] {
        let missing = client.get(&format!("/api/admin/backup/{path}")).await;
        assert_eq!(missing.status, 404, "{path}: {}", missing.body);
    }
    let status = client.get("/api/admin/status").await.expect(200);
    assert_eq!(
        (&status["status"]["generation"], &status["status"]["held"]),
        (&json!(0), &json!(null))
    );
    let released = client.post("/api/admin/release", &json!({ "reason": "none" })).await;
    assert_eq!(released.expect(409)["type"], "/problems/not-held");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_requests_at_once_each_is_answered_whole_or_told_to_come_again() {
    let server = server::start(|_| {}).await;
    let asking = (0..8).map(|_| {
        let client = server.client.clone();
        tokio::spawn(async move { client.post("/api/admin/backup", &Value::Null).await })
    });
    let mut taken = 0;
    for asked in asking.collect::<Vec<_>>() {
        let reply = asked.await.unwrap();
        match reply.status {
            201 => taken += 1,
            503 => assert!(reply.headers.contains_key("retry-after")),
            other => panic!("{other}: {}", reply.body),
        }
    }
    assert!(taken > 0);
    let listed = server.client.get("/api/admin/backup").await.expect(200);
    assert_eq!(listed["backups"].as_array().unwrap().len(), taken);
    server.stop().await;
}
