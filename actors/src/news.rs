//! News: whose events were just committed by this process, for whoever follows the journal, so that it need not look at all
//! merchants all the time. What is lost here (there was too much, or another process wrote it) is found by looking.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::ids::MerchantId;
use crate::limits::NEWS_MAX;
use crate::ports::Batch;

/// The merchants, until somebody takes them. One follows at the most.
#[derive(Debug, Default)]
pub struct News {
    followed: AtomicBool,
    heard: Mutex<HashSet<MerchantId>>,
    woken: Notify,
}

impl News {
    /// Whether anybody follows. While nobody does, nothing is kept.
    pub fn follow(&self, followed: bool) {
        self.followed.store(followed, Ordering::Release);
        if !followed {
            self.heard().clear();
        }
    }

    /// Takes a batch that was committed.
    pub fn hear(&self, batch: &Batch) {
        if !self.followed.load(Ordering::Acquire) {
            return;
        }
        let mut heard = self.heard();
        for run in &batch.runs {
            if heard.len() < NEWS_MAX {
                heard.insert(run.merchant);
            }
        }
        drop(heard);
        self.woken.notify_one();
    }

    /// Waits for news, and takes it.
    pub async fn next(&self) -> HashSet<MerchantId> {
        loop {
            let heard = std::mem::take(&mut *self.heard());
            if !heard.is_empty() {
                return heard;
            }
            self.woken.notified().await;
        }
    }

    fn heard(&self) -> MutexGuard<'_, HashSet<MerchantId>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::chain::Link;
    use crate::domain::head::Head;
    use crate::domain::rules::Rules;
    use crate::domain::time::At;
    use crate::ports::Run;

    fn batch(of: impl IntoIterator<Item = String>) -> Batch {
        let run = |of: String| {
            let merchant = of.parse().unwrap();
            let head = Head::registered(merchant, Rules::new("a shop"), At::default());
            Run { merchant, expects: Link::default(), rows: vec![], head }
        };
        Batch { runs: of.into_iter().map(run).collect() }
    }

    #[tokio::test]
    async fn whoever_follows_hears_of_each_merchant_once_and_of_none_before() {
        let news = News::default();
        news.hear(&batch(["early".to_owned()]));
        news.follow(true);
        for _ in 0..2 {
            news.hear(&batch(["a".to_owned(), "b".to_owned()]));
        }
        let [a, b] = ["a", "b"].map(|of| of.parse().unwrap());
        assert_eq!(news.next().await, HashSet::from([a, b]));
        let (heard, ()) = tokio::join!(news.next(), async { news.hear(&batch(["b".to_owned()])) });
        assert_eq!(heard, HashSet::from([b]));
    }

    #[tokio::test]
    async fn news_that_nobody_takes_is_bounded_and_gone_when_nobody_follows() {
        let news = News::default();
        news.follow(true);
        news.hear(&batch((0..NEWS_MAX + 5).map(|n| format!("m{n}"))));
        assert_eq!(news.heard().len(), NEWS_MAX);
        news.follow(false);
        assert_eq!(news.heard().len(), 0);
    }
}
