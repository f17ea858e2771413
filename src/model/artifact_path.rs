//! Which files may be written below an artifact folder: a pure check of paths, counts and sizes.
//! It never touches a disk, so that a checkpoint can show the defects before a person approves.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde_json::Value;

use crate::model::limits::{FILE_BYTES_MAX, FILE_PATH_BYTES_MAX, FILES_MAX};

/// One reason why a list of files is not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathDefect {
    /// The path as it was given, with invisible characters escaped; `files` for the list itself.
    pub path: String,
    /// What is wrong with it, as a clause that follows the path.
    pub reason: String,
}

impl fmt::Display for PathDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.reason)
    }
}

fn defect(path: &str, reason: impl Into<String>) -> PathDefect {
    PathDefect { path: path.escape_debug().to_string(), reason: reason.into() }
}

/// Checks a list of `{path, content, encoding?}`: every defect at once, in the order of the list.
///
/// # Errors
/// The list has a wrong shape, too many or too large files, or paths that could leave the folder,
/// mean two things, or not exist on a common file system.
pub fn check_paths(files: &Value) -> Result<(), Vec<PathDefect>> {
    let Some(files) = files.as_array() else {
        return Err(vec![defect("files", "must be a list of {path, content}")]);
    };
    if files.len() > FILES_MAX {
        let reason = format!("has {} entries, at most {FILES_MAX} are allowed", files.len());
        return Err(vec![defect("files", reason)]);
    }
    let mut defects = Vec::new();
    let mut paths = Vec::with_capacity(files.len());
    for (index, file) in files.iter().enumerate() {
        let Some(path) = file.get("path").and_then(Value::as_str) else {
            defects.push(defect(&format!("files[{index}]"), "has no path"));
            continue;
        };
        // An empty path is named by its place in the list.
        let named = if path.is_empty() { format!("files[{index}].path") } else { path.to_owned() };
        match check_path(path) {
            Ok(()) => paths.push(path),
            Err(reason) => defects.push(defect(&named, reason)),
        }
        if let Err(reason) = check_content(file) {
            defects.push(defect(&named, reason));
        }
    }
    defects.extend(clashes(&paths));
    if defects.is_empty() { Ok(()) } else { Err(defects) }
}

/// Checks one relative path of a file or folder.
///
/// # Errors
/// The first rule that the path breaks, as a clause that follows the path.
pub fn check_path(path: &str) -> Result<(), String> {
    if path.is_empty() {
        return Err("is empty".to_owned());
    }
    if path.len() > FILE_PATH_BYTES_MAX {
        let bytes = path.len();
        return Err(format!("is {bytes} bytes long, at most {FILE_PATH_BYTES_MAX} are allowed"));
    }
    if path.starts_with('/') {
        return Err("is absolute".to_owned());
    }
    for character in path.chars() {
        if let Some(reason) = refused_character(character) {
            return Err(format!("has {reason} (U+{:04X})", u32::from(character)));
        }
    }
    path.split('/').try_for_each(check_segment).map_err(str::to_owned)
}

/// Characters that do not exist on a common file system, or that make a path look like another one.
fn refused_character(character: char) -> Option<&'static str> {
    match character {
        '\\' => Some("a backslash"),
        ':' => Some("a colon, which names a drive or a stream on Windows"),
        '<' | '>' | '"' | '|' | '?' | '*' => Some("a character that Windows refuses"),
        '\u{200b}'..='\u{200f}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{00ad}'
        | '\u{034f}'
        | '\u{061c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{3164}'
        | '\u{ffa0}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{e0000}'..='\u{e0fff}' => Some("an invisible character"),
        '\u{202a}'..='\u{202e}' => Some("a character that turns the direction of the text"),
        '\u{2028}' | '\u{2029}' => Some("a line break"),
        character if character.is_control() => Some("a control character"),
        _ => None,
    }
}

fn check_segment(segment: &str) -> Result<(), &'static str> {
    // 255 bytes is the longest name on the common file systems.
    const NAME_BYTES_MAX: usize = 255;
    match segment {
        "" => return Err("has an empty segment"),
        "." => return Err("has a segment `.`"),
        ".." => return Err("has a segment `..`, which leaves the folder"),
        _ => {}
    }
    if segment.len() > NAME_BYTES_MAX {
        return Err("has a segment of more than 255 bytes");
    }
    if segment.ends_with(['.', ' ']) || segment.starts_with(' ') {
        return Err("has a segment with a trailing dot or an outer space");
    }
    // Windows reserves these names with any extension.
    let stem = segment.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let numbered = ["COM", "LPT"].iter().any(|device| {
        stem.strip_prefix(device).is_some_and(|number| {
            matches!(number, "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9")
                || matches!(number, "¹" | "²" | "³")
        })
    });
    if numbered || matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") {
        return Err("has a name that Windows reserves");
    }
    Ok(())
}

fn check_content(file: &Value) -> Result<(), String> {
    let Some(content) = file.get("content").and_then(Value::as_str) else {
        return Err("has no content (a string)".to_owned());
    };
    let bytes = match file.get("encoding").map(Value::as_str) {
        None | Some(Some("utf8")) => content.len(),
        Some(Some("base64")) => {
            let padding = content.bytes().rev().take(2).filter(|byte| *byte == b'=').count();
            (content.len() / 4 * 3).saturating_sub(padding)
        }
        Some(_) => return Err("has an encoding that is neither utf8 nor base64".to_owned()),
    };
    if bytes > FILE_BYTES_MAX {
        return Err(format!("holds {bytes} bytes, at most {FILE_BYTES_MAX} are allowed"));
    }
    Ok(())
}

/// Paths that mean the same file, or that need one name to be a file and a folder. Letter case does
/// not count: the artifacts must survive a copy to a file system that ignores it.
fn clashes(paths: &[&str]) -> Vec<PathDefect> {
    let folded: Vec<String> = paths.iter().map(|path| path.to_lowercase()).collect();
    let mut files = HashMap::new();
    let mut folders = HashSet::new();
    let mut defects = Vec::new();
    for (path, folded) in paths.iter().zip(&folded) {
        if let Some(earlier) = files.insert(folded.as_str(), *path) {
            let earlier = earlier.escape_debug();
            defects.push(defect(path, format!("is the same file as {earlier}")));
        }
        folders.extend(folded.match_indices('/').map(|(end, _)| &folded[..end]));
    }
    for (path, folded) in paths.iter().zip(&folded) {
        if folders.contains(folded.as_str()) {
            defects.push(defect(path, "is a file and also the folder of another file"));
        }
    }
    defects
}
