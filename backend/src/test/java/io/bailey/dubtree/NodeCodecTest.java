package io.bailey.dubtree;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.chunk.ChunkId;
import io.bailey.crypto.DataKey;
import io.bailey.io.Decoder;
import io.bailey.io.Encoder;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Nodes come back as they were, and bytes that aren't nodes are damage and nothing worse. */
final class NodeCodecTest {
  private static final Leaf.Limits LIMITS = new Leaf.Limits(Dubtree.MAX_BLOCKS, 500, 300);

  private record Item(
      long start, long blocks, int size, int chunk, long offset, int epoch, long counter) {}

  private static List<Item> items(Random random) {
    List<Item> items = new ArrayList<>();
    long block = random.nextInt(3) == 0 ? 0 : random.nextLong(1L << 35);
    Item before = new Item(0, 0, 0, 7, 1L << 30, 3, 99);
    for (int i = 1 + random.nextInt(Leaf.MAX_ENTRIES); i > 0; i--) {
      block += random.nextInt(3) == 0 ? random.nextInt(1000) : 0;
      Item item;
      if (random.nextInt(5) == 0) {
        item = new Item(block, 1 + random.nextInt(100_000), 0, 0, 0, 0, 0);
      } else {
        boolean next = random.nextInt(3) > 0;
        boolean sequential = random.nextInt(3) > 0;
        item =
            new Item(
                block,
                1,
                1 + random.nextInt(4096),
                next ? before.chunk : random.nextInt(500),
                next ? before.offset + before.size : random.nextLong(1L << 36),
                sequential ? before.epoch : random.nextInt(300),
                sequential ? before.counter + 1 : random.nextLong(Long.MAX_VALUE));
        before = item;
      }
      items.add(item);
      block += item.blocks;
    }
    return items;
  }

  private static byte[] encode(Leaf.Builder builder, List<Item> items, byte[] tags) {
    builder.clear();
    for (int i = 0; i < items.size(); i++) {
      Item item = items.get(i);
      if (item.size == 0) {
        builder.addZeros(item.start, item.blocks);
      } else {
        builder.addValue(
            item.start, item.size, item.chunk, item.offset, item.epoch, item.counter, tags, 16 * i);
      }
    }
    Encoder out = new Encoder(16);
    builder.encodeTo(out);
    return out.toBytes();
  }

  private static Leaf decode(byte[] bytes) throws StorageException {
    Decoder in = new Decoder("leaf", bytes);
    assertThat(in.getByte()).isEqualTo(Leaf.TYPE);
    Leaf leaf = Leaf.decode(in, LIMITS);
    assertThat(in.remaining()).isZero();
    return leaf;
  }

  @Test
  void aLeaf_comesBack_whateverItsEntries() throws Exception {
    Leaf.Builder builder = new Leaf.Builder();
    for (long seed = 1; seed <= 300; seed++) {
      Random random = new Random(seed);
      List<Item> items = items(random);
      byte[] tags = new byte[16 * items.size()];
      random.nextBytes(tags);
      Leaf leaf = decode(encode(builder, items, tags));
      assertThat(leaf.count()).as("seed %d", seed).isEqualTo(items.size());
      for (int i = 0; i < items.size(); i++) {
        Item item = items.get(i);
        String what = "seed " + seed + " entry " + i;
        assertThat(leaf.start(i)).as(what).isEqualTo(item.start);
        assertThat(leaf.end(i)).as(what).isEqualTo(item.start + item.blocks);
        assertThat(leaf.isZero(i)).as(what).isEqualTo(item.size == 0);
        assertThat(leaf.floor(item.start)).as(what).isEqualTo(i);
        assertThat(leaf.floor(item.start + item.blocks - 1)).as(what).isEqualTo(i);
        assertThat(leaf.floor(item.start - 1)).as(what).isEqualTo(i - 1);
        if (item.size > 0) {
          assertThat(
                  new Item(
                      leaf.start(i),
                      1,
                      leaf.size(i),
                      leaf.chunk(i),
                      leaf.offset(i),
                      leaf.epoch(i),
                      leaf.counter(i)))
              .as(what)
              .isEqualTo(item);
          assertThat(Arrays.copyOfRange(leaf.tags(), leaf.tagAt(i), leaf.tagAt(i) + 16))
              .as(what)
              .isEqualTo(Arrays.copyOfRange(tags, 16 * i, 16 * i + 16));
        }
      }
      assertThat(leaf.floor(Long.MAX_VALUE)).isEqualTo(items.size() - 1);
    }
  }

