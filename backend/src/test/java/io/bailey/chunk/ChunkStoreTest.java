package io.bailey.chunk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.io.FaultyFiles;
import io.bailey.io.FaultyFiles.Call;
import io.bailey.io.FaultyFiles.Transfer;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ChunkStoreTest {
  private final FaultyFiles files = new FaultyFiles();

  @TempDir Path directory;

  private ChunkStore store;

  @BeforeEach
  void open() throws IOException {
    store = new ChunkStore(files, directory, 4);
  }

  private Chunk write(byte[] content) throws IOException {
    try (ChunkOutput out = store.newOutput(ChunkKind.VALUES)) {
      out.write(content, 0, content.length);
      return out.finish();
    }
  }

  private static byte[] content(long seed) {
    byte[] bytes = new byte[3000];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private static byte[] read(Chunk chunk) throws IOException {
    byte[] read = new byte[(int) chunk.size() - ChunkKind.HEADER_BYTES];
    chunk.read(ChunkKind.HEADER_BYTES, read, 0, read.length);
    return read;
  }

  @Test
  void aChunk_isNamedByItsContent_howeverItWasWritten() throws Exception {
    for (long seed = 1; seed <= 8; seed++) {
      Random random = new Random(seed);
      byte[] content = new byte[random.nextInt(3 << 20)];
      random.nextBytes(content);
      Chunk chunk;
      try (ChunkOutput out = store.newOutput(ChunkKind.VALUES)) {
        for (int at = 0; at < content.length; ) {
          int n = Math.min(content.length - at, 1 + random.nextInt(1 << random.nextInt(22)));
          assertThat(out.size()).isEqualTo(ChunkKind.HEADER_BYTES + at);
          out.write(content, at, n);
          at += n;
        }
        chunk = out.finish();
      }
      byte[] file = Files.readAllBytes(directory.resolve(chunk.id().toString()));
      assertThat(Arrays.copyOfRange(file, 8, file.length)).as("seed %d", seed).isEqualTo(content);
      assertThat(HexFormat.of().formatHex(ChunkId.sha256().digest(file)))
          .as("seed %d", seed)
          .isEqualTo(chunk.id().toString());
      assertThat(chunk.size()).isEqualTo(file.length);
    }
  }

  @Test
  void aChunk_isWrittenAMebibyteAtATime_inWhateverPiecesItComes() throws Exception {
    files.recordTransfers();
    try (ChunkOutput out = store.newOutput(ChunkKind.VALUES)) {
      for (int i = 0; i < 400; i++) {
        out.write(new byte[3001], 0, 3001);
      }
      out.write(new byte[5 << 19], 0, 5 << 19);
      Chunk _ = out.finish();
    }
    int last = ChunkKind.HEADER_BYTES + 400 * 3001 + (5 << 19) - (3 << 20);
    assertThat(files.transfers())
        .extracting(Transfer::length)
        .containsExactly(1 << 20, 1 << 20, 1 << 20, last);
  }

  @Test
  void theSameContent_isOneFile_thatGoesWithItsLastReference() throws Exception {
    Chunk one = write(content(1));
    Chunk same = write(content(1));
    assertThat(same).isSameAs(one);
    assertThat(store.acquire(ChunkKind.VALUES, one.id(), one.size())).isSameAs(one);
    store.retain(one);
    assertThat(files.list(directory)).containsExactly(one.id().toString());
    for (int i = 0; i < 3; i++) {
      store.release(one);
      assertThat(read(one)).isEqualTo(content(1));
    }
    store.release(one);
    assertThat(files.list(directory)).isEmpty();
    Chunk again = write(content(1));
    assertThat(again.serial()).as("the cache's key").isNotEqualTo(one.serial());
    assertThat(read(again)).isEqualTo(content(1));
  }

  @Test
  void unfinishedFiles_goWhenClosed_andAtTheNextOpening() throws Exception {
    try (ChunkOutput out = store.newOutput(ChunkKind.TREE)) {
      out.write(content(1), 0, 3000);
    }
    assertThat(files.list(directory)).isEmpty();
    ChunkOutput left = store.newOutput(ChunkKind.TREE);
    left.write(content(1), 0, 3000);
    Chunk finished = write(content(2));
    assertThat(files.list(directory)).hasSize(2);
    open();
    assertThat(files.list(directory)).containsExactly(finished.id().toString());
  }

  @Test
  void moreChunksThanMayBeOpen_areReadByManyThreads() throws Exception {
    List<Chunk> chunks = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      chunks.add(write(content(i)));
    }
    List<Callable<Void>> readers = new ArrayList<>();
    for (int r = 0; r < 4; r++) {
      Random random = new Random(r);
      readers.add(
          () -> {
            for (int n = 0; n < 1000; n++) {
              int i = random.nextInt(chunks.size());
              assertThat(read(chunks.get(i))).as("chunk %d", i).isEqualTo(content(i));
              if (n % 100 == 0) {
                store.sync(List.of(chunks.get(i)));
              }
            }
            return null;
          });
    }
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      for (Future<Void> reader : threads.invokeAll(readers)) {
        reader.get();
      }
    }
    assertThat(files.openFiles()).as("open files").isLessThanOrEqualTo(4);
  }

  @Test
  void aChunkClosedForTheLimit_isStillSynced() throws Exception {
    Chunk victim = write(content(100));
    boolean[] evicted = new boolean[1];
    files.fault(
        (call, path) -> {
          if (call == Call.SYNC && !evicted[0]) {
            evicted[0] = true;
            for (int i = 0; i < 5; i++) {
              write(content(i));
            }
          }
        });
    store.sync(List.of(victim));
    assertThat(evicted[0]).isTrue();
  }

  @Test
  void onlyUnreferencedFiles_areRemoved() throws Exception {
    Chunk garbage = write(content(1));
    Chunk kept = write(content(2));
    Chunk elsewhere = write(content(3));
    ChunkStore fresh = new ChunkStore(files, directory, 4);
    fresh.acquire(ChunkKind.VALUES, kept.id(), kept.size());
    ChunkOutput unfinished = fresh.newOutput(ChunkKind.TREE);
    assertThat(fresh.removeUnreferenced(Set.of(elsewhere.id()))).isEqualTo(1);
    assertThat(directory.resolve(garbage.id().toString())).doesNotExist();
    unfinished.finish();
    assertThat(files.list(directory)).hasSize(3);
  }

  @Test
  void whatHasNoNameOfTheStores_isLeftAlone() throws Exception {
    Chunk garbage = write(content(1));
    List<Path> foreign = new ArrayList<>();
    for (String name :
        List.of("notes", "x.tmp", garbage.id() + ".bak", "A".repeat(64), "lost+found")) {
      foreign.add(Files.createFile(directory.resolve(name)));
    }
    Path unfinished = Files.createFile(directory.resolve("17.tmp"));
    ChunkStore fresh = new ChunkStore(files, directory, 4);
    assertThat(unfinished).doesNotExist();
    assertThat(fresh.unreferenced()).containsExactly(garbage.id().toString());
    assertThat(fresh.removeUnreferenced(Set.of())).isEqualTo(1);
    assertThat(foreign).allSatisfy(path -> assertThat(path).exists());
  }

  @Test
  void aDirectoryOrALoopInItsPlace_isDamage() throws Exception {
    Chunk chunk = write(content(1));
    Path path = directory.resolve(chunk.id().toString());
    Files.delete(path);
    Files.createDirectory(path);
    fails(Kind.DAMAGED, path, () -> reopened(chunk));
    Files.delete(path);
    Files.createSymbolicLink(path, path);
    fails(Kind.DAMAGED, path, () -> reopened(chunk));
    Files.delete(path);
  }

  @Test
  void damagedFiles_areNamed() throws Exception {
    Chunk chunk = write(content(1));
    Path path = directory.resolve(chunk.id().toString());
    byte[] bytes = Files.readAllBytes(path);

    damage(path, bytes, 0, 'X');
    fails(Kind.DAMAGED, path, () -> reopened(chunk));
    damage(path, bytes, 6, 'T');
    fails(Kind.DAMAGED, path, () -> reopened(chunk));
    damage(path, bytes, 7, 2);
    fails(Kind.TOO_NEW, path, () -> reopened(chunk));
    damage(path, bytes, 7, 0);
    fails(Kind.DAMAGED, path, () -> reopened(chunk));
    Files.write(path, Arrays.copyOf(bytes, 2999));
    fails(Kind.DAMAGED, path, () -> reopened(chunk));
    Files.write(path, new byte[0]);
    fails(Kind.DAMAGED, path, () -> reopened(chunk));
    Files.delete(path);
    fails(Kind.DAMAGED, path, () -> reopened(chunk));
    fails(Kind.DAMAGED, path, () -> chunk.read(chunk.size() - 5, new byte[6], 0, 6));
    fails(Kind.DAMAGED, path, () -> chunk.read(-1, new byte[6], 0, 6));
    fails(Kind.DAMAGED, path, () -> chunk.read(Long.MAX_VALUE, new byte[6], 0, 6));
  }

  @Test
  void aFreshChunk_failsUnderTheNameThatItHas_notUnderItsTemporaryOne() throws Exception {
    Chunk chunk = write(content(1));
    Path path = directory.resolve(chunk.id().toString());
    Files.write(path, new byte[2000]);
    fails(Kind.DAMAGED, path, () -> read(chunk));
  }

  private void reopened(Chunk chunk) throws IOException {
    read(new ChunkStore(files, directory, 4).acquire(ChunkKind.VALUES, chunk.id(), chunk.size()));
  }

  private static void damage(Path path, byte[] bytes, int at, int value) throws IOException {
    byte[] damaged = bytes.clone();
    damaged[at] = (byte) value;
    Files.write(path, damaged);
  }

  private static void fails(Kind kind, Path path, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(StorageException.class, e -> assertThat(e.kind()).isEqualTo(kind))
        .hasMessageContaining(path.toString());
  }

  @Test
  void aFailureAtAnyCall_leavesNoFileAndTheStoreUsable() throws Exception {
    for (Call call : List.of(Call.CREATE, Call.WRITE, Call.RENAME)) {
      files.failNth(1, Kind.NO_SPACE, p -> true, call);
      assertThatThrownBy(() -> write(content(1))).as("%s", call).hasMessageContaining("" + call);
      assertThat(files.list(directory)).as("%s", call).isEmpty();
    }
    assertThat(read(write(content(1)))).isEqualTo(content(1));
  }

  @Test
  void serialsThatNobodyWillAskFor_areTold() throws Exception {
    List<Long> gone = new ArrayList<>();
    store.tellGone(gone::add);
    Chunk one = write(content(1));
    Chunk same = write(content(1));
    assertThat(same).isSameAs(one);
    store.release(one);
    assertThat(gone).isEmpty();
    store.release(one);
    assertThat(gone).containsExactly(one.serial());
  }
}
