package io.saleslake.spark;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * One JSON document, read strictly: nothing after it, no key twice, no unpaired surrogate, not too deep. Numbers keep
 * their text. Values are Map, List, String, Boolean, {@link Number} and {@link #NULL}.
 */
final class Json {
  static final Object NULL = new Object();
  static final int MAX_DEPTH = 64;
  static final int MAX_NUMBER = 100;

  /** A number as it was written. */
  record Number(String text, boolean isInteger) {}

  /** The text is not one JSON document. */
  static final class Malformed extends Exception {
    Malformed(String message) {
      super(message, null, false, false);
    }
  }

  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxNumberLength(MAX_NUMBER)
                  .maxStringLength(Integer.MAX_VALUE)
                  .maxNameLength(Integer.MAX_VALUE)
                  .build())
          // names are few and repeat, but a hostile producer may send a million different ones
          .configure(JsonFactory.Feature.INTERN_FIELD_NAMES, false)
          .configure(JsonFactory.Feature.FAIL_ON_SYMBOL_HASH_OVERFLOW, false)
          .build();

  private Json() {}

  static Object parse(String text) throws Malformed {
    try (JsonParser parser = FACTORY.createParser(text)) {
      JsonToken token = parser.nextToken();
      if (token == null) {
        throw new Malformed("empty");
      }
      Object document = value(parser, token);
      if (parser.nextToken() != null) {
        throw new Malformed("more than one document");
      }
      return document;
    } catch (IOException fault) {
      throw new Malformed("not JSON");
    }
  }

  /** An object as compact text, its own keys sorted by code point, everything below as it came. */
  static String compactSorted(Map<String, Object> object) {
    Map<String, Object> sorted = new TreeMap<>(Json::byCodePoint);
    sorted.putAll(object);
    return compact(sorted);
  }

  /** A value as compact text, everything as it came. */
  static String compact(Object value) {
    StringBuilder out = new StringBuilder();
    write(value, out);
    return out.toString();
  }

  static int byCodePoint(String left, String right) {
    return java.util.Arrays.compare(left.codePoints().toArray(), right.codePoints().toArray());
  }

  private static Object value(JsonParser parser, JsonToken token) throws IOException, Malformed {
    switch (token) {
      case START_OBJECT:
        return object(parser);
      case START_ARRAY:
        List<Object> items = new ArrayList<>();
        for (JsonToken next = parser.nextToken(); next != JsonToken.END_ARRAY; next = parser.nextToken()) {
          items.add(value(parser, next));
        }
        return items;
      case VALUE_STRING:
        return whole(parser.getText());
      case VALUE_NUMBER_INT:
        return new Number(number(parser), true);
      case VALUE_NUMBER_FLOAT:
        return new Number(number(parser), false);
      case VALUE_TRUE:
        return Boolean.TRUE;
      case VALUE_FALSE:
        return Boolean.FALSE;
      case VALUE_NULL:
        return NULL;
      default:
        throw new Malformed("unexpected " + token);
    }
  }

  private static Map<String, Object> object(JsonParser parser) throws IOException, Malformed {
    if (parser.nextToken() != JsonToken.FIELD_NAME) {
      return Map.of();
    }
    String first = whole(parser.currentName());
    Object only = value(parser, parser.nextToken());
    if (parser.nextToken() != JsonToken.FIELD_NAME) {
      return Map.of(first, only); // every attribute of DynamoDB: a fifth of the memory of a map that can grow
    }
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put(first, only);
    do {
      String name = whole(parser.currentName());
      if (fields.put(name, value(parser, parser.nextToken())) != null) {
        throw new Malformed("a key twice");
      }
    } while (parser.nextToken() == JsonToken.FIELD_NAME);
    return fields;
  }

  private static String number(JsonParser parser) throws IOException, Malformed {
    String text = parser.getText();
    if (text.length() > MAX_NUMBER) {
      throw new Malformed("a number too long");
    }
    return text;
  }

  private static String whole(String text) throws Malformed {
    for (int at = 0; at < text.length(); at++) {
      char unit = text.charAt(at);
      if (Character.isSurrogate(unit)) {
        boolean paired =
            Character.isHighSurrogate(unit)
                && at + 1 < text.length()
                && Character.isLowSurrogate(text.charAt(at + 1));
        if (!paired) {
          throw new Malformed("an unpaired surrogate");
        }
        at++;
      }
    }
    return text;
  }

  private static void write(Object value, StringBuilder out) {
    if (value instanceof Map<?, ?> fields) {
      String separator = "{";
      for (Map.Entry<?, ?> field : fields.entrySet()) {
        out.append(separator);
        quote((String) field.getKey(), out);
        out.append(':');
        write(field.getValue(), out);
        separator = ",";
      }
      out.append(fields.isEmpty() ? "{}" : "}");
    } else if (value instanceof List<?> items) {
      String separator = "[";
      for (Object item : items) {
        out.append(separator);
        write(item, out);
        separator = ",";
      }
      out.append(items.isEmpty() ? "[]" : "]");
    } else if (value instanceof String text) {
      quote(text, out);
    } else if (value instanceof Number number) {
      out.append(number.text());
    } else {
      out.append(value == NULL ? "null" : value.toString());
    }
  }

  private static void quote(String text, StringBuilder out) {
    out.append('"');
    JsonStringEncoder.getInstance().quoteAsString(text, out);
    out.append('"');
  }
}
