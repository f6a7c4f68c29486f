/**
 * The host's one write-ahead log, shared by all durable volumes.
 *
 * <h2>A segment file</h2>
 *
 * <pre>
 *  0  BAILEY J version(1)   u64 number of the segment
 * 16  records, one after the other; what doesn't parse as one is the end
 * </pre>
 *
 * <h2>A record: one volume's batch of writes, all or nothing (big-endian)</h2>
 *
 * <pre>
 *   0  u32 "BLYJ"       u32 bytes of the record
 *   8  u32 CRC-32C of all that follows
 *  12  u64 segment      u64 volume     u64 last sequence in the batch
 *  36  16  data key's id               32 epoch's salt
 *  84  u64 nonce of the index          u32 bytes of the index
 *  96  the sealed index and its tag; bytes 12 to 95 are authenticated with it
 *      the sealed values, in the order of the index
 * </pre>
 *
 * <p>The index: {@code var} entries; per entry {@code var} block and {@code var} bytes of its value
 * (4096: not compressed), then {@code var} nonce and 16 bytes of tag; or 0 bytes, and {@code var}
 * how many blocks of zeros begin there.
 *
 * <p>The checksum finds the torn end of a log; that bytes are the ones written is shown by the
 * tags.
 */
@NullMarked
package io.bailey.journal;

import org.jspecify.annotations.NullMarked;
