package io.saleslake.spark;

import java.util.Map;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF1;

/**
 * A line of bronze from Kafka as one row: a change, a tombstone, or a rejected line with the reason and its raw text.
 * spark_jobs/session.py registers it and names the columns.
 */
public final class ReadKafkaLine implements UDF1<String, Row> {
  private static final long serialVersionUID = 1L;

  @Override
  public Row call(String line) {
    Map<?, ?> record;
    try {
      record = Json.parse(line) instanceof Map<?, ?> fields ? fields : Map.of();
    } catch (Json.Malformed fault) {
      record = Map.of();
    }
    Long offset = record.get("offset") instanceof Json.Number number && number.isInteger() ? whole(number) : null;
    boolean hasValue = record.get("value") instanceof String || record.get("value") == Json.NULL;
    if (offset == null || !(hasValue || record.get("value_b64") instanceof String)) {
      return Rows.rejected(offset, "bad_line", line);
    }
    if (!hasValue) {
      return Rows.rejected(offset, "not_utf8", (String) record.get("value_b64"));
    }
    if (record.get("value") == Json.NULL) {
      return Rows.tombstone(offset);
    }
    String value = (String) record.get("value");
    try {
      return Rows.of(offset, Envelope.read(value));
    } catch (Change.Rejection fault) {
      return Rows.rejected(offset, fault.getMessage(), value);
    }
  }

  private static Long whole(Json.Number number) {
    try {
      return Long.valueOf(number.text());
    } catch (NumberFormatException tooLarge) {
      return null;
    }
  }
}
