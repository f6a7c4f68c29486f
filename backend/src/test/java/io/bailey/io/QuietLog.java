package io.bailey.io;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import org.slf4j.LoggerFactory;

/** Keeps the product's log still, where a test makes thousands of failures on purpose. */
public final class QuietLog implements AutoCloseable {
  private final Logger logger = (Logger) LoggerFactory.getLogger("io.bailey");
  private final Level before = logger.getLevel();

  public QuietLog() {
    logger.setLevel(Level.OFF);
  }

  @Override
  public void close() {
    logger.setLevel(before);
  }
}
