//! What to do when the store or another part cannot be opened: the file, what was checked, and
//! numbered steps for the person at the terminal.

use std::fmt::Write as _;
use std::path::Path;

use super::exit::{Code, Failure};
use crate::app::stopped::StoppedError;
use crate::app::{AppError, StoreFault};
use crate::store::{BackupError, LastBackup, Report};

/// A failed start as an exit code and a text.
pub(super) fn of_start(error: &AppError) -> Failure {
    match error {
        AppError::Store { path, fault, .. } => {
            let mut text = format!("{error}\n");
            for (number, step) in (1..).zip(steps(*fault, path)) {
                let _ = write!(text, "\n  {number}. {step}");
            }
            Failure::new(Code::Io, text)
        }
        AppError::Listen { address, .. } => {
            let (ip, port) = (address.ip(), address.port());
            let steps = format!(
                "  1. see who uses it: ss -ltnp 'sport = :{port}'\n  \
                 2. or take another one: --listen {ip}:0"
            );
            Failure::new(Code::Io, format!("{error}\n\n{steps}"))
        }
        AppError::Setting { .. } => Failure::new(Code::Config, error.to_string()),
        AppError::Engine(_) | AppError::Admin(_) => Failure::new(Code::Internal, error.to_string()),
    }
}

/// A failed backup, restore or compaction as an exit code and a text.
pub(super) fn of_stopped(error: &StoppedError) -> Failure {
    match error {
        StoppedError::Open(error) => of_start(error),
        StoppedError::Copy(BackupError::Exists { path }) => {
            let file = path.display();
            let text = format!(
                "{file} exists already, and nothing is overwritten: choose another name, or set \
                 it aside (`restore` and `import` do that with --replace)"
            );
            Failure::new(Code::Io, text)
        }
        StoppedError::Stream { .. } => Failure::new(Code::Io, error.to_string()),
        StoppedError::Copy(error) => Failure::new(Code::Io, error.to_string()),
    }
}

/// The last backup of a store, and the command that puts it back.
fn last_backup(path: &Path) -> Vec<String> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).display();
    let Some(last) = LastBackup::of(path) else {
        return vec![format!(
            "no backup is noted beside it; if there is one elsewhere: holdpoint restore --from \
             FILE --data {folder} --replace"
        )];
    };
    let file = last.file.display();
    let gone = if last.file.is_file() { "" } else { " (it is not there any more: look for it)" };
    vec![format!(
        "put the last backup, taken at {}, in its place{gone}: holdpoint restore --from {file} \
         --data {folder} --replace",
        last.taken_at
    )]
}

/// What to do about a store with defects.
pub(super) fn steps_after(report: &Report, path: &Path) -> Vec<String> {
    if !report.lacks_only_places() {
        return steps(StoreFault::Damaged, path);
    }
    vec![
        "start the server: it derives the missing rows anew, and no job is lost".to_owned(),
        "if rows go missing again, check the disk (`dmesg`, `smartctl -a`)".to_owned(),
    ]
}

/// What to do about a store that cannot be opened, in the order to try it.
pub(super) fn steps(fault: StoreFault, path: &Path) -> Vec<String> {
    let file = path.display();
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).display();
    match fault {
        StoreFault::InUse => vec![
            format!("another process has it open: see which with `fuser -v {file}`"),
            "ask that server instead: `holdpoint worker status --url http://HOST:PORT`".to_owned(),
            "or stop it first (SIGTERM; it drains and closes the file)".to_owned(),
        ],
        StoreFault::Newer => vec![
            "run the newer Holdpoint that wrote it".to_owned(),
            format!("or start on another folder with --data; {file} stays as it is"),
        ],
        StoreFault::Damaged => {
            let mut steps = vec![
                format!("nothing was changed; keep the damaged file: cp -a {file} {file}.damaged"),
                "check the disk (`dmesg`, `smartctl -a`): a sound disk does not damage files"
                    .to_owned(),
            ];
            steps.extend(last_backup(path));
            steps
        }
        StoreFault::Foreign => vec![
            "check the path: [store] url in config.toml, or --data".to_owned(),
            format!("if {file} belongs to something else, choose another folder with --data"),
        ],
        StoreFault::NoSpace => vec![
            format!("free some space: df -h {folder}"),
            "or move the folder to a larger disk and name it with --data".to_owned(),
        ],
        StoreFault::Io => vec![
            "check the path: [store] url in config.toml, or --data".to_owned(),
            format!("check that this user may read and write it: ls -ld {folder} {file}"),
            format!("check the disk: df -h {folder}, and `dmesg` for I/O errors"),
        ],
    }
}
