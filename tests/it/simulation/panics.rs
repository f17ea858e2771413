//! Panics that nobody scripted. The engine outlives them, which would hide them; a simulation does
//! not.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    /// The first one of this thread since it was asked.
    static FIRST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From here on they are kept. Scripted ones resume an unwinding, which no hook sees.
pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            FIRST.with_borrow_mut(|first| {
                first.get_or_insert_with(|| info.to_string());
            });
            before(info);
        }));
    });
}

/// What this thread panicked with.
pub fn take() -> Option<String> {
    FIRST.take()
}
