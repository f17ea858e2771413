//! The bare loop that a store is measured against: the commits of a closed store once more, into an
//! empty file, in groups of the same mean size. It checks, encodes, hashes and answers nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use ::redb::{Database, Range, ReadableDatabase, ReadableTable};

use crate::model::audit::AuditHead;
use crate::model::id::JobId;
use crate::model::row::JobRow;
use crate::model::time::Timestamp;
use crate::store::audit;
use crate::store::codec;
use crate::store::redb::audit::write_head;
use crate::store::redb::card;
use crate::store::redb::drawer::Drawers;
use crate::store::redb::error::{Failure, OpenError};
use crate::store::redb::index;
use crate::store::redb::journal::{self, missing};
use crate::store::redb::open::{RedbOptions, open_existing, open_or_create};
use crate::store::redb::read::held_job;
use crate::store::redb::tables::{
    AUDIT, FEED, JOBS, JOURNAL, JOURNAL_BY_JOB, META_LAST_TIME, Tables,
};

const ATTEMPTED: &str = "replay of commits";

/// What a bare loop did.
#[derive(Clone, Debug, Default)]
pub struct BareRun {
    /// Commits written.
    pub commits: u64,
    /// Bytes of the records in them: events, job rows and entries of the audit trail, as the store
    /// wrote them.
    pub record_bytes: u64,
    /// The whole time.
    pub took: Duration,
    /// The time of each transaction.
    pub groups: Vec<Duration>,
}

/// One commit of the store, ready to be written again.
struct Written {
    job: u128,
    first_seq: u64,
    last_seq: u64,
    appends: Vec<(u64, Vec<u8>)>,
    record: Vec<u8>,
    card: Vec<u8>,
    entry: Vec<u8>,
    before: Option<JobRow>,
    after: JobRow,
}

/// Replays the first `commits_max` commits of the closed store at `from` into a new store at `into`
/// with the same settings, `group_mean` commits to a transaction on average.
///
/// # Errors
/// When `from` cannot be read or `into` cannot be made or written.
pub fn replay_bare(
    from: &Path,
    into: &Path,
    group_mean: f64,
    commits_max: usize,
) -> Result<BareRun, OpenError> {
    let written = {
        let source = open_existing(&RedbOptions::new(from))?;
        let read = read_commits(&source, commits_max);
        read.map_err(|failure| OpenError::from_failure(from, ATTEMPTED, failure))?
    };
    let target = open_or_create(&RedbOptions::new(into))?;
    let replayed = replay(&target, &written, group_mean.max(1.0));
    replayed.map_err(|failure| OpenError::from_failure(into, ATTEMPTED, failure))
}

/// The feed has the commits in their order. Of a job's record only the last version is held; it
/// stands for the earlier ones, which were about as long.
fn read_commits(source: &Database, commits_max: usize) -> Result<Vec<Written>, Failure> {
    let transaction = source.begin_read()?;
    let (feed, journal) = (transaction.open_table(FEED)?, transaction.open_table(JOURNAL)?);
    let by_job = transaction.open_table(JOURNAL_BY_JOB)?;
    let (jobs, trail) = (transaction.open_table(JOBS)?, transaction.open_table(AUDIT)?);
    let mut entries = trail.iter()?;
    let mut written = Vec::new();
    for entry in feed.range::<u64>(..)?.take(commits_max) {
        let (place, change) = entry?;
        let (job, first_seq, last_seq) = change.value();
        let entry = entry_of(&mut entries, place.value())?;
        let (Some(record), Some(held)) =
            (jobs.get(job)?, held_job(&transaction, JobId::from_u128(job))?)
        else {
            continue;
        };
        let appends = by_job.range((job, first_seq)..=(job, last_seq))?.map(|append| {
            let (key, place) = append?;
            let last_seq = key.value().1;
            let record = journal.get(place.value())?.ok_or_else(|| missing(job, last_seq))?;
            Ok((last_seq, record.value().to_vec()))
        });
        let appends = appends.collect::<Result<Vec<_>, Failure>>()?;
        let created = held.row.created_at.0;
        let at = |seq: u64| Timestamp(created.saturating_add_unsigned(seq));
        let row = |at| JobRow { updated_at: at, ..(*held.row).clone() };
        let after = row(at(last_seq));
        written.push(Written {
            job,
            first_seq,
            last_seq,
            appends,
            record: record.value().to_vec(),
            // The entries that a change of status moves are left out: it is the loop's advantage.
            before: (first_seq > 1).then(|| row(at(first_seq - 1))),
            card: card::card_of(&after),
            entry,
            after,
        });
    }
    Ok(written)
}

