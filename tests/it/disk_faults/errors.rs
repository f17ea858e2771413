//! EIO and ENOSPC in operation 1, 2, 3 … of one story, until the story ends before the fault comes:
//! whoever asks again is served, the words name the trouble, and nothing acknowledged is lost.

use std::ops::Range;
use std::time::Duration;

use holdpoint::store::{
    Fault, OpenError, Random, Redb, RedbOptions, SimDisk, Store, StoreError, verify_disk,
};

use super::asking::{ask, is_done, is_known};
use super::cast::Cast;
use super::ledger::{Ledger, Wish};
use super::sightings::Sightings;
use super::{each, runtime};

/// Rounds of the story.
const ROUNDS: u64 = 5;
const PATIENCE: Duration = Duration::from_secs(60);
/// Power cuts, from as many seeds, after the first thing that is acknowledged after a fault.
const CUTS: u64 = 4;
/// Operations that fail one after the other when a fault lasts: the first reopening meets it, too.
const LASTING: u64 = 2;

fn founded() -> Vec<u8> {
    let disk = SimDisk::default();
    Redb::found_on(&disk).expect("a disk that works");
    disk.image()
}

/// Does an error name its cause in words that a person can act on?
fn is_named(fault: Fault, text: &str) -> bool {
    let names: &[&str] = match fault {
        Fault::NoSpace => &["the disk is full", "no space to open store"],
        Fault::InputOutput => &["the disk failed", "Input/output error"],
        Fault::PowerCut => &["no power"],
    };
    names.iter().any(|name| text.contains(name))
}

struct Story {
    disk: SimDisk,
    fault: Fault,
    ledger: Ledger,
    /// What went wrong on the way.
    troubles: Sightings,
    /// Was the power cut after the fault?
    was_cut: bool,
    /// Operations and reads until the store was closed.
    took: (u64, u64),
}

impl Story {
    fn on(image: &[u8], fault: Fault) -> Self {
        let (disk, ledger) = (SimDisk::with_image(image.to_vec()), Ledger::default());
        let troubles = Sightings::default();
        Self { disk, fault, ledger, troubles, was_cut: false, took: (0, 0) }
    }

