//! How rules are made, changed and revoked. What is kept is the truth; the compiled rules in memory
//! follow it before anybody is answered, so that a revoked rule approves nothing more.

use std::sync::Arc;

use tokio::sync::{RwLock, watch};
use uuid::Uuid;

use crate::dsl::schema::Violation;
use crate::engine::rules::condition::{Compiled, compile};
use crate::engine::rules::follower;
use crate::engine::rules::rule::{NewRule, Rule, RuleEdit};
use crate::engine::{ChangeOutcome, Engine, EngineError};
use crate::model::audit::{Author, Fact};
use crate::model::limits::NAME_BYTES_MAX;
use crate::model::time::{Span, Timestamp};
use crate::store::{Store, StoreError};

/// The kind of the documents that hold the newest version of each rule.
const RULES: &str = "approval-rules";
/// The kind of the documents that hold every version: `rule/version`.
const VERSIONS: &str = "approval-rule-versions";
/// Most rules that were not revoked: each is asked about each checkpoint of its workflow.
const RULES_MAX: usize = 100;
/// How long a rule holds at most: then somebody looks at it again.
const RULE_TIME_MAX: Span = Span::from_secs(366 * 24 * 3_600);
/// Documents read at a time.
const PAGE: usize = 200;
/// Versions of one rule that are shown.
const VERSIONS_MAX: usize = 1_000;

/// The rules in memory.
pub(crate) struct Rules {
    /// Those that were not revoked. Held for reading while one of them decides.
    pub(super) active: RwLock<Vec<Arc<Compiled>>>,
    /// Are there any? The follower sleeps while there are none.
    pub(super) armed: watch::Sender<bool>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { active: RwLock::default(), armed: watch::channel(false).0 }
    }
}

impl Rules {
    /// Reads what is kept. A rule that this version cannot read approves nothing.
    pub async fn open(&self, store: &dyn Store) -> Result<(), StoreError> {
        let (mut after, mut active): (Option<String>, Vec<Arc<Compiled>>) = (None, Vec::new());
        loop {
            let page = store.documents(RULES, after.as_deref(), PAGE).await?;
            for document in &page {
                let rule = serde_json::from_slice::<Rule>(&document.body);
                let rule = rule.map_err(|error| error.to_string());
                match rule.and_then(Compiled::new) {
                    Ok(compiled) if compiled.rule.revoked_at.is_none() => {
                        active.push(Arc::new(compiled));
                    }
                    Ok(_) => {}
                    Err(reason) => {
                        tracing::error!(rule = document.id, reason, "a rule is left out");
                    }
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.id.clone()),
                _ => break,
            }
        }
        self.armed.send_replace(!active.is_empty());
        *self.active.write().await = active;
        Ok(())
    }
}

impl Engine {
    /// Makes a rule.
    ///
    /// # Errors
    /// `InvalidRule` names every defect.
    pub async fn make_rule(
        &self,
        new: NewRule,
        by: impl Into<Author>,
    ) -> Result<Rule, EngineError> {
        let author: Author = by.into();
        let (id, since, by) = (self.new_id(), self.now(), author.by.clone());
        let rule = Rule { id, version: 1, says: new, since, by, revoked_at: None };
        self.write_rule(rule, Fact::new(author, "rule.make", id.to_string())).await
    }

    /// Changes a rule that was not revoked: the next version.
    ///
    /// # Errors
    /// `NoSuchRule`; `RuleChanged` when it is at another version, or was revoked; `InvalidRule`.
    pub async fn change_rule(
        &self,
        id: Uuid,
        expect_version: Option<u64>,
        edit: RuleEdit,
        by: impl Into<Author>,
    ) -> Result<Rule, EngineError> {
        let rule = self.rule(id).await?;
        if rule.revoked_at.is_some() || expect_version.is_some_and(|it| it != rule.version) {
            return Err(EngineError::RuleChanged { version: rule.version });
        }
        let author: Author = by.into();
        let next = rule.edited(edit, author.by.clone(), self.now());
        self.write_rule(next, Fact::new(author, "rule.change", id.to_string())).await
    }

    /// Revokes a rule: when this returns it decides nothing more. A revoked one stays so.
    ///
    /// # Errors
    /// `NoSuchRule`; `RuleChanged` when somebody changed it at the same time.
    pub async fn revoke_rule(&self, id: Uuid, by: impl Into<Author>) -> Result<Rule, EngineError> {
        let rule = self.rule(id).await?;
        if rule.revoked_at.is_some() {
            return Ok(rule);
        }
        let (now, author): (Timestamp, Author) = (self.now(), by.into());
        let (version, by) = (rule.version + 1, author.by.clone());
        let revoked = Rule { version, since: now, by, revoked_at: Some(now), ..rule };
        self.write_rule(revoked, Fact::new(author, "rule.revoke", id.to_string())).await
    }

