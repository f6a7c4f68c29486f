package io.bailey.daemon;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.nbd.Tool;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The programs that people use with NBD, against volumes of a real store in a real daemon. */
@Tag("slow")
@Timeout(120)
class ServedVolumesTest {
  private static final int MIB = 1 << 20;
  private final RunningDaemon bailey;

  ServedVolumesTest() throws IOException {
    bailey = RunningDaemon.start();
  }

  @AfterEach
  void stop() throws IOException {
    bailey.close();
  }

  private String create(JsonObject spec) {
    ControlClient.Answer made = bailey.post("/v1/volumes", spec);
    assertThat(made.status()).as(made.body()).isEqualTo(201);
    return made.object().getString("uri");
  }

  private String create(String durability, int mebibytes) {
    return create(
        new JsonObject()
            .put("name", "v")
            .put("size", mebibytes * MIB)
            .put("durability", durability));
  }

  private static void nbdkit(String plugin, String run) throws IOException {
    Tool.run("sh", "-c", "exec nbdkit -U - " + plugin + " --run '" + run + "'");
  }

  @ParameterizedTest
  @ValueSource(strings = {"flush", "none", "every-write"})
  void nbdcopyBringsTheOraclesDataInAndOut(String durability) throws IOException {
    String uri = create(durability, 128);
    String oracle = "size=128M seed=42 percent=30 runlength=16384";
    nbdkit(
        "sparse-random " + oracle,
        "nbdcopy --connections=4 --requests=64 --flush \"$uri\" \"" + uri + "\"");
    nbdkit("--filter=checkwrite sparse-random " + oracle, "nbdcopy \"" + uri + "\" \"$uri\"");
  }

  @ParameterizedTest
  @ValueSource(strings = {"flush", "none"})
  void fioVerifiesWhatItWroteUnderLoad(String durability) throws IOException {
    String uri = create(durability, 64);
    Tool.run(
        "fio",
        "--name=verify",
        "--ioengine=nbd",
        "--uri=" + uri,
        "--rw=randrw",
        "--bsrange=512-64k",
        "--iodepth=16",
        "--verify=crc32c",
        "--size=64M",
        "--io_size=96M",
        "--fsync=32",
        "--verify_fatal=1",
        "--aux-path=" + bailey.directory);
  }

  @ParameterizedTest
  @ValueSource(strings = {"flush", "none"})
  void qemuIoReadsWhatItWroteDiscardedAndZeroed(String durability) throws IOException {
    List<String> line = new ArrayList<>(List.of("qemu-io", "-f", "raw"));
    for (String command :
        List.of(
            "write -P 7 0 64k",
            "flush",
            "discard 0 64k",
            "read -P 0 0 64k",
            "write -z -u 1M 1M",
            "write -P 3 1000 3000",
            "read -P 3 1000 3000",
            "read -P 0 4000 512",
            "write -f -P 9 5M 3M",
            "read -P 9 5M 3M",
            "write -P 4 16773120 4096",
            "read -P 4 16773120 4096",
            "map")) {
      line.addAll(List.of("-c", command));
    }
    line.add(create(durability, 16));
    assertThat(Tool.run(line).out()).doesNotContain("failed").doesNotContain("error");
  }

  @Test
  void aForkOfASparseImageIsTheImage_withItsHoles() throws IOException {
    Path golden = sparseFile();
    ControlClient.Answer imported =
        bailey.post(
            "/v1/images", new JsonObject().put("name", "golden").put("path", golden.toString()));
    assertThat(imported.body()).contains("\"image\"");
    String uri = create(new JsonObject().put("name", "v").put("from", "golden"));
    String compare = Tool.run("qemu-img", "compare", "-f", "raw", golden.toString(), uri).out();
    assertThat(compare).contains("Images are identical");
    assertThat(map(uri))
        .containsExactly("0 65536 0", "65536 3080192 3", "3145728 1048576 0", "4194304 62914560 3");
    Tool.run(
        "qemu-io",
        "-f",
        "raw",
        "-c",
        "write -P 1 32M 64k",
        "-c",
        "discard 3M 512k",
        "-c",
        "flush",
        uri);
    assertThat(map(uri))
        .containsExactly(
            "0 65536 0",
            "65536 3604480 3",
            "3670016 524288 0",
            "4194304 29360128 3",
            "33554432 65536 0",
            "33619968 33488896 3");
    Path back = bailey.directory.resolve("back");
    Tool.run("qemu-img", "convert", "-f", "raw", "-O", "raw", uri, back.toString());
    assertThat(
            Tool.run("qemu-img", "compare", "-f", "raw", "-F", "raw", back.toString(), uri).out())
        .contains("Images are identical");
    assertThat(Files.size(back)).isEqualTo(64L * MIB);
  }

  /** 64 MiB: 64 KiB at the front, 1 MiB at 3 MiB. */
  private Path sparseFile() throws IOException {
    Path golden = bailey.directory.resolve("golden.raw");
    Random random = new Random(42);
    try (RandomAccessFile file = new RandomAccessFile(golden.toFile(), "rw")) {
      file.setLength(64L * MIB);
      byte[] bytes = new byte[MIB];
      random.nextBytes(bytes);
      file.write(bytes, 0, 64 << 10);
      file.seek(3 * MIB);
      file.write(bytes);
    }
    return golden;
  }

  /** Offset, length and type of each extent as nbdinfo prints them. */
  private static List<String> map(String uri) throws IOException {
    return Tool.run("nbdinfo", "--map", uri)
        .out()
        .lines()
        .map(row -> String.join(" ", List.of(row.trim().split("\\s+")).subList(0, 3)))
        .toList();
  }

  @Test
  void libnbdGetsTheExactErrorForEachInvalidRequest() throws IOException {
    Path script = bailey.directory.resolve("invalid.py");
    try (var source = ServedVolumesTest.class.getResourceAsStream("/io/bailey/nbd/invalid.py")) {
      Files.copy(java.util.Objects.requireNonNull(source), script);
    }
    Tool.run("/usr/bin/python3", script.toString(), create("flush", 64));
  }
}
