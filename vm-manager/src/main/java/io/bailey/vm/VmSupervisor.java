package io.bailey.vm;

import io.bailey.daemon.StorageService;
import io.bailey.io.StorageException;
import io.bailey.volume.Durability;
import io.bailey.volume.ImageName;
import io.bailey.volume.VolumeSpec;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/**
 * All VMs of a host: starts them on volumes of their own, knows how each does, ends them, and finds
 * those again that outlived the daemon. Thread-safe. Calls wait for processes and disks, so they
 * belong on virtual threads.
 */
public final class VmSupervisor implements AutoCloseable {
  /** Most VMs that are not ended. */
  static final int MAX_VMS = 1000;

  /** Most ended VMs that are still shown; the oldest go first. */
  static final int MAX_ENDED_VMS = 256;

  public static final Duration STOP_PATIENCE = Duration.ofSeconds(10);

  /** Shorter when the daemon stops, which has a deadline for all it does. */
  private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(5);

  private static final System.Logger LOG = System.getLogger(VmSupervisor.class.getName());

  /**
   * What the supervisor works with.
   *
   * @param runDirectory where a directory for the VMs is made; 0700
   * @param guestDirectory what {@code scripts/guest-kernel} filled
   * @param cacheDirectory for what was found out about this host
   * @param bootTurns how many VMs boot at one time; more wait for their turn
   */
  public record Context(
      StorageService storage,
      Path runDirectory,
      QemuConfigs configs,
      Path guestDirectory,
      Path cacheDirectory,
      int bootTurns) {}

  /**
   * VMs to be started.
   *
   * @param name of the VM; numbered if there are several; made from the image's if empty
   * @param accelerator {@code auto}, {@code kvm} or {@code tcg}
   */
  public record Request(
      ImageName image,
      int count,
      Optional<String> name,
      String machine,
      int memoryMiB,
      int cpus,
      String accelerator) {
    public static final String DEFAULT_MACHINE = "microvm";
    public static final int DEFAULT_MEMORY_MIB = 128;
  }

  /** {@code vm-2} before {@code vm-10}. */
  private static final Comparator<String> BY_NUMBER =
      Comparator.comparing((String name) -> name.replaceFirst("[0-9]+$", ""))
          .thenComparingInt(String::length)
          .thenComparing(Comparator.naturalOrder());

  private final Context context;
  private final Path directory;
  private final Semaphore turns;
  private final Map<String, Vm> vms = new ConcurrentSkipListMap<>(BY_NUMBER);
  private final Object starting = new Object();
  private @Nullable QemuLauncher launcher;
  private AcceleratorProbe.@Nullable Choice found;
  private volatile boolean closed;

  /** Makes the VMs' directory and takes up the VMs of an earlier daemon. */
  public VmSupervisor(Context context) throws IOException {
    this.context = context;
    this.directory = Files.createDirectories(context.runDirectory().resolve("vm")).toRealPath();
    this.turns = new Semaphore(context.bootTurns(), true);
    recover();
  }

  public List<VmView> list() {
    return vms.values().stream().map(Vm::view).toList();
  }

  long count(VmState state) {
    return vms.values().stream().filter(vm -> vm.state() == state).count();
  }

  public VmView view(String name) throws StorageException {
    return vm(name).view();
  }

  ConsoleLog console(String name) throws StorageException {
    return vm(name).console();
  }

  boolean ended(String name) {
    Vm vm = vms.get(name);
    return vm == null || vm.state().ended();
  }

  private Vm vm(String name) throws StorageException {
    Vm vm = vms.get(name);
    if (vm == null) {
      throw new StorageException(
          StorageException.Kind.NOT_FOUND, "no VM " + name + ": 'bailey ps' shows those there are");
    }
    return vm;
  }

  /**
   * Makes a volume for each VM and sets them going; they are starting when this returns. If one of
   * them can't be made, none is.
   */
  public List<VmView> run(Request request) throws IOException {
    check(request);
    List<Vm> made = new ArrayList<>();
    Map<Vm, Path> sockets = new LinkedHashMap<>();
    try {
      QemuLauncher with;
      synchronized (starting) {
        with = launcher();
        String accelerator = accelerator(request.accelerator());
        for (String name : names(request)) {
          made.add(make(request, name, accelerator));
        }
        made.forEach(vm -> vms.put(vm.spec().name(), vm));
      }
      for (Vm vm : made) {
        sockets.put(vm, prepare(vm));
      }
      if (closed) {
        throw new StorageException(StorageException.Kind.CLOSED, "the daemon is stopping");
      }
      sockets.forEach((vm, socket) -> vm.start(with, socket, turns));
      return made.stream().map(Vm::view).toList();
    } catch (IOException | RuntimeException e) {
      for (Vm vm : made) {
        vms.remove(vm.spec().name(), vm);
        if (sockets.containsKey(vm)) {
          free(vm.spec());
        }
        GuestImage.deleteTree(vm.files().directory());
      }
      throw e;
    }
  }

