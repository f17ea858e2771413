//! The signals that end a server: the first one drains, a second one ends the process at once.
//! Nothing is lost by the second: what was acknowledged is on disk before.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT, from the moment this exists.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes the signals over. Needs a runtime.
    pub(super) fn take() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for one of them and says which.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// From here on a further signal ends the process with 128 and the signal's number.
    pub(super) fn end_at_the_next(mut self) {
        tokio::spawn(async move {
            let code = match self.next().await {
                "SIGINT" => 130,
                _ => 143,
            };
            std::process::exit(code)
        });
    }
}