  @Test
  void aLeaf_findsTheEntryOfABlock_howeverUnevenlyTheyLie() throws Exception {
    long[] steps = {1, 2, 9, 1L << 12, 1L << 27};
    for (long seed = 1; seed <= 200; seed++) {
      Random random = new Random(seed);
      TreeSet<Long> blocks = new TreeSet<>();
      long block = random.nextInt(100);
      long step = 1;
      for (int i = 1 + random.nextInt(Leaf.MAX_ENTRIES); i > 0; i--) {
        blocks.add(block);
        step = random.nextInt(50) == 0 ? steps[random.nextInt(steps.length)] : step;
        block += step;
      }
      Leaf.Builder builder = new Leaf.Builder();
      blocks.forEach(at -> builder.addZeros(at, 1));
      Encoder out = new Encoder(16);
      builder.encodeTo(out);
      Leaf leaf = decode(out.toBytes());
      for (long at : blocks) {
        for (long near = at - 1; near <= at + 1; near++) {
          assertThat(leaf.floor(near))
              .as("seed %d block %d", seed, near)
              .isEqualTo(blocks.headSet(near, true).size() - 1);
        }
      }
    }
  }

  @Test
  void anInnerNode_comesBack_andFindsTheChildOfABlock() throws Exception {
    for (long seed = 1; seed <= 100; seed++) {
      Random random = new Random(seed);
      List<Inner.Child> children = children(random);
      Inner inner = decodeInner(encode(children));
      assertThat(inner.count()).as("seed %d", seed).isEqualTo(children.size());
      for (int i = 0; i < children.size(); i++) {
        Inner.Child child = children.get(i);
        assertThat(inner.first(i)).as("seed %d", seed).isEqualTo(child.first());
        assertThat(inner.child(i))
            .as("seed %d", seed)
            .usingRecursiveComparison()
            .isEqualTo(child.pointer());
        assertThat(inner.childFor(child.first())).isEqualTo(i);
        assertThat(inner.childFor(child.first() - 1)).isEqualTo(Math.max(0, i - 1));
      }
    }
  }

  private static List<Inner.Child> children(Random random) {
    List<Inner.Child> children = new ArrayList<>();
    long block = random.nextInt(1000);
    for (int i = 1 + random.nextInt(Inner.MAX_CHILDREN); i > 0; i--) {
      children.add(new Inner.Child(block, pointer(random)));
      block += 1 + random.nextInt(100_000);
    }
    return children;
  }

  private static NodePointer pointer(Random random) {
    byte[] tag = new byte[16];
    random.nextBytes(tag);
    return new NodePointer(
        random.nextLong(1L << 36),
        1 + random.nextInt(NodePointer.MAX_BYTES),
        1 + random.nextInt(NodePointer.MAX_BYTES),
        random.nextLong(Long.MAX_VALUE),
        tag);
  }

  private static byte[] encode(List<Inner.Child> children) {
    Encoder out = new Encoder(16);
    Inner.encode(children, out);
    return out.toBytes();
  }

  private static Inner decodeInner(byte[] bytes) throws StorageException {
    Decoder in = new Decoder("inner", bytes);
    assertThat(in.getByte()).isEqualTo(Inner.TYPE);
    return Inner.decode(in);
  }

