package io.bailey.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class DemoHostTest {
  private static final long WRITE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  @Test
  void the_directory_goes_though_somebody_still_writes_into_it() throws Exception {
    CountDownLatch writing = new CountDownLatch(1);
    Thread writer;
    Path directory;
    try (DemoHost host = new DemoHost()) {
      directory = host.directory();
      writer = Thread.ofPlatform().start(() -> write(directory, writing));
      writing.await();
    }
    writer.join();
    assertThat(directory).doesNotExist();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void a_daemon_that_fails_to_stop_may_have_left_something(int code) throws Exception {
    String script = "trap 'exit " + code + "' TERM; echo ready x; while :; do sleep 0.01; done";
    DemoHost host = new DemoHost(List.of("bash", "-c", script));
    try (host) {
      assertThat(host.startDaemon()).isNotNull();
    }
    assertThat(host.isClean()).isEqualTo(code == 0);
    assertThat(host.directory()).doesNotExist();
  }

  private static void write(Path directory, CountDownLatch writing) {
    long end = System.nanoTime() + WRITE_NANOS;
    try {
      while (System.nanoTime() - end < 0) {
        Files.createTempFile(directory, "part", "");
        writing.countDown();
      }
    } catch (IOException e) {
      // The directory is gone.
    }
  }
}