  private void check(Request request) throws IOException {
    requireRange("count", request.count(), 1, MAX_VMS);
    requireRange("memoryMiB", request.memoryMiB(), 64, 1 << 20);
    requireRange("cpus", request.cpus(), 1, 64);
    AcceleratorProbe.checkWish(request.accelerator());
    var _ = context.configs().machine(request.machine());
    if (closed) {
      throw new StorageException(StorageException.Kind.CLOSED, "the daemon is stopping");
    }
    if (context.storage().image(request.image()).isEmpty()) {
      throw new StorageException(
          StorageException.Kind.NOT_FOUND,
          "no image " + request.image() + ": 'bailey images' shows those there are");
    }
    long active = vms.values().stream().filter(vm -> !vm.state().ended()).count();
    if (active + request.count() > MAX_VMS) {
      throw new StorageException(
          StorageException.Kind.INVALID,
          "there are " + active + " VMs and this host runs at most " + MAX_VMS);
    }
  }

  private static void requireRange(String what, int value, int min, int max)
      throws StorageException {
    if (value < min || value > max) {
      throw new StorageException(
          StorageException.Kind.INVALID, what + " is " + value + ": use " + min + " to " + max);
    }
  }

  /** Names for the VMs of a request: as given, or with numbers that are free. */
  private List<String> names(Request request) throws IOException {
    List<String> names = new ArrayList<>();
    if (request.name().isPresent() && request.count() == 1) {
      names.add(request.name().get());
    } else if (request.name().isPresent()) {
      for (int i = 1; i <= request.count(); i++) {
        names.add(request.name().get() + "-" + i);
      }
    } else {
      String image = request.image().name();
      String stem = image.substring(0, Math.min(image.length(), 58));
      for (int i = 1; names.size() < request.count(); i++) {
        String name = stem + "-" + i;
        if (!vms.containsKey(name) && context.storage().volume(name).isEmpty()) {
          names.add(name);
        }
      }
    }
    for (String name : names) {
      checkFree(name);
    }
    return names;
  }

  private void checkFree(String name) throws IOException {
    Vm taken = vms.get(ImageName.checkVolume(name));
    if (taken != null) {
      throw new StorageException(
          StorageException.Kind.EXISTS,
          "VM "
              + name
              + " exists and is "
              + taken.state()
              + ": choose another name, or remove it"
              + " with 'bailey rm "
              + name
              + "'");
    }
    if (context.storage().volume(name).isPresent()) {
      throw new StorageException(
          StorageException.Kind.EXISTS,
          "volume " + name + " exists, and a VM's volume has the VM's name: choose another");
    }
  }

  private Vm make(Request request, String name, String accelerator) throws IOException {
    VmSpec spec =
        new VmSpec(
            name,
            request.image(),
            request.machine(),
            request.memoryMiB(),
            request.cpus(),
            accelerator);
    VmFiles files = new VmFiles(directory.resolve(name));
    files.checkSocketPaths();
    return new Vm(spec, files, () -> free(spec));
  }

  /** Writes down that the VM will be, then makes its volume; returns the volume's socket. */
  private Path prepare(Vm vm) throws IOException {
    VmSpec spec = vm.spec();
    vm.files().create();
    vm.files()
        .save(new VmFiles.Saved(spec, vm.view().started(), Optional.empty(), Optional.empty()));
    return context
        .storage()
        .createVolume(spec.volume(), new VolumeSpec(Optional.of(spec.image()), 0, Durability.NONE))
        .socket();
  }

  private void free(VmSpec spec) {
    try {
      if (context.storage().volume(spec.volume()).isPresent()) {
        context.storage().removeVolume(spec.volume());
      }
    } catch (IOException e) {
      LOG.log(Level.WARNING, "VM " + spec.name() + ": can't delete its volume", e);
    }
    forgetOldest();
  }

  private void forgetOldest() {
    List<Vm> over =
        vms.values().stream()
            .filter(vm -> vm.state().ended())
            .sorted((a, b) -> b.view().started().compareTo(a.view().started()))
            .skip(MAX_ENDED_VMS - 1)
            .toList();
    for (Vm vm : over) {
      forget(vm);
    }
  }

  private void forget(Vm vm) {
    if (vms.remove(vm.spec().name(), vm)) {
      try {
        GuestImage.deleteTree(vm.files().directory());
      } catch (IOException e) {
        LOG.log(Level.WARNING, "VM " + vm.spec().name() + ": can't delete its files", e);
      }
    }
  }

