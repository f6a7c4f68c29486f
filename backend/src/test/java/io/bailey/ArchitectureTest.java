package io.bailey;

import static com.tngtech.archunit.core.domain.JavaAccess.Predicates.target;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.name;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.Architectures;

/** Holds the arrows between packages that ARCHITECTURE.md draws. */
@AnalyzeClasses(packages = "io.bailey", importOptions = ImportOption.DoNotIncludeTests.class)
final class ArchitectureTest {
  @ArchTest
  static final ArchRule ARROWS_RUN_ONE_WAY =
      Architectures.layeredArchitecture()
          .consideringOnlyDependenciesInLayers()
          .layer("daemon")
          .definedBy("io.bailey.daemon..")
          .layer("nbd")
          .definedBy("io.bailey.nbd..")
          .layer("remote")
          .definedBy("io.bailey.remote..")
          .layer("mindcastle")
          .definedBy("io.bailey.mindcastle..")
          .layer("volume")
          .definedBy("io.bailey.volume..")
          .layer("dubtree")
          .definedBy("io.bailey.dubtree..")
          .layer("journal")
          .definedBy("io.bailey.journal..")
          .layer("chunk")
          .definedBy("io.bailey.chunk..")
          .layer("crypto")
          .definedBy("io.bailey.crypto..")
          .layer("io")
          .definedBy("io.bailey.io..")
          .whereLayer("daemon")
          .mayNotBeAccessedByAnyLayer()
          .whereLayer("nbd")
          .mayOnlyBeAccessedByLayers("daemon")
          .whereLayer("remote")
          .mayOnlyBeAccessedByLayers("daemon")
          .whereLayer("mindcastle")
          .mayOnlyBeAccessedByLayers("daemon")
          .whereLayer("volume")
          .mayOnlyBeAccessedByLayers("daemon", "nbd", "remote", "mindcastle")
          .whereLayer("dubtree")
          .mayOnlyBeAccessedByLayers("volume")
          .whereLayer("journal")
          .mayOnlyBeAccessedByLayers("volume")
          .whereLayer("chunk")
          .mayOnlyBeAccessedByLayers("volume", "dubtree")
          .whereLayer("crypto")
          .mayOnlyBeAccessedByLayers("volume", "dubtree", "journal");

  @ArchTest
  static final ArchRule PACKAGES_HAVE_NO_CYCLES =
      slices().matching("io.bailey.(*)..").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule THE_ENGINE_KNOWS_NEITHER_VERTX_NOR_NETTY =
      noClasses()
          .that()
          .resideInAnyPackage(
              "io.bailey.io..",
              "io.bailey.crypto..",
              "io.bailey.chunk..",
              "io.bailey.dubtree..",
              "io.bailey.journal..",
              "io.bailey.volume..",
              "io.bailey.mindcastle..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.vertx..", "io.netty..", "io.micrometer..");

  /** So that a test can stand in for the disk: see {@link io.bailey.io.HostFiles}. */
  @ArchTest
  static final ArchRule THE_ENGINE_REACHES_THE_DISK_THROUGH_ONE_SEAM =
      noClasses()
          .that()
          .resideInAnyPackage(
              "io.bailey.crypto..",
              "io.bailey.chunk..",
              "io.bailey.dubtree..",
              "io.bailey.journal..")
          .and()
          // Memory, like the write buffers: no disk.
          .doNotHaveFullyQualifiedName("io.bailey.journal.KeptIndexes")
          .should()
          .dependOnClassesThat()
          .haveFullyQualifiedName("java.nio.file.Files")
          .orShould()
          .dependOnClassesThat()
          .haveFullyQualifiedName("java.nio.channels.FileChannel");

  /**
   * Virtual threads that leave {@code Object.wait} can hang in JDK 25, all of them: JDK-8369019.
   */
  @ArchTest
  static final ArchRule NOBODY_WAITS_ON_A_MONITOR =
      noClasses().should().callMethodWhere(target(name("wait")));
}
