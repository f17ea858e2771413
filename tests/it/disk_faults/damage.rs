//! A closed store whose bytes change: with verification it is refused, or everything that it says
//! is what it said before. Without, no journal that was changed is ever folded into a job.

use std::panic::{AssertUnwindSafe, catch_unwind};

use holdpoint::store::{OpenError, Random, Recovery, Redb, RedbOptions, SimDisk, Store};

use super::asking::{ask_together, is_done};
use super::cast::Cast;
use super::ledger::Ledger;
use super::sightings::Sightings;
use super::{each, runtime, text_of};

const PAGE_BYTES: usize = 4_096;
/// Damaged stores of each kind.
const SEEDS: u64 = 100;
/// Rounds of work in the store that is damaged.
const ROUNDS: u64 = 40;
/// Of these, rounds after the older copy.
const ROUNDS_SINCE: u64 = 12;

#[derive(Clone, Copy, Debug)]
enum Damage {
    FlippedBit,
    ZeroedPage,
    SwappedPages,
    OldPage,
    Truncated,
}

use Damage::{FlippedBit, OldPage, SwappedPages, Truncated, ZeroedPage};

/// A closed store of jobs, as it is and as it was some rounds before.
struct Closed {
    ledger: Ledger,
    image: Vec<u8>,
    older: Vec<u8>,
    /// Where pages begin that are not empty.
    pages: Vec<usize>,
}

impl Closed {
    fn new() -> Self {
        let disk = SimDisk::default();
        Redb::found_on(&disk).expect("a disk that works");
        let (mut ledger, mut cast, mut random) = (Ledger::default(), Cast::new(5), Random(5));
        let mut older = Vec::new();
        runtime().block_on(async {
            let store = Redb::on_disk(RedbOptions::on_disk(), &disk).expect("a store");
            for round in 0..ROUNDS {
                if round == ROUNDS - ROUNDS_SINCE {
                    older = disk.image();
                }
                let wishes = cast.wishes(&ledger, &mut random, 4);
                let answers = ask_together(&store, &disk, &wishes).await;
                for (wish, answer) in wishes.iter().zip(answers) {
                    assert!(is_done(wish, &answer.expect("an answer"), ledger.next_feed()));
                    ledger.take(wish);
                }
            }
            ledger.check(&store).await.expect("a sound store");
            store.close().await.expect("a closed store");
        });
        let image = disk.image();
        let page = |at: &usize| image[*at..].iter().take(PAGE_BYTES).any(|byte| *byte != 0);
        let pages = (0..image.len()).step_by(PAGE_BYTES).filter(page).collect();
        Self { ledger, image, older, pages }
    }

    fn damaged(&self, damage: Damage, random: &mut Random) -> Vec<u8> {
        let mut image = self.image.clone();
        let page = |random: &mut Random| self.pages[random.below(self.pages.len() as u64) as usize];
        let at = page(random);
        match damage {
            FlippedBit => {
                image[at + random.below(PAGE_BYTES as u64) as usize] ^= 1 << random.below(8);
            }
            ZeroedPage => image[at..at + PAGE_BYTES].fill(0),
            SwappedPages => {
                let other = page(random);
                image.copy_within(other..other + PAGE_BYTES, at);
                image[other..other + PAGE_BYTES].copy_from_slice(&self.image[at..at + PAGE_BYTES]);
            }
            OldPage => {
                let changed: Vec<usize> =
                    self.pages.iter().copied().filter(|at| self.old(*at).is_some()).collect();
                let at = changed[random.below(changed.len() as u64) as usize];
                let old = self.old(at).unwrap_or_default();
                image[at..at + PAGE_BYTES].copy_from_slice(old);
            }
            Truncated => image.truncate(random.below(self.image.len() as u64) as usize),
        }
        image
    }

    /// What stood in a page before, if that was something else.
    fn old(&self, at: usize) -> Option<&[u8]> {
        let old = self.older.get(at..at + PAGE_BYTES)?;
        let was_used = old.iter().any(|byte| *byte != 0);
        (was_used && old != &self.image[at..at + PAGE_BYTES]).then_some(old)
    }

    /// Opens and reads everything; what became of it.
    fn read(&self, image: &[u8], kind: Damage, recovery: Recovery) -> Result<&'static str, String> {
        let disk = SimDisk::with_image(image.to_vec());
        let options = RedbOptions { recovery, ..RedbOptions::on_disk() };
        let opened = catch_unwind(AssertUnwindSafe(|| Redb::on_disk(options, &disk)));
        let store = match opened.map_err(|_| "opening panicked".to_owned())? {
            Ok(store) => store,
            Err(OpenError::Damaged { .. } | OpenError::NotAStore { .. }) => {
                return match (disk.image() == image, recovery, kind) {
                    (true, ..) => Ok("refused"),
                    // redb notes that the file is in use before it meets the damage. An old first
                    // page looks like a crash, of which it notes that it was recovered from.
                    (false, Recovery::Fast, _) | (false, _, OldPage) => Ok("refused, and changed"),
                    _ => Err("it was refused, and yet changed".to_owned()),
                };
            }
            Err(error) => return Err(format!("opening says {error}")),
        };
        let reading = || runtime().block_on(self.ledger.inspect(&store));
        let seen = catch_unwind(AssertUnwindSafe(reading));
        let seen = seen.map_err(|panic| format!("reading panicked: {}", text_of(&*panic)))?;
        let mut jobs = seen.wrong.iter().filter(|wrong| wrong.starts_with("the fold of"));
        if let Some(wrong) = jobs.find(|wrong| !wrong.contains("\nfound  None\n")) {
            return Err(format!("a job folds to something else: {wrong}"));
        }
        Ok(match (&seen.wrong[..], &seen.failed[..]) {
            ([], []) => "identical",
            ([], _) => "records refused",
            (_, []) => "entries missed",
            _ => "entries missed, and records refused",
        })
    }
}

/// Damages a store in each way from many seeds, and reads what is left.
fn after_damage(recovery: Recovery) -> Sightings {
    let closed = Closed::new();
    let kinds = [FlippedBit, ZeroedPage, SwappedPages, OldPage, Truncated];
    let seeds: Vec<u64> = (0..SEEDS * kinds.len() as u64).collect();
    let (failures, seen) = each(&seeds, |seed, seen| {
        let kind = kinds[(seed % kinds.len() as u64) as usize];
        let image = closed.damaged(kind, &mut Random(seed));
        let outcome = closed.read(&image, kind, recovery);
        seen.saw(outcome.clone().map_err(|wrong| format!("seed {seed}, {kind:?}: {wrong}"))?);
        Ok(())
    });
    println!("{recovery:?}, {} damaged stores\n{seen}", seeds.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    seen
}

#[test]
fn a_damaged_store_is_refused_or_says_what_it_said() {
    let seen = after_damage(Recovery::Verify);
    let refused = seen.times("refused") + seen.times("refused, and changed");
    assert_eq!(refused + seen.times("identical"), SEEDS * 5, "{seen}");
    assert!(seen.times("refused") > SEEDS * 2, "{seen}");
}

#[test]
fn without_verification_damage_shows_where_it_is_met() {
    let seen = after_damage(Recovery::Fast);
    assert!(seen.times("records refused") > 0, "{seen}");
}
