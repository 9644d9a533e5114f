"""What a translation tells the engine besides its SQL, and what it refuses."""

import datetime
import subprocess
import sys
import time
from decimal import Decimal

import duckdb
import pytest

from infra.local.athena import statements
from infra.local.athena.contract import Column, QueryError, Range, Relation, Translation
from infra.local.athena.sql import (
    rules,  # noqa: F401 - fills the registry
    translate,
)
from infra.local.athena.sql.functions import RULES
from infra.local.athena.sql.grammar import parse
from infra.local.athena.sql.macros import install_functions, macros, prepare
from infra.local.athena.sql.runtime import runtime_error
from infra.local.athena.statements.statements import read

pytestmark = pytest.mark.unit
COLUMNS = (
    Column("id", "bigint"),
    Column("name", "varchar"),
    Column("price", "decimal(10,2)"),
    Column("made_at", "timestamp(3)"),
    Column("dt", "date"),
)
VIEWS = {
    "recent": "SELECT id, name, dt FROM sales WHERE dt >= DATE '2024-01-01'",
    "counted": "SELECT dt, count(*) AS n FROM sales GROUP BY dt",
    "first_ones": "SELECT id, dt FROM sales ORDER BY id LIMIT 10",
    "of_view": "SELECT id FROM recent",
    "snake": "SELECT * FROM tail",
    "tail": "SELECT * FROM snake",
    "broken": "SELECT nothing FROM sales",
}


class Shop:
    def relation(self, database: str, name: str) -> Relation:
        if name == "bare":
            return Relation(database, name, ())
        if name == "stale":
            return Relation(database, name, COLUMNS[:1], (), "SELECT id, name FROM sales")
        if name in VIEWS:
            return Relation(database, name, (), (), VIEWS[name])
        if name != "sales":
            raise QueryError("TABLE_NOT_FOUND", f"Table 'awsdatacatalog.{database}.{name}' does not exist")
        return Relation(database, name, COLUMNS, ("dt",))


def translated(sql: str, *parameters: str) -> Translation:
    return translate(sql, catalog=Shop(), database="shop", parameters=parameters)


def ranges(sql: str) -> dict[str, Range]:
    return dict(translated(sql).sources["t0"].ranges)


def test_only_the_columns_that_are_read_are_needed() -> None:
    assert translated("SELECT name FROM sales WHERE price > 1").sources["t0"].needed == ("name", "price")
    assert translated("SELECT count(*) FROM sales").sources["t0"].needed == ()
    assert translated('SELECT "$path", id FROM sales').sources["t0"].needed == ("id", "$path")
    assert translated("SELECT * FROM sales").sources["t0"].needed == tuple(c.name for c in COLUMNS)


def test_each_mention_of_a_table_is_a_source_of_its_own() -> None:
    sources = translated("SELECT a.id FROM sales a JOIN sales b ON a.id = b.id AND b.dt = DATE '2024-01-01'").sources
    assert [s.needed for s in sources.values()] == [("id",), ("id", "dt")]
    assert [bool(s.ranges) for s in sources.values()] == [False, True]


def test_conditions_that_all_hold_limit_what_can_match() -> None:
    found = ranges("SELECT 1 FROM sales WHERE dt >= DATE '2024-01-01' AND DATE '2024-02-01' > dt AND id IN (3, 1)")
    assert found["dt"] == Range(low=datetime.date(2024, 1, 1), high=datetime.date(2024, 2, 1))
    assert found["id"] == Range(frozenset({1, 3}), 1, 3)


def test_the_narrowest_of_several_conditions_counts() -> None:
    assert ranges("SELECT 1 FROM sales WHERE id > 1 AND id > 5 AND id BETWEEN 2 AND 9")["id"] == Range(low=5, high=9)
    assert ranges("SELECT 1 FROM sales WHERE id IN (1, 2) AND id IN (2, 3)")["id"].values == frozenset({2})
    assert ranges("SELECT 1 FROM sales WHERE price = 1.5 AND name = 'a'")["price"].values == frozenset({Decimal("1.5")})


@pytest.mark.parametrize(
    "condition",
    [
        "dt = DATE '2024-01-01' OR id = 1",
        "NOT dt = DATE '2024-01-01'",
        "dt <> DATE '2024-01-01'",
        "dt NOT IN (DATE '2024-01-01')",
        "dt + INTERVAL '1' DAY = DATE '2024-01-01'",
        "dt = CAST(made_at AS date)",
        "dt = TIMESTAMP '2024-01-01 00:00:00'",
        "id = 1e0",
        "coalesce(id = 1, true)",
    ],
)
def test_a_condition_that_may_not_hold_limits_nothing(condition: str) -> None:
    assert ranges(f"SELECT 1 FROM sales WHERE {condition}") == {}


def test_a_condition_reaches_the_table_behind_a_view() -> None:
    assert ranges("SELECT * FROM recent WHERE dt < DATE '2024-02-01'")["dt"] == Range(
        low=datetime.date(2024, 1, 1), high=datetime.date(2024, 2, 1)
    )
    assert "dt" in ranges("SELECT * FROM counted WHERE dt = DATE '2024-02-01'")


