package io.bailey.cli;

import java.io.PrintWriter;
import java.util.List;

/** Shows what is on disk and couldn't be read when the daemon started. */
final class LeftOut {
  private LeftOut() {}

  static void show(PrintWriter out, List<JsonObject> leftOut) {
    for (JsonObject one : leftOut) {
      out.println();
      out.println(Table.printable(one.string("name")) + " is left out: " + reason(one));
    }
  }

  private static String reason(JsonObject one) {
    return Table.printable(one.string("reason"));
  }
}
