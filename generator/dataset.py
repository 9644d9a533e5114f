"""The UCI Online Retail data set as order lines in time order.

Owns the mapping from the file's columns to the order line; it knows nothing of noise, messages or brokers.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from generator.steps import Step
from lakehouse.errors import ConfigError

FILE: Final = Path(__file__).parent / "data" / "online_retail.parquet"
BLOCK_LINES: Final = 10_000


@dataclass(frozen=True)
class Lines:
    """Order lines in time order, each column as JSON text, dictionary-encoded: the whole data set takes 25 MB.

    Args:
        columns: By field of the order line, its JSON texts, one per line.
    """

    columns: dict[str, pa.DictionaryArray]

    def __len__(self) -> int:
        return len(self.columns["order_id"])

    def blocks(self) -> Iterator[list[Step]]:
        """An insert per line, in time order, in lists of at most BLOCK_LINES."""
        for start in range(0, len(self), BLOCK_LINES):
            block = {name: column.slice(start, BLOCK_LINES) for name, column in self.columns.items()}
            keys = _objects({name: block[name] for name in ("order_id", "line_no")})
            images = _objects(block)
            yield [Step("c", key, "null", image) for key, image in zip(keys, images, strict=True)]


def read(path: Path = FILE, limit: int | None = None) -> Lines:
    """Read the first `limit` lines in time order (InvoiceDate, then file order); all by default.

    line_no is the position within the invoice in file order, before any limit.

    Raises:
        ConfigError: The file is missing or is not the data set.
    """
    try:
        table = pq.read_table(path)
        numbers = _line_numbers(table["InvoiceNo"].to_pylist())
    except (OSError, pa.ArrowInvalid, KeyError) as fault:
        raise _unusable(path, fault) from fault
    order = pc.sort_indices(table["InvoiceDate"])[:limit]
    table = table.append_column("line_no", pa.array(numbers, pa.int32())).take(order)
    columns = {name: _texts(table[column], convert) for name, (column, convert) in _MAPPING.items()}
    return Lines(columns)


def digest(path: Path = FILE) -> str:
    """SHA-256 of the file.

    Raises:
        ConfigError: The file is missing.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as fault:
        raise _unusable(path, fault) from fault


def _unusable(path: Path, fault: Exception) -> ConfigError:
    return ConfigError(f"data set {path}: {fault}", "the file shipped with the product", "restore it")


def _same(value: Any) -> Any:
    return value


_MAPPING: Final[dict[str, tuple[str, Callable[[Any], Any]]]] = {
    "order_id": ("InvoiceNo", _same),
    "line_no": ("line_no", _same),
    "product_id": ("StockCode", _same),
    "description": ("Description", _same),
    "quantity": ("Quantity", _same),
    "unit_price": ("UnitPrice", lambda price: format(Decimal(repr(price)), ".3f")),
    "customer_id": ("CustomerID", str),
    "country": ("Country", _same),
    "ordered_at": ("InvoiceDate", lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")),
}


def _line_numbers(invoices: list[str]) -> list[int]:
    seen: dict[str, int] = {}
    numbers = []
    for invoice in invoices:
        number = seen.get(invoice, 0) + 1
        seen[invoice] = number
        numbers.append(number)
    return numbers


def _texts(column: pa.ChunkedArray, convert: Callable[[Any], Any]) -> pa.DictionaryArray:
    coded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    texts = [
        "null" if value is None else json.dumps(convert(value), ensure_ascii=False)
        for value in coded.dictionary.to_pylist()
    ]
    return pa.DictionaryArray.from_arrays(coded.indices, pa.array(texts, pa.string()))


def _objects(fields: dict[str, pa.DictionaryArray]) -> list[str]:
    parts: list[Any] = []
    for name, column in fields.items():
        parts += [f'{"," if parts else "{"}"{name}":', column.dictionary.take(column.indices)]
    joined = pc.binary_join_element_wise(*parts, "}", "")
    return list(joined.to_pylist())