def test_a_condition_does_not_reach_behind_what_depends_on_other_rows() -> None:
    assert ranges("SELECT * FROM first_ones WHERE dt = DATE '2024-02-01'") == {}
    ranked = "SELECT id, row_number() OVER (ORDER BY dt) AS n FROM sales"
    assert ranges(f"SELECT * FROM ({ranked}) WHERE id = 1") == {}
    assert ranges("WITH w AS (SELECT id FROM sales) SELECT * FROM w WHERE id = 1 UNION ALL SELECT * FROM w") == {}


def test_a_condition_reaches_behind_a_with_query_that_is_mentioned_once() -> None:
    once = "WITH w AS (SELECT id AS n, dt FROM sales) SELECT * FROM w WHERE n = 1 AND dt > DATE '2024-01-01'"
    assert ranges(once) == {"id": Range(frozenset({1}), 1, 1), "dt": Range(low=datetime.date(2024, 1, 1))}
    nested = "WITH w AS (SELECT id FROM sales), v AS (SELECT id FROM w) SELECT * FROM v a JOIN v b ON a.id = 1"
    assert ranges(nested) == {}
    recursive = "WITH RECURSIVE w (n) AS (SELECT id FROM sales UNION ALL SELECT n + 1 FROM w WHERE n < 3) "
    assert ranges(f"{recursive} SELECT * FROM w WHERE n = 2") == {}


def test_rows_can_be_limited_by_a_parameter() -> None:
    assert translated("SELECT id FROM sales OFFSET ? LIMIT ?", "2", "3").sql.endswith(" LIMIT 3 OFFSET 2")
    with pytest.raises(QueryError, match="TYPE_MISMATCH: line 1:28"):
        translated("SELECT id FROM sales LIMIT ?", "'a'")


def test_views_are_read_in_their_own_database() -> None:
    found = translate("SELECT * FROM shop.of_view", catalog=Shop(), database="")
    assert [c.name for c in found.columns] == ["id"]
    assert found.sources["t0"].relation.full_name == "shop.sales"


def test_a_view_of_itself_is_refused() -> None:
    with pytest.raises(QueryError, match=r"VIEW_IS_RECURSIVE: line 1:15: Statement is recursive"):
        translated("SELECT * FROM snake")


def test_a_fault_in_a_view_names_the_view() -> None:
    expected = r"INVALID_VIEW: line 1:15: Failed analyzing stored view 'awsdatacatalog.shop.broken': line 1:8: Column"
    with pytest.raises(QueryError, match=expected):
        translated("SELECT * FROM broken")


def test_a_view_that_has_more_columns_than_it_was_made_with_is_stale() -> None:
    expected = r"INVALID_VIEW: line 1:16: View 'awsdatacatalog.shop.stale' is stale .* count \(1\) .* analysis \(2\)"
    with pytest.raises(QueryError, match=expected):
        translated("SELECT id FROM stale")


def test_a_star_wants_columns() -> None:
    with pytest.raises(QueryError, match=r"COLUMN_NOT_FOUND: line 1:8: SELECT \* not allowed from relation that"):
        translated("SELECT * FROM bare")


def test_parameters_stand_for_question_marks_in_order() -> None:
    found = translated("SELECT ?, name FROM sales WHERE id = ? AND name <> ?", "'it''s'", "7", "plain text")
    assert [c.type for c in found.columns] == ["varchar(4)", "varchar"]
    assert found.sources["t0"].ranges["id"].values == frozenset({7})
    assert "'it''s'" in found.sql and "'plain text'" in found.sql


@pytest.mark.parametrize("parameters", [(), ("1", "2")])
def test_a_wrong_number_of_parameters_is_refused(parameters: tuple[str, ...]) -> None:
    with pytest.raises(QueryError, match=f"expected 1 but found {len(parameters)}"):
        translated("SELECT ?", *parameters)


def test_a_parameter_is_a_literal_and_nothing_else() -> None:
    sql = translated("SELECT name FROM sales WHERE name = ?", "name").sql
    assert "= 'name'" in sql


def test_names_may_repeat_in_a_result() -> None:
    found = translated("SELECT id, id, 1 FROM sales")
    assert [c.name for c in found.columns] == ["id", "id", "_col2"]


@pytest.mark.parametrize("text", ["'a\0b'", "U&'a\\0000b'", "VARCHAR 'a\0b'"])
def test_a_text_keeps_its_nul(text: str) -> None:
    assert duckdb.sql(translated(f"SELECT {text}, length({text})").sql).fetchall() == [("a\0b", 3)]
    assert duckdb.sql(translated(f"SELECT {text} LIKE 'a_b', {text} = 'ab'").sql).fetchall() == [(True, False)]