  /** The launcher, made when the first VM is started: a daemon without VMs needs no QEMU. */
  private QemuLauncher launcher() throws IOException {
    HostProgram.QEMU.locate();
    HostProgram.SETSID.locate();
    QemuLauncher made = launcher;
    if (made == null) {
      GuestKernel kernel = GuestKernel.locate(context.guestDirectory());
      kernel.writeInitramfs(context.configs(), initramfs());
      made = new QemuLauncher(context.configs(), kernel, initramfs());
      launcher = made;
    }
    return made;
  }

  private Path initramfs() {
    return directory.resolve(".initramfs.gz");
  }

  private String accelerator(String wish) throws IOException {
    if (!wish.equals("auto")) {
      return wish;
    }
    AcceleratorProbe.Choice choice = found;
    if (choice == null) {
      choice =
          new AcceleratorProbe(Path.of("/dev/kvm"), context.cacheDirectory())
              .choose(
                  HostProgram.QEMU.locate(),
                  GuestKernel.locate(context.guestDirectory()),
                  initramfs());
      found = choice;
      LOG.log(Level.INFO, "accelerator: {0}", choice);
    }
    return choice.accelerator();
  }

  /** Ends a VM; it stays listed, with its log, until it is removed. */
  public VmView stop(String name, Duration patience) throws IOException {
    Vm vm = vm(name);
    vm.stop(patience);
    return vm.view();
  }

  /** Ends a VM if need be, and forgets it. */
  public void remove(String name) throws IOException {
    Vm vm = vm(name);
    vm.stop(Duration.ZERO);
    forget(vm);
  }

  /** Starts no more VMs, and lets those that run go on: the next daemon takes them up. */
  void leave() {
    synchronized (starting) {
      closed = true;
    }
  }

  /** Ends all VMs, at the same time. */
  @Override
  public void close() {
    leave();
    List<Thread> stops = new ArrayList<>();
    for (Vm vm : vms.values()) {
      stops.add(Thread.ofVirtual().start(() -> stopQuietly(vm)));
    }
    for (Thread stop : stops) {
      try {
        stop.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  private static void stopQuietly(Vm vm) {
    try {
      vm.stop(CLOSE_PATIENCE);
    } catch (IOException e) {
      LOG.log(Level.ERROR, "VM " + vm.spec().name() + " is left behind: " + e.getMessage());
    }
  }

  /**
   * Takes up what an earlier daemon left: running VMs whose volumes are there are adopted, those
   * that waited for their turn wait again, others are ended and shown as failed, and files of VMs
   * that had ended before are deleted.
   */
  private void recover() throws IOException {
    Map<String, Long> running = ProcessIdentity.byPidFile(directory, VmFiles.PID_FILE);
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
      for (Path entry : entries) {
        if (Files.isDirectory(entry)) {
          found.add(entry);
        }
      }
    }
    for (Path entry : found) {
      Long pid = running.get(entry.getFileName().toString());
      Optional<ProcessIdentity> process = pid == null ? Optional.empty() : ProcessIdentity.of(pid);
      try {
        recover(new VmFiles(entry), process);
      } catch (VmFiles.BadRecordException e) {
        LOG.log(Level.WARNING, "what is left of a VM can''t be used: {0}", e.getMessage());
        process.ifPresent(p -> p.kill(true));
        GuestImage.deleteTree(entry);
      }
    }
  }

  private void recover(VmFiles files, Optional<ProcessIdentity> process) throws IOException {
    VmFiles.Saved saved = files.load();
    VmSpec spec = saved.spec();
    Optional<StorageService.Export> volume = context.storage().volume(spec.volume());
    Optional<ProcessIdentity> known =
        saved.process().filter(ProcessIdentity::alive).or(() -> process);
    if (known.isEmpty() && volume.isEmpty()) {
      GuestImage.deleteTree(files.directory()); // it had ended before
      return;
    }
    Vm vm = new Vm(spec, files, () -> free(spec));
    vms.put(spec.name(), vm);
    if (known.isEmpty() && saved.process().isEmpty()) {
      startAgain(vm, volume.get().socket());
    } else if (known.isEmpty()) {
      vm.fail("QEMU ended while no daemon was there");
    } else if (volume.isEmpty()) {
      known.get().kill(true);
      vm.fail("its volume was gone after the daemon's restart");
    } else {
      vm.adopt(saved, known.get());
      LOG.log(Level.INFO, "VM " + spec.name() + " is taken up again, process " + known.get().pid());
    }
  }

  private void startAgain(Vm vm, Path socket) {
    try {
      vm.start(launcher(), socket, turns);
      LOG.log(Level.INFO, "VM {0} still waits for its turn to boot", vm.spec().name());
    } catch (IOException e) {
      vm.fail("it waited for its turn to boot when the daemon ended, and now " + e.getMessage());
    }
  }
}
