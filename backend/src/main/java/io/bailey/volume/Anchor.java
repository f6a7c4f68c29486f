package io.bailey.volume;

import io.bailey.crypto.KeyWrap;
import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import io.bailey.io.HostFile;
import io.bailey.io.HostFiles;
import io.bailey.io.SmallFile;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * What the store remembers of its roots apart from them, so that an older root put back is noticed:
 * the generation of each, and the highest that any ever had. Thread-safe.
 *
 * <pre>
 *  0  BAILEY A version(1)
 *  8  u64 clock: the highest generation of all roots so far, also of those that are gone
 *     var entries; per entry: var length, directory and name of the root
 *                             u64 volume, var generation
 *     32 HMAC-SHA256 of all before, under a key derived from the key-encryption key
 * </pre>
 *
 * <h2>Why it may lag</h2>
 *
 * It hears of a root once that is in force, and is written some seconds later, by a thread of its
 * own: nobody waits for it. So after a crash a root can be newer than its entry, and never older. A
 * root takes its first generation from the clock; hence one that isn't listed is new if its
 * generation is above the clock, and else one that was removed. An entry is made before its first
 * root is, since the clock may be written in between.
 *
 * <p>It holds an entry a root on disk and no more. Roots of ephemeral volumes aren't in it.
 */
final class Anchor implements AutoCloseable {
  static final String NAME = "anchor";

  private static final System.Logger LOG = System.getLogger(Anchor.class.getName());
  private static final byte[] MAGIC = {'B', 'A', 'I', 'L', 'E', 'Y', 'A', 1};
  private static final String MAC_PURPOSE = "bailey anchor";
  private static final int MAX_BYTES = 64 << 20;
  private static final int MAX_PLACE_BYTES = 256;
  private static final long LAG_SECONDS = 10;

  private final HostFiles files;
  private final Path directory;
  private final KeyWrap wrap;
  private final Map<String, Entry> entries = new TreeMap<>();
  private final Map<Long, String> placeOfVolume = new HashMap<>();
  private final long clockAtOpen;
  private long clock;
  private boolean changed;

  /** Set while a write is to come; also before {@link #begin}. */
  private boolean scheduled = true;

  private final Object writing = new Object();
  private final ScheduledThreadPoolExecutor timer =
      new ScheduledThreadPoolExecutor(
          1, Thread.ofPlatform().daemon().name("bailey-anchor").factory());

  private record Entry(long volume, long generation) {}

  private Anchor(HostFiles files, Path directory, KeyWrap wrap, long clock) {
    this.files = files;
    this.directory = directory;
    this.wrap = wrap;
    this.clockAtOpen = clock;
    this.clock = clock;
    timer.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
  }

  /** One that knows of no root, and so takes all as they are. */
  static Anchor empty(HostFiles files, Path directory, KeyWrap wrap) {
    return new Anchor(files, directory, wrap, 0);
  }

  /** Kind {@code DAMAGED}, with what to do, if it is missing or not as it was written. */
  static Anchor read(HostFiles files, Path directory, KeyWrap wrap) throws IOException {
    Path path = directory.resolve(NAME);
    String advice =
        ": restore it from a backup, or start once with --accept-rollback to take the images and"
            + " volumes as they are";
    if (!files.exists(path)) {
      throw new StorageException(Kind.DAMAGED, path + " is missing" + advice);
    }
    byte[] bytes;
    try (HostFile file = files.open(path)) {
      bytes = new byte[(int) Math.min(file.size(), MAX_BYTES)];
      file.read(0, bytes, 0, bytes.length);
    }
    int signed = bytes.length - KeyWrap.MAC_BYTES;
    int last = MAGIC.length - 1;
    if (signed >= MAGIC.length
        && Arrays.equals(bytes, 0, last, MAGIC, 0, last)
        && bytes[last] > MAGIC[last]) {
      throw new StorageException(
          Kind.TOO_NEW, path + " was written by a newer version: update this program");
    }
    if (signed < MAGIC.length || !wrap.isMacAfter(MAC_PURPOSE, bytes, 0, signed)) {
      throw new StorageException(Kind.DAMAGED, path + " doesn't authenticate" + advice);
    }
    Decoder in = new Decoder(path.toString(), bytes, MAGIC.length, signed - MAGIC.length);
    Anchor anchor = new Anchor(files, directory, wrap, in.getLong());
    for (int i = in.getVarInt(0, MAX_BYTES); i > 0; i--) {
      anchor.put(in.getString(MAX_PLACE_BYTES), in.getLong(), in.getVar());
    }
    return anchor;
  }

