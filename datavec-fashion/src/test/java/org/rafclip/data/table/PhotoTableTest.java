package org.rafclip.data.table;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import blue.strategic.parquet.ParquetWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;
import org.apache.parquet.schema.Types;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rafclip.data.DataException;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.image.Box;
import org.rafclip.data.text.FashionColor;

class PhotoTableTest {

    private static final String HEAD = "image,x,y,width,height,category,neck,caption,caption2,split,id\n";

    @TempDir
    private Path dir;

    private Path write(String name, String text) throws IOException {
        return Files.writeString(dir.resolve(name), text);
    }

    private PhotoTable open(String name, String text, String... groups) throws IOException {
        return PhotoTable.open(write(name, text), new TableSettings(null, List.of(groups), Map.of()));
    }

    @Test
    void aRowIsAGarment() throws IOException {
        PhotoTable table = open(
                "photos.csv",
                "\uFEFF" + HEAD
                        + "a/1.jpg,10,20,30,40,T_Shirt,round neck;v,\"a shirt; with \"\"dots\"\", short\",second,train,one\n"
                        + "2.jpg,,,,,,,,,val,two\n\n"
                        + "2.jpg,0.4,1.6,5,5,Dress,v,,,train,\n",
                "neck");

        assertThat(table.splits()).containsExactly("train", "val");
        FashionSplit train = table.split("train");
        assertThat(train.imageRoot()).isEqualTo(dir.toAbsolutePath());
        assertThat(train.taxonomy().groups()).hasSize(1);
        assertThat(train.taxonomy().group(0).attributes()).containsExactly("round neck", "v");
        FashionItem first = train.items().get(0);
        assertThat(first)
                .isEqualTo(new FashionItem(
                        "one",
                        "a/1.jpg",
                        new Box(10, 20, 39, 59),
                        Optional.of("T Shirt"),
                        List.of(0),
                        List.of(),
                        2,
                        List.of("a shirt; with \"dots\", short", "second"),
                        Map.of(0, List.of(1)),
                        Optional.empty()));
        assertThat(train.items().get(1).box()).isEqualTo(new Box(0, 2, 4, 6));
        assertThat(train.items().get(1).line()).isEqualTo(5);
        FashionItem plain = table.split("val").items().get(0);
        assertThat(plain.box()).isEqualTo(Box.WHOLE);
        assertThat(plain.attributes()).containsExactly(FashionItem.MISSING);
        assertThat(table.split("val").unlabeled()).containsExactly(1);
    }

    @Test
    void formsOfOneTableAreReadAlike() throws IOException {
        String head = "image,neck,fit,caption\n";
        String body = "1.jpg,v,tight,one\n2.jpg,round;v,,\"two, three\"\n3.jpg,,loose,\n4.jpg,v,loose,x\n";
        List<FashionItem> csv = open("a.csv", head + body).split("train").items();

        assertThat(csv).hasSize(4);
        assertThat(open(
                                "b.tsv",
                                (head + body)
                                        .replace("two, three", "@")
                                        .replace(',', '\t')
                                        .replace("\"@\"", "two, three"))
                        .split("train")
                        .items())
                .isEqualTo(csv);
        assertThat(open(
                                "c.csv",
                                (head + body)
                                        .replace("two, three", "@")
                                        .replace(';', '|')
                                        .replace(',', ';')
                                        .replace("@", "two, three"))
                        .split("train")
                        .items())
                .isEqualTo(csv);
        List<FashionItem> json = open("d.jsonl", """
                        {"image": "1.jpg", "neck": "v", "fit": "tight", "caption": "one"}
                        {"image": "2.jpg", "neck": ["round", "v"], "fit": null, "caption": ["two, three"]}
                        {"fit": "loose", "image": "3.jpg"}
                        {"image": "4.jpg", "neck": "v", "fit": "loose", "caption": "x"}
                        """).split("train").items();
        assertThat(json.stream().map(FashionItem::attributes))
                .isEqualTo(csv.stream().map(FashionItem::attributes).toList());
        assertThat(json.stream().map(FashionItem::further))
                .isEqualTo(csv.stream().map(FashionItem::further).toList());
        assertThat(json.stream().map(FashionItem::captions))
                .isEqualTo(csv.stream().map(FashionItem::captions).toList());
    }

