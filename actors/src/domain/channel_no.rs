//! Numbers at the payment channel, made of merchant and number so that they can be read backwards (`design.md` 3.6).
//!
//! All merchants of a platform share one WeChat merchant account, so these are unique across merchants. They are stored
//! there: how they are made never changes.

use super::ids::{MerchantId, OrderNo, RefundNo, WithdrawalNo};
use super::number;

/// The number of an order at the channel: `{merchant}-{order_no}`, at most 32 characters.
pub fn out_trade_no(merchant: &MerchantId, order_no: &OrderNo) -> String {
    format!("{merchant}-{order_no}")
}

/// Whose order a channel's number names, and which; `None` when no order of ours is called so.
pub fn read_out_trade_no(raw: &str) -> Option<(MerchantId, OrderNo)> {
    let (merchant, order_no) = raw.split_once('-')?;
    Some((merchant.parse().ok()?, order_no.parse().ok()?))
}

/// The number of a refund at the channel: `{merchant}-{refund_no}`, at most 32 characters.
pub fn out_refund_no(merchant: &MerchantId, refund_no: &RefundNo) -> String {
    format!("{merchant}-{refund_no}")
}

/// Whose refund a channel's number names, and which; `None` when no refund of ours is called so.
pub fn read_out_refund_no(raw: &str) -> Option<(MerchantId, RefundNo)> {
    let (merchant, refund_no) = raw.split_once('-')?;
    Some((merchant.parse().ok()?, refund_no.parse().ok()?))
}

/// The number here of a refund that the channel tells of and the books do not have: its own, where it was asked for here and lost
/// with newer books, so that whoever repeats it asks for the same refund; else one made of the channel's number of it.
pub fn refund_no_told(of: &MerchantId, out_refund_no: &str, refund_id: &str) -> RefundNo {
    let ours = read_out_refund_no(out_refund_no).filter(|(merchant, _)| merchant == of);
    let by_hand = || number::of_refund_by_hand(of, refund_id).parse();
    ours.map_or_else(|| by_hand().expect("a made number is well-formed"), |(_, number)| number)
}

/// The number of a withdrawal's transfer: letters and digits only, so in place of the dash the length of the merchant's
/// id stands in front, as one digit in base 36 (`1` to `9`, `A` to `C`). At most 28 characters.
pub fn transfer_no(merchant: &MerchantId, withdrawal_no: &WithdrawalNo) -> String {
    let length = u32::try_from(merchant.as_str().len()).expect("a merchant id is short");
    let digit = char::from_digit(length, 36).expect("at most 12").to_ascii_uppercase();
    format!("{digit}{merchant}{withdrawal_no}")
}

/// Whose withdrawal a transfer's number names, and which; `None` when no withdrawal of ours is called so.
pub fn read_transfer_no(raw: &str) -> Option<(MerchantId, WithdrawalNo)> {
    let digit = raw.chars().next().filter(|digit| !digit.is_ascii_lowercase())?;
    let length = usize::try_from(digit.to_digit(36)?).ok()?;
    let (merchant, withdrawal_no) = raw.get(1..)?.split_at_checked(length)?;
    Some((merchant.parse().ok()?, withdrawal_no.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn numbers_at_the_channel_are_what_they_always_were() {
        let long: MerchantId = "ABCDEFGHIJKL".parse().unwrap();
        for (merchant, withdrawal, expected) in
            [("m1", "W100", "2m1W100"), ("ABCDEFGHI1", "1234", "AABCDEFGHI11234")]
        {
            let merchant = merchant.parse().unwrap();
            assert_eq!(transfer_no(&merchant, &withdrawal.parse().unwrap()), expected);
        }
        assert_eq!(transfer_no(&long, &"123456789012345".parse().unwrap()).len(), 28);
        assert_eq!(out_trade_no(&long, &"O100".parse().unwrap()), "ABCDEFGHIJKL-O100");
        let refund_no = "R100".parse().unwrap();
        assert_eq!(out_refund_no(&long, &refund_no), "ABCDEFGHIJKL-R100");
        assert_eq!(read_out_refund_no("ABCDEFGHIJKL-R100"), Some((long, refund_no)));
    }

    #[test]
    fn what_is_no_number_of_ours_is_read_as_nothing() {
        for raw in ["", "-", "m1", "m1-", "-O100", "m1-O10", "m1-O100-2", "商-O100", "m1 -O100"] {
            assert_eq!(read_out_trade_no(raw), None, "{raw}");
        }
        for raw in
            ["", "2", "2m1", "2m1W10", "0W100", "aABCDEFGHI11234", "Zm1W100", "2商W100", "9m1W100"]
        {
            assert_eq!(read_transfer_no(raw), None, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn numbers_read_backwards(m in "[0-9A-Za-z]{1,12}", o in "[0-9A-Za-z]{4,19}", w in "[0-9A-Za-z]{4,15}") {
            let (m, o, w) = (m.parse().unwrap(), o.parse().unwrap(), w.parse().unwrap());
            prop_assert_eq!(read_out_trade_no(&out_trade_no(&m, &o)), Some((m, o)));
            let transfer = transfer_no(&m, &w);
            prop_assert!(transfer.len() <= 32 && transfer.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            prop_assert_eq!(read_transfer_no(&transfer), Some((m, w)));
        }

        /// One number, one reading: what is read is what would be written.
        #[test]
        fn nothing_is_read_that_is_not_written_so(raw in "[0-9A-Ca-c]{1,16}") {
            if let Some((m, w)) = read_transfer_no(&raw) {
                prop_assert_eq!(transfer_no(&m, &w), raw);
            }
        }
    }
}
