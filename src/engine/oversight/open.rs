//! Checkpoints that wait for a person, by how long they have, from the rows as they stand.

use std::collections::BTreeMap;

use super::figures::{OpenByAge, OversightBy};
use crate::engine::EngineError;
use crate::model::checkpoint::CheckpointStatus;
use crate::model::limits::PAGE_MAX;
use crate::model::row::CheckpointRow;
use crate::model::time::{Span, Timestamp};
use crate::store::{CheckpointQuery, CheckpointSort, Store};

const HOUR: Span = Span::from_secs(3_600);
const FOUR_HOURS: Span = Span::from_secs(4 * 3_600);
const DAY: Span = Span::from_secs(24 * 3_600);
const THREE_DAYS: Span = Span::from_secs(72 * 3_600);

impl OpenByAge {
    fn add(&mut self, age: Span) {
        self.total += 1;
        let bucket = match age {
            age if age < HOUR => &mut self.under1h,
            age if age < FOUR_HOURS => &mut self.under4h,
            age if age < DAY => &mut self.under24h,
            age if age < THREE_DAYS => &mut self.under3d,
            _ => &mut self.older,
        };
        *bucket += 1;
    }
}

/// What waits, all together and by name.
pub(super) async fn open(
    store: &dyn Store,
    by: Option<OversightBy>,
    now: Timestamp,
) -> Result<(OpenByAge, BTreeMap<String, OpenByAge>), EngineError> {
    let mut query = CheckpointQuery {
        statuses: vec![CheckpointStatus::Pending],
        sort: CheckpointSort::Age,
        limit: PAGE_MAX,
        ..CheckpointQuery::default()
    };
    let (mut all, mut named) = (OpenByAge::default(), BTreeMap::<String, OpenByAge>::new());
    loop {
        let page = store.checkpoints(&query).await?;
        for row in page.rows {
            let age = now.since(row.opened_at);
            all.add(age);
            for name in names(store, by, row).await? {
                named.entry(name).or_default().add(age);
            }
        }
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => return Ok((all, named)),
        }
    }
}

/// For whom a checkpoint waits.
async fn names(
    store: &dyn Store,
    by: Option<OversightBy>,
    row: CheckpointRow,
) -> Result<Vec<String>, EngineError> {
    Ok(match by {
        None => Vec::new(),
        Some(OversightBy::Workflow) => vec![row.job_type],
        Some(OversightBy::Agent) => {
            let job = store.job(row.job).await?;
            job.and_then(|job| job.agent).into_iter().collect()
        }
        Some(OversightBy::Reviewer) => row.assignees,
    })
}
