package org.rafclip.spark;

import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.concat;
import static org.apache.spark.sql.functions.concat_ws;
import static org.apache.spark.sql.functions.count;
import static org.apache.spark.sql.functions.floor;
import static org.apache.spark.sql.functions.lit;
import static org.apache.spark.sql.functions.min;
import static org.apache.spark.sql.functions.not;
import static org.apache.spark.sql.functions.octet_length;
import static org.apache.spark.sql.functions.substring;
import static org.apache.spark.sql.functions.trim;
import static org.apache.spark.sql.functions.when;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.StructType;

/**
 * What is to be embedded: {@code [id, file, x1, y1, x2, y2, bytes]}, without a box the corners are null, and without a column of
 * photos the bytes.
 *
 * @param rows those of all photos
 * @param withBytes whether the table holds the photos themselves, which are then not moved between machines
 * @param base the address from which files are named that are no addresses; null where the program finds them
 */
record Wanted(Dataset<Row> rows, boolean withBytes, String base) {

    private static final StructType LISTED = new StructType()
            .add("id", DataTypes.StringType)
            .add("file", DataTypes.StringType)
            .add("x1", DataTypes.IntegerType)
            .add("y1", DataTypes.IntegerType)
            .add("x2", DataTypes.IntegerType)
            .add("y2", DataTypes.IntegerType);

    private static final List<String> BOX = List.of("x", "y", "width", "height");
    private static final List<String> CORNERS = List.of("x1", "y1", "x2", "y2");

    /** Of a box's place and size. */
    private static final double MOST_PIXELS = (1 << 24) - 1;

    /** Bytes of an id. */
    private static final int LONGEST = 4096;

    private static final int SHOWN = 60;

    /** What Spark calls a line of a JSON table that is none. */
    private static final String BROKEN = "_corrupt_record";

    /** What Hadoop takes for a pattern, or stumbles over where it looks for one. */
    private static final Pattern PATTERN = Pattern.compile("[\\[\\]{}*?\\\\:]");

    private static final String KINDS = "tables are named after what they hold: .csv, .tsv, .jsonl, .parquet";

    private static final Column NO_BYTES =
            lit(null).cast(DataTypes.BinaryType).as("bytes");

    /** A list of the program's, or a table or folder of photos that Spark reads where it lies. */
    static Wanted read(SparkSession spark, Map<String, String> settings) {
        String table = settings.get("table");
        if (table == null) {
            return listed(spark, settings.get("list"), null);
        }
        try {
            Path path = new Path(table);
            FileSystem files = path.getFileSystem(spark.sparkContext().hadoopConfiguration());
            if (!files.exists(path)) {
                throw wrong(table, "there is no such table or folder");
            }
            boolean folder = files.getFileStatus(path).isDirectory();
            if (!folder && path.getName().matches("[_.].*")) {
                throw wrong(table, "Spark passes over files whose names begin with _ or . such as this; name it without");
            }
            if (folder && !holdsTable(files, path)) {
                Path list = new Path(settings.get("list"));
                list(
                        files,
                        path,
                        List.of(settings.get("endings").split(" ")),
                        list.getFileSystem(spark.sparkContext().hadoopConfiguration()),
                        list);
                return listed(spark, list.toString(), table);
            }
            Dataset<Row> rows = open(spark, table);
            boolean embedded = Set.of(rows.columns()).containsAll(List.of(EmbedJob.EMBEDDED.fieldNames()));
            return of(table, embedded ? EmbedJob.standing(rows) : rows, settings);
        } catch (Exception e) {
            // Spark throws checked exceptions that it does not declare.
            if (e instanceof RuntimeException told && Words.complains(e)) {
                throw told;
            }
            throw new IllegalArgumentException(
                    Program.COMPLAINT + table + ": "
                            + (Words.unread(e) == null ? Storage.fault(e) : "is no Parquet, or damaged; " + KINDS),
                    e);
        }
    }

    private static Wanted listed(SparkSession spark, String list, String base) {
        return new Wanted(reader(spark).schema(LISTED).json(list).withColumn("bytes", NO_BYTES), false, base);
    }

    /** Of places as they are written: Spark itself takes brackets and stars for patterns. */
    static DataFrameReader reader(SparkSession spark) {
        return spark.read().option("__globPaths__", false);
    }

    private static boolean holdsTable(FileSystem files, Path folder) throws IOException {
        return Arrays.stream(files.listStatus(folder))
                .anyMatch(file -> file.getPath().getName().endsWith(".parquet"));
    }