    @Test
    void parquetIsReadLikeCsv() throws IOException {
        String csv =
                "image,x,y,width,height,fit,caption\n1.jpg,1,2,3,4,slim,one; two\n2.jpg,,,,,wide,\n3.jpg,,,,,slim,x\n"
                        + "4.jpg,,,,,wide;slim,\n";
        List<String> names = List.of("image", "x", "y", "width", "height", "fit", "caption");
        Type[] fields = names.stream()
                .map(name -> name.length() == 1 || name.endsWith("th") || name.endsWith("ght")
                        ? Types.optional(PrimitiveTypeName.DOUBLE).named(name)
                        : Types.optional(PrimitiveTypeName.BINARY)
                                .as(LogicalTypeAnnotation.stringType())
                                .named(name))
                .toArray(Type[]::new);
        Path file = dir.resolve("photos.parquet");
        try (ParquetWriter<String[]> writer =
                ParquetWriter.writeFile(new MessageType("photos", fields), file.toFile(), (row, values) -> {
                    for (int i = 0; i < row.length; i++) {
                        boolean number = fields[i].asPrimitiveType().getPrimitiveTypeName() == PrimitiveTypeName.DOUBLE;
                        if (!row[i].isEmpty()) {
                            values.write(names.get(i), number ? (Object) Double.valueOf(row[i]) : row[i]);
                        } else if (number && row[0].equals("3.jpg")) {
                            // What pandas writes for a missing number.
                            values.write(names.get(i), Double.NaN);
                        }
                    }
                })) {
            for (String line : csv.lines().skip(1).toList()) {
                writer.write(line.split(",", -1));
            }
        }

        List<FashionItem> parquet =
                PhotoTable.open(file, TableSettings.DEFAULT).split("train").items();
        assertThat(parquet.stream().map(item -> item.toString().replaceAll("line=\\d+", "")))
                .isEqualTo(open("photos.csv", csv).split("train").items().stream()
                        .map(item -> item.toString().replaceAll("line=\\d+", ""))
                        .toList());
        assertThat(parquet.get(3).line()).isEqualTo(4);
        Files.writeString(file, "PAR1 no more");
        assertThatThrownBy(() -> PhotoTable.open(file, TableSettings.DEFAULT))
                .isInstanceOf(DataException.class)
                .hasMessageContaining("photos.parquet: is no Parquet file, or a damaged one");
        assertThatThrownBy(() -> PhotoTable.open(dir.resolve("none.parquet"), TableSettings.DEFAULT))
                .hasMessageContaining("none.parquet: there is no such table");
    }

    @Test
    void arraysKeepSeparatorsAndCaptionsApart() throws IOException {
        FashionItem item = open("a.jsonl", """
                        {"image": "1.jpg", "neck": ["a;b"], "captions": ["one; two", "three"]}
                        {"image": "2.jpg", "neck": ["c"]}
                        """, "neck").split("train").items().get(0);

        assertThat(item.captions()).containsExactly("one; two", "three");
        assertThat(item.attributes()).containsExactly(0);
        assertThat(item.further()).isEmpty();
    }

    @Test
    void columnsWithFewValuesAreGroups() throws IOException {
        StringBuilder text = new StringBuilder("image,fit,kids,price,sku,brand,stars,width,mood\n");
        for (int i = 0; i < 40; i++) {
            text.append("%d.jpg,%s,%s,%d.99,S%d,Acme,%d,100,%s%n"
                    .formatted(
                            i,
                            i % 2 == 0 ? "slim_fit" : "wide",
                            i % 3 == 0 ? "True" : "False",
                            i,
                            i,
                            i % 5,
                            i < 2 ? "" : i % 4 == 0 ? "Calm" : i % 4 == 1 ? "calm" : "wild"));
        }
        PhotoTable table = open("photos.csv", text.toString());

        assertThat(table.taxonomy().groups().stream().map(group -> group.name() + group.attributes()))
                .containsExactly("fit[slim_fit, wide]", "kids[not kids, kids]", "mood[Calm, calm, wild]");
        assertThat(table.columns().stream()
                        .map(use -> use.name() + ": " + use.role().word() + " " + use.note()))
                .containsExactly(
                        "image: image ",
                        "fit: attribute group ",
                        "kids: attribute group ",
                        "price: not taken a value of its own in every row",
                        "sku: not taken a value of its own in every row",
                        "brand: not taken one value only",
                        "stars: not taken numbers",
                        "width: not taken no box without x and y",
                        "mood: attribute group different values that are spelled alike: Calm and calm");
        assertThat(open("again.csv", text.toString(), "stars")
                        .taxonomy()
                        .group(0)
                        .attributes())
                .containsExactly("0", "1", "2", "3", "4");
    }

