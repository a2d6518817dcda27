//! The timeline: what a run did, one line a step, for a person to read.

use std::fmt::{self, Write};

/// The lines of a run. Off unless somebody wants to read them: a line costs more than a step.
#[derive(Debug, Default)]
pub struct Timeline {
    lines: Option<String>,
}

impl Timeline {
    /// One that is written.
    pub fn on() -> Self {
        Self { lines: Some(String::new()) }
    }

    /// Writes a line: the step, the time since the start, who, and what.
    pub(super) fn note(
        &mut self,
        step: u64,
        now_us: u64,
        who: impl fmt::Display,
        what: impl FnOnce() -> String,
    ) {
        let Some(lines) = &mut self.lines else { return };
        let (seconds, micros) = (now_us / 1_000_000, now_us % 1_000_000);
        let who = who.to_string();
        writeln!(lines, "{step:>6} {seconds:>6}.{micros:06} {who:<9} {}", what())
            .expect("a text takes everything");
    }

    /// The lines; empty when nobody wanted them.
    pub fn text(&self) -> &str {
        self.lines.as_deref().unwrap_or_default()
    }
}
