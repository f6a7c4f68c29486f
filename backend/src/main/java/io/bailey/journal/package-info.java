/**
 * The host's one log, shared by all durable volumes, and their newest level: a value stays where
 * its record has it until its volume is sorted into a run.
 *
 * <h2>A segment file (big-endian)</h2>
 *
 * <pre>
 *  0  BAILEY J version(2)   u64 number of the segment, the highest bit set if only the header is left
 * 16  u64 number of the one before it, all ones if it is the first    u64 where the log ends in that
 * 32  u32 CRC-32C of bytes 0 to 31     28 zeros
 * 64  records, each at the next multiple of 8 or of 4096
 * </pre>
 *
 * <h2>A record: one volume's batch of writes, all or nothing</h2>
 *
 * <pre>
 *   0  u32 "BLYJ"       u32 CRC-32C of bytes 8 to 159
 *   8  u32 CRC-32C of bytes 160 to the end           u32 zero
 *  16  u32 bytes of the record, the padding left out u32 bytes of the index
 *  24  u64 segment      u64 offset in it
 *  40  u64 volume       u64 last sequence of its record before this     u64 last sequence in this
 *  64  the record before this in the segment: u64 offset, 0 if none   u64 volume   u64 last sequence
 *  88  u64 segment      u64 offset: all of the log before it had been synced
 * 104  16  data key's id              32 epoch's salt        u64 nonce of the index
 * 160  the sealed index and its tag; bytes 16 to 159 are authenticated with it
 *      the sealed values, in the order of the index
 * </pre>
 *
 * <p>The index: {@code var} entries; per entry {@code var} block and {@code var} bytes of its value
 * (4096: not compressed), then {@code var} nonce and 16 bytes of tag; or 0 bytes, and {@code var}
 * how many blocks of zeros begin there. No two entries overlap.
 *
 * <p>The checksums find the torn end of a log; that bytes are the ones written is shown by the
 * tags. A record that is missing where a later one says that the log had been synced is damage: the
 * record after it says whose it was, and so does a gap in a volume's sequences.
 */
@NullMarked
package io.bailey.journal;

import org.jspecify.annotations.NullMarked;
