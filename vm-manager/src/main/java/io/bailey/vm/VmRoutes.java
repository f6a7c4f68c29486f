package io.bailey.vm;

import io.bailey.daemon.ApiReply;
import io.bailey.daemon.ApiRequest;
import io.bailey.daemon.ApiRoutes;
import io.bailey.daemon.RequestBody;
import io.bailey.volume.ImageName;
import io.vertx.core.json.JsonArray;
import io.vertx.ext.web.Router;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** The control API's routes for VMs. */
final class VmRoutes {
  private static final double MAX_STOP_SECONDS = 3600;

  private final VmSupervisor vms;

  VmRoutes(VmSupervisor vms) {
    this.vms = vms;
  }

  void addTo(Router router, ApiRoutes routes, LogRoute log) {
    router.get("/v1/vms/:vm/log").handler(log::handle);
    routes
        .get("/v1/vms", r -> ApiReply.ok(list(vms.list())))
        .post("/v1/vms", this::run)
        .get("/v1/vms/:vm", r -> ApiReply.ok(vms.view(r.path("vm")).toJson()))
        .delete("/v1/vms/:vm", this::remove)
        .post("/v1/vms/:vm/stop", this::stop);
  }

  private static JsonArray list(List<VmView> views) {
    JsonArray array = new JsonArray();
    views.forEach(view -> array.add(view.toJson()));
    return array;
  }

  private ApiReply run(ApiRequest request) throws IOException {
    RequestBody body =
        request.body("image", "count", "name", "machine", "memoryMiB", "cpus", "accel");
    Optional<String> name = body.optionalString("name");
    if (name.isPresent()) {
      ImageName.checkVolume(name.get());
    }
    return ApiReply.created(
        list(
            vms.run(
                new VmSupervisor.Request(
                    ImageName.parse(body.string("image")),
                    (int) body.optionalInteger("count", 1, VmSupervisor.MAX_VMS).orElse(1),
                    name,
                    body.optionalString("machine").orElse(VmSupervisor.Request.DEFAULT_MACHINE),
                    (int)
                        body.optionalInteger("memoryMiB", 1, Integer.MAX_VALUE)
                            .orElse(VmSupervisor.Request.DEFAULT_MEMORY_MIB),
                    (int) body.optionalInteger("cpus", 1, Integer.MAX_VALUE).orElse(1),
                    body.optionalString("accel").orElse("auto")))));
  }

  private ApiReply remove(ApiRequest request) throws IOException {
    vms.remove(request.path("vm"));
    return ApiReply.done();
  }

  private ApiReply stop(ApiRequest request) throws IOException {
    RequestBody body = request.body("timeoutSeconds");
    double seconds =
        body.optionalNumber("timeoutSeconds", 0, MAX_STOP_SECONDS)
            .orElse((double) VmSupervisor.STOP_PATIENCE.toSeconds());
    Duration patience = Duration.ofMillis((long) (seconds * 1000));
    return ApiReply.ok(vms.stop(request.path("vm"), patience).toJson());
  }
}
