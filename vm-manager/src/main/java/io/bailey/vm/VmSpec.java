package io.bailey.vm;

import io.bailey.io.StorageException;
import io.bailey.volume.ImageName;
import io.vertx.core.json.JsonObject;

/**
 * What one VM is: fixed from its start to its end. Its volume has the VM's name.
 *
 * @param machine a file in {@code qemu-configs}
 * @param accelerator {@code kvm} or {@code tcg}
 */
record VmSpec(
    String name, ImageName image, String machine, int memoryMiB, int cpus, String accelerator) {

  String volume() {
    return name;
  }

  JsonObject toJson() {
    return new JsonObject()
        .put("name", name)
        .put("image", image.toString())
        .put("machine", machine)
        .put("memoryMiB", memoryMiB)
        .put("cpus", cpus)
        .put("accel", accelerator);
  }

  static VmSpec fromJson(JsonObject json) throws StorageException {
    return new VmSpec(
        ImageName.checkVolume(json.getString("name")),
        ImageName.parse(json.getString("image")),
        json.getString("machine"),
        json.getInteger("memoryMiB"),
        json.getInteger("cpus"),
        json.getString("accel"));
  }
}
