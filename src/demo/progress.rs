//! The progress line of a demo, on a terminal only.

use std::io::{IsTerminal, Write, stderr};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::Town;
use super::books::grouped;
use super::score::{Score, counted};

/// How often the line is drawn anew.
const DRAWN_EVERY: Duration = Duration::from_millis(200);

/// How many characters the bar has.
const BAR: u64 = 30;

/// Takes the line away.
const CLEAR: &str = "\r\x1b[K";

/// A line that is drawn until it is ended.
pub(super) struct Bar(Option<JoinHandle<()>>);

impl Bar {
    /// Draws the line, if somebody sees it.
    pub(super) fn show(town: Arc<Town>) -> Self {
        Self(stderr().is_terminal().then(|| {
            tokio::spawn(async move {
                loop {
                    // A terminal that is gone is no reason to end the demo.
                    drop(write!(stderr(), "{CLEAR}{}", drawn(&town.score)));
                    sleep(DRAWN_EVERY).await;
                }
            })
        }))
    }

    /// Takes the line away.
    pub(super) async fn end(self) {
        if let Some(drawing) = self.0 {
            drawing.abort();
            drop(drawing.await);
            drop(write!(stderr(), "{CLEAR}"));
        }
    }
}

fn drawn(score: &Score) -> String {
    let full = score.gone_per_mille() * BAR / 1_000;
    let bar: String = (0..BAR).map(|at| if at < full { '█' } else { '░' }).collect();
    format!(
        "{bar} {} payments, {} settlements, {} withdrawals",
        grouped(counted(&score.payments).into()),
        grouped(counted(&score.settlements).into()),
        grouped(counted(&score.withdrawals).into()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_full_when_the_time_is_over() {
        let line = drawn(&Score::new(Duration::ZERO));
        assert_eq!(line.matches('█').count(), 30, "{line}");
        assert!(line.ends_with(" 0 payments, 0 settlements, 0 withdrawals"), "{line}");
        assert!(drawn(&Score::new(Duration::from_secs(3_600))).starts_with('░'));
    }
}
