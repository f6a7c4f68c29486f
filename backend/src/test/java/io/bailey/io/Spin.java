package io.bailey.io;

import java.util.concurrent.ThreadLocalRandom;

/** Makes the order of threads vary, without giving the processor away. */
public final class Spin {
  private static final int MOST = 400;

  private Spin() {}

  /** Takes a microsecond or so, or no time. */
  public static void shortly() {
    for (int i = ThreadLocalRandom.current().nextInt(MOST); i > 0; i--) {
      Thread.onSpinWait();
    }
  }
}
