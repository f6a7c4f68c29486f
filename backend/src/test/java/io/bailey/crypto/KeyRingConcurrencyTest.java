package io.bailey.crypto;

import io.bailey.io.StorageException;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.junit.jupiter.api.Test;

/** Roots that bring the same keys and drop them, on several threads. */
@Param(name = "key", gen = IntGen.class, conf = "0:1")
public final class KeyRingConcurrencyTest {
  private static final DataKey[] KEYS = {key(0), key(1)};

  private final KeyRing ring = new KeyRing();

  private static DataKey key(int n) {
    byte[] id = new byte[DataKey.ID_BYTES];
    id[0] = (byte) n;
    return new DataKey(new DataKey.Id(id), new byte[DataKey.SECRET_BYTES]);
  }

  @Operation
  public void add(@Param(name = "key") int key) {
    ring.add(KEYS[key]);
  }

  @Operation
  public void release(@Param(name = "key") int key) {
    ring.release(KEYS[key].id());
  }

  @Operation
  public boolean retain(@Param(name = "key") int key) {
    try {
      ring.retain(KEYS[key].id());
      return true;
    } catch (StorageException e) {
      return false;
    }
  }

  @Operation
  public boolean knows(@Param(name = "key") int key) {
    try {
      return ring.get(KEYS[key].id()) == KEYS[key];
    } catch (StorageException e) {
      return false;
    }
  }

  @Test
  void keysComeAndGo_asIfOneByOne() {
    new ModelCheckingOptions()
        .iterations(8)
        .invocationsPerIteration(150)
        .threads(2)
        .actorsPerThread(3)
        .check(KeyRingConcurrencyTest.class);
  }
}
