package io.bailey.daemon;

import java.io.IOException;
import java.lang.System.Logger.Level;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * What has been started, and is stopped in the opposite order. A step that fails is logged and
 * doesn't keep the others from running. Used by one thread but for {@link #waitingFor}.
 */
final class StopSequence {
  private static final System.Logger LOG = System.getLogger(StopSequence.class.getName());

  private final Deque<Entry> entries = new ArrayDeque<>();
  private volatile String current = "nothing";

  /** One thing to be undone. */
  @FunctionalInterface
  interface Step {
    void run() throws Exception;
  }

  private record Entry(String what, Step step) {}

  /** Adds a step; {@code what} names the thing that is waited for while it runs. */
  void add(String what, Step step) {
    entries.push(new Entry(what, step));
  }

  /** Runs the steps, last added first. */
  void run() throws IOException {
    IOException first = null;
    for (Entry entry = entries.poll(); entry != null; entry = entries.poll()) {
      current = entry.what();
      try {
        entry.step().run();
      } catch (Exception e) {
        LOG.log(Level.ERROR, "stopping " + entry.what() + " failed: " + e.getMessage(), e);
        if (first == null) {
          first = new IOException("stopping " + entry.what() + " failed: " + e.getMessage(), e);
        }
      }
    }
    current = "nothing";
    if (first != null) {
      throw first;
    }
  }

  /** What is being stopped now; any thread may ask. */
  String waitingFor() {
    return current;
  }
}
