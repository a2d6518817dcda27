//! A WeChat to practise on: the other side of `tally-wechat`, over real HTTP on a port of its own.
//!
//! It checks what it is sent as strictly as WeChat does, keeps its own books in an append-only file, sends notices until
//! they are taken, and fails on demand. [`Sandbox::start`] runs it; `/sandbox/` plays the customer and shows the books.

mod bills;
mod books;
mod charge;
mod checks;
mod clock;
mod control;
mod control_pay;
mod control_refunds;
mod desk;
mod faults;
mod gate;
mod ids;
mod journal;
mod limits;
mod logins;
mod notifier;
mod orders;
mod protocol;
mod refund_book;
mod refunds;
mod server;
mod settings;
mod transfers;

pub use journal::JournalFault;
pub use server::{Sandbox, StartFault};
pub use settings::{Credentials, Notify, Settings};
