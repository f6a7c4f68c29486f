package io.bailey.mindcastle;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.SortedMap;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import net.jpountz.lz4.LZ4Factory;

/** Writes disks of the format, of shapes that the sample doesn't have. */
final class SwapWriter {
  private static final int IDS_PER_CHUNK_FILE = 7;

  private final Path directory;
  private final Random random;
  private final byte[] key = new byte[32];
  private Optional<SwapFile.TreeRef> newest = Optional.empty();

  /** How a tree looks. */
  record Shape(boolean wide, int perLeaf, int fanOut, int unusedChunks) {}

  SwapWriter(Path directory, Random random) throws IOException {
    this.directory = Files.createDirectories(directory.resolve("swapdata-1"));
    this.random = random;
    random.nextBytes(key);
  }

  /** Writes the text file of the levels written so far. */
  Path finish(long size) throws IOException {
    String text = "uuid=1\nsize=%d\nkey=%s\n".formatted(size, HexFormat.of().formatHex(key));
    if (newest.isPresent()) {
      SwapFile.TreeRef ref = newest.get();
      text +=
          "snapshot=%s:%d\nsnaphash=%s\n"
              .formatted(ref.id(), ref.bytes(), HexFormat.of().formatHex(ref.tag()));
    }
    return Files.writeString(directory.resolveSibling("disk.swap"), text);
  }

  /** Writes a level above those that there are. */
  void level(SortedMap<Long, byte[]> blocks, Shape shape) throws Exception {
    newest = Optional.of(new Tree(shape, blocks).write());
  }

  private final class Tree {
    private final Shape shape;
    private final List<byte[]> nodes = new ArrayList<>();
    private final List<String> chunkIds = new ArrayList<>();
    private final List<Long> keys;
    private final List<byte[]> values = new ArrayList<>();

    Tree(Shape shape, SortedMap<Long, byte[]> blocks) throws Exception {
      this.shape = shape;
      this.keys = List.copyOf(blocks.keySet());
      for (int i = 0; i < shape.unusedChunks; i++) {
        chunkIds.add("00".repeat(32));
      }
      ByteArrayOutputStream chunk = new ByteArrayOutputStream();
      for (byte[] block : blocks.values()) {
        byte[] packed = LZ4Factory.safeInstance().fastCompressor().compress(block);
        byte[] plain = packed.length < block.length ? packed : block;
        byte[] tag = new byte[16];
        byte[] sealed = seal(plain, tag);
        byte[] value = new byte[shape.wide ? 28 : 24];
        int width = shape.wide ? 4 : 3;
        put(value, 0, chunkIds.size(), width);
        put(value, width, chunk.size(), width);
        put(value, 2 * width, sealed.length, shape.wide ? 4 : 2);
        put(value, value.length - 16, tag);
        values.add(value);
        chunk.write(sealed);
        if (values.size() % IDS_PER_CHUNK_FILE == 0) {
          chunkIds.add(file(chunk.toByteArray()));
          chunk.reset();
        }
      }
      chunkIds.add(file(chunk.toByteArray()));
    }

    SwapFile.TreeRef write() throws Exception {
      nodes.add(new byte[0]);
      byte[] rootTag = new byte[16];
      int root = node(0, keys.size(), rootTag);
      byte[] user = userData();
      byte[] meta = new byte[IndexTree.PLAIN_BYTES];
      put(meta, 0, 1, 4);
      put(meta, 4, root, 4);
      put(meta, 48, shape.wide ? IndexTree.WIDE_MAGIC : IndexTree.MAGIC, 4);
      put(meta, 56, user.length, 4);
      put(meta, 60, rootTag);
      if (user.length <= meta.length - 76) {
        put(meta, 76, user);
      } else {
        put(meta, 28, userNodes(user));
      }
      byte[] metaTag = new byte[16];
      nodes.set(0, seal(meta, metaTag));
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      for (byte[] node : nodes) {
        all.write(node);
      }
      return new SwapFile.TreeRef(file(all.toByteArray()), all.size(), metaTag);
    }

