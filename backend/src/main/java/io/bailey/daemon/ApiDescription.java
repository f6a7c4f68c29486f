package io.bailey.daemon;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The OpenAPI file of the control API, and what it promises. */
public final class ApiDescription {
  private static final Pattern PATH = Pattern.compile("  (/\\S*):");
  private static final Pattern METHOD = Pattern.compile("    (get|post|put|patch|delete):");

  private ApiDescription() {}

  /** The file, YAML. */
  public static String text() {
    return resource("openapi.yaml");
  }

  /**
   * The described operations, as {@code "GET /v1/things/{name}"}: what {@link
   * BaileyDaemon#operations} must be in a daemon with all its extensions. Read by the file's
   * indentation, so that no YAML parser ships for it.
   */
  public static Set<String> operations() {
    Set<String> operations = new TreeSet<>();
    String path = "";
    for (String line : text().lines().toList()) {
      Matcher pathLine = PATH.matcher(line);
      Matcher methodLine = METHOD.matcher(line);
      if (pathLine.matches()) {
        path = pathLine.group(1);
      } else if (methodLine.matches()) {
        operations.add(methodLine.group(1).toUpperCase(Locale.ROOT) + " " + path);
      }
    }
    return operations;
  }

  static String resource(String name) {
    try (InputStream in = ApiDescription.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("the build has lost " + name);
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new IllegalStateException("cannot read " + name, e);
    }
  }
}
