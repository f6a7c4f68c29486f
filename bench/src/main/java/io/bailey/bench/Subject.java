package io.bailey.bench;

import io.bailey.volume.Durability;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What {@code bench random} compares: a disk, and how it is asked. */
enum Subject {
  EPHEMERAL("bailey in-process, ephemeral", 0, Durability.NONE, null),
  DURABLE("bailey in-process, durable", 0, Durability.FLUSH, null),
  NBD1("bailey nbd, depth 1", 1, Durability.NONE, null),
  NBD1_DURABLE("bailey nbd, depth 1, durable", 1, Durability.FLUSH, null),
  NBD32("bailey nbd, depth 32", 32, Durability.NONE, null),
  NBD32_DURABLE("bailey nbd, depth 32, durable", 32, Durability.FLUSH, null),
  MEMORY1("nbdkit memory, depth 1", 1, null, PeerProcess.Format.MEMORY),
  MEMORY32("nbdkit memory, depth 32", 32, null, PeerProcess.Format.MEMORY),
  RAW1("qemu-nbd raw, depth 1", 1, null, PeerProcess.Format.RAW),
  RAW32("qemu-nbd raw, depth 32", 32, null, PeerProcess.Format.RAW),
  QCOW2_1("qemu-nbd qcow2, depth 1", 1, null, PeerProcess.Format.QCOW2),
  QCOW2_32("qemu-nbd qcow2, depth 32", 32, null, PeerProcess.Format.QCOW2),
  BACKED1("qemu-nbd qcow2 over qcow2, depth 1", 1, null, PeerProcess.Format.QCOW2_BACKED),
  BACKED32("qemu-nbd qcow2 over qcow2, depth 32", 32, null, PeerProcess.Format.QCOW2_BACKED),
  VPC1("qemu-nbd vpc, depth 1", 1, null, PeerProcess.Format.VPC),
  VPC32("qemu-nbd vpc, depth 32", 32, null, PeerProcess.Format.VPC);

  private final String title;
  private final int depth;
  private final Optional<Durability> durability;
  private final Optional<PeerProcess.Format> peer;

  Subject(
      String title, int depth, @Nullable Durability durability, PeerProcess.@Nullable Format peer) {
    this.title = title;
    this.depth = depth;
    this.durability = Optional.ofNullable(durability);
    this.peer = Optional.ofNullable(peer);
  }

  String title() {
    return title;
  }

  /** Requests in flight over NBD; 0 where the disk is asked in its own process. */
  int depth() {
    return depth;
  }

  /** Of the engine's volume, where it is one. */
  Optional<Durability> durability() {
    return durability;
  }

  /** The other program's format, where it is one. */
  Optional<PeerProcess.Format> peer() {
    return peer;
  }
}
