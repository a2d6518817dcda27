//! The machines by hand: what a schedule of inputs leads to, without actors and threads.
