package io.bailey.vm;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.bailey.io.StorageException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A machine as its files describe it, to be filled in for one VM: {@code ${name}} stands for a
 * value wherever it appears.
 *
 * @param config the text for QEMU's {@code -readconfig}
 * @param profile options that only the command line takes, one a line: the option, a space, its
 *     value
 * @param cmdline the kernel's command line; fills {@code ${cmdline}} in the config
 */
record MachineProfile(String name, String config, String profile, String cmdline) {
  /** QEMU reads a line, with its end and a NUL, into 1,024 bytes and goes wrong past that. */
  private static final int MAX_LINE_BYTES = 1022;

  private static final Pattern PLACE = Pattern.compile("\\$\\{([A-Za-z]+)}");

  /** The text of the file for {@code -readconfig}. */
  String config(Map<String, String> values) throws StorageException {
    Map<String, String> all = new HashMap<>(values);
    all.put("cmdline", fill(cmdline, values));
    String filled = fill(config, all);
    for (String line : filled.split("\n", -1)) {
      int bytes = line.getBytes(UTF_8).length;
      if (bytes > MAX_LINE_BYTES) {
        throw invalid(
            "'"
                + line.substring(0, 40).strip()
                + "…' is "
                + bytes
                + " bytes, QEMU reads at most "
                + MAX_LINE_BYTES
                + ": use shorter paths");
      }
    }
    return filled;
  }

  /** The options for the command line. */
  List<String> arguments(Map<String, String> values) throws StorageException {
    List<String> arguments = new ArrayList<>();
    for (String line : profile.split("\n", -1)) {
      if (line.isBlank() || line.startsWith("#")) {
        continue;
      }
      for (String part : line.strip().split(" ", 2)) {
        arguments.add(fill(part, values));
      }
    }
    return arguments;
  }

  private String fill(String text, Map<String, String> values) throws StorageException {
    StringBuilder filled = new StringBuilder();
    Matcher place = PLACE.matcher(text);
    while (place.find()) {
      String key = place.group(1);
      String value = values.get(key);
      if (value == null) {
        throw invalid("no value is known for ${" + key + "}");
      }
      if (value.chars().anyMatch(c -> c == '"' || c < ' ' || c == 0x7f)) {
        throw invalid("the value of ${" + key + "} holds a quote or a control character");
      }
      place.appendReplacement(filled, Matcher.quoteReplacement(value));
    }
    return place.appendTail(filled).toString();
  }

  private StorageException invalid(String what) {
    return new StorageException(StorageException.Kind.INVALID, "machine '" + name + "': " + what);
  }
}
