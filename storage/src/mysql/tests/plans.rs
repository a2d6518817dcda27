//! Statements against the query planner, over tables that are not small.

use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, Row};
use tally_actors::domain::chain::Seq;
use tally_actors::domain::order::OrderStatus;
use tally_actors::domain::replay::Point;
use tally_actors::domain::time::At;

use super::*;
use crate::sql::dialect::Dialect;
use crate::sql::{checkpoints, heads, lists, lookup, steps, waiting};

/// 40 merchants with 1,000 orders each; one in fifty is open, one in fifty is closed.
const FILL: &str = "
    insert into heads select concat('m', seq), 1, 9, repeat('x', 32), 9, seq, 0, 0, 0, 0, 0, 0, 0, 0, 'k', 0, 0, 0, 0
        from seq_1_to_40;
    insert into journal select concat('m', m.seq), n.seq, repeat('x', 32), repeat('e', 100) from seq_1_to_40 m, seq_1_to_2000 n;
    insert into checkpoints select concat('m', m.seq), 1, 4096 * n.seq, repeat('x', 32), n.seq, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'k', 0, 0, 0, 0
        from seq_1_to_40 m, seq_1_to_50 n;
    insert into orders (merchant_id, order_no, amount_fen, description, channel, status, opened_ms, opened_seq, expires_ms,
            closed_ms, paid_seq, transaction_id, paid_ms, booked_fen, fee_fen, settle_on)
        select concat('m', m.seq), 1000 + n.seq, 5, 'tea', x'0102', elt(1 + kind, 'paid', 'open', 'closed'), n.seq, n.seq, 9,
            if(kind = 2, 9, null), if(kind = 0, n.seq, null), if(kind = 0, concat('T', n.seq), null), if(kind = 0, 9, null),
            if(kind = 0, 5, null), if(kind = 0, 0, null), if(kind = 0, n.seq div 100, null)
        from seq_1_to_40 m, (select seq, case seq mod 50 when 7 then 1 when 8 then 2 else 0 end as kind from seq_1_to_1000) n;
    insert into settlements select concat('m', m.seq), 1000 + n.seq, 10 * n.seq, 9, n.seq, 0, 5, 5, 0, 0, n.seq * 10 - 9, n.seq * 10
        from seq_1_to_40 m, seq_1_to_100 n;
    insert into withdrawals (merchant_id, withdrawal_no, amount_fen, settle_first, method, status, reference, requested_ms,
            requested_seq, day, asked_by)
        select concat('m', m.seq), 1000 + n.seq, 5, 0, 'wechat', if(n.seq mod 20, 'succeeded', 'unknown'), 'r', n.seq, n.seq, 1, 'k'
        from seq_1_to_40 m, seq_1_to_200 n;
    insert into idempotency select concat('m', m.seq), 'orders', concat('key ', n.seq), 1000 + n.seq
        from seq_1_to_40 m, seq_1_to_500 n;
    insert into cases (merchant_id, case_id, kind, opened_ms, opened_seq, order_no, transaction_id, amount_fen, expected_fen,
        paid_ms, facts, booked_fen, suspense) select concat('m', m.seq), concat('c', n.seq), if(n.seq mod 3, 'paid_twice', 'order_unknown'), n.seq, n.seq,
        1000 + n.seq, concat('T', n.seq), 5, null, 9, '[]', 5, 'held' from seq_1_to_40 m, seq_1_to_100 n;
    insert into refunds (merchant_id, refund_no, order_no, amount_fen, booked_fen, fee_fen, source, transaction_id, total_fen, reason,
        asked_by, status, refund_id, requested_ms, requested_seq)
        select concat('m', m.seq), 1000 + n.seq, 1000 + n.seq, 5, 5, 0, 'available', 'T', 5, 'r', 'k',
            if(n.seq mod 20, 'succeeded', 'unknown'), 'r', n.seq, n.seq from seq_1_to_40 m, seq_1_to_200 n;
    insert into adjustments (merchant_id, adjustment_no, amount_fen, reason, asked_by, status, requested_ms, requested_seq)
        select concat('m', m.seq), 1000 + n.seq, 5, 'r', 'k', 'requested', n.seq, n.seq from seq_1_to_40 m, seq_1_to_100 n;
    analyze table adjustments, heads, journal, checkpoints, orders, settlements, withdrawals, idempotency, cases, refunds";

/// One table of a plan.
#[derive(Debug)]
struct Step {
    table: String,
    kind: String,
    key: String,
    extra: String,
}

