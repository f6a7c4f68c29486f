import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFile.ClassHierarchyResolverOption;
import java.lang.classfile.ClassFile.StackMapsOption;
import java.lang.classfile.ClassFileVersion;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeTransform;
import java.lang.constant.ClassDesc;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Enumeration;
import java.util.Map;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.regex.Pattern;

/**
 * Makes a distribution's libraries ready to start: {@code java TuneLibraries.java DIST}.
 *
 * <p>Class files older than Java 6 get a newer version and the stack maps that it wants. The AOT
 * cache refuses old ones, and loading, verifying and linking picocli's is a third of what a command
 * takes to start.
 *
 * <p>Manifests keep what the JVM and libraries read; signatures, which nothing here checks, go. A
 * start parses the manifest of each library, and that of a signed one has a line for each class.
 *
 * <p>Native libraries for this machine go to {@code native/}. A library that has to unpack its own
 * does so into the temporary directory at each start, and leaves the file there when it is killed.
 */
final class TuneLibraries {
  // Bodies are rebuilt, unchanged, since only what is rebuilt gets stack maps.
  private static final ClassTransform RENEWAL =
      ClassTransform.transformingMethodBodies(CodeTransform.ACCEPT_ALL)
          .andThen(
              (builder, element) ->
                  builder.with(
                      element instanceof ClassFileVersion
                          ? ClassFileVersion.of(ClassFile.JAVA_8_VERSION, 0)
                          : element));

  private static final Pattern KEPT =
      Pattern.compile(
          "Manifest-Version|Main-Class|Class-Path|Multi-Release|Enable-Native-Access"
              + "|(Implementation|Specification)-(Title|Version|Vendor)");

  private TuneLibraries() {}

  public static void main(String[] arguments) throws IOException {
    Path distribution = Path.of(arguments[0]);
    Path natives = Files.createDirectories(distribution.resolve("native"));
    try (DirectoryStream<Path> jars =
        Files.newDirectoryStream(distribution.resolve("lib"), "*.jar")) {
      for (Path jar : jars) {
        extractNatives(jar, natives);
        if (hasOldClasses(jar)) {
          renewClasses(jar);
        }
        shortenManifest(jar);
      }
    }
  }

  private static void extractNatives(Path jar, Path natives) throws IOException {
    // As lz4-java and Netty name a machine.
    String lz4 = "net/jpountz/util/linux/" + System.getProperty("os.arch") + "/";
    String netty = "META-INF/native/";
    try (JarFile in = new JarFile(jar.toFile())) {
      for (JarEntry entry : in.stream().toList()) {
        String name = entry.getName();
        if (name.endsWith(".so") && (name.startsWith(lz4) || name.startsWith(netty))) {
          try (InputStream content = in.getInputStream(entry)) {
            Files.copy(content, natives.resolve(name.substring(name.lastIndexOf('/') + 1)));
          }
        }
      }
    }
  }

  private static void shortenManifest(Path jar) throws IOException {
    try (FileSystem content = FileSystems.newFileSystem(jar)) {
      Path meta = content.getPath("META-INF");
      Path file = meta.resolve("MANIFEST.MF");
      Manifest old = new Manifest();
      if (Files.exists(file)) {
        try (InputStream in = Files.newInputStream(file)) {
          old.read(in);
        }
      }
      Manifest kept = new Manifest();
      for (Map.Entry<Object, Object> attribute : old.getMainAttributes().entrySet()) {
        if (KEPT.matcher(attribute.getKey().toString()).matches()) {
          kept.getMainAttributes().put(attribute.getKey(), attribute.getValue());
        }
      }
      if (kept.equals(old)) {
        return;
      }
      try (OutputStream out = Files.newOutputStream(file)) {
        kept.write(out);
      }
      try (DirectoryStream<Path> signatures =
          Files.newDirectoryStream(meta, "*.{SF,RSA,DSA,EC}")) {
        for (Path signature : signatures) {
          Files.delete(signature);
        }
      }
    }
  }

  private static boolean isOld(byte[] classFile) {
    int major = (classFile[6] & 0xff) << 8 | classFile[7] & 0xff;
    return major < ClassFile.JAVA_6_VERSION;
  }

  private static boolean hasOldClasses(Path jar) throws IOException {
    try (JarFile in = new JarFile(jar.toFile())) {
      for (Enumeration<JarEntry> entries = in.entries(); entries.hasMoreElements(); ) {
        JarEntry entry = entries.nextElement();
        if (entry.getName().endsWith(".class")) {
          try (InputStream content = in.getInputStream(entry)) {
            if (isOld(content.readNBytes(8))) {
              return true;
            }
          }
        }
      }
    }
    return false;
  }

  private static void renewClasses(Path jar) throws IOException {
    Path fresh = jar.resolveSibling(jar.getFileName() + ".new");
    try (JarFile in = new JarFile(jar.toFile());
        OutputStream file = Files.newOutputStream(fresh);
        JarOutputStream out = new JarOutputStream(file)) {
      ClassFile classes =
          ClassFile.of(
              StackMapsOption.GENERATE_STACK_MAPS,
              ClassHierarchyResolverOption.of(
                  ClassHierarchyResolver.ofResourceParsing(type -> content(in, type))
                      .orElse(ClassHierarchyResolver.defaultResolver())
                      .cached()));
      for (JarEntry entry : in.stream().toList()) {
        byte[] bytes = in.getInputStream(entry).readAllBytes();
        if (entry.getName().endsWith(".class") && isOld(bytes)) {
          ClassModel old = classes.parse(bytes);
          bytes = classes.transformClass(old, RENEWAL);
        }
        JarEntry copy = new JarEntry(entry.getName());
        copy.setTimeLocal(entry.getTimeLocal());
        out.putNextEntry(copy);
        out.write(bytes);
      }
    }
    Files.move(fresh, jar, StandardCopyOption.REPLACE_EXISTING);
  }

  private static InputStream content(JarFile jar, ClassDesc type) {
    String descriptor = type.descriptorString();
    JarEntry entry =
        jar.getJarEntry(descriptor.substring(1, descriptor.length() - 1) + ".class");
    try {
      return entry == null ? null : jar.getInputStream(entry);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
