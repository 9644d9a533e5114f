package io.saleslake.spark;

import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A change of the table order_lines that keeps the contract, and the reading of prices and times from their texts that
 * both envelopes share. The rules are those of lakehouse/envelopes.py.
 */
final class Change {
  static final List<String> FIELDS =
      List.of(
          "order_id", "line_no", "product_id", "description", "quantity", "unit_price", "customer_id", "country",
          "ordered_at");
  static final double MAX_AMOUNT_MILLS = 1e15; // of quantity times unit_price, exact as a double up to here
  private static final int FIRST_YEAR = 1900;
  private static final int LAST_YEAR = 2199;
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

  /** Whether quantity times unit_price leaves what gold can sum up. */
  boolean isTooLarge() {
    return Math.abs((double) unitPrice.unscaledValue().longValue() * quantity) >= MAX_AMOUNT_MILLS;
  }

  static BigDecimal money(String text, String place) throws Rejection {
    Matcher parts = DECIMAL.matcher(text);
    if (!parts.matches()) {
      throw new Rejection("bad_number: " + place);
    }
    if (parts.group(2) != null && parts.group(2).length() > 3) {
      throw new Rejection("too_many_decimals: " + place);
    }
    if (significant(parts.group(1)) > 9) {
      throw new Rejection("out_of_range: " + place);
    }
    return new BigDecimal(text).setScale(3);
  }

  private static int significant(String digits) {
    int zeros = 0;
    while (zeros < digits.length() && digits.charAt(zeros) == '0') {
      zeros++;
    }
    return digits.length() - zeros;
  }

  static Instant moment(String text, String place) throws Rejection {
    if (TIMESTAMP.matcher(text).matches() && !text.startsWith("0000")) {
      try {
        return inRange(parse(text).toInstant(), place);
      } catch (DateTimeException noSuchDay) {
        // falls through: a day that does not exist
      }
    }
    throw new Rejection("bad_timestamp: " + place);
  }

  static Instant inRange(Instant moment, String place) throws Rejection {
    int year = moment.atOffset(ZoneOffset.UTC).getYear();
    if (FIRST_YEAR <= year && year <= LAST_YEAR) {
      return moment;
    }
    throw new Rejection("out_of_range: " + place);
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