    /**
     * Photos below a folder, by their names from there, as the program itself lists a folder.
     *
     * @param endings of photos' names
     */
    private static void list(FileSystem files, Path folder, List<String> endings, FileSystem listFiles, Path list)
            throws IOException {
        ObjectMapper json = new ObjectMapper();
        String place = files.getFileStatus(folder).getPath().toUri().getPath();
        int root = place.endsWith("/") ? place.length() : place.length() + 1;
        long count = 0;
        try (Writer writer = new OutputStreamWriter(listFiles.create(list, true), StandardCharsets.UTF_8)) {
            RemoteIterator<LocatedFileStatus> found = files.listFiles(folder, true);
            while (found.hasNext()) {
                Path file = found.next().getPath();
                if (isPhoto(file.getName(), endings)) {
                    String name = file.toUri().getPath().substring(root);
                    writer.write(json.writeValueAsString(Map.of("id", name, "file", name)) + "\n");
                    count++;
                }
            }
        }
        if (count == 0) {
            throw new IllegalArgumentException(Program.COMPLAINT + folder + ": holds no table (.parquet) and no photo ("
                    + String.join(", ", endings) + "), nor do the folders in it");
        }
    }

    private static boolean isPhoto(String name, List<String> endings) {
        int dot = name.lastIndexOf('.');
        return dot > 0 && endings.contains(name.substring(dot + 1).toLowerCase(Locale.ROOT));
    }

    private static Dataset<Row> open(SparkSession spark, String table) {
        String name = table.toLowerCase(Locale.ROOT);
        if (name.endsWith(".csv") || name.endsWith(".tsv")) {
            if (PATTERN.matcher(new Path(table).toUri().getPath()).find()) {
                throw wrong(table, "Spark reads no .csv or .tsv with one of []{}*?\\: in its address; name it without");
            }
            return reader(spark)
                    .option("header", true)
                    .option("sep", name.endsWith(".tsv") ? "\t" : ",")
                    .option("multiLine", true)
                    .option("escape", "\"")
                    .csv(table);
        }
        return name.endsWith(".jsonl") || name.endsWith(".json")
                ? reader(spark).json(table)
                : reader(spark).parquet(table);
    }

    private static Wanted of(String table, Dataset<Row> read, Map<String, String> settings) {
        if (read.columns().length == 0) {
            throw wrong(table, "is empty");
        }
        Column image = column(table, read, settings, "image");
        Column id = column(table, read, settings, "id");
        if (image == null) {
            throw wrong(
                    table,
                    "has no column 'image', but " + String.join(", ", read.columns())
                            + "; name the one with addresses or photos: --column image=COLUMN");
        }
        DataType holds = read.select(image).schema().apply(0).dataType();
        boolean bytes = holds.equals(DataTypes.BinaryType);
        if (holds instanceof ArrayType || holds instanceof StructType || holds instanceof MapType) {
            throw wrong(table, "holds " + holds.simpleString() + " as images; write an address, or a photo's bytes");
        }
        if (bytes && id == null) {
            throw wrong(
                    table,
                    "has no column 'id', by which photos in a column are known; name it: --column id=COLUMN");
        }
        List<Column> columns = new ArrayList<>();
        Column file = bytes ? id : image;
        columns.add((id == null ? file : coalesce(id.cast("string"), file.cast("string"))).as("id"));
        columns.add(file.cast("string").as("file"));
        Column fault = lit(null).cast(DataTypes.StringType);
        Column[] box = BOX.stream().map(name -> column(table, read, settings, name)).toArray(Column[]::new);
        if (box[0] == null && box[1] == null) {
            CORNERS.forEach(corner -> columns.add(lit(null).cast(DataTypes.IntegerType).as(corner)));
        } else if (Arrays.asList(box).contains(null)) {
            throw wrong(table, "has not all columns of a box's x, y, width, height; give all four, or none");
        } else {
            fault = corners(box, columns);
        }
        columns.add(bytes ? image.as("bytes") : NO_BYTES);
        Column broken = Arrays.asList(read.columns()).contains(BROKEN)
                ? col(BROKEN)
                : lit(null).cast(DataTypes.StringType);
        require(table, read.select(columns.get(0), columns.get(1), fault.as("fault"), broken.as("broken")));
        Path folder = new Path(table).getParent();
        return new Wanted(
                read.select(columns.toArray(Column[]::new)), bytes, folder == null ? table : folder.toString());
    }

