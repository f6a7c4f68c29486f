package io.bailey.crypto;

/** What only tests may see of keys. */
public final class TestKeys {
  private TestKeys() {}

  /** The bytes that must not leak. */
  public static byte[] secret(DataKey key) {
    return key.secret().clone();
  }
}
