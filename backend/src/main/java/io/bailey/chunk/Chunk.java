package io.bailey.chunk;

import io.bailey.io.HostFile;
import io.bailey.io.StorageException;
import io.bailey.io.StorageException.Kind;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import org.jspecify.annotations.Nullable;

/**
 * One immutable file of the store, open or not. It is shared by every run that refers to it and
 * counted by {@link ChunkStore}; the file goes when the last of them does. Thread-safe.
 */
public final class Chunk {
  private final ChunkStore store;
  private final ChunkKind kind;
  private final ChunkId id;
  private final long size;
  private final long serial;
  private final References references = new References();
  private volatile @Nullable HostFile file;
  private volatile boolean synced;
  private volatile boolean named;
  private volatile @Nullable StorageException syncFailure;

  Chunk(ChunkStore store, ChunkKind kind, ChunkId id, long size, long serial) {
    this.store = store;
    this.kind = kind;
    this.id = id;
    this.size = size;
    this.serial = serial;
  }

  ChunkKind kind() {
    return kind;
  }

  public ChunkId id() {
    return id;
  }

  /** Bytes of the file. */
  public long size() {
    return size;
  }

  /** A number that no other chunk of this process has: the block cache's key. */
  public long serial() {
    return serial;
  }

  /** Runs that refer to it, counted under the store's lock. */
  public References references() {
    return references;
  }

  /** Fills {@code length} bytes of {@code dst} with the file's bytes as they are. */
  public void read(long offset, byte[] dst, int dstOffset, int length) throws IOException {
    checkRange(offset, length);
    for (int attempt = 0; ; attempt++) {
      try {
        opened().read(offset, dst, dstOffset, length);
        return;
      } catch (ClosedChannelException e) {
        // The store closed it to stay under its limit of open files.
        if (attempt == 100) {
          throw new StorageException(Kind.IO, "can't keep " + store.path(id) + " open", e);
        }
      }
    }
  }

  /** Like {@link #read}, if that needn't wait for a disk; false, with nothing read, else. */
  public boolean tryRead(long offset, byte[] dst, int dstOffset, int length) throws IOException {
    checkRange(offset, length);
    HostFile open = file;
    try {
      return open != null && open.tryRead(offset, dst, dstOffset, length);
    } catch (ClosedChannelException e) {
      // The store closed it to stay under its limit of open files.
      return false;
    }
  }

  private void checkRange(long offset, int length) throws StorageException {
    if (offset < 0 || length > size - offset) {
      throw new StorageException(
          Kind.DAMAGED,
          store.path(id) + ": " + length + " bytes asked for at " + offset + " of " + size);
    }
  }

  /** Opens the file that has the name now, apart from the one that reads use; to be closed. */
  public HostFile openAgain() throws IOException {
    return store.openFile(this);
  }

  private HostFile opened() throws IOException {
    HostFile open = file;
    return open != null ? open : store.open(this);
  }

  /** Makes the file's content and name survive power loss; the directory is synced apart. */
  void sync() throws IOException {
    StorageException failed = syncFailure;
    if (failed != null) {
      throw failed;
    }
    for (int attempt = 0; !synced; attempt++) {
      HostFile open = opened();
      try {
        open.sync();
        synced = true;
      } catch (StorageException e) {
        // The store closed it in between: no failure of the disk.
        if (!(e.getCause() instanceof ClosedChannelException) || attempt == 100) {
          syncFailed(e);
          throw e;
        }
      }
    }
  }

  /** A sync of its content or name failed: a second one would say nothing of what that lost. */
  void syncFailed(StorageException e) {
    if (!named) {
      syncFailure = e;
    }
  }

  /** The directory was synced, and has its name. */
  void named() {
    named = true;
  }

  @Nullable HostFile file() {
    return file;
  }

  void file(@Nullable HostFile opened) {
    file = opened;
  }

  @Override
  public String toString() {
    return store.path(id).toString();
  }
}