  @Test
  void anInnerNodeOutOfOrder_isDamage() {
    NodePointer pointer = pointer(new Random(1));
    for (long second : new long[] {50, 49, -5}) {
      byte[] bytes =
          encode(List.of(new Inner.Child(50, pointer), new Inner.Child(second, pointer)));
      assertThatThrownBy(() -> decodeInner(bytes))
          .as("%d after 50", second)
          .isInstanceOfSatisfying(
              StorageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.DAMAGED));
    }
  }

  private static Descriptor descriptor(Random random) {
    List<Descriptor.EpochRef> epochs = new ArrayList<>();
    for (int i = random.nextInt(5); i > 0; i--) {
      byte[] salt = new byte[32];
      random.nextBytes(salt);
      epochs.add(new Descriptor.EpochRef(DataKey.random().id(), salt));
    }
    List<Descriptor.ChunkRef> chunks = new ArrayList<>();
    for (int i = random.nextInt(50); i > 0; i--) {
      ChunkId id =
          new ChunkId(random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong());
      int bytes = random.nextInt(1 << 22);
      chunks.add(new Descriptor.ChunkRef(id, bytes, random.nextInt(1 + bytes)));
    }
    int height = random.nextInt(4);
    long blocks = 1 + random.nextLong(Dubtree.MAX_BLOCKS - 1);
    long values = random.nextLong(blocks);
    return new Descriptor(
        blocks,
        values,
        random.nextLong(1 + values),
        random.nextLong(1 + blocks - values),
        height,
        height == 0 ? List.of() : List.of(pointer(random)),
        random.nextBoolean() ? List.of() : List.of(pointer(random)),
        epochs,
        chunks);
  }

  private static byte[] encode(Descriptor descriptor) {
    Encoder out = new Encoder(16);
    descriptor.encodeTo(out);
    return out.toBytes();
  }

  @Test
  void aDescriptor_comesBack() throws Exception {
    for (long seed = 1; seed <= 100; seed++) {
      Descriptor written = descriptor(new Random(seed));
      Decoder in = new Decoder("descriptor", encode(written));
      assertThat(Descriptor.decode(in))
          .as("seed %d", seed)
          .usingRecursiveComparison()
          .isEqualTo(written);
      assertThat(in.remaining()).isZero();
    }
  }

  /** What decodes is used, too: positions must lie in order and end. */
  @Test
  void mutatedAndMadeUpNodes_areDamageOrNodes_andNothingElse() {
    Leaf.Builder builder = new Leaf.Builder();
    for (long seed = 1; seed <= 5_000; seed++) {
      Random random = new Random(seed);
      byte[] bytes =
          switch (random.nextInt(4)) {
            case 0 -> encode(builder, items(random), new byte[16 * Leaf.MAX_ENTRIES]);
            case 1 -> encode(children(random));
            case 2 -> encode(descriptor(random));
            default -> noise(random);
          };
      for (int i = random.nextInt(4); i >= 0; i--) {
        bytes[random.nextInt(Math.min(bytes.length, 80))] = (byte) random.nextInt();
      }
      int length = random.nextBoolean() ? bytes.length : 1 + random.nextInt(bytes.length);
      try {
        if (bytes[0] == Descriptor.TYPE) {
          Descriptor.decode(new Decoder("node", bytes, 0, length));
        } else {
          decodeAny(new Decoder("node", bytes, 0, length));
        }
      } catch (StorageException e) {
        assertThat(e.kind()).as("seed %d", seed).isEqualTo(Kind.DAMAGED);
      } catch (RuntimeException | Error e) {
        throw new AssertionError("seed " + seed, e);
      }
    }
  }

  private static byte[] noise(Random random) {
    byte[] bytes = new byte[1 + random.nextInt(500)];
    random.nextBytes(bytes);
    bytes[0] = (byte) random.nextInt(5);
    return bytes;
  }

  private static void decodeAny(Decoder in) throws StorageException {
    switch (in.getByte()) {
      case Inner.TYPE -> {
        Inner inner = Inner.decode(in);
        for (int i = 1; i < inner.count(); i++) {
          assertThat(inner.first(i)).isGreaterThan(inner.first(i - 1));
        }
      }
      case Leaf.TYPE -> {
        Leaf leaf = Leaf.decode(in, LIMITS);
        for (int i = 0; i < leaf.count(); i++) {
          assertThat(leaf.start(i)).isGreaterThanOrEqualTo(i == 0 ? 0 : leaf.end(i - 1));
          assertThat(leaf.end(i)).isGreaterThan(leaf.start(i)).isLessThanOrEqualTo(1L << 36);
        }
      }
      default -> throw in.damaged("is of no known kind");
    }
  }
}
