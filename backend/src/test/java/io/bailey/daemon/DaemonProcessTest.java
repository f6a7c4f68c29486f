package io.bailey.daemon;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A daemon as a process of its own, and the signals it gets. */
@Tag("slow")
@Timeout(120)
class DaemonProcessTest {
  private final DaemonProcess bailey;

  DaemonProcessTest() throws IOException {
    bailey = new DaemonProcess();
  }

  @AfterEach
  void end() throws Exception {
    bailey.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"TERM", "INT", "HUP"})
  void signal_stopsCleanly_andLeavesNoSocket(String name) throws Exception {
    Process daemon = bailey.start();
    bailey.signal(name);
    assertThat(daemon.waitFor()).as(bailey.log()).isZero();
    assertThat(bailey.controlSocket()).doesNotExist();
    assertThat(bailey.log())
        .contains("serves store", "stopping", "stopped")
        .doesNotContain("ERROR");
  }

  @Test
  void secondSignal_endsHard_andSaysWhatWasWaitedFor() throws Exception {
    Process daemon = bailey.start("hang");
    bailey.signal("TERM");
    while (!bailey.log().contains("hanging")) {
      TimeUnit.MILLISECONDS.sleep(10);
    }
    assertThat(daemon.isAlive()).isTrue();
    // Not at once: that would be the first one still.
    TimeUnit.SECONDS.sleep(1);
    bailey.signal("INT");
    assertThat(daemon.waitFor()).isEqualTo(1);
    assertThat(bailey.log()).contains("second signal: ended while waiting for the NeverStops");
  }

  @Test
  void aSignalToTheProcessAndToItsGroup_stopsItCleanly() throws Exception {
    Process daemon = bailey.start("hang");
    // Two of a kind may become one on their way.
    String both = "kill -TERM %d; kill -INT %1$d".formatted(daemon.pid());
    assertThat(new ProcessBuilder("sh", "-c", both).inheritIO().start().waitFor()).isZero();
    while (daemon.isAlive() && !bailey.log().contains("hanging")) {
      TimeUnit.MILLISECONDS.sleep(10);
    }
    assertThat(daemon.isAlive()).as(bailey.log()).isTrue();
  }

  @Test
  void deadline_endsAStopThatHangs() throws Exception {
    Process daemon = bailey.start("hang");
    bailey.signal("TERM");
    assertThat(daemon.waitFor()).isEqualTo(1);
    assertThat(bailey.log()).contains("longer than 20 s: ended while waiting for the NeverStops");
  }

  @Test
  void killedDaemon_leavesItsSocket_andTheNextOneServes() throws Exception {
    Process first = bailey.start();
    first.destroyForcibly().waitFor();
    assertThat(bailey.controlSocket()).exists();
    bailey.start();
    try (SocketChannel client =
        SocketChannel.open(UnixDomainSocketAddress.of(bailey.controlSocket()))) {
      assertThat(client.isConnected()).isTrue();
    }
  }

  @Test
  void secondProcess_isToldWhichOneHasTheRunDirectory() throws Exception {
    Process first = bailey.start();
    assertThat(
            catchThrowable(
                () ->
                    BaileyDaemon.start(RunningDaemon.options(bailey.directory), List.of()).close()))
        .hasMessageContaining("in use by process " + first.pid());
    assertThat(bailey.controlSocket()).exists();
  }
}