/// How a statement is executed, for values that some rows fit.
async fn plan(db: &mut MySqlConnection, sql: &str) -> Vec<Step> {
    let mut explain = sqlx::query(AssertSqlSafe(format!("explain {sql}")));
    for (at, _) in sql.match_indices('?') {
        let before = sql[..at].trim_end();
        let compared = before.trim_end_matches(['<', '>', '=', ' ']);
        let word = compared.rsplit([' ', '(', '.']).next().unwrap_or_default();
        explain = match word {
            _ if sql[at..].starts_with("? as char") => explain.bind("m7"),
            _ if sql[at..].starts_with("? as binary") => explain.bind(&b"x"[..]),
            "merchant_id" => explain.bind("m7"),
            "order_no" | "moved_by" => explain.bind("1012"),
            "kind" => explain.bind("paid_twice"),
            "status" => explain.bind("unknown"),
            _ if before.ends_with(">=") => explain.bind(10_i64),
            _ => explain.bind(500_i64),
        };
    }
    let rows = explain.fetch_all(db).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
    let step = |row: &MySqlRow| {
        let text = |name| row.get::<Option<String>, _>(name).unwrap_or_default();
        Step { table: text("table"), kind: text("type"), key: text("key"), extra: text("Extra") }
    };
    rows.iter().map(step).collect()
}

async fn filled() -> Option<(Database, MySqlConnection)> {
    let server = Mariadb::shared()?;
    let database = Database::look(&server.fresh_database()).await.unwrap();
    database.migrate().await.unwrap();
    server.ask(name(&database), FILL);
    let db = writer(&database).await;
    Some((database, db))
}

#[tokio::test]
async fn no_list_scans_or_sorts_a_table() {
    let Some((_, mut db)) = filled().await else { return };
    let dialect = Dialect::Mysql;
    let mut statements = vec![
        lists::merchants_sql(dialect),
        lists::order_sql(dialect),
        lists::settlements_sql(dialect),
        lists::settlement_orders_sql(dialect),
        waiting::open_orders_sql(dialect),
        waiting::withdrawals_under_way_sql(dialect),
    ];
    let points = [Point::Seq(Seq(1)), Point::At(At::default())];
    statements.extend(points.map(|point| checkpoints::sql(dialect, point)));
    use OrderStatus::{Closed, Open, Paid};
    let by_status = [None, Some(Open), Some(Paid), Some(Closed)];
    statements.extend(by_status.map(|status| lists::orders_sql(dialect, status)));
    statements
        .extend([true, false].map(|of_one_status| lists::withdrawals_sql(dialect, of_one_status)));
    for of_one_merchant in [true, false] {
        let cases = |of_one_kind| lists::cases_sql(dialect, of_one_merchant, of_one_kind, None);
        statements.extend([true, false].map(cases));
    }
    for sql in statements {
        let plan = plan(&mut db, &sql).await;
        for step in &plan {
            let along = ["const", "eq_ref", "ref", "range"].contains(&step.kind.as_str());
            let sorts = step.extra.contains("filesort") || step.extra.contains("temporary");
            assert!(along && !sorts, "{sql}\n{plan:#?}");
        }
        if sql.contains("settlements s") {
            let covered = plan.iter().any(|step| {
                step.key == "settlements_in_order" && step.extra.contains("Using index")
            });
            assert!(covered, "{sql}\n{plan:#?}");
        }
    }
}

#[tokio::test]
async fn every_row_of_a_batch_or_a_round_is_found_by_its_whole_key() {
    let Some((_, mut db)) = filled().await else { return };
    let rounds = heads::statements().into_iter().chain(lookup::statements());
    for statement in rounds.chain(steps::Step::ALL.map(steps::Step::statement)) {
        let sql = statement.text(Dialect::Mysql, 4);
        if sql.starts_with("insert") {
            continue;
        }
        let plan = plan(&mut db, &sql).await;
        let drives = |step: &Step| step.table.starts_with("<derived");
        assert!(plan.first().is_some_and(drives), "{sql}\n{plan:#?}");
        let found = plan.iter().filter(|step| step.table == statement.table());
        let kinds: Vec<&str> = found.map(|step| step.kind.as_str()).collect();
        // A payment may have been held more than once: the newest is wanted.
        let by_key = if sql.contains("suspense is not null") { "ref" } else { "eq_ref" };
        assert_eq!(kinds, [by_key], "{sql}\n{plan:#?}");
    }
}
