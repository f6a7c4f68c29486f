package io.bailey.journal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.crypto.DataKey;
import io.bailey.crypto.Epoch;
import io.bailey.crypto.KeyRing;
import io.bailey.io.FaultyFiles;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A log that is recovered with what was kept of it is the log that its records tell. */
final class KeptIndexesTest {
  private static final int RECORDS = 60;
  private static final long ROOM = 1 << 20;

  private final FaultyFiles files = new FaultyFiles();
  private final DataKey key = DataKey.random();
  private final Epoch epoch = Epoch.begin(key);
  private final KeyRing keys = new KeyRing();
  private final UUID set = UUID.randomUUID();
  private final AtomicLong serials = new AtomicLong();
  private final List<String> written = new ArrayList<>();

  @TempDir Path directory;
  private Path log = Path.of("");
  private Path memory = Path.of("");

  @BeforeEach
  void aLogOfAKilledProcess() throws IOException {
    keys.add(key);
    log = directory.resolve("log");
    memory = Files.createDirectory(directory.resolve("memory"));
    // Nothing but the file system is shared with who comes after, as after a kill.
    Journal journal = recovered(new KeptIndexes(memory, set, ROOM), new ArrayList<>());
    append(journal, RECORDS);
    journal.close();
  }

  private void append(Journal journal, int records) throws IOException {
    Random random = new Random(5);
    for (int i = 1; i <= records; i++) {
      BatchWriter batch = new BatchWriter(1, epoch, i - 1, i);
      byte[] block = new byte[4096];
      random.nextBytes(block);
      batch.addValue(i, block, 0);
      batch.addZeros(1000 + i, 3);
      Journal.Appended appended = journal.append(batch);
      if (i % 7 == 0) {
        journal.sync(appended.position());
      }
      batch.visit(visitor(written));
    }
  }

  private Journal recovered(KeptIndexes kept, List<String> found) throws IOException {
    Journal journal =
        new Journal(files, log, serials::incrementAndGet, new Journal.Limits(16 << 20, 128 << 10));
    journal.recover(
        new Journal.Recovery() {
          @Override
          public boolean batch(Batch batch) throws IOException {
            batch.open(batch.epoch(keys), visitor(found));
            return true;
          }

          @Override
          public void missing(Journal.Missing missing) {
            throw new AssertionError(missing.where());
          }
        },
        kept);
    return journal;
  }

  private static Batch.Visitor visitor(List<String> found) {
    return new Batch.Visitor() {
      @Override
      public void value(long block, long place, int size, long counter, byte[] tags, int tag) {
        found.add(block + " at " + place + " of " + size + ", " + counter + ", " + tags[tag]);
      }

      @Override
      public void zeros(long block, long blocks) {
        found.add(block + " zeros " + blocks);
      }
    };
  }

  /** Recovers once, and returns how much of the log was read. */
  private int readsOfARecovery(UUID itsSet, long room) throws IOException {
    List<String> found = new ArrayList<>();
    files.resetCounts();
    Journal journal = recovered(new KeptIndexes(memory, itsSet, room), found);
    int reads = (int) files.count(FaultyFiles.Call.READ);
    journal.close();
    assertThat(found).isEqualTo(written);
    return reads;
  }

  @Test
  void recordsAreNotRead_exceptTheLastOfEachSegment_andWhatNoSyncIsKnownToCover() throws Exception {
    // Of each of the three segments its header and its last record, and the tail.
    assertThat(readsOfARecovery(set, ROOM)).isLessThan(RECORDS / 3);
  }

  @Test
  void whatLiesBesideOtherBuffers_isDropped_andWhatIsReadIsKeptAnew() throws Exception {
    UUID other = UUID.randomUUID();
    assertThat(readsOfARecovery(other, ROOM)).isGreaterThan(2 * RECORDS);
    assertThat(readsOfARecovery(other, ROOM)).isLessThan(RECORDS / 3);
  }

