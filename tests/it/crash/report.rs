//! The figures of the crash proof: for each point how often it was reached and died at, and what
//! was lost and done twice.

use std::collections::BTreeMap;
use std::fmt;

use holdpoint::model::crash_point::POINTS;

use super::story::{End, Outcome};

/// The rows of kills that no named point makes.
const IN_A_CALL: &str = "a call under way";
const AT_A_SYNC: &str = "a sync";

#[derive(Default)]
struct Row {
    reached: usize,
    kills: usize,
    lost: usize,
    doubled: usize,
}

/// All figures.
#[derive(Default)]
pub struct Report {
    rows: BTreeMap<&'static str, Row>,
    /// Stories that came to their end before a point was reached so many times.
    early: usize,
    stories: usize,
    problems: Vec<String>,
}

fn row_of(end: &End) -> &'static str {
    match end {
        End::Point(point, _) => point,
        End::Call(_) => IN_A_CALL,
        End::Opening(_) | End::Sync(_) => AT_A_SYNC,
    }
}

/// The points of these stories; nobody takes a backup in them, and those who do die elsewhere.
fn visited() -> impl Iterator<Item = &'static str> {
    POINTS.iter().copied().filter(|point| !point.starts_with("backup."))
}

impl Report {
    /// An undisturbed run reached these.
    pub fn reached(&mut self, points: &[String]) {
        for point in visited() {
            let times = points.iter().filter(|name| *name == point).count();
            self.rows.entry(point).or_default().reached += times;
        }
    }

    pub fn add(&mut self, outcome: Outcome) {
        let Outcome { case, kills, findings, kept } = outcome;
        self.stories += 1;
        self.early += usize::from(kills < case.0.len());
        for end in case.0.iter().take(kills) {
            self.rows.entry(row_of(end)).or_default().kills += 1;
        }
        // What is found is the fault of the last crash, as far as anybody can tell.
        if let Some(end) = case.0.get(kills.saturating_sub(1)) {
            let row = self.rows.entry(row_of(end)).or_default();
            row.lost += findings.lost.len();
            row.doubled += findings.doubled.len();
        }
        if !findings.is_empty() {
            let kinds =
                [("lost", findings.lost), ("doubled", findings.doubled), ("wrong", findings.wrong)];
            let lines = kinds.into_iter().flat_map(|(kind, texts)| {
                texts.into_iter().map(move |text| format!("  {kind}: {text}"))
            });
            let lines: Vec<String> = lines.collect();
            let kept = kept.unwrap_or_default();
            self.problems.push(format!("{:?}, kept in {kept}:\n{}", case.0, lines.join("\n")));
        }
    }

    /// Everything that must not be.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = self.problems.clone();
        for point in visited() {
            if self.rows.get(point).is_none_or(|row| row.kills == 0) {
                problems.push(format!("{point} was never died at"));
            }
        }
        // The order of events differs a little from run to run; if much was missed, much is
        // unproven.
        if self.early * 4 > self.stories {
            let (early, stories) = (self.early, self.stories);
            problems.push(format!("{early} of {stories} stories ended before their crash"));
        }
        problems
    }

    fn sum(&self, of: impl Fn(&Row) -> usize) -> usize {
        self.rows.values().map(of).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = ("point", "reached", "kills", "lost", "doubled");
        writeln!(f, "{:<28}{:>8}{:>7}{:>6}{:>9}", line.0, line.1, line.2, line.3, line.4)?;
        for (point, Row { reached, kills, lost, doubled }) in &self.rows {
            writeln!(f, "{point:<28}{reached:>8}{kills:>7}{lost:>6}{doubled:>9}")?;
        }
        let hit = visited().filter(|point| self.rows.get(point).is_some_and(|r| r.kills > 0));
        let (hit, all, kills) = (hit.count(), visited().count(), self.sum(|row| row.kills));
        let (lost, doubled) = (self.sum(|row| row.lost), self.sum(|row| row.doubled));
        let (stories, early) = (self.stories, self.early);
        writeln!(f, "{stories} stories; {early} ended before their last crash")?;
        write!(f, "crash points: {hit} of {all} hit, {kills} kills, {lost} lost, {doubled} doubled")
    }
}
