package io.bailey.volume;

import io.bailey.io.SimulatedHost;
import io.bailey.io.StorageException;
import java.io.IOException;
import java.util.HashSet;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A fixed sequence of requests, each of which may fail, and what may be left then. */
final class RequestsUnderFaults {
  private final SimulatedHost host;
  private final Watchdog watchdog;
  private final StoreModel model = new StoreModel();
  private final Random random = new Random(1);

  /** Volumes of which nothing is known any more, but what was flushed. */
  private final Set<String> unknown = new HashSet<>();

  /** Volumes that couldn't be read right after a change of them had failed. */
  private final Set<String> unreadable = new HashSet<>();

  private @Nullable Store store;

  /** A request. */
  @FunctionalInterface
  private interface Request {
    void run(Store open) throws IOException;
  }

  RequestsUnderFaults(SimulatedHost host, Watchdog watchdog) {
    this.host = host;
    this.watchdog = watchdog;
  }

  /** What may be left. */
  StoreModel.Left left() {
    return model.left();
  }

  /** Leaves the store as a dead process would. */
  void abandon() {
    Store open = store;
    if (open != null) {
      CrashCheck.abandon(host, open);
    }
  }

  void run() throws IOException {
    open();
    create("a", Durability.FLUSH, Optional.empty());
    create("b", Durability.FLUSH, Optional.empty());
    create("e", Durability.NONE, Optional.empty());
    for (int i = 0; i < 6; i++) {
      write("a", i * 4096, 3 * 4096);
      write("b", i * 2048, 5 * 512);
      write("e", i * 8192, 4096);
      if (i % 2 == 0) {
        flush("a");
      }
      if (i > 1) {
        checkpoint("a");
        checkpoint("e");
      }
    }
    flush("b");
    ImageName image = ImageName.parse("i:1");
    commit("b", image);
    create("f", Durability.EVERY_WRITE, Optional.of(image));
    write("f", 4096, 4096);
    trim("b", 0, 3 * 4096);
    trim("f", 0, 2 * 4096);
    reopen();
    write("a", 1000 * 4, 6000);
    write("f", 512, 512);
    flush("a");
    checkpoint("b");
    remove("f");
    write("b", 8192, 4096);
    flush("b");
    removeImage(image);
    write("e", 0, 8192);
    checkpoint("a");
  }

  /** Does a request; whether it went well. Whatever fails must fail cleanly. */
  private boolean attempt(String what, Request request) throws IOException {
    watchdog.alive(what);
    Store open = store;
    if (open == null) {
      return false;
    }
    try {
      request.run(open);
      return true;
    } catch (StorageException e) {
      if (String.valueOf(e.getMessage()).contains("\n")) {
        throw new AssertionError("an error of more than a line: " + e.getMessage(), e);
      }
      return false;
    }
  }

  private void open() throws IOException {
    watchdog.alive("open");
    // The second time it is another failure, or none.
    for (int i = 0; i < 2 && store == null; i++) {
      try {
        store = Workload.open(host);
      } catch (StorageException e) {
        // As it should be.
      }
    }
  }

  private void reopen() throws IOException {
    if (attempt("close", Store::close)) {
      model.closed();
    }
    store = null;
    open();
    Store open = store;
    if (open == null) {
      return;
    }
    for (String name : model.volumeNames()) {
      if (open.volume(name).isEmpty()) {
        // Its root couldn't be read, this time.
        unknown.add(name);
      } else if (!unknown.contains(name)) {
        boolean _ = settle(name);
      }
    }
  }

  private Volume volume(Store open, String name) {
    return open.volume(name).orElseThrow();
  }

  private boolean usable(String name) {
    return store != null && model.volumeNames().contains(name) && !unknown.contains(name);
  }

