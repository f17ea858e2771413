//! Power cuts: the store on an ext4 of its own, which is shut down in the middle of the work so
//! that everything unsynced is lost, then mounted again. What was acknowledged is there.

use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

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
/// The latest moment of a cut after the first request, in milliseconds; the story lasts longer.
const LATEST_MS: usize = 200;

/// `EXT4_IOC_SHUTDOWN` with "do not flush the log" (fs/ext4/ext4.h): the file system is gone at
/// once, and so is what only its memory held.
const SHUT_DOWN: &str = "import fcntl,os,struct,sys; \
    fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack('I', 2))";

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
        let moment = Duration::from_millis(random.below(LATEST_MS) as u64);
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
        moment: Duration,
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
        let cut = async {
            tokio::time::sleep(moment).await;
            shut_down(&view.join("data")).await;
            // Time for a wrong answer, if one is on its way: a dead disk acknowledges nothing.
            server.kill().await
        };
        let (driven, _) = tokio::join!(client.drive(&url), cut);
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

async fn shut_down(mounted: &Path) {
    let done = Command::new("python3").args(["-c", SHUT_DOWN]).arg(mounted).status().await;
    assert!(done.unwrap().success(), "the file system cannot be shut down");
}
