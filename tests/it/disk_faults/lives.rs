//! Six lives of one store. Each ends with a power cut, mostly in the middle of something, and the
//! next one begins with what the cut left.

use holdpoint::model::id::JobId;
use holdpoint::store::{
    CommitOutcome, Random, Recovery, Redb, RedbOptions, SimDisk, Store, StoreError, verify_disk,
};

use super::asking::{Asked, ask, ask_together, is_done, is_known};
use super::cast::Cast;
use super::ledger::{Ledger, Wish};
use super::sightings::Sightings;

const LIVES: u64 = 6;
/// Rounds of wishes in a life that nothing ends before.
const ROUNDS: u64 = 6;
/// Wishes in a round.
const TOGETHER_MAX: u64 = 4;
/// The first operations of a life open the store, and repair it.
const OPENING_OPERATIONS: u64 = 12;
/// Operations of a life, more or less.
const LIFE_OPERATIONS: u64 = 200;
/// Syncs of a life, more or less.
const LIFE_SYNCS: u64 = 18;

/// One store, and all that is known about it.
pub struct Lives<'s> {
    random: Random,
    cast: Cast,
    ledger: Ledger,
    /// Asked for, with an unknown outcome, in this order.
    unknown: Vec<Wish>,
    image: Vec<u8>,
    is_dirty: bool,
    lies: bool,
    seen: &'s mut Sightings,
}

impl<'s> Lives<'s> {
    pub fn new(seed: u64, seen: &'s mut Sightings) -> Self {
        let (random, cast) = (Random(seed), Cast::new(seed));
        let (ledger, unknown, image) = (Ledger::default(), Vec::new(), Vec::new());
        Self { random, cast, ledger, unknown, image, is_dirty: false, lies: false, seen }
    }

    /// The disks of these lives say that they sync, and do not.
    pub fn on_lying_disks(mut self) -> Self {
        self.lies = true;
        self
    }

    /// All lives, and a look at what they left.
    pub async fn run(mut self) -> Result<(), String> {
        self.found().map_err(|error| format!("creation: {error}"))?;
        for life in 1..=LIVES {
            let disk = SimDisk::with_image(std::mem::take(&mut self.image));
            disk.lie(self.lies);
            let lived = self.live(&disk).await;
            lived.map_err(|error| {
                let (operation, last) = (disk.operations(), disk.failed_at());
                format!("life {life}, operation {operation}, power cut at {last:?}: {error}")
            })?;
        }
        let disk = SimDisk::with_image(std::mem::take(&mut self.image));
        let last = self.look(&disk).await;
        last.map_err(|error| format!("after all lives: {error}"))
    }

