package io.bailey.cli;

import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * One HTTP/1.1 request and its answer over a Unix socket.
 *
 * <p>Design note: why this is our own. The JDK's HTTP client has no Unix sockets, and Netty's and
 * Vert.x's cost more than half of what a client command may take to start. One request a connection
 * leaves little to read: a head, and a body by length, in chunks, or up to the end.
 *
 * <p>Everything that is read is bounded: the head by {@value #MAX_HEAD_BYTES} bytes, bodies read
 * whole by {@value #MAX_BODY_BYTES}. Not thread-safe, but {@link #close} from another thread ends a
 * wait.
 */
final class ControlSocket implements Closeable {
  static final int MAX_HEAD_BYTES = 16 << 10;
  static final int MAX_BODY_BYTES = 64 << 20;

  private final SocketChannel channel;
  private final InputStream in;
  private int status;
  private @Nullable InputStream body;

  private ControlSocket(SocketChannel channel) {
    this.channel = channel;
    this.in = new BufferedInputStream(Channels.newInputStream(channel), 16 << 10);
  }

  /** Connects; a failure is the plain {@link IOException} of the system. */
  static ControlSocket connect(Path socket) throws IOException {
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      channel.connect(UnixDomainSocketAddress.of(socket));
      return new ControlSocket(channel);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  /** Sends the request and reads the answer's head. */
  void request(String method, String target, @Nullable String json) throws IOException {
    byte[] content = json == null ? new byte[0] : json.getBytes(StandardCharsets.UTF_8);
    StringBuilder head = new StringBuilder(160);
    head.append(method).append(' ').append(target).append(" HTTP/1.1\r\n");
    head.append("Host: localhost\r\nConnection: close\r\n");
    if (json != null) {
      head.append("Content-Type: application/json\r\n");
      head.append("Content-Length: ").append(content.length).append("\r\n");
    }
    byte[] first = head.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1);
    ByteBuffer out = ByteBuffer.allocate(first.length + content.length);
    out.put(first).put(content).flip();
    while (out.hasRemaining()) {
      channel.write(out);
    }
    readHead();
  }

  /** The answer's status, 200 to 599. */
  int status() {
    return status;
  }

  /** The answer's body as it comes; its end is checked, so a cut-off body is an exception. */
  InputStream body() {
    if (body == null) {
      throw new IllegalStateException("no request was sent");
    }
    return body;
  }

  /** The whole body as text. */
  String text() throws IOException {
    byte[] bytes = body().readNBytes(MAX_BODY_BYTES + 1);
    if (bytes.length > MAX_BODY_BYTES) {
      throw new IOException("the daemon's answer is longer than " + MAX_BODY_BYTES + " bytes");
    }
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private void readHead() throws IOException {
    int[] left = {MAX_HEAD_BYTES};
    do {
      status = readStatus(readLine(left));
      long length = -1;
      boolean chunked = false;
      for (String line = readLine(left); !line.isEmpty(); line = readLine(left)) {
        int colon = line.indexOf(':');
        if (colon <= 0) {
          throw notHttp(line);
        }
        String name = line.substring(0, colon).toLowerCase(Locale.ROOT);
        String value = line.substring(colon + 1).strip();
        if (name.equals("content-length")) {
          length = parseLength(value, 10);
        } else if (name.equals("transfer-encoding")) {
          chunked = value.equalsIgnoreCase("chunked");
        }
      }
      if (status == 204 || status == 304) {
        length = 0;
      }
      body = chunked ? new Chunks(in) : length >= 0 ? new Counted(in, length) : in;
    } while (status < 200);
  }

  private static int readStatus(String line) throws IOException {
    if (!line.matches("HTTP/1\\.[01] [1-5][0-9][0-9]( .*)?")) {
      throw notHttp(line);
    }
    return Integer.parseInt(line.substring(9, 12));
  }

  private String readLine(int[] left) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = in.read(); c != '\n'; c = in.read()) {
      if (c < 0) {
        throw new EOFException("the daemon closed the connection before it answered");
      }
      if (--left[0] < 0) {
        throw new IOException("the daemon's answer begins with more than 16 KiB of headers");
      }
      line.append((char) c);
    }
    int end = line.length();
    return end > 0 && line.charAt(end - 1) == '\r' ? line.substring(0, end - 1) : line.toString();
  }

  private static long parseLength(String digits, int radix) throws IOException {
    try {
      long length = Long.parseLong(digits, radix);
      if (length >= 0) {
        return length;
      }
    } catch (NumberFormatException e) {
      throw new IOException("the daemon's answer has a length that is no number", e);
    }
    throw new IOException("the daemon's answer has a negative length");
  }

  private static IOException notHttp(String line) {
    String shown = line.length() > 40 ? line.substring(0, 40) + "…" : line;
    return new IOException("the answer is not HTTP: '" + Table.printable(shown) + "'");
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }

  /** A body of known length. */
  private static final class Counted extends FilterInputStream {
    private long left;

    Counted(InputStream in, long length) {
      super(in);
      this.left = length;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      if (left == 0) {
        return -1;
      }
      int n = super.read(buffer, offset, (int) Math.min(length, left));
      if (n < 0) {
        throw new EOFException("the daemon's answer ends " + left + " bytes too early");
      }
      left -= n;
      return n;
    }
  }

  /** A body in chunks; trailers are not expected and end it. */
  private static final class Chunks extends FilterInputStream {
    private long left;
    private boolean first = true;
    private boolean done;

    Chunks(InputStream in) {
      super(in);
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      if (left == 0 && !done) {
        nextChunk();
      }
      if (done) {
        return -1;
      }
      int n = super.read(buffer, offset, (int) Math.min(length, left));
      if (n < 0) {
        throw new EOFException("the daemon's answer ends in the middle");
      }
      left -= n;
      return n;
    }

    /**
     * What is left of the chunk: a reader of text that hears of the line end behind it waits for
     * the next chunk before it hands out the line it has.
     */
    @Override
    public int available() throws IOException {
      return (int) Math.min(left, super.available());
    }

    private void nextChunk() throws IOException {
      if (!first && !line().isEmpty()) {
        throw new IOException("the daemon's answer has a chunk of a wrong length");
      }
      first = false;
      String size = line();
      int extension = size.indexOf(';');
      left = parseLength((extension < 0 ? size : size.substring(0, extension)).strip(), 16);
      done = left == 0;
    }

    private String line() throws IOException {
      StringBuilder line = new StringBuilder();
      for (int c = in.read(); c != '\n'; c = in.read()) {
        if (c < 0) {
          throw new EOFException("the daemon's answer ends in the middle");
        }
        if (line.length() > 256) {
          throw new IOException("the daemon's answer has a chunk without a length");
        }
        if (c != '\r') {
          line.append((char) c);
        }
      }
      return line.toString();
    }
  }
}
