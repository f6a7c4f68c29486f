package io.bailey.bench;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What came of one load of a fleet.
 *
 * @param withoutLimit why the disk wasn't held to its limits; empty if it was
 */
record FleetRow(
    String title,
    int volumes,
    int seconds,
    FleetLoad.Result result,
    LimitedDisk.Counts disk,
    String withoutLimit) {

  Map<String, @Nullable Object> json() {
    Map<String, @Nullable Object> row = new LinkedHashMap<>();
    row.put("title", title);
    row.put("volumes", volumes);
    row.put("seconds", seconds);
    row.put("writesPerSecond", result.writesPerSecond());
    row.put("flushes", result.flushes());
    row.put("flushMillisP50", result.flushMillis(50));
    row.put("flushMillisP99", result.flushMillis(99));
    row.put("flushMillisMax", result.flushMillis(100));
    row.put("diskReads", disk.reads());
    row.put("diskReadBytes", disk.readBytes());
    row.put("diskWrites", disk.writes());
    row.put("diskWrittenBytes", disk.writtenBytes());
    row.put("diskFlushes", disk.flushes());
    row.put("withoutLimit", withoutLimit);
    row.put("writesBySecond", Arrays.stream(result.writes()).boxed().toList());
    row.put(
        "flushMillisP99BySecond", Arrays.stream(result.flushMillisBySecond(99)).boxed().toList());
    return row;
  }
}
