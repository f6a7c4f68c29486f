package io.bailey.journal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class JournalTest {
  private final FaultyFiles files = new FaultyFiles();
  private final DataKey key = DataKey.random();
  private final Epoch epoch = Epoch.begin(key);
  private final KeyRing keys = new KeyRing();

  /** What was appended, one line a batch. */
  private final List<String> written = new ArrayList<>();

  @TempDir Path directory;

  @BeforeEach
  void keys() {
    keys.add(key);
  }

  private Journal open() throws IOException {
    Journal journal = new Journal(files, directory);
    journal.recover(batch -> true);
    return journal;
  }

  private Journal.Appended append(Journal journal, long volume, long sequence, Random random)
      throws IOException {
    BatchWriter batch = new BatchWriter(volume, epoch);
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
    Journal.Appended appended = journal.append(volume, batch, sequence);
    written.add(text.toString());
    return appended;
  }

  private List<String> recovered() throws IOException {
    List<String> found = new ArrayList<>();
    new Journal(files, directory)
        .recover(
            batch -> {
              found.add(text(batch));
              return true;
            });
    return found;
  }

  private String text(Batch batch) throws IOException {
    StringBuilder text = new StringBuilder(batch.volume() + "@" + batch.lastSequence());
    batch.open(
        keys,
        new Batch.Visitor() {
          @Override
          public void value(long sequence, long block, byte[] bytes) {
            text.append(" value ").append(block).append(' ').append(Arrays.hashCode(bytes));
          }

          @Override
          public void zeros(long sequence, long block, long blocks) {
            text.append(" zeros ").append(block).append('+').append(blocks);
          }
        });
    return text.toString();
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
    int before = (int) Files.size(path);
    byte[] block = new byte[4096];
    random.nextBytes(block);
    BatchWriter last = new BatchWriter(1, epoch);
    last.addValue(9, Arrays.copyOf(Arrays.copyOf(block, 300), 4096), 0);
    journal.append(1, last, 3);
    journal.close();
    byte[] bytes = Files.readAllBytes(path);
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
            System.arraycopy(torn, 16, torn, (int) end, 2000);
            Files.write(path, torn);
            throw FaultyFiles.failure(Kind.NO_SPACE, call, p);
          }
        });
    assertThatThrownBy(() -> append(journal, 1, 2, random))
        .isInstanceOfSatisfying(
            StorageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.NO_SPACE));
    files.heal();
    assertThat(recovered()).as("after the torn record").isEqualTo(written);
    long position = append(journal, 1, 3, random).position();
    journal.sync(position);
    journal.close();
    assertThat(recovered()).isEqualTo(written);
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
    assertThat(journal.holdingBack(1)).containsOnly(1L, 2L);
    assertThat(journal.holdingBack(3)).isEmpty();
    journal.release(1, Long.MAX_VALUE);
    journal.release(2, 19);
    assertThat(files.list(directory)).hasSize(3);
    journal.release(2, 20);
    assertThat(files.list(directory)).containsOnly("000000000001.log", "000000000002.log");
    assertThat(journal.holdingBack(1)).containsExactly(2L);
    append(journal, 1, 30, random);
    journal.release(2, 22);
    assertThat(files.list(directory)).as("the one written to").containsOnly("000000000003.log");
    journal.release(1, 30);
    journal.close();
    assertThat(files.list(directory)).isEmpty();
  }

  @Test
  void batchesThatNoVolumeNeeds_letTheirSegmentGo() throws Exception {
    Journal journal = open();
    append(journal, 1, 1, new Random(1));
    journal.close();
    new Journal(files, directory).recover(batch -> false);
    assertThat(files.list(directory)).isEmpty();
  }

  @Test
  void aSegmentOfANewerVersion_isRefused_andKept() throws Exception {
    Journal journal = open();
    append(journal, 1, 1, new Random(1));
    journal.close();
    Path path = directory.resolve("000000000000.log");
    byte[] bytes = Files.readAllBytes(path);
    bytes[7] = 2;
    Files.write(path, bytes);
    assertThatThrownBy(this::recovered)
        .isInstanceOfSatisfying(
            StorageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.TOO_NEW))
        .hasMessageContaining(path.toString());
    assertThat(path).exists();
  }

  @Test
  void aBatchOfAnotherKey_orWithADamagedValue_isDamage_andNamesItsPlace() throws Exception {
    Journal journal = open();
    append(journal, 1, 1, new Random(1));
    journal.close();
    List<Batch> batches = new ArrayList<>();
    new Journal(files, directory).recover(batches::add);
    Batch.Visitor nobody =
        new Batch.Visitor() {
          @Override
          public void value(long sequence, long block, byte[] bytes) {}

          @Override
          public void zeros(long sequence, long block, long blocks) {}
        };
    assertThatThrownBy(() -> batches.getFirst().open(new KeyRing(), nobody))
        .hasMessageContaining("data key");
    byte[] bytes = Files.readAllBytes(directory.resolve("000000000000.log"));
    byte[] record = Arrays.copyOfRange(bytes, 16, bytes.length);
    for (int i = 20; i < record.length; i += i < 600 ? 1 : 61) {
      byte[] damaged = record.clone();
      damaged[i] ^= 1;
      Batch batch = new Batch("record at offset 16 of the log", damaged);
      assertThatThrownBy(() -> batch.open(keys, nobody))
          .as("byte %d", i)
          .isInstanceOfSatisfying(
              StorageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.DAMAGED));
    }
  }
}
