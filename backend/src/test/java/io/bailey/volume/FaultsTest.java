package io.bailey.volume;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.io.FaultyFiles;
import io.bailey.io.FaultyFiles.Call;
import io.bailey.io.QuietLog;
import io.bailey.io.SimulatedHost;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A host whose files fail, once or for good, at every call of a fixed sequence of requests. What a
 * failed request may have done, the model finds out by reading.
 */
@Tag("slow")
final class FaultsTest {
  enum Fault {
    IO_ERROR,
    NO_SPACE,
    SHORT_WRITE,
    SHORT_WRITE_NO_SPACE;

    Kind kind() {
      return this == IO_ERROR || this == SHORT_WRITE ? Kind.IO : Kind.NO_SPACE;
    }

    boolean concerns(Call call) {
      return switch (this) {
        case IO_ERROR -> true;
        case NO_SPACE ->
            call == Call.CREATE
                || call == Call.WRITE
                || call == Call.MAKE_DIRECTORY
                || call == Call.RENAME;
        case SHORT_WRITE, SHORT_WRITE_NO_SPACE -> call == Call.WRITE;
      };
    }
  }

  private static final int MAX_CALLS = 5000;

  /** What failed first. */
  private final AtomicReference<String> failed = new AtomicReference<>("");

  @ParameterizedTest
  @EnumSource
  void aCallThatFailsOnce_isACleanError_andLosesNothing(Fault fault) throws Exception {
    failEachCall(fault, true);
  }

  @ParameterizedTest
  @EnumSource
  void callsThatFailForGood_areCleanErrors_andLoseNothing(Fault fault) throws Exception {
    failEachCall(fault, false);
  }

  private void failEachCall(Fault fault, boolean once) throws IOException {
    int n = 1;
    try (QuietLog _ = new QuietLog();
        Watchdog watchdog = new Watchdog()) {
      boolean fails = true;
      for (; fails && n < MAX_CALLS; n++) {
        try (SimulatedHost host = new SimulatedHost()) {
          fails = fail(host, fault, once, n, watchdog);
        } catch (IOException | RuntimeException | AssertionError e) {
          throw new AssertionError(
              "%s %s, call %d, %s: %s"
                  .formatted(fault, once ? "once" : "for good", n, failed.get(), e),
              e);
        }
      }
    }
    assertThat(n).isBetween(20, MAX_CALLS - 1);
  }

  /** Fails the n-th call that can; false if there are fewer. */
  private boolean fail(SimulatedHost host, Fault fault, boolean once, int n, Watchdog watchdog)
      throws IOException {
    failed.set("");
    RequestsUnderFaults requests = new RequestsUnderFaults(host, watchdog);
    try {
      host.files().fault(nth(host, fault, once, n));
      if (fault == Fault.SHORT_WRITE || fault == Fault.SHORT_WRITE_NO_SPACE) {
        host.files().shortWrites();
      }
      requests.run();
      if (once && !failed.get().isEmpty()) {
        requests.checkOthersGoOn(failed.get());
      }
    } finally {
      host.files().heal();
    }
    SimulatedHost.State state = host.state();
    requests.abandon();
    Random random = new Random(n);
    StoreModel.Left left = requests.left();
    watchdog.alive("check after a kill");
    host.becomeKilled(state);
    new CrashCheck(host, left, true, random).run();
    watchdog.alive("check after a cut");
    host.becomePowerless(state.disk().cutLosingAll());
    new CrashCheck(host, left, false, random).run();
    return !failed.get().isEmpty();
  }

  private FaultyFiles.Fault nth(SimulatedHost host, Fault fault, boolean once, int n) {
    AtomicInteger calls = new AtomicInteger();
    return (call, path) -> {
      boolean memory = path.startsWith(host.memoryDirectory());
      if (!fault.concerns(call) || (memory && !once)) {
        // Memory doesn't break for good but with the host.
        return;
      }
      int now = calls.incrementAndGet();
      if (once ? now == n : now >= n) {
        failed.compareAndSet("", call + " of " + shown(host, path));
        if (call == Call.SYNC) {
          host.loseUnsynced(path);
        }
        throw FaultyFiles.failure(fault.kind(), call, path);
      }
    };
  }

  private static String shown(SimulatedHost host, Path path) {
    Path top = host.memoryDirectory().getParent();
    return top == null ? path.toString() : top.relativize(path).toString();
  }
}