    /// Creation is cut, too; what it leaves then has no name, so that it begins anew.
    fn found(&mut self) -> Result<(), String> {
        loop {
            let disk = SimDisk::default();
            if self.random.below(4) == 0 {
                disk.cut_power_at(1 + self.random.below(20));
            }
            match Redb::found_on(&disk) {
                Ok(()) => {
                    self.image = disk.image();
                    return Ok(());
                }
                Err(_) if disk.is_dead() => self.seen.saw("cut in creation"),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    fn options(&mut self) -> RedbOptions {
        let recovery = match self.random.below(3) {
            0 => Recovery::Fast,
            _ => Recovery::Verify,
        };
        RedbOptions { recovery, ..RedbOptions::on_disk() }
    }

    async fn live(&mut self, disk: &SimDisk) -> Result<(), String> {
        self.seen.saw("lives");
        match self.random.below(4) {
            0 => disk.cut_power_at(1 + self.random.below(OPENING_OPERATIONS)),
            1 => disk.cut_power_at(1 + self.random.below(LIFE_OPERATIONS)),
            // Most operations are the writes of a transaction; what is rare is aimed at.
            _ => disk.cut_power_after(self.random.below(LIFE_SYNCS), 1 + self.random.below(4)),
        }
        let store = match Redb::on_disk(self.options(), disk) {
            Ok(store) => store,
            Err(_) if disk.is_dead() => {
                self.seen.saw(match self.is_dirty {
                    true => "cut in recovery",
                    false => "cut in a clean opening",
                });
                self.end(disk);
                return Ok(());
            }
            Err(error) => return Err(format!("it does not open: {error}")),
        };
        let opened_after = disk.operations();
        self.seen.add("recoveries", u64::from(self.is_dirty));
        self.settle(&store).await?;
        self.ledger.check_folded(&store).await?;
        self.ask_again(&store).await?;
        for _ in 0..ROUNDS {
            let count = 1 + self.random.below(TOGETHER_MAX);
            let wishes = self.cast.wishes(&self.ledger, &mut self.random, count);
            let answers = ask_together(&store, disk, &wishes).await;
            self.take(disk, wishes, answers)?;
            if disk.is_dead() {
                break;
            }
        }
        let health = store.health().await.map_err(|error| error.to_string())?;
        self.seen.add("groups", health.groups);
        self.seen.add("commits", health.commits);
        if disk.is_dead() {
            self.seen.saw_cut(disk, opened_after);
        } else if self.random.below(2) == 0 {
            disk.repair();
            store.close().await.map_err(|error| format!("closing: {error}"))?;
            self.seen.saw("closed");
            self.is_dirty = false;
            self.image = disk.image();
            return Ok(());
        } else {
            self.seen.saw("cut between two transactions");
        }
        disk.cut_power();
        drop(store);
        self.end(disk);
        Ok(())
    }

    fn end(&mut self, disk: &SimDisk) {
        self.is_dirty = true;
        self.image = disk.image_after_power_cut(self.random.below(u64::MAX));
    }

    /// Finds out what became of the wishes that nobody saw answered. Transactions follow each
    /// other: none is there without those before it.
    async fn settle(&mut self, store: &Redb) -> Result<(), String> {
        let mut missing: Option<Wish> = None;
        for wish in &self.unknown {
            let is_there = self.ledger.is_there(store, wish).await?;
            match (is_there, &missing) {
                (Some(true), Some(missing)) if is_telling(wish) => {
                    return Err(format!("{wish:?} is there, {missing:?} before it is not"));
                }
                (Some(true), _) => {
                    self.seen.saw("unknown, and there");
                    self.ledger.take(wish);
                }
                _ => {
                    self.seen.saw("unknown, and not there");
                    missing = missing.or(Some(wish.clone()).filter(is_telling));
                }
            }
        }
        Ok(())
    }

    /// Whoever saw no answer asks again, or gives up: nothing is done twice.
    async fn ask_again(&mut self, store: &Redb) -> Result<(), String> {
        for wish in std::mem::take(&mut self.unknown) {
            if self.random.below(4) == 0 {
                continue;
            }
            match ask(store, &wish).await {
                Ok(answer) if is_known(&wish, &answer) => {
                    self.seen.saw("asked again, and known");
                }
                Ok(answer) if is_done(&wish, &answer, self.ledger.next_feed()) => {
                    self.seen.saw("asked again, and done");
                    self.ledger.take(&wish);
                }
                Ok(answer) => return Err(format!("{answer:?} to a repetition of {wish:?}")),
                Err(error) => {
                    self.refused(&wish, error)?;
                    break;
                }
            }
        }
        self.use_a_key_again(store).await
    }

    /// A key that a client used creates nothing more.
    async fn use_a_key_again(&mut self, store: &Redb) -> Result<(), String> {
        let Some((key, job, used_at)) = self.ledger.keys.last().cloned() else { return Ok(()) };
        let creation = self.cast.creation_with(key.clone(), &mut self.random);
        let Some(Wish::Commit(draft)) = creation else { return Ok(()) };
        if used_at < draft.commit.key.as_ref().map_or(used_at, |key| key.forget_before) {
            return Ok(());
        }
        let duplicate = CommitOutcome::Duplicate { job, same_request: true };
        match store.commit(draft.commit).await {
            Ok(outcome) if outcome == duplicate => {
                self.seen.saw("keys used again");
                Ok(())
            }
            Err(StoreError::Unavailable(_)) => Ok(()),
            other => Err(format!("{other:?} to a second use of {key:?}")),
        }
    }

    fn take(
        &mut self,
        disk: &SimDisk,
        wishes: Vec<Wish>,
        answers: Vec<Asked>,
    ) -> Result<(), String> {
        for (wish, answer) in wishes.into_iter().zip(answers) {
            match answer {
                Ok(answer) if is_done(&wish, &answer, self.ledger.next_feed()) => {
                    if !self.unknown.is_empty() {
                        return Err(format!("{wish:?} was acknowledged after a failure"));
                    }
                    self.seen.saw_wish(&wish);
                    self.ledger.take(&wish);
                }
                Ok(answer) => return Err(format!("{answer:?} to {wish:?}")),
                Err(error) if disk.is_dead() => self.refused(&wish, error)?,
                Err(error) => return Err(format!("{error} to {wish:?}, with power")),
            }
        }
        Ok(())
    }

    fn refused(&mut self, wish: &Wish, error: StoreError) -> Result<(), String> {
        match error {
            StoreError::Ambiguous(_) => {
                self.unknown.push(wish.clone());
                Ok(())
            }
            // Nothing was written, it says: the next life sees whether that is so.
            StoreError::Unavailable(_) => {
                self.seen.saw("refused");
                Ok(())
            }
            other => Err(format!("{other} to {wish:?}")),
        }
    }

    async fn look(&mut self, disk: &SimDisk) -> Result<(), String> {
        let store = Redb::on_disk(self.options(), disk).map_err(|error| error.to_string())?;
        self.settle(&store).await?;
        self.ledger.check(&store).await?;
        let stranger = store.job(JobId::derived(&["nobody"])).await;
        if !matches!(stranger, Ok(None)) {
            return Err(format!("a job that never was: {stranger:?}"));
        }
        store.close().await.map_err(|error| error.to_string())?;
        let report = verify_disk(disk).map_err(|error| error.to_string())?;
        match report.problems[..] {
            [] => Ok(()),
            _ => Err(format!("check-db finds {:?}", report.problems)),
        }
    }
}

/// Does its absence say anything about what came later? Removals leave no trace of their time.
fn is_telling(wish: &Wish) -> bool {
    matches!(wish, Wish::Commit(_) | Wish::Put(_))
}
