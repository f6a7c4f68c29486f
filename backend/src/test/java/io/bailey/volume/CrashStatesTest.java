package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.OperatingSystemMXBean;
import io.bailey.io.QuietLog;
import io.bailey.io.SimulatedDisk;
import io.bailey.io.SimulatedHost;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Workloads on a simulated disk that end at any moment, by the death of the process or of the
 * power, with anything that the disk then may have lost. {@code -Dbailey.crash.states=N} sets how
 * many ends, {@code -Dbailey.crash.seed=N} the first workload: a failure names both.
 */
@Tag("slow")
final class CrashStatesTest {
  private static final int STATES = Integer.getInteger("bailey.crash.states", 25_000);
  private static final long FIRST_SEED = Long.getLong("bailey.crash.seed", 1);
  private static final int STATES_PER_WORKLOAD = 1000;
  private static final int STEPS = 60;

  private record Moment(String what, SimulatedHost.State state, StoreModel.Left left) {}

  @Test
  void noFlushedWriteIsLost_andOfTheRestAPrefixIsLeft_whateverACrashLeaves() throws Exception {
    OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    long began = System.nanoTime();
    long cpuBegan = system.getProcessCpuTime();
    int states = 0;
    List<Future<Integer>> workloads = new ArrayList<>();
    ExecutorService threads =
        Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors());
    try (QuietLog _ = new QuietLog();
        threads) {
      for (int asked = 0; asked < STATES; asked += STATES_PER_WORKLOAD) {
        long seed = FIRST_SEED + workloads.size();
        int wanted = Math.min(STATES_PER_WORKLOAD, STATES - asked);
        workloads.add(threads.submit(() -> check(seed, wanted)));
      }
      try {
        for (Future<Integer> workload : workloads) {
          states += workload.get();
        }
      } finally {
        // One has failed, or none is left.
        workloads.forEach(workload -> workload.cancel(false));
      }
    }
    long cpuMillis = (system.getProcessCpuTime() - cpuBegan) / 1_000_000;
    System.out.printf(
        "%,d crash states of the workloads %d to %d in %d s, %d s of CPU, %,d states/s of CPU%n",
        states,
        FIRST_SEED,
        FIRST_SEED + workloads.size() - 1,
        (System.nanoTime() - began) / 1_000_000_000,
        cpuMillis / 1000,
        states * 1000L / Math.max(1, cpuMillis));
    assertThat(states).isEqualTo(STATES);
  }

  private static List<Moment> record(long seed) throws IOException {
    List<Moment> moments = new ArrayList<>();
    try (SimulatedHost host = new SimulatedHost();
        Workload workload = new Workload(host, seed)) {
      Workload.observe(
          host, what -> moments.add(new Moment(what, host.state(), workload.model.left())));
      for (int i = 0; i < STEPS; i++) {
        workload.step();
        moments.add(new Moment("after step " + i, host.state(), workload.model.left()));
      }
    }
    return moments;
  }

  /** Checks that many crash states of a workload, no two the same. */
  private static int check(long seed, int wanted) throws IOException {
    try (SimulatedHost host = new SimulatedHost()) {
      return check(seed, wanted, host);
    }
  }

  private static int check(long seed, int wanted, SimulatedHost host) throws IOException {
    List<Moment> moments = record(seed);
    Random random = new Random(seed);
    Set<List<Long>> seen = new HashSet<>();
    for (int i = 0; seen.size() < wanted; i++) {
      int at = random.nextInt(moments.size());
      Moment moment = moments.get(at);
      boolean killed = random.nextInt(8) == 0;
      SimulatedDisk cut = moment.state.disk().cut(random);
      if (!seen.add(List.of((long) at, killed ? 0 : cut.signature()))) {
        continue;
      }
      try {
        if (killed) {
          host.becomeKilled(moment.state);
        } else {
          host.becomePowerless(cut);
        }
        CrashCheck check = new CrashCheck(host, moment.left, killed, random);
        if (random.nextInt(8) == 0) {
          check.runAndCutAgain();
        } else {
          check.run();
        }
      } catch (IOException | RuntimeException | AssertionError e) {
        throw new AssertionError(
            "workload %d, state %d, %s before %s: %s; again with -Dbailey.crash.seed=%d -Dbailey.crash.states=%d"
                .formatted(
                    seed,
                    i,
                    killed ? "killed" : "cut",
                    moment.what,
                    e.getMessage(),
                    seed,
                    seen.size()),
            e);
      }
    }
    return seen.size();
  }
}
