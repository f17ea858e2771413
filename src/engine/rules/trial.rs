//! What a rule would have done: a dry run over the newest checkpoints. It decides nothing.

use std::sync::Arc;

use uuid::Uuid;

use crate::engine::rules::condition::{Compiled, is_for_rules};
use crate::engine::rules::rule::{NewRule, Rule};
use crate::engine::{CheckpointQuery, CheckpointSort, Engine, EngineError};
use crate::model::checkpoint::CheckpointStatus;
use crate::model::id::{CheckpointId, JobId};
use crate::model::principal::Principal;
use crate::model::time::{Span, Timestamp};

/// Checkpoints that a dry run looks at.
const LOOKED_AT: u32 = 200;

/// What is to be tried.
#[derive(Clone, Debug)]
pub struct RuleTrial {
    /// Of jobs of this workflow.
    pub job_type: String,
    /// The condition.
    pub when: String,
    /// Opened by this task; by any when absent.
    pub reference: Option<String>,
    /// Of jobs of this owner; of anybody when absent.
    pub owner: Option<String>,
}

/// What a rule would have said at one checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrialOutcome {
    /// It would have approved.
    Approves,
    /// Its condition does not hold.
    DoesNotHold,
    /// The condition failed, for this reason: a person decides.
    Fails(String),
    /// It needs people, whatever the rule says.
    NeedsPeople,
}

/// What a rule would have said, and what was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialFinding {
    /// The checkpoint.
    pub checkpoint: CheckpointId,
    /// Its job.
    pub job: JobId,
    /// What was asked.
    pub title: String,
    /// When it opened.
    pub opened_at: Timestamp,
    /// How it stands: what people decided.
    pub status: CheckpointStatus,
    /// What the rule would have said.
    pub outcome: TrialOutcome,
}

impl Engine {
    /// Tries a rule on the newest checkpoints of all workflows; those of its own are in the answer,
    /// newest first.
    ///
    /// # Errors
    /// `InvalidRule` when the condition is none.
    pub async fn try_rule(&self, trial: RuleTrial) -> Result<Vec<TrialFinding>, EngineError> {
        let compiled = Arc::new(compiled(trial)?);
        let all = CheckpointQuery {
            statuses: CheckpointStatus::ALL.to_vec(),
            sort: CheckpointSort::Age,
            limit: 1,
            ..CheckpointQuery::default()
        };
        let total = self.checkpoints(&all).await?.total;
        let offset = total.saturating_sub(u64::from(LOOKED_AT));
        let newest = CheckpointQuery { limit: LOOKED_AT, offset, ..all };
        let mut rows = self.checkpoints(&newest).await?.rows;
        rows.reverse();
        let mut findings = Vec::new();
        for row in rows.into_iter().filter(|row| row.job_type == compiled.rule.says.job_type) {
            let job = match self.job(row.job).await {
                Ok(view) => view.job,
                // Removed meanwhile, or not readable: nothing can be said of it.
                Err(EngineError::Refused(_) | EngineError::Corrupt { .. }) => continue,
                Err(error) => return Err(error),
            };
            let Some(checkpoint) = job.checkpoints.get(&row.id).cloned() else { continue };
            if !compiled.is_about(&job, &checkpoint) {
                continue;
            }
            let outcome = match is_for_rules(&checkpoint) {
                false => TrialOutcome::NeedsPeople,
                true => {
                    let (rule, job, shown) = (compiled.clone(), job.clone(), checkpoint.clone());
                    let asked = tokio::task::spawn_blocking(move || rule.holds(&job, &shown)).await;
                    match asked.map_err(|error| EngineError::Unavailable(error.to_string()))? {
                        Ok(true) => TrialOutcome::Approves,
                        Ok(false) => TrialOutcome::DoesNotHold,
                        Err(reason) => TrialOutcome::Fails(reason),
                    }
                }
            };
            findings.push(TrialFinding {
                checkpoint: row.id,
                job: row.job,
                title: row.title,
                opened_at: row.opened_at,
                status: row.status,
                outcome,
            });
        }
        Ok(findings)
    }
}

fn compiled(trial: RuleTrial) -> Result<Compiled, EngineError> {
    let says = NewRule {
        name: "dry run".to_owned(),
        job_type: trial.job_type,
        reference: trial.reference,
        owner: trial.owner,
        when: trial.when,
        expires_at: Timestamp::default().after(Span(u64::MAX)),
        sample_percent: 0,
        max_per_day: None,
    };
    let rule = Rule {
        id: Uuid::nil(),
        version: 0,
        says,
        since: Timestamp::default(),
        by: Principal::system("dry-run"),
        revoked_at: None,
    };
    Compiled::new(rule).map_err(|reason| {
        let pointer = "/when".to_owned();
        let violations = vec![crate::dsl::schema::Violation { pointer, message: reason }];
        EngineError::InvalidRule { violations }
    })
}
