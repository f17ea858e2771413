//! Approval rules, and what one would have done.

use crate::api::rule::{DryRunAnswer, DryRunFinding, Rule as Shown};
use crate::engine::{Rule, TrialFinding, TrialOutcome};
use crate::http::present::time;
use crate::model::checkpoint::CheckpointStatus;
use crate::model::time::Timestamp;

/// A version of a rule.
pub fn rule(rule: &Rule, now: Timestamp, used_today: Option<u32>) -> Shown {
    let says = &rule.says;
    let status = match rule.revoked_at {
        Some(_) => "REVOKED",
        None if rule.holds(now) => "ACTIVE",
        None => "EXPIRED",
    };
    Shown {
        id: rule.id.to_string(),
        version: rule.version,
        name: says.name.clone(),
        job_type: says.job_type.clone(),
        reference: says.reference.clone(),
        owner: says.owner.clone(),
        when: says.when.clone(),
        expires_at: time(says.expires_at),
        sample_percent: says.sample_percent,
        max_per_day: says.max_per_day,
        status: status.to_owned(),
        since: time(rule.since),
        changed_by: rule.by.to_string(),
        revoked_at: rule.revoked_at.map(time),
        used_today: used_today.filter(|_| says.max_per_day.is_some()),
    }
}

/// What a rule would have done.
pub fn trial(findings: Vec<TrialFinding>) -> DryRunAnswer {
    let is_approved = |finding: &&TrialFinding| finding.outcome == TrialOutcome::Approves;
    let was_refused = |finding: &&TrialFinding| {
        matches!(finding.status, CheckpointStatus::Rejected | CheckpointStatus::SentBack)
    };
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let would_approve = count(findings.iter().filter(is_approved).count());
    let against = findings.iter().filter(is_approved).filter(was_refused).count();
    DryRunAnswer {
        success: true,
        would_approve,
        against_people: count(against),
        findings: findings.into_iter().map(finding).collect(),
    }
}

fn finding(found: TrialFinding) -> DryRunFinding {
    let reason = match found.outcome {
        TrialOutcome::Approves => None,
        TrialOutcome::DoesNotHold => Some("the condition does not hold".to_owned()),
        TrialOutcome::Fails(reason) => Some(format!("the condition fails: {reason}")),
        TrialOutcome::NeedsPeople => Some("it needs people, whatever a rule says".to_owned()),
    };
    DryRunFinding {
        checkpoint_id: found.checkpoint.to_string(),
        job_id: found.job.to_string(),
        title: found.title,
        opened_at: time(found.opened_at),
        status: found.status.as_str().to_owned(),
        would_approve: reason.is_none(),
        reason,
    }
}
