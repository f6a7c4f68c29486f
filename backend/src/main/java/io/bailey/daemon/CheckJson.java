package io.bailey.daemon;

import io.bailey.volume.CheckReport;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.Locale;

/** What a check found, in the words of the control API. */
final class CheckJson {
  private CheckJson() {}

  static JsonObject of(CheckReport report) {
    return new JsonObject()
        .put("whole", report.whole())
        .put("checked", ApiJson.list(report.checked(), CheckJson::of))
        .put("damage", ApiJson.list(report.damage(), CheckJson::of))
        .put("moreDamage", report.moreDamage())
        .put("files", report.files())
        .put("bytes", report.bytes())
        .put("journalRecords", report.journalRecords())
        .put("garbage", new JsonArray(report.garbage()));
  }

  private static JsonObject of(CheckReport.Checked checked) {
    return new JsonObject()
        .put("type", word(checked.kind()))
        .put("name", checked.name())
        .put("size", checked.size())
        .put("whole", checked.whole());
  }

  private static JsonObject of(CheckReport.Damage damage) {
    return new JsonObject()
        .put("file", damage.file())
        .put("offset", damage.offset() < 0 ? null : damage.offset())
        .put("what", damage.what())
        .put("places", damage.places())
        .put("hits", ApiJson.list(damage.hits(), CheckJson::of))
        .put("repaired", damage.repaired())
        .put("repairFailure", damage.repairFailure().orElse(null));
  }

  private static JsonObject of(CheckReport.Hit hit) {
    return new JsonObject()
        .put("type", word(hit.kind()))
        .put("name", hit.name())
        .put("ranges", ApiJson.list(hit.ranges(), CheckJson::of));
  }

  private static JsonObject of(CheckReport.Range range) {
    return new JsonObject().put("from", range.from()).put("to", range.to());
  }

  private static String word(CheckReport.Kind kind) {
    return kind.name().toLowerCase(Locale.ROOT);
  }
}
