//! What MariaDB's and MySQL's errors mean: one table, from which commits and reads take their answers.
//!
//! A statement that fails leaves its transaction open, but for a deadlock, which undoes it: so whoever hears of an error rolls
//! back. Of a COMMIT that fails nothing is known by the error alone.

use sqlx::mysql::MySqlDatabaseError;

use crate::sql::meaning::{Meaning, PRIMARY};

/// Numbers of errors (`mariadb.com/kb/en/mariadb-error-code-reference`, `dev.mysql.com/doc/mysql-errors/8.0/en`), by what is
/// done about them.
mod code {
    /// A key that is there already: in general, and where only its name is told.
    pub(super) const DUPLICATE: &[u16] = &[1062, 1586, 1022, 1169];

    /// A check that does not hold: at MySQL, and at MariaDB, where a check may also not be worked out.
    pub(super) const CHECK: &[u16] = &[3819, 4025, 4026];

    /// A value that a column does not take: null (1048, 1364), too large (1264, 1690), too long (1406, 1265), not a value of its type
    /// or charset (1292, 1300, 1366, 3988), a row or key too large (1118, 1071, 139).
    pub(super) const BAD_VALUE: &[u16] =
        &[1048, 1364, 1264, 1690, 1406, 1265, 1292, 1300, 1366, 3988, 1118, 1071, 139];

    /// A disk or a table that is full: the server itself, and InnoDB's space.
    pub(super) const DISK_FULL: &[u16] = &[1021, 1114];

    /// A file that could not be written; the text says by which error of the system.
    pub(super) const FILE: &[u16] = &[3, 20, 1004, 1005, 1006, 1026, 1030, 1180];

    /// What a server says that takes no writes: an option such as read_only, a transaction, the server, InnoDB. It may have been the
    /// primary when the session began, and a proxy or a name may lead to the new one by now: so the session is left, and the next
    /// is to find it.
    pub(super) const READ_ONLY: &[u16] = &[1290, 1792, 1836, 1874];

    /// The session ends, or is of no more use: shutdown (1053, 1079, 1080), killed (1927 at MariaDB, 3169 at MySQL), idle for too long
    /// (4031 at MySQL), trouble on the network (1153 to 1161, 1184), a proxy that lost its server (2006, 2013, 2055), prepared
    /// statements that are not known or don't fit the schema any more (1243, 1615).
    pub(super) const GONE: &[u16] = &[
        1053, 1079, 1080, 1927, 3169, 4031, 1153, 1154, 1155, 1156, 1157, 1158, 1159, 1160, 1161,
        1184, 2006, 2013, 2055, 1243, 1615,
    ];

    // All else may pass: deadlock (1213), a row or table not free in time (1205), a snapshot too old (1020, 1412), a statement
    // interrupted or too slow (1317, 1969, 3024), too many connections (1040, 1203, 1226) or statements (1461), out of memory (1037,
    // 1038, 1041), what the rights refuse (1044, 1045, 1142), a damaged index (1034, 1712): those don't end this process, as it
    // has no part in them; `/readyz` tells of them.
}

/// The table.
pub(crate) fn meaning(error: &sqlx::Error) -> Meaning {
    let Some(database) = error.as_database_error() else { return of_connection(error) };
    let database: &MySqlDatabaseError = database.downcast_ref();
    let (number, said) = (database.number(), database.message().to_owned());
    let among = |codes: &[u16]| codes.contains(&number);
    match number {
        _ if among(code::DUPLICATE) => Meaning::Constraint(key(&said)),
        _ if among(code::CHECK) => Meaning::Constraint(check(&said)),
        _ if among(code::BAD_VALUE) => Meaning::Constraint(said),
        _ if among(code::DISK_FULL) => Meaning::DiskFull,
        _ if among(code::FILE) && no_space_left(&said) => Meaning::DiskFull,
        _ if among(code::READ_ONLY) => Meaning::Gone(format!(
            "the server takes no writes ({said}): name the primary with TALLY_DATABASE_URL"
        )),
        _ if among(code::GONE) => Meaning::Gone(said),
        _ => Meaning::Passing(format!("{said} ({number})")),
    }
}

/// An error that the server did not tell of.
fn of_connection(error: &sqlx::Error) -> Meaning {
    let said = error.to_string();
    if matches!(error, sqlx::Error::Encode(_) | sqlx::Error::InvalidArgument(_)) {
        return Meaning::Constraint(said);
    }
    // Lost, or out of step with what the server says.
    let gone = matches!(error, sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_));
    if gone { Meaning::Gone(said) } else { Meaning::Passing(said) }
}

/// `Duplicate entry 'm1-A1' for key 'PRIMARY'`, at newer ones of MySQL `'orders.PRIMARY'`. The entry may hold any words.
fn key(said: &str) -> String {
    let name = said.rsplit_once("for key '").and_then(|(_, name)| name.strip_suffix('\''));
    let Some(name) = name else { return said.to_owned() };
    match name.split_once('.') {
        Some((table, PRIMARY)) => format!("{table}_pkey"),
        Some((_, name)) => name.to_owned(),
        None => name.to_owned(),
    }
}

/// ``CONSTRAINT `conserved` failed for `tally`.`heads` ``, or `Check constraint 'conserved' is violated.`
fn check(said: &str) -> String {
    said.split(['`', '\'']).nth(1).unwrap_or(said).to_owned()
}

/// By the system's number for it, which the text has between other words in any language.
fn no_space_left(said: &str) -> bool {
    const NO_SPACE: [&str; 2] = ["Errcode: 28", "error 28"];
    NO_SPACE.iter().any(|words| said.contains(words)) || said.contains("errno: 28")
}
