//! What an incarnation is told of what was read for it. Pure; the reader is the shell.

use crate::domain::books::{Key, Record};
use crate::domain::chain::Link;
use crate::pipeline::Input;
use crate::ports::{HeadRead, ReadError, RecordRead};

/// The head that it starts from.
pub fn of_head(read: HeadRead) -> Input {
    Input::Head(read.map(|head| head.map(Box::new)))
}

/// The store's word on what rests on memory.
pub fn of_confirmation(read: HeadRead) -> Input {
    Input::Confirmed(read.map(|head| head.map_or_else(Link::default, |head| head.link)))
}

/// All that it looked up in one round. Told at once, as each message costs its actor.
#[derive(Debug, Default)]
pub struct OfLookups {
    found: Vec<(Key, Option<Record>)>,
    not_found: Vec<(Vec<Key>, ReadError)>,
}

impl OfLookups {
    /// Takes what was read for a key.
    pub fn add(&mut self, key: Key, read: RecordRead) {
        match (read, self.not_found.last_mut()) {
            (Ok(record), _) => self.found.push((key, record)),
            (Err(error), Some((keys, same))) if *same == error => keys.push(key),
            (Err(error), _) => self.not_found.push((vec![key], error)),
        }
    }

    /// What the pipeline is to take, in order.
    pub fn inputs(self) -> Vec<Input> {
        let found = (!self.found.is_empty()).then_some(Input::Found(self.found));
        let not_found = self.not_found.into_iter();
        found
            .into_iter()
            .chain(not_found.map(|(keys, error)| Input::NotFound(keys, error)))
            .collect()
    }
}
