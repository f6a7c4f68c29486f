package io.bailey.volume;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import org.jspecify.annotations.Nullable;

/** A read that met bytes which aren't the ones that were written. */
@Name("io.bailey.Damage")
@Label("Damage")
@Description("A read met stored bytes that aren't the ones that were written")
@Category("Bailey")
final class DamageEvent extends Event {
  @Label("Volume")
  @Nullable String volume;

  @Label("First Block")
  long block;

  @Label("What")
  @Nullable String what;

  /** Records one, if a recording wants it. */
  static void commit(String volume, long block, @Nullable String what) {
    DamageEvent event = new DamageEvent();
    if (event.shouldCommit()) {
      event.volume = volume;
      event.block = block;
      event.what = what;
      event.commit();
    }
  }
}
