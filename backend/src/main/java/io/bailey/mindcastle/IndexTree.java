package io.bailey.mindcastle;

import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One level's tree, which says of each block that the level has where its value lies. It is on one
 * of its entries, or on none. Keeps the nodes on the way to it, 32 KiB each. One thread.
 */
final class IndexTree {
  static final int NODE_BYTES = 32 << 10;
  static final int PLAIN_BYTES = NODE_BYTES - Sealed.NONCE_BYTES;
  static final int MAGIC = 0xfedeabe0;
  static final int WIDE_MAGIC = 0xfedeabe1;

  private static final int META = 1;
  private static final int INNER = 2;
  private static final int LEAF = 3;
  private static final int USER_DATA = 4;

  private static final int ROOT_AT = 4;
  private static final int FIRST_USER_TAG_AT = 28;
  private static final int MAGIC_AT = 48;
  private static final int USER_BYTES_AT = 56;
  private static final int ROOT_TAG_AT = 60;
  private static final int USER_DATA_AT = 76;

  private static final int COUNT_AT = 4;
  private static final int KEY_BYTES = 6;
  private static final int INNER_KEYS = 1258;
  private static final int INNER_KEYS_AT = 8;
  private static final int CHILDREN_AT = INNER_KEYS_AT + INNER_KEYS * KEY_BYTES;
  private static final int CHILD_TAGS_AT = CHILDREN_AT + (INNER_KEYS + 1) * Integer.BYTES;
  private static final int LEAF_KEYS_AT = 28;
  private static final int LEAF_KEYS = 1090;
  private static final int WIDE_LEAF_KEYS = 962;
  private static final int VALUE_BYTES = 24;
  private static final int WIDE_VALUE_BYTES = 28;

  private static final int NEXT_USER_TAG_AT = 4;
  private static final int USER_NODE_DATA_AT = 20;
  private static final int USER_NODE_BYTES = PLAIN_BYTES - USER_NODE_DATA_AT;

  private static final int OLDER_AT = 8;
  private static final int OLDER_ID_AT = 16;
  private static final int OLDER_BYTES_AT = 48;
  private static final int OLDER_TAG_AT = 56;
  private static final int CHUNKS_AT = 96;
  private static final int CHUNK_IDS_AT = 104;
  private static final int CHUNK_ID_STRIDE = 40;
  private static final int ID_BYTES = 32;

  /** Trees of full nodes have 3 at most; they needn't be full, nor even. */
  private static final int MAX_DEPTH = 12;

  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  private final Chunks chunks;
  private final Sealed sealed;
  private final String id;
  private final int nodes;
  private final byte[] buffer = new byte[NODE_BYTES + Sealed.TAG_BYTES];
  private final byte[] user;
  private final boolean wide;
  private final int root;
  private final byte[] rootTag;

  /** The nodes from the root down, of the last descent, and their numbers. */
  private final byte[][] path = new byte[MAX_DEPTH][];

  private final int[] numbers = new int[MAX_DEPTH];

  /** The leaf, which has all keys of the tree from {@code low} to {@code high}. */
  private byte @Nullable [] leaf;

  private long low;
  private long high;
  private int entry;

  /**
   * Opens a tree.
   *
   * @param maxUserBytes how long the description of the level may be
   * @throws StorageException kind {@code DAMAGED} if its first node isn't the one of that tag
   */
  IndexTree(Chunks chunks, Sealed sealed, SwapFile.TreeRef ref, int maxUserBytes)
      throws IOException {
    this.chunks = chunks;
    this.sealed = sealed;
    this.id = ref.id();
    long bytes = chunks.size(id);
    if (bytes != ref.bytes() || bytes % NODE_BYTES != 0 || bytes / NODE_BYTES > Integer.MAX_VALUE) {
      throw damaged("has " + bytes + " bytes and not " + ref.bytes());
    }
    this.nodes = (int) (bytes / NODE_BYTES);
    byte[] meta = new byte[PLAIN_BYTES];
    read(0, ref.tag(), 0, meta);
    check(intAt(meta, 0) == META, 0, meta);
    int magic = intAt(meta, MAGIC_AT);
    if (magic != MAGIC && magic != WIDE_MAGIC) {
      throw damaged("has magic %08x: it is of a version that isn't known".formatted(magic));
    }
    this.wide = magic == WIDE_MAGIC;
    this.root = intAt(meta, ROOT_AT);
    this.rootTag = Arrays.copyOfRange(meta, ROOT_TAG_AT, ROOT_TAG_AT + Sealed.TAG_BYTES);
    this.user = userData(meta, maxUserBytes);
  }

