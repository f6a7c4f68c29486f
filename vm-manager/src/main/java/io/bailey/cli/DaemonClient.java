package io.bailey.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.SocketException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The daemon's control API as calls. Each call is a connection of its own and waits as long as the
 * daemon takes. What the daemon refuses is a {@link DaemonException}.
 */
final class DaemonClient {
  private static final int MAX_LINE_CHARS = 16 << 20;
  private final Path runDirectory;

  DaemonClient(Path runDirectory) {
    this.runDirectory = runDirectory;
  }

  Path runDirectory() {
    return runDirectory;
  }

  Path socket() {
    return runDirectory.resolve("bailey.sock");
  }

  /** Hears of something that takes long as it goes. */
  interface ProgressListener {
    void progress(long done, long total);
  }

  JsonObject get(String... path) throws IOException {
    return Json.object(call("GET", target(path), null));
  }

  List<JsonObject> list(String... path) throws IOException {
    return Json.objects(call("GET", target(path), null));
  }

  /** One thing, or empty if there is none of that name. */
  Optional<JsonObject> find(String... path) throws IOException {
    try {
      return Optional.of(get(path));
    } catch (DaemonException e) {
      if (e.kind().equals("NOT_FOUND")) {
        return Optional.empty();
      }
      throw e;
    }
  }

  JsonObject post(JsonObject request, String... path) throws IOException {
    return Json.object(call("POST", target(path), Json.line(request.fields())));
  }

  List<JsonObject> postForList(JsonObject request, String... path) throws IOException {
    return Json.objects(call("POST", target(path), Json.line(request.fields())));
  }

  void delete(String... path) throws IOException {
    call("DELETE", target(path), null);
  }

  /** Imports a file of the daemon's machine and returns the image. */
  JsonObject importImage(String name, Path file, ProgressListener listener) throws IOException {
    JsonObject request = JsonObject.empty().with("name", name).with("path", file.toString());
    return postForLines(request, "images", "image", listener)
        .orElseThrow(
            () ->
                new IOException(
                    "the daemon went away before " + name + " was whole; import it again"));
  }

  /** Checks images and volumes, all where none is named, and returns the report. */
  JsonObject check(
      List<String> names, boolean values, Optional<String> repairFrom, ProgressListener listener)
      throws IOException {
    JsonObject request = JsonObject.empty().with("names", names).with("values", values);
    if (repairFrom.isPresent()) {
      request = request.with("repairFrom", repairFrom.get());
    }
    return postForLines(request, "check", "report", listener)
        .orElseThrow(() -> new IOException("the daemon went away before the check was over"));
  }

  /** Asks for something that takes long: lines of progress, then one with the result. */
  private Optional<JsonObject> postForLines(
      JsonObject request, String path, String result, ProgressListener listener)
      throws IOException {
    try (ControlSocket socket = connect()) {
      send(socket, "POST", target(path), Json.line(request.fields()));
      BufferedReader lines =
          new BufferedReader(new InputStreamReader(socket.body(), StandardCharsets.UTF_8));
      for (String line = readLine(lines); line != null; line = readLine(lines)) {
        JsonObject report = Json.object(line);
        if (report.has("error")) {
          throw new DaemonException(report.string("error"), report.string("kind"));
        }
        if (report.has(result)) {
          return Optional.of(report.object(result));
        }
        listener.progress(report.number("done"), report.number("total"));
      }
      return Optional.empty();
    }
  }

  /** Copies a VM's console to a stream, up to now or for as long as it prints. */
  void console(String vm, boolean follow, OutputStream out) throws IOException {
    try (ControlSocket socket = connect()) {
      send(socket, "GET", target("vms", vm, "log") + (follow ? "?follow=true" : ""), null);
      byte[] buffer = new byte[8192];
      InputStream in = socket.body();
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        out.write(buffer, 0, n);
        out.flush();
      }
    }
  }

  private String call(String method, String target, @Nullable String json) throws IOException {
    try (ControlSocket socket = connect()) {
      send(socket, method, target, json);
      return socket.text();
    }
  }

  private static void send(
      ControlSocket socket, String method, String target, @Nullable String json)
      throws IOException {
    socket.request(method, target, json);
    if (socket.status() >= 300) {
      String text = socket.text();
      JsonObject error;
      try {
        error = Json.object(text);
      } catch (IOException e) {
        error = JsonObject.empty();
      }
      throw new DaemonException(
          error
              .optional("error")
              .orElse("the daemon answered " + socket.status() + " to " + method + " " + target),
          error.optional("kind").orElse(socket.status() == 404 ? "NOT_FOUND" : "IO"));
    }
  }

  private ControlSocket connect() throws IOException {
    try {
      return ControlSocket.connect(socket());
    } catch (ConnectException e) {
      throw noDaemon(e);
    } catch (SocketException e) {
      if (!Files.exists(socket())) {
        throw noDaemon(e);
      }
      throw new IOException("cannot connect to " + socket() + ": " + e.getMessage(), e);
    }
  }

  private IOException noDaemon(IOException cause) {
    return new IOException(
        "no daemon serves "
            + socket()
            + ": start one with 'bailey daemon --run-dir "
            + runDirectory
            + "', or name another with --run-dir",
        cause);
  }

  private static @Nullable String readLine(BufferedReader lines) throws IOException {
    StringBuilder line = new StringBuilder();
    int c = lines.read();
    if (c < 0) {
      return null;
    }
    for (; c >= 0 && c != '\n'; c = lines.read()) {
      if (line.length() >= MAX_LINE_CHARS) {
        throw new IOException("the daemon's answer has a line of more than 16 million characters");
      }
      line.append((char) c);
    }
    return line.toString();
  }

  private static String target(String... path) {
    StringBuilder target = new StringBuilder("/v1");
    for (String part : path) {
      target.append('/');
      target.append(URLEncoder.encode(part, StandardCharsets.UTF_8).replace("+", "%20"));
    }
    return target.toString();
  }
}
