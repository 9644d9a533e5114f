package io.saleslake.spark;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.api.java.UDF2;

/**
 * The unknown fields of a row, those that have a column apart from the others: the others' JSON object (null if there
 * are none), their names, and by name the JSON text of each field that has a column. spark_jobs/session.py registers
 * it and names the parts; the columns' names are handed over with commas between them, which no such name holds.
 */
public final class SplitExtra implements UDF2<String, String, Row> {
  private static final long serialVersionUID = 1L;

  @Override
  public Row call(String extra, String columns) throws Json.Malformed {
    if (extra == null) {
      return null;
    }
    Set<String> known = columns.isEmpty() ? Set.of() : Set.of(columns.split(","));
    Map<String, Object> others = new LinkedHashMap<>();
    Map<String, String> texts = new HashMap<>();
    ((Map<?, ?>) Json.parse(extra)).forEach((name, value) -> {
      if (known.contains(name)) {
        texts.put((String) name, Json.compact(value));
      } else {
        others.put((String) name, value);
      }
    });
    List<String> names = new ArrayList<>(others.keySet());
    return RowFactory.create(others.isEmpty() ? null : Json.compactSorted(others), names, texts);
  }
}
