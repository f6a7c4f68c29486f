package io.bailey.crypto;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** That no pair of key and nonce seals twice. {@code -Dbailey.seed} chooses what happens. */
final class NonceHistoryTest {
  private static final int SEALS = 10_000_000;

  /** What a volume's root says of its key; a copy of it is a backup, a fork of it has another. */
  private record Stored(DataKey.Id id, byte[] wrapped) {}

  /** Pairs of key and counter, as 64 bits each; of ten million, two agree by chance in 400,000. */
  private static final class Pairs {
    private final long[] table = new long[1 << 25];
    private int size;

    boolean add(Epoch epoch, long counter) {
      long key = ByteBuffer.wrap(epoch.key().getEncoded()).getLong();
      long pair = mix(key ^ mix(counter + 1)) | 1;
      int at = (int) (pair >>> 39) & (table.length - 1);
      while (table[at] != 0) {
        if (table[at] == pair) {
          return false;
        }
        at = (at + 1) & (table.length - 1);
      }
      table[at] = pair;
      size++;
      return true;
    }

    private static long mix(long value) {
      long mixed = (value ^ (value >>> 32)) * 0x9E3779B97F4A7C15L;
      mixed = (mixed ^ (mixed >>> 29)) * 0xBF58476D1CE4E5B9L;
      return mixed ^ (mixed >>> 32);
    }
  }

  private final KeyWrap wrap = KeyWrap.random();
  private final Aead aead = new Aead();
  private final byte[] out = new byte[1 + Aead.TAG_BYTES];
  private final Pairs pairs = new Pairs();

  private Stored create() {
    DataKey key = DataKey.random();
    return new Stored(key.id(), wrap.wrap(key));
  }

  /** As whoever opens a volume does, in this process or another. */
  private Epoch open(Stored stored) throws Exception {
    return Epoch.begin(wrap.unwrap(stored.id(), stored.wrapped(), "a root"));
  }

  private void seal(Epoch epoch, String what) {
    long counter = epoch.nextCounter();
    try {
      aead.seal(epoch, counter, out, 0, 1, new byte[1 + Aead.TAG_BYTES], 0);
    } catch (AssertionError e) {
      throw new AssertionError(what, e);
    }
    assertThat(pairs.add(epoch, counter)).as(what).isTrue();
  }

  @Tag("slow")
  @Test
  void tenMillionSeals_acrossCrashesForksRollbacksAndTwoProcesses_useNoPairTwice()
      throws Exception {
    long seed = Long.getLong("bailey.seed", System.nanoTime());
    Random random = new Random(seed);
    List<Stored> volumes = new ArrayList<>();
    List<Stored> backups = new ArrayList<>();
    // Several are open on one key at a time: that is what two processes on one store would be.
    List<Epoch> open = new ArrayList<>();
    for (int step = 0; pairs.size < SEALS; step++) {
      String what = "step " + step + " of -Dbailey.seed=" + seed;
      int kind = random.nextInt(20);
      if (volumes.isEmpty() || kind == 0) {
        volumes.add(create());
      }
      Stored volume = volumes.get(random.nextInt(volumes.size()));
      switch (kind) {
        case 1, 2 -> open.add(open(volume));
        // A crash: what was counted is forgotten, the stored key opens again.
        case 3 -> open.clear();
        case 4 -> backups.add(volume);
        // A rollback: the backup is opened beside, or instead of, what went on from it.
        case 5 ->
            volumes.add(backups.isEmpty() ? volume : backups.get(random.nextInt(backups.size())));
        // A root: an epoch of its own for one seal.
        case 6 -> seal(open(volume), what);
        default -> {
          if (open.isEmpty()) {
            open.add(open(volume));
          }
          Epoch epoch = open.get(random.nextInt(open.size()));
          for (int i = random.nextInt(4000); i > 0; i--) {
            seal(epoch, what);
          }
        }
      }
      while (open.size() > 50) {
        open.removeFirst();
      }
    }
    assertThat(pairs.size).isGreaterThanOrEqualTo(SEALS);
  }

  /** So every test that seals anything looks for it, as far as one epoch goes. */
  @Test
  void aCounterThatSealsTwice_isAnErrorWhereAssertionsAreOn() {
    Epoch epoch = Epoch.begin(DataKey.random());
    seal(epoch, "first");
    assertThatThrownBy(() -> aead.seal(epoch, 0, out, 0, 1, new byte[17], 0))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("counter 0");
    seal(epoch, "the next");
    assertThat(pairs.add(epoch, 0)).isFalse();
  }
}
