package io.bailey.remote;

import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import io.bailey.volume.ChunkSource;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Chunk files on an HTTP server. No redirect is followed, wherever it leads; a body comes as it is
 * stored, and as long as it was said to be; a server that is silent, or slower than 16 KiB a
 * second, is given up.
 */
final class HttpChunks implements ChunkSource {
  private static final int MIN_BYTES_PER_SECOND = 16 << 10;

  private final URI prefix;
  private final Duration timeout;
  private final HttpClient client;

  /** Bodies are read here, so that who asked can stop waiting. */
  private final ExecutorService readers = Executors.newVirtualThreadPerTaskExecutor();

  /**
   * A source.
   *
   * @param prefix ends in a slash
   * @param timeout how long the server may be silent
   */
  HttpChunks(URI prefix, Duration timeout) {
    this.prefix = prefix;
    this.timeout = timeout;
    this.client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(timeout)
            .executor(readers)
            .build();
  }

  @Override
  public InputStream open(String name, long bytes) throws IOException {
    URI uri = prefix.resolve(name);
    HttpRequest request =
        HttpRequest.newBuilder(uri)
            .timeout(timeout)
            .header("Accept-Encoding", "identity")
            .header("User-Agent", "bailey")
            .GET()
            .build();
    HttpResponse<InputStream> response;
    try {
      response = client.send(request, HttpResponse.BodyHandlers.ofInputStream());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StorageException(Kind.CLOSED, "interrupted while asking for " + uri, e);
    } catch (IOException e) {
      String why = StorageException.reasonOf(e);
      throw new StorageException(Kind.IO, "can't get " + uri + ": " + why, e);
    }
    try {
      checkHead(uri, response, bytes);
    } catch (StorageException e) {
      response.body().close();
      throw e;
    }
    return new Body(uri, response.body(), bytes);
  }

  private static void checkHead(URI uri, HttpResponse<InputStream> response, long bytes)
      throws StorageException {
    int status = response.statusCode();
    if (status == 404 || status == 410) {
      throw new StorageException(Kind.NOT_FOUND, uri + " isn't there: status " + status);
    }
    if (status >= 300 && status < 400) {
      throw new StorageException(
          Kind.IO, uri + " leads elsewhere (status " + status + "), and that isn't followed");
    }
    if (status != 200) {
      throw new StorageException(Kind.IO, "can't get " + uri + ": status " + status);
    }
    String coding = response.headers().firstValue("Content-Encoding").orElse("identity");
    if (!coding.equalsIgnoreCase("identity")) {
      throw new StorageException(Kind.DAMAGED, uri + " comes in a coding that wasn't asked for");
    }
    long length;
    try {
      length = response.headers().firstValueAsLong("Content-Length").orElse(bytes);
    } catch (NumberFormatException e) {
      throw new StorageException(Kind.DAMAGED, uri + " has a length that is no number", e);
    }
    if (length != bytes) {
      throw new StorageException(Kind.DAMAGED, uri + " has " + length + " bytes, not " + bytes);
    }
  }

  @Override
  public void close() {
    client.shutdownNow();
    readers.shutdownNow();
  }

  /** A body whose reads end in time. */
  private final class Body extends InputStream {
    private final URI uri;
    private final InputStream in;
    private final long deadline;

    Body(URI uri, InputStream in, long bytes) {
      this.uri = uri;
      this.in = in;
      long seconds = bytes / MIN_BYTES_PER_SECOND;
      this.deadline = System.nanoTime() + timeout.plusSeconds(seconds).toNanos();
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] dst, int offset, int length) throws IOException {
      Future<Integer> reading;
      try {
        reading = readers.submit(() -> in.read(dst, offset, length));
      } catch (RejectedExecutionException e) {
        throw new StorageException(Kind.CLOSED, "can't read " + uri + ": closed", e);
      }
      try {
        long left = Math.min(timeout.toNanos(), deadline - System.nanoTime());
        return reading.get(Math.max(0, left), TimeUnit.NANOSECONDS);
      } catch (TimeoutException e) {
        throw new StorageException(
            Kind.IO, uri + " sends nothing, or too slowly: given up after " + timeout, e);
      } catch (ExecutionException e) {
        throw new StorageException(Kind.IO, "can't read " + uri + ": " + e.getCause(), e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new StorageException(Kind.CLOSED, "interrupted while reading " + uri, e);
      }
    }

    @Override
    public void close() throws IOException {
      in.close();
    }
  }
}
