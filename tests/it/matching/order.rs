//! The order of agents: the same for the same facts, however they are given.

use holdpoint::engine::matching::{Candidate, Opening, Record, rank};
use proptest::prelude::*;

use super::{agent, task};

#[test]
fn the_better_one_comes_first_and_equal_ones_by_name_and_id() {
    let named = |id: &str, name: &str| Candidate { name: name.to_owned(), ..agent(id) };
    let proven = Candidate { record: Record { accepted: 9, rejected: 0 }, ..named("z", "zeta") };
    let idle = Candidate { opening: Opening::Inactive, ..proven.clone() };
    let idle = Candidate { id: "i".to_owned(), ..idle };
    let candidates = [idle, named("2", "same"), named("1", "same"), named("0", "tail"), proven];
    let order = rank(&task(), &candidates);
    let ids: Vec<&str> = order.agents.iter().map(|agent| agent.id.as_str()).collect();
    assert_eq!(ids, ["z", "1", "2", "0", "i"]);
}

fn candidate() -> impl Strategy<Value = Candidate> {
    let opening = prop_oneof![
        (0u32..5, 1u32..5).prop_map(|(free, all)| Opening::Places { free, all }),
        Just(Opening::Inactive),
        Just(Opening::CircuitOpen { until: None }),
    ];
    let description = prop::sample::subsequence(
        vec!["sums", "invoices", "totals", "bread", "reports", "mails"],
        0..=6,
    );
    (opening, description, 0u64..20, 0u64..20).prop_map(|(opening, words, accepted, rejected)| {
        Candidate {
            opening,
            description: words.join(" "),
            record: Record { accepted, rejected },
            ..agent("x")
        }
    })
}

proptest! {
    #[test]
    fn the_order_depends_on_nothing_but_the_facts(
        mut candidates in prop::collection::vec(candidate(), 0..12),
        seed in any::<u64>(),
    ) {
        for (place, candidate) in candidates.iter_mut().enumerate() {
            candidate.id = format!("{place:02}");
        }
        let order = rank(&task(), &candidates);
        let length = candidates.len().max(1);
        candidates.rotate_left(seed as usize % length);
        if seed % 2 == 0 {
            candidates.reverse();
        }
        prop_assert_eq!(&rank(&task(), &candidates), &order);
        // Nobody is left without a reason, and nobody who lacks something comes before the others.
        let suits: Vec<bool> = order.agents.iter().map(|agent| agent.suits()).collect();
        prop_assert!(suits.is_sorted_by(|a, b| a >= b));
        for agent in &order.agents {
            prop_assert!(!agent.reasons.is_empty() || !agent.lacks.is_empty());
            prop_assert!(agent.points.total() <= 100);
        }
    }
}
