//! Crashes in the first start of all: the next one finds no store, or a whole one, and ends up
//! where an undisturbed first start does.

use std::path::Path;

use holdpoint::store::redb::verify;
use serde_json::json;

use super::client::{Client, Stop};
use super::service::Service;
use super::story::{Case, End, ORDERS, Outcome};
use super::verdict::Findings;
use crate::support::process::{Server, Start, was_killed};

/// Kills a first start at a point and judges what the second one makes of it.
pub async fn live_through(end: End, workflows: &Path) -> Outcome {
    let End::Point(point, n) = end else { panic!("no call is under way in a first start") };
    let folder = tempfile::tempdir().unwrap();
    let at = format!("{point}:{n}");
    let settings = [("HOLDPOINT_CRASH_AT", at.as_str())];
    let kills = match Server::start(folder.path(), workflows, &settings).await {
        Start::Ended(status) if was_killed(status) => 1,
        Start::Ended(status) => panic!("at {at} the first start ended with {status}"),
        Start::Listening(_) => 0,
    };
    let mut findings = Findings::default();
    if kills > 0
        && let Err(stop) = second_start(folder.path(), workflows, &mut findings).await
    {
        findings.lost.push(format!("after the crash: {stop:?}"));
    }
    let kept = (!findings.is_empty()).then(|| folder.keep().display().to_string());
    Outcome { case: Case(vec![End::Point(point, n)]), kills, findings, kept }
}

/// Starts once more: everything is there.
pub async fn second_start(
    folder: &Path,
    workflows: &Path,
    findings: &mut Findings,
) -> Result<(), Stop> {
    let server = Server::start(folder, workflows, &[]).await.listening().map_err(Stop::Wrong)?;
    let mut client = Client::new(Service::start().await, ORDERS);
    client.sign_in(&server.url).await?;
    let found = client.get(&format!("{}/api/workflows", server.url)).await?;
    let rows = found["workflows"].as_array().map_or(&[][..], Vec::as_slice);
    let documents = std::fs::read_dir(workflows).unwrap().count();
    if rows.len() != documents || rows.iter().any(|row| row["defects"] != json!([])) {
        findings.lost.push(format!("{documents} documents became {found}"));
    }
    if !server.stop().await.success() {
        findings.wrong.push("the stop failed".to_owned());
    }
    let report = verify(&folder.join("data/holdpoint.redb"));
    match report {
        Ok(report) => {
            findings.wrong.extend(report.problems.iter().map(|defect| format!("{defect}")));
        }
        Err(error) => findings.wrong.push(error.to_string()),
    }
    Ok(())
}
