package org.rafclip.data.table;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.fashioniq.CaptionForm;
import org.rafclip.data.fashioniq.QuerySet;
import org.rafclip.data.fashioniq.Triplet;

class TripletTableTest {

    @TempDir
    private Path dir;

    private TripletTable open(String name, String text) throws IOException {
        return TripletTable.open(Files.writeString(dir.resolve(name), text));
    }

    @Test
    void aRowIsATripletATargetAndAQueryWithAllOfThem() throws IOException {
        TripletTable table = open("t.csv", "reference,text,target\na,\"is red; and short\",b;c\nb,is blue,d\n");

        assertThat(table.triplets(Set.of("a", "b", "c")))
                .containsExactly(
                        new Triplet("photo", "a", Optional.of("b"), List.of("is red; and short"), 0, 2),
                        new Triplet("photo", "a", Optional.of("c"), List.of("is red; and short"), 0, 2));
        QuerySet queries = table.queries(List.of("c", "b", "a"), CaptionForm.JOINED);
        assertThat(queries.queries()).hasSize(1);
        assertThat(queries.queries().get(0).right()).containsExactly(0, 1);
        assertThat(queries.queries().get(0).text()).isEqualTo("Is red; and short");
        assertThat(queries.referenceIndex(0)).isEqualTo(2);
        assertThat(queries.dropped()).isEqualTo(1);
    }

    @Test
    void twoTextsAreAnArray() throws IOException {
        TripletTable table =
                open("t.jsonl", "{\"reference\": \"a\", \"text\": [\"is red\", \"is short\"], \"target\": [\"b\"]}\n");

        assertThat(table.queries(List.of("a", "b"), CaptionForm.SINGLE).queries())
                .hasSize(2);
    }

    @Test
    void faultsAreOneLine() {
        assertThatThrownBy(() -> open("a.csv", "ref,text,target\na,b,c\n"))
                .hasMessageContaining("a.csv:1: has no column 'reference'");
        assertThatThrownBy(() -> open("b.csv", "reference,text,target\na,,c\n"))
                .hasMessageContaining("b.csv:2: column 'text' is blank");
        assertThatThrownBy(() -> open("c.csv", "reference,text,target\na,is red,a\n"))
                .hasMessageContaining("c.csv:2: column 'target' is the reference");
        assertThatThrownBy(() ->
                        open("d.csv", "reference,text,target\na,is red,b\n").triplets(Set.of("x")))
                .hasMessageContaining("none of its 1 triplets has reference and target among the 1 photos");
        assertThatThrownBy(() -> open("e.csv", "reference,text,target\na,is red,b\nb,is red,c;d\n")
                        .requireKnown(Set.of("a", "b", "c")))
                .hasMessageContaining("e.csv:3: there is no photo 'd' among the 3 that are listed");
    }

    @Test
    void whatIsMissingIsATriplet() throws IOException {
        assertThatThrownBy(() -> open("a.csv", ""))
                .hasMessageEndingWith(
                        "write a line of column names, reference, target and text, and a row a triplet" + " below it");
        assertThatThrownBy(() -> open("b.csv", "reference,text,target\n"))
                .hasMessageEndingWith("b.csv: has no rows; write one a triplet");
        assertThatThrownBy(() -> open("c.jsonl", "[1]\n"))
                .hasMessageEndingWith("such as {\"reference\": \"1\"," + " \"text\": \"is red\", \"target\": \"2\"}");
        assertThatThrownBy(() -> TripletTable.open(dir.resolve("none.csv")))
                .hasMessageContaining("none.csv: there is no such table of triplets");
        assertThatThrownBy(() -> TripletTable.open(Files.createDirectory(dir.resolve("d.csv"))))
                .hasMessageContaining("d.csv: is a folder");
    }
}