@pytest.mark.parametrize("columns", ["1 AS x, 2 AS x_2, 3 AS x", '1 AS "x", 2 AS "X", 3 AS x'])
def test_names_that_are_made_unlike_are_unlike_all_others(columns: str) -> None:
    found = translated(f"SELECT {columns}")
    relation = duckdb.sql(found.sql)
    assert len({name.lower() for name in relation.columns}) == 3
    assert relation.fetchall() == [(1, 2, 3)]


def test_a_text_cannot_leave_its_quotes() -> None:
    found = translated("""SELECT 'x''; DROP TABLE t; --' AS "a""b" """)
    assert duckdb.connect().execute(found.sql).fetchall() == [("x'; DROP TABLE t; --",)]
    assert [c.name for c in found.columns] == ['a"b']


def test_a_default_database_is_wanted_for_a_plain_name() -> None:
    with pytest.raises(QueryError, match=r"MISSING_SCHEMA_NAME: line 1:15: Schema must be specified"):
        translate("SELECT * FROM sales", catalog=Shop(), database="")


@pytest.mark.parametrize("text", ["SELECT " + "(" * 5000 + "1" + ")" * 5000, "SELECT " + "NOT " * 5000 + "true"])
def test_a_query_that_is_nested_too_deep_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match="STATEMENT_TOO_LARGE"):
        translated(text)


@pytest.mark.parametrize(
    "text",
    ["SELECT " + "(" * 100_000 + ")" * 100_000, f"CREATE EXTERNAL TABLE t (a {'array<' * 30_000}int{'>' * 30_000})"],
)
def test_how_deep_a_statement_is_nested_is_found_out_at_once(text: str) -> None:
    start = time.thread_time()
    statements.check(text)  # the execution fails with STATEMENT_TOO_LARGE
    assert time.thread_time() - start < 2  # parsing it takes longer than anyone waits
    with pytest.raises(QueryError, match=r"STATEMENT_TOO_LARGE: statement is too large \(stack overflow"):
        read(text)


@pytest.mark.parametrize("text", ["9" * 100_000, "9223372036854775808", "-9223372036854775809"])
def test_a_number_out_of_range_is_refused_in_one_short_line(text: str) -> None:
    with pytest.raises(QueryError, match=r"INVALID_LITERAL: line 1:\d+: Invalid numeric literal: 9") as raised:
        translated(f"SELECT {text}")
    assert len(str(raised.value)) < 200
    with pytest.raises(QueryError, match="INVALID_LITERAL"):
        translated(f"SELECT id FROM sales LIMIT {text.lstrip('-')}")


def test_long_conditions_are_no_nesting() -> None:
    assert translated("SELECT 1 FROM sales WHERE " + " OR ".join(f"id = {i}" for i in range(3000))).sql


@pytest.mark.parametrize(
    "name", ["read_csv", "read_text", "read_parquet", "glob", "getvariable", "current_setting", "query", "query_table",
             "duckdb_settings", "getenv", "pragma_version", "error", "sleep_ms", "write_log", "which_secret"]
)  # fmt: skip
def test_functions_of_duckdb_are_not_functions_of_athena(name: str) -> None:
    assert name not in RULES
    with pytest.raises(QueryError, match=f"FUNCTION_NOT_FOUND: line 1:8: Function '{name}' not registered"):
        translated(f"SELECT {name}('x')")


@pytest.mark.parametrize(
    "statement", ["COPY sales TO 'x'", "SET threads = 1", "PRAGMA version", "ATTACH ':memory:'", "INSTALL httpfs",
                  "LOAD httpfs", "CREATE MACRO f() AS 1", "SHOW TABLES", "SUMMARIZE sales", "CALL f()", "CHECKPOINT",
                  "FROM sales", "DESCRIBE sales", "EXPLAIN SELECT 1", "DELETE FROM sales"]
)  # fmt: skip
def test_only_queries_are_queries(statement: str) -> None:
    with pytest.raises(QueryError, match="SYNTAX_ERROR: line 1:1: mismatched input"):
        parse(statement)


def test_each_macro_can_be_installed_with_what_it_calls() -> None:
    with duckdb.connect() as connection:
        prepare(connection)
        for name in reversed(macros()):
            install_functions(connection, f"SELECT {name}(")


def test_a_macro_has_one_definition() -> None:
    names = list(macros())
    assert len(names) == len(set(names)) > 100


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (duckdb.InterruptException("INTERRUPT Error: Interrupted!"), "EXCEEDED_TIME_LIMIT"),
        (duckdb.OutOfMemoryException("Out of Memory Error: failed"), "EXCEEDED_MEMORY_LIMIT"),
        (duckdb.BinderException("Binder Error: something\nLINE 1: SELECT"), "GENERIC_INTERNAL_ERROR"),
    ],
)
def test_errors_of_duckdb_have_codes_of_trino(error: Exception, expected: str) -> None:
    assert runtime_error(error).code == expected
    assert "\n" not in runtime_error(error).message


def test_the_grammar_loads_no_engine() -> None:
    modules = ("duckdb", "pyarrow")
    program = f"import sys, infra.local.athena.sql.grammar; print([m for m in {modules} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
