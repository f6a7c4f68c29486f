package io.bailey.volume;

import io.bailey.chunk.ChunkId;
import io.bailey.crypto.Aead;
import io.bailey.crypto.Codec;
import io.bailey.crypto.DataKey;
import io.bailey.crypto.Epoch;
import io.bailey.crypto.KeyRing;
import io.bailey.crypto.KeyWrap;
import io.bailey.dubtree.Dubtree;
import io.bailey.dubtree.RunRef;
import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import io.bailey.io.HostFile;
import io.bailey.io.HostFiles;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * A version of a disk: a small sealed record that names the runs it is made of, and so, through
 * their Merkle trees, every byte.
 *
 * <pre>
 *  0  BAILEY R version(1)
 *  8  u32 CRC-32C of all that follows
 * 12  var data keys    per key: 16 id, 40 wrapped secret (RFC 5649)
 *     16  id of the key of the body    32 epoch's salt    u64 nonce
 *     var bytes of the body
 *     the sealed body and its tag; everything before is authenticated with it
 *
 * body: u64 volume    var bytes of the disk    var sequence    var generation
 *       u64 milliseconds since 1970    u8 durability    var length, name of the image it came from
 *       var own runs    var all runs    per run, newest first: {@link RunRef}
 * </pre>
 *
 * @param volume names the volume in the journal and the write buffers; 0 for an image
 * @param sequence every write up to it is in the runs
 * @param generation one more at each replacement; the first is from the store's {@link Anchor}
 * @param ownRuns how many of the runs, the newest, are the volume's own and may be merged
 * @param keyIds of all data keys that the runs need; the first is the one to seal with
 */