  private byte[] userData(byte[] meta, int most) throws IOException {
    int bytes = intAt(meta, USER_BYTES_AT);
    if (bytes < CHUNK_IDS_AT || bytes > most) {
      throw damaged("describes its level in " + bytes + " bytes");
    }
    if (bytes <= PLAIN_BYTES - USER_DATA_AT) {
      return Arrays.copyOfRange(meta, USER_DATA_AT, USER_DATA_AT + bytes);
    }
    int count = (bytes - 1) / USER_NODE_BYTES + 1;
    if (count >= nodes) {
      throw damaged("describes its level in " + bytes + " bytes, but has " + nodes + " nodes");
    }
    byte[] data = new byte[bytes];
    byte[] node = new byte[PLAIN_BYTES];
    byte[] tag = Arrays.copyOfRange(meta, FIRST_USER_TAG_AT, FIRST_USER_TAG_AT + Sealed.TAG_BYTES);
    for (int i = 0; i < count; i++) {
      read(nodes - count + i, tag, 0, node);
      check(intAt(node, 0) == USER_DATA, nodes - count + i, node);
      int at = i * USER_NODE_BYTES;
      System.arraycopy(node, USER_NODE_DATA_AT, data, at, Math.min(USER_NODE_BYTES, bytes - at));
      System.arraycopy(node, NEXT_USER_TAG_AT, tag, 0, Sealed.TAG_BYTES);
    }
    return data;
  }

  /** Bytes of the description of the level. */
  int userBytes() {
    return user.length;
  }

  /** The tree of the next older level. */
  Optional<SwapFile.TreeRef> older() {
    if (intAt(user, OLDER_AT) < 0) {
      return Optional.empty();
    }
    return Optional.of(
        new SwapFile.TreeRef(
            HexFormat.of().formatHex(user, OLDER_ID_AT, OLDER_ID_AT + ID_BYTES),
            Integer.toUnsignedLong(intAt(user, OLDER_BYTES_AT)),
            Arrays.copyOfRange(user, OLDER_TAG_AT, OLDER_TAG_AT + Sealed.TAG_BYTES)));
  }

  /** Goes to the first entry whose block is not below this one; false if there is none. */
  boolean seek(long block) throws IOException {
    long from = block;
    // Each turn but the last passes a leaf, of which a tree has fewer than nodes.
    for (int turn = 0; turn < nodes; turn++) {
      byte[] here = leaf;
      if (here == null || from < low || from > high) {
        here = descend(from);
      }
      int keys = count(here, wide ? WIDE_LEAF_KEYS : LEAF_KEYS);
      entry = firstNotBelow(here, LEAF_KEYS_AT, keys, from);
      if (entry < keys) {
        return true;
      }
      if (high == Long.MAX_VALUE) {
        return false;
      }
      from = high + 1;
    }
    throw damaged("has leaves that come more than once");
  }

  private byte[] descend(long block) throws IOException {
    leaf = null;
    low = 0;
    high = Long.MAX_VALUE;
    int number = root;
    byte[] tags = rootTag;
    int tagAt = 0;
    for (int depth = 0; depth < MAX_DEPTH; depth++) {
      byte[] node = node(depth, number, tags, tagAt);
      if (intAt(node, 0) == LEAF) {
        leaf = node;
        return node;
      }
      int keys = count(node, INNER_KEYS);
      int child = firstNotBelow(node, INNER_KEYS_AT, keys, block);
      if (child > 0) {
        low = Math.max(low, keyAt(node, INNER_KEYS_AT, child - 1) + 1);
      }
      if (child < keys) {
        high = Math.min(high, keyAt(node, INNER_KEYS_AT, child));
      }
      number = intAt(node, CHILDREN_AT + child * Integer.BYTES);
      tags = node;
      tagAt = CHILD_TAGS_AT + child * Sealed.TAG_BYTES;
    }
    throw damaged("has more than " + MAX_DEPTH + " nodes above one another");
  }

