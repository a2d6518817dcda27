//! What the server is asked once, at the start: whether it fits, and whether it keeps what it says it keeps.

use std::collections::HashMap;

use sqlx::mysql::MySqlConnection;

/// The largest statement that a batch may need, in bytes. MariaDB takes as much unless it is told otherwise, MySQL more.
const PACKET_MIN: i64 = 16 << 20;

/// The oldest that have what Tally needs: checks that are enforced, `READ COMMITTED` with rows in the binary log.
const MARIADB_MIN: [u32; 3] = [10, 6, 0];
const MYSQL_MIN: [u32; 3] = [8, 0, 16];

/// What is asked for. A server lacks some: each is MariaDB's, MySQL's or both's.
const VARIABLES: &str = "show variables where variable_name in (
    'autocommit', 'binlog_format', 'check_constraint_checks', 'idle_transaction_timeout', 'innodb_doublewrite',
    'innodb_flush_log_at_trx_commit', 'innodb_lock_wait_timeout', 'innodb_read_only', 'lock_wait_timeout', 'log_bin',
    'max_allowed_packet', 'max_execution_time', 'max_statement_time', 'read_only', 'sql_safe_updates', 'super_read_only',
    'sync_binlog', 'transaction_isolation', 'tx_isolation', 'wait_timeout', 'wsrep_on', 'wsrep_sync_wait')";

const DATABASE: &str = "select version(), default_character_set_name, exists (
        select 1 from information_schema.engines where engine = 'InnoDB' and support in ('YES', 'DEFAULT')
    ) from information_schema.schemata where schema_name = database()";

/// Whose server it is. Others speak the same protocol, and say so in their version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Mariadb,
    Mysql,
    Other,
}

/// How a server and the database there are set up.
#[derive(Debug)]
pub(super) struct Setup {
    version: String,
    charset: String,
    has_innodb: bool,
    variables: HashMap<String, String>,
}

impl Setup {
    pub(super) async fn of(db: &mut MySqlConnection) -> Result<Self, sqlx::Error> {
        let (version, charset, has_innodb): (String, String, bool) =
            sqlx::query_as(DATABASE).fetch_one(&mut *db).await?;
        let rows: Vec<(String, String)> = sqlx::query_as(VARIABLES).fetch_all(db).await?;
        let variables = rows.into_iter().map(|(name, value)| (name.to_lowercase(), value));
        Ok(Self { version, charset, has_innodb, variables: variables.collect() })
    }

    /// Whether the server has a setting of that name.
    pub(super) fn knows(&self, variable: &str) -> bool {
        self.variables.contains_key(variable)
    }

    /// Why it can't be used, with the remedy.
    pub(super) fn unfit(&self) -> Option<String> {
        let (kind, version) = (self.kind(), &self.version);
        let least = match kind {
            Kind::Mariadb => Some((MARIADB_MIN, "MariaDB 10.6")),
            Kind::Mysql => Some((MYSQL_MIN, "MySQL 8.0.16")),
            Kind::Other => None,
        };
        if let Some((min, least)) = least
            && numbers(version) < min
        {
            return Some(format!("its version is {version}; use {least} or newer"));
        }
        if kind != Kind::Other && !self.has_innodb {
            return Some("it has no InnoDB; start the server with it".to_owned());
        }
        if self.charset != "utf8mb4" {
            let is = &self.charset;
            return Some(format!(
                "its charset is {is}; set it by `alter database … character set utf8mb4`"
            ));
        }
        if let Some(variable) =
            ["read_only", "super_read_only", "innodb_read_only"].into_iter().find(|it| self.on(it))
        {
            return Some(format!(
                "it takes no writes ({variable} is on); name the primary, not a replica"
            ));
        }
        if self.on("log_bin") && self.is("binlog_format", "STATEMENT") {
            return Some("binlog_format is STATEMENT; set it to ROW".to_owned());
        }
        let packet = self.variables.get("max_allowed_packet").and_then(|raw| raw.parse().ok());
        if packet.is_some_and(|packet: i64| packet < PACKET_MIN) {
            return Some("max_allowed_packet is below 16M; set it to 16M or more".to_owned());
        }
        None
    }

