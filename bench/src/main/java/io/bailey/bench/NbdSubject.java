package io.bailey.bench;

import io.bailey.volume.Durability;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What {@code bench nbd} compares. */
enum NbdSubject {
  NULL("qemu null-co", null, PeerProcess.Format.NULL),
  EPHEMERAL("bailey ephemeral", Durability.NONE, null),
  DURABLE("bailey durable", Durability.FLUSH, null),
  QCOW2("qemu-nbd qcow2", null, PeerProcess.Format.QCOW2),
  VPC("qemu-nbd vpc", null, PeerProcess.Format.VPC);

  private final String title;
  private final Optional<Durability> durability;
  private final Optional<PeerProcess.Format> peer;

  NbdSubject(String title, @Nullable Durability durability, PeerProcess.@Nullable Format peer) {
    this.title = title;
    this.durability = Optional.ofNullable(durability);
    this.peer = Optional.ofNullable(peer);
  }

  String title() {
    return title;
  }

  /** Of the engine's volume, where it is one. */
  Optional<Durability> durability() {
    return durability;
  }

  /** The other program's format, where it is one. */
  Optional<PeerProcess.Format> peer() {
    return peer;
  }

  /**
   * The part of the null export's rate that this disk is meant to reach, at some depth; empty for
   * the others' disks.
   */
  Optional<Double> aim(int depth) {
    return durability.map(d -> (depth > 1 ? 1.0 : 0.8) * (d == Durability.NONE ? 1.0 : 0.7));
  }
}
