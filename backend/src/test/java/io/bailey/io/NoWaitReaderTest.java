package io.bailey.io;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

final class NoWaitReaderTest {
  @TempDir Path directory;

  /** Whoever closes a file holds the lock of all files meanwhile. */
  @Test
  @Timeout(60)
  void readersThatGoOnAsking_dontKeepAFileFromBeingClosed() throws Exception {
    Path path = Files.write(directory.resolve("file"), new byte[128 << 10]);
    for (int round = 0; round < 200; round++) {
      NoWaitReader reader = new NoWaitReader(path);
      AtomicBoolean closed = new AtomicBoolean();
      List<Thread> readers = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        readers.add(Thread.ofPlatform().daemon().start(() -> readUntil(reader, closed)));
      }
      while (!reader.tryRead(0, new byte[1], 0, 1)) {
        Thread.onSpinWait();
      }
      reader.close();
      closed.set(true);
      for (Thread thread : readers) {
        thread.join();
      }
    }
  }

  private static void readUntil(NoWaitReader reader, AtomicBoolean closed) {
    byte[] bytes = new byte[128 << 10];
    while (!closed.get()) {
      boolean _ = reader.tryRead(0, bytes, 0, bytes.length);
    }
  }
}
