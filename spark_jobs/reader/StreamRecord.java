package io.saleslake.spark;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Instant;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A change as a stream record of DynamoDB says it, read strictly. The rules and their order are those of
 * lakehouse/streamrecords.py, which is the specification; a property test holds the two against each other.
 */
final class StreamRecord {
  private static final Map<String, String> OPS = Map.of("INSERT", "c", "MODIFY", "u", "REMOVE", "d", "READ", "r");
  private static final Pattern ARN =
      Pattern.compile(
          "arn:[^/]*:table/[^/]+/stream/"
              + "([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3})Z?");
  private static final Pattern DATE = Pattern.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}");
  private static final String ZEROS = "0".repeat(40);
  private static final BigDecimal MAX_SECONDS = BigDecimal.valueOf(10_000_000_000L);
  private static final BigDecimal MAX_PRICE = BigDecimal.valueOf(1_000_000_000L);
  private static final BigDecimal MAX_INT = BigDecimal.valueOf(Integer.MAX_VALUE);
  private static final BigDecimal MIN_INT = BigDecimal.valueOf(Integer.MIN_VALUE);

  private record Stream(String arn, String label) {}

  private static volatile Stream last; // nearly every record is of the same stream as the one before

  private final Change change = new Change();
  private final FieldMapping mapping;
  private boolean isKeys = true;
  private Map<?, ?> image;

  /**
   * Read a record.
   *
   * @param document the record as parsed
   * @param mapping which attribute is which column
   */
  static Change read(Object document, FieldMapping mapping) throws Change.Rejection {
    if (document instanceof Map<?, ?> record) {
      return new StreamRecord(record, mapping).change;
    }
    throw new Change.Rejection("wrong_type: record");
  }

  private StreamRecord(Map<?, ?> document, FieldMapping mapping) throws Change.Rejection {
    this.mapping = mapping;
    change.op = document.get("eventName") instanceof String event ? OPS.get(event) : null;
    if (change.op == null) {
      throw new Change.Rejection("unknown_op");
    }
    Map<?, ?> record = member(document, "dynamodb");
    change.sequence = sequence(document.get("eventSourceARN"), record.get("SequenceNumber"));
    change.at = created(record.get("ApproximateCreationDateTime"));
    Map<?, ?> keys = member(record, "Keys");
    for (Object name : keys.keySet()) {
      if (!mapping.isKey(name)) { // two items would be one row
        throw new Change.Rejection("key_mismatch: Keys." + name);
      }
    }
    image = keys;
    change.orderId = text(mapping.orderId, false);
    change.lineNo = integer(mapping.lineNo, BigDecimal.ONE);
    if (change.op.equals("d")) {
      Object old = record.get("OldImage");
      if (old != null && old != Json.NULL) {
        agree(keys, member(record, "OldImage"), "OldImage");
      }
      return;
    }
    image = member(record, "NewImage");
    isKeys = false;
    agree(keys, image, "NewImage");
    readLine();
  }

  private void readLine() throws Change.Rejection {
    change.productId = text(mapping.productId, false);
    change.description = text(mapping.description, true);
    change.quantity = integer(mapping.quantity, MIN_INT);
    change.unitPrice = money(mapping.unitPrice);
    change.customerId = text(mapping.customerId, true);
    change.country = text(mapping.country, false);
    change.orderedAt = moment(mapping.orderedAt);
    if (change.isTooLarge()) {
      throw new Change.Rejection("out_of_range: " + place(mapping.quantity));
    }
    change.extra = extra();
  }

  private String extra() throws Change.Rejection {
    Map<String, Object> unknown = null;
    for (Map.Entry<?, ?> field : image.entrySet()) {
      if (!mapping.attributes.contains(field.getKey())) {
        unknown = unknown == null ? new TreeMap<>(Json::byCodePoint) : unknown;
        unknown.put((String) field.getKey(), field.getValue());
      }
    }
    if (unknown == null) {
      return null; // nearly every row
    }
    for (Map.Entry<String, Object> field : unknown.entrySet()) {
      field.setValue(Attributes.plain(field.getValue(), "NewImage." + field.getKey()));
    }
    return Json.compact(unknown);
  }

  private static Map<?, ?> member(Map<?, ?> parent, String name) throws Change.Rejection {
    Object found = parent.get(name);
    if (found instanceof Map<?, ?> fields) {
      return fields;
    }
    throw new Change.Rejection((found == null || found == Json.NULL ? "missing: " : "wrong_type: ") + name);
  }

  private static String sequence(Object arn, Object number) throws Change.Rejection {
    if (arn instanceof String stream && number instanceof String digits && isSequence(digits)) {
      return label(stream) + "/" + ZEROS.substring(digits.length()) + digits;
    }
    throw new Change.Rejection("no_sequence");
  }

  private static boolean isSequence(String digits) {
    for (int at = 0; at < digits.length(); at++) {
      if (digits.charAt(at) < '0' || digits.charAt(at) > '9') {
        return false;
      }
    }
    return !digits.isEmpty() && digits.length() <= ZEROS.length();
  }

  private static String label(String arn) throws Change.Rejection {
    Stream known = last;
    if (known == null || !known.arn.equals(arn)) {
      Matcher parts = ARN.matcher(arn);
      if (!parts.matches()) {
        throw new Change.Rejection("no_sequence");
      }
      known = new Stream(arn, parts.group(1));
      last = known;
    }
    return known.label;
  }

  private static Instant created(Object value) throws Change.Rejection {
    String place = "dynamodb.ApproximateCreationDateTime";
    if (value == null || value == Json.NULL) {
      throw new Change.Rejection("missing: " + place);
    }
    if (!(value instanceof Json.Number number)) {
      throw new Change.Rejection("wrong_type: " + place);
    }
    BigDecimal seconds = Attributes.decimal(number.text(), place);
    Instant found = seconds.signum() < 0 ? null : sinceEpoch(seconds, 6);
    if (found == null) {
      throw new Change.Rejection("out_of_range: " + place);
    }
    return found;
  }

  /** A time by its number since 1970, which has `digits` digits of a microsecond's behind its point. */
  private static Instant sinceEpoch(BigDecimal number, int digits) {
    if (number.movePointRight(digits - 6).abs().compareTo(MAX_SECONDS) > 0) {
      return null;
    }
    long micros = number.movePointRight(digits).setScale(0, RoundingMode.FLOOR).longValueExact();
    return Instant.ofEpochSecond(Math.floorDiv(micros, 1_000_000L), Math.floorMod(micros, 1_000_000L) * 1000L);
  }

  private static void agree(Map<?, ?> keys, Map<?, ?> image, String where) throws Change.Rejection {
    for (Map.Entry<?, ?> key : keys.entrySet()) {
      Object there = image.get(key.getKey());
      if (Attributes.isSameText(key.getValue(), there)) {
        continue; // nearly every key
      }
      String place = where + "." + key.getKey();
      if (there == null || !Attributes.same(key.getValue(), "Keys." + key.getKey(), there, place)) {
        throw new Change.Rejection("key_mismatch: " + place);
      }
    }
  }

  private String place(FieldMapping.Field field) {
    return isKeys ? field.inKeys : field.inImage;
  }

  /** The text of an attribute of the mapping's type, the default where it is absent, or null. */
  private String value(FieldMapping.Field field) throws Change.Rejection {
    Object value = field.hasAttribute ? image.get(field.attribute) : null;
    if (Attributes.isAbsent(value)) {
      return field.fallback;
    }
    Map.Entry<?, ?> one = Attributes.one(value, place(field));
    if (one.getKey().equals(field.isNumber ? "N" : "S") && one.getValue() instanceof String text) {
      return text;
    }
    throw new Change.Rejection("wrong_type: " + place(field));
  }

  private boolean isDefault(FieldMapping.Field field) {
    return !field.hasAttribute || Attributes.isAbsent(image.get(field.attribute));
  }

  private String text(FieldMapping.Field field, boolean optional) throws Change.Rejection {
    String value = value(field);
    if (value != null && field.isNumber && !isDefault(field)) {
      return Attributes.written(Attributes.decimal(value, place(field)));
    }
    if (optional || (value != null && !value.isEmpty())) {
      return value;
    }
    throw new Change.Rejection("missing: " + place(field));
  }

  private BigDecimal number(FieldMapping.Field field) throws Change.Rejection {
    String value = value(field);
    if (value == null || (value.isEmpty() && !(field.isNumber && !isDefault(field)))) {
      throw new Change.Rejection("missing: " + place(field));
    }
    return Attributes.decimal(value, place(field));
  }

  private int integer(FieldMapping.Field field, BigDecimal low) throws Change.Rejection {
    BigDecimal value = number(field);
    if (value.signum() != 0 && value.stripTrailingZeros().scale() > 0) {
      throw new Change.Rejection("wrong_type: " + place(field));
    }
    if (value.compareTo(low) < 0 || value.compareTo(MAX_INT) > 0) {
      throw new Change.Rejection("out_of_range: " + place(field));
    }
    return value.intValueExact();
  }

  private BigDecimal money(FieldMapping.Field field) throws Change.Rejection {
    BigDecimal value = number(field);
    if (value.abs().compareTo(MAX_PRICE) >= 0) {
      throw new Change.Rejection("out_of_range: " + place(field));
    }
    if (value.scale() > 3 && value.signum() != 0 && value.stripTrailingZeros().scale() > 3) {
      throw new Change.Rejection("too_many_decimals: " + place(field));
    }
    return value.signum() == 0 ? BigDecimal.ZERO.setScale(3) : value.setScale(3);
  }

  private Instant moment(FieldMapping.Field field) throws Change.Rejection {
    if (field.attribute.equals(FieldMapping.CHANGED_AT)) {
      return Change.inRange(change.at, place(field));
    }
    String value = value(field);
    boolean isNumber = field.isNumber && !isDefault(field);
    if (value == null || (value.isEmpty() && !isNumber)) {
      throw new Change.Rejection("missing: " + place(field));
    }
    if (!isNumber) {
      boolean isDay = field.kind.equals("date") && DATE.matcher(value).matches();
      return Change.moment(isDay ? value + "T00:00:00Z" : value, place(field));
    }
    BigDecimal number = Attributes.decimal(value, place(field));
    Instant found = sinceEpoch(number, field.kind.equals("seconds") ? 6 : 3);
    if (found == null) {
      throw new Change.Rejection("out_of_range: " + place(field));
    }
    return Change.inRange(found, place(field));
  }
}