    @Test
    void theCategoryIsTheGroupWhereThereIsNoOther() throws IOException {
        Path file = write("photos.csv", "file,label\n1.jpg,Hat\n2.jpg,Hat\n3.jpg,Shoe\n4.jpg,Shoe\n");
        PhotoTable table =
                PhotoTable.open(file, new TableSettings(null, List.of(), Map.of("image", "file", "category", "label")));

        assertThat(table.taxonomy().group(0).name()).isEqualTo("label");
        assertThat(table.split("train").items().get(0).category()).contains("Hat");
    }

    @Test
    void pathsAreRelativeToTheImagesOrAbsolute() throws IOException {
        Path images = Files.createDirectories(dir.resolve("pictures"));
        Files.write(images.resolve("one.png"), new byte[1]);
        String rows = "image,fit\none,slim\nsub/2.jpg,wide\n3.jpg,slim\n4.jpg,wide\n";
        TableSettings settings = new TableSettings(images, List.of(), Map.of());

        FashionSplit split = PhotoTable.open(write("a.csv", rows), settings).split("train");
        assertThat(split.imageRoot()).isEqualTo(images);
        assertThat(split.items().stream().map(FashionItem::image))
                .containsExactly("one.png", "sub/2.jpg", "3.jpg", "4.jpg");
        assertThat(split.items().get(0).id()).isEqualTo("one");

        FashionSplit mixed = PhotoTable.open(write("b.csv", rows + "/else/where/5.jpg,wide\n"), settings)
                .split("train");
        assertThat(mixed.imageRoot().resolve(mixed.items().get(4).image())).isEqualTo(Path.of("/else/where/5.jpg"));
        assertThat(mixed.imageRoot().resolve(mixed.items().get(0).image()))
                .isEqualTo(images.toAbsolutePath().resolve("one.png"));
    }

