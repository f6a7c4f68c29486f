package io.bailey.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.daemon.DaemonProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Many clients that mean harm, and what a daemon in a process of its own needs for them. */
@Tag("slow")
@Timeout(300)
class HostileClientsTest {
  private static final long MIB = 1 << 20;
  private static final long DISK_BYTES = 128 * MIB;
  private static final int CLIENTS = 100;
  private static final int REQUESTS = 100;

  private DaemonProcess daemon;
  private Path socket;
  private Path other;

  @BeforeEach
  void start() throws IOException {
    daemon = new DaemonProcess();
    daemon.start();
    socket = daemon.create("attacked", DISK_BYTES, "none");
    other = daemon.create("other", DISK_BYTES, "none");
    try (RawClient client = RawClient.simple(socket, "attacked")) {
      byte[] data = TestBytes.random((int) (32 * MIB));
      assertThat(client.ask(Wire.WRITE, 0, 0, data.length, data)).isZero();
    }
  }

  @AfterEach
  void end() throws IOException {
    daemon.close();
  }

  private long residentBytes() throws IOException {
    return Files.readAllLines(Path.of("/proc/" + daemon.process().pid() + "/status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> 1024 * Long.parseLong(line.replaceAll("[^0-9]", "")))
        .sum();
  }

  @Test
  void socketsStuckInTheHandshakeCostLittleAndAreDropped() throws IOException {
    try (RawClient client = RawClient.simple(other, "other")) {
      assertThat(client.answers()).isTrue();
    }
    long before = residentBytes();
    List<RawClient> stuck = new ArrayList<>();
    try {
      for (int i = 0; i < 1000; i++) {
        RawClient client = RawClient.connect(socket);
        stuck.add(client);
        switch (i % 4) {
          case 0 -> client.send(new byte[0]);
          case 1 -> client.send(RawClient.ints(3), RawClient.optionHeader(7, 4000));
          case 2 ->
              client.send(
                  RawClient.ints(3),
                  RawClient.optionHeader(99, Handshake.MAX_OPTION_BYTES),
                  new byte[Handshake.MAX_OPTION_BYTES - 1]);
          default -> {
            client.send(RawClient.ints(3));
            client.option(Handshake.LIST);
          }
        }
      }
      Tool.run("nbdinfo", DaemonProcess.uri("attacked", socket));
      long more = residentBytes() - before;
      System.out.println("1,000 stuck sockets: " + more / MIB + " MiB more");
      assertThat(more).isLessThanOrEqualTo(64 * MIB);
      for (RawClient client : stuck) {
        client.receiveToEnd();
      }
      Tool.run("nbdinfo", DaemonProcess.uri("attacked", socket));
    } finally {
      for (RawClient client : stuck) {
        client.close();
      }
    }
  }

  @Test
  void requestsOfAnyKindFromManyClientsAreAnsweredInLittleMemory() throws Exception {
    warmUp();
    try (RawClient bystander = RawClient.structured(other, "other");
        ExecutorService threads = Executors.newFixedThreadPool(CLIENTS)) {
      long before = residentBytes();
      CountDownLatch sent = new CountDownLatch(CLIENTS);
      CountDownLatch measured = new CountDownLatch(1);
      List<Future<Void>> clients = new ArrayList<>();
      for (int i = 0; i < CLIENTS; i++) {
        clients.add(threads.submit(client(i, sent, measured)));
      }
      sent.await();
      long most = 0;
      for (int i = 0; i < 100; i++) {
        assertThat(bystander.ask(Wire.WRITE, 0, i * 4096L, 4096, new byte[4096])).isZero();
        most = Math.max(most, residentBytes());
      }
      System.out.println(
          CLIENTS + " clients that take no replies: " + (most - before) / MIB + " MiB more");
      measured.countDown();
      while (!clients.stream().allMatch(Future::isDone)) {
        assertThat(bystander.ask(Wire.READ, 0, 0, 4096)).isZero();
        most = Math.max(most, residentBytes());
      }
      for (Future<Void> client : clients) {
        client.get();
      }
      System.out.println(CLIENTS + " clients: " + (most - before) / MIB + " MiB more");
      assertThat(most - before).isLessThanOrEqualTo(256 * MIB);
      assertThat(bystander.answers()).isTrue();
    }
  }

  /**
   * As many clients of the other disk that mean well, so that what any load needs doesn't count.
   */
  private void warmUp() throws Exception {
    try (ExecutorService threads = Executors.newFixedThreadPool(CLIENTS)) {
      List<Future<Void>> clients = new ArrayList<>();
      for (int i = 0; i < CLIENTS; i++) {
        Random random = new Random(-i);
        boolean structured = i % 2 == 0;
        clients.add(
            threads.submit(
                () -> {
                  try (RawClient client = connect(structured, other, "other")) {
                    for (int j = 0; j < REQUESTS / 10; j++) {
                      int length = random.nextInt((int) (2 * MIB));
                      long offset = random.nextLong(DISK_BYTES - length);
                      ask(client, random.nextInt(2), 0, offset, length, NbdError.OK);
                    }
                  }
                  return null;
                }));
      }
      for (Future<Void> client : clients) {
        client.get();
      }
    }
  }

  private static RawClient connect(boolean structured, Path socket, String name)
      throws IOException {
    return structured ? RawClient.structured(socket, name) : RawClient.simple(socket, name);
  }

  /** First takes no replies to many long reads, then asks for anything and checks each answer. */
  private Callable<Void> client(int number, CountDownLatch sent, CountDownLatch measured) {
    return () -> {
      boolean structured = number % 2 == 0;
      int flags = number % 4 == 0 ? Wire.FLAG_DF : 0;
      int longRead = (int) (number < 8 ? 64 * MIB : 4 * MIB);
      try (RawClient client = connect(structured, socket, "attacked")) {
        for (int i = 0; i < 8; i++) {
          client.send(RawClient.request(Wire.READ, flags, i, 0, i == 0 ? longRead : 1_000_000));
        }
        sent.countDown();
        measured.await();
        int answered = 0;
        while (answered < 8) {
          RawClient.Reply reply = structured ? client.reply(0) : simpleReply(client, longRead);
          assertThat(reply.error()).isZero();
          answered += reply.isLast() ? 1 : 0;
        }
        askForAnything(client, new Random(number), structured);
      }
      return null;
    };
  }

  private static RawClient.Reply simpleReply(RawClient client, int longRead) throws IOException {
    RawClient.Reply head = client.reply(0);
    client.skip(head.cookie() == 0 ? longRead : 1_000_000);
    return head;
  }

  private static void askForAnything(RawClient client, Random random, boolean structured)
      throws IOException {
    RequestRules rules = new RequestRules(DISK_BYTES, false, structured, structured);
    for (int i = 0; i < REQUESTS; i++) {
      int command = random.nextInt(10);
      command += command == Wire.DISCONNECT ? 100 : 0;
      int flags = random.nextInt(3) == 0 ? 1 << random.nextInt(16) : 0;
      long offset = any(random);
      long asked = Integer.toUnsignedLong((int) any(random));
      boolean carriesData =
          command == Wire.WRITE
              || (command == Wire.READ
                  && rules.check(command, flags, offset, asked) == NbdError.OK);
      // Long ones were before; these would only take long.
      int length = (int) (carriesData ? Math.min(asked, 2 * MIB) : asked);
      NbdError expected = rules.check(command, flags, offset, Integer.toUnsignedLong(length));
      ask(client, command, flags, offset, length, expected);
    }
  }

  private static void ask(
      RawClient client, int command, int flags, long offset, int length, NbdError expected)
      throws IOException {
    client.send(RawClient.request(command, flags, offset, offset, length));
    if (command == Wire.WRITE) {
      client.send(new byte[length]);
    }
    RawClient.Reply reply = client.reply(0);
    while (!reply.isLast()) {
      reply = client.reply(0);
    }
    assertThat(reply.cookie()).isEqualTo(offset);
    assertThat(reply.error())
        .as("command %d flags %x %d+%d", command, flags, offset, length)
        .isEqualTo(expected.number());
    if (!reply.chunk() && expected == NbdError.OK && command == Wire.READ) {
      client.skip(length);
    }
  }

  private static long any(Random random) {
    long[] bases = {0, 4096, MIB, DISK_BYTES, Wire.MAX_DATA_BYTES, 1L << 32, Long.MIN_VALUE};
    long near = bases[random.nextInt(bases.length)] + random.nextInt(-3, 4);
    return random.nextInt(3) == 0 ? random.nextLong(DISK_BYTES) : near;
  }
}
