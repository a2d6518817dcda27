//! Tests of the engine by its front door and of its machines by hand: each rule of `design.md` 3.2.

mod bounds;
mod cases;
mod cashier;
mod failures;
mod machines;
mod owners;
mod payer;
mod payers;
mod reads;
mod recovery;
mod refunder;
mod restores;
mod schedules;
mod scripted;
mod settler;
mod support;
mod sweeper;
mod world;

pub(crate) use self::scripted::Scripted;
