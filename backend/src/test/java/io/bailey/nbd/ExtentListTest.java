package io.bailey.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import io.bailey.volume.BlockDevice.ExtentKind;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ExtentListTest {
  @Test
  void neighboursOfAKindAreMergedAndTheLastIsCut() {
    ExtentList list = ExtentList.firstOf(100, 10);
    assertThat(list.extent(10, ExtentKind.DATA)).isTrue();
    assertThat(list.extent(20, ExtentKind.DATA)).isTrue();
    assertThat(list.extent(30, ExtentKind.HOLE)).isTrue();
    assertThat(list.extent(1000, ExtentKind.ZERO)).isFalse();
    assertThat(content(list)).containsExactly("30:0", "30:3", "40:2");
  }

  @Test
  void statusEndsAtTheMost() {
    ExtentList list = ExtentList.firstOf(100, 1);
    assertThat(list.extent(10, ExtentKind.DATA)).isTrue();
    assertThat(list.extent(10, ExtentKind.DATA)).isTrue();
    assertThat(list.extent(10, ExtentKind.HOLE)).isFalse();
    assertThat(content(list)).containsExactly("20:0");
  }

  @Test
  void readIsCoveredWithDataBehindTheMost() {
    ExtentList list = ExtentList.covering(100, 2);
    list.extent(10, ExtentKind.DATA);
    list.extent(10, ExtentKind.HOLE);
    assertThat(list.extent(10, ExtentKind.DATA)).isFalse();
    assertThat(content(list)).containsExactly("10:0", "90:0");
  }

  @Test
  void whatTheDeviceDoesNotReportIsData() {
    assertThat(content(ExtentList.firstOf(100, 5))).containsExactly("100:0");
    ExtentList list = ExtentList.covering(100, 5);
    list.extent(10, ExtentKind.HOLE);
    assertThat(content(list)).containsExactly("10:3", "90:0");
  }

  private static List<String> content(ExtentList list) {
    list.close();
    List<String> content = new ArrayList<>();
    for (int i = 0; i < list.size(); i++) {
      content.add(list.length(i) + ":" + list.state(i));
    }
    return content;
  }
}
