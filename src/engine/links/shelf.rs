//! How links are made, found, used and revoked. Looking at one changes nothing, however often and
//! by whomever; it is used up when its person has decided.

use serde_json::json;
use uuid::Uuid;

use crate::engine::links::link::{Link, LinkStatus, NewLink};
use crate::engine::links::token::LinkToken;
use crate::engine::{ChangeOutcome, CheckpointView, Engine, EngineError};
use crate::model::audit::{Author, Fact};
use crate::model::checkpoint::CheckpointStatus;
use crate::model::id::CheckpointId;
use crate::model::time::{Span, Timestamp};

/// The kind of the documents that hold links, by id.
const LINKS: &str = "links";
/// The kind of the documents that say which links a checkpoint has: `checkpoint/link`, empty.
const OF_CHECKPOINT: &str = "checkpoint-links";
/// How long a link is good at most: mail is read within a week, and found for years.
const LINK_TIME_MAX: Span = Span::from_secs(7 * 24 * 3_600);
/// How long a link that is good for nothing is kept for whoever looks into what happened.
const LINK_KEPT: Span = Span::from_secs(90 * 24 * 3_600);
/// Most links of one checkpoint: each person needs one.
const LINKS_OF_CHECKPOINT_MAX: usize = 200;
/// Links read at a time.
const PAGE: usize = 200;

/// A link and what it is good for.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkView {
    /// The link.
    pub link: Link,
    /// What it is good for.
    pub status: LinkStatus,
}

impl Engine {
    /// Makes a link. The token is in no other answer, and nowhere on disk.
    ///
    /// # Errors
    /// `NoSuchCheckpoint`; a refusal when it is closed; when it has too many links.
    pub async fn make_link(&self, new: NewLink) -> Result<(LinkView, LinkToken), EngineError> {
        let at = self.checkpoint(new.checkpoint).await?;
        let row = &at.checkpoint;
        if row.status != CheckpointStatus::Pending {
            return Err(EngineError::LinkOver { why: "the checkpoint is closed" });
        }
        let maker = new.by.by.id();
        let has_had_say = row.votes.iter().any(|vote| vote.by == new.by.by);
        let is_excluded = row.excluded().iter().any(|name| name == maker);
        if row.policy.link_confirm && (is_excluded || has_had_say) {
            // With such a link one could decide in the name of another.
            let why = "who may not decide here, or has voted, makes no links for others";
            return Err(EngineError::LinkOver { why });
        }
        if self.links_of(new.checkpoint).await?.len() >= LINKS_OF_CHECKPOINT_MAX {
            return Err(EngineError::LinkOver { why: "the checkpoint has too many links" });
        }
        let now = self.now();
        let longest = new.expires_after.unwrap_or(LINK_TIME_MAX).min(LINK_TIME_MAX);
        let expires_at = now.after(longest);
        let expires_at = row.expires_at.map_or(expires_at, |at| at.min(expires_at));
        let id = self.new_id();
        let unlucky = || EngineError::Unavailable("the system gives no random bytes".to_owned());
        let token = LinkToken::draw(id).ok_or_else(unlucky)?;
        let link = Link {
            id,
            hash: token.hash(),
            checkpoint: new.checkpoint,
            job: at.row.job,
            digest: row.digest,
            generation: row.generation,
            user: new.user,
            made_by: new.by.by.clone(),
            made_at: now,
            expires_at,
            used_at: None,
            revoked: None,
        };
        let place = format!("{}/{id}", link.checkpoint);
        let changes = vec![
            self.put(OF_CHECKPOINT, place, b"null".to_vec(), None),
            self.put(LINKS, id.to_string(), body_of(&link)?, Some(0)),
        ];
        let detail = json!({
            "checkpoint": link.checkpoint, "job": link.job, "user": link.user,
            "expiresAt": link.expires_at.to_rfc3339(),
        });
        let fact = Fact::new(new.by, "link.make", id.to_string()).with(detail);
        if let ChangeOutcome::Conflict { .. } = self.change(changes, Some(fact)).await? {
            return Err(EngineError::Unavailable("the id of the link was taken".to_owned()));
        }
        Ok((LinkView { link, status: LinkStatus::Active }, token))
    }

