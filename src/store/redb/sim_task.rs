//! A store whose writer is a task of the runtime, so that a simulation with one thread and virtual
//! time is all there is. It takes the very turns that the thread takes.

use crate::store::redb::engine::Redb;
use crate::store::redb::error::OpenError;
use crate::store::redb::open::RedbOptions;
use crate::store::redb::sim_disk::{SimDisk, open_disk};

impl Redb {
    /// Opens the store on this disk: nothing happens on another thread, and nothing takes time. The
    /// writer dies with the power.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub fn on_disk_as_task(options: RedbOptions, disk: &SimDisk) -> Result<Self, OpenError> {
        let database = open_disk(&options, disk)?;
        let (again, disk) = (options.clone(), disk.clone());
        let reopen = move || {
            if disk.is_dead() {
                std::panic::resume_unwind(Box::new("no power"));
            }
            open_disk(&again, &disk)
        };
        let (mut store, mut writer) = Self::with_writer(options, database, Box::new(reopen));
        store.reads_here = true;
        // Time that passes on a thread is none that a simulation has.
        writer.sleep = |_| {};
        tokio::spawn(async move {
            let mut closing = None;
            while closing.is_none() {
                let Some(message) = writer.messages.recv().await else { break };
                closing = writer.turn(message);
            }
            writer.finish(closing);
        });
        Ok(store)
    }
}
