//! Claims on a server.
