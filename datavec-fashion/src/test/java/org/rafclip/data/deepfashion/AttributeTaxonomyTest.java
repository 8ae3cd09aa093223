package org.rafclip.data.deepfashion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Box;

class AttributeTaxonomyTest {

    @TempDir
    Path dir;

    @Test
    void theFineAnnotationsHave26AttributesInSixGroups() {
        AttributeTaxonomy taxonomy = AttributeTaxonomy.deepFashionFine();

        assertThat(taxonomy.sizes()).containsExactly(7, 3, 3, 4, 6, 3);
        assertThat(taxonomy.attributeCount()).isEqualTo(26);
        assertThat(taxonomy.groups())
                .extracting(AttributeTaxonomy.Group::name)
                .containsExactly("texture", "sleeve length", "dress length", "neckline", "fabric", "fit");
        assertThat(taxonomy.group(2).words()).containsExactly("maxi length", "mini length", "no dress");
        assertThat(taxonomy.group(3).words(3)).isEqualTo("no neckline");
    }

    @Test
    void anItemsWordsLeaveOutWhatHasNoLabel() {
        FashionItem item = new FashionItem(
                "img/a.jpg",
                "img/a.jpg",
                new Box(0, 0, 9, 9),
                Optional.empty(),
                List.of(2, FashionItem.MISSING, 0, 3, FashionItem.MISSING, 1),
                List.of(),
                1);

        assertThat(AttributeTaxonomy.deepFashionFine().words(item))
                .containsExactly("striped", "maxi length", "no neckline", "loose");
    }

    @Test
    void readsNamesWithBlanks() throws IOException {
        Path file = dir.resolve("list_attr_cloth.txt");
        Files.write(file, List.of("2", "attribute_name  attribute_type", "a-line skirt      1", "loose  2"));

        assertThat(AttributeTaxonomy.read(file).groups())
                .extracting(AttributeTaxonomy.Group::attributes)
                .containsExactly(List.of("a-line skirt"), List.of("loose"));
    }

    @Test
    void onlyTheFineAnnotationsOwnGroupsHaveTheirNames() throws IOException {
        Path file = dir.resolve("list_attr_cloth.txt");
        Files.write(
                file,
                List.of(
                        "7",
                        "attribute_name attribute_type",
                        "shirt 1",
                        "skirt 1",
                        "conventional 2",
                        "loose 2",
                        "tight 2",
                        "floral 3",
                        "dotted 3"));

        assertThat(AttributeTaxonomy.read(file).groups())
                .extracting(AttributeTaxonomy.Group::name)
                .containsExactly("type 1", "fit", "type 3");
    }

    @Test
    void aByteOrderMarkIsNoPartOfTheNumber() throws IOException {
        Path file = dir.resolve("list_attr_cloth.txt");
        Files.writeString(file, "\ufeff1\r\nattribute_name attribute_type\r\nloose 1\r\n");

        assertThat(AttributeTaxonomy.read(file).groups().get(0).attributes()).containsExactly("loose");
    }

    @Test
    void typesOutOfOrderAndDoublesAreRefused() throws IOException {
        Path file = dir.resolve("list_attr_cloth.txt");
        Files.write(file, List.of("2", "attribute_name attribute_type", "a 1", "b 3"));
        assertThatThrownBy(() -> AttributeTaxonomy.read(file))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("list_attr_cloth.txt:4: attribute type 3 after type 1");
        Files.write(file, List.of("2", "attribute_name attribute_type", "a 1", "a 1"));
        assertThatThrownBy(() -> AttributeTaxonomy.read(file))
                .hasMessageContaining(":4: attribute 'a' is listed twice");
    }
}
