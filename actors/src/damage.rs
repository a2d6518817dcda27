//! Rows of what waits for the channel that could not be read: passed over by the background work, told to people.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::ids::MerchantId;
use crate::domain::time::At;
use crate::ports::{Damaged, Work};

/// What a row is known by: whose background work it is of, whose it is, and its number.
type Place = (&'static str, MerchantId, Box<str>);

/// All that is known now, with when each was opened or requested.
#[derive(Debug, Default)]
pub struct Damage(Mutex<BTreeMap<Place, At>>);

impl Damage {
    /// Takes what one walk through all of a range found, in place of what was known of that range. What is new is logged.
    pub(crate) fn learn(&self, work: Work, range: &Range<At>, found: &[Damaged]) {
        let mut known = self.known();
        let mut before = std::mem::take(&mut *known);
        for Damaged { merchant, number, at, why } in found {
            let place = (work.as_str(), *merchant, number.clone());
            if before.remove(&place).is_none() {
                let work = work.as_str();
                tracing::error!(%merchant, %number, work, %why, "a damaged row is passed over");
            }
            known.insert(place, *at);
        }
        before.retain(|(of, ..), at| *of != work.as_str() || !range.contains(at));
        known.extend(before);
    }

    /// What is passed over, one line; `None`: nothing.
    pub fn told(&self) -> Option<String> {
        let known = self.known();
        let ((work, merchant, number), _) = known.first_key_value()?;
        Some(format!(
            "{} damaged rows are passed over by the background work, such as {work} {number} of merchant {merchant}: run \
             tally audit, then restore the database from a backup",
            known.len()
        ))
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Place, At>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All times.
pub(crate) fn ever() -> Range<At> {
    At::from_ms(i64::MIN)..At::from_ms(i64::MAX)
}

/// A part without what is damaged in it, which is put to the rest.
pub(crate) fn whole<T>(items: Vec<Result<T, Damaged>>, damaged: &mut Vec<Damaged>) -> Vec<T> {
    items.into_iter().filter_map(|item| item.map_err(|one| damaged.push(one)).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{ReadError, Trouble};

    fn row(number: &str, ms: i64) -> Damaged {
        let why = ReadError::Trouble(Trouble::DiskFull);
        Damaged { merchant: "m1".parse().unwrap(), number: number.into(), at: At::from_ms(ms), why }
    }

    #[test]
    fn what_was_mended_is_told_no_more_and_what_was_not_looked_at_still_is() {
        let damage = Damage::default();
        assert_eq!(damage.told(), None);
        let hour = At::from_ms(0)..At::from_ms(10);
        damage.learn(Work::Orders, &ever(), &[row("A1", 5), row("A2", 15)]);
        damage.learn(Work::Transfers, &ever(), &[row("W1", 5)]);
        assert!(damage.told().unwrap().starts_with("3 damaged rows"));
        damage.learn(Work::Orders, &hour, &[row("A1", 5)]);
        assert!(damage.told().unwrap().starts_with("3 damaged rows"));
        damage.learn(Work::Orders, &hour, &[]);
        let told = damage.told().unwrap();
        assert!(told.starts_with("2 damaged rows") && told.contains("orders A2 of merchant m1"));
        damage.learn(Work::Orders, &ever(), &[]);
        damage.learn(Work::Transfers, &ever(), &[]);
        assert_eq!(damage.told(), None);
    }
}
