package io.bailey.daemon;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.slf4j.LoggerFactory;

/** Fails every test during which Vert.x's checker found a blocked event loop. */
public final class NoBlockedEventLoop
    implements BeforeAllCallback, AfterEachCallback, AfterAllCallback {
  private static final Queue<String> FOUND = new ConcurrentLinkedQueue<>();
  private static boolean listening;

  @Override
  public synchronized void beforeAll(ExtensionContext context) {
    if (!listening) {
      listening = true;
      AppenderBase<ILoggingEvent> appender =
          new AppenderBase<>() {
            @Override
            protected void append(ILoggingEvent event) {
              FOUND.add(event.getFormattedMessage());
            }
          };
      appender.start();
      Logger logger =
          (Logger)
              LoggerFactory.getLogger(
                  io.vertx.core.internal.threadchecker.BlockedThreadChecker.LOGGER_NAME);
      logger.addAppender(appender);
    }
  }

  @Override
  public void afterEach(ExtensionContext context) {
    check();
  }

  @Override
  public void afterAll(ExtensionContext context) {
    check();
  }

  private static void check() {
    String found = take();
    if (found != null) {
      throw new AssertionError("an event loop was blocked: " + found);
    }
  }

  /** What was found since the last look; null for nothing. */
  static String take() {
    String first = FOUND.poll();
    FOUND.clear();
    return first;
  }
}
