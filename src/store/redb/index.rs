//! Index entries, derived from rows: the old row's entries go, the new row's come. An index never
//! holds anything that its row does not say.

use std::collections::BTreeSet;

use ::redb::{Key, Table};

use crate::model::row::{CheckpointRow, JobRow, Place};
use crate::store::code::Coded;
use crate::store::page;
use crate::store::redb::error::Failure;
use crate::store::redb::tables::Tables;

/// The entries of a job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct JobKeys {
    pub queue: Option<(i64, u128)>,
    pub wake: Option<(i64, u128)>,
    pub active: Option<u128>,
}

impl JobKeys {
    /// The entries that this row asks for.
    pub(super) fn of(row: &JobRow) -> Self {
        let id = row.id.as_u128();
        Self {
            queue: if let Place::Queue(key) = row.place { Some((key, id)) } else { None },
            wake: if let Place::Parked(Some(at)) = row.place { Some((at.0, id)) } else { None },
            active: (row.place == Place::Active).then_some(id),
        }
    }
}

/// The entries of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct CheckpointKeys {
    pub job: (u128, u128),
    pub age: (u8, i64, u128),
    pub expiry: (u8, i64, u128),
}

impl CheckpointKeys {
    /// The entries that this row asks for.
    pub(super) fn of(row: &CheckpointRow) -> Self {
        let (id, status) = (row.id.as_u128(), row.status.code());
        Self {
            job: (row.job.as_u128(), id),
            age: (status, row.opened_at.0, id),
            expiry: (status, page::expiry_rank(row.expires_at), id),
        }
    }
}

/// Replaces one entry by another.
fn shift<'a, K: Key + 'static>(
    table: &mut Table<'_, K, ()>,
    old: Option<K::SelfType<'a>>,
    new: Option<K::SelfType<'a>>,
) -> Result<(), Failure>
where
    K::SelfType<'a>: PartialEq,
{
    if old == new {
        return Ok(());
    }
    if let Some(old) = old {
        table.remove(old)?;
    }
    if let Some(new) = new {
        table.insert(new, ())?;
    }
    Ok(())
}

/// Moves the entries of a job from its old row to its new one.
pub(super) fn move_job(
    tables: &mut Tables<'_>,
    old: Option<&JobRow>,
    new: &JobRow,
) -> Result<(), Failure> {
    let (old, new) = (old.map(JobKeys::of), JobKeys::of(new));
    shift(&mut tables.queue, old.and_then(|keys| keys.queue), new.queue)?;
    shift(&mut tables.wakes, old.and_then(|keys| keys.wake), new.wake)?;
    shift(&mut tables.active, old.and_then(|keys| keys.active), new.active)
}

/// Moves the entries of a checkpoint from its old row to its new one.
pub(super) fn move_checkpoint(
    tables: &mut Tables<'_>,
    old: Option<&CheckpointRow>,
    new: &CheckpointRow,
) -> Result<(), Failure> {
    let (old, new) = (old.map(CheckpointKeys::of), CheckpointKeys::of(new));
    shift(&mut tables.checkpoints_by_job, old.map(|keys| keys.job), Some(new.job))?;
    shift(&mut tables.checkpoints_by_age, old.map(|keys| keys.age), Some(new.age))?;
    shift(&mut tables.checkpoints_by_expiry, old.map(|keys| keys.expiry), Some(new.expiry))
}

/// Replaces what a job listens to.
pub(super) fn move_subscriptions(
    tables: &mut Tables<'_>,
    job: u128,
    old: &[String],
    new: &[String],
) -> Result<(), Failure> {
    if old == new {
        return Ok(());
    }
    let (old, new): (BTreeSet<&String>, BTreeSet<&String>) =
        (old.iter().collect(), new.iter().collect());
    for event_type in old.difference(&new) {
        tables.subscriptions.remove((event_type.as_str(), job))?;
    }
    for event_type in new.difference(&old) {
        tables.subscriptions.insert((event_type.as_str(), job), ())?;
    }
    Ok(())
}
