package io.bailey.bench;

import io.bailey.volume.BlockDevice;
import java.io.IOException;
import java.lang.foreign.MemorySegment;

/** A volume of the engine, asked in this process, one request at a time. */
final class EngineDisk implements Disk {
  private final BlockDevice device;
  private final byte[] buffer = new byte[Workload.MAX_BLOCKS * Pattern.BLOCK_BYTES];

  EngineDisk(BlockDevice device) {
    this.device = device;
  }

  @Override
  public void write(long offset, byte[] bytes, int length) throws IOException {
    if (!device.tryWrite(offset, MemorySegment.ofArray(bytes), 0, length)) {
      device.write(offset, bytes, 0, length);
    }
  }

  @Override
  public void read(long offset, int length, Receiver receiver) throws IOException {
    device.read(offset, buffer, 0, length);
    receiver.received(offset, buffer, 0, length);
  }

  @Override
  public void drain() {}

  @Override
  public void flush() throws IOException {
    device.flush();
  }

  @Override
  public void close() {}
}
