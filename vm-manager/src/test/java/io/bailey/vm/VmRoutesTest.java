package io.bailey.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bailey.daemon.BaileyDaemon;
import io.bailey.daemon.DaemonOptions;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClient;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.SocketAddress;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** VMs as users see them: a whole daemon, over its control socket. */
@Timeout(180)
class VmRoutesTest {
  private record Reply(int status, Buffer body) {}

  @TempDir Path directory;
  private BaileyDaemon daemon;
  private Vertx vertx;
  private HttpClient client;

  @BeforeEach
  void start() throws IOException {
    daemon =
        BaileyDaemon.start(
            new DaemonOptions(
                directory.resolve("store"),
                directory.resolve("run"),
                64 << 20,
                OptionalInt.empty()),
            List.of(
                new VmExtension(
                    GuestKernel.defaultDirectory(), directory.resolve("cache"), false)));
    vertx = Vertx.vertx();
    client = vertx.createHttpClient();
  }

  @AfterEach
  void stop() throws Exception {
    daemon.close();
    vertx.close().await(20, TimeUnit.SECONDS);
    assertThat(ProcessIdentity.byPidFile(directory.resolve("run/vm"), VmFiles.PID_FILE)).isEmpty();
  }

  private Reply call(HttpMethod method, String path, String body) throws Exception {
    RequestOptions to =
        new RequestOptions()
            .setServer(SocketAddress.domainSocketAddress(daemon.controlSocket().toString()))
            .setMethod(method)
            .setHost("localhost")
            .setURI(path);
    return client
        .request(to)
        // Within the request's event: later, the body may have come and gone.
        .compose(
            request ->
                request
                    .send(body)
                    .compose(
                        response -> response.body().map(b -> new Reply(response.statusCode(), b))))
        .await(120, TimeUnit.SECONDS);
  }

  private void assertRefused(Reply reply, int status, String kind, String words) {
    JsonObject error = reply.body().toJsonObject();
    assertThat(reply.status()).as(error.encode()).isEqualTo(status);
    assertThat(error.getString("kind")).isEqualTo(kind);
    assertThat(error.getString("error")).contains(words).doesNotContain("\n");
  }

  @Test
  void whatCantBeDoneIsAnsweredWithItsKindAndOneLine() throws Exception {
    assertThat(call(HttpMethod.GET, "/v1/vms", "").body().toJsonArray()).isEmpty();
    assertRefused(call(HttpMethod.GET, "/v1/vms/a", ""), 404, "NOT_FOUND", "no VM a");
    assertRefused(call(HttpMethod.DELETE, "/v1/vms/a", ""), 404, "NOT_FOUND", "no VM a");
    assertRefused(call(HttpMethod.GET, "/v1/vms/a/log", ""), 404, "NOT_FOUND", "no VM a");
    assertRefused(call(HttpMethod.POST, "/v1/vms/a/stop", ""), 404, "NOT_FOUND", "no VM a");
    assertRefused(
        call(HttpMethod.POST, "/v1/vms", "{\"image\":\"x\"}"), 404, "NOT_FOUND", "no image x");
    assertRefused(
        call(HttpMethod.POST, "/v1/vms", "{\"image\":\"x\",\"accel\":\"xen\"}"),
        400,
        "INVALID",
        "no accelerator 'xen'");
    assertRefused(
        call(HttpMethod.POST, "/v1/vms", "{\"image\":\"x\",\"name\":\"../x\"}"),
        400,
        "INVALID",
        "'../x' is not allowed");
    assertRefused(
        call(HttpMethod.POST, "/v1/vms", "{\"image\":\"x\",\"memoryMiB\":1}"),
        400,
        "INVALID",
        "memoryMiB is 1: use 64");
  }

  @Test
  @Tag("slow")
  void vmsRunOnTheDaemonsOwnVolumesFromImportToRemoval() throws Exception {
    JsonObject image =
        new JsonObject().put("name", "golden").put("path", TestGuest.goldenDisk().toString());
    Reply imported = call(HttpMethod.POST, "/v1/images", image.encode());
    assertThat(imported.body().toString()).contains("\"image\"");

    Reply run = call(HttpMethod.POST, "/v1/vms", "{\"image\":\"golden\",\"count\":2}");
    assertThat(run.status()).as(run.body().toString()).isEqualTo(201);
    JsonArray started = run.body().toJsonArray();
    assertThat(started).hasSize(2);
    assertThat(started.getJsonObject(0).getString("accel")).isIn("tcg", "kvm");

    await()
        .atMost(Duration.ofSeconds(90))
        .until(
            () ->
                call(HttpMethod.GET, "/v1/vms/golden-2/log", "")
                    .body()
                    .toString()
                    .contains("BAILEY done"));
    assertThat(call(HttpMethod.GET, "/v1/vms/golden-2/log", "").body().toString())
        .contains("BAILEY own ok 8", "BAILEY foreign none", "BAILEY done ok");
    JsonObject up = call(HttpMethod.GET, "/v1/vms/golden-2", "").body().toJsonObject();
    assertThat(up.getString("state")).isEqualTo("running");
    assertThat(up.fieldNames())
        .containsExactlyInAnyOrder(
            "name",
            "volume",
            "image",
            "state",
            "reason",
            "pid",
            "machine",
            "accel",
            "bootSeconds",
            "started",
            "console");

    // A follower gets everything up to the VM's end, and then its own.
    var followed =
        java.util.concurrent.CompletableFuture.supplyAsync(
            () -> {
              try {
                return call(HttpMethod.GET, "/v1/vms/golden-2/log?follow=true", "");
              } catch (Exception e) {
                throw new IllegalStateException(e);
              }
            });
    Reply stopped = call(HttpMethod.POST, "/v1/vms/golden-2/stop", "{\"timeoutSeconds\":20}");
    assertThat(stopped.body().toJsonObject().getString("reason"))
        .as(stopped.body().toString())
        .isEqualTo("the guest powered off");
    assertThat(followed.get(30, TimeUnit.SECONDS).body().toString())
        .contains("BAILEY ready", "BAILEY off");
    assertThat(call(HttpMethod.GET, "/v1/volumes/golden-2", "").status()).isEqualTo(404);

    assertThat(call(HttpMethod.DELETE, "/v1/vms/golden-1", "").status()).isEqualTo(204);
    assertThat(call(HttpMethod.GET, "/v1/vms", "").body().toJsonArray()).hasSize(1);
    assertThat(call(HttpMethod.GET, "/metrics", "").body().toString())
        .contains("bailey_vms{state=\"stopped\"} 1.0");
  }
}
