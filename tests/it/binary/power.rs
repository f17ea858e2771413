//! Power cuts: the store on an ext4 of its own, which is shut down in the middle of the work so
//! that everything unsynced is lost, then mounted again. What was acknowledged is there.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use super::{Random, Tally, times};
use crate::crash::client::{Client, Stop};
use crate::crash::service::Service;
use crate::crash::story::{Beginning, ORDERS};
use crate::crash::verdict::{Expected, Findings};
use crate::crash::{begin, copy_documents};
use crate::support::process::Server;
use crate::support::room::Room;
use crate::support::skip::{need, skip};

/// Room for the store and its growth.
const DISK_BYTES: u64 = 96 << 20;
/// A cut comes after one of so many requests that change something, about all of a story.
const CHANGES: usize = 12;
/// The latest moment of a cut after that request, in microseconds: some commits follow it.
const LATEST_MICROS: usize = 8_000;

/// `EXT4_IOC_SHUTDOWN` with "do not flush the log" (fs/ext4/ext4.h): the file system is gone at
/// once, and so is what only its memory held. It says when it is ready, and waits for the word.
const SHUT_DOWN: &str = "import fcntl,os,struct,sys; \
    disk = os.open(sys.argv[1], os.O_RDONLY); print('ready', flush=True); sys.stdin.readline(); \
    fcntl.ioctl(disk, 0x8004587D, struct.pack('I', 2))";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_keeps_what_was_acknowledged() {
    const WHAT: &str = "power cuts on ext4";
    if let Err(reason) = need(&["unshare", "nsenter", "mkfs.ext4", "python3"]) {
        return skip(WHAT, &reason);
    }
    let workflows = tempfile::tempdir().unwrap();
    copy_documents(workflows.path());
    let (beginning, _) = begin(workflows.path(), ORDERS).await;
    let (expected, _) = beginning.undisturbed().await;
    let cuts = times("HOLDPOINT_CUTS", 10);
    let (mut tally, mut acknowledged, mut in_work) = (Tally::default(), 0, 0);
    let mut random = Random(1);
    for cut in 0..cuts {
        let folder = tempfile::tempdir().unwrap();
        let room = match room_with_disk(folder.path()).await {
            Ok(room) => room,
            Err(reason) => return skip(WHAT, &reason),
        };
        let after = Duration::from_micros(random.below(LATEST_MICROS) as u64);
        let moment = Moment { changes: 1 + random.below(CHANGES), after };
        let mut story = Story { beginning: &beginning, folder: folder.path(), room };
        let outcome = story.live_through(moment, &expected).await.unwrap();
        acknowledged += outcome.acknowledged;
        in_work += usize::from(outcome.is_in_work);
        tally.add(&format!("cut {cut} at {moment:?}"), 1, outcome.findings);
    }
    println!("{WHAT}: {in_work} of {cuts} in the work, {acknowledged} answers acknowledged before");
    assert!(in_work * 3 > cuts, "most cuts came after the work");
    tally.close(WHAT);
}

async fn room_with_disk(folder: &Path) -> Result<Room, String> {
    let image = std::fs::File::create(folder.join("image")).and_then(|i| i.set_len(DISK_BYTES));
    image.map_err(|error| error.to_string())?;
    std::fs::create_dir(folder.join("data")).map_err(|error| error.to_string())?;
    let mut room = Room::open().await?;
    let path = "PATH=$PATH:/usr/sbin:/sbin";
    room.run(&format!("{path} mkfs.ext4 -q -F {}/image", folder.display())).await?;
    mount(&mut room, folder).await?;
    Ok(room)
}

async fn mount(room: &mut Room, folder: &Path) -> Result<(), String> {
    let folder = folder.display();
    room.run(&format!("mount -o loop {folder}/image {folder}/data")).await
}

struct Story<'a> {
    beginning: &'a Beginning,
    folder: &'a Path,
    room: Room,
}

/// When the power is cut: so long after so many requests that change something were sent.
#[derive(Clone, Copy, Debug)]
struct Moment {
    changes: usize,
    after: Duration,
}

struct Outcome {
    /// Did the cut come before the work was done?
    is_in_work: bool,
    /// Jobs and decisions that were acknowledged before the cut.
    acknowledged: usize,
    findings: Findings,
}

impl Story<'_> {
    async fn live_through(
        &mut self,
        moment: Moment,
        expected: &Expected,
    ) -> Result<Outcome, String> {
        let (beginning, view) = (self.beginning, self.room.view(self.folder));
        let (from, to) = ("data/holdpoint.redb", "data/holdpoint.redb");
        std::fs::copy(beginning.folder.path().join(from), view.join(to)).unwrap();
        self.room.run(&format!("sync -f {}/data", self.folder.display())).await?;
        let service = Service::start().await;
        let mut client = Client::new(service, ORDERS).signed_in_as(&beginning.client);
        let server = self.start().await?;
        let url = server.url.clone();
        let switch = Switch::at(&view.join("data")).await;
        let mut changes = client.changes.subscribe();
        let (driving, driven) = oneshot::channel::<()>();
        let drive = async {
            let driven = client.drive(&url).await;
            drop(driving);
            driven
        };
        let cut = async {
            tokio::select! {
                _ = changes.wait_for(|sent| *sent >= moment.changes) => {}
                _ = driven => {}
            }
            tokio::time::sleep(moment.after).await;
            switch.cut().await;
            // Time for a wrong answer, if one is on its way: a dead disk acknowledges nothing.
            server.kill().await
        };
        let (driven, _) = tokio::join!(drive, cut);
        let said = client.said.values().filter(|said| said.is_acknowledged).count();
        let acknowledged = client.jobs.len() + said;
        let folder = self.folder.display().to_string();
        self.room.run(&format!("umount {folder}/data")).await?;
        mount(&mut self.room, self.folder).await?;

        let mut findings = Findings::default();
        let death = findings.look_at_death(&view, &client).await;
        let server = self.start().await?;
        let last_life = async {
            client.drive(&server.url).await?;
            findings.look_at_answers(&server.url, &client).await
        };
        if let Err(stop) = last_life.await {
            findings.lost.push(format!("after the cut: {stop:?}"));
        }
        if !server.stop().await.success() {
            findings.wrong.push("the stop failed".to_owned());
        }
        findings.look_at_end(&view, &client, &[death], expected).await;
        let is_in_work = matches!(driven, Err(Stop::Died | Stop::Wrong(_)));
        Ok(Outcome { is_in_work, acknowledged, findings })
    }

    async fn start(&self) -> Result<Server, String> {
        let (entrance, workflows) = (self.room.entrance(), &self.beginning.workflows);
        Server::start_through(&entrance, self.folder, workflows, &[]).await.listening()
    }
}

/// What shuts the file system down, ready to do so at once.
struct Switch(Child);

impl Switch {
    async fn at(mounted: &Path) -> Self {
        let mut command = Command::new("python3");
        command.args(["-c", SHUT_DOWN]).arg(mounted).kill_on_drop(true);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("ready"));
        Self(child)
    }

    async fn cut(mut self) {
        self.0.stdin.take().unwrap().write_all(b"now\n").await.unwrap();
        let done = self.0.wait().await;
        assert!(done.unwrap().success(), "the file system cannot be shut down");
    }
}
