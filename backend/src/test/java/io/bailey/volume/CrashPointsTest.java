package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.io.QuietLog;
import io.bailey.io.SimulatedHost;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * One long workload that ends before and after every one of its mutating calls, in four ways; and
 * of one of these each recovery ends at every one of its own.
 */
@Tag("slow")
final class CrashPointsTest {
  private static final int CALLS = Integer.getInteger("bailey.crash.calls", 1000);
  private static final long SEED = Long.getLong("bailey.crash.seed", 1);

  private enum End {
    KILLED,
    CUT_LOSING_ALL,
    CUT_LOSING_NOTHING,
    CUT
  }

  private record Moment(String what, SimulatedHost.State state) {}

  /** The machine of an end, and that of an end of its recovery. */
  private record Machines(SimulatedHost next, SimulatedHost last) {}

  private static final int THREADS = Runtime.getRuntime().availableProcessors();

  private final BlockingQueue<Machines> free = new ArrayBlockingQueue<>(THREADS);
  private final ExecutorService threads = Executors.newFixedThreadPool(THREADS);
  private final AtomicReference<AssertionError> failure = new AtomicReference<>();
  private final AtomicInteger endsOfRecoveries = new AtomicInteger();
  private final Random seeds = new Random(SEED);
  private int calls;
  private int ends;

  @Test
  void nothingFlushedIsLost_whateverCallIsTheLast_andWhateverOneOfTheRecovery() throws Exception {
    try (QuietLog _ = new QuietLog();
        threads;
        SimulatedHost host = new SimulatedHost();
        Workload workload = new Workload(host, SEED)) {
      for (int i = 0; i < THREADS; i++) {
        free.add(new Machines(new SimulatedHost(), new SimulatedHost()));
      }
      Workload.observe(
          host,
          what -> {
            calls++;
            end(what, host, workload);
          });
      for (int step = 0; calls < CALLS; step++) {
        workload.step();
        end("after step " + step, host, workload);
      }
    } finally {
      for (Machines machines : free) {
        machines.next.close();
        machines.last.close();
      }
    }
    throwFailure();
    System.out.printf(
        "workload %d: %d calls, %d ends, %d ends of recoveries%n",
        SEED, calls, ends, endsOfRecoveries.get());
    assertThat(endsOfRecoveries.get()).isGreaterThan(CALLS);
  }

  private void throwFailure() {
    AssertionError first = failure.get();
    if (first != null) {
      throw first;
    }
  }

  private void end(String what, SimulatedHost host, Workload workload) throws IOException {
    throwFailure();
    SimulatedHost.State state = host.state();
    StoreModel.Left left = workload.model.left();
    End[] all = End.values();
    for (End end : all) {
      String where = "workload %d, call %d, %s, %s".formatted(SEED, calls, what, end);
      Random random = new Random(seeds.nextLong());
      boolean recoveriesToo = end == all[ends / all.length % all.length];
      Machines machines = take();
      threads.execute(
          () -> {
            try {
              end(end, state, left, random, recoveriesToo, machines);
            } catch (IOException | RuntimeException | Error e) {
              failure.compareAndSet(null, new AssertionError(where + ": " + e.getMessage(), e));
            } finally {
              free.add(machines);
            }
          });
      ends++;
    }
  }

  private Machines take() {
    try {
      return free.take();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private void end(
      End end,
      SimulatedHost.State state,
      StoreModel.Left left,
      Random random,
      boolean recoveriesToo,
      Machines machines)
      throws IOException {
    become(machines.next, state, end, random);
    boolean killed = end == End.KILLED;
    if (recoveriesToo) {
      endRecoveries(left, killed, random, machines);
    } else {
      new CrashCheck(machines.next, left, killed, random).run();
    }
  }

  private void become(SimulatedHost host, SimulatedHost.State state, End end, Random random)
      throws IOException {
    switch (end) {
      case KILLED -> host.becomeKilled(state);
      case CUT_LOSING_ALL -> host.becomePowerless(state.disk().cutLosingAll());
      case CUT_LOSING_NOTHING -> host.becomePowerless(state.disk().cutLosingNothing());
      case CUT -> host.becomePowerless(state.disk().cut(random));
    }
  }

  /** Ends one recovery, which goes well, at each of its calls. */
  private void endRecoveries(StoreModel.Left left, boolean killed, Random random, Machines machines)
      throws IOException {
    List<Moment> moments = new ArrayList<>();
    SimulatedHost host = machines.next;
    Workload.observe(host, what -> moments.add(new Moment(what, host.state())));
    Store store = Workload.open(host);
    CrashCheck.abandon(host, store);
    endsOfRecoveries.addAndGet(moments.size());
    End[] all = End.values();
    int next = random.nextInt(all.length);
    for (Moment moment : moments) {
      End end = all[next++ % all.length];
      become(machines.last, moment.state, end, random);
      try {
        new CrashCheck(machines.last, left, killed && end == End.KILLED, random).run();
      } catch (IOException | RuntimeException | AssertionError e) {
        throw new AssertionError("then " + moment.what + ", " + end + ": " + e.getMessage(), e);
      }
    }
  }
}
