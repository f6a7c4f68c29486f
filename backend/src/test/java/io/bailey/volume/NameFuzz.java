package io.bailey.volume;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.bailey.fuzz.FuzzRule;
import io.bailey.io.StorageException;
import java.nio.file.Path;

/** Names of images and volumes: one that is taken is a file right in its directory. */
final class NameFuzz {
  private static final Path DIRECTORY = Path.of("/store/images");

  private NameFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    String text = new String(data, UTF_8);
    FuzzRule.holds((64 << 10) + 32L * data.length, () -> image(text));
    FuzzRule.holds((64 << 10) + 32L * data.length, () -> isInside(ImageName.checkVolume(text)));
  }

  private static void image(String text) throws StorageException {
    ImageName name = ImageName.parse(text);
    isInside(name.toString());
    FuzzRule.check(ImageName.parse(name.toString()).equals(name), "the same when read again");
  }

  private static void isInside(String name) {
    Path path = DIRECTORY.resolve(name);
    FuzzRule.check(path.normalize().equals(path), "nothing to normalize");
    FuzzRule.check(DIRECTORY.equals(path.getParent()), "right in its directory");
    FuzzRule.check(name.getBytes(UTF_8).length <= 127, "short");
    FuzzRule.check(!name.endsWith(Root.UNFINISHED), "never an unfinished root's");
  }
}
