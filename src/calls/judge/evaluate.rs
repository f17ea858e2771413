//! The function `evaluate`: asks the judge as often as votes are wanted and counts them. Only a
//! majority of all votes that were wanted decides; without one the judge is unavailable.

use std::sync::Arc;

use serde_json::Value;
use tokio::task::JoinSet;

use super::prompt::{Case, question};
use super::unjudged::Unjudged;
use super::verdict::vote;
use crate::calls::Call;
use crate::calls::chat::{Chat, Question, Told, Unavailable, Usage};
use crate::model::evaluation::{Judgement, Vote};
use crate::model::limits::VOTES_MAX;

/// Asks the model for judgements.
pub(crate) struct Judge {
    pub(crate) chat: Arc<Chat>,
}

type Cast = Result<(Vote, Told), Unavailable>;

impl Judge {
    /// The judgement as data.
    pub(crate) async fn run(&self, call: &Call) -> Result<Value, Unjudged> {
        let judgement = self.judge(&call.key, &call.arguments).await?;
        serde_json::to_value(judgement).map_err(|error| {
            Unavailable::garbage(&format!("its judgement cannot be written: {error}")).into()
        })
    }

    /// Judges by the arguments `{result, criteria, votes?, task?}`.
    async fn judge(&self, key: &str, arguments: &Value) -> Result<Judgement, Unavailable> {
        let missing = Value::Null;
        let member = |name: &str| arguments.get(name).unwrap_or(&missing);
        let case = Case {
            key,
            result: member("result"),
            criteria: member("criteria").as_str().unwrap_or_default(),
            task: member("task"),
        };
        // A document may want more than the operator, and not less.
        let least = self.chat.options.votes.clamp(1, VOTES_MAX);
        let wanted = member("votes").as_u64().unwrap_or(0).clamp(least.into(), VOTES_MAX.into());
        let wanted = wanted as usize;
        let casts = self.ask(question(&case), wanted).await;
        count(casts, &self.chat.options.model)
    }

    /// Every vote is a question of its own, all at once.
    async fn ask(&self, question: Question, times: usize) -> Vec<Cast> {
        let question = Arc::new(question);
        let mut asking = JoinSet::new();
        for number in 0..times {
            let (chat, question) = (self.chat.clone(), question.clone());
            asking.spawn(async move {
                let told = chat.ask(&question).await;
                (number, told.and_then(|told| Ok((vote(&told)?, told))))
            });
        }
        let mut casts = Vec::with_capacity(times);
        while let Some(joined) = asking.join_next().await {
            casts.push(joined.unwrap_or_else(|error| {
                (times, Err(Unavailable::passing(format!("asking it failed: {error}"))))
            }));
        }
        casts.sort_by_key(|(number, _)| *number);
        casts.into_iter().map(|(_, cast)| cast).collect()
    }
}

/// The judgement of these votes.
fn count(casts: Vec<Cast>, model: &str) -> Result<Judgement, Unavailable> {
    let wanted = casts.len();
    let (mut votes, mut usage, mut lost) = (Vec::new(), None, None);
    let mut model = model.to_owned();
    for cast in casts {
        match cast {
            Ok((vote, told)) => {
                votes.push(vote);
                usage = Some(usage.map_or(told.usage, |sum: Usage| sum.plus(told.usage)));
                model = told.model;
            }
            Err(unavailable) => lost = Some(longer(lost, unavailable)),
        }
    }
    let passed = votes.iter().filter(|vote| vote.is_valid).count();
    let is_valid = passed > wanted / 2;
    // Not even the votes that are missing could make it a majority.
    let is_lost = passed + (wanted - votes.len()) <= wanted / 2;
    if let Some(unavailable) = lost.filter(|_| !is_valid && !is_lost) {
        return Err(unavailable);
    }
    let first = votes.iter().find(|vote| vote.is_valid == is_valid);
    let reason = first.map(|vote| vote.reason.clone()).unwrap_or_default();
    let Usage { input_tokens, output_tokens, cost_micros } = usage.unwrap_or_default();
    Ok(Judgement { is_valid, reason, model, votes, input_tokens, output_tokens, cost_micros })
}

/// Of two troubles the one to tell: the one that lasts, else the one with the longer pause.
fn longer(known: Option<Unavailable>, next: Unavailable) -> Unavailable {
    match known {
        None => next,
        Some(known) if !known.may_pass => known,
        Some(known) if next.may_pass && known.retry_after >= next.retry_after => known,
        Some(_) => next,
    }
}
