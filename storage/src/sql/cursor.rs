//! Cursors: where a part of a list ended. A letter says which list, so that a cursor of another one is refused.

use std::str::FromStr;

use tally_actors::domain::chain::Seq;
use tally_actors::domain::ids::{KeyId, MerchantId, RunNo};
use tally_actors::domain::time::At;
use tally_actors::ports::ReadError;

/// The cursor after an item at a place, in the list of that letter.
pub(crate) fn of_place(list: char, place: u64) -> String {
    format!("{list}{place}")
}

/// The place that such a cursor names; past all without one.
pub(crate) fn place(list: char, cursor: Option<&str>) -> Result<i64, ReadError> {
    let Some(cursor) = cursor else { return Ok(i64::MAX) };
    number(cursor.strip_prefix(list).ok_or(ReadError::Cursor)?)
}

/// The cursor after a merchant.
pub(crate) fn of_merchant(registered_at: At, of: &MerchantId) -> String {
    format!("m{}.{of}", registered_at.ms())
}

/// The registration and id that such a cursor names; past all without one.
pub(crate) fn merchant(cursor: Option<&str>) -> Result<(i64, String), ReadError> {
    timed::<MerchantId>('m', cursor)
}

/// The cursor after a case.
pub(crate) fn of_case(opened_at: At, of: &MerchantId, seq: Seq) -> String {
    of_waiting('c', opened_at, of, seq)
}

/// The cursor after an item of any merchant, in the list of that letter.
pub(crate) fn of_waiting(list: char, at: At, of: &MerchantId, seq: Seq) -> String {
    format!("{list}{}.{of}.{seq}", at.ms())
}

/// The time, merchant and place that such a cursor names; past all without one.
pub(crate) fn case(cursor: Option<&str>) -> Result<(i64, String, i64), ReadError> {
    waiting('c', cursor)
}

/// The time, merchant and place that a cursor of such a list names; past all without one.
pub(crate) fn waiting(list: char, cursor: Option<&str>) -> Result<(i64, String, i64), ReadError> {
    let Some(cursor) = cursor else { return Ok((i64::MAX, String::new(), 0)) };
    let fields: Vec<&str> =
        cursor.strip_prefix(list).ok_or(ReadError::Cursor)?.split('.').collect();
    match fields[..] {
        [ms, of, seq] => Ok((number(ms)?, id::<MerchantId>(of)?, number(seq)?)),
        _ => Err(ReadError::Cursor),
    }
}

/// The cursor after a key.
pub(crate) fn of_key(created_at: At, key_id: &KeyId) -> String {
    format!("k{}.{key_id}", created_at.ms())
}

/// The time and id that such a cursor names; past all without one.
pub(crate) fn key(cursor: Option<&str>) -> Result<(i64, String), ReadError> {
    timed::<KeyId>('k', cursor)
}

/// The cursor after a bank run.
pub(crate) fn of_run(at: At, run_no: &RunNo) -> String {
    format!("b{}.{run_no}", at.ms())
}

/// The time and number that such a cursor names; past all without one.
pub(crate) fn run(cursor: Option<&str>) -> Result<(i64, String), ReadError> {
    timed::<RunNo>('b', cursor)
}

fn timed<T: FromStr + ToString>(
    list: char,
    cursor: Option<&str>,
) -> Result<(i64, String), ReadError> {
    let Some(cursor) = cursor else { return Ok((i64::MAX, String::new())) };
    let (ms, of) =
        cursor.strip_prefix(list).and_then(|rest| rest.split_once('.')).ok_or(ReadError::Cursor)?;
    Ok((number(ms)?, id::<T>(of)?))
}

/// A number as this file writes it, and no other way.
fn number(raw: &str) -> Result<i64, ReadError> {
    let number: i64 = raw.parse().map_err(|_| ReadError::Cursor)?;
    if number >= 0 && number.to_string() == raw { Ok(number) } else { Err(ReadError::Cursor) }
}

fn id<T: FromStr + ToString>(raw: &str) -> Result<String, ReadError> {
    raw.parse::<T>().map(|of| of.to_string()).map_err(|_| ReadError::Cursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_belongs_to_one_list() {
        assert_eq!(place('o', Some(&of_place('o', 184))), Ok(184));
        assert_eq!(place('o', None), Ok(i64::MAX));
        let of: MerchantId = "Shop1".parse().unwrap();
        let written = of_case(At::from_ms(5), &of, Seq(7));
        assert_eq!(case(Some(&written)), Ok((5, "Shop1".into(), 7)));
        assert_eq!(merchant(Some("m5.Shop1")), Ok((5, "Shop1".into())));
        for bad in ["", "o", "s5", "o-5", "o+5", "o05", "o5 ", "o5.1", "o9223372036854775808", "订"]
        {
            assert_eq!(place('o', Some(bad)), Err(ReadError::Cursor), "{bad}");
        }
        for bad in ["m5", "m5.", "m.Shop1", "m5.a-b", "c5.Shop1.7", "m5.Shop1.7"] {
            assert_eq!(merchant(Some(bad)), Err(ReadError::Cursor), "{bad}");
        }
        assert_eq!(
            key(Some(&of_key(At::from_ms(5), &"k.1".parse().unwrap()))),
            Ok((5, "k.1".into()))
        );
        for bad in ["", "k", "k5", "k5.", "k.x", "kx.x", "m5.x", "k5.a key that is far too long"] {
            assert_eq!(key(Some(bad)), Err(ReadError::Cursor), "{bad}");
        }
        for bad in ["c5.Shop1", "c5.Shop1.", "c5..7", "c5.Shop1.7.1", "m5.Shop1", "o7"] {
            assert_eq!(case(Some(bad)), Err(ReadError::Cursor), "{bad}");
        }
    }
}
