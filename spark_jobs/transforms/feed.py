"""What the change feed of a table comes to between two of its versions. Pure."""

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.tables import Table

VERSION, TYPE = "_commit_version", "_change_type"
_AFTER = pa.array(["insert", "update_postimage"])


def net(feed: pa.Table, table: Table) -> tuple[pa.Table, pa.Table]:
    """The rows that changed, as they were before the first version of a feed and as they are after the last.

    Args:
        feed: Rows of the table with VERSION and TYPE, in any order; a version changes a row once.
        table: Whose feed it is.

    Returns:
        Before and after, with the feed's columns; a row that was not there, or is not any more, is in one of them.
    """
    feed = feed.append_column("is_after", pc.is_in(feed[TYPE], _AFTER))
    feed = feed.sort_by([(VERSION, "ascending"), ("is_after", "ascending")])
    numbered = feed.append_column("number", pa.array(range(len(feed)), pa.int64()))
    ends = numbered.group_by(list(table.key)).aggregate([("number", "min"), ("number", "max")])
    first, last = feed.take(ends["number_min"]), feed.take(ends["number_max"])
    return first.filter(pc.invert(first["is_after"])), last.filter(last["is_after"])
