package io.saleslake.spark;

import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/** What a line of bronze becomes, in the columns that spark_jobs/session.py names. */
final class Rows {
  private Rows() {}

  static Row of(Long offset, Change change) {
    return RowFactory.create(
        offset, null, null, false, change.orderId, change.lineNo, change.productId, change.description,
        change.quantity, change.unitPrice, change.customerId, change.country, change.orderedAt, change.extra,
        change.op, change.sequence, change.at);
  }

  static Row rejected(Long offset, String reason, String raw) {
    return without(offset, reason, raw, false);
  }

  static Row tombstone(Long offset) {
    return without(offset, null, null, true);
  }

  private static Row without(Long offset, String reason, String raw, boolean isTombstone) {
    return RowFactory.create(
        offset, reason, raw, isTombstone, null, null, null, null, null, null, null, null, null, null, null, null,
        null);
  }
}
