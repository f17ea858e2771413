//! A vote or a decision at a checkpoint. Everything about who may decide, and about what, is judged
//! here, whatever the door: first whether the voter may, then whether it is new, then what it says.

use std::sync::Arc;

use serde_json::Value;

use crate::dsl::schema::Schema;
use crate::machine::checkpoints::edit::edit_again;
use crate::machine::checkpoints::opening::files;
use crate::machine::scratch::Scratch;
use crate::model::checkpoint::{Checkpoint, Decision, Purpose, Verdict};
use crate::model::command::DecideCheckpoint;
use crate::model::event::Event;
use crate::model::id::CheckpointId;
use crate::model::limits::TEXT_BYTES_MAX;
use crate::model::principal::Principal;
use crate::model::refusal::Refusal;
use crate::model::time::Timestamp;
use crate::model::voter::{Door, Entitled, NoStanding, Standing, Voter};

impl Scratch<'_> {
    pub(super) fn checkpoint(&self, id: CheckpointId) -> Result<Arc<Checkpoint>, Refusal> {
        self.job.checkpoints.get(&id).cloned().ok_or(Refusal::NoSuchCheckpoint)
    }

    /// Decides, or votes towards a quorum. The same again changes nothing.
    pub(in crate::machine) fn decide_checkpoint(
        &mut self,
        wish: &DecideCheckpoint,
    ) -> Result<(), Refusal> {
        let mut row = self.checkpoint(wish.checkpoint)?;
        check_door(&row, &wish.voter)?;
        if is_repeated(&row, wish) {
            return Ok(());
        }
        // What somebody writes under four eyes is no vote, so who wrote it last may mend it.
        let is_edit_only = row.policy.four_eyes && wish.edit.is_some();
        let standing = self.standing_as(&row, &wish.voter, !is_edit_only)?;
        if is_edit_only && edit_again(&row, wish) {
            return Ok(());
        }
        check_digest(&row, wish)?;
        if !row.is_pending() {
            return already_decided(&row, wish);
        }
        check_unclaimed(&row, &wish.voter, self.now())?;
        check_vote(&row, wish, &standing)?;
        check_content(&row, wish)?;
        if let Some(edit) = self.checked_edit(&row, wish)? {
            self.emit(edit);
            row = self.checkpoint(wish.checkpoint)?;
            if is_edit_only {
                return Ok(());
            }
        } else if is_edit_only {
            self.standing(&row, &wish.voter)?;
        }
        let files = agreed_files(&row, wish)?;
        let decision = Decision {
            verdict: wish.verdict,
            by: wish.voter.principal.clone(),
            at: self.now(),
            comment: wish.comment.clone(),
            input: wish.input.clone(),
            digest: Some(row.digest),
            files,
            acts_for: match standing {
                Standing::Own => None,
                Standing::For(absent) => Some(absent),
            },
            door: Some(wish.voter.door.clone()),
        };
        let checkpoint = wish.checkpoint;
        self.emit(if wish.verdict == Verdict::Approve && row.missing() > 1 {
            Event::Voted { checkpoint, decision }
        } else {
            Event::Decided { checkpoint, decision }
        });
        Ok(())
    }

    /// May they decide, and on whose behalf?
    pub(super) fn standing(&self, row: &Checkpoint, voter: &Voter) -> Result<Standing, Refusal> {
        self.standing_as(row, voter, true)
    }

    /// The same; `is_approver`: the last editor is none under four eyes.
    fn standing_as(
        &self,
        row: &Checkpoint,
        voter: &Voter,
        is_approver: bool,
    ) -> Result<Standing, Refusal> {
        if let Door::Rule { .. } = voter.door {
            return Ok(Standing::Own);
        }
        let excluded = if is_approver { row.excluded() } else { row.policy.excluded.clone() };
        let (assignees, delegates) = (&row.assignees, &row.delegates());
        let at = Entitled { assignees, delegates, excluded: &excluded };
        voter.standing(at, self.now()).map_err(|reason| match reason {
            NoStanding::NotAssigned => Refusal::NotAssigned { assignees: row.assignees.clone() },
            NoStanding::Excluded => Refusal::FourEyes,
        })
    }
}

