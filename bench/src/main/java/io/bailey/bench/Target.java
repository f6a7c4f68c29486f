package io.bailey.bench;

import java.io.IOException;

/** A disk under test that rounds can be run on. One thread. */
interface Target extends Provider {
  RoundRun.Times round(int round, RoundRun.Listener listener) throws IOException;
}
