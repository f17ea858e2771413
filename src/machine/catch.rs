//! What a `try` does with an error: filter it, try again after a pause, or go into its `catch`
//! block.

use std::sync::Arc;

use serde_json::Value;

use crate::dsl::definition::{Backoff, Catch, RetryPolicy, TaskKind};
use crate::machine::scratch::{Raised, Scratch};
use crate::model::event::{Data, Event};
use crate::model::id::{ContentHash, FrameId};
use crate::model::job::FrameState;
use crate::model::problem::{Kind, Problem, same_type};
use crate::model::time::{Span, Timestamp};

impl Scratch<'_> {
    /// Goes into the block of a `try`, for the first time or again.
    pub fn enter_try(&mut self, id: FrameId) -> Raised<()> {
        let (frame, task) = self.task(id)?;
        let TaskKind::Try { list, catch } = &task.kind else {
            return Err(Problem::new(Kind::Runtime, "the task is no try"));
        };
        let limit = catch.retry.as_ref().and_then(|policy| policy.attempt_duration.as_ref());
        let timeout_at = match limit {
            Some(limit) => {
                let span = self.span(limit, &frame.input, self.arguments(id, &[]))?;
                Some(self.now().after(span))
            }
            None => None,
        };
        let data = frame.input.clone();
        self.enter_scope(id, list, data, Vec::new(), timeout_at);
        Ok(())
    }

    pub fn enter_scope(
        &mut self,
        id: FrameId,
        list: &Arc<str>,
        data: Data,
        variables: Vec<(String, Data)>,
        timeout_at: Option<Timestamp>,
    ) {
        self.emit(Event::ScopeEntered {
            frame: id,
            list: list.clone(),
            data,
            iteration: None,
            variables,
            timeout_at,
        });
    }

    /// Says whether the `try` took the error; if so, it has gone on.
    pub fn catch(&mut self, id: FrameId, problem: &Problem) -> Raised<bool> {
        let (frame, task) = self.task(id)?;
        let (TaskKind::Try { catch, .. }, FrameState::Try { round, first_started_at, .. }) =
            (&task.kind, &frame.state)
        else {
            return Ok(false);
        };
        let (round, first_started_at, input) = (*round, *first_started_at, frame.input.clone());
        let error = Arc::new(serde_json::to_value(problem).unwrap_or(Value::Null));
        let bound = vec![(catch.variable.clone(), error.clone())];
        if !self.catches(id, catch, &input, &error, &bound)? {
            return Ok(false);
        }
        let pause = match &catch.retry {
            Some(policy) => {
                self.pause_before_retry(id, policy, round, first_started_at, &input, &bound)?
            }
            None => None,
        };
        if catch.retry.is_some() && pause.is_none() && catch.list.is_none() {
            // Its rounds are used up and nothing else was asked for: the error goes on up.
            return Ok(false);
        }
        self.emit(Event::ErrorCaught { frame: id, problem: problem.clone() });
        match (pause, &catch.list) {
            (Some(pause), _) => {
                let not_before = self.now().after(pause);
                self.emit(Event::TaskRetried { frame: id, round: round + 1, not_before });
            }
            (None, Some(list)) => self.enter_scope(id, list, input, bound, None),
            (None, None) => self.complete(id, input)?,
        }
        Ok(true)
    }

    fn catches(
        &self,
        id: FrameId,
        catch: &Catch,
        input: &Data,
        error: &Data,
        bound: &[(String, Data)],
    ) -> Raised<bool> {
        let arguments = self.arguments(id, bound);
        for (member, template) in &catch.filter {
            let wanted = self.render(template, input, arguments)?;
            let given = error.get(member).unwrap_or(&Value::Null);
            let meets = match (member.as_str(), given.as_str(), wanted.as_str()) {
                ("type", Some(given), Some(wanted)) => same_type(given, wanted),
                _ => *given == *wanted,
            };
            if !meets {
                return Ok(false);
            }
        }
        let when = match &catch.when {
            Some(when) => self.holds(when, input, arguments)?,
            None => true,
        };
        let except = match &catch.except_when {
            Some(except) => self.holds(except, input, arguments)?,
            None => false,
        };
        Ok(when && !except)
    }

    /// The pause before the next round; none when there is to be no next one.
    fn pause_before_retry(
        &self,
        id: FrameId,
        policy: &RetryPolicy,
        round: u32,
        first_started_at: Timestamp,
        input: &Data,
        bound: &[(String, Data)],
    ) -> Raised<Option<Span>> {
        let arguments = self.arguments(id, bound);
        if let Some(when) = &policy.when
            && !self.holds(when, input, arguments)?
        {
            return Ok(None);
        }
        if let Some(except) = &policy.except_when
            && self.holds(except, input, arguments)?
        {
            return Ok(None);
        }
        if policy.attempts_max.is_some_and(|most| round > most) {
            return Ok(None);
        }
        let base = match &policy.delay {
            Some(delay) => self.span(delay, input, arguments)?,
            None => Span(0),
        };
        let jitter = match &policy.jitter {
            Some((from, to)) => {
                let from = self.span(from, input, arguments)?;
                let to = self.span(to, input, arguments)?;
                self.jitter(id, round, from, to)
            }
            None => Span(0),
        };
        let pause = Span(grown(base, policy.backoff, round).0.saturating_add(jitter.0));
        if let Some(limit) = &policy.duration {
            let limit = self.span(limit, input, arguments)?;
            let ends_at = first_started_at.after(limit);
            if self.now().after(pause) > ends_at {
                return Ok(None);
            }
        }
        Ok(Some(pause))
    }

    /// Drawn from a hash of the job, the frame and the round: the machine has no chance of its own.
    fn jitter(&self, id: FrameId, round: u32, from: Span, to: Span) -> Span {
        let range = to.0.saturating_sub(from.0);
        let seed = format!("{}/{}/{id}/{round}", self.job.id, self.job.run_number);
        let hash = ContentHash::of(seed.as_bytes()).0;
        let drawn = u64::from_be_bytes([
            hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7],
        ]);
        Span(from.0.saturating_add(drawn % range.saturating_add(1).max(1)))
    }
}

/// The delay before the retry that follows round `round` (from 1).
fn grown(base: Span, backoff: Backoff, round: u32) -> Span {
    let factor = match backoff {
        Backoff::Constant => 1,
        Backoff::Linear => u64::from(round),
        Backoff::Exponential => 1u64.checked_shl(round.saturating_sub(1)).unwrap_or(u64::MAX),
    };
    Span(base.0.saturating_mul(factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_as_the_policy_says() {
        let base = Span::from_secs(3);
        let of = |backoff| [1, 2, 3, 4].map(|round| grown(base, backoff, round).0 / 1_000_000);
        assert_eq!(of(Backoff::Constant), [3, 3, 3, 3]);
        assert_eq!(of(Backoff::Linear), [3, 6, 9, 12]);
        assert_eq!(of(Backoff::Exponential), [3, 6, 12, 24]);
        assert_eq!(grown(base, Backoff::Exponential, 200).0, u64::MAX);
    }
}
