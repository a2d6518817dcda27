//! Ids and numbers: parsed once at the edge, well-formed ever after, and small enough to be copied.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A text that is not an id of the wanted shape. Its message says the shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

fn alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn printable(byte: u8) -> bool {
    (0x20..=0x7e).contains(&byte)
}

/// Makes an id type: an inline, copyable text of bounded length over a set of ASCII bytes.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $min:literal..=$max:literal, $allowed:path, $shape:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            bytes: [u8; $max],
            len: u8,
        }

        impl $name {
            /// The shape, for a message to whoever sent another.
            pub const SHAPE: &'static str = $shape;

            /// The id as text.
            pub fn as_str(&self) -> &str {
                std::str::from_utf8(&self.bytes[..usize::from(self.len)]).expect("parse took ASCII only")
            }
        }

        impl std::str::FromStr for $name {
            type Err = Malformed;

            fn from_str(raw: &str) -> Result<Self, Malformed> {
                if !($min..=$max).contains(&raw.len()) || !raw.bytes().all($allowed) {
                    return Err(Malformed($shape));
                }
                let mut bytes = [0; $max];
                bytes[..raw.len()].copy_from_slice(raw.as_bytes());
                Ok(Self { bytes, len: u8::try_from(raw.len()).expect("ids are short") })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct Shape;
                impl de::Visitor<'_> for Shape {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a text")
                    }

                    fn visit_str<E: de::Error>(self, raw: &str) -> Result<$name, E> {
                        raw.parse().map_err(E::custom)
                    }
                }
                from.deserialize_str(Shape)
            }
        }
    };
}

text_id!(
    /// A merchant (商户).
    MerchantId, 1..=12, alphanumeric, "must be 1 to 12 letters or digits"
);
text_id!(
    /// An order's number, unique within its merchant (商户订单号 without the merchant).
    OrderNo, 4..=19, alphanumeric, "must be 4 to 19 letters or digits"
);
text_id!(
    /// A refund's number, unique within its merchant (商户退款单号 without the merchant).
    RefundNo, 4..=19, alphanumeric, "must be 4 to 19 letters or digits"
);
text_id!(
    /// A settlement's number, unique within its merchant.
    SettlementNo, 4..=19, alphanumeric, "must be 4 to 19 letters or digits"
);
text_id!(
    /// An adjustment's number, unique within its merchant.
    AdjustmentNo, 4..=19, alphanumeric, "must be 4 to 19 letters or digits"
);
text_id!(
    /// A withdrawal's number, unique within its merchant. Short, as WeChat's transfer number has the merchant in it too.
    WithdrawalNo, 4..=15, alphanumeric, "must be 4 to 15 letters or digits"
);
text_id!(
    /// An endpoint of the platform's own server that is told of what happens.
    WebhookId, 1..=24, alphanumeric, "must be 1 to 24 letters or digits"
);
text_id!(
    /// The number of a payment where it was made: WeChat's `transaction_id` (32 characters at most), or a bank's.
    TransactionId, 1..=32, alphanumeric, "must be 1 to 32 letters or digits"
);
text_id!(
    /// The caller's key for a call whose number the server makes. Kept for ever; its scope is merchant and route.
    IdempotencyKey, 1..=64, printable, "must be 1 to 64 printable ASCII characters"
);
text_id!(
    /// A case (差错单): the merchant's id, a dash, and what the case is about, hashed. The same facts give the same id.
    CaseId, 3..=29, printable, "must be a merchant id, a dash and 16 letters or digits"
);
text_id!(
    /// A bank run (银行批量付款), unique among all merchants.
    RunNo, 4..=19, alphanumeric, "must be 4 to 19 letters or digits"
);
text_id!(
    /// Who asked: the id of an API key, never the key.
    KeyId, 1..=24, printable, "must be 1 to 24 printable ASCII characters"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_by_shape_and_told_apart_by_case() {
        for good in ["a", "Shop1", "123456789012"] {
            assert_eq!(good.parse::<MerchantId>().unwrap().as_str(), good);
        }
        for bad in ["", "1234567890123", "a b", "商户", "a-b", "a\0"] {
            assert_eq!(bad.parse::<MerchantId>(), Err(Malformed(MerchantId::SHAPE)), "{bad:?}");
        }
        assert_ne!("Shop1".parse::<MerchantId>(), "shop1".parse::<MerchantId>());
    }

    #[test]
    fn ids_sort_as_their_text_does() {
        let mut ids: Vec<OrderNo> = ["zzzz", "1000", "10000", "aaaa", "AAAA"]
            .iter()
            .map(|raw| raw.parse().unwrap())
            .collect();
        ids.sort();
        let texts: Vec<&str> = ids.iter().map(OrderNo::as_str).collect();
        assert_eq!(texts, ["1000", "10000", "AAAA", "aaaa", "zzzz"]);
    }

    #[test]
    fn ids_cross_json_and_the_journal_unchanged() {
        let key: IdempotencyKey = "a key, with: spaces".parse().unwrap();
        let json = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<IdempotencyKey>(&json).unwrap(), key);
        let bytes = postcard::to_allocvec(&key).unwrap();
        assert_eq!(postcard::from_bytes::<IdempotencyKey>(&bytes).unwrap(), key);
        assert!(
            serde_json::from_str::<OrderNo>("\"x\"")
                .unwrap_err()
                .to_string()
                .contains(OrderNo::SHAPE)
        );
    }
}