/// Is it a person, or a rule where rules may decide; and does the door lead here?
fn check_door(row: &Checkpoint, voter: &Voter) -> Result<(), Refusal> {
    let wrong = |reason: &str| Err(Refusal::WrongDoor { reason: reason.to_owned() });
    match (&voter.principal, &voter.door) {
        (Principal::Agent(_), _) | (Principal::System(_), Door::Session | Door::Token) => {
            Err(Refusal::NotAPerson { who: voter.principal.to_string() })
        }
        (Principal::System(_), Door::Rule { .. }) => match row.purpose {
            Purpose::InDoubt => wrong("only a person finds out what became of a call"),
            Purpose::Evaluation => wrong("only a person says whether a result is good enough"),
            _ if row.policy.form.is_some() => wrong("only a person fills in a form"),
            _ if row.policy.four_eyes || row.policy.quorum > 1 => {
                wrong("a rule is no person: it decides neither under four eyes nor in a quorum")
            }
            _ => Ok(()),
        },
        (Principal::System(_), _) => Err(Refusal::NotAPerson { who: voter.principal.to_string() }),
        (Principal::Person(_), Door::Rule { .. }) => wrong("a person does not decide by a rule"),
        (Principal::Person(_), Door::Link { .. }) if !row.policy.link_confirm => {
            wrong("this checkpoint takes no decision by a link: sign in and decide there")
        }
        (Principal::Person(_), Door::Link { confirmed: false }) => {
            wrong("type the confirmation that the page asks for, or sign in")
        }
        (Principal::Person(_), _) => Ok(()),
    }
}

/// Did this very person say this very thing before?
fn is_repeated(row: &Checkpoint, wish: &DecideCheckpoint) -> bool {
    // A vote that somebody else's no made worthless is not confirmed.
    let counted = if row.is_pending() { &row.votes[..] } else { row.decision.as_slice() };
    let own = counted.iter().find(|vote| vote.by == wish.voter.principal);
    own.is_some_and(|vote| vote.verdict == wish.verdict && is_about(row, vote, wish))
}

/// Does the wish name what the vote was about, or what its voter saw before editing it?
fn is_about(row: &Checkpoint, vote: &Decision, wish: &DecideCheckpoint) -> bool {
    let Some(given) = wish.digest else { return true };
    let edited = row.edits.last().is_some_and(|edit| edit.by == vote.by && edit.from == given);
    vote.digest.is_none_or(|digest| digest == given) || (edited && wish.edit.is_some())
}

/// Is the decision about what is shown, by name where it has to be?
fn check_digest(row: &Checkpoint, wish: &DecideCheckpoint) -> Result<(), Refusal> {
    let shown = row.digest;
    if let Some(given) = wish.digest {
        return match given == shown {
            true => Ok(()),
            false => Err(Refusal::WrongDigest { given, shown }),
        };
    }
    if wish.verdict != Verdict::Approve || !row.is_pending() {
        return Ok(());
    }
    let needs = |why| Err(Refusal::NeedsDigest { shown, why });
    match &wish.voter.door {
        _ if row.policy.quorum > 1 => needs("several people approve the same content"),
        _ if !row.edits.is_empty() => needs("it was edited since it opened"),
        _ if wish.edit.is_some() => needs("an edit is a change of exactly what was seen"),
        Door::Link { .. } => needs("a link stands for what was sent with it"),
        _ => Ok(()),
    }
}

/// The checkpoint is closed: the same verdict changes nothing, another one comes too late.
fn already_decided(row: &Checkpoint, wish: &DecideCheckpoint) -> Result<(), Refusal> {
    match &row.decision {
        Some(first) if first.verdict == wish.verdict => Ok(()),
        first => Err(Refusal::AlreadyDecided {
            first: row.status,
            by: first.as_ref().map(|first| first.by.to_string()),
            verdict: wish.verdict,
        }),
    }
}

/// Has nobody else claimed it?
pub(super) fn check_unclaimed(
    row: &Checkpoint,
    voter: &Voter,
    now: Timestamp,
) -> Result<(), Refusal> {
    match row.claim_at(now).filter(|claim| claim.by != voter.principal) {
        Some(claim) => {
            Err(Refusal::ClaimedByOther { by: claim.by.to_string(), until: claim.until })
        }
        None => Ok(()),
    }
}

