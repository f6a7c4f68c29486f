package io.bailey.vm;

import io.bailey.volume.ImageName;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;

/**
 * A VM at one moment, as users see it.
 *
 * @param reason why it stopped or failed; while it runs, trouble that QEMU reported
 * @param bootSeconds from the process's start to the guest's word that it is up
 * @param console the file that the serial console is written to
 */
public record VmView(
    String name,
    String volume,
    ImageName image,
    VmState state,
    Optional<String> reason,
    Optional<Long> pid,
    String machine,
    String accel,
    Optional<Double> bootSeconds,
    Instant started,
    Path console) {

  JsonObject toJson() {
    return new JsonObject()
        .put("name", name)
        .put("volume", volume)
        .put("image", image.toString())
        .put("state", state.toString())
        .put("reason", reason.orElse(null))
        .put("pid", pid.orElse(null))
        .put("machine", machine)
        .put("accel", accel)
        .put("bootSeconds", bootSeconds.orElse(null))
        .put("started", started.toString())
        .put("console", console.toString());
  }
}
