//! Real processes and real SIGKILLs: the binary under load, and what is known of it outside.
//!
//! | module | what |
//! |---|---|
//! | [`site`], [`server`] | the binary, its folder, a running server |
//! | [`databases`] | where the books are: files, or databases on a private server |
//! | [`api`] | a client of `/v1` |
//! | [`traffic`], [`load`] | what many clients ask for, from a seed, until there is no answer |
//! | [`doors`] | where they ask: one server, or any of several on one database |
//! | [`ledger`] | every answer that was acknowledged, kept outside of the server |
//! | [`held`] | holds that against a merchant's books |
//! | [`transcript`], [`history`] | what was asked and heard, for the auditor |
//! | [`books`] | a merchant's books read back over HTTP, and whether they agree |
//! | [`refunds`] | what the journal has left of each payment |
//! | [`judge`] | holds the books against the ledger |
//! | [`plan`] | what a run is to do, and what it found |
//! | [`kills`] | kills under the traffic of merchants' systems |
//! | [`shared`] | kills of processes that share a database |
//! | [`people`] | customers who pay by WeChat, merchants who take their money out |
//! | `clerks` | refunds, freezes and cases of these merchants |
//! | [`channel`] | holds the books against what WeChat knows |
//! | [`notices`] | kills while notices come in and transfers go out |
//! | [`world`] | a WeChat that outlives the server |

pub mod api;
pub mod books;
pub mod channel;
mod clerks;
pub mod databases;
pub mod doors;
pub mod held;
pub mod history;
pub mod judge;
pub mod kills;
pub mod ledger;
pub mod load;
pub mod notices;
pub mod people;
pub mod plan;
pub mod refunds;
pub mod server;
pub mod shared;
pub mod site;
pub mod traffic;
pub mod transcript;
pub mod world;
