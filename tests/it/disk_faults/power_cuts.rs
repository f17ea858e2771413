//! Power that is cut in any operation, in opening and recovery as well, in store after store.
//! `HOLDPOINT_SIM_SEEDS` says how many, `HOLDPOINT_SIM_SEED` runs one.

use super::lives::Lives;
use super::sightings::Sightings;
use super::{each, runtime};

const SEEDS: u64 = 2_000;
/// Seeds that found something once. They are run first, for ever.
const REGRESSIONS: &str = include_str!("../../regressions/power-cuts.txt");

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

fn regressions() -> Vec<u64> {
    let lines = REGRESSIONS.lines().filter(|line| !line.starts_with('#'));
    let seeds = lines.filter_map(|line| line.split_whitespace().next());
    seeds.map(|seed| seed.parse().expect("a line begins with a seed")).collect()
}

fn seeds() -> Vec<u64> {
    match number("HOLDPOINT_SIM_SEED") {
        Some(seed) => vec![seed],
        None => {
            let count = number("HOLDPOINT_SIM_SEEDS").unwrap_or(SEEDS);
            regressions().into_iter().chain(0..count).collect()
        }
    }
}

fn live(seed: u64, seen: &mut Sightings) -> Result<(), String> {
    let lived = runtime().block_on(Lives::new(seed, seen).run());
    lived.map_err(|error| {
        format!(
            "seed {seed}: {error}\nonce more: HOLDPOINT_SIM_SEED={seed} cargo nextest run \
             --features fault-injection -E 'test(any_power_cut)'\nkeep it: a line \"{seed} what \
             it found\" in tests/regressions/power-cuts.txt"
        )
    })
}

/// What every run of some size must have met.
const SOMETIMES: &[&str] = &[
    "acknowledged with a checkpoint",
    "acknowledged with a key",
    "acknowledged with a nudge",
    "acknowledged with a snapshot",
    "acknowledged with a subscription",
    "acknowledged without a job",
    "asked again, and done",
    "asked again, and known",
    "closed",
    "cut between the phases",
    "cut between two transactions",
    "cut between write and first sync",
    "cut in a clean opening",
    "cut in creation",
    "cut in recovery",
    "cut in the first sync",
    "cut in the first write",
    "cut in the second sync",
    "cut while the file grew",
    "keys used again",
    "refused",
    "unknown, and not there",
    "unknown, and there",
];

#[test]
fn any_power_cut_keeps_what_was_acknowledged() {
    let seeds = seeds();
    let (failures, seen) = each(&seeds, live);
    println!("{} seeds\n{seen}", seeds.len());
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    if seeds.len() > 200 {
        let missing: Vec<_> = SOMETIMES.iter().filter(|what| seen.times(what) == 0).collect();
        assert!(missing.is_empty(), "never met: {missing:?}");
        let (commits, groups) = (seen.times("commits"), seen.times("groups"));
        assert!(commits > groups, "{commits} commits in {groups} groups: none had company");
    }
}

#[test]
fn a_disk_that_lies_is_found_out() {
    let seeds: Vec<u64> = (0..40).collect();
    let (failures, _) = each(&seeds, |seed, seen| {
        runtime().block_on(Lives::new(seed, seen).on_lying_disks().run())
    });
    assert!(failures.len() >= 10, "{} of 40 stores found out", failures.len());
}
