package io.bailey.cli;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** A number of bytes as people write it: {@code 512M}, {@code 10G}; units are powers of 1024. */
public record ByteSize(long bytes) {
  private static final Pattern FORM = Pattern.compile("([0-9]{1,19})([KMGTP]?)");
  private static final String UNITS = "KMGTP";

  /** Reads a whole number with an optional unit, and nothing else. */
  public static ByteSize parse(String text) {
    Matcher matcher = FORM.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "'" + text + "' is not a size: write a whole number with K, M, G, T or P, such as 10G");
    }
    int shift = matcher.group(2).isEmpty() ? 0 : 10 * (1 + UNITS.indexOf(matcher.group(2)));
    try {
      return new ByteSize(Math.multiplyExact(Long.parseLong(matcher.group(1)), 1L << shift));
    } catch (ArithmeticException | NumberFormatException e) {
      throw new IllegalArgumentException("'" + text + "' is more bytes than there can be", e);
    }
  }

  /** Writes bytes in the unit that gives one to four digits: {@code 0 B}, {@code 1.5 MiB}. */
  public static String format(long bytes) {
    if (bytes < 1024) {
      return bytes + " B";
    }
    double value = bytes / 1024.0;
    int unit = 0;
    while (value >= 999.95 && unit < UNITS.length() - 1) {
      value /= 1024;
      unit++;
    }
    double tenths = Math.rint(value * 10) / 10;
    boolean whole = value >= 100 || tenths == Math.rint(tenths);
    String digits = String.format(Locale.ROOT, whole ? "%.0f" : "%.1f", value);
    return digits + " " + UNITS.charAt(unit) + "iB";
  }

  /** Lets picocli read sizes; a wrong one is a usage error. */
  public static final class Converter implements ITypeConverter<ByteSize> {
    @Override
    public ByteSize convert(String value) {
      try {
        return parse(value);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(String.valueOf(e.getMessage()));
      }
    }
  }
}
