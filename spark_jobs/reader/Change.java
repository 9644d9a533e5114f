package io.saleslake.spark;

import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A change of the table order_lines as Debezium's envelope says it, read strictly. The rules and their order are those
 * of lakehouse/envelopes.py, which is the specification; a property test holds the two against each other.
 */
final class Change {
  private static final List<String> OPS = List.of("c", "u", "d", "r");
  private static final List<String> FIELDS =
      List.of(
          "order_id", "line_no", "product_id", "description", "quantity", "unit_price", "customer_id", "country",
          "ordered_at");
  private static final double MAX_AMOUNT_MILLS = 1e15; // of quantity times unit_price, exact as a double up to here
  private static final long MAX_MILLIS = 253_402_300_799_999L;
  private static final int FIRST_YEAR = 1900;
  private static final int LAST_YEAR = 2199;
  private static final String ZEROS = "0".repeat(20);
  private static final int INTEGER_DIGITS = 18; // with its sign: more is out of every range here
  private static final Pattern DECIMAL = Pattern.compile("-?([0-9]+)(?:\\.([0-9]+))?");
  private static final Pattern TIMESTAMP =
      Pattern.compile(
          "[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3])(?::[0-5][0-9]){2}(?:\\.[0-9]{1,6})?"
              + "(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])");

  /** Why a message breaks the contract: a word, and the field it is about. */
  static final class Rejection extends Exception {
    Rejection(String reason) {
      super(reason, null, false, false);
    }
  }

  String op;
  String sequence;
  Instant at;
  String orderId;
  int lineNo;
  String productId;
  String description;
  Integer quantity;
  BigDecimal unitPrice;
  String customerId;
  String country;
  Instant orderedAt;
  String extra;

  private final String where;
  private final Map<?, ?> image;

  static Change read(String value) throws Rejection {
    try {
      if (Json.parse(value) instanceof Map<?, ?> envelope) {
        return new Change(envelope);
      }
    } catch (Json.Malformed fault) {
      throw new Rejection("bad_json");
    }
    throw new Rejection("wrong_type: value");
  }

  private Change(Map<?, ?> envelope) throws Rejection {
    if (!(envelope.get("op") instanceof String word) || !OPS.contains(word)) {
      throw new Rejection("unknown_op");
    }
    op = word;
    Map<?, ?> source = envelope.get("source") instanceof Map<?, ?> fields ? fields : Map.of();
    sequence = sequence(source.get("lsn"));
    at = Instant.ofEpochMilli(integer("source", source, "ts_ms", 0, MAX_MILLIS));
    where = op.equals("d") ? "before" : "after";
    Object row = envelope.get(where);
    if (row == null || row == Json.NULL) {
      throw new Rejection("missing: " + where);
    }
    if (!(row instanceof Map<?, ?> fields)) {
      throw new Rejection("wrong_type: " + where);
    }
    image = fields;
    orderId = text("order_id", false);
    lineNo = (int) integer(where, image, "line_no", 1, Integer.MAX_VALUE);
    if (!op.equals("d")) {
      readLine();
    }
  }

  private void readLine() throws Rejection {
    productId = text("product_id", false);
    description = text("description", true);
    quantity = (int) integer(where, image, "quantity", Integer.MIN_VALUE, Integer.MAX_VALUE);
    unitPrice = money("unit_price");
    customerId = text("customer_id", true);
    country = text("country", false);
    orderedAt = moment("ordered_at");
    if (Math.abs((double) unitPrice.unscaledValue().longValue() * quantity) >= MAX_AMOUNT_MILLS) {
      throw new Rejection("out_of_range: " + where + ".quantity");
    }
    extra = extra();
  }

  /** The fields beyond the contract as a JSON object; null where there is none. */
  private String extra() {
    if (image.size() == FIELDS.size() && image.keySet().containsAll(FIELDS)) {
      return null; // nearly every row
    }
    Map<String, Object> unknown = new LinkedHashMap<>();
    image.forEach((name, value) -> {
      if (!FIELDS.contains(name)) {
        unknown.put((String) name, value);
      }
    });
    return unknown.isEmpty() ? null : Json.compactSorted(unknown);
  }

  private static String sequence(Object lsn) throws Rejection {
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
    throw new Rejection("no_sequence");
  }

  private static long integer(String where, Map<?, ?> fields, String name, long low, long high) throws Rejection {
    Object value = fields.get(name);
    if (value == null || value == Json.NULL) {
      throw new Rejection("missing: " + where + "." + name);
    }
    if (!(value instanceof Json.Number number) || !number.isInteger()) {
      throw new Rejection("wrong_type: " + where + "." + name);
    }
    if (number.text().length() <= INTEGER_DIGITS) {
      long whole = Long.parseLong(number.text()); // JSON's grammar has seen to the rest
      if (low <= whole && whole <= high) {
        return whole;
      }
    }
    throw new Rejection("out_of_range: " + where + "." + name);
  }

  private String text(String name, boolean optional) throws Rejection {
    Object value = image.get(name);
    boolean isNull = value == null || value == Json.NULL;
    if (isNull && optional) {
      return null;
    }
    if (isNull || (!optional && "".equals(value))) {
      throw new Rejection("missing: " + where + "." + name);
    }
    if (!(value instanceof String found)) {
      throw new Rejection("wrong_type: " + where + "." + name);
    }
    return found;
  }

  private BigDecimal money(String name) throws Rejection {
    String found = text(name, false);
    Matcher parts = DECIMAL.matcher(found);
    if (!parts.matches()) {
      throw new Rejection("bad_number: " + where + "." + name);
    }
    if (parts.group(2) != null && parts.group(2).length() > 3) {
      throw new Rejection("too_many_decimals: " + where + "." + name);
    }
    if (significant(parts.group(1)) > 9) {
      throw new Rejection("out_of_range: " + where + "." + name);
    }
    return new BigDecimal(found).setScale(3);
  }

  private static int significant(String digits) {
    int zeros = 0;
    while (zeros < digits.length() && digits.charAt(zeros) == '0') {
      zeros++;
    }
    return digits.length() - zeros;
  }

  private Instant moment(String name) throws Rejection {
    String found = text(name, false);
    if (TIMESTAMP.matcher(found).matches() && !found.startsWith("0000")) {
      try {
        OffsetDateTime moment = parse(found).withOffsetSameInstant(ZoneOffset.UTC);
        if (FIRST_YEAR <= moment.getYear() && moment.getYear() <= LAST_YEAR) {
          return moment.toInstant();
        }
        throw new Rejection("out_of_range: " + where + "." + name);
      } catch (DateTimeException noSuchDay) {
        // falls through: a day that does not exist
      }
    }
    throw new Rejection("bad_timestamp: " + where + "." + name);
  }

  /** Read what the pattern has admitted, without the formatter of OffsetDateTime.parse. */
  private static OffsetDateTime parse(String text) {
    int end = text.endsWith("Z") ? text.length() - 1 : text.length() - 6;
    int nanos = 0;
    for (int at = 20, unit = 100_000_000; at < end; at++, unit /= 10) {
      nanos += unit * (text.charAt(at) - '0');
    }
    return OffsetDateTime.of(
        digits(text, 0, 4), digits(text, 5, 7), digits(text, 8, 10), digits(text, 11, 13), digits(text, 14, 16),
        digits(text, 17, 19), nanos, ZoneOffset.of(text.substring(end)));
  }

  private static int digits(String text, int start, int end) {
    return Integer.parseInt(text, start, end, 10);
  }
}
