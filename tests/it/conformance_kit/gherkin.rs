//! The part of Gherkin that the conformance kit is written in. Whatever else stands in a file is an
//! error, so that no step is passed over in silence.

/// A feature file.
#[derive(Debug, PartialEq)]
pub struct Feature {
    pub name: String,
    pub scenarios: Vec<Scenario>,
}

#[derive(Debug, PartialEq)]
pub struct Scenario {
    pub name: String,
    pub steps: Vec<Step>,
}

#[derive(Debug, PartialEq)]
pub struct Step {
    /// Its line in the file, from 1.
    pub line: usize,
    /// Its text without the keyword.
    pub text: String,
    /// The YAML below it.
    pub document: Option<String>,
}

const FENCE: &str = "\"\"\"";
const KEYWORDS: &[&str] = &["Given ", "When ", "Then ", "And ", "But "];

/// Reads a feature file; an error names the line.
pub fn parse(text: &str) -> Result<Feature, String> {
    let mut name = None;
    let mut scenarios: Vec<Scenario> = Vec::new();
    let mut lines = text.lines().enumerate().map(|(n, line)| (n + 1, line));
    while let Some((n, line)) = lines.next() {
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let step = KEYWORDS.iter().find_map(|keyword| text.strip_prefix(keyword));
        let scenario = scenarios.last_mut();
        if let Some(feature) = text.strip_prefix("Feature:") {
            if name.replace(feature.trim().to_owned()).is_some() {
                return Err(format!("line {n}: a second feature"));
            }
        } else if let Some(name) = text.strip_prefix("Scenario:") {
            scenarios.push(Scenario { name: name.trim().to_owned(), steps: Vec::new() });
        } else if let (Some(step), Some(scenario)) = (step, scenario) {
            scenario.steps.push(Step { line: n, text: step.trim().to_owned(), document: None });
        } else if text.starts_with(FENCE) {
            let document = fenced(n, line, &mut lines)?;
            let step = scenarios.last_mut().and_then(|scenario| scenario.steps.last_mut());
            match step {
                Some(step) if step.document.is_none() => step.document = Some(document),
                _ => return Err(format!("line {n}: a document that belongs to no step")),
            }
        } else if name.is_none() || !scenarios.is_empty() {
            return Err(format!("line {n}: not understood: {text}"));
        }
    }
    let name = name.ok_or("no feature")?;
    Ok(Feature { name, scenarios })
}

/// The lines up to the closing fence, without the indentation of the opening one.
fn fenced<'a>(
    opened_at: usize,
    opening: &str,
    lines: &mut impl Iterator<Item = (usize, &'a str)>,
) -> Result<String, String> {
    let kind = opening.trim().trim_start_matches(FENCE);
    if kind != "yaml" {
        return Err(format!("line {opened_at}: a document of kind {kind:?}, not yaml"));
    }
    let indent = opening.len() - opening.trim_start().len();
    let mut document = String::new();
    for (_, line) in lines {
        if line.trim() == FENCE {
            return Ok(document);
        }
        let spaces = line.len() - line.trim_start_matches(' ').len();
        document.push_str(&line[spaces.min(indent)..]);
        document.push('\n');
    }
    Err(format!("line {opened_at}: a document that does not end"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_keep_their_lines_and_documents_their_shape() {
        let text = "Feature: F\n  As a reader\n  # a remark\n  Scenario: S\n    Given this:\n    \
                    \"\"\"yaml\n    a:\n      b: 1 # kept\n\n    \"\"\"\n    And that";
        let step = |line, text: &str, document: Option<&str>| Step {
            line,
            text: text.to_owned(),
            document: document.map(str::to_owned),
        };
        let steps = vec![step(5, "this:", Some("a:\n  b: 1 # kept\n\n")), step(11, "that", None)];
        let scenarios = vec![Scenario { name: "S".to_owned(), steps }];
        assert_eq!(parse(text), Ok(Feature { name: "F".to_owned(), scenarios }));
    }

    #[test]
    fn nothing_is_passed_over() {
        let cases = [
            ("Scenario: S", "no feature"),
            ("As a reader", "line 1: not understood"),
            ("Feature: F\nFeature: G", "line 2: a second feature"),
            ("Feature: F\nScenario: S\nBackground:", "line 3: not understood"),
            ("Feature: F\nScenario: S\nPerhaps it rains", "line 3: not understood"),
            ("Feature: F\nScenario: S\n\"\"\"yaml\n\"\"\"", "line 3: a document that belongs"),
            ("Feature: F\nScenario: S\nGiven x\n\"\"\"yaml", "line 4: a document that does not"),
            ("Feature: F\nScenario: S\nGiven x\n\"\"\"json\n\"\"\"", "line 4: a document of kind"),
        ];
        for (text, expected) in cases {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
    }
}
