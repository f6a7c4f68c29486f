package io.bailey.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bailey.io.StorageException.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

/** What {@link Encoder} writes, {@link Decoder} reads; what was cut off or made up, it refuses. */
final class RecordFieldsTest {
  @FunctionalInterface
  private interface Field {
    Object read(Decoder in) throws StorageException;
  }

  private final Encoder out = new Encoder(0);
  private final List<Field> fields = new ArrayList<>();
  private final List<Object> values = new ArrayList<>();

  @RepeatedTest(20)
  void fieldsComeBack_andEveryTruncationIsDamage(RepetitionInfo repetition) throws Exception {
    long seed = repetition.getCurrentRepetition();
    Random random = new Random(seed);
    for (int i = random.nextInt(40); i >= 0; i--) {
      addField(random);
    }
    byte[] bytes = out.toBytes();
    assertThat(readAll(new Decoder("record", bytes))).as("seed %d", seed).isEqualTo(values);
    for (int length = 0; length < bytes.length; length++) {
      Decoder cut = new Decoder("record 7", bytes, 0, length);
      assertThatThrownBy(() -> readAll(cut))
          .as("seed %d, cut to %d", seed, length)
          .isInstanceOfSatisfying(
              StorageException.class, e -> assertThat(e.kind()).isEqualTo(Kind.DAMAGED))
          .hasMessageContaining("record 7");
    }
  }

  private List<Object> readAll(Decoder in) throws StorageException {
    List<Object> read = new ArrayList<>();
    for (Field field : fields) {
      read.add(field.read(in));
    }
    assertThat(in.remaining()).isZero();
    return read;
  }

  private void addField(Random random) {
    switch (random.nextInt(6)) {
      case 0 -> {
        int value = random.nextInt(256);
        out.putByte(value);
        add(value, Decoder::getByte);
      }
      case 1 -> {
        int value = random.nextInt();
        out.putInt(value);
        add(value, Decoder::getInt);
      }
      case 2 -> {
        long value = random.nextLong();
        out.putLong(value);
        add(value, Decoder::getLong);
      }
      case 3 -> {
        long value = random.nextLong() >>> random.nextInt(64);
        out.putVar(value);
        add(value, Decoder::getVar);
      }
      case 4 -> {
        String text = "ü".repeat(random.nextInt(50));
        out.putString(text);
        add(text, in -> in.getString(100));
      }
      default -> {
        byte[] bytes = new byte[random.nextInt(30)];
        random.nextBytes(bytes);
        int at = out.skip(bytes.length);
        System.arraycopy(bytes, 0, out.array(), at, bytes.length);
        add(
            List.of(new String(bytes, java.nio.charset.StandardCharsets.ISO_8859_1)),
            in ->
                List.of(
                    new String(
                        in.getBytes(bytes.length), java.nio.charset.StandardCharsets.ISO_8859_1)));
      }
    }
  }

  private void add(Object value, Field field) {
    values.add(value);
    fields.add(field);
  }

  @Test
  void randomBytes_areReadOrDamaged_andNothingElse() {
    for (long seed = 0; seed < 2000; seed++) {
      Random random = new Random(seed);
      byte[] bytes = new byte[random.nextInt(64)];
      random.nextBytes(bytes);
      Decoder in = new Decoder("noise", bytes);
      try {
        while (true) {
          switch (random.nextInt(6)) {
            case 0 -> in.getByte();
            case 1 -> in.getInt();
            case 2 -> in.getLong();
            case 3 -> assertThat(in.getVarInt(3, 900)).isBetween(3, 900);
            case 4 -> assertThat(in.getString(1 << 20).length()).isLessThan(64);
            default -> in.getBytes(random.nextInt());
          }
        }
      } catch (StorageException e) {
        assertThat(e.kind()).as("seed %d", seed).isEqualTo(Kind.DAMAGED);
      }
    }
  }

  @Test
  void anIntegerOfOver64Bits_isDamage() {
    byte[] endless = new byte[20];
    java.util.Arrays.fill(endless, (byte) 0xFF);
    assertThatThrownBy(() -> new Decoder("record", endless).getVar())
        .hasMessageContaining("64 bits");
  }
}
