package io.bailey.daemon;

import io.bailey.fuzz.FuzzRule;
import io.bailey.io.StorageException;
import io.vertx.core.buffer.Buffer;
import java.io.IOException;

/** Bodies of the control API: fields of the right type and within their limits, or INVALID. */
final class RequestBodyFuzz {
  private static final String[] FIELDS = {"name", "size", "path", "share"};

  private RequestBodyFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    // The parser's own buffers come and go with the first inputs.
    FuzzRule.holds((256 << 10) + 128L * data.length, () -> read(data));
  }

  private static void read(byte[] data) throws IOException {
    try {
      RequestBody body = RequestBody.parse(Buffer.buffer(data), FIELDS);
      body.optionalString("name").ifPresent(text -> FuzzRule.check(!text.isEmpty(), "not empty"));
      body.optionalInteger("size", 512, 1L << 48)
          .ifPresent(size -> FuzzRule.check(size >= 512 && size <= 1L << 48, "within its limits"));
      body.optionalNumber("share", 0, 1)
          .ifPresent(share -> FuzzRule.check(share >= 0 && share <= 1, "within its limits"));
      FuzzRule.check(ImportRoute.absolute(body.string("path")).isAbsolute(), "absolute");
    } catch (StorageException e) {
      FuzzRule.check(e.kind() == StorageException.Kind.INVALID, "INVALID");
      FuzzRule.check(e.getMessage().length() < 1000, "an error that is short");
      FuzzRule.check(e.getMessage().lines().count() == 1, "an error of one line");
      throw e;
    }
  }
}