/// Is it a first vote, of a standing that nobody used?
fn check_vote(
    row: &Checkpoint,
    wish: &DecideCheckpoint,
    standing: &Standing,
) -> Result<(), Refusal> {
    let own = row.votes.iter().find(|vote| vote.by == wish.voter.principal);
    if let Some(first) = own.filter(|first| first.verdict != wish.verdict) {
        return Err(Refusal::AlreadyVoted {
            voter: wish.voter.principal.to_string(),
            first: first.verdict,
            verdict: wish.verdict,
        });
    }
    let voter = &wish.voter;
    let used = row.votes.iter().find(|vote| match (standing, vote.acts_for.as_deref()) {
        (Standing::Own, by) => by.is_some_and(|absent| voter.is_called(absent)),
        (Standing::For(absent), by) => {
            // One person has several names, and all that a door knows of absent people is those.
            let stands_in = voter.acts_for.contains(absent);
            let is_theirs = |name: &str| {
                name == absent || (stands_in && voter.acts_for.iter().any(|known| known == name))
            };
            is_theirs(vote.by.id()) || by.is_some_and(is_theirs)
        }
    });
    match used.filter(|_| wish.verdict == Verdict::Approve) {
        Some(vote) => Err(Refusal::StandingUsed {
            of: match standing {
                Standing::For(absent) => absent.clone(),
                Standing::Own => wish.voter.principal.to_string(),
            },
            by: vote.by.to_string(),
        }),
        None => Ok(()),
    }
}

/// Is everything that it says well formed?
fn check_content(row: &Checkpoint, wish: &DecideCheckpoint) -> Result<(), Refusal> {
    let bad =
        |member, message: &str| Err(Refusal::BadDecision { member, message: message.to_owned() });
    if wish.comment.as_ref().is_some_and(|comment| comment.len() > TEXT_BYTES_MAX) {
        let message = format!("is longer than {TEXT_BYTES_MAX} bytes");
        return Err(Refusal::BadDecision { member: "comment", message });
    }
    if wish.verdict == Verdict::SendBack
        && row.purpose == Purpose::Gate
        && row.round >= row.policy.reworks
    {
        return Err(Refusal::ReworksSpent { most: row.policy.reworks });
    }
    if wish.verdict != Verdict::Approve {
        if wish.edit.is_some() {
            return bad("edit", "only an approval changes what is shown");
        }
        if wish.files.is_some() {
            return bad("files", "only an approval chooses files; without it none is approved");
        }
        return Ok(());
    }
    let said = wish.input.as_ref().and_then(|input| input.get("outcome"));
    if row.purpose == Purpose::InDoubt {
        // A plain yes says neither that it happened nor that it may be made twice.
        match said.and_then(Value::as_str) {
            Some("happened" | "retry") => {}
            _ => return bad("input", "outcome must be \"happened\" or \"retry\""),
        }
    }
    check_form(row, wish)
}

fn check_form(row: &Checkpoint, wish: &DecideCheckpoint) -> Result<(), Refusal> {
    let Some(form) = &row.policy.form else { return Ok(()) };
    let violations = match Schema::compile(form) {
        Ok(schema) => schema.violations(wish.input.as_deref().unwrap_or(&Value::Null)),
        // It compiled when the checkpoint opened; an approval that nobody checks must not pass.
        Err(violations) => violations,
    };
    if violations.is_empty() {
        return Ok(());
    }
    let violations = violations.into_iter().map(|found| (found.pointer, found.message));
    Err(Refusal::Form { violations: violations.collect() })
}

/// The files that everybody so far approves of, or none when nobody chose any.
fn agreed_files(row: &Checkpoint, wish: &DecideCheckpoint) -> Result<Option<Vec<String>>, Refusal> {
    let bad = |message: String| Err(Refusal::BadDecision { member: "files", message });
    if wish.verdict != Verdict::Approve {
        return Ok(None);
    }
    if let Some(wanted) = &wish.files {
        let Some(shown) = files(&row.shown) else {
            return bad("no files are shown; leave it out".to_owned());
        };
        if let Some(path) = wanted.iter().find(|path| !shown.iter().any(|(known, _)| known == path))
        {
            return bad(format!("no file {path:?} is shown"));
        }
        if wanted.is_empty() {
            return bad("approves of nothing; reject instead".to_owned());
        }
    }
    let choices = row.votes.iter().filter_map(|vote| vote.files.as_ref()).chain(&wish.files);
    let mut agreed: Option<Vec<String>> = None;
    for choice in choices {
        let kept = match agreed {
            None => choice.clone(),
            Some(kept) => kept.into_iter().filter(|path| choice.contains(path)).collect(),
        };
        agreed = Some(kept);
    }
    match agreed {
        Some(kept) if kept.is_empty() => {
            bad("no file would be left that everybody approves of; reject instead".to_owned())
        }
        Some(mut kept) => {
            kept.sort();
            kept.dedup();
            Ok(Some(kept))
        }
        None => Ok(None),
    }
}