/// The entry of the trail of the commit at this place of the feed: both are in the same order, and
/// without it the loop would write less than the store did.
fn entry_of(entries: &mut Range<'_, u64, &'static [u8]>, feed: u64) -> Result<Vec<u8>, Failure> {
    for entry in entries {
        let (seq, record) = entry?;
        let commit = audit::read(seq.value(), record.value())?.commit;
        if commit.is_some_and(|commit| commit.feed == feed) {
            return Ok(record.value().to_vec());
        }
    }
    let reason = format!("the commit at {feed} of the feed has no entry in the audit trail");
    Err(::redb::StorageError::Corrupted(reason).into())
}

fn replay(target: &Database, written: &[Written], group_mean: f64) -> Result<BareRun, Failure> {
    let mut run = BareRun::default();
    let began = Instant::now();
    let mut rest = written;
    while !rest.is_empty() {
        // Ends of groups fall where the mean says, so that the number of groups is the same, too.
        let end = ((run.groups.len() + 1) as f64 * group_mean).round() as u64;
        let size = usize::try_from(end.saturating_sub(run.commits)).unwrap_or(1);
        let (group, others) = rest.split_at(size.clamp(1, rest.len()));
        rest = others;
        let group_began = Instant::now();
        let mut transaction = target.begin_write()?;
        transaction.set_two_phase_commit(true);
        write(Tables::open(&transaction)?, group, &mut run)?;
        transaction.commit()?;
        run.groups.push(group_began.elapsed());
    }
    run.took = began.elapsed();
    Ok(run)
}

fn write(mut tables: Tables<'_>, group: &[Written], run: &mut BareRun) -> Result<(), Failure> {
    let (mut cards, mut texts) = (Drawers::new(codec::CARDS), Drawers::new(codec::TEXTS));
    for commit in group {
        let appends = commit.appends.iter().map(|(last_seq, record)| (*last_seq, &**record));
        journal::write(&mut tables, run.commits + 1, commit.job, appends)?;
        run.record_bytes +=
            commit.appends.iter().map(|(_, record)| record.len() as u64).sum::<u64>();
        tables.jobs.insert(commit.job, commit.record.as_slice())?;
        run.record_bytes += (commit.record.len() + commit.entry.len()) as u64;
        index::move_job(&mut tables, commit.before.as_ref(), &commit.after)?;
        let place = card::place_of(&commit.after);
        cards.put(&tables.cards, place, &commit.card)?;
        if commit.before.is_none() {
            texts.put(&tables.texts, place, &card::text_of(&commit.after))?;
        }
        run.commits += 1;
        let place = (commit.job, commit.first_seq, commit.last_seq);
        tables.feed.insert(run.commits, place)?;
        tables.audit.insert(run.commits, commit.entry.as_slice())?;
    }
    cards.write(&mut tables.cards)?;
    texts.write(&mut tables.texts)?;
    if let Some(last) = group.last() {
        tables.meta.insert(META_LAST_TIME, last.after.updated_at.0.to_string().as_str())?;
        write_head(&mut tables, AuditHead { count: run.commits, ..AuditHead::genesis() })?;
    }
    Ok(())
}