    /// What would let a crash of the server take back what it said, each by the name of the setting; and what is not known.
    pub(super) fn dangers(&self) -> Vec<&'static str> {
        let other_than =
            |variable: &str, wanted: &str| self.knows(variable) && !self.is(variable, wanted);
        let dangers = [
            (
                other_than("innodb_flush_log_at_trx_commit", "1"),
                "innodb_flush_log_at_trx_commit is not 1: a crash of the database's machine can lose all that was answered in \
                 the last second; set it to 1",
            ),
            (
                self.on("log_bin") && other_than("sync_binlog", "1"),
                "sync_binlog is not 1: after a crash of the database's machine its replicas may not have what was answered; \
                 set it to 1",
            ),
            (
                self.is("innodb_doublewrite", "OFF")
                    || self.is("innodb_doublewrite", "DETECT_ONLY"),
                "innodb_doublewrite is off: a crash of the database's machine can damage what was answered; set it on, unless \
                 the file system never tears a page",
            ),
            (
                !self.knows("idle_transaction_timeout") && !self.knows("wait_timeout"),
                "neither idle_transaction_timeout nor wait_timeout is known: a stopped Tally may hold its merchants up",
            ),
            (
                self.on("wsrep_on"),
                "wsrep_on is ON: it is a node of a Galera cluster, which Tally's own tests don't run against; lead every Tally to \
                 the same node, as only there an earlier session can be ended",
            ),
            (
                self.kind() == Kind::Other,
                "it is neither MariaDB nor MySQL: Tally's own tests don't run against it",
            ),
        ];
        dangers.into_iter().filter_map(|(so, danger)| so.then_some(danger)).collect()
    }

    fn kind(&self) -> Kind {
        let names = |name: &str| self.version.contains(name);
        if names("MariaDB") {
            return Kind::Mariadb;
        }
        let others = ["TiDB", "OceanBase", "Vitess"];
        if others.into_iter().any(names) { Kind::Other } else { Kind::Mysql }
    }

    fn is(&self, variable: &str, value: &str) -> bool {
        self.variables.get(variable).is_some_and(|is| is.eq_ignore_ascii_case(value))
    }

    /// Some of these have more values than on and off.
    fn on(&self, variable: &str) -> bool {
        let off = |is: &String| ["OFF", "0", ""].iter().any(|off| is.eq_ignore_ascii_case(off));
        self.variables.get(variable).is_some_and(|is| !off(is))
    }
}

/// The three numbers that a version begins with.
fn numbers(version: &str) -> [u32; 3] {
    let mut numbers = [0; 3];
    let raw = version.split(|digit: char| !digit.is_ascii_digit());
    for (number, raw) in numbers.iter_mut().zip(raw) {
        *number = raw.parse().unwrap_or(0);
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(version: &str, variables: &[(&str, &str)]) -> Setup {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let variables = variables.iter().map(owned).collect();
        let (version, charset) = (version.to_owned(), "utf8mb4".to_owned());
        Setup { version, charset, has_innodb: true, variables }
    }

    #[test]
    fn a_version_is_new_enough_or_named_with_the_one_that_is() {
        for good in ["10.6.0-MariaDB", "11.4.2-MariaDB-ubu2404", "8.0.16", "8.4.0", "9.1.0-log"] {
            assert_eq!(setup(good, &[]).unfit(), None, "{good}");
        }
        for other in ["8.0.11-TiDB-v7.5.0", "5.7.25-OceanBase-v4.2.1.0", "8.0.30-Vitess"] {
            assert_eq!(setup(other, &[]).unfit(), None, "{other}");
            assert!(
                setup(other, &[("wait_timeout", "9")]).dangers()[0].contains("neither MariaDB")
            );
        }
        for (old, least) in
            [("10.5.27-MariaDB", "MariaDB 10.6"), ("8.0.15", "8.0.16"), ("5.7.44-log", "8.0.16")]
        {
            let unfit = setup(old, &[]).unfit();
            assert!(unfit.is_some_and(|unfit| unfit.contains(least)), "{old}");
        }
    }

    #[test]
    fn a_node_of_a_cluster_is_warned_of() {
        let dangers = |on| {
            setup("10.11.6-MariaDB", &[("wait_timeout", "9"), ("wsrep_on", on)]).dangers().join("")
        };
        assert!(dangers("ON").starts_with("wsrep_on is ON"));
        assert_eq!(dangers("OFF"), "");
    }

    #[test]
    fn a_server_that_can_not_keep_what_it_takes_is_not_used() {
        for (variables, words) in [
            (&[("read_only", "ON")][..], "read_only is on"),
            (&[("read_only", "OFF"), ("super_read_only", "1")], "super_read_only is on"),
            (&[("log_bin", "ON"), ("binlog_format", "STATEMENT")], "set it to ROW"),
            (&[("max_allowed_packet", "16777215")], "16M"),
        ] {
            let unfit = setup("10.11.6-MariaDB", variables).unfit();
            assert!(unfit.as_ref().is_some_and(|unfit| unfit.contains(words)), "{unfit:?}");
        }
        let fine = [("log_bin", "OFF"), ("binlog_format", "STATEMENT"), ("read_only", "0")];
        assert_eq!(setup("10.11.6-MariaDB", &fine).unfit(), None);
    }
}
