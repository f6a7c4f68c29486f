package io.bailey;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Holds what the VM manager and the command see of the backend, and of each other. */
@AnalyzeClasses(packages = "io.bailey", importOptions = ImportOption.DoNotIncludeTests.class)
final class VmArchitectureTest {
  @ArchTest
  static final ArchRule THEY_SEE_NO_MORE_OF_THE_BACKEND_THAN_ITS_TOP =
      noClasses()
          .that()
          .resideInAnyPackage("io.bailey.cli", "io.bailey.vm")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "io.bailey.nbd",
              "io.bailey.remote",
              "io.bailey.mindcastle",
              "io.bailey.dubtree",
              "io.bailey.journal",
              "io.bailey.chunk");

  @ArchTest
  static final ArchRule VMS_REACH_STORAGE_THROUGH_THE_DAEMONS_SERVICE =
      noClasses()
          .that()
          .resideInAPackage("io.bailey.vm")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.bailey.cli", "io.bailey.crypto")
          .orShould()
          .dependOnClassesThat()
          .haveNameMatching("io\\.bailey\\.volume\\.(Store|Volume|Image)");

  /** They start in 0.2 s. */
  @ArchTest
  static final ArchRule COMMANDS_KNOW_NEITHER_VERTX_NOR_NETTY =
      noClasses()
          .that()
          .resideInAPackage("io.bailey.cli")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.vertx..", "io.netty..");
}