    /// The link that a token opens, with its checkpoint; nothing when it opens none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open_link(
        &self,
        token: &LinkToken,
    ) -> Result<Option<(LinkView, Option<CheckpointView>)>, EngineError> {
        let link = self.kept_link(token.link()).await?.map(|(link, _)| link);
        let Some(link) = link.filter(|link| token.fits(link.hash)) else { return Ok(None) };
        let checkpoint = match self.checkpoint(link.checkpoint).await {
            Ok(view) => Some(view),
            Err(EngineError::Refused(_)) => None,
            Err(error) => return Err(error),
        };
        let stands = checkpoint.as_ref().map(|view| &*view.checkpoint);
        let status = link.status(stands, self.now());
        Ok(Some((LinkView { link, status }, checkpoint)))
    }

    /// Its person has decided with it: it is good for nothing any more.
    ///
    /// # Errors
    /// When the store cannot take it.
    pub async fn use_link(&self, id: Uuid, by: impl Into<Author>) -> Result<(), EngineError> {
        let now = self.now();
        let fact = Fact::new(by, "link.use", id.to_string());
        self.change_link(id, fact, |link| {
            link.used_at.get_or_insert(now);
        })
        .await?;
        Ok(())
    }

    /// Takes a link back. One that is over stays as it is.
    ///
    /// # Errors
    /// `NoSuchLink`.
    pub async fn revoke_link(
        &self,
        id: Uuid,
        by: impl Into<Author>,
    ) -> Result<LinkView, EngineError> {
        let (now, by): (Timestamp, Author) = (self.now(), by.into());
        let fact = Fact::new(by.clone(), "link.revoke", id.to_string());
        let link = self.change_link(id, fact, |link| {
            if link.used_at.is_none() {
                link.revoked.get_or_insert((now, by.by.clone()));
            }
        });
        let link = link.await?.ok_or(EngineError::NoSuchLink)?;
        self.viewed(link).await
    }

    /// The links of a checkpoint, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn links_of(&self, checkpoint: CheckpointId) -> Result<Vec<LinkView>, EngineError> {
        let first = format!("{checkpoint}/");
        let places = self.documents(OF_CHECKPOINT, Some(&first), LINKS_OF_CHECKPOINT_MAX).await?;
        let mut links = Vec::new();
        for place in places {
            let Some(id) = place.id.strip_prefix(&first).and_then(|id| id.parse().ok()) else {
                break;
            };
            if let Some((link, _)) = self.kept_link(id).await? {
                links.push(self.viewed(link).await?);
            }
        }
        Ok(links)
    }

    /// Links of all, in the order in which they were made, after this one.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn links(
        &self,
        after: Option<Uuid>,
        max: usize,
    ) -> Result<Vec<LinkView>, EngineError> {
        let after = after.map(|id| id.to_string());
        let mut links = Vec::new();
        for document in self.documents(LINKS, after.as_deref(), max).await? {
            match serde_json::from_slice::<Link>(&document.body) {
                Ok(link) => links.push(self.viewed(link).await?),
                Err(error) => tracing::error!(link = document.id, %error, "left out"),
            }
        }
        Ok(links)
    }

    /// Forgets links that have been good for nothing for a long time; says how many. To be called
    /// now and then.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn forget_old_links(&self) -> Result<u64, EngineError> {
        let (mut after, mut forgotten): (Option<String>, u64) = (None, 0);
        loop {
            let page = self.documents(LINKS, after.as_deref(), PAGE).await?;
            for document in &page {
                let link: Option<Link> = serde_json::from_slice(&document.body).ok();
                let Some(link) = link else { continue };
                if self.now().since(link.expires_at) > LINK_KEPT {
                    self.remove_document(LINKS, &document.id).await?;
                    let place = format!("{}/{}", link.checkpoint, link.id);
                    self.remove_document(OF_CHECKPOINT, &place).await?;
                    forgotten += 1;
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.id.clone()),
                _ => return Ok(forgotten),
            }
        }
    }

    async fn viewed(&self, link: Link) -> Result<LinkView, EngineError> {
        let checkpoint = match self.checkpoint(link.checkpoint).await {
            Ok(view) => Some(view),
            Err(EngineError::Refused(_) | EngineError::Corrupt { .. }) => None,
            Err(error) => return Err(error),
        };
        let stands = checkpoint.as_ref().map(|view| &*view.checkpoint);
        let status = link.status(stands, self.now());
        Ok(LinkView { link, status })
    }

    async fn kept_link(&self, id: Uuid) -> Result<Option<(Link, u64)>, EngineError> {
        let Some(document) = self.document(LINKS, &id.to_string()).await? else { return Ok(None) };
        let link = serde_json::from_slice(&document.body).map_err(|error| {
            EngineError::Unavailable(format!("the link {id} cannot be read: {error}"))
        })?;
        Ok(Some((link, document.version)))
    }

    /// Changes a link on what others left of it; nothing when there is none.
    async fn change_link(
        &self,
        id: Uuid,
        fact: Fact,
        change: impl Fn(&mut Link),
    ) -> Result<Option<Link>, EngineError> {
        loop {
            let Some((mut link, version)) = self.kept_link(id).await? else { return Ok(None) };
            let before = link.clone();
            change(&mut link);
            if link == before {
                return Ok(Some(link));
            }
            let put = self.put(LINKS, id.to_string(), body_of(&link)?, Some(version));
            let detail = json!({ "checkpoint": link.checkpoint, "user": link.user });
            match self.change(vec![put], Some(fact.clone().with(detail))).await? {
                ChangeOutcome::Applied => return Ok(Some(link)),
                ChangeOutcome::Conflict { .. } => {}
            }
        }
    }
}

fn body_of(link: &Link) -> Result<Vec<u8>, EngineError> {
    serde_json::to_vec(link).map_err(|error| EngineError::Unavailable(error.to_string()))
}