  private void create(String name, Durability durability, Optional<ImageName> from)
      throws IOException {
    if (store == null || (from.isPresent() && !model.imageNames().contains(from.get()))) {
      return;
    }
    model.creating(name, durability, from);
    long size = from.isPresent() ? 0 : StoreModel.BYTES;
    if (attempt(
        "create " + name, s -> s.createVolume(name, new VolumeSpec(from, size, durability)))) {
      model.created(name);
    }
  }

  private void write(String name, int offset, int length) throws IOException {
    if (usable(name)) {
      byte[] bytes = new byte[length];
      random.nextBytes(bytes);
      model.writing(name, offset, bytes);
      change(name, s -> volume(s, name).write(offset, bytes, 0, length));
    }
  }

  private void trim(String name, int offset, int length) throws IOException {
    if (usable(name)) {
      model.trimming(name, offset, length);
      change(name, s -> volume(s, name).trim(offset, length));
    }
  }

  private void change(String name, Request request) throws IOException {
    if (attempt("change " + name, request)) {
      model.acknowledged(name);
    } else if (!settle(name)) {
      unreadable.add(name);
    }
  }

  /** Finds out what a volume holds; false if it can't be read. */
  private boolean settle(String name) throws IOException {
    byte[] bytes = new byte[StoreModel.BYTES];
    boolean read = attempt("read " + name, s -> volume(s, name).read(0, bytes, 0, bytes.length));
    if (read) {
      model.failed(name, bytes);
    } else {
      unknown.add(name);
    }
    return read;
  }

  private void flush(String name) throws IOException {
    if (usable(name) && attempt("flush " + name, s -> volume(s, name).flush())) {
      model.flushed(name);
    }
  }

  private void checkpoint(String name) throws IOException {
    if (usable(name)) {
      attempt("checkpoint " + name, s -> volume(s, name).checkpoint());
      attempt("merge " + name, s -> volume(s, name).merge());
    }
  }

  private void commit(String name, ImageName image) throws IOException {
    if (usable(name)) {
      model.committing(name, image);
      if (attempt("commit " + name, s -> s.commit(name, image))) {
        model.committed(image);
      }
    }
  }

  private void remove(String name) throws IOException {
    if (usable(name)) {
      model.removing(name);
      if (attempt("remove " + name, s -> s.removeVolume(name))) {
        model.removed(name);
      }
    }
  }

  private void removeImage(ImageName image) throws IOException {
    if (model.imageNames().contains(image)) {
      model.removingImage(image);
      if (attempt("remove " + image, s -> s.removeImage(image))) {
        model.removedImage(image);
      }
    }
  }

  /**
   * Fails unless, one call having failed, all volumes can be read, the ephemeral one goes on, and
   * at least one of the durable ones. Where the call was the journal's all of those may stop: its
   * first failed write or sync is final, and they share it.
   */
  void checkOthersGoOn(String failed) throws IOException {
    if (!unreadable.isEmpty()) {
      throw new AssertionError(unreadable + " couldn't be read any more after " + failed);
    }
    boolean ephemeral = usable("e");
    boolean durable = usable("a") && usable("b") && !failed.contains("/journal");
    if (ephemeral && !goesOn("e")) {
      throw new AssertionError("the ephemeral volume doesn't go on after " + failed);
    }
    boolean one = goesOn("a");
    boolean other = goesOn("b");
    if (durable && !one && !other) {
      throw new AssertionError("no durable volume goes on after " + failed);
    }
  }

  private boolean goesOn(String name) throws IOException {
    if (!usable(name)) {
      return false;
    }
    byte[] bytes = new byte[4096];
    random.nextBytes(bytes);
    model.writing(name, 0, bytes);
    boolean written = attempt("write on " + name, s -> volume(s, name).write(0, bytes, 0, 4096));
    if (written) {
      model.acknowledged(name);
    } else {
      boolean _ = settle(name);
    }
    boolean flushed = attempt("flush again " + name, s -> volume(s, name).flush());
    if (flushed) {
      model.flushed(name);
    }
    return written && flushed;
  }
}
