//! A right history is right, and each claim is broken by wrong ones.

mod answers;
mod books;
mod checks;
mod money;
mod people;
mod refunds;
mod sharp;
mod shop;
mod unusual;
