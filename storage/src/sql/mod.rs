//! What is common to all databases that speak SQL.
//!
//! | module | what |
//! |---|---|
//! | `dialect`, `meaning` | what differs: words, and what errors mean |
//! | `connect` | how a server is reached |
//! | `db`, `value`, `row` | connections and pools behind one face: values go in, rows come out |
//! | `statement` | statements over many rows |
//! | `commit` | one transaction a batch, and what became of it |
//! | `heads` | the fence, and where actors start from |
//! | `project`, `values`, `refund_values`, `steps` | what a batch writes, and by which statements |
//! | `checkpoints` | where a fold of the past may begin |
//! | `lookup`, `lists`, `refund_lists`, `cursor` | what messages and people ask for |
//! | `waiting` | what waits for the payment channel |
//! | `moving` | books that are moved to another database |
//! | `reconciliations` | what days came to when they were compared with WeChat's bills |
//! | `webhooks` | whom Tally tells of what happened, and what is to be told again |
//! | `store` | the reads of the port, for every store |
//! | `rows`, `refund_rows` | columns and the things they hold |

pub(crate) mod adjustments;
pub(crate) mod checkpoints;
pub(crate) mod commit;
pub(crate) mod connect;
pub(crate) mod cursor;
pub(crate) mod db;
pub(crate) mod dialect;
pub(crate) mod heads;
pub(crate) mod lists;
pub(crate) mod lookup;
pub(crate) mod meaning;
pub(crate) mod moving;
pub(crate) mod project;
pub(crate) mod reconciliations;
pub(crate) mod refund_lists;
pub(crate) mod refund_rows;
pub(crate) mod refund_values;
pub(crate) mod row;
pub(crate) mod rows;
pub(crate) mod statement;
pub(crate) mod steps;
pub(crate) mod store;
pub(crate) mod value;
pub(crate) mod values;
pub(crate) mod waiting;
pub(crate) mod webhooks;
