//! The page about the life cycle says what the machine does: its table is compared with the
//! machine.

use std::collections::BTreeMap;

use holdpoint::machine::job_row;
use holdpoint::model::command::Command;
use holdpoint::model::status::Status;

use super::matrix::{states, wishes};
use super::world::World;

const PAGE: &str = include_str!("../../../docs/state-machine.md");

/// The wishes of the outer life cycle, as the page spells them.
const LIFE_CYCLE: [&str; 13] = [
    "assign",
    "match",
    "fail-match",
    "unassign",
    "execute",
    "begin",
    "terminate",
    "resubmit",
    "force-complete",
    "reassign",
    "suspend",
    "rearm",
    "poison",
];

/// Where a wish leads, over all states of the matrix with this status; `-` where it is refused.
fn leads(from: &[(&'static str, World)], status: Status, wish: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (_, world) in from.iter().filter(|(_, world)| world.job().status == status) {
        let command: Command = wishes(world).into_iter().find(|(name, _)| *name == wish).unwrap().1;
        let mut world = world.clone();
        if world.send(command).is_ok() {
            found.push(job_row(world.job()).status.to_string());
        }
    }
    found.sort();
    found.dedup();
    found
}

#[test]
fn the_table_of_the_page_is_what_the_machine_does() {
    let states = states();
    let rows: BTreeMap<&str, Vec<&str>> = PAGE
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(wish, cells)| {
            let cells = cells.trim_end_matches('|').split('|').map(str::trim).collect();
            (wish, cells)
        })
        .collect();
    for wish in LIFE_CYCLE {
        let cells = rows.get(wish).unwrap_or_else(|| panic!("the page has no row for {wish}"));
        assert_eq!(cells.len(), Status::ALL.len(), "row {wish}");
        for (status, cell) in Status::ALL.iter().zip(cells) {
            let found = leads(&states, *status, wish);
            let found = if found.is_empty() { "–".to_owned() } else { found.join(", ") };
            assert_eq!(*cell, found, "{wish} in {status}");
        }
    }
    assert_eq!(rows.len(), LIFE_CYCLE.len(), "the page has rows for {:?}", rows.keys());
}