  @Test
  void whatIsntWhole_isReadFromTheLog_andKeptAnew() throws Exception {
    for (Path file : kept()) {
      try (RandomAccessFile torn = new RandomAccessFile(file.toFile(), "rw")) {
        torn.setLength(torn.length() - 9);
      }
    }
    readsOfARecovery(set, ROOM);
    Path first = kept().getFirst();
    for (int at = 24; at < Files.size(first); at += 31) {
      byte[] bytes = Files.readAllBytes(first);
      bytes[at] ^= 1;
      Files.write(first, bytes);
      readsOfARecovery(set, ROOM);
    }
    assertThat(readsOfARecovery(set, ROOM)).isLessThan(RECORDS / 3);
  }

  @Test
  void noMoreIsKeptThanThereIsRoomFor() throws Exception {
    UUID other = UUID.randomUUID();
    readsOfARecovery(other, 3000);
    long held = 0;
    for (Path file : kept()) {
      held += Files.size(file);
    }
    assertThat(held).isBetween(2000L, 3000L);
    readsOfARecovery(other, 3000);
  }

  @Test
  void whenAllIsInRuns_nothingIsLeft() throws Exception {
    Journal journal = recovered(new KeptIndexes(memory, set, ROOM), new ArrayList<>());
    journal.release(1, RECORDS / 2);
    assertThat(kept()).hasSizeBetween(1, 2);
    journal.forgetKept();
    journal.close();
    assertThat(kept()).isEmpty();
  }

  /** Damage behind what there was room to keep is seen, as without anything kept. */
  @Test
  void aDamagedRecordBehindKeptOnes_isMissing() throws Exception {
    elsewhere();
    Journal journal = recovered(new KeptIndexes(memory, set, 1000), new ArrayList<>());
    append(journal, 20);
    journal.close();
    Path segment = log.resolve("000000000000.log");
    byte[] bytes = Files.readAllBytes(segment);
    int at = SegmentHeader.BYTES;
    for (int i = 0; i < 9; i++) {
      at = nextRecord(bytes, at + 8);
    }
    bytes[at + 40] ^= 1;
    Files.write(segment, bytes);
    assertThatThrownBy(() -> readsOfARecovery(set, 1000)).hasMessageContaining("offset " + at);
  }

  private void elsewhere() throws IOException {
    log = directory.resolve("another");
    memory = Files.createDirectory(directory.resolve("beside"));
    written.clear();
  }

  private static int nextRecord(byte[] segment, int from) {
    int at = from;
    while (RecordHeader.intAt(segment, at) != RecordHeader.MAGIC) {
      at += 8;
    }
    return at;
  }

  /** One that isn't kept, and ends before the page at whose beginning the next one lies. */
  @Test
  void aRecordBetweenKeptOnes_isReadFromTheLog() throws Exception {
    elsewhere();
    Journal journal = recovered(new KeptIndexes(memory, set, 1000), new ArrayList<>());
    for (int i = 1; i <= 3; i++) {
      BatchWriter batch = new BatchWriter(1, epoch, i - 1, i);
      for (int zeros = i == 2 ? 500 : 1; zeros > 0; zeros--) {
        batch.addZeros(1000L * zeros, 3);
      }
      Journal.Appended appended = journal.append(batch);
      if (i == 2) {
        journal.sync(appended.position());
      }
      batch.visit(visitor(written));
    }
    journal.close();
    Path segment = log.resolve("000000000000.log");
    assertThat(Files.size(segment)).isBetween(4096L, 8192L);
    assertThat(Files.size(kept().getFirst())).isBetween(300L, 500L);
    readsOfARecovery(set, ROOM);
    // Now that one is kept behind the one after it.
    assertThat(Files.size(kept().getFirst())).isGreaterThan(2000);
    long held = Files.size(kept().getFirst());
    readsOfARecovery(set, ROOM);
    assertThat(Files.size(kept().getFirst())).isEqualTo(held);
  }

  private List<Path> kept() throws IOException {
    try (var all = Files.list(memory)) {
      return all.sorted().toList();
    }
  }
}
