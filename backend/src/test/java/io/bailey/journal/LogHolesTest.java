package io.bailey.journal;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.crypto.DataKey;
import io.bailey.crypto.Epoch;
import io.bailey.crypto.KeyRing;
import io.bailey.io.FaultyFiles;
import io.bailey.io.HostFile;
import io.bailey.io.QuietLog;
import io.bailey.io.SimulatedHost;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** What becomes of the log behind a segment that is needed for long. */
final class LogHolesTest {
  private static final long SEGMENT_BYTES = 64 << 10;
  private static final int SEGMENTS = 4;
  private static final int HEADER_CHECKED_BYTES = 36;
  private static final Journal.Limits LIMITS =
      new Journal.Limits(SEGMENTS * SEGMENT_BYTES, SEGMENT_BYTES);

  /** Volumes that are never sorted, and one that is all the time. */
  private static final long STUCK = 1;

  private static final long STUCK_LATER = 2;
  private static final long BUSY = 3;

  private final Epoch epoch = Epoch.begin(DataKey.random());
  private final Random random = new Random(1);
  private final Map<Long, Long> sequences = new HashMap<>();
  private final List<String> missing = new ArrayList<>();
  private long released;

  private Journal open(SimulatedHost host, List<String> found) throws IOException {
    Journal journal =
        new Journal(host.files(), log(host), new AtomicLong()::incrementAndGet, LIMITS);
    journal.recover(
        new Journal.Recovery() {
          @Override
          public boolean batch(Batch batch) {
            boolean needed = batch.volume() != BUSY || batch.lastSequence() > released;
            if (needed) {
              found.add(batch.volume() + "@" + batch.lastSequence());
            }
            return needed;
          }

          @Override
          public void missing(Journal.Missing one) {
            missing.add(one.where());
          }
        });
    return journal;
  }

  private static Path log(SimulatedHost host) {
    return host.storeDirectory().resolve("journal");
  }

  private void append(Journal journal, long volume) throws IOException {
    long before = sequences.getOrDefault(volume, 0L);
    BatchWriter batch = new BatchWriter(volume, epoch, before, before + 1);
    byte[] block = new byte[4096];
    random.nextBytes(block);
    batch.addValue(before, block, 0);
    journal.sync(journal.append(batch).position());
    sequences.put(volume, before + 1);
  }

  private void release(Journal journal) throws IOException {
    released = sequences.get(BUSY);
    journal.release(BUSY, released);
  }

  /** What must be found, after a crash or none. */
  private List<String> needed() {
    List<String> needed = new ArrayList<>();
    sequences.forEach(
        (volume, last) -> {
          for (long i = volume == BUSY ? released + 1 : 1; i <= last; i++) {
            needed.add(volume + "@" + i);
          }
        });
    return needed;
  }

  private static long bytes(SimulatedHost host) throws IOException {
    long bytes = 0;
    for (String name : host.files().list(log(host))) {
      try (HostFile file = host.files().open(log(host).resolve(name))) {
        bytes += file.size();
      }
    }
    return bytes;
  }

  /** One volume is stuck from the first record on, another some segments later. */
  private void write(Journal journal, int records) throws IOException {
    for (int i = 0; i < records; i++) {
      append(journal, i == 0 ? STUCK : i == records / 3 ? STUCK_LATER : BUSY);
      if (i % 25 == 24) {
        release(journal);
      }
    }
  }

  @Test
  void volumesThatAreNeverSorted_keepTheirOwnSegments_andNotAllThatComeLater() throws Exception {
    try (SimulatedHost host = new SimulatedHost()) {
      for (int round = 0; round < 3; round++) {
        List<String> found = new ArrayList<>();
        try (Journal journal = open(host, found)) {
          assertThat(found).containsExactlyInAnyOrderElementsOf(needed());
          write(journal, 400);
          assertThat(journal.blocking()).doesNotContain(BUSY);
          // What is needed, what the log may have, and files that are kept for later.
          assertThat(bytes(host)).isLessThan((2L * (round + 1) + SEGMENTS + 6) * SEGMENT_BYTES);
        }
        assertThat(missing).isEmpty();
      }
    }
  }

  @Test
  void aCrashAtAnyMoment_leavesWhatIsNeeded() throws Exception {
    record Moment(String what, SimulatedHost.State state, List<String> needed, long released) {}

    List<Moment> moments = new ArrayList<>();
    try (SimulatedHost host = new SimulatedHost()) {
      Thread only = Thread.currentThread();
      Journal journal = open(host, new ArrayList<>());
      // As the store does.
      host.files().syncDirectory(host.storeDirectory());
      host.files().syncDirectory(host.storeDirectory().getParent());
      host.files()
          .fault(
              (call, path) -> {
                if (call.isMutating()
                    && call != FaultyFiles.Call.WRITE
                    && only == Thread.currentThread()) {
                  moments.add(new Moment(call + " of " + path, host.state(), needed(), released));
                }
              });
      write(journal, 300);
      host.files().heal();
      journal.close();
    }
    assertThat(moments).anyMatch(moment -> moment.what.contains(".log.new"));
    try (SimulatedHost host = new SimulatedHost()) {
      for (Moment moment : moments) {
        for (int i = 0; i < 8; i++) {
          if (i == 0) {
            host.becomeKilled(moment.state);
          } else {
            host.becomePowerless(moment.state.disk().cut(random));
          }
          released = moment.released;
          for (int start = 0; start < 2; start++) {
            List<String> found = new ArrayList<>();
            open(host, found).close();
            assertThat(found).as(moment.what).containsAll(moment.needed);
            assertThat(missing).as(moment.what).isEmpty();
          }
          if (moment.needed.contains(STUCK_LATER + "@1")) {
            damageLastRecord(host, log(host).resolve("000000000000.log"));
            open(host, new ArrayList<>()).close();
            assertThat(missing).as(moment.what).hasSize(1);
            missing.clear();
          }
        }
      }
    }
  }

