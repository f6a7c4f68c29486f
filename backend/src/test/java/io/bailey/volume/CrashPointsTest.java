package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.io.QuietLog;
import io.bailey.io.SimulatedHost;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * One long workload that ends before and after every one of its mutating calls, in four ways; and
 * of one of these each recovery ends at every one of its own.
 */
@Tag("slow")
final class CrashPointsTest {
  private static final int CALLS = Integer.getInteger("bailey.crash.calls", 2000);
  private static final long SEED = Long.getLong("bailey.crash.seed", 1);

  private enum End {
    KILLED,
    CUT_LOSING_ALL,
    CUT_LOSING_NOTHING,
    CUT
  }

  private record Moment(String what, SimulatedHost.State state) {}

  private final Random random = new Random(SEED);
  private int calls;
  private int ends;
  private int endsOfRecoveries;

  @Test
  void nothingFlushedIsLost_whateverCallIsTheLast_andWhateverOneOfTheRecovery() throws Exception {
    try (QuietLog _ = new QuietLog();
        SimulatedHost first = new SimulatedHost();
        SimulatedHost second = new SimulatedHost();
        SimulatedHost third = new SimulatedHost();
        Workload workload = new Workload(first, SEED)) {
      Workload.observe(
          first,
          what -> {
            calls++;
            end(what, first, workload, second, third);
          });
      for (int step = 0; calls < CALLS; step++) {
        workload.step();
        end("after step " + step, first, workload, second, third);
      }
    }
    System.out.printf(
        "workload %d: %d calls, %d ends, %d ends of recoveries%n",
        SEED, calls, ends, endsOfRecoveries);
    assertThat(endsOfRecoveries).isGreaterThan(CALLS);
  }

  private void end(
      String what, SimulatedHost host, Workload workload, SimulatedHost next, SimulatedHost last)
      throws IOException {
    SimulatedHost.State state = host.state();
    StoreModel.Left left = workload.model.left();
    End[] all = End.values();
    for (End end : all) {
      String where = "workload %d, call %d, %s, %s".formatted(SEED, calls, what, end);
      try {
        become(next, state, end);
        boolean killed = end == End.KILLED;
        if (end != all[ends / all.length % all.length]) {
          new CrashCheck(next, left, killed, random).run();
        } else {
          endRecoveries(where, next, left, killed, last);
        }
      } catch (IOException | RuntimeException | AssertionError e) {
        throw new AssertionError(where + ": " + e.getMessage(), e);
      }
      ends++;
    }
  }

  private void become(SimulatedHost host, SimulatedHost.State state, End end) throws IOException {
    switch (end) {
      case KILLED -> host.becomeKilled(state);
      case CUT_LOSING_ALL -> host.becomePowerless(state.disk().cutLosingAll());
      case CUT_LOSING_NOTHING -> host.becomePowerless(state.disk().cutLosingNothing());
      case CUT -> host.becomePowerless(state.disk().cut(random));
    }
  }

  /** Ends one recovery, which goes well, at each of its calls. */
  private void endRecoveries(
      String where, SimulatedHost host, StoreModel.Left left, boolean killed, SimulatedHost next)
      throws IOException {
    List<Moment> moments = new ArrayList<>();
    Workload.observe(host, what -> moments.add(new Moment(what, host.state())));
    Store store = Workload.open(host);
    CrashCheck.abandon(host, store);
    for (Moment moment : moments) {
      End end = End.values()[endsOfRecoveries++ % 4];
      become(next, moment.state, end);
      try {
        new CrashCheck(next, left, killed && end == End.KILLED, random).run();
      } catch (IOException | RuntimeException | AssertionError e) {
        throw new AssertionError(
            where + ", then " + moment.what + ", " + end + ": " + e.getMessage(), e);
      }
    }
  }
}