    /// The newest version of a rule.
    ///
    /// # Errors
    /// `NoSuchRule`.
    pub async fn rule(&self, id: Uuid) -> Result<Rule, EngineError> {
        let document = self.document(RULES, &id.to_string()).await?;
        read(&document.ok_or(EngineError::NoSuchRule)?.body)
    }

    /// The newest version of every rule, revoked ones too, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn rules(&self, after: Option<Uuid>, max: usize) -> Result<Vec<Rule>, EngineError> {
        let after = after.map(|id| id.to_string());
        let page = self.documents(RULES, after.as_deref(), max).await?;
        page.iter().map(|document| read(&document.body)).collect()
    }

    /// Every version of a rule, oldest first.
    ///
    /// # Errors
    /// `NoSuchRule`.
    pub async fn rule_versions(&self, id: Uuid) -> Result<Vec<Rule>, EngineError> {
        self.rule(id).await?;
        let first = format!("{id}/");
        let page = self.documents(VERSIONS, Some(&first), VERSIONS_MAX).await?;
        let own = page.iter().take_while(|document| document.id.starts_with(&first));
        own.map(|document| read(&document.body)).collect()
    }

    async fn write_rule(&self, rule: Rule, fact: Fact) -> Result<Rule, EngineError> {
        let (now, before) = (rule.since, rule.version - 1);
        let compiled = Compiled::new(rule.clone()).map_err(|reason| invalid("/when", reason))?;
        if rule.revoked_at.is_none() {
            check(&rule.says, now)?;
        }
        // Whoever decides by a rule has the lock for reading, so none decides past this point.
        let mut active = self.shared.rules.active.write().await;
        if before == 0 && active.len() >= RULES_MAX {
            let message = format!("there are {RULES_MAX} rules, which is the most; revoke one");
            return Err(invalid("", message));
        }
        if active.is_empty() {
            follower::begin_here(self).await?;
        }
        let body = serde_json::to_vec(&rule)
            .map_err(|error| EngineError::Unavailable(error.to_string()))?;
        let version = format!("{}/{:010}", rule.id, rule.version);
        let changes = vec![
            self.put(VERSIONS, version, body.clone(), Some(0)),
            self.put(RULES, rule.id.to_string(), body, Some(before)),
        ];
        let detail = serde_json::to_value(&rule).unwrap_or_default();
        if let ChangeOutcome::Conflict { .. } =
            self.change(changes, Some(fact.with(detail))).await?
        {
            let version = self.rule(rule.id).await?.version;
            return Err(EngineError::RuleChanged { version });
        }
        active.retain(|other| other.rule.id != rule.id);
        if rule.revoked_at.is_none() {
            active.push(Arc::new(compiled));
            active.sort_by_key(|compiled| compiled.rule.id);
        }
        self.shared.rules.armed.send_replace(!active.is_empty());
        Ok(rule)
    }
}

fn read(body: &[u8]) -> Result<Rule, EngineError> {
    serde_json::from_slice(body)
        .map_err(|error| EngineError::Unavailable(format!("a rule cannot be read: {error}")))
}

fn invalid(pointer: &str, message: impl Into<String>) -> EngineError {
    let violation = Violation { pointer: pointer.to_owned(), message: message.into() };
    EngineError::InvalidRule { violations: vec![violation] }
}

/// Everything that is wrong with what a rule says.
fn check(says: &NewRule, now: Timestamp) -> Result<(), EngineError> {
    let mut violations = Vec::new();
    let mut add = |pointer: &str, message: String| {
        violations.push(Violation { pointer: pointer.to_owned(), message });
    };
    if says.name.trim().is_empty() || says.name.len() > NAME_BYTES_MAX {
        add("/name", format!("must have 1 to {NAME_BYTES_MAX} bytes"));
    }
    if says.job_type.trim().is_empty() || says.job_type.len() > NAME_BYTES_MAX {
        add("/jobType", format!("must have 1 to {NAME_BYTES_MAX} bytes"));
    }
    if let Err(reason) = compile(&says.when) {
        add("/when", reason);
    }
    if says.expires_at <= now || says.expires_at > now.after(RULE_TIME_MAX) {
        add("/expiresAt", "must lie in the future, at most a year from now".to_owned());
    }
    if says.sample_percent > 100 {
        add("/samplePercent", "must be from 0 to 100".to_owned());
    }
    if says.max_per_day == Some(0) {
        add(
            "/maxPerDay",
            "must be at least 1; revoke a rule that is to approve nothing".to_owned(),
        );
    }
    if violations.is_empty() { Ok(()) } else { Err(EngineError::InvalidRule { violations }) }
}
