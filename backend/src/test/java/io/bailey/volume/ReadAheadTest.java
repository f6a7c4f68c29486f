package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

final class ReadAheadTest {
  private static final int READ = 64 << 10;

  @Test
  void aReaderFromFrontToBack_hasEverythingBroughtIn_onceAndBeforeItAsks() {
    ReadAhead ahead = new ReadAhead();
    long start = 5L << 30;
    long brought = 0;
    int prefetches = 0;
    for (long at = start; at < start + (64 << 20); at += READ) {
      if (at >= start + (1 << 20)) {
        assertThat(brought).as("at %d", at - start).isGreaterThanOrEqualTo(at + READ);
      }
      ReadAhead.Range range = ahead.read(at, READ);
      if (!range.isEmpty()) {
        assertThat(brought == 0 || range.offset() == brought).isTrue();
        assertThat(range.offset()).isGreaterThanOrEqualTo(at + READ);
        brought = range.offset() + range.length();
        prefetches++;
      }
      assertThat(brought - at).isLessThanOrEqualTo((2 << 20) + READ);
    }
    assertThat(prefetches).isLessThan(80);
  }

  @Test
  void aReaderThatJumps_hasNothingBroughtIn() {
    ReadAhead ahead = new ReadAhead();
    Random random = new Random(1);
    for (int i = 0; i < 10_000; i++) {
      assertThat(ahead.read(random.nextLong(1 << 20) * 8192, 4096).isEmpty()).isTrue();
    }
  }
}
