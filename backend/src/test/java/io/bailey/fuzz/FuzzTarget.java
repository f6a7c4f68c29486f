package io.bailey.fuzz;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** What is fuzzed: classes with a method that reads the bytes of one input and fails or not. */
enum FuzzTarget {
  HANDSHAKE("nbd.HandshakeFuzz"),
  REQUESTS("nbd.RequestsFuzz"),
  FIELDS("io.DecoderFuzz"),
  CHUNKS("chunk.ChunkHeaderFuzz"),
  COMPRESSION("crypto.CodecFuzz"),
  NODES("dubtree.NodeFuzz"),
  ROOTS("volume.RootFuzz"),
  JOURNAL("journal.JournalFuzz"),
  NAMES("volume.NameFuzz"),
  BODIES("daemon.RequestBodyFuzz"),
  SWAP("mindcastle.SwapFuzz");

  private final String className;

  FuzzTarget(String className) {
    this.className = "io.bailey." + className;
  }

  String className() {
    return className;
  }

  String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Inputs that are kept: such as failed once, and such as reach far. */
  Path corpus() throws IOException {
    URL resource = FuzzTarget.class.getResource(label());
    if (resource == null) {
      throw new IOException("no corpus of " + label() + " beside " + FuzzTarget.class);
    }
    try {
      return Path.of(resource.toURI());
    } catch (URISyntaxException e) {
      throw new IOException(e);
    }
  }

  List<Path> inputs() throws IOException {
    try (Stream<Path> files = Files.list(corpus())) {
      return files.sorted().toList();
    }
  }

  void run(byte[] input) throws ReflectiveOperationException {
    Method method = Class.forName(className).getDeclaredMethod("fuzzerTestOneInput", byte[].class);
    method.setAccessible(true);
    try {
      method.invoke(null, (Object) input);
    } catch (InvocationTargetException e) {
      throw new AssertionError(this + " fails: " + e.getCause(), e.getCause());
    }
  }
}