  /** A node, which may be the one that was the last at that depth. */
  private byte[] node(int depth, int number, byte[] tags, int tagAt) throws IOException {
    byte[] node = path[depth];
    if (node == null) {
      node = new byte[PLAIN_BYTES];
      path[depth] = node;
    } else if (numbers[depth] == number) {
      return node;
    }
    // Not while it is half read.
    numbers[depth] = -1;
    read(number, tags, tagAt, node);
    check(intAt(node, 0) == INNER || intAt(node, 0) == LEAF, number, node);
    numbers[depth] = number;
    return node;
  }

  private void read(int number, byte[] tags, int tagAt, byte[] node) throws IOException {
    if (number < 0 || number >= nodes) {
      throw damaged("has no node " + number);
    }
    long offset = (long) number * NODE_BYTES;
    chunks.read(id, offset, buffer, NODE_BYTES);
    if (!sealed.open(buffer, NODE_BYTES, tags, tagAt, node)) {
      throw damaged("is damaged at offset " + offset);
    }
  }

  private void check(boolean rightType, int number, byte[] node) throws StorageException {
    if (!rightType) {
      throw damaged("has node " + number + " of type " + intAt(node, 0) + " in the wrong place");
    }
  }

  private int count(byte[] node, int most) throws StorageException {
    int count = intAt(node, COUNT_AT);
    if (count < 0 || count > most) {
      throw damaged("has a node of " + count + " keys");
    }
    return count;
  }

  private static int firstNotBelow(byte[] node, int keysAt, int count, long block) {
    int from = 0;
    int to = count;
    while (from < to) {
      int middle = (from + to) >>> 1;
      if (keyAt(node, keysAt, middle) < block) {
        from = middle + 1;
      } else {
        to = middle;
      }
    }
    return from;
  }

  private static long keyAt(byte[] node, int keysAt, int index) {
    int at = keysAt + index * KEY_BYTES;
    return (intAt(node, at) & 0xffff_ffffL) | (long) shortAt(node, at + Integer.BYTES) << 32;
  }

  // The entry that it is on

  long block() {
    return keyAt(atLeaf(), LEAF_KEYS_AT, entry);
  }

  /** The file that the value lies in. */
  String chunk() throws StorageException {
    int at = valueAt();
    long index = wide ? Integer.toUnsignedLong(intAt(atLeaf(), at)) : mediumAt(atLeaf(), at);
    long count = Integer.toUnsignedLong(intAt(user, CHUNKS_AT));
    long idAt = CHUNK_IDS_AT + index * CHUNK_ID_STRIDE;
    if (index >= count || idAt + ID_BYTES > user.length) {
      throw damaged("has block " + block() + " in chunk " + index + " of " + count);
    }
    return HexFormat.of().formatHex(user, (int) idAt, (int) idAt + ID_BYTES);
  }

  /** Of the value in its file, in bytes. */
  long offset() {
    int at = valueAt();
    return wide
        ? Integer.toUnsignedLong(intAt(atLeaf(), at + Integer.BYTES))
        : mediumAt(atLeaf(), at + 3);
  }

  /** Bytes of the value; unchecked. */
  int size() {
    int at = valueAt();
    return wide ? intAt(atLeaf(), at + 2 * Integer.BYTES) : shortAt(atLeaf(), at + 6);
  }

  /** Opens the value, of which the sealed bytes are given; false if they aren't it. */
  boolean open(byte[] value, byte[] out) {
    int tagAt = valueAt() + (wide ? WIDE_VALUE_BYTES : VALUE_BYTES) - Sealed.TAG_BYTES;
    return sealed.open(value, size(), atLeaf(), tagAt, out);
  }

  private byte[] atLeaf() {
    if (leaf == null) {
      throw new IllegalStateException("on no entry");
    }
    return leaf;
  }

  private int valueAt() {
    return wide
        ? LEAF_KEYS_AT + WIDE_LEAF_KEYS * KEY_BYTES + entry * WIDE_VALUE_BYTES
        : LEAF_KEYS_AT + LEAF_KEYS * KEY_BYTES + entry * VALUE_BYTES;
  }

  private static int intAt(byte[] bytes, int at) {
    return (int) INT.get(bytes, at);
  }

  private static int shortAt(byte[] bytes, int at) {
    return (bytes[at] & 0xff) | (bytes[at + 1] & 0xff) << 8;
  }

  private static int mediumAt(byte[] bytes, int at) {
    return shortAt(bytes, at) | (bytes[at + 2] & 0xff) << 16;
  }

  private StorageException damaged(String what) {
    return new StorageException(Kind.DAMAGED, "tree " + id + ".lvl " + what);
  }
}
