//! Where points come from, and what an agent lacks.

use holdpoint::engine::matching::{Candidate, Fit, Opening, Points, Record, rank};
use holdpoint::model::time::Timestamp;
use serde_json::json;

use super::{agent, taking, task};

fn points(candidate: Candidate) -> Points {
    rank(&task(), &[candidate]).agents[0].points
}

#[test]
fn a_fitting_agent_has_points_and_a_reason_for_each() {
    let order = rank(&task(), &[agent("a")]);
    let found = &order.agents[0];
    assert!(found.suits());
    assert_eq!(found.points, Points { schema: 10, words: 40, capacity: 20, record: 10 });
    assert_eq!(
        found.reasons,
        [
            "words in common: invoice, report, sum, total",
            "4 of its 4 places are free",
            "no verdict about its results is known",
            "its input schema takes what the job says of itself",
        ]
    );
}

#[test]
fn each_kind_of_point_rises_with_what_it_counts() {
    let words = |description: &str| {
        let description = description.to_owned();
        points(Candidate { description, name: "x".to_owned(), ..agent("a") }).words
    };
    assert_eq!(
        [
            "bakes bread",
            "sums",
            "sums totals",
            "sums totals, reports",
            "sums invoices totals report"
        ]
        .map(words),
        [0, 15, 25, 33, 40]
    );
    let places =
        |free| points(Candidate { opening: Opening::Places { free, all: 4 }, ..agent("a") });
    assert_eq!([1, 2, 3, 4, 9].map(|free| places(free).capacity), [5, 10, 15, 20, 20]);
    let record = |accepted, rejected| {
        points(Candidate { record: Record { accepted, rejected }, ..agent("a") }).record
    };
    assert_eq!(record(0, 0), 10);
    assert_eq!(record(1, 0), 13);
    assert_eq!(record(98, 0), 19);
    assert_eq!(record(0, 10), 1);
    assert_eq!(record(u64::MAX, 0), 19);
    assert_eq!(record(u64::MAX, u64::MAX), 10);
}

#[test]
fn what_keeps_an_agent_out_is_said() {
    let until = Timestamp::parse_rfc3339("2030-01-01T00:00:00Z");
    let closed = |opening| Candidate { opening, ..agent("a") };
    let rows = [
        (closed(Opening::Inactive), "it is inactive"),
        (
            closed(Opening::CircuitOpen { until }),
            "it did not answer lately and is left alone until 2030-01-01T00:00:00.000Z",
        ),
        (closed(Opening::Resting { until: None }), "it takes no further call"),
        (
            closed(Opening::Places { free: 0, all: 3 }),
            "it is at capacity: all of its 3 places are taken",
        ),
        (
            Candidate {
                name: "baker".to_owned(),
                description: "bakes bread".to_owned(),
                ..agent("a")
            },
            "it has no word in common with the job",
        ),
        (
            taking(agent("a"), json!({"type": "object", "required": ["iban"]})),
            "nothing of the job fits its input schema: \"iban\" is a required property",
        ),
        (
            Candidate {
                name: "x".to_owned(),
                description: "sums".to_owned(),
                opening: Opening::Places { free: 1, all: 100 },
                record: Record { accepted: 0, rejected: 100 },
                ..agent("a")
            },
            "its score 25 is below 40",
        ),
    ];
    for (candidate, expected) in rows {
        let order = rank(&task(), &[candidate]);
        assert_eq!(order.agents[0].lacks, [expected]);
        assert_eq!(order.suiting().count(), 0);
        let report = order.report(None, &[]);
        assert_eq!(report["message"], "none of 1 agents suits the job");
        assert_eq!(report["agents"][0]["lacks"][0], expected);
    }
    assert_eq!(rank(&task(), &[]).report(None, &[])["message"], "no agent is registered");
}

#[test]
fn inputs_are_the_jobs_own_or_what_it_says_of_itself() {
    let mut task = task();
    task.input = json!({"files": ["a.pdf"]});
    let given = taking(agent("a"), json!({"type": "object", "required": ["files"]}));
    assert_eq!(task.fit(&given), Fit::AsGiven(json!({"files": ["a.pdf"]})));
    // A schema with properties gets those, and the members of the job's own input come first.
    let some = json!({
        "type": "object",
        "properties": {"task": {"type": "string"}, "files": {}, "acceptanceCriteria": {}},
        "required": ["task"],
        "additionalProperties": false,
    });
    assert_eq!(
        task.fit(&taking(agent("a"), some.clone())),
        Fit::Composed(json!({
            "task": "Sum invoices",
            "files": ["a.pdf"],
            "acceptanceCriteria": "The text names a total",
        }))
    );
    task.input = json!({"task": "mine"});
    let Fit::AsGiven(given) = task.fit(&taking(agent("a"), some)) else { panic!("it fits") };
    assert_eq!(given, json!({"task": "mine"}));
    // Without properties everything is told.
    task.input = json!([1, 2]);
    assert_eq!(
        task.fit(&agent("a")),
        Fit::Composed(json!({
            "task": "Sum invoices",
            "description": "Sum the invoices and report the total",
            "acceptanceCriteria": "The text names a total",
            "input": [1, 2],
        }))
    );
}
