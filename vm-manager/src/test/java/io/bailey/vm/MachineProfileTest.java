package io.bailey.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.Test;

class MachineProfileTest {
  private static final MachineProfile PLAIN =
      new MachineProfile(
          "plain",
          "[name]\n  guest = \"${name}\"\n[machine]\n  append = \"${cmdline}\"\n",
          "# a comment\n\n-nodefaults\n-pidfile ${path}\n",
          "quiet vm=${name}");

  @Test
  void valuesAreFilledInWhereTheirNamesStand() throws IOException {
    Map<String, String> values = Map.of("name", "web-1", "path", "/run dir/p$1\\q");
    assertThat(PLAIN.config(values))
        .isEqualTo("[name]\n  guest = \"web-1\"\n[machine]\n  append = \"quiet vm=web-1\"\n");
    assertThat(PLAIN.arguments(values))
        .containsExactly("-nodefaults", "-pidfile", "/run dir/p$1\\q");
  }

  @Test
  void aValueCantLeaveItsPlace() {
    for (String bad : new String[] {"a\"\n[device]", "a\nb", "a\0b"}) {
      assertThatThrownBy(() -> PLAIN.config(Map.of("name", bad)))
          .hasMessageContaining("${name} holds a quote or a control character");
    }
    assertThat("${other}")
        .satisfies(v -> assertThat(PLAIN.config(Map.of("name", v))).contains("guest = \"${other}"));
  }

  @Test
  void aLineThatQemuWouldCutIsRefused() throws IOException {
    int fixed = "  append = \"quiet vm=\"".length();
    String longest = "x".repeat(1022 - fixed);
    assertThat(PLAIN.config(Map.of("name", longest))).contains(longest);
    assertThatThrownBy(() -> PLAIN.config(Map.of("name", longest + "x")))
        .hasMessageContaining("1023 bytes")
        .hasMessageContaining("shorter");
  }

  @Test
  void aPlaceWithoutAValueIsAnError() {
    assertThatThrownBy(() -> PLAIN.arguments(Map.of("name", "a")))
        .hasMessageContaining("no value is known for ${path}");
  }

  @Test
  void bothMachinesHaveAllTheirFiles() throws IOException {
    QemuConfigs configs = TestGuest.configs();
    assertThat(configs.machines()).containsExactly("microvm", "q35");
    for (String name : configs.machines()) {
      MachineProfile machine = configs.machine(name);
      assertThat(machine.config()).contains("reconnect-delay = \"30\"").contains("[sandbox]");
      assertThat(machine.profile()).contains("-pidfile ${pidFile}");
      assertThat(machine.cmdline()).doesNotContain("\n").contains("tsc_early_khz=${tscKhz}");
    }
    assertThatThrownBy(() -> configs.machine("../x")).hasMessageContaining("no machine '../x'");
  }
}
