package io.bailey.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Reads a disk in as an image. */
@Command(
    name = "import",
    description = {
      "Import a raw disk image, or a disk that Mindcastle wrote; holes and zeros take no room.",
      "Nothing half made remains when it fails or is interrupted."
    })
final class ImportCommand extends ClientCommand {
  @Parameters(
      index = "0",
      paramLabel = "SRC",
      description = "A raw disk image, a block device, or the .swap file of a Mindcastle disk.")
  private Path source = Path.of("");

  @Parameters(
      index = "1",
      paramLabel = "NAME[:TAG]",
      description = "The image's name; the tag is 'latest' where none is given.")
  private String name = "";

  @Option(names = "--json", description = "Print the image as a JSON object.")
  private boolean json;

  @Override
  void run(DaemonClient daemon) throws IOException {
    Path file = source.toAbsolutePath().normalize();
    if (Files.isDirectory(file)) {
      throw new IOException(file + " is a directory; import takes a raw disk image");
    }
    if (!Files.exists(file)) {
      throw new IOException("there is no file " + file);
    }
    JsonObject image;
    try (ImportProgress progress = ImportProgress.after(1000, name)) {
      image = daemon.importImage(name, file, progress);
    }
    if (json) {
      out().println(Json.line(image.fields()));
    } else {
      out()
          .println(
              image.string("name")
                  + "  "
                  + ByteSize.format(image.number("size"))
                  + ", "
                  + ByteSize.format(image.number("storedBytes"))
                  + " stored, root "
                  + image.string("root"));
    }
  }
}
