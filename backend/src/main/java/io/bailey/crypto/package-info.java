/**
 * Keys and sealing.
 *
 * <pre>
 * outer key: a key file of 32 bytes, or Argon2id (RFC 9106) of a passphrase
 *    | wraps (AES-256-KWP, RFC 5649)
 * key-encryption key: one a store
 *    | wraps
 * data key: one an image or volume; its id is public
 *    | HKDF-SHA256 (RFC 5869) over a random 256-bit salt, at each opening
 * epoch key
 *    | AES-256-GCM, nonce: 32 zero bits, 64-bit counter
 * values, nodes, journal records, roots
 * </pre>
 *
 * A pair of epoch key and counter seals once. A crash, a fork, a restored backup or a second
 * process begins a new epoch with a new salt, and never continues an old counter.
 */
@NullMarked
package io.bailey.crypto;

import org.jspecify.annotations.NullMarked;