    /** Writes the node above some keys; returns its number. */
    private int node(int from, int to, byte[] tag) throws Exception {
      byte[] node = new byte[IndexTree.PLAIN_BYTES];
      if (to - from <= shape.perLeaf) {
        int most = shape.wide ? 962 : 1090;
        put(node, 0, 3, 4);
        put(node, 4, to - from, 4);
        for (int i = from; i < to; i++) {
          put(node, 28 + 6 * (i - from), keys.get(i), 6);
          int width = values.get(i).length;
          put(node, 28 + 6 * most + width * (i - from), values.get(i));
        }
      } else {
        // The first child is smaller, and so may be a leaf beside inner nodes.
        int children = Math.min(shape.fanOut, to - from);
        int first = Math.min(shape.perLeaf, (to - from) / children);
        int[] ends = new int[children];
        for (int i = 0; i < ends.length; i++) {
          ends[i] = from + first + (int) ((long) (to - from - first) * i / (ends.length - 1));
        }
        put(node, 0, 2, 4);
        put(node, 4, ends.length - 1, 4);
        int begin = from;
        for (int i = 0; i < ends.length; i++) {
          byte[] childTag = new byte[16];
          put(node, 7556 + 4 * i, node(begin, ends[i], childTag), 4);
          put(node, 12592 + 16 * i, childTag);
          if (i < ends.length - 1) {
            put(node, 8 + 6 * i, separator(ends[i]), 6);
          }
          begin = ends[i];
        }
      }
      nodes.add(seal(node, tag));
      return nodes.size() - 1;
    }

    /** Not below the key before it, and below the one there. */
    private long separator(int index) {
      return random.nextBoolean() ? keys.get(index - 1) : keys.get(index) - 1;
    }

    private byte[] userData() {
      byte[] user = new byte[104 + 40 * chunkIds.size()];
      put(user, 8, newest.isPresent() ? 1 : -1, 4);
      if (newest.isPresent()) {
        put(user, 16, HexFormat.of().parseHex(newest.get().id()));
        put(user, 48, newest.get().bytes(), 4);
        put(user, 56, newest.get().tag());
      }
      put(user, 96, chunkIds.size(), 4);
      for (int i = 0; i < chunkIds.size(); i++) {
        put(user, 104 + 40 * i, HexFormat.of().parseHex(chunkIds.get(i)));
      }
      return user;
    }

    /** Writes the nodes of user data; returns the first one's tag. */
    private byte[] userNodes(byte[] user) throws Exception {
      int count = (user.length - 1) / 32736 + 1;
      List<byte[]> sealed = new ArrayList<>();
      byte[] tag = new byte[16];
      for (int i = count - 1; i >= 0; i--) {
        byte[] node = new byte[IndexTree.PLAIN_BYTES];
        put(node, 0, 4, 4);
        put(node, 4, tag);
        int at = i * 32736;
        put(node, 20, Arrays.copyOfRange(user, at, Math.min(at + 32736, user.length)));
        sealed.addFirst(seal(node, tag));
      }
      nodes.addAll(sealed);
      return tag;
    }
  }

  private String file(byte[] content) throws Exception {
    byte[] hash = MessageDigest.getInstance("SHA-512").digest(content);
    String id = HexFormat.of().formatHex(hash, 0, 32);
    Files.write(directory.resolve(id + ".lvl"), content);
    return id;
  }

  private byte[] seal(byte[] plain, byte[] tag) throws GeneralSecurityException {
    byte[] nonce = new byte[12];
    random.nextBytes(nonce);
    Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
    cipher.init(
        Cipher.ENCRYPT_MODE, new SecretKeySpec(key, "AES"), new GCMParameterSpec(128, nonce));
    byte[] sealed = cipher.doFinal(plain);
    System.arraycopy(sealed, plain.length, tag, 0, 16);
    byte[] all = Arrays.copyOf(nonce, nonce.length + plain.length);
    System.arraycopy(sealed, 0, all, nonce.length, plain.length);
    return all;
  }

  private static void put(byte[] to, int at, byte[] bytes) {
    System.arraycopy(bytes, 0, to, at, bytes.length);
  }

  private static void put(byte[] to, int at, long number, int bytes) {
    for (int i = 0; i < bytes; i++) {
      to[at + i] = (byte) (number >>> (8 * i));
    }
  }
}
