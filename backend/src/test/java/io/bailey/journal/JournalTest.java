package io.bailey.journal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.bailey.crypto.Codec;
import io.bailey.crypto.DataKey;
import io.bailey.crypto.Epoch;
import io.bailey.crypto.KeyRing;
import io.bailey.io.FaultyFiles;
import io.bailey.io.FaultyFiles.Call;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class JournalTest {
  private final FaultyFiles files = new FaultyFiles();
  private final DataKey key = DataKey.random();
  private final Epoch epoch = Epoch.begin(key);
  private final KeyRing keys = new KeyRing();

  private static final Journal.Limits LIMITS = new Journal.Limits(2 << 20, 1 << 20);

  /** What was appended, one line a batch. */
  private final List<String> written = new ArrayList<>();

  private final Map<Long, Long> lastSequences = new HashMap<>();
  private final List<Journal.Missing> missing = new ArrayList<>();
  private final AtomicLong serials = new AtomicLong();

  @TempDir Path directory;

  @BeforeEach
  void keys() {
    keys.add(key);
  }

  private Journal open() throws IOException {
    return open((journal, batch) -> true);
  }

  /** Takes a batch; returns whether it is still needed. */
  private interface Taker {
    boolean batch(Journal journal, Batch batch) throws IOException;
  }

  private Journal open(Taker taker) throws IOException {
    return open(LIMITS, taker);
  }

  private Journal open(Journal.Limits limits, Taker taker) throws IOException {
    Journal journal = new Journal(files, directory, serials::incrementAndGet, limits);
    journal.recover(
        new Journal.Recovery() {
          @Override
          public boolean batch(Batch batch) throws IOException {
            return taker.batch(journal, batch);
          }

          @Override
          public void missing(Journal.Missing one) {
            missing.add(one);
          }
        });
    return journal;
  }

  private Journal.Appended append(Journal journal, long volume, long sequence, Random random)
      throws IOException {
    BatchWriter batch = new BatchWriter(volume, epoch, lastSequence(volume), sequence);
    StringBuilder text = new StringBuilder(volume + "@" + sequence);
    byte[] block = new byte[4096];
    for (int i = 1 + random.nextInt(6); i > 0; i--) {
      long number = random.nextLong(1L << 36);
      if (random.nextInt(3) == 0) {
        long blocks = 1 + random.nextLong(100_000);
        batch.addZeros(number, blocks);
        text.append(" zeros ").append(number).append('+').append(blocks);
      } else {
        int noise = random.nextBoolean() ? 4096 : random.nextInt(500);
        Arrays.fill(block, (byte) 0);
        for (int j = 0; j < noise; j++) {
          block[j] = (byte) random.nextInt();
        }
        batch.addValue(number, block, 0);
        text.append(" value ").append(number).append(' ').append(Arrays.hashCode(block));
      }
    }
    Journal.Appended appended = journal.append(batch);
    lastSequences.put(volume, sequence);
    written.add(text.toString());
    return appended;
  }

  private long lastSequence(long volume) {
    return lastSequences.getOrDefault(volume, 0L);
  }

  private List<String> recovered() throws IOException {
    missing.clear();
    List<String> found = new ArrayList<>();
    open((journal, batch) -> found.add(text(journal, batch))).close();
    return found;
  }

  private String text(Journal journal, Batch batch) throws IOException {
    StringBuilder text = new StringBuilder(batch.volume() + "@" + batch.lastSequence());
    batch.open(batch.epoch(keys), visitor(journal, batch.epoch(keys), text));
    return text.toString();
  }

  private static Batch.Visitor visitor(Journal journal, Epoch of, StringBuilder text) {
    return new Batch.Visitor() {
      @Override
      public void value(long block, long place, int size, long counter, byte[] tags, int tag)
          throws IOException {
        byte[] sealed = new byte[size + 16];
        journal.segment(place).read(Journal.offset(place), sealed, 0, size);
        byte[] plain = new byte[4096];
        Codec codec = Codec.borrow();
        if (!codec.openBlock(of, counter, sealed, 0, size, tags, tag, plain, 0)) {
          throw new StorageException(Kind.DAMAGED, "a damaged value");
        }
        codec.giveBack();
        text.append(" value ").append(block).append(' ').append(Arrays.hashCode(plain));
      }

      @Override
      public void zeros(long block, long blocks) {
        text.append(" zeros ").append(block).append('+').append(blocks);
      }
    };
  }

  @Test
  void whatIsAppended_isRecovered_inOrder_overManyOpenings() throws Exception {
    for (long seed = 1; seed <= 5; seed++) {
      Random random = new Random(seed);
      Journal journal = open();
      for (int i = random.nextInt(40); i >= 0; i--) {
        append(journal, random.nextInt(5), 1000 * seed + written.size(), random);
      }
      journal.close();
      assertThat(recovered()).as("seed %d", seed).isEqualTo(written);
    }
    assertThat(files.list(directory)).hasSize(5);
  }

  @Test
  void aTornTail_losesTheLastRecordAlone_whereverItIsTorn() throws Exception {
    Random random = new Random(4);
    Journal journal = open();
    append(journal, 1, 1, random);
    append(journal, 2, 2, random);
    Path path = directory.resolve("000000000000.log");
    int before = (int) Journal.align(Files.size(path));
    byte[] block = new byte[4096];
    random.nextBytes(block);
    BatchWriter last = new BatchWriter(1, epoch, 1, 3);
    last.addValue(9, Arrays.copyOf(Arrays.copyOf(block, 300), 4096), 0);
    int length = journal.append(last).bytes();
    journal.close();
    byte[] bytes = Arrays.copyOf(Files.readAllBytes(path), before + length);
    assertThat(recovered()).hasSize(3).startsWith(written.toArray(new String[0]));
    for (int end = before; end < bytes.length; end++) {
      Files.write(path, Arrays.copyOf(bytes, end));
      assertThat(recovered()).as("cut at %d", end).isEqualTo(written);
      byte[] zeroed = Arrays.copyOf(Arrays.copyOf(bytes, end), bytes.length);
      if (!Arrays.equals(zeroed, bytes)) {
        Files.write(path, zeroed);
        assertThat(recovered()).as("zeros from %d", end).isEqualTo(written);
      }
      byte[] flipped = bytes.clone();
      flipped[end] ^= 0x40;
      Files.write(path, flipped);
      assertThat(recovered()).as("flipped at %d", end).isEqualTo(written);
    }
  }

  @Test
  void oneSync_servesAllWhoWait() throws Exception {
    Journal journal = open();
    Random random = new Random(1);
    long first = append(journal, 1, 1, random).position();
    CountDownLatch hold = new CountDownLatch(1);
    CountDownLatch begun = new CountDownLatch(1);
    files.fault(
        (call, path) -> {
          if (call == Call.SYNC) {
            begun.countDown();
            FaultyFiles.await(hold);
          }
        });
    try (ExecutorService threads = Executors.newFixedThreadPool(16)) {
      List<Future<?>> waiting = new ArrayList<>();
      waiting.add(threads.submit(() -> syncTo(journal, first)));
      FaultyFiles.await(begun);
      for (int i = 0; i < 15; i++) {
        long position = append(journal, 2 + i, 1, random).position();
        waiting.add(threads.submit(() -> syncTo(journal, position)));
      }
      hold.countDown();
      for (Future<?> future : waiting) {
        future.get();
      }
    }
    assertThat(journal.syncCount()).isEqualTo(2);
    assertThat(files.count(Call.SYNC)).isEqualTo(2);
    journal.sync(first);
    assertThat(journal.syncCount()).as("already synced").isEqualTo(2);
    journal.close();
  }

  @Test
  void whatNobodyFlushes_isSyncedBeforeItIsMuch() throws IOException {
    Journal.Limits limits = new Journal.Limits(1L << 30, 64 << 20);
    try (Journal journal = open(limits, (j, batch) -> true)) {
      Random random = new Random(23);
      for (long sequence = 1, position = 0; position <= Journal.MAX_UNSYNCED_BYTES; sequence++) {
        position = append(journal, 1, sequence, random).position();
      }
      await().untilAsserted(() -> assertThat(journal.syncCount()).isEqualTo(1));
    }
  }

  private static Object syncTo(Journal journal, long position) throws IOException {
    journal.sync(position);
    return position;
  }

  @Test
  void theFirstFailedSync_isFinal() throws Exception {
    Journal journal = open();
    Random random = new Random(1);
    long position = append(journal, 1, 1, random).position();
    files.failNth(1, Kind.IO, p -> true, Call.SYNC);
    assertThatThrownBy(() -> journal.sync(position)).hasMessageContaining("made to fail");
    files.heal();
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> journal.sync(position))
          .isInstanceOfSatisfying(
              StorageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.READ_ONLY))
          .hasMessageContaining("made to fail");
      assertThatThrownBy(() -> append(journal, 1, 2, random))
          .hasMessageContaining("takes no more")
          .hasMessageContaining("made to fail");
    }
    assertThat(files.count(Call.SYNC)).isEqualTo(1);
    journal.close();
  }

  @Test
  void whoWaitsForASyncThatFails_hearsOfIt() throws Exception {
    Journal journal = open();
    Random random = new Random(1);
    long first = append(journal, 1, 1, random).position();
    CountDownLatch hold = new CountDownLatch(1);
    CountDownLatch begun = new CountDownLatch(1);
    files.fault(
        (call, path) -> {
          if (call == Call.SYNC) {
            begun.countDown();
            FaultyFiles.await(hold);
            throw FaultyFiles.failure(Kind.IO, call, path);
          }
        });
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      Future<?> one = threads.submit(() -> syncTo(journal, first));
      FaultyFiles.await(begun);
      long second = append(journal, 2, 1, random).position();
      Future<?> two = threads.submit(() -> syncTo(journal, second));
      hold.countDown();
      assertThatThrownBy(one::get).rootCause().hasMessageContaining("made to fail");
      assertThatThrownBy(two::get).rootCause().hasMessageContaining("made to fail");
    }
    journal.close();
  }

  @Test
  void noSpace_leavesTheLogUsable() throws Exception {
    Journal journal = open();
    Random random = new Random(9);
    append(journal, 1, 1, random);
    // A record of which a part was written, as a full disk does it.
    Path path = directory.resolve("000000000000.log");
    long end = Files.size(path);
    files.fault(
        (call, p) -> {
          if (call == Call.WRITE) {
            byte[] torn = Arrays.copyOf(Files.readAllBytes(path), (int) end + 3000);
            System.arraycopy(torn, SegmentHeader.BYTES, torn, (int) Journal.align(end), 2000);
            Files.write(path, torn);
            throw FaultyFiles.failure(Kind.NO_SPACE, call, p);
          }
        });
    assertThatThrownBy(() -> append(journal, 1, 2, random))
        .isInstanceOfSatisfying(
            StorageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.NO_SPACE));
    files.heal();
    long position = append(journal, 1, 3, random).position();
    journal.sync(position);
    journal.close();
    assertThat(recovered()).isEqualTo(written);
    Files.delete(directory.resolve("000000000001.log"));
    written.removeLast();
    assertThat(recovered()).as("with the torn record").isEqualTo(written);
  }

  @Test
  void aRecordThatFoundNoSpace_hidesNoneThatCameAfterASync() throws Exception {
    Journal journal = open();
    Random random = new Random(9);
    long other = append(journal, 2, 1, random).position();
    files.shortWrites();
    files.failNth(1, Kind.NO_SPACE, p -> true, Call.WRITE);
    assertThatThrownBy(() -> append(journal, 1, 2, random)).isInstanceOf(StorageException.class);
    files.heal();
    journal.sync(other);
    for (int sequence = 3; sequence < 9; sequence++) {
      append(journal, 1, sequence, random);
    }
    journal.close();
    assertThat(recovered()).isEqualTo(written);
    assertThat(missing).isEmpty();
  }

  @Test
  void aTornRecord_doesNotComeBackWithASecondPowerCut() throws Exception {
    Random random = new Random(5);
    Journal journal = open();
    journal.sync(append(journal, 1, 1, random).position());
    append(journal, 1, 2, random);
    journal.close();
    Path first = directory.resolve("000000000000.log");
    byte[] bytes = Files.readAllBytes(first);
    bytes[bytes.length - Journal.RECORD_ALIGNMENT - 1] ^= 1;
    Files.write(first, bytes);
    written.removeLast();
    lastSequences.put(1L, 1L);
    journal = open();
    append(journal, 1, 3, random);
    append(journal, 1, 4, random);
    journal.close();
    Path second = directory.resolve("000000000001.log");
    bytes = Files.readAllBytes(second);
    Arrays.fill(bytes, 0, SegmentHeader.BYTES, (byte) 0);
    Files.write(second, bytes);
    assertThat(recovered()).isEqualTo(written);
    assertThat(missing).isEmpty();
  }

  @Test
  void noSpaceForASegment_leavesNoFile_andTheNextAppendTriesAgain() throws Exception {
    for (Call call : List.of(Call.CREATE, Call.WRITE, Call.SYNC_DIRECTORY)) {
      Journal journal = open();
      int before = files.list(directory).size();
      files.failNth(1, Kind.NO_SPACE, p -> true, call);
      assertThatThrownBy(() -> append(journal, 1, 1, new Random(1))).as("%s", call).isNotNull();
      assertThat(files.list(directory)).as("%s", call).hasSize(before);
      append(journal, 1, 2, new Random(1));
      journal.close();
      assertThat(recovered()).as("%s", call).isEqualTo(written);
    }
  }

  @Test
  void segmentsGo_whenNobodyNeedsThem_andNotBefore() throws Exception {
    Random random = new Random(2);
    for (int i = 0; i < 3; i++) {
      Journal journal = open();
      append(journal, 1, 10 + i, random);
      append(journal, 2, 20 + i, random);
      journal.close();
    }
    Journal journal = open();
    assertThat(files.list(directory)).hasSize(3);
    assertThat(journal.holdingBack(Long.MAX_VALUE, 0)).containsOnly(1L, 2L);
    journal.release(1, Long.MAX_VALUE);
    journal.release(2, 19);
    assertThat(files.list(directory)).hasSize(3);
    journal.release(2, 20);
    assertThat(files.list(directory)).containsOnly("000000000001.log", "000000000002.log");
    assertThat(journal.holdingBack(Long.MAX_VALUE, 0)).as("no more than is allowed").isEmpty();
    append(journal, 1, 30, random);
    journal.release(2, 22);
    assertThat(files.list(directory)).as("the one written to").containsOnly("000000000003.log");
    journal.release(1, 30);
    journal.close();
    assertThat(files.list(directory)).isEmpty();
  }

  @Test
  void aLogMostlyOfBlocksWrittenAgain_isHeldBackByTheVolumesOfItsOldestSegments() throws Exception {
    Random random = new Random(3);
    Journal.Limits large = new Journal.Limits(64 << 20, 1 << 20);
    for (long volume = 1; volume <= 3; volume++) {
      Journal journal = open(large, (log, batch) -> true);
      append(journal, volume, 1, random);
      journal.close();
    }
    Journal journal = open(large, (log, batch) -> true);
    assertThat(journal.holdingBack(0, 0)).containsExactly(1L, 2L, 3L);
    assertThat(journal.holdingBack(0, 1 << 15)).as("all live").isEmpty();
    long before = startBytes(journal);
    assertThat(before).isBetween(3 * 160L, 1000L);
    assertThat(journal.holdingBack(before - 1, 0)).containsExactly(1L);
    append(journal, 4, 1, random);
    assertThat(startBytes(journal)).isGreaterThan(before + 160);
    journal.release(1, 1);
    assertThat(startBytes(journal)).as("the oldest has gone").isLessThan(before + 160);
    journal.close();
  }

  /** Bytes of headers and indexes in the log. */
  private static long startBytes(Journal journal) {
    long bytes = 0;
    while (!journal.holdingBack(bytes, 0).isEmpty()) {
      bytes++;
    }
    return bytes;
  }

  @Test
  void aFileThatCantBeKeptForLater_isDeleted_andTheLogGoesOn() throws Exception {
    Random random = new Random(12);
    Journal journal = open();
    long last = 0;
    while (!files.exists(directory.resolve("000000000002.log"))) {
      append(journal, 1, ++last, random);
    }
    files.fault(
        (call, path) -> {
          if (call == Call.RENAME) {
            throw FaultyFiles.failure(Kind.IO, call, path);
          }
        });
    journal.release(1, last);
    assertThat(directory.resolve("000000000000.log")).doesNotExist();
    assertThat(files.list(directory)).noneMatch(name -> name.endsWith(SegmentFiles.SPARE));
    journal.sync(append(journal, 1, ++last, random).position());
    journal.close();
    assertThat(recovered()).last().isEqualTo(written.getLast());
  }

  @Test
  void batchesThatNoVolumeNeeds_letTheirSegmentGo() throws Exception {
    Journal journal = open();
    append(journal, 1, 1, new Random(1));
    journal.close();
    open((opened, batch) -> false).close();
    assertThat(files.list(directory)).isEmpty();
  }

  @Test
  void aSegmentOfANewerVersion_isRefused_andKept() throws Exception {
    Journal journal = open();
    append(journal, 1, 1, new Random(1));
    journal.close();
    Path path = directory.resolve("000000000000.log");
    byte[] bytes = Files.readAllBytes(path);
    bytes[7] = 3;
    Files.write(path, bytes);
    assertThatThrownBy(this::recovered)
        .isInstanceOfSatisfying(
            StorageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.TOO_NEW))
        .hasMessageContaining(path.toString());
    assertThat(path).exists();
  }

  @Test
  void aSegmentOfTheVersionBefore_isRefused_andKept() throws Exception {
    Files.write(directory.resolve("000000000000.log"), new byte[] {66, 65, 73, 76, 69, 89, 74, 1});
    assertThatThrownBy(this::recovered)
        .isInstanceOfSatisfying(
            StorageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.INVALID))
        .hasMessageContaining("older version");
    assertThat(directory.resolve("000000000000.log")).exists();
  }

  @Test
  void aBatchOfAnotherKey_isDamage() throws Exception {
    Journal journal = open();
    append(journal, 1, 1, new Random(1));
    journal.close();
    List<Throwable> failed = new ArrayList<>();
    open((opened, batch) -> {
          assertThatThrownBy(() -> batch.epoch(new KeyRing())).hasMessageContaining("data key");
          Epoch other = Epoch.begin(DataKey.random());
          try {
            batch.open(other, visitor(opened, other, new StringBuilder()));
          } catch (StorageException e) {
            failed.add(e);
          }
          return true;
        })
        .close();
    assertThat(failed).hasSize(1);
    assertThat(((StorageException) failed.getFirst()).kind()).isEqualTo(Kind.DAMAGED);
    assertThat(failed.getFirst()).hasMessageContaining("offset 64 of");
  }

  /**
   * Three volumes' records, of which the second is 2's; all but the last are known to be synced.
   */
  private byte[] threeRecords(Path path) throws IOException {
    Random random = new Random(5);
    Journal journal = open();
    append(journal, 1, 1, random);
    journal.sync(append(journal, 2, 2, random).position());
    append(journal, 3, 3, random);
    journal.close();
    return Files.readAllBytes(path);
  }

  @Test
  void damageInTheSyncedPart_isSeen_whereverItIs_andTheRestIsStillThere() throws Exception {
    Path path = directory.resolve("000000000000.log");
    byte[] bytes = threeRecords(path);
    int second = SegmentHeader.BYTES;
    second += (int) Journal.align(RecordHeader.intAt(bytes, second + 16));
    int length = RecordHeader.intAt(bytes, second + 16);
    int indexEnd = RecordHeader.BYTES + RecordHeader.intAt(bytes, second + 20) + 16;
    for (int i = 0; i < length; i += i < indexEnd ? 1 : 61) {
      byte[] damaged = bytes.clone();
      damaged[second + i] ^= 1;
      Files.write(path, damaged);
      if (i < RecordHeader.BYTES) {
        assertThat(recovered())
            .as("byte %d", i)
            .containsExactly(written.getFirst(), written.getLast());
        assertThat(missing).as("byte %d", i).hasSize(1);
        assertThat(missing.getFirst().volume()).isEqualTo(2);
        assertThat(missing.getFirst().lastSequence()).isEqualTo(2);
        assertThat(missing.getFirst().where())
            .contains("offset " + second + " of " + path)
            .contains("damaged");
      } else {
        assertThatThrownBy(this::recovered)
            .as("byte %d", i)
            .isInstanceOfSatisfying(
                StorageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.DAMAGED));
      }
    }
  }

  @Test
  void severalMissingRecords_mayHaveBeenAnybodys() throws Exception {
    Path path = directory.resolve("000000000000.log");
    byte[] bytes = threeRecords(path);
    int second = (int) Journal.align(RecordHeader.intAt(bytes, SegmentHeader.BYTES + 16)) + 64;
    Arrays.fill(bytes, SegmentHeader.BYTES, second + 200, (byte) 0);
    Files.write(path, bytes);
    assertThat(recovered()).containsExactly(written.getLast());
    assertThat(missing).extracting(Journal.Missing::volume).containsExactly(0L);
  }

  @Test
  void aHoleOfMebibytes_isSeen_andEachWholeRecordBehindItIsFound() throws Exception {
    int hole = 3 << 20;
    Journal journal = open(new Journal.Limits(64 << 20, 32 << 20), (log, batch) -> true);
    Random random = new Random(11);
    int kept = 0;
    for (int i = 1; kept < 9; i++) {
      Journal.Appended appended = append(journal, 1, i, random);
      kept += SegmentHeader.BYTES + appended.position() > hole ? 1 : 0;
      if (i % 4 == 0) {
        journal.sync(appended.position());
      }
    }
    journal.close();
    Path path = directory.resolve("000000000000.log");
    byte[] bytes = Files.readAllBytes(path);
    Arrays.fill(bytes, SegmentHeader.BYTES, hole, (byte) 0);
    Files.write(path, bytes);
    List<String> found = recovered();
    assertThat(found)
        .hasSize(8)
        .isEqualTo(written.subList(written.size() - found.size(), written.size()));
    assertThat(missing).extracting(Journal.Missing::volume).containsExactly(0L);
  }

  @Test
  void aTornTail_isNoDamage_alsoWhenMoreWasAppendedSince() throws Exception {
    Path path = directory.resolve("000000000000.log");
    byte[] bytes = threeRecords(path);
    Files.write(path, Arrays.copyOf(bytes, bytes.length - 9));
    written.removeLast();
    Journal journal = open();
    lastSequences.remove(3L);
    journal.sync(append(journal, 3, 3, new Random(8)).position());
    append(journal, 1, 4, new Random(9));
    journal.close();
    assertThat(recovered()).isEqualTo(written);
    assertThat(missing).isEmpty();
  }

  @Test
  void aSegmentThatVanishedFromTheEndOfTheLog_staysOut_thoughItsFileComesBack() throws Exception {
    Journal journal = open();
    append(journal, 1, 1, new Random(1));
    journal.close();
    journal = open();
    append(journal, 1, 2, new Random(2));
    journal.close();
    Path last = directory.resolve("000000000001.log");
    byte[] bytes = Files.readAllBytes(last);
    Files.write(last, new byte[bytes.length]);
    written.removeLast();
    journal = open();
    assertThat(last).doesNotExist();
    lastSequences.put(1L, 1L);
    append(journal, 1, 3, new Random(3));
    journal.close();
    Files.write(last, bytes);
    assertThat(recovered()).isEqualTo(written);
    assertThat(last).doesNotExist();
  }

  /** One block that doesn't compress: each such record, synced, takes the same pages. */
  private void appendPage(Journal journal, long sequence, byte[] noise) throws IOException {
    BatchWriter batch = new BatchWriter(1, epoch, sequence - 1, sequence);
    batch.addValue(sequence, noise, 0);
    journal.sync(journal.append(batch).position());
    written.add("1@" + sequence + " value " + sequence + " " + Arrays.hashCode(noise));
  }

  /** Fills the segment that is written to, and begins the next; returns how many records it has. */
  private int fillSegment(Journal journal, long firstSequence, byte[] noise) throws IOException {
    int records = 0;
    long before = lastNumber();
    while (lastNumber() == before || records == 0) {
      appendPage(journal, firstSequence + records++, noise);
      if (before < 0) {
        before = lastNumber();
      }
    }
    return records;
  }

  private long lastNumber() throws IOException {
    // The file that is made beforehand doesn't count: nothing of the log is in it.
    long last = -1;
    for (String name : files.list(directory)) {
      if (name.endsWith(".log")) {
        byte[] head = Files.readAllBytes(directory.resolve(name));
        long number = Long.parseLong(name.substring(0, 12));
        if (head.length >= SegmentHeader.BYTES && head[15] == (byte) number && head[0] == 'B') {
          last = Math.max(last, number);
        }
      }
    }
    return last;
  }

  private List<Long> spareBytes() throws IOException {
    List<Long> bytes = new ArrayList<>();
    for (String name : files.list(directory)) {
      if (name.endsWith(SegmentFiles.SPARE)) {
        bytes.add(Files.size(directory.resolve(name)));
      }
    }
    return bytes;
  }

  @Test
  void aSegmentsFileServesAgain_andWhatItHadBeforeIsNeverTakenForNew(@TempDir Path killed)
      throws Exception {
    byte[] noise = new byte[4096];
    new Random(11).nextBytes(noise);
    Journal journal = open();
    long sequence = 1;
    int most = 0;
    Set<Object> inodes = new HashSet<>();
    for (int segment = 0; segment < 6; segment++) {
      sequence += fillSegment(journal, sequence, noise);
      for (String name : files.list(directory)) {
        inodes.add(Files.getAttribute(directory.resolve(name), "unix:ino"));
      }
      // All but what lies in the segment just begun.
      journal.release(1, sequence - 2);
      most = Math.max(most, spareBytes().size());
    }
    assertThat(most).as("kept for later").isBetween(1, 2);
    assertThat(inodes).as("files used again").hasSizeLessThan(6);
    // As a kill leaves it: behind the last record lies one that the file had before.
    Path segment = directory.resolve("%012d.log".formatted(lastNumber()));
    byte[] bytes = Files.readAllBytes(segment);
    int stale = (int) Journal.nextPage(SegmentHeader.BYTES + 4096 + 250) + 2 * 4096;
    int found = 0;
    for (int at = stale; at + 4 < bytes.length; at += 8) {
      found += RecordHeader.intAt(bytes, at) == RecordHeader.MAGIC ? 1 : 0;
    }
    assertThat(found).as("old records in %s", segment).isPositive();
    for (String name : files.list(directory)) {
      Files.copy(directory.resolve(name), killed.resolve(name));
    }
    journal.close();
    assertThat(files.list(directory)).as("of a record that is needed").hasSize(1);
    List<String> left = new ArrayList<>();
    Journal next = new Journal(files, killed, serials::incrementAndGet, LIMITS);
    next.recover(
        new Journal.Recovery() {
          @Override
          public boolean batch(Batch batch) throws IOException {
            left.add(text(next, batch));
            return true;
          }

          @Override
          public void missing(Journal.Missing one) {
            missing.add(one);
          }
        });
    assertThat(left).isEqualTo(written.subList(written.size() - 1, written.size()));
    assertThat(missing).isEmpty();
    assertThat(files.list(killed)).noneMatch(name -> name.endsWith(SegmentFiles.SPARE));
    next.close();
  }

  @Test
  void aSegmentThatIsRead_isNotWrittenOver() throws Exception {
    byte[] noise = new byte[4096];
    new Random(12).nextBytes(noise);
    Journal journal = open();
    append(journal, 1, 1, new Random(1));
    Segment read = journal.segment(Journal.place(0, 0));
    read.retain();
    byte[] before = new byte[1 << 16];
    fillSegment(journal, 2, noise);
    read.read(0, before, 0, before.length);
    journal.release(1, Long.MAX_VALUE);
    assertThat(spareBytes()).isEmpty();
    fillSegment(journal, 1000, noise);
    byte[] after = new byte[before.length];
    read.read(0, after, 0, after.length);
    assertThat(after).isEqualTo(before);
    read.release();
    journal.close();
    assertThat(files.openFiles()).isZero();
  }

  @Test
  void whileTheLogRests_filesAreFilledForManyVolumes_andNoneIsLeftBehind() throws Exception {
    Journal journal = open();
    for (int volume = 1; volume <= 8; volume++) {
      append(journal, volume, 1, new Random(volume));
    }
    await()
        .untilAsserted(
            () ->
                assertThat(spareBytes())
                    .hasSize((int) (LIMITS.logBytes() / LIMITS.segmentBytes()))
                    .containsOnly(LIMITS.segmentBytes()));
    journal.giveUpSpares();
    // One that is being written goes when that is done.
    await("the disk is full").until(() -> spareBytes().isEmpty());
    journal.close();
    assertThat(files.list(directory)).containsExactly("000000000000.log");
    assertThat(files.openFiles()).isZero();
    assertThat(recovered()).isEqualTo(written);
  }

  @Test
  void onceTheDiskIsNotFullAnyMore_filesAreFilledAgain() throws Exception {
    byte[] noise = new byte[4096];
    new Random(13).nextBytes(noise);
    Journal journal = open();
    journal.giveUpSpares();
    for (int volume = 1; volume <= 8; volume++) {
      append(journal, volume, 1, new Random(volume));
    }
    for (int volume = 2; volume <= 8; volume++) {
      journal.release(volume, 1);
    }
    int all = (int) (LIMITS.logBytes() / LIMITS.segmentBytes());
    files.usableBytes(2 * LIMITS.logBytes() - 1);
    long sequence = 2L + fillSegment(journal, 2, noise);
    journal.release(1, sequence - 2);
    await().during(Duration.ofSeconds(1)).until(() -> spareBytes().size() == 1);
    files.usableBytes(2 * LIMITS.logBytes());
    sequence += fillSegment(journal, sequence, noise);
    journal.release(1, sequence - 2);
    await().until(() -> spareBytes().size() == all);
    journal.close();
  }

  @Test
  void aSyncedPage_isNotWrittenAgain() throws Exception {
    byte[] bytes = threeRecords(directory.resolve("000000000000.log"));
    int first = (int) Journal.align(RecordHeader.intAt(bytes, 64 + 16)) + 64;
    long end = Journal.align(first + RecordHeader.intAt(bytes, first + 16));
    assertThat(
            RecordHeader.parse(
                Arrays.copyOfRange(bytes, (int) Journal.nextPage(end), bytes.length),
                0,
                Journal.nextPage(end)))
        .isNotNull();
  }

  @Test
  void whatWasAppendedAfterTheLastKnownSync_isCopiedAndSynced_andNotWrittenInPlace()
      throws Exception {
    Path path = directory.resolve("000000000000.log");
    byte[] bytes = threeRecords(path);
    files.resetCounts();
    files.failAll(Kind.IO, p -> p.equals(path), Call.WRITE);
    Journal journal = open();
    files.heal();
    assertThat(files.count(Call.SYNC)).isEqualTo(1);
    assertThat(files.bytesWritten()).isEqualTo(bytes.length);
    append(journal, 1, 9, new Random(1));
    journal.close();
    assertThat(Files.readAllBytes(path)).isEqualTo(bytes);
    assertThat(recovered()).isEqualTo(written);
  }

  @Test
  void withoutRoomForACopy_theSegmentIsSyncedAsItIs_andAFailedSyncIsFinal() throws Exception {
    threeRecords(directory.resolve("000000000000.log"));
    files.failAll(Kind.NO_SPACE, p -> p.toString().endsWith(".new"), Call.WRITE);
    Journal journal = open();
    files.heal();
    append(journal, 1, 9, new Random(1));
    journal.close();
    assertThat(recovered()).isEqualTo(written);
    files.failAll(Kind.IO, p -> true, Call.SYNC);
    Journal failed = open();
    files.heal();
    assertThatThrownBy(() -> append(failed, 1, 10, new Random(1)))
        .hasMessageContaining("takes no more");
    assertThat(files.list(directory)).noneMatch(name -> name.endsWith(".new"));
  }

  /** A sync that runs when a segment is full must not be taken for one of the next. */
  @Test
  @SuppressWarnings("ThreadPriorityCheck") // A sync takes a moment, and others get on.
  void manyWhoAppendAndSync_fillEachSegment_andNothingReturnsUnsynced() throws Exception {
    int threads = 8;
    int each = 60;
    byte[] noise = new byte[4096];
    new Random(3).nextBytes(noise);
    Map<Path, Long> written = new ConcurrentHashMap<>();
    Map<Path, Long> synced = new ConcurrentHashMap<>();
    files.fault(
        (call, path) -> {
          if (call == Call.WRITE) {
            written.merge(path, 1L, Long::sum);
          } else if (call == Call.SYNC) {
            synced.put(path, written.getOrDefault(path, 0L));
          }
        });
    Journal journal = open();
    try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      List<Future<?>> running = new ArrayList<>();
      for (int t = 1; t <= threads; t++) {
        long volume = t;
        running.add(
            pool.submit(
                () -> {
                  for (int i = 0; i < each; i++) {
                    BatchWriter batch = new BatchWriter(volume, epoch, i, i + 1);
                    for (int block = 0; block < 8; block++) {
                      batch.addValue(block, noise, 0);
                    }
                    syncTo(journal, journal.append(batch).position());
                  }
                  return volume;
                }));
      }
      for (Future<?> thread : running) {
        thread.get();
      }
    }
    // Each write was before some sync of the same file.
    assertThat(synced).isEqualTo(written);
    journal.close();
    List<String> names = files.list(directory).stream().sorted().toList();
    assertThat(names.size()).isGreaterThan(5);
    for (String name : names.subList(0, names.size() - 1)) {
      assertThat(Files.size(directory.resolve(name)))
          .as(name)
          .isGreaterThanOrEqualTo(LIMITS.segmentBytes());
    }
  }
}
