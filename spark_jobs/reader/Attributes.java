package io.saleslake.spark;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Attributes of DynamoDB in its typed JSON, and the JSON they stand for. The rules are those of
 * lakehouse/attributes.py.
 */
final class Attributes {
  private static final Pattern NUMBER =
      Pattern.compile("[+-]?[0-9]{1,100}(?:\\.[0-9]{1,100})?(?:[eE][+-]?[0-9]{1,3})?");
  private static final Pattern JSON_NUMBER =
      Pattern.compile("-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?");

  private Attributes() {}

  /** The type and the content of an attribute's value. */
  static Map.Entry<?, ?> one(Object value, String place) throws Change.Rejection {
    if (value instanceof Map<?, ?> fields && fields.size() == 1) {
      return fields.entrySet().iterator().next();
    }
    throw new Change.Rejection("wrong_type: " + place);
  }

  static boolean isAbsent(Object value) {
    return value == null
        || value == Json.NULL
        || (value instanceof Map<?, ?> fields && fields.size() == 1 && fields.get("NULL") == Boolean.TRUE);
  }

  static BigDecimal decimal(String text, String place) throws Change.Rejection {
    int length = text.length();
    if (length < 10 && length > 0) { // nearly every number: a few digits
      int at = text.charAt(0) == '-' ? 1 : 0;
      int digits = at;
      while (digits < length && text.charAt(digits) >= '0' && text.charAt(digits) <= '9') {
        digits++;
      }
      if (digits == length && digits > at) {
        return BigDecimal.valueOf(Integer.parseInt(text));
      }
    }
    if (!NUMBER.matcher(text).matches()) {
      throw new Change.Rejection("bad_number: " + place);
    }
    return new BigDecimal(text);
  }

  /** A number in digits without needless zeros. */
  static String written(BigDecimal value) {
    if (value.signum() == 0) {
      return "0";
    }
    String text = value.toPlainString();
    if (text.indexOf('.') < 0) {
      return text;
    }
    int end = text.length();
    while (text.charAt(end - 1) == '0') {
      end--;
    }
    return text.substring(0, text.charAt(end - 1) == '.' ? end - 1 : end);
  }

  /** Whether two values of a key are the same; numbers are, however they are written. */
  static boolean same(Object left, String leftPlace, Object right, String place) throws Change.Rejection {
    Map.Entry<?, ?> one = one(left, leftPlace);
    Object key = key(one, leftPlace);
    Map.Entry<?, ?> other = one(right, place);
    Object otherKey = key(other, place);
    if (!one.getKey().equals(other.getKey())) {
      return false;
    }
    return key instanceof BigDecimal number ? number.compareTo((BigDecimal) otherKey) == 0 : key.equals(otherKey);
  }

  /** Whether two values are the same text. */
  static boolean isSameText(Object left, Object right) {
    if (left instanceof Map<?, ?> one && right instanceof Map<?, ?> other && one.size() == 1 && other.size() == 1) {
      Object text = one.get("S");
      return text instanceof String && text.equals(other.get("S"));
    }
    return false;
  }

  private static Object key(Map.Entry<?, ?> one, String place) throws Change.Rejection {
    if (one.getValue() instanceof String text) {
      if (one.getKey().equals("S") || one.getKey().equals("B")) {
        return text;
      }
      if (one.getKey().equals("N")) {
        return decimal(text, place);
      }
    }
    throw new Change.Rejection("wrong_type: " + place);
  }

  /** An attribute's value as JSON without types; numbers keep their text, binary data its base64. */
  static Object plain(Object value, String place) throws Change.Rejection {
    Map.Entry<?, ?> one = one(value, place);
    Object content = one.getValue();
    switch ((String) one.getKey()) {
      case "S", "B":
        if (content instanceof String) {
          return content;
        }
        break;
      case "N":
        return number(content, place);
      case "BOOL":
        if (content instanceof Boolean) {
          return content;
        }
        break;
      case "NULL":
        if (content == Boolean.TRUE) {
          return Json.NULL;
        }
        break;
      case "M":
        if (content instanceof Map<?, ?> fields) {
          Map<String, Object> members = new LinkedHashMap<>();
          for (Map.Entry<?, ?> field : fields.entrySet()) {
            members.put((String) field.getKey(), plain(field.getValue(), place));
          }
          return members;
        }
        break;
      case "L", "SS", "BS", "NS":
        if (content instanceof List<?> items) {
          return list((String) one.getKey(), items, place);
        }
        break;
      default:
        break;
    }
    throw new Change.Rejection("wrong_type: " + place);
  }

  private static List<Object> list(String kind, List<?> items, String place) throws Change.Rejection {
    List<Object> found = new ArrayList<>();
    for (Object item : items) {
      if (kind.equals("L")) {
        found.add(plain(item, place));
      } else if (kind.equals("NS")) {
        found.add(number(item, place));
      } else if (item instanceof String) {
        found.add(item);
      } else {
        throw new Change.Rejection("wrong_type: " + place);
      }
    }
    return found;
  }

  private static Json.Number number(Object content, String place) throws Change.Rejection {
    if (!(content instanceof String text)) {
      throw new Change.Rejection("wrong_type: " + place);
    }
    if (text.length() > Json.MAX_NUMBER || !JSON_NUMBER.matcher(text).matches()) {
      throw new Change.Rejection("bad_number: " + place);
    }
    return new Json.Number(text, false);
  }
}
