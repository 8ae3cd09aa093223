package org.rafclip.spark;

import static org.apache.spark.sql.functions.coalesce;
import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.lit;

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
import java.util.Set;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
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
                throw new IllegalArgumentException(Program.COMPLAINT + table + ": there is no such table or folder");
            }
            if (files.getFileStatus(path).isDirectory() && !holdsTable(files, path)) {
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
            throw new IllegalArgumentException(Program.COMPLAINT + table + ": " + Storage.fault(e), e);
        }
    }

    private static Wanted listed(SparkSession spark, String list, String base) {
        return new Wanted(spark.read().schema(LISTED).json(list).withColumn("bytes", NO_BYTES), false, base);
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
            return spark.read()
                    .option("header", true)
                    .option("sep", name.endsWith(".tsv") ? "\t" : ",")
                    .option("multiLine", true)
                    .option("escape", "\"")
                    .csv(table);
        }
        return name.endsWith(".jsonl") || name.endsWith(".json")
                ? spark.read().json(table)
                : spark.read().parquet(table);
    }

    private static Wanted of(String table, Dataset<Row> read, Map<String, String> settings) {
        String image = column(read, settings, "image");
        String id = column(read, settings, "id");
        if (image == null) {
            throw new IllegalArgumentException(Program.COMPLAINT + table + ": has no column '"
                    + settings.getOrDefault("column.image", "image") + "', but " + String.join(", ", read.columns())
                    + "; name the one with addresses or photos: --column image=COLUMN");
        }
        boolean bytes = read.schema().apply(image).dataType().equals(DataTypes.BinaryType);
        if (bytes && id == null) {
            throw new IllegalArgumentException(Program.COMPLAINT + table
                    + ": has no column 'id', by which photos in a column are known; name it: --column id=COLUMN");
        }
        List<Column> columns = new ArrayList<>();
        Column file = bytes ? col(id) : col(image);
        columns.add((id == null ? file : coalesce(col(id).cast("string"), file.cast("string"))).as("id"));
        columns.add(file.cast("string").as("file"));
        String[] box = {
            column(read, settings, "x"),
            column(read, settings, "y"),
            column(read, settings, "width"),
            column(read, settings, "height")
        };
        boolean boxed = Arrays.stream(box).allMatch(name -> name != null);
        for (int corner = 0; corner < 4; corner++) {
            Column value = !boxed
                    ? lit(null)
                    : corner < 2 ? col(box[corner]) : col(box[corner - 2]).cast("int").plus(col(box[corner]).cast("int"));
            columns.add(value.cast("int").as((corner % 2 == 0 ? "x" : "y") + (corner / 2 + 1)));
        }
        columns.add(bytes ? col(image).as("bytes") : NO_BYTES);
        Dataset<Row> rows = read.select(columns.toArray(Column[]::new));
        long nameless = rows.filter(col("id").isNull()).count();
        if (nameless > 0) {
            throw new IllegalArgumentException(
                    Program.COMPLAINT + table + ": has " + nameless + " rows without an id or image; leave them out");
        }
        List<Row> twice = rows.groupBy("id").count().filter(col("count").gt(1)).limit(1).collectAsList();
        if (!twice.isEmpty()) {
            throw new IllegalArgumentException(Program.COMPLAINT + table + ": has the id '"
                    + twice.get(0).getString(0) + "' more than once; give each row its own, in a column 'id'");
        }
        Path folder = new Path(table).getParent();
        return new Wanted(rows, bytes, folder == null ? table : folder.toString());
    }

    private static String column(Dataset<Row> read, Map<String, String> settings, String meaning) {
        String wanted = settings.getOrDefault("column." + meaning, meaning);
        return Arrays.stream(read.columns())
                .filter(name -> name.equalsIgnoreCase(wanted))
                .findFirst()
                .orElse(null);
    }
}
