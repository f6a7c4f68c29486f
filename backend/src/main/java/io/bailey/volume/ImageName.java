package io.bailey.volume;

import io.bailey.io.StorageException;
import java.util.regex.Pattern;

/** The name of an image, {@code name:tag}; both parts match {@code [a-z0-9][a-z0-9._-]{0,62}}. */
public record ImageName(String name, String tag) implements Comparable<ImageName> {
  private static final Pattern PART = Pattern.compile("[a-z0-9][a-z0-9._-]{0,62}");
  private static final String RULE =
      "use 1 to 63 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit";

  /** Reads {@code name} or {@code name:tag}; the tag is {@code latest} where none is given. */
  public static ImageName parse(String text) throws StorageException {
    int colon = text.indexOf(':');
    String name = colon < 0 ? text : text.substring(0, colon);
    String tag = colon < 0 ? "latest" : text.substring(colon + 1);
    return new ImageName(check("image name", name), check("tag", tag));
  }

  /** Returns a volume's or VM's name as it is if it is allowed. */
  public static String checkVolume(String name) throws StorageException {
    return check("volume name", name);
  }

  private static String check(String what, String part) throws StorageException {
    if (!PART.matcher(part).matches()) {
      String shown = part.length() > 80 ? part.substring(0, 80) + "…" : part;
      throw new StorageException(
          StorageException.Kind.INVALID, what + " '" + shown + "' is not allowed: " + RULE);
    }
    return part;
  }

  @Override
  public int compareTo(ImageName other) {
    int byName = name.compareTo(other.name);
    return byName != 0 ? byName : tag.compareTo(other.tag);
  }

  @Override
  public String toString() {
    return name + ":" + tag;
  }
}
