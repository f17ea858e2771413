//! The scrape's text: names, kinds, labels and buckets that dashboards rely on.

use holdpoint::model::metric_names::{self as names, ALL, Kind};
use holdpoint::telemetry::metrics::Metrics;
use metrics::{counter, gauge, histogram, with_local_recorder};

/// What a recorder of its own shows after `record`.
fn rendered(record: impl FnOnce()) -> String {
    let (recorder, metrics) = Metrics::build().unwrap();
    with_local_recorder(&recorder, record);
    metrics.render()
}

#[test]
fn the_names_of_the_first_release_come_out_as_they_were_promised() {
    let text = rendered(|| {
        gauge!(names::AGENT_JOBS_TOTAL, "status" => "PENDING").set(5.0);
        gauge!(names::AGENT_JOBS_TOTAL, "status" => "RUNNING").set(1.0);
        histogram!(names::AGENT_JOBS_DURATION_SECONDS, "status" => "COMPLETED").record(3.5);
        gauge!(names::AGENT_CHECKPOINTS_TOTAL, "status" => "APPROVED").set(28.0);
        gauge!(names::AGENT_CHECKPOINTS_PENDING).set(3.0);
        gauge!(names::AGENT_WORKER_ACTIVE_JOBS).set(1.0);
        counter!(names::AGENT_JOB_TRANSITIONS_TOTAL, "from" => "PENDING", "to" => "RUNNING")
            .increment(2);
    });
    for line in [
        "# TYPE agent_jobs_total gauge",
        "# HELP agent_jobs_total Number of agent jobs now in each status",
        "agent_jobs_total{status=\"PENDING\"} 5",
        "agent_jobs_total{status=\"RUNNING\"} 1",
        "# TYPE agent_jobs_duration_seconds histogram",
        "agent_jobs_duration_seconds_bucket{status=\"COMPLETED\",le=\"1\"} 0",
        "agent_jobs_duration_seconds_bucket{status=\"COMPLETED\",le=\"5\"} 1",
        "agent_jobs_duration_seconds_bucket{status=\"COMPLETED\",le=\"10\"} 1",
        "agent_jobs_duration_seconds_bucket{status=\"COMPLETED\",le=\"+Inf\"} 1",
        "agent_jobs_duration_seconds_sum{status=\"COMPLETED\"} 3.5",
        "agent_jobs_duration_seconds_count{status=\"COMPLETED\"} 1",
        "# TYPE agent_checkpoints_total gauge",
        "agent_checkpoints_total{status=\"APPROVED\"} 28",
        "# TYPE agent_checkpoints_pending gauge",
        "agent_checkpoints_pending 3",
        "# TYPE agent_worker_active_jobs gauge",
        "agent_worker_active_jobs 1",
        "# TYPE agent_job_transitions_total counter",
        "agent_job_transitions_total{from=\"PENDING\",to=\"RUNNING\"} 2",
    ] {
        assert!(text.lines().any(|seen| seen == line), "no line {line:?} in\n{text}");
    }
}

#[test]
fn every_metric_keeps_its_name_kind_and_help() {
    let text = rendered(|| {
        for metric in ALL {
            let labels: Vec<(String, String)> =
                metric.labels.iter().map(|name| ((*name).into(), "x".into())).collect();
            match metric.kind {
                Kind::Counter => counter!(metric.name, &labels).increment(1),
                Kind::Gauge => gauge!(metric.name, &labels).set(1.0),
                Kind::Histogram => histogram!(metric.name, &labels).record(0.003),
            }
        }
    });
    for metric in ALL {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let kind = format!("# TYPE {} {kind}", metric.name);
        let help = format!("# HELP {} {}", metric.name, metric.help);
        assert!(text.lines().any(|line| line == kind), "no line {kind:?} in\n{text}");
        assert!(text.lines().any(|line| line == help), "no line {help:?} in\n{text}");
    }
    assert!(text.contains("holdpoint_store_commit_seconds_bucket{le=\"0.005\"} 1"), "{text}");
    assert!(text.contains("holdpoint_store_batch_size_bucket{le=\"256\"} 1"), "{text}");
}

#[test]
fn installing_twice_shares_one_recorder() {
    let first = Metrics::install().unwrap();
    let second = Metrics::install().unwrap();
    counter!(names::SWEEP_RESCUES_TOTAL).increment(0);
    assert!(first.render().contains("holdpoint_sweep_rescues_total 0"));
    assert!(second.render().contains("holdpoint_sweep_rescues_total 0"));
}

#[tokio::test]
async fn upkeep_ends_when_it_is_told_to() {
    let (_, metrics) = Metrics::build().unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let upkeep = metrics.keep_up(stop.clone());
    stop.cancel();
    upkeep.await.unwrap();
}
