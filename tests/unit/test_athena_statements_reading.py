"""Athena's statements told apart: what each is called, and what StartQueryExecution refuses in which words."""

import subprocess
import sys

import pytest

from infra.local.athena import statements
from infra.local.athena.contract import QueryError
from infra.local.athena.statements import hive, query
from infra.local.athena.statements.reader import Reader
from infra.local.athena.statements.statements import read
from infra.local.athena.statements.tokens import scan

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1", "DML SELECT"),
        ("-- c\n/* SHOW TABLES */ select ';' ;", "DML SELECT"),
        ("((SELECT 1) UNION (SELECT 2))", "DML SELECT"),
        ("WITH x AS (SELECT 1 n) SELECT * FROM x", "DML SELECT"),
        ("VALUES 1", "DML SELECT"),
        ("TABLE t", "DML SELECT"),
        ("EXPLAIN (FORMAT JSON) SELECT 1", "DML EXPLAIN"),
        ("EXPLAIN (SELECT 1)", "DML EXPLAIN"),
        ("INSERT INTO t (a, b) VALUES (1, 2)", "DML INSERT"),
        ("INSERT INTO t (SELECT 1)", "DML INSERT"),
        ("UPDATE t SET a = 1", "DML UPDATE"),
        ("DELETE FROM db.t WHERE a = 1", "DML DELETE"),
        ("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE", "DML MERGE"),
        ("UNLOAD (SELECT ')' a) TO 's3://b/c/' WITH (format = 'JSON')", "DML UNLOAD"),
        ("EXECUTE p USING 1, f(2, 3)", "DML EXECUTE"),
        ("PREPARE p FROM SELECT ?", "UTILITY PREPARE"),
        ("CREATE TABLE t WITH (format = 'ORC') AS SELECT 1 a", "DDL CREATE_TABLE_AS_SELECT"),
        ("CREATE TABLE t AS (VALUES 1)", "DDL CREATE_TABLE_AS_SELECT"),
        ("CREATE TABLE\"t\" AS SELECT 's3://a--b/' a", "DDL CREATE_TABLE_AS_SELECT"),
        ("CREATE /* c */ EXTERNAL TABLE `t` (`as` int) LOCATION 's3://b/c/'", "DDL CREATE_TABLE"),
        ("CREATE SCHEMA IF NOT EXISTS db", "DDL CREATE_DATABASE"),
        ("DROP DATABASE db CASCADE", "DDL DROP_DATABASE"),
        ("DROP -- c\nTABLE IF EXISTS `db`.`t`", "DDL DROP_TABLE"),
        ('DROP VIEW "v"', "DDL DROP_VIEW"),
        ("CREATE OR REPLACE VIEW v AS SELECT 1 a", "DDL CREATE_VIEW"),
        ("ALTER TABLE t ADD COLUMNS (a int)", "DDL ALTER_TABLE_ADD_COLUMN"),
        ("ALTER TABLE t REPLACE COLUMNS (a int)", "DDL ALTER_TABLE_REPLACE_COLUMN"),
        ("ALTER TABLE t CHANGE COLUMN a b bigint AFTER c", "DDL ALTER_TABLE_CHANGE_COLUMN"),
        ("ALTER TABLE t SET TBLPROPERTIES('c'='add column')", "DDL ALTER_TABLE_PROPERTIES"),
        ("ALTER TABLE t SET LOCATION's3://b/c'", "DDL ALTER_TABLE_SET_LOCATION"),
        ("ALTER TABLE t ADD IF NOT EXISTS PARTITION (p = 1)", "DDL ALTER_TABLE_ADD_PARTITION"),
        ("ALTER TABLE t DROP PARTITION (p = 'v')", "DDL ALTER_TABLE_DROP_PARTITION"),
        ("ALTER TABLE t RENAME TO u", "DDL ALTER_TABLE_RENAME"),
        ("ALTER TABLE t DROP COLUMN c", "DDL ALTER_TABLE_DROP_COLUMN"),
        ("MSCK REPAIR TABLE t", "DDL MSCK_REPAIR"),
        ("SHOW TABLES IN db 'a*'", "UTILITY SHOW_TABLES"),
        ("SHOW SCHEMAS LIKE 'x'", "UTILITY SHOW_DATABASES"),
        ("SHOW COLUMNS FROM t IN db", "UTILITY SHOW_COLUMNS"),
        ("SHOW CREATE /* c */ VIEW v", "UTILITY SHOW_CREATE_VIEW"),
        ("SHOW TBLPROPERTIES t('x')", "UTILITY SHOW_TABLE_PROPERTIES"),
        ("desc formatted db.t", "UTILITY DESCRIBE_TABLE"),
    ],
)
def test_a_statement_has_the_name_that_athena_gives_it(sql: str, expected: str) -> None:
    found = read(sql)
    assert f"{found.statement} {found.substatement}" == expected


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("", "line 1:1: mismatched input '<EOF>'. Expecting: 'ALTER', "),
        ("-- only", "line 1:8: mismatched input '<EOF>'. Expecting: 'ALTER', "),
        ("/* c SELECT 1", "line 1:1: mismatched input '/'. Expecting: 'ALTER', "),
        ("\n  SELEC 1", "line 2:3: mismatched input 'SELEC'. Expecting: 'ALTER', "),
        ("SELECT 1; SELECT 2", "Only one sql statement is allowed. Got: SELECT 1; SELECT 2"),
        ("SELECT\n FROM t", "line 2:2: mismatched input 'FROM'. Expecting: "),
        ("EXPLAIN SELECT FROM t", "line 1:16: mismatched input 'FROM'. Expecting: "),
        ("CREATE TABLE t AS SELECT FROM t", "line 1:26: mismatched input 'FROM'. Expecting: "),
        ("CREATE VIEW v AS SELECT FROM t", "line 1:25: mismatched input 'FROM'. Expecting: "),
        ("INSERT INTO t SELECT FROM t", "line 1:22: mismatched input 'FROM'. Expecting: "),
        ("UNLOAD (SELECT FROM t) TO 's3://b/c/'", "line 1:16: mismatched input 'FROM'. Expecting: "),
        ("START TRANSACTION", "Queries of this type are not supported"),
        ("USE db", "Queries of this type are not supported"),
        ("CREATE INDEX i ON t (a)", "Queries of this type are not supported"),
        ("ALTER VIEW v ADD DIALECT", "Queries of this type are not supported"),
        ("INSERT OVERWRITE INTO t SELECT 1", "line 1:8: mismatched input 'OVERWRITE'. Expecting: 'INTO'"),
        ("CREATE TABLE t (n int)", "No location was specified for table. An S3 location must be specified"),
        ('DROP TABLE "t"', "line 1:12: mismatched input '\"t\"'. Expecting: <identifier>"),
        ("SHOW PARTITIONS", "line 1:16: mismatched input '<EOF>'. Expecting: <identifier>"),
        ("DESCRIBE a.b.c.d", "Invalid table name a.b.c.d"),
        ("ALTER TABLE t ADD COLUMN (a int)", "line 1:15: mismatched input 'ADD'. Expecting: 'ADD', 'CHANGE', "),
        ("DROP TABLE t u", "line 1:14: mismatched input 'u'. Expecting: <EOF>"),
        (
            "CREATE EXTERNAL TABLE t (a whole) LOCATION 's3://b/c'",
            "line 1:28: mismatched input 'whole'. Expecting: a type",
        ),
    ],
)
def test_text_that_is_no_statement_is_refused_at_the_start(sql: str, message: str) -> None:
    with pytest.raises(QueryError) as caught:
        statements.check(sql)
    assert caught.value.at_start
    assert str(caught.value).startswith(message)


