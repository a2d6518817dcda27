//! The model check of a withdrawal's life (`design.md` 3.5): every interleaving of requests, crashes, time-outs and late or
//! contradicting answers of WeChat, in a small world.
//!
//! What is explored is the real account and the real plan of the payer; the world around them is [`WORLDS`], and what is
//! assumed of WeChat is [`Word`].
//!
//! | claimed of | what |
//! |---|---|
//! | every state | the money is in transit until the withdrawal is decided, and then where it says; a repeat of the request changes nothing |
//! | every step | what is final stays as it is |
//! | every state, where WeChat keeps its word | WeChat never paid twice; never both returned and paid; what is recorded as paid is paid |
//! | every state | never stuck for good: once nothing fails any more, it is certain after a few rounds |

mod action;
mod claims;
mod explore;
mod fair;
mod key;
mod moves;
mod state;
mod wechat;
mod world;

pub use self::explore::{Counterexample, Explored, explore};
pub use self::world::{WORLDS, Word, World};