  /** Where a root lies, as the entries have it. */
  static String place(String directory, String name) {
    return directory + "/" + name;
  }

  /** What is wrong with a root that is older than the last one in its place, or isn't its own. */
  synchronized Optional<String> objection(String place, Root root) {
    Entry known = entries.get(place);
    String home = placeOfVolume.getOrDefault(root.volume(), place);
    if (!home.equals(place)) {
      return Optional.of("is that of " + home);
    }
    boolean isNew = root.generation() > clockAtOpen;
    if (known == null || known.volume != root.volume()) {
      return isNew ? Optional.empty() : Optional.of("is one that was removed or replaced");
    }
    boolean image = root.volume() == 0;
    if (root.generation() < known.generation
        || (image && root.generation() != known.generation && !isNew)) {
      return Optional.of(
          "is of generation " + root.generation() + " and not the last one, " + known.generation);
    }
    return Optional.empty();
  }

  /** The generation for the first root in a place, which is about to be written. */
  synchronized long reserve(String place, long volume) {
    put(place, volume, ++clock);
    changed();
    return clock;
  }

  /** A root is in force, and survives power loss. */
  synchronized void saw(String place, Root root) {
    if (!new Entry(root.volume(), root.generation()).equals(entries.get(place))) {
      put(place, root.volume(), root.generation());
      changed();
    }
  }

  private void put(String place, long volume, long generation) {
    Entry old = entries.put(place, new Entry(volume, generation));
    if (old != null) {
      placeOfVolume.remove(old.volume);
    }
    if (volume != 0) {
      placeOfVolume.put(volume, place);
    }
    clock = Math.max(clock, generation);
  }

  /** No root is in this place any more. */
  synchronized void gone(String place) {
    Entry old = entries.remove(place);
    if (old != null) {
      placeOfVolume.remove(old.volume);
      changed();
    }
  }

  /** All roots were looked at: other places are forgotten, and from now on it is kept on disk. */
  synchronized void begin(Set<String> places) {
    Set.copyOf(entries.keySet()).stream().filter(p -> !places.contains(p)).forEach(this::gone);
    scheduled = false;
    if (changed) {
      changed();
    }
  }

  private void changed() {
    changed = true;
    if (!scheduled && !timer.isShutdown()) {
      scheduled = true;
      ScheduledFuture<?> _ = timer.schedule(this::writeLater, LAG_SECONDS, TimeUnit.SECONDS);
    }
  }

  private void writeLater() {
    synchronized (this) {
      scheduled = false;
    }
    try {
      write();
    } catch (IOException e) {
      LOG.log(
          System.Logger.Level.WARNING, "rollbacks may go unnoticed for now: {0}", e.getMessage());
      synchronized (this) {
        changed();
      }
    }
  }

  /** Writes it, if there is anything new in it. */
  void write() throws IOException {
    synchronized (writing) {
      byte[] bytes;
      synchronized (this) {
        if (!changed) {
          return;
        }
        bytes = encode(wrap);
        changed = false;
      }
      try {
        store(bytes);
      } catch (IOException e) {
        synchronized (this) {
          changed = true;
        }
        throw e;
      }
    }
  }

  /** Writes it under this key or another, whether there is anything new or not. */
  void write(KeyWrap under) throws IOException {
    synchronized (writing) {
      byte[] bytes;
      synchronized (this) {
        bytes = encode(under);
      }
      store(bytes);
      files.syncDirectory(directory);
    }
  }

  private byte[] encode(KeyWrap under) {
    Encoder out = new Encoder(64 + 64 * entries.size());
    out.putBytes(MAGIC).putLong(clock).putVar(entries.size());
    entries.forEach(
        (place, entry) -> out.putString(place).putLong(entry.volume).putVar(entry.generation));
    return out.putBytes(under.mac(MAC_PURPOSE, out.array(), 0, out.size())).toBytes();
  }

  private void store(byte[] bytes) throws IOException {
    SmallFile.replace(files, directory.resolve(NAME), bytes, bytes.length);
  }

  /** Writes what is new. */
  @Override
  public void close() throws IOException {
    timer.close();
    write();
  }
}
