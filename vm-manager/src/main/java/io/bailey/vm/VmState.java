package io.bailey.vm;

import java.util.Locale;

/** Where a VM is in its life. The last two are ends: no process and no volume is left. */
public enum VmState {
  STARTING,
  RUNNING,
  STOPPING,
  STOPPED,
  FAILED;

  public boolean ended() {
    return this == STOPPED || this == FAILED;
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
