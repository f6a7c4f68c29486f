package io.bailey.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

final class AheadThreadTest {
  @Test
  void whereNoThreadCanBeStarted_whoAsksDoesTheWork_andTheNextTimeAThreadDoes() {
    AtomicBoolean none = new AtomicBoolean(true);
    Executor ahead =
        AheadThread.of(
            task -> {
              if (none.get()) {
                throw new OutOfMemoryError("unable to create native thread");
              }
              return new Thread(task);
            });
    List<Thread> at = new CopyOnWriteArrayList<>();
    ahead.execute(() -> at.add(Thread.currentThread()));
    assertThat(at).containsExactly(Thread.currentThread());

    none.set(false);
    ahead.execute(() -> at.add(Thread.currentThread()));
    await().until(() -> at.size() == 2);
    assertThat(at.getLast()).isNotSameAs(Thread.currentThread());
  }
}