    fn open(&mut self, options: &RedbOptions) -> Redb {
        loop {
            match Redb::on_disk(options.clone(), &self.disk) {
                Ok(store) => return store,
                Err(error @ (OpenError::NoSpace { .. } | OpenError::Io { .. })) => {
                    assert!(is_named(self.fault, &error.to_string()), "{error}");
                    self.troubles.saw("failed openings");
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Asks until it is done, as the engine does.
    async fn insist(&mut self, store: &Redb, wish: &Wish) {
        let (mut may_be_there, next_feed) = (false, self.ledger.next_feed());
        loop {
            match ask(store, wish).await {
                Ok(answer) if is_done(wish, &answer, next_feed) => break,
                Ok(answer) if may_be_there && is_known(wish, &answer) => break,
                Ok(answer) => panic!("{answer:?} to {wish:?}"),
                Err(StoreError::Ambiguous(text)) => {
                    assert!(is_named(self.fault, &text), "{text}");
                    may_be_there = true;
                    self.troubles.saw("unknown outcomes");
                }
                Err(StoreError::Unavailable(text)) => {
                    assert!(is_named(self.fault, &text), "{text}");
                    self.troubles.saw("refusals");
                }
                Err(error) => panic!("{error} to {wish:?}"),
            }
            tokio::task::yield_now().await;
        }
        self.ledger.take(wish);
        if self.disk.failed_at().is_some() && !self.was_cut {
            self.was_cut = true;
            self.cut_power().await;
        }
    }

    /// What was acknowledged right after a fault is on the disk, not only in the system's cache:
    /// a failed sync forgets what reads still show.
    async fn cut_power(&self) {
        for seed in 0..CUTS {
            let after = SimDisk::with_image(self.disk.image_after_power_cut(seed));
            let store = Redb::on_disk(RedbOptions::on_disk(), &after);
            let store = store.expect("a store after a fault and a power cut");
            let kept = self.ledger.check_folded(&store).await;
            kept.expect("everything, after a fault and a power cut");
        }
    }

    async fn work(&mut self, store: &Redb) {
        let (mut random, mut cast) = (Random(7), Cast::new(7));
        for _ in 0..ROUNDS {
            for wish in cast.wishes(&self.ledger, &mut random, 2) {
                self.insist(store, &wish).await;
            }
        }
    }

    /// Reads until the store reads again, and compares.
    async fn compare(&mut self, store: &Redb) {
        let read_again = async {
            while store.last_change().await.is_err() {
                self.troubles.saw("refusals");
                tokio::task::yield_now().await;
            }
        };
        let patient = tokio::time::timeout(PATIENCE, read_again).await;
        patient.expect("the store never reads again");
        let seen = self.ledger.inspect(store).await;
        assert_eq!(seen.wrong, Vec::<String>::new());
        if !seen.failed.is_empty() {
            // The fault came in one of these reads; there is only one.
            Box::pin(self.compare(store)).await;
        }
    }

    /// The whole story, with whatever fails in it.
    async fn tell(&mut self, options: &RedbOptions) {
        let store = self.open(options);
        self.work(&store).await;
        self.compare(&store).await;
        let health = store.health().await.expect("a health");
        assert_eq!(health.read_only, None, "it does not say that it writes again");
        // What was acknowledged is not only in the cache of the system.
        let after = SimDisk::with_image(self.disk.image_after_power_cut(0));
        let again = Redb::on_disk(options.clone(), &after).expect("a store after a power cut");
        self.ledger.check(&again).await.expect("everything, after a power cut");
        drop(again);
        drop(store);
        self.took = (self.disk.operations(), self.disk.reads());
        self.disk.repair();
        let report = verify_disk(&self.disk).expect("a sound store");
        assert_eq!(report.problems, []);
    }
}

/// Tells the story once, with these operations failing.
fn tell(image: &[u8], operations: Range<u64>, fault: Fault) -> Story {
    let mut story = Story::on(image, fault);
    story.disk.fail(operations, fault);
    runtime().block_on(story.tell(&RedbOptions::on_disk()));
    story
}

/// Tells the story with a fault in every operation that it has; what went wrong on the way.
fn at_every_operation(fault: Fault, lasting: u64) -> Sightings {
    let image = founded();
    let operations = tell(&image, 0..0, fault).took.0;
    assert!(operations > 100, "the story has {operations} operations only");
    let numbers: Vec<u64> = (1..=operations).collect();
    let (failures, seen) = each(&numbers, |first, seen| {
        let story = tell(&image, first..first + lasting, fault);
        seen.saw("stories");
        seen.merge(story.troubles);
        match story.disk.failed_at() {
            Some(failed_at) if failed_at == first => Ok(()),
            failed_at => Err(format!("operation {first} was to fail, {failed_at:?} did")),
        }
    });
    println!("{fault:?} in each of {operations} operations, for {lasting}\n{seen}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    seen
}

#[test]
fn a_full_disk_in_any_operation_loses_nothing() {
    let once = at_every_operation(Fault::NoSpace, 1);
    let longer = at_every_operation(Fault::NoSpace, LASTING);
    assert!(once.times("unknown outcomes") > 100 && once.times("failed openings") > 0, "{once}");
    assert!(longer.times("refusals") > once.times("refusals"), "{longer}");
}

#[test]
fn an_error_of_the_disk_in_any_operation_loses_nothing() {
    let once = at_every_operation(Fault::InputOutput, 1);
    let longer = at_every_operation(Fault::InputOutput, LASTING);
    assert!(once.times("unknown outcomes") > 100 && once.times("failed openings") > 0, "{once}");
    assert!(longer.times("refusals") > once.times("refusals"), "{longer}");
}

#[test]
fn an_error_in_any_read_is_over_when_the_disk_reads_again() {
    let (image, fault) = (founded(), Fault::InputOutput);
    // Nothing is kept in memory, so that everything is read.
    let options = RedbOptions { cache_bytes: 0, ..RedbOptions::on_disk() };
    let (mut first, mut refusals) = (1, 0);
    loop {
        let mut story = Story::on(&image, fault);
        story.disk.fail_reads(first..first + 1);
        runtime().block_on(story.tell(&options));
        refusals += story.troubles.times("refusals");
        if story.took.1 < first {
            break;
        }
        // Neighbours are read for the same purpose.
        first += 1 + first / 40;
    }
    println!("{first} reads, {refusals} refusals");
    assert!(first > 50 && refusals > 20, "{first} reads, {refusals} refusals");
}
