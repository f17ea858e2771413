//! A disk in memory for tests: it loses, keeps or tears what was not synced, from a seed, and fails
//! when it is told to. It keeps the promises that a real disk makes, and no others: a test that it
//! passes never leans on luck.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use ::redb::{Database, StorageBackend};
use tokio::sync::oneshot;

use crate::store::error::StoreError;
use crate::store::redb::engine::Redb;
use crate::store::redb::error::{Failure, OpenError};
use crate::store::redb::open::{self, RedbOptions};
use crate::store::redb::verify::{self, Defect, Report};

/// What a disk writes whole or not at all. The header of a redb file is torn in bytes now and then
/// all the same: redb does not ask for more.
const SECTOR_BYTES: usize = 512;
/// The name that errors call it by.
const NAME: &str = "simulated.redb";

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers from the same seed, for ever.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// A number below a limit, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % limit
    }
}

/// What can change on a disk. Reads are no operations: a lost read loses nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// The file grows or shrinks.
    SetLength,
    /// Bytes are written.
    Write,
    /// What was written becomes durable.
    Sync,
}

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The power is cut while it goes on: nothing works any more, reads included, and what it wrote
    /// may be there, or torn, or not.
    PowerCut,
    /// ENOSPC: nothing was done.
    NoSpace,
    /// EIO. A failed sync forgets some of what it should have made durable, as Linux does: reads
    /// still show it, and no later sync writes it.
    InputOutput,
}

/// When which operations fail.
#[derive(Clone, Debug)]
struct Plan {
    operations: Range<u64>,
    fault: Fault,
}

#[derive(Clone, Debug)]
enum Change {
    Length(usize),
    Write(usize, Vec<u8>),
}

impl Change {
    /// Bytes behind the end are no part of the file.
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Change::Length(length) => image.resize(*length, 0),
            Change::Write(at, bytes) => overwrite(image, *at, bytes),
        }
    }

    fn operation(&self) -> Operation {
        match self {
            Change::Length(_) => Operation::SetLength,
            Change::Write(..) => Operation::Write,
        }
    }
}

fn overwrite(image: &mut [u8], at: usize, bytes: &[u8]) {
    let end = image.len().min(at.saturating_add(bytes.len()));
    if let Some(place) = image.get_mut(at..end) {
        place.copy_from_slice(&bytes[..end - at]);
    }
}

#[derive(Debug, Default)]
struct State {
    /// What reads see.
    live: Vec<u8>,
    /// What is there for sure after a power cut.
    durable: Vec<u8>,
    /// What happened since, in order.
    pending: Vec<Change>,
    trace: Vec<Operation>,
    plan: Option<Plan>,
    /// Syncs, and operations after them, to the next power cut.
    cut_after: Option<(u64, u64)>,
    /// The first operation that failed, from 1.
    failed_at: Option<u64>,
    reads: u64,
    failing_reads: Range<u64>,
    dead: bool,
    lies: bool,
    hold: Option<oneshot::Sender<()>>,
    held: bool,
}

impl State {
    /// Counts an operation, and says how it fails.
    fn begin(&mut self, operation: Operation) -> Result<(), Fault> {
        if self.dead {
            return Err(Fault::PowerCut);
        }
        self.trace.push(operation);
        let number = self.trace.len() as u64;
        match &mut self.cut_after {
            Some((0, 0 | 1)) => {
                self.cut_after = None;
                self.plan = Some(Plan { operations: number..u64::MAX, fault: Fault::PowerCut });
            }
            Some((0, operations)) => *operations -= 1,
            Some((syncs, _)) => *syncs -= u64::from(operation == Operation::Sync),
            None => {}
        }
        let Some(plan) = self.plan.as_ref().filter(|plan| plan.operations.contains(&number)) else {
            return Ok(());
        };
        self.failed_at.get_or_insert(number);
        self.dead = plan.fault == Fault::PowerCut;
        Err(plan.fault)
    }

    /// A sync that fails half-way.
    fn forget_some(&mut self) {
        let mut random = Random(self.trace.len() as u64);
        for change in std::mem::take(&mut self.pending) {
            if matches!(change, Change::Length(_)) || random.below(2) == 0 {
                change.apply(&mut self.durable);
            }
        }
    }
}

