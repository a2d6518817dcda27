//! A panic of a machine is written down, not printed: what a thread runs inside of [`catch`] is silent.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// `None`: panics of this thread are printed as usual. Else the newest, with its place.
    static CAUGHT: RefCell<Option<String>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// Runs something that may panic. Gives the panic's words and place.
pub(super) fn catch(run: impl FnOnce()) -> Option<String> {
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            let heard = CAUGHT.with_borrow_mut(|caught| {
                caught.as_mut().map(|text| *text = panic.to_string()).is_some()
            });
            if !heard {
                usual(panic);
            }
        }));
    });
    CAUGHT.set(Some(String::new()));
    let panicked = catch_unwind(AssertUnwindSafe(run)).is_err();
    let text = CAUGHT.take().unwrap_or_default();
    panicked.then(|| text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_with_its_words_and_place() {
        let told = catch(|| panic!("as the test wants it")).unwrap();
        assert!(told.contains("as the test wants it") && told.contains("quiet.rs"), "{told}");
        assert_eq!(catch(|| {}), None);
    }
}
