package io.saleslake.spark;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/** Which attribute of a table is which column; see lakehouse/mapping.py, whose text it reads. */
final class FieldMapping {
  static final String CHANGED_AT = "@changed_at";

  /** Where a column comes from; kind is empty for no attribute, fallback null for none. */
  static final class Field {
    final String attribute;
    final String kind;
    final String fallback;
    final boolean isNumber;
    final boolean hasAttribute;
    final String inKeys; // its place in a record, as reasons name it
    final String inImage;

    Field(String attribute, String kind, String fallback) {
      this.attribute = attribute;
      this.kind = kind;
      this.fallback = fallback;
      isNumber = kind.equals("number") || kind.equals("seconds") || kind.equals("millis");
      hasAttribute = !kind.isEmpty();
      inKeys = "Keys." + attribute;
      inImage = "NewImage." + attribute;
    }
  }

  private static volatile FieldMapping last; // a session has one

  private final String text;
  final Field orderId;
  final Field lineNo;
  final Field productId;
  final Field description;
  final Field quantity;
  final Field unitPrice;
  final Field customerId;
  final Field country;
  final Field orderedAt;
  final Set<String> attributes = new HashSet<>();

  static FieldMapping of(String text) {
    FieldMapping found = last;
    if (found == null || !found.text.equals(text)) {
      found = new FieldMapping(text);
      last = found;
    }
    return found;
  }

  private FieldMapping(String text) {
    this.text = text;
    Map<?, ?> document;
    try {
      document = (Map<?, ?>) Json.parse(text);
    } catch (Json.Malformed fault) {
      throw new IllegalArgumentException("mapping " + text, fault);
    }
    orderId = field(document, "order_id");
    lineNo = field(document, "line_no");
    productId = field(document, "product_id");
    description = field(document, "description");
    quantity = field(document, "quantity");
    unitPrice = field(document, "unit_price");
    customerId = field(document, "customer_id");
    country = field(document, "country");
    orderedAt = field(document, "ordered_at");
  }

  boolean isKey(Object attribute) {
    return (orderId.hasAttribute && orderId.attribute.equals(attribute))
        || (lineNo.hasAttribute && lineNo.attribute.equals(attribute));
  }

  private Field field(Map<?, ?> document, String column) {
    Map<?, ?> given = (Map<?, ?>) document.get(column);
    String attribute = (String) given.get("attribute");
    attributes.add(attribute);
    Object fallback = given.get("default");
    return new Field(
        attribute.isEmpty() ? column : attribute,
        attribute.isEmpty() ? "" : (String) given.get("kind"),
        fallback == Json.NULL ? null : (String) fallback);
  }
}