fn error(fault: Fault) -> io::Error {
    match fault {
        Fault::PowerCut => io::Error::other("no power"),
        Fault::NoSpace => rustix::io::Errno::NOSPC.into(),
        Fault::InputOutput => rustix::io::Errno::IO.into(),
    }
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    released: Condvar,
}

/// The disk. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct SimDisk(Arc<Shared>);

impl SimDisk {
    /// A disk with this file on it, all of it durable.
    pub fn with_image(image: Vec<u8>) -> Self {
        let disk = Self::default();
        {
            let mut state = disk.state();
            state.durable.clone_from(&image);
            state.live = image;
        }
        disk
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A thread that panicked while it held the lock left a whole state behind.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file as reads see it.
    pub fn image(&self) -> Vec<u8> {
        self.state().live.clone()
    }

    /// A file that a power cut may leave now: of what was not synced each change is lost, kept or
    /// torn, by sectors or by bytes. The same seed leaves the same file.
    pub fn image_after_power_cut(&self, seed: u64) -> Vec<u8> {
        let mut random = Random(seed);
        let state = self.state();
        let mut image = state.durable.clone();
        // All lost, all kept, and two mixtures, one of which tears small writes in bytes.
        let mode = random.below(4);
        for change in &state.pending {
            match (mode, change) {
                (0, _) => {}
                (1, _) => change.apply(&mut image),
                (_, Change::Length(_)) if random.below(2) == 0 => change.apply(&mut image),
                (_, Change::Length(_)) => {}
                (_, Change::Write(at, bytes)) => {
                    let in_bytes = mode == 3 && bytes.len() <= SECTOR_BYTES;
                    let part = if in_bytes { 1 } else { SECTOR_BYTES };
                    leave(&mut image, *at, bytes, part, &mut random);
                }
            }
        }
        image
    }

    /// Operations so far, those that failed included.
    pub fn operations(&self) -> u64 {
        self.state().trace.len() as u64
    }

    /// The operations after the first `after`, in order.
    pub fn trace(&self, after: u64) -> Vec<Operation> {
        self.state().trace.iter().skip(after as usize).copied().collect()
    }

    /// Writes and lengths that no sync has made durable.
    pub fn unsynced(&self) -> usize {
        self.state().pending.len()
    }

    /// Lets these operations fail, the first one being number 1. The latest call counts.
    pub fn fail(&self, operations: Range<u64>, fault: Fault) {
        self.state().plan = Some(Plan { operations, fault });
    }

    /// Cuts the power in this operation, the first one being number 1.
    pub fn cut_power_at(&self, operation: u64) {
        self.fail(operation..u64::MAX, Fault::PowerCut);
    }

    /// Cuts the power in the operation with this number, from 1, after so many more syncs.
    pub fn cut_power_after(&self, syncs: u64, operation: u64) {
        self.state().cut_after = Some((syncs, operation));
    }

    /// Cuts the power now, between two operations.
    pub fn cut_power(&self) {
        self.state().dead = true;
    }

    /// Lets these reads answer EIO, the first one being number 1.
    pub fn fail_reads(&self, reads: Range<u64>) {
        self.state().failing_reads = reads;
    }

    /// Reads so far.
    pub fn reads(&self) -> u64 {
        self.state().reads
    }

    /// Lets no further operation or read fail. Power that was cut stays cut.
    pub fn repair(&self) {
        let mut state = self.state();
        (state.plan, state.cut_after, state.failing_reads) = (None, None, 0..0);
    }

    /// The first operation that failed, if one did.
    pub fn failed_at(&self) -> Option<u64> {
        self.state().failed_at
    }

    /// Is the power cut?
    pub fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// A disk that lies says that it synced and did not: nobody can live with it, and a test that
    /// passes on it proves nothing.
    pub fn lie(&self, lies: bool) {
        self.state().lies = lies;
    }

    /// Holds the next operation until `release`. The answer comes when it is held.
    pub fn hold(&self) -> oneshot::Receiver<()> {
        let (held, is_held) = oneshot::channel();
        self.state().hold = Some(held);
        is_held
    }

    /// Lets what is held go on, and holds nothing more.
    pub fn release(&self) {
        let mut state = self.state();
        (state.hold, state.held) = (None, false);
        self.0.released.notify_all();
    }

    /// The state, once nothing is held.
    fn enter(&self) -> MutexGuard<'_, State> {
        let mut state = self.state();
        if let Some(hold) = state.hold.take() {
            // Whoever asked may have left: then nobody would release it.
            state.held = hold.send(()).is_ok();
        }
        let released = self.0.released.wait_while(state, |state| state.held);
        released.unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: Change) -> io::Result<()> {
        let mut state = self.enter();
        let was_dead = state.dead;
        let begun = state.begin(change.operation());
        match begun {
            Ok(()) => change.apply(&mut state.live),
            // It was on its way: part of it may be on the disk.
            Err(Fault::PowerCut) if !was_dead => {}
            Err(fault) => return Err(error(fault)),
        }
        state.pending.push(change);
        begun.map_err(error)
    }
}