  /** The last of a segment that others follow: only they say that it was there. */
  private static void damageLastRecord(SimulatedHost host, Path segment) throws IOException {
    try (HostFile file = host.files().open(segment)) {
      byte[] bytes = new byte[(int) file.size()];
      file.read(0, bytes, 0, bytes.length);
      int last = bytes.length - Journal.RECORD_ALIGNMENT;
      while (RecordHeader.intAt(bytes, last) != RecordHeader.MAGIC) {
        last -= Journal.RECORD_ALIGNMENT;
      }
      file.write(last, new byte[Integer.BYTES], 0, Integer.BYTES);
    }
  }

  @Test
  void whereNothingCanBeWritten_theLogStaysLong_andGoesOn() throws Exception {
    try (SimulatedHost host = new SimulatedHost();
        QuietLog _ = new QuietLog();
        Journal journal = open(host, new ArrayList<>())) {
      host.files()
          .fault(
              (call, path) -> {
                if (path.toString().endsWith(".log.new")) {
                  throw FaultyFiles.failure(Kind.NO_SPACE, call, path);
                }
              });
      write(journal, 200);
      assertThat(bytes(host)).isGreaterThan(2 * SEGMENTS * SEGMENT_BYTES);
      host.files().heal();
      write(journal, 100);
      assertThat(bytes(host)).isLessThan((4 + SEGMENTS + 6) * SEGMENT_BYTES);
    }
  }

  /** Damage to headers and to last records is seen by what the segment behind says. */
  @Test
  void aCheck_findsEachFlippedByteOfHeaders_andLastRecordsThatAreMissing() throws Exception {
    try (SimulatedHost host = new SimulatedHost()) {
      Journal journal = open(host, new ArrayList<>());
      write(journal, 300);
      journal.close();
      assertThat(check(host)).isEmpty();
      int emptied = 0;
      List<String> names = new ArrayList<>(host.files().list(log(host)));
      names.sort(Comparator.naturalOrder());
      for (String name : names) {
        Path path = log(host).resolve(name);
        try (HostFile file = host.files().open(path)) {
          emptied += file.size() == SegmentHeader.BYTES ? 1 : 0;
          for (int at = 0; at < HEADER_CHECKED_BYTES; at++) {
            flip(file, at);
            assertThat(check(host)).as("byte %d of %s", at, name).contains(path);
            flip(file, at);
          }
        }
      }
      assertThat(emptied).isPositive();
      Path first = log(host).resolve(names.getFirst());
      damageLastRecord(host, first);
      assertThat(check(host)).containsExactly(first);
    }
  }

  /** Of two records that come meanwhile, the second must not make damage of the first. */
  @Test
  void aCheck_findsNoDamage_inALogThatIsAppendedTo_beforeWhicheverRead() throws Exception {
    try (SimulatedHost host = new SimulatedHost()) {
      Journal journal = open(host, new ArrayList<>());
      write(journal, 23);
      journal.close();
      List<String> names =
          host.files().list(log(host)).stream().filter(Journal::isSegment).toList();
      Path path = log(host).resolve(Collections.max(names));
      try (HostFile file = host.files().open(path)) {
        byte[] whole = new byte[(int) file.size()];
        file.read(0, whole, 0, whole.length);
        List<Integer> begins =
            begins(new Segment(Journal.number(Collections.max(names)), path, file, 0));
        assertThat(begins).hasSizeGreaterThan(2);
        int end = begins.get(begins.size() - 2);
        byte[] nothing = new byte[whole.length - end];
        for (int half : List.of(end, end + RecordHeader.BYTES, end + 1000)) {
          AtomicInteger reads = new AtomicInteger(Integer.MAX_VALUE);
          for (int from = 1; from < reads.get(); from++) {
            file.write(end, nothing, 0, nothing.length);
            reads.set(0);
            int first = from;
            host.files()
                .fault(
                    (call, of) -> {
                      if (call == FaultyFiles.Call.READ && of.equals(path)) {
                        int read = reads.incrementAndGet();
                        if (read == first) {
                          file.write(end, whole, end, half - end);
                        } else if (read == first + 1) {
                          file.write(end, whole, end, nothing.length);
                        }
                      }
                    });
            assertThat(check(host)).as("%d bytes before read %d", half - end, from).isEmpty();
            host.files().heal();
          }
        }
      }
    }
  }

  private static List<Integer> begins(Segment segment) throws IOException {
    List<Integer> begins = new ArrayList<>();
    SegmentScan scan = new SegmentScan(segment);
    for (RecordHeader header = scan.next(); header != null; header = scan.next()) {
      begins.add((int) header.links().offset());
      scan.accept(header);
    }
    return begins;
  }

  private static void flip(HostFile file, int at) throws IOException {
    byte[] one = new byte[1];
    file.read(at, one, 0, 1);
    one[0] ^= 1;
    file.write(at, one, 0, 1);
  }

  /** Segments that a check finds damage in. */
  private static List<Path> check(SimulatedHost host) throws IOException {
    List<Path> found = new ArrayList<>();
    long _ =
        new JournalChecker(
                host.files(),
                new KeyRing(),
                volume -> false,
                (segment, offset, volume, what) -> found.add(segment))
            .check(log(host));
    return found;
  }
}
