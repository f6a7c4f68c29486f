package io.bailey.fuzz;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** What fuzzing has found once stays right: every kept input, without the fuzzer. */
final class FuzzCorpusTest {
  private static final Duration MOST_PER_INPUT = Duration.ofSeconds(10);

  @TestFactory
  Stream<DynamicContainer> keptInputsDoNoHarm() throws IOException {
    Stream.Builder<DynamicContainer> containers = Stream.builder();
    for (FuzzTarget target : FuzzTarget.values()) {
      List<Path> inputs = target.inputs();
      assertThat(inputs).as("corpus of %s", target).isNotEmpty();
      containers.add(
          DynamicContainer.dynamicContainer(
              target.label(), inputs.stream().map(input -> test(target, input))));
    }
    return containers.build();
  }

  private static DynamicTest test(FuzzTarget target, Path input) {
    return DynamicTest.dynamicTest(
        String.valueOf(input.getFileName()),
        () -> {
          byte[] bytes = Files.readAllBytes(input);
          assertTimeoutPreemptively(MOST_PER_INPUT, () -> target.run(bytes));
        });
  }
}
