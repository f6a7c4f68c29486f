package io.bailey.vm;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.bailey.io.StorageException;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * One VM from its start, or from its being found again, to its end.
 *
 * <p><b>Threads.</b> One virtual thread watches: it waits for the process's end and looks at the
 * console and QMP in between. Whoever calls {@link #stop} climbs the ladder of ways to end it. The
 * fields both use are guarded by this object's lock, which is never held over I/O.
 */
final class Vm {
  private static final System.Logger LOG = System.getLogger(Vm.class.getName());
  private static final Duration QMP_TIMEOUT = Duration.ofSeconds(2);
  private static final Duration STEP_TIMEOUT = Duration.ofSeconds(3);

  /** More than a stop takes that meets every timeout but the guest's. */
  private static final Duration LADDER_TIMEOUT = Duration.ofSeconds(20);

  private static final Duration BOOTING_POLL = Duration.ofMillis(20);
  private static final Duration RUNNING_POLL = Duration.ofSeconds(1);

  private static final Duration ADOPTED_POLL = Duration.ofMillis(200);
  private static final Duration BUTTON_INTERVAL = Duration.ofSeconds(2);
  private static final long ROOM_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(2);
  private static final String NO_ROOM = "paused: its disk has no room; it goes on when there is";

  /** A guest that says nothing for so long is taken to be up: it may be one that isn't ours. */
  private static final Duration SILENT_BOOT = Duration.ofMinutes(2);

  /** So long at most does one boot keep another from starting. */
  private static final Duration BOOT_TURN = Duration.ofSeconds(30);

  private static final int MAX_LINE_CHARS = 4096;
  private static final int MAX_REASON_CHARS = 300;

  private final VmSpec spec;
  private final VmFiles files;
  private final ConsoleLog console;
  private final ConsoleLog qemuLog;
  private final Runnable release;
  private final CompletableFuture<VmState> ended = new CompletableFuture<>();

  private VmState state = VmState.STARTING;
  private Instant started = Instant.now();
  private @Nullable String reason;
  private @Nullable String stopStep;
  private Instant powerOffUntil = Instant.MIN;
  private @Nullable String guestFailure;
  private @Nullable String shutdown;
  private @Nullable ProcessIdentity process;
  private @Nullable QmpClient qmp;
  private @Nullable Double bootSeconds;
  private boolean mayBePaused;
  private boolean lacksRoom;

  // Of the watching thread alone.
  private long consoleAt;
  private final StringBuilder line = new StringBuilder();
  private long nextTry = System.nanoTime();

  /**
   * @param release frees what the VM had, before it is shown as ended
   */
  Vm(VmSpec spec, VmFiles files, Runnable release) {
    this.spec = spec;
    this.files = files;
    this.release = release;
    this.console = new ConsoleLog(files.consoleLog(), ConsoleLog.DEFAULT_LIMIT_BYTES);
    this.qemuLog = new ConsoleLog(files.qemuLog(), ConsoleLog.DEFAULT_LIMIT_BYTES);
  }

  VmSpec spec() {
    return spec;
  }

  VmFiles files() {
    return files;
  }

  ConsoleLog console() {
    return console;
  }

  synchronized VmState state() {
    return state;
  }

  synchronized VmView view() {
    ProcessIdentity p = process;
    return new VmView(
        spec.name(),
        spec.volume(),
        spec.image(),
        state,
        Optional.ofNullable(lacksRoom ? NO_ROOM : reason),
        p == null || state.ended() ? Optional.empty() : Optional.of(p.pid()),
        spec.machine(),
        spec.accelerator(),
        Optional.ofNullable(bootSeconds),
        started,
        files.consoleLog());
  }

  /** Starts QEMU as soon as it is this VM's turn. */
  void start(QemuLauncher launcher, Path nbdSocket, Semaphore turns) {
    Thread.ofVirtual().name("vm-" + spec.name()).start(() -> run(launcher, nbdSocket, turns));
  }

  /** Watches a QEMU that an earlier daemon started. */
  void adopt(VmFiles.Saved saved, ProcessIdentity found) {
    synchronized (this) {
      process = found;
      started = saved.started();
      bootSeconds = saved.bootSeconds().orElse(null);
      state = saved.bootSeconds().isPresent() ? VmState.RUNNING : VmState.STARTING;
    }
    Thread.ofVirtual()
        .name("vm-" + spec.name())
        .start(() -> watch(awaited(() -> awaitGone(found)), new Turn(null)));
  }

  /** Ends a VM that has no process, or that an earlier daemon lost. */
  void fail(String why) {
    finish(VmState.FAILED, why);
  }

  /** A place among the VMs that boot at one time; given back once. */
  private static final class Turn {
    private @Nullable Semaphore from;

    Turn(@Nullable Semaphore from) {
      this.from = from;
    }

    void giveBack() {
      if (from != null) {
        from.release();
        from = null;
      }
    }
  }

  private void run(QemuLauncher launcher, Path nbdSocket, Semaphore turns) {
    try {
      while (state() != VmState.STOPPING && !turns.tryAcquire(100, TimeUnit.MILLISECONDS)) {}
    } catch (InterruptedException e) {
      finish(VmState.FAILED, "interrupted while it waited for its turn to boot");
      return;
    }
    if (state() == VmState.STOPPING) {
      finish(VmState.STOPPED, "stopped before its turn to boot came");
      return;
    }
    Turn turn = new Turn(turns);
    try {
      Process qemu = launcher.start(spec, nbdSocket, files);
      try {
        began(qemu.pid());
      } catch (IOException e) {
        qemu.destroyForcibly();
        throw e;
      }
      LOG.log(Level.INFO, "VM {0} starts, process {1}", spec.name(), Long.toString(qemu.pid()));
      watch(awaited(() -> Optional.of(qemu.waitFor())), turn);
    } catch (IOException e) {
      finish(VmState.FAILED, message(e));
    } finally {
      turn.giveBack();
    }
  }

  private void began(long pid) throws IOException {
    ProcessIdentity identity = ProcessIdentity.of(pid).orElse(null);
    synchronized (this) {
      started = Instant.now();
      process = identity;
    }
    save();
  }

  /**
   * Waits on a thread of its own, not by {@code onExit}: that completes on the common pool, which
   * whoever else is in this process can keep busy.
   */
  private static CompletableFuture<Optional<Integer>> awaited(Callable<Optional<Integer>> wait) {
    CompletableFuture<Optional<Integer>> exit = new CompletableFuture<>();
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                exit.complete(wait.call());
              } catch (Exception e) {
                exit.completeExceptionally(e);
              }
            });
    return exit;
  }

  /** For another process's child, whose exit code nobody tells us. */
  private static Optional<Integer> awaitGone(ProcessIdentity process) throws InterruptedException {
    while (process.alive()) {
      Thread.sleep(ADOPTED_POLL);
    }
    return Optional.empty();
  }

  private void watch(CompletableFuture<Optional<Integer>> exit, Turn turn) {
    while (true) {
      VmState now = state();
      Duration poll = now == VmState.STARTING || !connected() ? BOOTING_POLL : RUNNING_POLL;
      try {
        Optional<Integer> code = exit.get(poll.toMillis(), TimeUnit.MILLISECONDS);
        awaitLastEvents();
        look();
        conclude(code);
        return;
      } catch (TimeoutException e) {
        look();
        connect();
        goOnWithRoom();
      } catch (InterruptedException | ExecutionException e) {
        finish(VmState.FAILED, "lost sight of QEMU: " + message(e));
        return;
      }
      Duration age = Duration.between(started(), Instant.now());
      if (age.compareTo(SILENT_BOOT) > 0) {
        up(false);
      }
      if (state() != VmState.STARTING || age.compareTo(BOOT_TURN) > 0) {
        turn.giveBack();
      }
    }
  }

  private synchronized Instant started() {
    return started;
  }

  /** Takes in what the guest printed since the last look, and keeps the logs short. */
  private void look() {
    try {
      byte[] fresh = console.read(consoleAt, 1 << 20);
      consoleAt += fresh.length;
      new String(fresh, ISO_8859_1).chars().forEach(c -> take((char) c));
      if (line.toString().stripTrailing().endsWith(" login:")) {
        up(true); // a prompt, which no line's end follows
      }
      if (console.rotateIfLarge()) {
        consoleAt = 0;
      }
      if (qemuLog.rotateIfLarge()) {
        LOG.log(Level.WARNING, "VM {0}: QEMU fills its log", spec.name());
      }
    } catch (IOException e) {
      LOG.log(Level.WARNING, "VM " + spec.name() + ": can't read its console log", e);
    }
  }

  private void take(char c) {
    if (c != '\n' && line.length() < MAX_LINE_CHARS) {
      line.append(c < ' ' || c >= 0x7f ? ' ' : c);
      return;
    }
    String text = line.toString().strip();
    line.setLength(0);
    int panic = text.indexOf("Kernel panic - ");
    if (text.startsWith("BAILEY ready") || text.contains(" login:")) {
      up(true);
    } else if (text.startsWith("BAILEY failed ")) {
      guestFailed("the guest can't start: " + text.substring("BAILEY failed ".length()));
    } else if (panic >= 0) {
      guestFailed(text.substring(panic));
    }
  }

  private synchronized void guestFailed(String why) {
    guestFailure = cut(why);
  }

  private void up(boolean said) {
    synchronized (this) {
      if (state != VmState.STARTING) {
        return;
      }
      state = VmState.RUNNING;
      bootSeconds = said ? Duration.between(started, Instant.now()).toMillis() / 1000.0 : null;
    }
    try {
      save();
    } catch (IOException e) {
      LOG.log(Level.WARNING, "VM " + spec.name() + ": can't write its record", e);
    }
    LOG.log(Level.INFO, "VM {0} is up", spec.name());
  }

  private void save() throws IOException {
    VmFiles.Saved saved;
    synchronized (this) {
      saved =
          new VmFiles.Saved(
              spec, started, Optional.ofNullable(process), Optional.ofNullable(bootSeconds));
    }
    files.save(saved);
  }

  private void connect() {
    if (connected() || !Files.exists(files.qmpSocket())) {
      return;
    }
    try {
      QmpClient client = QmpClient.connect(files.qmpSocket(), QMP_TIMEOUT, this::hear);
      synchronized (this) {
        qmp = client;
        mayBePaused = true; // by an event that nobody heard
      }
    } catch (IOException e) {
      LOG.log(Level.DEBUG, "VM {0}: no QMP yet: {1}", spec.name(), message(e));
    }
  }

  private boolean connected() {
    QmpClient client = qmp();
    return client != null && !client.ended().isDone();
  }

  private synchronized @Nullable QmpClient qmp() {
    return qmp;
  }

  private synchronized void hear(QmpClient.Event event) {
    switch (event.name()) {
      case "SHUTDOWN" -> shutdown = event.data().getString("reason", "unknown");
      case "GUEST_PANICKED" -> guestFailure = "the guest's kernel panicked";
      case "BLOCK_IO_ERROR" -> diskFailed(event.data());
      case "STOP" -> {
        mayBePaused = true;
        LOG.log(pauseLevel(), "VM {0} is paused", spec.name());
      }
      case "RESUME" -> LOG.log(pauseLevel(), "VM {0} goes on", spec.name());
      default -> LOG.log(Level.DEBUG, "VM {0}: {1}", spec.name(), event.name());
    }
  }

  /** One that waits for room is let go on every other second, and most often paused again. */
  private synchronized Level pauseLevel() {
    return lacksRoom ? Level.DEBUG : Level.INFO;
  }

  private synchronized void diskFailed(JsonObject error) {
    // One that paused the guest isn't known to it: the request is sent again when it goes on.
    if (!"stop".equals(error.getString("action"))) {
      reason = cut("disk error: " + error.getString("reason", "unknown"));
    }
  }

  /**
   * Lets a guest go on that QEMU paused because its disk had no room, again and again until there
   * is some. One that was paused for another reason is left to whoever did it.
   */
  private void goOnWithRoom() {
    QmpClient client;
    synchronized (this) {
      client = qmp;
      boolean wanted = state != VmState.STOPPING && (mayBePaused || lacksRoom);
      if (client == null || !wanted || System.nanoTime() - nextTry < 0) {
        return;
      }
      mayBePaused = false;
    }
    try {
      boolean lacks = isPausedForRoom(client);
      tellOfRoom(lacks);
      if (lacks) {
        client.execute("cont", new JsonObject(), QMP_TIMEOUT);
      }
    } catch (IOException e) {
      LOG.log(Level.DEBUG, "VM {0}: {1}", spec.name(), message(e));
      synchronized (this) {
        mayBePaused = true;
      }
    }
    nextTry = System.nanoTime() + ROOM_INTERVAL_NANOS;
  }

  private static boolean isPausedForRoom(QmpClient client) throws IOException {
    JsonObject status = client.execute("query-status", new JsonObject(), QMP_TIMEOUT);
    return "io-error".equals(status.getString("status"));
  }

  private void tellOfRoom(boolean lacks) {
    synchronized (this) {
      if (lacksRoom == lacks) {
        return;
      }
      lacksRoom = lacks;
    }
    if (lacks) {
      LOG.log(Level.WARNING, "VM {0} is {1}", spec.name(), NO_ROOM);
    } else {
      LOG.log(Level.INFO, "VM {0} goes on: its disk has room", spec.name());
    }
  }

  /** The socket's end comes after its last event, and soon after the process's end. */
  private void awaitLastEvents() throws InterruptedException {
    QmpClient client = qmp();
    if (client != null) {
      try {
        client.ended().get(STEP_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
      } catch (TimeoutException | ExecutionException e) {
        LOG.log(Level.DEBUG, "VM {0}: QMP stays open after QEMU's end", spec.name());
      }
    }
  }

  /** Tells from all that is known why QEMU has ended. */
  private void conclude(Optional<Integer> code) {
    String failure;
    String how;
    String step;
    synchronized (this) {
      failure = guestFailure;
      how = shutdown == null ? "" : shutdown;
      step = state == VmState.STOPPING ? String.valueOf(stopStep) : null;
    }
    if (step != null) {
      finish(VmState.STOPPED, step);
    } else if (failure != null) {
      finish(VmState.FAILED, failure);
    } else {
      switch (how) {
        case "guest-shutdown" -> finish(VmState.STOPPED, "the guest powered off");
        case "host-qmp-quit" -> finish(VmState.STOPPED, "ended over its QMP socket");
        case "guest-reset" ->
            finish(
                VmState.FAILED,
                "the guest rebooted or crashed, its last line: " + console.lastLine());
        case "host-signal" -> finish(VmState.FAILED, "QEMU was ended by a signal");
        default -> finish(VmState.FAILED, death(code));
      }
    }
  }

  private String death(Optional<Integer> code) {
    String said = qemuLog.lastLine();
    String last = said.isEmpty() ? "" : ": " + said;
    if (code.isEmpty()) {
      return "QEMU died" + last;
    }
    int value = code.get();
    return value > 128
        ? "QEMU was killed by signal " + (value - 128) + last
        : "QEMU ended with code " + value + last;
  }

  private void finish(VmState end, String why) {
    QmpClient client = qmp();
    if (client != null) {
      client.close();
    }
    kill(); // one that lives would write to a disk that is gone
    release.run();
    synchronized (this) {
      state = end;
      reason = cut(why);
      lacksRoom = false;
    }
    LOG.log(
        end == VmState.FAILED ? Level.WARNING : Level.INFO,
        "VM {0} {1}: {2}",
        spec.name(),
        end,
        why);
    ended.complete(end);
  }

  /**
   * Ends the VM and returns when it has ended: asks the guest by ACPI and waits, then tells QEMU to
   * quit, then ends the process. A guest that is still booting isn't asked. Called again meanwhile
   * it can only shorten the time that the guest has.
   */
  void stop(Duration patience) throws IOException {
    boolean first;
    Instant until = Instant.now().plus(patience);
    synchronized (this) {
      if (state.ended()) {
        return;
      }
      first = state != VmState.STOPPING;
      if (first) {
        powerOffUntil = state == VmState.RUNNING ? until : Instant.MIN;
        state = VmState.STOPPING;
        stopStep = "stopped";
      } else if (until.isBefore(powerOffUntil)) {
        powerOffUntil = until;
      }
    }
    if (!(first ? climb() : awaitEnd(patience.plus(LADDER_TIMEOUT)))) {
      throw new StorageException(
          StorageException.Kind.IO, "VM " + spec.name() + " doesn't end, even when killed");
    }
  }

  private boolean climb() {
    if (process() == null && awaitEnd(Duration.ofMillis(500))) {
      return true; // it waited for its turn
    }
    Instant deadline = Instant.now().plus(QMP_TIMEOUT);
    while (!connected() && Instant.now().isBefore(deadline)) {
      if (awaitEnd(BOOTING_POLL)) {
        return true;
      }
    }
    return powerDown()
        || (step("ended by QEMU's quit", "quit") && awaitEnd(STEP_TIMEOUT))
        || (signal(false) && awaitEnd(STEP_TIMEOUT))
        || (signal(true) && awaitEnd(STEP_TIMEOUT));
  }

  /** Presses the power button again and again: a guest that is hardly up misses the first time. */
  private boolean powerDown() {
    Duration left = timeToPowerOff();
    while (left.isPositive()
        && !hearsNothing()
        && step("the guest powered off", "system_powerdown")) {
      if (awaitEnd(left.compareTo(BUTTON_INTERVAL) < 0 ? left : BUTTON_INTERVAL)) {
        return true;
      }
      left = timeToPowerOff();
    }
    return false;
  }

  private synchronized Duration timeToPowerOff() {
    Instant now = Instant.now();
    return now.isBefore(powerOffUntil) ? Duration.between(now, powerOffUntil) : Duration.ZERO;
  }

  /** Whether the guest is paused for want of room, and a button pressed in vain. */
  private boolean hearsNothing() {
    QmpClient client;
    synchronized (this) {
      client = mayBePaused || lacksRoom ? qmp : null;
    }
    try {
      return client != null && isPausedForRoom(client);
    } catch (IOException e) {
      LOG.log(Level.DEBUG, "VM {0}: {1}", spec.name(), message(e));
      return false;
    }
  }

  private synchronized @Nullable ProcessIdentity process() {
    return process;
  }

  private boolean step(String what, String command) {
    QmpClient client;
    synchronized (this) {
      stopStep = what;
      client = qmp;
    }
    if (client == null) {
      return false;
    }
    try {
      client.execute(command, new JsonObject(), QMP_TIMEOUT);
      return true;
    } catch (IOException e) {
      LOG.log(Level.DEBUG, "VM {0}: {1}", spec.name(), message(e));
      return client.ended().isDone(); // quit's reply may lose against QEMU's end
    }
  }

  private boolean signal(boolean forcibly) {
    synchronized (this) {
      stopStep = forcibly ? "killed, for nothing else ended it" : "ended by a signal";
    }
    ProcessIdentity p = process();
    if (p != null) {
      p.kill(forcibly);
    }
    return true;
  }

  private void kill() {
    ProcessIdentity p = process();
    if (p != null) {
      p.kill(true);
    }
  }

  private boolean awaitEnd(Duration patience) {
    try {
      ended.get(patience.toMillis(), TimeUnit.MILLISECONDS);
      return true;
    } catch (TimeoutException | ExecutionException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private static String message(Throwable e) {
    String text = e.getMessage();
    return text == null ? e.getClass().getSimpleName() : text;
  }

  private static String cut(String text) {
    String oneLine = text.replaceAll("\\p{Cntrl}", " ").strip();
    return oneLine.length() > MAX_REASON_CHARS
        ? oneLine.substring(0, MAX_REASON_CHARS) + "…"
        : oneLine;
  }
}
