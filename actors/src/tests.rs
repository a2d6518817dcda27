//! Tests of the engine by its front door and of its machines by hand: each rule of `design.md` 3.2.

mod bounds;
mod failures;
mod machines;
mod owners;
mod reads;
mod support;