/// Leaves a write whole, lost or torn in parts.
fn leave(image: &mut [u8], at: usize, bytes: &[u8], part: usize, random: &mut Random) {
    match random.below(3) {
        0 => {}
        1 => overwrite(image, at, bytes),
        _ => {
            for (number, bytes) in bytes.chunks(part).enumerate() {
                if random.below(2) == 0 {
                    overwrite(image, at + number * part, bytes);
                }
            }
        }
    }
}

impl StorageBackend for SimDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().live.len() as u64)
    }

    fn read(&self, at: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.state();
        if state.dead {
            return Err(error(Fault::PowerCut));
        }
        state.reads += 1;
        if state.failing_reads.contains(&state.reads) {
            return Err(error(Fault::InputOutput));
        }
        let at = at as usize;
        let found = state.live.get(at..at.saturating_add(out.len()));
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change(Change::Length(length as usize))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.enter();
        if let Err(fault) = state.begin(Operation::Sync) {
            if fault == Fault::InputOutput {
                state.forget_some();
            }
            return Err(error(fault));
        }
        if !state.lies {
            let state = &mut *state;
            state.pending.drain(..).for_each(|change| change.apply(&mut state.durable));
        }
        Ok(())
    }

    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.change(Change::Write(at as usize, bytes.to_vec()))
    }
}

impl RedbOptions {
    /// Options for a store on a simulated disk: its free space is not looked at.
    pub fn on_disk() -> Self {
        Self { disk_floor_bytes: 0, cache_bytes: 8 << 20, ..Self::new(NAME) }
    }
}

impl Redb {
    /// Puts an empty store on an empty disk. What a cut leaves in here never got the store's name:
    /// whoever starts again starts with an empty disk.
    pub fn found_on(disk: &SimDisk) -> Result<(), OpenError> {
        let path = Path::new(NAME);
        let found = || -> Result<(), Failure> {
            let database = ::redb::Builder::new().create_with_backend(disk.clone())?;
            open::found(&database)?;
            Ok(database.close()?)
        };
        found().map_err(|failure| OpenError::from_failure(path, "creation", failure))
    }

    /// Opens the store on this disk as `open` does with a file. After an error its writer opens it
    /// again and again: without power, in vain.
    pub fn on_disk(options: RedbOptions, disk: &SimDisk) -> Result<Self, OpenError> {
        let database = open_disk(&options, disk)?;
        let database = open::raise_format(&options.path, database)?;
        let (again, disk) = (options.clone(), disk.clone());
        Self::start(options, database, Box::new(move || open_disk(&again, &disk)))
    }

    /// What the whole-store check says of a store that is open.
    pub fn defects(&self) -> Result<Vec<Defect>, StoreError> {
        self.slot.read(verify::defects)
    }
}

/// Checks the store on a disk as `verify` does with a file.
pub fn verify_disk(disk: &SimDisk) -> Result<Report, OpenError> {
    let options = RedbOptions::on_disk();
    let bytes = disk.state().live.len() as u64;
    verify::verify_database(&options.path, open_disk(&options, disk)?, bytes)
}

pub(super) fn open_disk(options: &RedbOptions, disk: &SimDisk) -> Result<Database, OpenError> {
    let beginning = {
        let state = disk.state();
        state.live[..state.live.len().min(open::BEGINNING.len())].to_vec()
    };
    open::check_beginning(&options.path, &beginning)?;
    open::open_with(options, |builder| builder.create_with_backend(disk.clone()))
}
