//! Each shape in each dialect, and how rows are parted.

use super::*;

const TYPES: &[Type] = &[Type::Text, Type::Integer];

fn texts(shape: Shape) -> [String; 3] {
    let statement = Statement::new(shape, TYPES);
    [Dialect::Sqlite, Dialect::Mysql, Dialect::Postgres]
        .map(|dialect| statement.text(dialect, 2).to_string())
}

#[test]
fn each_shape_in_the_words_of_each_dialect() {
    let unnested = "unnest($1::text[], $2::bigint[]) as v(column1, column2)";
    let derived = "(select cast(? as char) as column1, cast(? as signed) as column2 \
        union all select cast(? as char), cast(? as signed))";
    assert_eq!(
        texts(Shape::Insert { table: "t", columns: "a, b" }),
        [
            "insert into t (a, b) select * from (values (?, ?), (?, ?)) where column1 is not null"
                .to_owned(),
            "insert into t (a, b) values (?, ?), (?, ?)".to_owned(),
            format!("insert into t (a, b) select * from {unnested}"),
        ]
    );
    assert_eq!(
        texts(Shape::Upsert { table: "t", columns: "a, b", key: "a", changes: &["b"] }),
        [
            "insert into t (a, b) select * from (values (?, ?), (?, ?)) where column1 is not null \
                on conflict (a) do update set b = excluded.b"
                .to_owned(),
            "insert into t (a, b) values (?, ?), (?, ?) on duplicate key update b = values(b)"
                .to_owned(),
            format!(
                "insert into t (a, b) select * from {unnested} on conflict (a) do update set b = excluded.b"
            ),
        ]
    );
    let (set, on) = ("b = v.column2", "a = v.column1");
    assert_eq!(
        texts(Shape::Update { table: "t", set, on }),
        [
            format!("update t set {set} from (values (?, ?), (?, ?)) as v where {on}"),
            format!("update {derived} as v straight_join t on {on} set {set}"),
            format!("update t set {set} from {unnested} where {on}"),
        ]
    );
    assert_eq!(
        texts(Shape::Select { columns: "b", table: "t", along: Some("i"), on, lock: true }),
        [
            format!(
                "select v.column1, b from (values (?, ?), (?, ?)) as v cross join t indexed by i on {on}"
            ),
            format!(
                "select v.column1, b from {derived} as v straight_join t force index (i) on {on} for update"
            ),
            format!(
                "select v.column1, b from {unnested} join t on {on} order by v.column1 for update of t"
            ),
        ]
    );
}

#[test]
fn parts_are_as_large_as_the_dialect_takes_and_hold_each_row_once() {
    let rows: Vec<Values<'_>> = (0..619).map(|n| vec![Value::Integer(n)]).collect();
    let insert = Statement::new(Shape::Insert { table: "t", columns: "a" }, &[Type::Integer]);
    let update = Shape::Update { table: "t", set: "b = 1", on: "a = v.column1" };
    let update = Statement::new(update, &[Type::Integer]);
    let sizes = |statement: &Statement, dialect| {
        statement.parts(dialect, &rows).map(<[_]>::len).collect::<Vec<_>>()
    };
    for statement in [&insert, &update] {
        assert_eq!(sizes(statement, Dialect::Sqlite), [256, 256, 107]);
        assert_eq!(sizes(statement, Dialect::Postgres), [619]);
        assert!(statement.parts(Dialect::Mysql, &rows).flatten().eq(&rows));
    }
    assert_eq!(sizes(&insert, Dialect::Mysql), [256, 256, 96, 8, 3]);
    assert_eq!(sizes(&update, Dialect::Mysql), [256, 256, 107]);
}

#[test]
fn each_mark_of_a_text_gets_a_value() {
    let select =
        Shape::Select { columns: "b", table: "t", along: None, on: "a = v.column1", lock: false };
    let select = Statement::new(select, TYPES);
    let row = || vec![Value::Text("a"), Value::Integer(1)];
    for rows in 1..=ROWS_MAX {
        let rows: Vec<Values<'_>> = (0..rows).map(|_| row()).collect();
        let marks = select.text(Dialect::Mysql, rows.len()).matches('?').count();
        let parameters = select.of(Dialect::Mysql, &rows);
        let mut values = 0;
        parameters.each(|_| values += 1);
        assert_eq!((values, parameters.len()), (marks, marks));
    }
}