    @Test
    void withoutSplitsEveryRowIsOfTheSplitAskedFor() throws IOException {
        PhotoTable table = open("a.csv", "image,fit\n1.jpg,a\n1.jpg,b\n3.jpg,a\n4.jpg,b\n");

        assertThat(table.splits()).containsExactly("train");
        assertThat(table.split("any").items().stream().map(FashionItem::id))
                .containsExactly("1.jpg", "1.jpg#2", "3.jpg", "4.jpg");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '!',
            quoteCharacter = '`',
            value = {
                "`img,fit\\n1.jpg,a\\n` ! `:1: has no column 'image', only img, fit; rename 'img', or say data.columns: {image: img}`",
                "`image,fit\\n` ! `: has no rows; write one a garment`",
                "`image,fit\\n1.jpg\\n` ! `:2: has 1 cells, the line of column names has 2`",
                "`` ! `: is empty; write a line of column names`",
                "`image,fit\\n1.jpg,a\\n2.jpg\\n` ! `:3: has 1 cells, the line of column names has 2`",
                "`image,fit\\n1.jpg,a\\n2.jpg,b,c\\n` ! `:3: has 3 cells, the line of column names has 2`",
                "`image,fit\\n,a\\n2.jpg,b\\n3.jpg,a\\n4.jpg,a\\n` ! `:2: column 'image' is blank`",
                "`image,fit\\n../1.jpg,a\\n2.jpg,b\\n3.jpg,a\\n4.jpg,a\\n` ! `:2: column 'image' '../1.jpg' leads out of`",
                "`image,fit,id\\n1.jpg,a,x\\n2.jpg,b,x\\n3.jpg,a,y\\n4.jpg,b,z\\n` ! `:3: column 'id' 'x' is the id of an earlier row`",
                "`image,fit,split\\n1.jpg,a,train\\n2.jpg,b,\\n3.jpg,a,val\\n4.jpg,b,val\\n` ! `:3: column 'split' is blank`",
                "`image,fit,x,y\\n1.jpg,a,1,2\\n` ! `:1: has columns x, y of a box's x, y, width, height; give all four`",
                "`image,fit,x,y,width,height\\n1.jpg,a,1,2,3,four\\n2.jpg,b,,,,\\n3.jpg,a,,,,\\n4.jpg,b,,,,\\n` ! `:2: column 'height' 'four' is not a number`",
                "`image,fit,x,y,width,height\\n1.jpg,a,1,2,3,0\\n2.jpg,b,,,,\\n3.jpg,a,,,,\\n4.jpg,b,,,,\\n` ! `:2: column 'height' 0 leaves the box without a pixel`",
                "`image,fit,x,y,width,height\\n1.jpg,a,1,2,,4\\n2.jpg,b,,,,\\n3.jpg,a,,,,\\n4.jpg,b,,,,\\n` ! `:2: column 'width' is blank, but the box's other columns are not`",
                "`image,fit,x,y,width,height\\n1.jpg,a,1e9,2,3,4\\n2.jpg,b,,,,\\n3.jpg,a,,,,\\n4.jpg,b,,,,\\n` ! `:2: column 'x' 1e9 is no number of pixels`",
                "`image,fit\\n0.jpg,a\\n1.jpg,\"a\\n2.jpg,b\\n3.jpg,c\\n` ! `:3: a quote opens a cell here that is closed nowhere; close it`",
                "`image,fit\\n\"0\\n0.jpg\",\"a\\n1.jpg,b\\n2.jpg,\"b\"\\n` ! `:3: a quote opens a cell here that goes on to line 5; close it`",
                "`image,fit\\n1.jpg,\"a\" b\\n` ! `:2: Unexpected character`",
                "`image,sku\\n1.jpg,a\\n2.jpg,b\\n3.jpg,c\\n` ! `: no column looks like an attribute: sku (a value of its own in every row); name those that are one as data.groups`",
                "`image,fit,fit\\n1.jpg,a,a\\n` ! `:1: has two columns 'fit'`"
            })
    void faultsAreOneLine(String text, String message) throws IOException {
        assertThatThrownBy(() -> open("photos.csv", text.replace("\\n", "\n")))
                .isInstanceOf(DataException.class)
                .hasMessageStartingWith(dir.resolve("photos.csv").toString())
                .hasMessageContaining(message)
                .hasMessageNotContaining("\n");
    }

    @Test
    void aFolderNamedLikeATableIsAFolder() throws IOException {
        for (String name : List.of("x.csv", "x.jsonl", "x.parquet")) {
            Path folder = Files.createDirectory(dir.resolve(name));
            assertThat(PhotoTable.isTable(folder)).isTrue();
            assertThatThrownBy(() -> PhotoTable.open(folder, TableSettings.DEFAULT))
                    .hasMessage(folder + ": is a folder, where a file is meant: name the file in it");
        }
        assertThat(PhotoTable.isTable(Files.createDirectories(dir.resolve("deep.csv/Anno_fine"))
                        .getParent()))
                .as("a data folder may have any name")
                .isFalse();
    }