record Root(
    long volume,
    long size,
    long sequence,
    long generation,
    Instant created,
    Durability durability,
    Optional<ImageName> from,
    int ownRuns,
    List<RunRef> runs,
    List<DataKey.Id> keyIds) {
  /** Ends the names of roots that aren't in force; no name of an image or volume can. */
  static final String UNFINISHED = "~new";

  private static final byte[] MAGIC = {'B', 'A', 'I', 'L', 'E', 'Y', 'R', 1};
  private static final int MAX_BYTES = 16 << 20;
  private static final int MAX_KEYS = 4096;
  private static final int MAX_RUNS = 65536;
  private static final int BODY_AT = 12;

  /** Of an image; its generation is still to come. */
  static Root ofImage(
      long size, Optional<ImageName> from, List<RunRef> runs, List<DataKey.Id> keyIds) {
    return new Root(0, size, 0, 1, Instant.now(), Durability.FLUSH, from, 0, runs, keyIds);
  }

  /** Whether what it names is to survive power loss. */
  boolean durable() {
    return durability != Durability.NONE;
  }

  /** Blocks of the disk, the last of which it may have in part. */
  long blocks() {
    return (size + Dubtree.BLOCK_BYTES - 1) >>> Dubtree.BLOCK_SHIFT;
  }

  /** SHA-256, in hex, of what the root says of the disk's content. */
  String contentId() {
    Encoder out = new Encoder(256);
    out.putVar(size);
    runs.forEach(run -> run.writeTo(out));
    return HexFormat.of().formatHex(ChunkId.sha256().digest(out.toBytes()));
  }

  /**
   * Writes the root under a name of its own, beside the one that is in force.
   *
   * @param sync whether it is to survive power loss
   * @return bytes written
   */
  int writeFresh(
      HostFiles files, Path directory, String name, KeyRing keys, KeyWrap wrap, boolean sync)
      throws IOException {
    if (keyIds.size() > MAX_KEYS) {
      throw new StorageException(
          Kind.INVALID,
          name
              + " would need "
              + keyIds.size()
              + " data keys, one for each commit since which nothing has replaced its data, and "
              + MAX_KEYS
              + " is the most: copy the disk to a new volume, and go on with that");
    }
    byte[] bytes = encode(keys, wrap);
    if (runs.size() > MAX_RUNS || bytes.length > MAX_BYTES) {
      throw new StorageException(
          Kind.INVALID,
          name
              + " would have "
              + runs.size()
              + " runs, more than a root can name, for they can't be merged: 'bailey check' says"
              + " what is damaged");
    }
    Path fresh = directory.resolve(name + UNFINISHED);
    files.delete(fresh);
    try (HostFile file = files.create(fresh)) {
      file.write(0, bytes, 0, bytes.length);
      if (sync) {
        file.sync();
      }
    }
    return bytes.length;
  }

  /** Puts the root just written in force, in one step. If it fails, either may be. */
  void install(HostFiles files, Path directory, String name, boolean sync) throws IOException {
    files.rename(directory.resolve(name + UNFINISHED), directory.resolve(name));
    if (sync) {
      try {
        files.syncDirectory(directory);
      } catch (StorageException e) {
        // Whatever its kind: to try again would prove nothing.
        throw new StorageException(Kind.IO, String.valueOf(e.getMessage()), e);
      }
    }
  }

  /** The same content as the first root of a new life. */
  Root reborn(long newVolume, long newGeneration) {
    return new Root(
        newVolume, size, sequence, newGeneration, created, durability, from, ownRuns, runs, keyIds);
  }

  private byte[] encode(KeyRing keys, KeyWrap wrap) throws StorageException {
    Encoder body = new Encoder(1024);
    body.putLong(volume).putVar(size).putVar(sequence).putVar(generation);
    body.putLong(created.toEpochMilli()).putByte(durability.code());
    body.putString(from.map(ImageName::toString).orElse(""));
    body.putVar(ownRuns).putVar(runs.size());
    runs.forEach(run -> run.writeTo(body));

    Encoder out = new Encoder(1024 + body.size());
    out.putBytes(MAGIC).putInt(0).putVar(keyIds.size());
    for (DataKey.Id id : keyIds) {
      out.putBytes(id.bytes()).putBytes(wrap.wrap(keys.get(id)));
    }
    Epoch epoch = Epoch.begin(keys.get(keyIds.getFirst()));
    long counter = epoch.nextCounter();
    out.putBytes(epoch.keyId().bytes()).putBytes(epoch.salt()).putLong(counter);
    out.putVar(body.size());
    byte[] outside = Arrays.copyOfRange(out.array(), BODY_AT, out.size());
    int at = out.skip(body.size() + Aead.TAG_BYTES);
    Codec codec = Codec.borrow();
    try {
      codec.aead().sealWith(epoch, counter, outside, body.array(), 0, body.size(), out.array(), at);
    } finally {
      codec.giveBack();
    }
    byte[] bytes = out.toBytes();
    Encoder checksum = new Encoder(4).putInt(checksum(bytes));
    System.arraycopy(checksum.array(), 0, bytes, MAGIC.length, 4);
    return bytes;
  }

  static int checksum(byte[] bytes) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, BODY_AT, bytes.length - BODY_AT);
    return (int) crc.getValue();
  }

  /** Reads a root, and adds the keys it carries to the ring. */
  static Root read(HostFiles files, Path path, KeyRing keys, KeyWrap wrap) throws IOException {
    byte[] bytes;
    try (HostFile file = files.open(path)) {
      long size = file.size();
      if (size < BODY_AT || size > MAX_BYTES) {
        throw new StorageException(Kind.DAMAGED, "root " + path + " has " + size + " bytes");
      }
      bytes = new byte[(int) size];
      file.read(0, bytes, 0, bytes.length);
    }
    Decoder in = new Decoder("root " + path, bytes);
    byte[] magic = in.getBytes(MAGIC.length);
    if (!Arrays.equals(magic, 0, MAGIC.length - 1, MAGIC, 0, MAGIC.length - 1)) {
      throw in.damaged("doesn't begin with BAILEYR");
    }
    if (magic[MAGIC.length - 1] > MAGIC[MAGIC.length - 1]) {
      throw new StorageException(
          Kind.TOO_NEW, "root " + path + " was written by a newer version: update this program");
    }
    if (magic[MAGIC.length - 1] != MAGIC[MAGIC.length - 1]) {
      throw in.damaged("has a version that never was, " + magic[MAGIC.length - 1]);
    }
    if (in.getInt() != checksum(bytes)) {
      throw in.damaged("doesn't have its checksum");
    }
    return decode(in, bytes, path, keys, wrap);
  }

  private static Root decode(Decoder in, byte[] bytes, Path path, KeyRing keys, KeyWrap wrap)
      throws StorageException {
    List<DataKey.Id> ids = new ArrayList<>();
    for (int i = in.getVarInt(1, MAX_KEYS); i > 0; i--) {
      DataKey.Id id = new DataKey.Id(in.getBytes(DataKey.ID_BYTES));
      keys.add(wrap.unwrap(id, in.getBytes(KeyWrap.WRAPPED_BYTES), "root " + path));
      ids.add(id);
    }
    DataKey.Id bodyKey = new DataKey.Id(in.getBytes(DataKey.ID_BYTES));
    Epoch epoch = Epoch.of(keys.get(bodyKey), in.getBytes(Epoch.SALT_BYTES));
    long counter = in.getLong();
    int length = in.getVarInt(1, MAX_BYTES);
    int at = in.position();
    if (in.remaining() != length + Aead.TAG_BYTES) {
      throw in.damaged("has a body of a wrong length");
    }
    byte[] outside = Arrays.copyOfRange(bytes, BODY_AT, at);
    byte[] plain = new byte[length];
    Codec codec = Codec.borrow();
    try {
      if (!codec.aead().openWith(epoch, counter, outside, bytes, at, length, plain, 0)) {
        throw in.damaged("doesn't authenticate");
      }
    } finally {
      codec.giveBack();
    }
    return decodeBody(new Decoder("root " + path, plain), ids);
  }

  static Root decodeBody(Decoder in, List<DataKey.Id> keyIds) throws StorageException {
    long volume = in.getLong();
    long size = in.getVar();
    if (size <= 0 || size > Dubtree.MAX_BLOCKS << Dubtree.BLOCK_SHIFT) {
      throw in.damaged("is of a disk of " + size + " bytes");
    }
    long sequence = in.getCount();
    long generation = in.getCount();
    Instant created = Instant.ofEpochMilli(in.getLong());
    Durability durability = Durability.of(in.getByte(), in);
    String from = in.getString(256);
    int own = in.getVarInt(0, MAX_RUNS);
    int count = in.getVarInt(own, MAX_RUNS);
    List<RunRef> runs = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      runs.add(RunRef.readFrom(in));
    }
    return new Root(
        volume,
        size,
        sequence,
        generation,
        created,
        durability,
        from.isEmpty() ? Optional.empty() : Optional.of(imageName(in, from)),
        own,
        runs,
        keyIds);
  }

  private static ImageName imageName(Decoder in, String text) throws StorageException {
    try {
      return ImageName.parse(text);
    } catch (StorageException e) {
      throw in.damaged("comes from an image of no possible name: " + e.getMessage());
    }
  }
}
