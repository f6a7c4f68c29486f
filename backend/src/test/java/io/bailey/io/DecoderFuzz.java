package io.bailey.io;

import io.bailey.fuzz.FuzzInput;
import io.bailey.fuzz.FuzzRule;
import java.util.Arrays;

/** The fields of records: in any order and with any limits, nothing is read past the end. */
final class DecoderFuzz {
  private DecoderFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    FuzzInput input = new FuzzInput(data);
    byte[] script = input.nextBytes(input.nextByte());
    byte[] record = input.rest();
    // Bytes before and after the record are another's.
    byte[] around = new byte[record.length + 16];
    Arrays.fill(around, (byte) 0x55);
    System.arraycopy(record, 0, around, 8, record.length);
    FuzzRule.holds(
        (64 << 10) + 8L * data.length,
        () -> run(new FuzzInput(script), new Decoder("record", around, 8, record.length)));
    varsComeBack(record);
  }

  private static void run(FuzzInput script, Decoder in) throws StorageException {
    while (!script.isEmpty()) {
      int before = in.remaining();
      switch (script.nextByte() % 8) {
        case 0 -> in.getByte();
        case 1 -> in.getInt();
        case 2 -> in.getLong();
        case 3 -> in.getVar();
        case 4 -> {
          int min = script.nextInt();
          int max = script.nextInt();
          int value = in.getVarInt(min, max);
          FuzzRule.check(value >= min && value <= max, "within its limits");
        }
        case 5 -> in.getBytes(script.nextInt());
        case 6 -> in.getString(script.nextShort());
        default -> {
          int length = script.nextByte();
          in.getBytes(new byte[length + 1], 1, length);
        }
      }
      FuzzRule.check(in.remaining() >= 0 && in.remaining() <= before, "never past the end");
    }
  }

  private static void varsComeBack(byte[] record) {
    Decoder in = new Decoder("record", record);
    try {
      while (in.remaining() > 0) {
        long value = in.getVar();
        byte[] written = new Encoder(10).putVar(value).toBytes();
        FuzzRule.check(new Decoder("again", written).getVar() == value, "written and read again");
      }
    } catch (StorageException e) {
      FuzzRule.check(e.kind() == StorageException.Kind.DAMAGED, "damage");
    }
  }
}
