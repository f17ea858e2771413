//! Checkpoints, and the decision that stands.

use crate::api::checkpoint::Checkpoint;
use crate::api::checkpoint_people as people;
use crate::api::problem::EarlierDecision;
use crate::engine::{CheckpointView, JobView};
use crate::http::present::{diff, time};
use crate::model::checkpoint::{
    Changed, Checkpoint as Folded, CheckpointStatus, Decision, Edit, Purpose,
};
use crate::model::id::ContentHash;
use crate::model::row::CheckpointRow;
use crate::model::time::Timestamp;

/// Digits of the key of look-alikes: two kinds of question share one by accident once in 2^64.
const GROUP_DIGITS: usize = 16;

/// A checkpoint in a list, as it stands at this time.
pub fn row(row: CheckpointRow, now: Timestamp) -> Checkpoint {
    let is_approved = row.status == CheckpointStatus::Approved;
    let is_refused = matches!(row.status, CheckpointStatus::Rejected | CheckpointStatus::SentBack);
    let closed_at = row.closed_at.map(time);
    let claim = row.claim.as_ref().filter(|(_, until)| now < *until);
    let claim = claim.map(|(by, until)| people::Claim { by: by.clone(), until: time(*until) });
    Checkpoint {
        group: group(&row),
        claim,
        quorum: row.quorum,
        approvals: u32::try_from(row.voters.len()).unwrap_or(u32::MAX),
        escalates_at: row.escalates_at.filter(|_| row.closed_at.is_none()).map(time),
        id: row.id.to_string(),
        job_id: row.job.to_string(),
        job_type: row.job_type,
        job_name: row.job_name,
        status: row.status.as_str().to_owned(),
        purpose: row.purpose.as_str().to_owned(),
        blocking: row.purpose != Purpose::Review,
        title: row.title,
        digest: row.digest.to_string(),
        assignees: row.assignees,
        reference: row.reference,
        created_at: time(row.opened_at),
        expires_at: row.expires_at.map(time),
        approved_by: row.decided_by.clone().filter(|_| is_approved),
        approved_at: closed_at.clone().filter(|_| is_approved),
        rejected_by: row.decided_by.filter(|_| is_refused),
        rejection_reason: row.comment.clone().filter(|_| is_refused),
        comment: row.comment,
        decided_at: closed_at,
        summary: None,
        shown: None,
        run: None,
        on_expiry: None,
        people: None,
        input: None,
    }
}

/// The same for checkpoints that ask the same of the same kind of job.
fn group(row: &CheckpointRow) -> String {
    let whole = [&*row.job_type, &*row.reference, &*row.title].join("\0");
    let mut hash = ContentHash::of(whole.as_bytes()).to_string();
    hash.truncate(GROUP_DIGITS);
    hash
}

/// A checkpoint in full, but for the diffs of edits.
pub fn full(view: CheckpointView, now: Timestamp) -> Checkpoint {
    in_full(view, now, false)
}

/// A checkpoint in full. Blocks: it compares texts.
pub fn with_diffs(view: CheckpointView, now: Timestamp) -> Checkpoint {
    in_full(view, now, true)
}

fn in_full(view: CheckpointView, now: Timestamp, diffs: bool) -> Checkpoint {
    let CheckpointView { row: listed, checkpoint: folded } = view;
    Checkpoint {
        summary: folded.summary.clone(),
        shown: Some(folded.shown.clone()),
        run: Some(folded.run),
        on_expiry: Some(folded.on_expiry.as_str().to_owned()),
        people: Some(Box::new(people_of(&folded, diffs))),
        input: folded.decision.as_ref().and_then(|decision| decision.input.clone()),
        ..row(listed, now)
    }
}

fn people_of(folded: &Folded, diffs: bool) -> people::People {
    let policy = &folded.policy;
    let given = folded.delegations.iter().map(|given| people::Delegation {
        from: given.right.from.clone(),
        to: given.right.to.clone(),
        at: time(given.at),
        until: given.right.until.map(time),
        reason: given.reason.clone(),
    });
    let comments = folded.comments.iter().map(|remark| people::Comment {
        by: remark.by.to_string(),
        at: time(remark.at),
        text: remark.text.clone(),
    });
    let decision = folded.decision.as_ref();
    people::People {
        policy: people::Policy {
            quorum: policy.quorum,
            four_eyes: policy.four_eyes,
            excluded: folded.excluded(),
            form: policy.form.clone(),
            editable: policy.editable.clone(),
            reworks: policy.reworks,
            link_confirm: policy.link_confirm,
            escalate_to: policy.escalate_to.clone(),
        },
        votes: folded.votes.iter().chain(decision).map(vote).collect(),
        delegations: given.collect(),
        comments: comments.collect(),
        edits: folded.edits.iter().map(|made| edit(made, diffs)).collect(),
        rounds: folded.round,
        approved_files: decision.and_then(|decision| decision.files.clone()),
        reminds_at: folded.remind_at.filter(|_| folded.is_pending()).map(time),
        generation: folded.generation,
    }
}

fn vote(vote: &Decision) -> people::Vote {
    people::Vote {
        by: vote.by.to_string(),
        at: time(vote.at),
        decision: vote.verdict.as_str().to_owned(),
        acts_for: vote.acts_for.clone(),
        comment: vote.comment.clone(),
        files: vote.files.clone(),
        input: vote.input.clone(),
    }
}

fn edit(edit: &Edit, diffs: bool) -> people::Edit {
    let place = |changed: &Changed| people::EditedPlace {
        pointer: changed.pointer.clone(),
        before: changed.before.clone(),
        after: changed.after.clone(),
        diff: diffs.then(|| diff::of_edit(changed)).flatten(),
    };
    people::Edit {
        by: edit.by.to_string(),
        at: time(edit.at),
        from: edit.from.to_string(),
        digest: edit.digest.to_string(),
        changes: edit.changes.iter().map(place).collect(),
    }
}

/// Every checkpoint of a job, in the order in which they opened.
pub fn of_job(view: &JobView, now: Timestamp) -> Vec<Checkpoint> {
    view.checkpoints().into_iter().map(|checkpoint| full(checkpoint, now)).collect()
}

/// The decision that stands, for who decides too late.
pub fn earlier(view: &CheckpointView) -> EarlierDecision {
    EarlierDecision {
        status: view.row.status.as_str().to_owned(),
        by: view.row.decided_by.clone(),
        at: view.row.closed_at.map(time),
        comment: view.row.comment.clone(),
    }
}
