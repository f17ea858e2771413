//! Named points at which a crash test stops the process. Without the feature `fault-injection` they
//! are nothing.

/// Every point. A test visits each of them; a name that is not here does not compile into a point.
pub const POINTS: &[&str] = &[
    "store.create.before_rename",
    "store.create.after_rename",
    "store.before_write",
    "store.before_commit",
    "store.after_commit",
    "backup.copied",
    "backup.before_rename",
    "backup.after_rename",
    "engine.before_append",
    "engine.after_append",
    "engine.before_call",
    "engine.after_call",
    "engine.before_answer",
];

/// Marks a point. With the feature, `HOLDPOINT_CRASH_AT=name:n` kills the process when it is
/// reached for the n-th time, and `HOLDPOINT_CRASH_LOG=file` appends the name of every point that
/// is reached.
#[cfg(not(feature = "fault-injection"))]
#[inline(always)]
pub fn reach(name: &'static str) {
    debug_assert!(POINTS.contains(&name), "crash point {name:?} is not listed");
}

#[cfg(feature = "fault-injection")]
pub use armed::{on_reach, reach};

#[cfg(feature = "fault-injection")]
mod armed {
    //! The points with teeth, for crash tests only.

    use std::cell::RefCell;
    use std::fs::OpenOptions;
    use std::io::Write;
    use std::rc::Rc;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// What the environment asks for, read once.
    struct Plan {
        crash: Option<(String, u64)>,
        log: Option<std::path::PathBuf>,
        reached: AtomicU64,
    }

    static PLAN: OnceLock<Plan> = OnceLock::new();

    /// What a simulation does at the points that its thread reaches.
    type Hook = Rc<dyn Fn(&'static str)>;

    thread_local! {
        static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
    }

    /// Calls this at every point that this thread reaches from now on. It may panic: then whoever
    /// reached the point does.
    pub fn on_reach(hook: Option<Hook>) {
        HOOK.set(hook);
    }

    fn plan() -> Plan {
        let crash = std::env::var("HOLDPOINT_CRASH_AT").ok().and_then(|text| {
            let (name, count) = text.rsplit_once(':')?;
            Some((name.to_owned(), count.parse().ok()?))
        });
        let log = std::env::var_os("HOLDPOINT_CRASH_LOG").map(Into::into);
        Plan { crash, log, reached: AtomicU64::new(0) }
    }

    /// Marks a point; see the version without teeth.
    pub fn reach(name: &'static str) {
        assert!(super::POINTS.contains(&name), "crash point {name:?} is not listed");
        let hook = HOOK.with_borrow(Option::clone);
        if let Some(hook) = hook {
            hook(name);
        }
        let plan = PLAN.get_or_init(plan);
        if let Some(path) = &plan.log {
            // One write of one line: a kill right after it cannot tear it.
            let file = OpenOptions::new().create(true).append(true).open(path);
            let written = file.and_then(|mut file| file.write_all(format!("{name}\n").as_bytes()));
            written.unwrap_or_else(|error| panic!("crash log {}: {error}", path.display()));
        }
        if let Some((at, count)) = &plan.crash
            && at == name
            && plan.reached.fetch_add(1, Ordering::SeqCst) + 1 == *count
        {
            let _ = rustix::process::kill_process(
                rustix::process::getpid(),
                rustix::process::Signal::KILL,
            );
        }
    }
}
