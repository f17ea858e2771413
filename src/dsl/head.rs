//! `document`: what the workflow is called, which version it is, and our own metadata.

use serde_json::Value;

use crate::dsl::check::Check;

/// Longest namespace or name (the standard's schema: a DNS label).
const LABEL_BYTES_MAX: usize = 63;

/// The checked members of `document`.
pub(super) struct Head {
    pub namespace: String,
    pub name: String,
    pub version: String,
    pub title: Option<String>,
    pub summary: Option<String>,
    pub needs_agent: bool,
}

/// Reads `document`.
pub(super) fn read<'d>(check: &mut Check<'d>, value: &'d Value) -> Option<Head> {
    let required = ["dsl", "namespace", "name", "version"];
    let optional = ["title", "summary", "tags", "metadata"];
    let object = check.members(value, "`document`", &required, &optional)?;
    check.member(object, "dsl", dsl);
    let namespace = check.member(object, "namespace", |check, value| label(check, value));
    let name = check.member(object, "name", |check, value| label(check, value));
    let version = check.member(object, "version", |check, value| version(check, value));
    let title = check.member(object, "title", |check, value| check.text(value, "`title`"));
    let summary = check.member(object, "summary", |check, value| check.text(value, "`summary`"));
    check.member(object, "tags", |check, value| check.object(value, "`tags`"));
    let needs_agent = check.member(object, "metadata", metadata).unwrap_or(false);
    Some(Head {
        namespace: namespace?,
        name: name?,
        version: version?,
        title: title.map(str::to_owned),
        summary: summary.map(str::to_owned),
        needs_agent,
    })
}

fn dsl<'d>(check: &mut Check<'d>, value: &'d Value) -> Option<()> {
    let text = version(check, value)?;
    let is_ours = text.strip_prefix("1.0.").is_some_and(|patch| !patch.contains('-'));
    if !is_ours {
        check.defect_with(
            format!("version {text} of the DSL is not supported"),
            "this version reads documents of the DSL 1.0, for example '1.0.3'",
        );
    }
    Some(())
}

/// A namespace or a name: letters, digits and `-` inside, at most 63 (the standard's schema).
pub(super) fn label<'d>(check: &mut Check<'d>, value: &'d Value) -> Option<String> {
    let text = check.text(value, "this")?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_label = text.len() <= LABEL_BYTES_MAX
        && text.bytes().all(allowed)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if !is_label {
        check.defect_with(
            format!("`{text}` cannot be a name"),
            "letters, digits and -, at most 63, with a letter or digit at both ends",
        );
        return None;
    }
    Some(text.to_owned())
}

/// A semantic version.
pub(super) fn version<'d>(check: &mut Check<'d>, value: &'d Value) -> Option<String> {
    let text = check.text(value, "a version")?;
    if !is_semantic_version(text) {
        check.defect_with(format!("`{text}` is no semantic version"), "for example '1.0.0'");
        return None;
    }
    Some(text.to_owned())
}

/// <https://semver.org>: three numbers, then `-` and a pre-release, then `+` and a build.
fn is_semantic_version(text: &str) -> bool {
    let (rest, build) = text.split_once('+').map_or((text, None), |(a, b)| (a, Some(b)));
    let (core, pre_release) = rest.split_once('-').map_or((rest, None), |(a, b)| (a, Some(b)));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let number = |part: &str| digits(part) && (part == "0" || !part.starts_with('0'));
    let word = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    core.split('.').count() == 3
        && core.split('.').all(number)
        && pre_release.is_none_or(|text| {
            text.split('.').all(|part| word(part) && (!digits(part) || number(part)))
        })
        && build.is_none_or(|text| text.split('.').all(word))
}

/// `metadata` is free, but for our own member `holdpoint`. Does the workflow need an agent?
fn metadata<'d>(check: &mut Check<'d>, value: &'d Value) -> Option<bool> {
    let object = check.object(value, "`metadata`")?;
    check.member(object, "holdpoint", |check, value| {
        let ours = check.members(value, "`metadata.holdpoint`", &[], &["assignment"])?;
        let word = check.member(ours, "assignment", |check, value| {
            check.word(value, "`assignment`", &["required", "none"])
        });
        Some(word == Some("required"))
    })
}
