package io.bailey.volume;

import io.bailey.dubtree.RunStack;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What there is to check in a store that is open: what it serves, and what else lies on disk. */
final class CheckSubjects {
  private final StoreContext context;
  private final StoreNames names;
  private final StoreImages images;
  private final StoreVolumes volumes;

  CheckSubjects(StoreContext context, StoreNames names, StoreImages images, StoreVolumes volumes) {
    this.context = context;
    this.names = names;
    this.images = images;
    this.volumes = volumes;
  }

  /** All of them, as of one moment. Each is held, and its stack retained for the caller. */
  List<CheckSubject> collect() throws IOException {
    // Under the lock, so that nothing goes before it is retained.
    synchronized (names.lock) {
      List<CheckSubject> listed =
          ClosedStore.subjects(
              context.files(), context.directory().path(), context.ephemeralRoots());
      Map<Path, CheckSubject.Held> held = held();
      List<CheckSubject> all = new ArrayList<>();
      for (CheckSubject subject : listed) {
        CheckSubject.Held known = held.remove(subject.root());
        all.add(subject.heldAs(known == null ? leftOut(subject) : known));
      }
      // Roots that are gone: reading them will say so.
      held.forEach(
          (root, known) -> {
            CheckReport.Kind kind =
                root.startsWith(context.imageRoots())
                    ? CheckReport.Kind.IMAGE
                    : CheckReport.Kind.VOLUME;
            String name = String.valueOf(root.getFileName());
            all.add(new CheckSubject(kind, name, root, Optional.of(known)));
          });
      return all;
    }
  }

  /** What is served, by its root. */
  private Map<Path, CheckSubject.Held> held() {
    Map<Path, CheckSubject.Held> held = new HashMap<>();
    for (StoreImages.Stored image : images.all()) {
      held.put(context.imageRoots().resolve(image.image().name().toString()), images.held(image));
    }
    for (Volume volume : volumes.all()) {
      held.put(
          context.roots(volume.durability()).resolve(volume.name()),
          volume.held(() -> volumes.get(volume.name()).orElse(null) == volume));
    }
    return held;
  }

  /** A root that couldn't be read when the store was opened, or came later. */
  private CheckSubject.Held leftOut(CheckSubject subject) {
    return new CheckSubject.Held(
        0,
        RunStack.owning(context.catalog(), List.of()),
        root ->
            Optional.of(
                "root "
                    + subject.root()
                    + " wasn't there or couldn't be read at the start: stop the daemon and check"
                    + " with --store"),
        () -> context.files().exists(subject.root()));
  }
}
