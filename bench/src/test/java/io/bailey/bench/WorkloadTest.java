package io.bailey.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.bailey.crypto.Codec;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

/** The published test is only comparable if addresses and data are exactly its own. */
final class WorkloadTest {
  private static final Workload PUBLISHED = new Workload(16L << 30, 100_000, 1);

  @Test
  void blockOfTheTestPacksTo538Bytes() {
    Codec codec = Codec.borrow();
    byte[] block = new byte[Pattern.BLOCK_BYTES];
    Workload.Requests requests = PUBLISHED.requests(0);
    long packed = 0;
    int blocks = 20_000;
    for (int i = 0; i < blocks; i++) {
      requests.next();
      Pattern.fill(requests.block(), 1, block, 0);
      packed += codec.compress(block, 0, block.length);
    }
    assertThat((double) packed / blocks).isCloseTo(Pattern.PACKED_BLOCK_BYTES, within(0.5));
  }

  @Test
  void sectorHasItsSequenceAfterItsNumberAndVersion() {
    byte[] block = new byte[Pattern.BLOCK_BYTES];
    Pattern.fill(100, 3, block, 0);
    ByteBuffer bytes = ByteBuffer.wrap(block).order(ByteOrder.LITTLE_ENDIAN);
    for (int sector = 0; sector < 8; sector++) {
      long s = (800L + sector) ^ 3351;
      int m = 1 + (int) (s % 800);
      int at = sector * 512;
      assertThat(bytes.getLong(at)).isEqualTo(s);
      for (int i = 2; i < 128; i++) {
        assertThat(bytes.getInt(at + 4 * i)).isEqualTo(i % m);
      }
    }
  }

  @Test
  void everyWrongByteIsFound() {
    byte[] block = new byte[Pattern.BLOCK_BYTES];
    Pattern pattern = new Pattern();
    Pattern.fill(7, 2, block, 0);
    assertThat(pattern.mismatch(7, 2, block, 0)).isEqualTo(-1);
    assertThat(pattern.mismatch(7, 1, block, 0)).isNotEqualTo(-1);
    for (int i : new int[] {0, 511, 512, 2000, 4095}) {
      block[i] ^= 1;
      assertThat(pattern.mismatch(7, 2, block, 0)).isEqualTo(i);
      block[i] ^= 1;
    }
  }

  @Test
  void requestsAreOneToFourBlocksAllOverTheDisk() {
    Workload.Requests requests = PUBLISHED.requests(0);
    int[] lengths = new int[5];
    int[] quarters = new int[4];
    long end = 0;
    for (int i = 0; i < 100_000; i++) {
      requests.next();
      lengths[requests.blocks()]++;
      quarters[(int) (requests.block() >> 20)]++;
      end = Math.max(end, requests.block() + requests.blocks());
    }
    assertThat(lengths[0]).isZero();
    for (int i = 0; i < 4; i++) {
      assertThat(lengths[i + 1]).isCloseTo(25_000, within(1_000));
      assertThat(quarters[i]).isCloseTo(25_000, within(1_000));
    }
    assertThat(end).isLessThanOrEqualTo(4L << 20).isGreaterThan((4L << 20) - 1000);
  }

  @Test
  void addressesFollowFromSeedAndRound() {
    assertThat(first(PUBLISHED, 3)).isEqualTo(first(PUBLISHED, 3));
    assertThat(first(PUBLISHED, 3)).isNotEqualTo(first(PUBLISHED, 4));
    assertThat(first(PUBLISHED, 3)).isNotEqualTo(first(new Workload(16L << 30, 100_000, 2), 3));
  }

  private static long first(Workload workload, int round) {
    Workload.Requests requests = workload.requests(round);
    requests.next();
    return requests.block();
  }
}