def test_a_fault_that_belongs_to_the_execution_is_not_raised_at_the_start() -> None:
    statements.check("CREATE TABLE t WITH (colour = 'red') AS SELECT 1 a")


def test_checking_ddl_loads_no_engine() -> None:
    heavy = ("duckdb", "pyarrow", "deltalake")
    program = (
        "import sys; from infra.local.athena import statements; statements.check('SHOW TABLES'); "
        f"sys.exit(', '.join(name for name in {heavy} if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")


@pytest.mark.parametrize(
    ("ddl", "glue"),
    [
        ("INTEGER", "int"),
        ("Decimal(12, 3)", "decimal(12,3)"),
        ("decimal", "decimal(10,0)"),
        ("varchar(10)", "varchar(10)"),
        ("array<map<string,array<int>>>", "array<map<string,array<int>>>"),
        (
            "struct<`A b`:int COMMENT 'x', b:struct<c:date,d:timestamp>>",
            "struct<a b:int,b:struct<c:date,d:timestamp>>",
        ),
    ],
)
def test_types_of_ddl_are_kept_as_glue_keeps_them(ddl: str, glue: str) -> None:
    reader = Reader(ddl)
    assert hive.read(reader) == glue
    reader.end()


def test_strings_are_read_as_their_dialect_has_them() -> None:
    assert [token.value for token in scan(r"""'it\'s' "a\tb" '\001' '\u0041' `a``b`""", hive=True)] == [
        "it's",
        "a\tb",
        "\x01",
        "A",
        "a`b",
    ]
    assert [token.value for token in scan(r"""'it''s' "a""b" 'c:\'""")] == ["it's", 'a"b', "c:\\"]


@pytest.mark.parametrize(
    ("parameter", "constant"),
    [
        ("1", True),
        ("-1.5", True),
        ("'it''s'", True),
        ("NULL", True),
        ("DATE '2026-01-01'", True),
        ("ARRAY[1, 2]", True),
        ("CAST('1' AS integer)", True),
        ("current_date", True),
        ("(SELECT a FROM t)", False),
        ("EXISTS (SELECT 1)", False),
        ("1 IN (TABLE t)", False),
        ("1 = ANY (VALUES 1)", False),
        ("a || ''", False),
        ("CASE WHEN true THEN (SELECT 1) END", False),
        ("date('2026-01-01')", True),
        ("count(*)", False),
        ("abs(max(1))", False),
        ("row_number() OVER ()", False),
    ],
)
def test_a_parameter_that_is_no_constant_is_a_string(parameter: str, constant: bool) -> None:
    text = parameter.replace("'", "''")
    assert query._constant(parameter) == (parameter if constant else f"'{text}'")


@pytest.mark.parametrize("verb", ["PREPARE p FROM PREPARE q FROM SELECT 1", "PREPARE p FROM EXECUTE p"])
def test_a_prepared_statement_prepares_and_executes_no_other(verb: str) -> None:
    with pytest.raises(QueryError, match="Invalid statement type for prepared statement"):
        read(verb)


def test_what_is_prepared_is_a_statement() -> None:
    with pytest.raises(QueryError, match="line 1:16: mismatched input 'COPY'"):
        read("PREPARE p FROM COPY t TO 'x'")


@pytest.mark.parametrize(
    "sql",
    [f"SELECT CAST(NULL AS {'array(' * 5000}int{')' * 5000})", f"SELECT {'9' * 100_000}", f"{'(' * 9000}SELECT 1"],
)
def test_a_check_breaks_on_no_text(sql: str) -> None:
    try:
        statements.check(sql)
    except QueryError as fault:
        assert fault.at_start
