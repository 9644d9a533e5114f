package io.saleslake.spark;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A change as Debezium's envelope says it, read strictly. The rules and their order are those of
 * lakehouse/envelopes.py, which is the specification; a property test holds the two against each other.
 */
final class Envelope {
  private static final List<String> OPS = List.of("c", "u", "d", "r");
  private static final long MAX_MILLIS = 253_402_300_799_999L;
  private static final String ZEROS = "0".repeat(20);
  private static final int INTEGER_DIGITS = 18; // with its sign: more is out of every range here

  private final Change change = new Change();
  private final String where;
  private final Map<?, ?> image;

  static Change read(String value) throws Change.Rejection {
    try {
      if (Json.parse(value) instanceof Map<?, ?> envelope) {
        return new Envelope(envelope).change;
      }
    } catch (Json.Malformed fault) {
      throw new Change.Rejection("bad_json");
    }
    throw new Change.Rejection("wrong_type: value");
  }

  private Envelope(Map<?, ?> envelope) throws Change.Rejection {
    if (!(envelope.get("op") instanceof String word) || !OPS.contains(word)) {
      throw new Change.Rejection("unknown_op");
    }
    change.op = word;
    Map<?, ?> source = envelope.get("source") instanceof Map<?, ?> fields ? fields : Map.of();
    change.sequence = sequence(source.get("lsn"));
    change.at = Instant.ofEpochMilli(integer("source", source, "ts_ms", 0, MAX_MILLIS));
    where = word.equals("d") ? "before" : "after";
    Object row = envelope.get(where);
    if (row == null || row == Json.NULL) {
      throw new Change.Rejection("missing: " + where);
    }
    if (!(row instanceof Map<?, ?> fields)) {
      throw new Change.Rejection("wrong_type: " + where);
    }
    image = fields;
    change.orderId = text("order_id", false);
    change.lineNo = (int) integer(where, image, "line_no", 1, Integer.MAX_VALUE);
    if (!word.equals("d")) {
      readLine();
    }
  }

  private void readLine() throws Change.Rejection {
    change.productId = text("product_id", false);
    change.description = text("description", true);
    change.quantity = (int) integer(where, image, "quantity", Integer.MIN_VALUE, Integer.MAX_VALUE);
    change.unitPrice = Change.money(text("unit_price", false), where + ".unit_price");
    change.customerId = text("customer_id", true);
    change.country = text("country", false);
    change.orderedAt = Change.moment(text("ordered_at", false), where + ".ordered_at");
    if (change.isTooLarge()) {
      throw new Change.Rejection("out_of_range: " + where + ".quantity");
    }
    change.extra = extra();
  }

  /** The fields beyond the contract as a JSON object; null where there is none. */
  private String extra() {
    if (image.size() == Change.FIELDS.size() && image.keySet().containsAll(Change.FIELDS)) {
      return null; // nearly every row
    }
    Map<String, Object> unknown = new LinkedHashMap<>();
    image.forEach((name, value) -> {
      if (!Change.FIELDS.contains(name)) {
        unknown.put((String) name, value);
      }
    });
    return unknown.isEmpty() ? null : Json.compactSorted(unknown);
  }

  private static String sequence(Object lsn) throws Change.Rejection {
    if (lsn instanceof Json.Number number && number.isInteger()) {
      try {
        long value = Long.parseLong(number.text());
        if (value >= 0) {
          String digits = Long.toString(value);
          return ZEROS.substring(digits.length()) + digits;
        }
      } catch (NumberFormatException tooLarge) {
        // falls through: out of the range of a log sequence number
      }
    }
    throw new Change.Rejection("no_sequence");
  }

  private static long integer(String where, Map<?, ?> fields, String name, long low, long high) throws Change.Rejection {
    Object value = fields.get(name);
    if (value == null || value == Json.NULL) {
      throw new Change.Rejection("missing: " + where + "." + name);
    }
    if (!(value instanceof Json.Number number) || !number.isInteger()) {
      throw new Change.Rejection("wrong_type: " + where + "." + name);
    }
    if (number.text().length() <= INTEGER_DIGITS) {
      long whole = Long.parseLong(number.text()); // JSON's grammar has seen to the rest
      if (low <= whole && whole <= high) {
        return whole;
      }
    }
    throw new Change.Rejection("out_of_range: " + where + "." + name);
  }

  private String text(String name, boolean optional) throws Change.Rejection {
    Object value = image.get(name);
    boolean isNull = value == null || value == Json.NULL;
    if (isNull && optional) {
      return null;
    }
    if (isNull || (!optional && "".equals(value))) {
      throw new Change.Rejection("missing: " + where + "." + name);
    }
    if (!(value instanceof String found)) {
      throw new Change.Rejection("wrong_type: " + where + "." + name);
    }
    return found;
  }
}
