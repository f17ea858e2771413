//! `backup`: a verified copy of the store, while a server runs on it or of a stopped one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::arguments::{ConfigFlags, Global};
use super::exit::{Code, Failure};
use super::output::{Output, Paint, count};
use super::serve::runtime;
use super::{configuration, connection, store_advice};
use crate::app::stopped;
use crate::client::Client;
use crate::config::store::StoreUrl;
use crate::store::Manifest;
use crate::store::durable_file::{beside, create_private, digest_of, sync_folder};
use crate::store::redb::UNFINISHED;

/// What to back up, and where to.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --data the server at --url takes the backup while jobs run, into its own folder
([backup] dir). With --out it is then downloaded to FILE on this machine as well.
With --data the store of a stopped server is copied to FILE, without any server.
Beside each backup lies FILE.manifest.json with its SHA-256; `holdpoint restore` wants both.")]
pub(super) struct Arguments {
    /// The file to write on this machine; it must not exist
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The data folder of a stopped server
    #[arg(long, value_name = "DIR", requires = "out")]
    data: Option<String>,
}

pub(super) fn run(
    arguments: &Arguments,
    global: &Global,
    output: &mut Output,
) -> Result<(), Failure> {
    match (&arguments.data, &arguments.out) {
        (Some(data), Some(out)) => of_stopped(data, out, output),
        (_, out) => connection::with_client(global, async |client| {
            of_server(client, out.as_deref(), output).await
        })
        .map_err(without_a_server),
    }
}

/// Nobody has to start a server to copy what it left.
fn without_a_server(failure: Failure) -> Failure {
    if failure.code != Code::Unreachable {
        return failure;
    }
    let way = "or copy the store of a stopped server: holdpoint backup --data DIR --out FILE";
    Failure::new(failure.code, format!("{}\n{way}", failure.message))
}

/// The file of the store in a data folder, as the configuration has it otherwise.
pub(super) fn store_in(data: Option<&str>) -> Result<PathBuf, Failure> {
    let flags = ConfigFlags { data: data.map(str::to_owned), ..ConfigFlags::default() };
    let StoreUrl::Redb(path) = configuration::of(&flags)?.config.store.url;
    Ok(path)
}

fn of_stopped(data: &str, out: &Path, output: &mut Output) -> Result<(), Failure> {
    let store = store_in(Some(data))?;
    let taken = runtime()?.block_on(stopped::back_up(&store, out));
    let manifest = taken.map_err(|error| store_advice::of_stopped(&error))?;
    told(&json!(manifest), out, &manifest, output)
}

async fn of_server(
    client: &Client,
    out: Option<&Path>,
    output: &mut Output,
) -> Result<(), Failure> {
    if let Some(out) = out.filter(|out| out.exists()) {
        let text = format!("{} exists already: nothing is overwritten", out.display());
        return Err(Failure::new(Code::Io, text));
    }
    let answer = client.take_backup().await?;
    let backup = &answer.body.backup;
    let Some(out) = out else {
        if output.is_json() {
            return Ok(output.value(&answer.raw)?);
        }
        output.painted(Paint::Good, format!("✅ Backup taken and verified: {}", backup.file))?;
        let jobs = count(backup.jobs, "job");
        let events = count(backup.events, "event");
        output.line(format!("   {} bytes, {jobs}, {events}", backup.bytes))?;
        let hint = "   It lies on the machine of the server; --out FILE brings it here.";
        return Ok(output.line(hint)?);
    };
    let manifest = Manifest {
        manifest: crate::store::MANIFEST_FORMAT,
        file: name_of(out),
        bytes: backup.bytes,
        sha256: backup.sha256.parse().map_err(|bad| unusable(out, &bad))?,
        format: backup.format,
        store_id: backup.store_id.clone(),
        generation: backup.generation,
        jobs: backup.jobs,
        events: backup.events,
        checkpoints: backup.checkpoints,
        feed: backup.feed,
        taken_at: backup.taken_at.clone(),
        program: backup.program.clone(),
    };
    let unfinished = beside(out, UNFINISHED);
    fs::remove_file(&unfinished).ok();
    let brought = download(client, &backup.name, &unfinished, &manifest).await;
    if brought.is_err() {
        fs::remove_file(&unfinished).ok();
    }
    brought?;
    manifest.write(out).map_err(|error| Failure::new(Code::Io, error.to_string()))?;
    let named = fs::rename(&unfinished, out).and_then(|()| sync_folder(out));
    named.map_err(|error| unusable(out, &error))?;
    told(&answer.raw, out, &manifest, output)
}

fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn unusable(file: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Code::Io, format!("cannot write {}: {error}", file.display()))
}

/// What arrives must be what the server took.
async fn download(
    client: &Client,
    name: &str,
    to: &Path,
    manifest: &Manifest,
) -> Result<(), Failure> {
    let mut file = create_private(to).map_err(|error| unusable(to, &error))?;
    let mut written: io::Result<()> = Ok(());
    client
        .download_backup(name, |chunk| {
            written = file.write_all(chunk);
            written.is_ok()
        })
        .await?;
    written.and_then(|()| file.sync_all()).map_err(|error| unusable(to, &error))?;
    let digest = File::open(to).and_then(digest_of).map_err(|error| unusable(to, &error))?;
    if digest != (manifest.sha256, manifest.bytes) {
        let (sha256, bytes) = digest;
        let text = format!(
            "what arrived is not what the server took: {bytes} bytes with SHA-256 {sha256} \
             instead of {} with {}; the server still has it as {name}",
            manifest.bytes, manifest.sha256
        );
        return Err(Failure::new(Code::Io, text));
    }
    Ok(())
}

fn told(raw: &Value, out: &Path, manifest: &Manifest, output: &mut Output) -> Result<(), Failure> {
    if output.is_json() {
        return Ok(output.value(&json!({ "out": out, "backup": raw }))?);
    }
    let (jobs, events) = (count(manifest.jobs, "job"), count(manifest.events, "event"));
    output.painted(Paint::Good, format!("✅ Backup taken and verified: {}", out.display()))?;
    output.line(format!("   {} bytes, {jobs}, {events}", manifest.bytes))?;
    Ok(output.line(format!(
        "   put it back with: holdpoint restore --from {} --data DIR",
        out.display()
    ))?)
}
