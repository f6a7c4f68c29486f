package io.bailey.cli;

import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;

/** Points in time as people read them in a table. */
final class Moment {
  private Moment() {}

  /** How long ago an ISO 8601 instant was: {@code 5 s ago}, {@code 3 h ago}; else the text. */
  static String ago(String instant) {
    try {
      return ago(Duration.between(Instant.parse(instant), Instant.now()));
    } catch (DateTimeParseException e) {
      return instant.isEmpty() ? "-" : instant;
    }
  }

  static String ago(Duration age) {
    long seconds = Math.max(0, age.toSeconds());
    if (seconds < 120) {
      return seconds + " s ago";
    }
    if (seconds < 2 * 3600) {
      return seconds / 60 + " min ago";
    }
    if (seconds < 48 * 3600) {
      return seconds / 3600 + " h ago";
    }
    return seconds / 86400 + " days ago";
  }
}
