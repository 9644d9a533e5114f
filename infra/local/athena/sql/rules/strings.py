"""Functions of text.

Source: https://trino.io/docs/current/functions/string.html
"""

from infra.local.athena.sql.call import Call
from infra.local.athena.sql.datatype import TEXTS, VARCHAR
from infra.local.athena.sql.functions import alias, define, rule
from infra.local.athena.sql.rules.texts import as_text
from infra.local.athena.sql.value import Value

# DuckDB counts bytes where Trino counts letters.
_IS_ASCII = "length({0}) = strlen({0})"

define("lower(varchar) -> varchar", "lower({0})")
define("upper(varchar) -> varchar", "tr_upper({0})")
define("reverse(varchar) -> varchar", "tr_reverse_text({0})")
define("length(varchar) -> bigint", "length({0})")
define("strpos(varchar, varchar) -> bigint", "strpos({0}, {1})")
define("strpos(varchar, varchar, bigint) -> bigint", "tr_strpos({0}, {1}, {2})")
define("starts_with(varchar, varchar) -> boolean", "starts_with({0}, {1})")
define("ends_with(varchar, varchar) -> boolean", "ends_with({0}, {1})")
define("chr(bigint) -> varchar", "chr(CAST({0} AS INTEGER))")
define("codepoint(varchar) -> integer", "tr_codepoint({0})")
define("concat(varchar, varchar, varchar...) -> varchar")(lambda call, *texts: f"({' || '.join(texts)})")
define("concat_ws(varchar, array(varchar)) -> varchar", "array_to_string({1}, {0})")
define("concat_ws(varchar, varchar, varchar...) -> varchar", "concat_ws({*})")
define("substr(varchar, bigint) -> varchar", "tr_substr({0}, {1})")
define("substr(varchar, bigint, bigint) -> varchar", "tr_substr_of({0}, {1}, {2})")
alias("substring", "substr")
define("replace(varchar, varchar) -> varchar", "replace({0}, {1}, '')")
define("replace(varchar, varchar, varchar) -> varchar", "tr_replace({0}, {1}, {2})")
define("split(varchar, varchar) -> array(varchar)", "tr_split_whole({0}, {1})")
define("split(varchar, varchar, bigint) -> array(varchar)", "tr_split({0}, {1}, {2})")
define("split_part(varchar, varchar, bigint) -> varchar", "tr_split_part({0}, {1}, {2})")
define("lpad(varchar, bigint, varchar) -> varchar", "tr_lpad({0}, {1}, {2})")
define("rpad(varchar, bigint, varchar) -> varchar", "tr_rpad({0}, {1}, {2})")
define("translate(varchar, varchar, varchar) -> varchar", "translate({0}, {1}, {2})")
define("levenshtein_distance(varchar, varchar) -> bigint")(
    lambda call, a, b: (
        f"CASE WHEN {_IS_ASCII.format(a)} AND {_IS_ASCII.format(b)} THEN levenshtein({a}, {b}) "
        f"ELSE py_levenshtein({a}, {b}) END"
    )
)
define("hamming_distance(varchar, varchar) -> bigint", "tr_hamming_distance({0}, {1})")
define("luhn_check(varchar) -> boolean", "py_luhn_check({0})")
define("soundex(varchar) -> varchar", "py_soundex({0})")
define("normalize(varchar) -> varchar")(
    lambda call, text: f"py_normalize({text}, '{call.node.clauses.get('form', 'nfc').upper()}')"
)

_WHITE = "chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || ' '"


@rule("trim", 1, 2)
def trim(call: Call) -> Value:
    value = call.value(0)
    if value.type.name not in (*TEXTS, "unknown", ""):
        message = f"Unexpected parameters ({', '.join(call.type_texts())}) for function {call.name}"
        raise call.fault("FUNCTION_NOT_FOUND", f"{message}. Expected: {call.name}(varchar(x))")
    side = {"trim": call.node.clauses.get("side", "both"), "ltrim": "leading", "rtrim": "trailing"}[call.name]
    letters = as_text(call.value(1)) if len(call.arguments) > 1 else _WHITE
    name = {"both": "trim", "leading": "ltrim", "trailing": "rtrim"}[side]
    return Value(f"{name}({value.sql}, {letters})", VARCHAR)


rule("ltrim", 1, 2)(trim)
rule("rtrim", 1, 2)(trim)
