//! Stores of the formats 1 and 2: what they held that a store holds no more, and the way from
//! there. They kept the records of a journal under their job, and an index for each order and
//! filter of a list.

use ::redb::{
    ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition, TableHandle,
    WriteTransaction,
};

use crate::model::id::JobId;
use crate::model::row::JobRow;
use crate::store::code::Coded;
use crate::store::codec;
use crate::store::page;
use crate::store::query::JobSort;
use crate::store::rec::HeldJob;
use crate::store::redb::card;
use crate::store::redb::drawer::Drawers;
use crate::store::redb::error::Failure;
use crate::store::redb::journal::{self, Held};
use crate::store::redb::tables::{self, Tables, UNPLACED};

/// The last format of this kind.
pub(super) const LAST: u64 = 2;

/// Drawers that are in hand before they are written: about 4 MiB.
const DRAWERS_IN_HAND: usize = 1_000;

/// The records of journals by (job, seq of the last event).
const JOURNAL: TableDefinition<'static, (u128, u64), &[u8]> = TableDefinition::new("journal");
/// (created, job).
pub(super) const BY_CREATED: TableDefinition<'static, (i64, u128), ()> =
    TableDefinition::new("by_created");
/// (updated, job).
pub(super) const BY_UPDATED: TableDefinition<'static, (i64, u128), ()> =
    TableDefinition::new("by_updated");
/// (inverted priority, created, job).
pub(super) const BY_PRIORITY: TableDefinition<'static, (i64, i64, u128), ()> =
    TableDefinition::new("by_priority");
/// (status, created, job).
pub(super) const BY_STATUS: TableDefinition<'static, (u8, i64, u128), ()> =
    TableDefinition::new("by_status");
/// (workflow, created, job).
pub(super) const BY_TYPE: TableDefinition<'static, (&str, i64, u128), ()> =
    TableDefinition::new("by_type");
/// (owner, created, job).
pub(super) const BY_OWNER: TableDefinition<'static, (&str, i64, u128), ()> =
    TableDefinition::new("by_owner");

/// The indexes by name: each had an entry for every job.
pub(super) const INDEXES: [&str; 6] =
    ["by_created", "by_updated", "by_priority", "by_status", "by_type", "by_owner"];

/// The entries of a job in them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct JobKeys<'a> {
    pub created: (i64, u128),
    pub updated: (i64, u128),
    pub priority: (i64, i64, u128),
    pub status: (u8, i64, u128),
    pub job_type: (&'a str, i64, u128),
    pub owner: (&'a str, i64, u128),
}

impl<'a> JobKeys<'a> {
    /// The entries that this row asked for.
    pub(super) fn of(row: &'a JobRow) -> Self {
        let (id, created) = (row.id.as_u128(), row.created_at.0);
        let urgency = page::job_key(JobSort::PriorityDescending, row);
        Self {
            created: (created, id),
            updated: (row.updated_at.0, id),
            priority: (urgency.rank, urgency.second, id),
            status: (row.status.code(), created, id),
            job_type: (&row.job_type, created, id),
            owner: (&row.owner, created, id),
        }
    }
}

/// The records of a journal from the one that holds this event on.
pub(super) fn records(
    t: &ReadTransaction,
    job: JobId,
    first_seq: u64,
) -> Result<Box<dyn Iterator<Item = Result<Held, Failure>>>, Failure> {
    let records = t.open_table(JOURNAL)?.range(journal::after(job.as_u128(), first_seq))?;
    Ok(Box::new(records.map(|entry| {
        let (key, record) = entry?;
        Ok((key.value().1, record))
    })))
}

/// Is the last event of an append where its entry of the feed says?
pub(super) fn has_record(t: &ReadTransaction, job: u128, last_seq: u64) -> Result<bool, Failure> {
    Ok(t.open_table(JOURNAL)?.get((job, last_seq))?.is_some())
}

/// Name and rows of every table.
pub(super) fn lengths(t: &ReadTransaction) -> Result<Vec<(&'static str, u64)>, Failure> {
    let mut lengths = Vec::new();
    for handle in t.list_tables()? {
        let known = tables::NAMES.iter().chain(&INDEXES).find(|name| **name == handle.name());
        if let Some(name) = known {
            lengths.push((*name, t.open_untyped_table(handle)?.len()?));
        }
    }
    Ok(lengths)
}

/// Turns a store of an older format into one of this. In one transaction: a store is of one format
/// or of the other. Nothing of it is lost: a record that no entry of the feed tells of stays where
/// it is, for the whole-store check to name.
pub(super) fn raise(transaction: &WriteTransaction) -> Result<(), Failure> {
    transaction.rename_table(JOURNAL, UNPLACED)?;
    transaction.delete_table(BY_CREATED)?;
    transaction.delete_table(BY_UPDATED)?;
    transaction.delete_table(BY_PRIORITY)?;
    transaction.delete_table(BY_STATUS)?;
    transaction.delete_table(BY_TYPE)?;
    transaction.delete_table(BY_OWNER)?;
    let mut tables = Tables::open(transaction)?;
    place_records(&mut tables)?;
    make_cards(&mut tables)
}

fn place_records(tables: &mut Tables<'_>) -> Result<(), Failure> {
    let mut after = 0;
    loop {
        let next = tables.feed.range(after + 1..)?.next().transpose()?;
        let Some((feed, (job, first_seq, last_seq))) =
            next.map(|(feed, change)| (feed.value(), change.value()))
        else {
            return Ok(());
        };
        journal::settle(tables, feed, job, first_seq, last_seq)?;
        after = feed;
    }
}

fn make_cards(tables: &mut Tables<'_>) -> Result<(), Failure> {
    let (mut cards, mut texts) = (Drawers::new(codec::CARDS), Drawers::new(codec::TEXTS));
    for entry in tables.jobs.iter()? {
        // A record that cannot be read costs its own job only, now as later.
        let Ok(held) = HeldJob::from_record(entry?.1.value()) else { continue };
        let place = card::place_of(&held.row);
        cards.put(&tables.cards, place, &card::card_of(&held.row))?;
        texts.put(&tables.texts, place, &card::text_of(&held.row))?;
        if cards.in_hand() > DRAWERS_IN_HAND || texts.in_hand() > DRAWERS_IN_HAND {
            cards.write(&mut tables.cards)?;
            texts.write(&mut tables.texts)?;
        }
    }
    cards.write(&mut tables.cards)?;
    texts.write(&mut tables.texts)
}
