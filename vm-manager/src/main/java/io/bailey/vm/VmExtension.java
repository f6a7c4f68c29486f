package io.bailey.vm;

import io.bailey.daemon.ApiRoutes;
import io.bailey.daemon.DaemonExtension;
import io.micrometer.core.instrument.Gauge;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** The VM manager as a part of the daemon: its VMs, their routes and their count. */
public final class VmExtension implements DaemonExtension {
  private final Path guestDirectory;
  private final Path cacheDirectory;
  private final boolean keepVms;
  private @Nullable VmSupervisor vms;
  private @Nullable LogRoute log;

  /** With what the system properties and the user's directories say; VMs end with the daemon. */
  public VmExtension() {
    this(false);
  }

  /**
   * Like the other.
   *
   * @param keepVms whether VMs go on when the daemon stops, for the next one to take up
   */
  public VmExtension(boolean keepVms) {
    this(GuestKernel.defaultDirectory(), GuestKernel.cacheDirectory(), keepVms);
  }

  VmExtension(Path guestDirectory, Path cacheDirectory, boolean keepVms) {
    this.guestDirectory = guestDirectory;
    this.cacheDirectory = cacheDirectory;
    this.keepVms = keepVms;
  }

  @Override
  public void start(Context context) throws IOException {
    VmSupervisor supervisor =
        new VmSupervisor(
            new VmSupervisor.Context(
                context.storage(),
                context.runDirectory(),
                QemuConfigs.locate(),
                guestDirectory,
                cacheDirectory,
                Math.max(2, Runtime.getRuntime().availableProcessors())));
    vms = supervisor;
    LogRoute route = new LogRoute(context.vertx(), supervisor);
    log = route;
    ApiRoutes routes = new ApiRoutes(context.vertx(), context.router());
    new VmRoutes(supervisor).addTo(context.router(), routes, route);
    for (VmState state : VmState.values()) {
      Gauge.builder("bailey.vms", supervisor, s -> s.count(state))
          .tag("state", state.toString())
          .description("VMs by state")
          .register(context.metrics());
    }
  }

  @Override
  public void stop() {
    if (vms != null && !keepVms) {
      vms.close();
    }
    leave();
  }

  @Override
  public void leave() {
    if (vms != null) {
      vms.leave();
    }
    if (log != null) {
      log.stop();
    }
  }
}
