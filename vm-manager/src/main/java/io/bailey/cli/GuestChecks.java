package io.bailey.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a guest of the golden image says of its disk: the lines that {@code qemu-configs/guest/init}
 * prints on the console.
 *
 * @param said the checks so far, in words
 * @param problems those that didn't pass
 * @param done whether the guest has said all it will
 */
record GuestChecks(List<String> said, List<String> problems, boolean done) {
  private static final Pattern LINE =
      Pattern.compile("BAILEY (check|own|foreign|done|failed) (.*)");

  /** Reads a console's text. */
  static GuestChecks of(String console) {
    List<String> said = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    boolean done = false;
    for (String line : console.split("[\r\n]+", -1)) {
      Matcher matcher = LINE.matcher(line);
      if (!matcher.matches()) {
        continue;
      }
      String rest = matcher.group(2).strip();
      switch (matcher.group(1)) {
        case "check" -> note(rest, rest.equals("golden ok"), said, problems);
        case "own" -> note("own " + rest, rest.matches("ok [0-9]+"), said, problems);
        case "foreign" -> note("foreign " + rest, rest.equals("none"), said, problems);
        case "failed" -> {
          problems.add(rest);
          done = true;
        }
        default -> {
          if (!rest.equals("ok")) {
            problems.add("the guest's own verdict is " + rest);
          }
          done = true;
        }
      }
    }
    if (done && problems.isEmpty() && said.size() < 3) {
      problems.add("the guest left out a check: " + String.join(", ", said));
    }
    return new GuestChecks(said, problems, done);
  }

  private static void note(String text, boolean good, List<String> said, List<String> problems) {
    said.add(text);
    if (!good) {
      problems.add(text);
    }
  }
}
