package io.bailey.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** Shows the main job. */
@Command(name = "demo", mixinStandardHelpOptions = true)
final class DemoCommand implements Callable<Integer> {
  @Override
  public Integer call() {
    throw new UnsupportedOperationException("later");
  }
}
