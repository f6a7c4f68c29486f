package io.bailey.volume;

import io.bailey.dubtree.RunStack;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Function;

/**
 * An image or volume to be checked.
 *
 * @param root the file of its root
 * @param held what an open store has of it; nothing in a store that is closed, or if the root
 *     couldn't be read when it was opened
 */
record CheckSubject(CheckReport.Kind kind, String name, Path root, Optional<Held> held) {

  /** One that only its files say that it is. */
  CheckSubject(CheckReport.Kind kind, String name, Path root) {
    this(kind, name, root, Optional.empty());
  }

  /**
   * What an open store has of an image or volume.
   *
   * @param stack kept for as long as the check takes
   * @param objection what the store has against a root that lies in its file now, if anything
   * @param present whether the store still has it
   */
  record Held(
      long size,
      RunStack stack,
      Function<Root, Optional<String>> objection,
      BooleanSupplier present) {}

  CheckSubject heldAs(Held known) {
    return new CheckSubject(kind, name, root, Optional.of(known));
  }
}
