package io.saleslake.spark;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.api.java.UDF2;

/**
 * A line of bronze from DynamoDB as one row: a change, or a rejected line with the reason and its raw text; what
 * Firehose gave up is one of those. spark_jobs/session.py registers it; the second argument is the mapping's text.
 */
public final class ReadDynamodbLine implements UDF2<String, String, Row> {
  private static final long serialVersionUID = 1L;

  @Override
  public Row call(String line, String mapping) {
    Object document;
    try {
      document = Json.parse(line);
    } catch (Json.Malformed fault) {
      return Rows.rejected(null, "bad_json", line);
    }
    if (document instanceof Map<?, ?> failure
        && failure.get("rawData") instanceof String data
        && failure.get("errorCode") instanceof String code) {
      return Rows.rejected(null, "firehose_error: " + code, decoded(data, line));
    }
    try {
      return Rows.of(null, StreamRecord.read(document, FieldMapping.of(mapping)));
    } catch (Change.Rejection fault) {
      return Rows.rejected(null, fault.getMessage(), line);
    }
  }

  /** What Firehose was given, as text; as base64 where it is no UTF-8, and the whole line where it is no base64. */
  private static String decoded(String data, String line) {
    byte[] bytes;
    try {
      bytes = Base64.getDecoder().decode(data);
    } catch (IllegalArgumentException fault) {
      return line;
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException fault) {
      return data;
    }
  }
}
