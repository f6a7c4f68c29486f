package io.bailey.bench;

import io.bailey.nbd.NbdExport;
import io.bailey.nbd.NbdServer;
import io.bailey.volume.CountedFiles;
import io.bailey.volume.Durability;
import io.bailey.volume.Store;
import io.bailey.volume.StoreOptions;
import io.bailey.volume.Volume;
import io.bailey.volume.VolumeSpec;
import io.bailey.volume.VolumeStats;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * A process that has the engine and one volume, so that what it uses is its own: it runs rounds on
 * the volume itself, and serves it over NBD. It takes commands, one a line, on standard input and
 * ends with it:
 *
 * <pre>
 * run ROUND  answers lines "progress WRITES READS" and then
 *            "times OPERATIONS BLOCKS WRITE_SECONDS READ_SECONDS P999_MILLIS SLOWEST_MILLIS"
 * renew SIZE answers "renewed" when an empty volume is served in the old one's place
 * settle     answers "settled" when nothing goes on in the background any more
 * count      answers "counts BYTES_WRITTEN WRITES BYTES_READ READS" of host files
 * </pre>
 *
 * The first line it prints is "ready"; a command that fails answers "error MESSAGE".
 */
final class EngineProcess {
  static final String EXPORT = "bench";
  private static final long SETTLED_MILLIS = 1500;

  /** The same where a volume may be made compact, which it is when it has rested for a while. */
  private static final long RESTED_MILLIS = 11_000;

  private static final long MUCH_WRITTEN_BYTES = 512L << 20;
  private static final long MAX_SETTLE_SECONDS = 300;

  private final Store store;
  private final NbdServer server;
  private final CountedFiles files;
  private final Durability durability;
  private final Path socket;
  private final Workload workload;
  private final PrintStream out;
  private RoundRun rounds;
  private Volume volume;
  private NbdExport export;

  private EngineProcess(
      Store store,
      NbdServer server,
      CountedFiles files,
      Durability durability,
      Path socket,
      Workload workload,
      PrintStream out)
      throws IOException {
    this.store = store;
    this.server = server;
    this.files = files;
    this.durability = durability;
    this.socket = socket;
    this.out = out;
    this.workload = workload;
    rounds = freshRounds();
    volume = create(workload.spanBytes());
    export = serve(volume);
  }

  /** Takes: store, memory directory, socket, memory budget, durability, span, operations, seed. */
  public static void main(String[] arguments) throws IOException {
    Path memory = Path.of(arguments[1]);
    Workload workload =
        new Workload(
            Long.parseLong(arguments[5]),
            Integer.parseInt(arguments[6]),
            Long.parseLong(arguments[7]));
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    CountedFiles files = new CountedFiles(memory);
    StoreOptions options =
        new StoreOptions(Path.of(arguments[0]), memory, Long.parseLong(arguments[3]));
    try (Store store = files.openStore(options);
        NbdServer server = new NbdServer();
        BufferedReader in =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      EngineProcess process =
          new EngineProcess(
              store,
              server,
              files,
              Durability.valueOf(arguments[4]),
              Path.of(arguments[2]),
              workload,
              out);
      process.say("ready");
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        process.obey(line);
      }
    }
  }

  private RoundRun freshRounds() {
    return new RoundRun(workload, durability != Durability.NONE, 0);
  }

  private Volume create(long size) throws IOException {
    return store.createVolume(EXPORT, new VolumeSpec(Optional.empty(), size, durability));
  }

  private NbdExport serve(Volume served) throws IOException {
    return server.serve(EXPORT, "a benchmark", served, socket);
  }

  private void say(String line) {
    out.println(line);
    out.flush();
  }

  private void obey(String line) {
    try {
      String[] words = line.split(" ", -1);
      switch (words[0]) {
        case "run" -> run(Integer.parseInt(words[1]));
        case "renew" -> renew(Long.parseLong(words[1]));
        case "settle" -> settle();
        case "count" ->
            say(
                "counts %d %d %d %d"
                    .formatted(
                        files.bytesWritten(), files.writes(), files.bytesRead(), files.reads()));
        default -> say("error unknown command " + words[0]);
      }
    } catch (IOException | RuntimeException e) {
      say("error " + e);
    }
  }

  private void run(int round) throws IOException {
    RoundRun.Times times =
        rounds.run(
            new EngineDisk(volume),
            round,
            (writes, reads) -> say("progress " + writes + " " + reads));
    say(
        "times %d %d %s %s %s %s"
            .formatted(
                times.operations(),
                times.blocks(),
                times.writeSeconds(),
                times.readSeconds(),
                times.writeP999Millis(),
                times.slowestWriteMillis()));
  }

  private void renew(long size) throws IOException {
    export.stop(NbdServer.CLOSE_GRACE);
    store.removeVolume(EXPORT);
    rounds = freshRounds();
    volume = create(size);
    export = serve(volume);
    say("renewed");
  }

  /** Waits until the host's files and the levels have stayed the same for a while. */
  private void settle() {
    long began = System.nanoTime();
    VolumeStats seen = volume.stats();
    long writes = files.writes();
    long since = began;
    long now = began;
    boolean much = seen.guestBytesWritten() > MUCH_WRITTEN_BYTES;
    long quiet = TimeUnit.MILLISECONDS.toNanos(much ? RESTED_MILLIS : SETTLED_MILLIS);
    while (now - since < quiet && now - began < TimeUnit.SECONDS.toNanos(MAX_SETTLE_SECONDS)) {
      try {
        TimeUnit.MILLISECONDS.sleep(50);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        break;
      }
      VolumeStats next = volume.stats();
      now = System.nanoTime();
      if (!next.levelBytes().equals(seen.levelBytes()) || files.writes() != writes) {
        seen = next;
        writes = files.writes();
        since = now;
      }
    }
    say("settled");
  }
}