    /**
     * Adds the corners of boxes, both inside as everywhere in the program; where all four numbers are blank, a garment has none.
     *
     * @return how a box is written that is none, null of all others
     */
    private static Column corners(Column[] box, List<Column> columns) {
        Column blank = lit(true);
        Column good = lit(true);
        Column[] numbers = new Column[box.length];
        for (int i = 0; i < box.length; i++) {
            Column text = trim(box[i].cast("string"));
            Column number = text.cast("double");
            blank = blank.and(coalesce(text.equalTo(""), lit(true)));
            numbers[i] = floor(number.plus(0.5));
            good = good.and(number.gt(-MOST_PIXELS)).and(number.lt(MOST_PIXELS));
            good = i < 2 ? good : good.and(numbers[i].geq(1));
            box[i] = coalesce(text, lit(""));
        }
        for (int corner = 0; corner < box.length; corner++) {
            Column place = corner < 2 ? numbers[corner] : numbers[corner - 2].plus(numbers[corner]).minus(1);
            columns.add(place.cast("int").as(CORNERS.get(corner)));
        }
        return when(not(blank).and(not(coalesce(good, lit(false)))), concat_ws(",", box));
    }

    /** @param rows of {@code id, file, fault, broken}: how a wrong box is written, and a line that is no row */
    private static void require(String table, Dataset<Row> rows) {
        Column id = col("id");
        Column text = concat_ws(" ", id, col("file"));
        Row first = rows.agg(
                        min(col("broken")),
                        count(when(id.isNull(), 1)),
                        min(when(text.contains("\uFFFD"), text)),
                        min(when(text.rlike("\\p{Cntrl}"), id)),
                        min(when(id.rlike("^(\\.\\.?|upload:.*)$").or(octet_length(id).gt(LONGEST)), substring(id, 1, 40))),
                        min(when(col("fault").isNotNull(), concat(id, lit("' the box "), col("fault")))))
                .head();
        if (first.get(0) != null) {
            throw wrong(table, "has lines that are no JSON object, such as " + shown(first.getString(0)) + "; mend them");
        } else if (first.getLong(1) > 0) {
            throw wrong(table, "has " + first.getLong(1) + " rows without an id or image; leave them out");
        } else if (first.get(2) != null) {
            throw wrong(table, "is not UTF-8 text: " + shown(first.getString(2)) + "; save it as UTF-8");
        } else if (first.get(3) != null) {
            throw wrong(
                    table,
                    "has a line break or the like in the row of " + shown(first.getString(3))
                            + "; close its quote, or write it without");
        } else if (first.get(4) != null) {
            throw wrong(
                    table,
                    "has the id " + shown(first.getString(4)) + ", which a search cannot name; give it another, of "
                            + LONGEST + " bytes at most");
        } else if (first.get(5) != null) {
            throw wrong(
                    table,
                    "has of '" + first.getString(5)
                            + "; write x, y, width and height in pixels, the latter 1 or more, or none of the four");
        }
        List<Row> twice = rows.groupBy("id").count().filter(col("count").gt(1)).limit(1).collectAsList();
        if (!twice.isEmpty()) {
            throw wrong(
                    table,
                    "has the id '" + twice.get(0).getString(0)
                            + "' more than once; give each row its own, in a column 'id'");
        }
    }

    private static String shown(String text) {
        String line = text.replaceAll("\\p{Cntrl}+", " ").strip();
        return "'" + (line.length() > SHOWN ? line.substring(0, SHOWN) + "…" : line) + "'";
    }

    private static IllegalArgumentException wrong(String table, String what) {
        return new IllegalArgumentException(Program.COMPLAINT + table + ": " + what);
    }

    /** Null where there is none, and none was named. */
    private static Column column(String table, Dataset<Row> read, Map<String, String> settings, String meaning) {
        String named = settings.get("column." + meaning);
        String wanted = named == null ? meaning : named;
        Optional<String> found = Arrays.stream(read.columns())
                .filter(name -> name.equalsIgnoreCase(wanted))
                .findFirst();
        if (named != null && found.isEmpty()) {
            throw wrong(table, "has no column '" + named + "', but " + String.join(", ", read.columns()));
        }
        return found.map(name -> col("`" + name.replace("`", "``") + "`")).orElse(null);
    }
}
