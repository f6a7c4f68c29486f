package io.bailey.crypto;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

final class EpochTest {
  @Test
  void counters_neverComeTwice_whateverThreadsTakeThem() throws Exception {
    Epoch epoch = Epoch.begin(DataKey.random());
    Set<Long> seen = new HashSet<>();
    Callable<List<Long>> taker =
        () -> {
          List<Long> taken = new ArrayList<>();
          for (int i = 0; i < 20_000; i++) {
            taken.add(epoch.nextCounter());
          }
          return taken;
        };
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      for (Future<List<Long>> taken : threads.invokeAll(List.of(taker, taker, taker, taker))) {
        seen.addAll(taken.get());
      }
    }
    assertThat(seen).hasSize(80_000);
  }

  @Test
  void everyOpening_hasASaltOfItsOwn() {
    DataKey key = DataKey.random();
    Set<List<Byte>> salts = new HashSet<>();
    for (int i = 0; i < 100; i++) {
      List<Byte> salt = new ArrayList<>();
      for (byte b : Epoch.begin(key).salt()) {
        salt.add(b);
      }
      salts.add(salt);
    }
    assertThat(salts).hasSize(100).allMatch(salt -> salt.size() == 32);
  }
}