    @Test
    void otherFaultsOfFiles() throws IOException {
        assertThatThrownBy(() -> open("a.xlsx", "x")).hasMessageContaining("a.xlsx: is no table that is read here");
        assertThatThrownBy(() -> PhotoTable.open(dir.resolve("none.csv"), TableSettings.DEFAULT))
                .hasMessageContaining("none.csv: there is no such table");
        Path latin = Files.write(
                dir.resolve("latin.csv"), "image,fit\n1.jpg,a\n2.jpg,\u00e4\n".getBytes(StandardCharsets.ISO_8859_1));
        assertThatThrownBy(() -> PhotoTable.open(latin, TableSettings.DEFAULT))
                .hasMessageContaining("latin.csv:3: is not UTF-8 text");
        Path wide = Files.write(dir.resolve("wide.csv"), "\uFEFFimage,fit\n".getBytes(StandardCharsets.UTF_16LE));
        assertThatThrownBy(() -> PhotoTable.open(wide, TableSettings.DEFAULT)).hasMessageContaining("UTF-16");
        assertThatThrownBy(() -> open("a.jsonl", "{\"image\": \"1.jpg\"}\n{\"image\": \n"))
                .hasMessageMatching(".*a.jsonl:[23]: .*; write one JSON object a line");
        assertThatThrownBy(() -> open("b.jsonl", "{\"image\": \"1.jpg\", \"fit\": {\"a\": 1}}\n"))
                .hasMessageContaining("b.jsonl:1: column 'fit' holds an object");
        assertThatThrownBy(() -> open("c.jsonl", "[1]\n")).hasMessageContaining("c.jsonl:1: is no object");
        assertThatThrownBy(() -> open("d.csv", "image,fit\n1.jpg,a\n", "cut"))
                .hasMessageContaining("d.csv:1: has no column 'cut', which data.groups names; it has image, fit");
        PhotoTable table = open("e.csv", "image,fit,split\n1.jpg,a,train\n2.jpg,b,val\n3.jpg,a,val\n4.jpg,b,val\n");
        assertThatThrownBy(() -> table.split("test"))
                .hasMessageContaining("no row's split is 'test'; there are train (1 rows), val (3 rows)");
    }

    @Test
    void goesOnBehindBadRows() throws IOException {
        List<DataException> problems = new ArrayList<>();
        PhotoTable table = PhotoTable.open(
                write("a.csv", "image,fit\n1.jpg,a\n2.jpg\n,b\n4.jpg,b\n5.jpg,a\n"),
                TableSettings.DEFAULT,
                problems::add);

        assertThat(problems).hasSize(2);
        assertThat(table.split("train").items()).hasSize(3);
    }

    @Test
    void aColorIsWhatTheWordsNameOrIsLookedForInThePhoto() throws IOException {
        PhotoTable table = open(
                "colors.csv",
                "image,color,fit\n1.jpg,Navy blue,tight\n2.jpg,black/white,loose\n3.jpg,beige,tight\n4.jpg,,loose\n"
                        + "5.jpg,GREY,tight\n");
        assertThat(table.split("train").items())
                .extracting(FashionItem::color)
                .containsExactly(
                        Optional.of(FashionColor.BLUE),
                        Optional.of(FashionColor.BLACK),
                        Optional.empty(),
                        Optional.empty(),
                        Optional.of(FashionColor.GRAY));
        assertThat(table.columns().get(1).note()).contains("looked for in the photo where this is beige,");
    }

    @Test
    void captionsAloneAreATable() throws IOException {
        PhotoTable table = open("pairs.csv", "image,caption\n1.jpg,a red shirt\n2.jpg,a blue dress\n");
        assertThat(table.taxonomy().groups()).isEmpty();
        assertThat(table.split("train").items())
                .extracting(FashionItem::captions)
                .containsExactly(List.of("a red shirt"), List.of("a blue dress"));
    }

    @Test
    void oddGroupsAndCellsAreRefused() throws IOException {
        String text = "image,fit\n1.jpg,a\n2.jpg,b\n";
        assertThatThrownBy(() -> open("g1.csv", text, "fit", "fit"))
                .hasMessageContaining("'fit', which is named twice");
        assertThatThrownBy(() -> open("g2.csv", text, "image")).hasMessageContaining("the column of image");
        assertThatThrownBy(() -> open("g4.csv", "image,fit\n1.jpg,a\n2.jpg,b\0c\n"))
                .hasMessageContaining("g4.csv:3: column 'fit' holds a NUL character");
        assertThatThrownBy(() -> open("g5.jsonl", "{\"image\": \"1.jpg\", \"fit\": \"a\", \"fit\": \"b\"}\n"))
                .hasMessageContaining("g5.jsonl:1: has 'fit' twice");
        assertThatThrownBy(() -> open("g6.csv", "image,caption,fit\n1.jpg,,a\n2.jpg,,a\n"))
                .hasMessageContaining("no column looks like an attribute");
    }
}
